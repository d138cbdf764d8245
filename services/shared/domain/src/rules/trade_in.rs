//! What a shop gives for traded-in goods: the rule (loyalty reference §1.9). [`crate::trade_in`] applies it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RuleError;
use super::read::{self, Object, Problems, Table};
use crate::money::Currency;
use crate::validity::Validity;

/// How long a quote stands if the rule does not say, in days.
const QUOTE_VALID_DAYS: u16 = 14;
/// Longest that a quote may stand, in days.
const QUOTE_VALID_DAYS_MAX: u16 = 365;
/// What grading may take off before the member is asked if the rule does not say, in basis points.
const TOLERANCE_BPS: i32 = 500;

/// What a shop gives for traded-in goods. Read with [`TradeInRule::parse`], written by its `Serialize`. There
/// is no default: a shop without a document takes nothing in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "Document")]
pub struct TradeInRule {
    /// For each category, what of the market price is given, in basis points.
    pub categories: BTreeMap<String, i32>,
    /// For each condition, what it makes of that.
    pub conditions: BTreeMap<String, Condition>,
    /// What is given on top to those who take credit.
    pub bonus: Option<Bonus>,
    /// A quote above it, without the bonus, is for a person to decide, in minor units; `None` for never.
    pub review_above_minor: Option<i64>,
    /// How many times 24 hours a quote stands.
    pub quote_valid_days: u16,
    /// What grading may take off the whole before the member is asked, in basis points.
    pub tolerance_bps: i32,
    /// Currency of all amounts.
    pub currency: Currency,
}

/// What the condition of goods makes of their price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// This share of it is left, in basis points.
    Factor(i32),
    /// This is taken off what is given for each piece, in minor units; never more than there is.
    Deduct(i64),
}

/// What a bonus is a share of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BonusKind {
    /// Of what the goods are worth on the market in their condition: 10 % of 5000, where 2500 is given, is 500.
    OfPrice,
    /// Of what is given for them: 10 % of 2500 is 250.
    Multiplier,
}

/// What is given on top to those who take credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bonus {
    /// What it is a share of.
    pub kind: BonusKind,
    /// The share in basis points.
    pub bps: i32,
    /// How long the bonus lasts; what is paid for the goods lasts for ever.
    pub validity: Validity,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Document {
    categories: Table<i64>,
    conditions: Table<Object<ConditionDocument>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bonus: Option<Object<BonusDocument>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    review_above_minor: Option<i64>,
    #[serde(default = "quote_valid_days")]
    quote_valid_days: i64,
    #[serde(default = "tolerance_bps")]
    tolerance_bps: i64,
    currency: String,
}

fn quote_valid_days() -> i64 {
    QUOTE_VALID_DAYS.into()
}

fn tolerance_bps() -> i64 {
    TOLERANCE_BPS.into()
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ConditionDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    factor_bps: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deduct_minor: Option<i64>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BonusDocument {
    kind: BonusKind,
    bps: i64,
    validity: String,
}

impl TradeInRule {
    /// Reads a document.
    ///
    /// # Errors
    /// At least one [`RuleError`]: all that is wrong, once its shape is right.
    pub fn parse(text: &str) -> Result<Self, Vec<RuleError>> {
        let given: Document = read::shape(text)?;
        let mut problems = Problems::default();
        named("categories", &given.categories, &mut problems);
        named("conditions", &given.conditions, &mut problems);
        let mut categories = BTreeMap::new();
        for (name, bps) in given.categories.0 {
            let bps = problems.bps(&read::entry("categories", &name), bps);
            categories.insert(name, bps);
        }
        let mut conditions = BTreeMap::new();
        for (name, Object(given)) in given.conditions.0 {
            if let Some(read) = condition(&read::entry("conditions", &name), &given, &mut problems) {
                conditions.insert(name, read);
            }
        }
        let bonus = given.bonus.and_then(|Object(bonus)| {
            let bps = problems.bps("bonus.bps", bonus.bps);
            let fix = "is no validity; write it like P12M, P3M/month-end, P90D, 2027-12-31 or never";
            let validity = problems.value("bonus.validity", &bonus.validity, fix)?;
            Some(Bonus { kind: bonus.kind, bps, validity })
        });
        let review_above_minor =
            given.review_above_minor.map(|minor| problems.amount("review_above_minor", minor, 0));
        let days = given.quote_valid_days;
        let quote_valid_days = problems.count("quote_valid_days", days, 1, QUOTE_VALID_DAYS_MAX, "days");
        let tolerance_bps = problems.bps("tolerance_bps", given.tolerance_bps);
        let fix = "is no currency with minor units; give an ISO 4217 code like USD, EUR or JPY";
        let currency = problems.value("currency", &given.currency, fix);
        let Some(currency) = currency else { return Err(problems.all()) };
        problems.finish(Self {
            categories,
            conditions,
            bonus,
            review_above_minor,
            quote_valid_days,
            tolerance_bps,
            currency,
        })
    }
}

/// The names of a table: at least one, and each can be stored and read.
fn named<T>(path: &str, table: &Table<T>, problems: &mut Problems) {
    problems.entries(path, table.0.len());
    if table.0.is_empty() {
        problems.add(path, "is empty; give at least one");
    }
    for name in table.0.keys() {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+');
        if name.is_empty() || name.len() > 40 || !name.chars().all(good) {
            let fix =
                "has a name that can't be one; give 1 to 40 characters of A-Z, a-z, 0-9, '-', '_' and '+'";
            problems.add(path, fix);
        }
    }
}

fn condition(path: &str, given: &ConditionDocument, problems: &mut Problems) -> Option<Condition> {
    match (given.factor_bps, given.deduct_minor) {
        (Some(bps), None) => Some(Condition::Factor(problems.bps(&format!("{path}.factor_bps"), bps))),
        (None, Some(minor)) => {
            Some(Condition::Deduct(problems.amount(&format!("{path}.deduct_minor"), minor, 0)))
        }
        _ => {
            problems.add(path, "is nothing, or two things; give one of factor_bps and deduct_minor");
            None
        }
    }
}

impl From<TradeInRule> for Document {
    fn from(rule: TradeInRule) -> Self {
        let condition = |condition: Condition| match condition {
            Condition::Factor(bps) => ConditionDocument { factor_bps: Some(bps.into()), deduct_minor: None },
            Condition::Deduct(minor) => ConditionDocument { factor_bps: None, deduct_minor: Some(minor) },
        };
        Self {
            categories: Table(rule.categories.into_iter().map(|(name, bps)| (name, bps.into())).collect()),
            conditions: Table(
                rule.conditions.into_iter().map(|(name, read)| (name, Object(condition(read)))).collect(),
            ),
            bonus: rule.bonus.map(|bonus| {
                Object(BonusDocument {
                    kind: bonus.kind,
                    bps: bonus.bps.into(),
                    validity: bonus.validity.to_string(),
                })
            }),
            review_above_minor: rule.review_above_minor,
            quote_valid_days: rule.quote_valid_days.into(),
            tolerance_bps: rule.tolerance_bps.into(),
            currency: rule.currency.code().to_owned(),
        }
    }
}
