//! What a shop gives for some goods.

use chrono::{DateTime, TimeDelta, Utc};

use crate::cashback::BPS_MAX;
use crate::money::{AMOUNT_MINOR_MAX, Currency};
use crate::order::LINES_MAX;
use crate::rules::{BonusKind, Condition, TEXT_MAX, TradeInRule};

/// Most pieces of a line.
pub const QUANTITY_MAX: u32 = 10_000;
/// Most names that an error lists.
const KNOWN_MAX: usize = 20;

/// Goods of one kind and condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is, as the shop knows it.
    pub item: String,
    /// Its category in the rule.
    pub category: String,
    /// Its condition in the rule.
    pub condition: String,
    /// How many pieces.
    pub quantity: u32,
    /// What one piece is worth on the market as new, in minor units of the rule's currency.
    pub market_minor: i64,
}

/// A line with what is given for it, and what went into that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedLine {
    /// The goods.
    pub line: Line,
    /// What of the market price the category gave, in basis points.
    pub rate_bps: i32,
    /// What the condition made of it.
    pub condition: Condition,
    /// What is given for all pieces, in minor units: rounded down once.
    pub price_minor: i64,
    /// What all pieces are worth on the market in their condition, in minor units, rounded down: what is
    /// given, without the rate; 0 if nothing is given. A bonus of the price is a share of it.
    pub worth_minor: i64,
}

/// What is given for some goods. All of it is frozen: another version of the rule changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Currency of all amounts.
    pub currency: Currency,
    /// The goods, at least one line.
    pub lines: Vec<QuotedLine>,
    /// What is given in money, in minor units: the sum of the lines.
    pub cash_minor: i64,
    /// What is given on top to those who take credit, in minor units: a promotional lot of its own.
    pub bonus_minor: i64,
    /// A person has to decide on it.
    pub needs_review: bool,
    /// When it was made.
    pub quoted_at: DateTime<Utc>,
    /// Until before this instant it stands.
    pub valid_until: DateTime<Utc>,
}

/// Why there is no quote. Each names the field and the fix, and none repeats what was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// No goods.
    #[error("field lines is empty; give at least one line")]
    NoLines,
    /// Too many lines.
    #[error("field lines has more than {LINES_MAX} lines; make two trade-ins of them")]
    TooManyLines,
    /// No name, or a novel.
    #[error(
        "field lines[{line}].item is empty, too long or has control characters; give 1 to {TEXT_MAX} characters"
    )]
    Item {
        /// Which line, from 0.
        line: usize,
    },
    /// A category that the rule does not have.
    #[error("field lines[{line}].category is no category of the shop's; it has {known}")]
    Category {
        /// Which line, from 0.
        line: usize,
        /// The categories, the first of them if there are many.
        known: String,
    },
    /// A condition that the rule does not have.
    #[error("field lines[{line}].condition is no condition of the shop's; it has {known}")]
    Condition {
        /// Which line, from 0.
        line: usize,
        /// The conditions, the first of them if there are many.
        known: String,
    },
    /// No pieces, or too many.
    #[error("field lines[{line}].quantity is out of range; give 1 to {QUANTITY_MAX}")]
    Quantity {
        /// Which line, from 0.
        line: usize,
    },
    /// An amount below 0 or above the largest.
    #[error("field lines[{line}].market_minor is no amount; give 0 to {AMOUNT_MINOR_MAX} minor units")]
    Market {
        /// Which line, from 0.
        line: usize,
    },
    /// All together is too much.
    #[error(
        "field lines comes to more than the largest amount of {AMOUNT_MINOR_MAX} minor units; give fewer lines"
    )]
    TooMuch,
}

impl Quote {
    /// What a rule gives for some goods at an instant. A line is market price × quantity × rate × factor
    /// with one floor to minor units, or, where the condition deducts, less the deduction and at least 0.
    ///
    /// # Errors
    /// [`QuoteError`], naming the first field that is wrong.
    pub fn make(rule: &TradeInRule, lines: Vec<Line>, at: DateTime<Utc>) -> Result<Self, QuoteError> {
        if lines.is_empty() {
            return Err(QuoteError::NoLines);
        }
        if lines.len() > LINES_MAX {
            return Err(QuoteError::TooManyLines);
        }
        let lines = lines.into_iter().enumerate().map(|(n, line)| {
            let item = line.item.trim();
            if item.is_empty() || item.chars().count() > TEXT_MAX || line.item.chars().any(char::is_control) {
                return Err(QuoteError::Item { line: n });
            }
            let rate_bps = *rule
                .categories
                .get(&line.category)
                .ok_or_else(|| QuoteError::Category { line: n, known: known(rule.categories.keys()) })?;
            let condition = *rule
                .conditions
                .get(&line.condition)
                .ok_or_else(|| QuoteError::Condition { line: n, known: known(rule.conditions.keys()) })?;
            if !(1..=QUANTITY_MAX).contains(&line.quantity) {
                return Err(QuoteError::Quantity { line: n });
            }
            if !(0..=AMOUNT_MINOR_MAX).contains(&line.market_minor) {
                return Err(QuoteError::Market { line: n });
            }
            Ok(QuotedLine::new(line, rate_bps, condition))
        });
        Self::of(rule, lines.collect::<Result<_, _>>()?, at)
    }

    /// What lines come to that have their price.
    pub(super) fn of(
        rule: &TradeInRule,
        lines: Vec<QuotedLine>,
        at: DateTime<Utc>,
    ) -> Result<Self, QuoteError> {
        let sum = |of: fn(&QuotedLine) -> i64| lines.iter().map(|line| i128::from(of(line))).sum::<i128>();
        let cash = sum(|line| line.price_minor);
        let bonus = rule.bonus.map_or(0, |bonus| {
            let of = match bonus.kind {
                BonusKind::OfPrice => sum(|line| line.worth_minor),
                BonusKind::Multiplier => cash,
            };
            of * i128::from(bonus.bps) / i128::from(BPS_MAX)
        });
        if cash + bonus > i128::from(AMOUNT_MINOR_MAX) {
            return Err(QuoteError::TooMuch);
        }
        let minor = |amount: i128| i64::try_from(amount).map_err(|_too_large| QuoteError::TooMuch);
        let (cash_minor, bonus_minor) = (minor(cash)?, minor(bonus)?);
        let valid = TimeDelta::days(rule.quote_valid_days.into());
        Ok(Self {
            currency: rule.currency,
            lines,
            cash_minor,
            bonus_minor,
            needs_review: rule.review_above_minor.is_some_and(|limit| cash_minor > limit),
            quoted_at: at,
            valid_until: at.checked_add_signed(valid).unwrap_or(DateTime::<Utc>::MAX_UTC),
        })
    }

    /// What those who take credit get as paid value, in minor units: what they would get in money. The bonus
    /// comes on top.
    #[must_use]
    pub fn credit_minor(&self) -> i64 {
        self.cash_minor
    }

    /// Whether it stands at an instant.
    #[must_use]
    pub fn holds_at(&self, at: DateTime<Utc>) -> bool {
        at < self.valid_until
    }
}

impl QuotedLine {
    /// A line by the terms that are frozen on it.
    pub(super) fn new(line: Line, rate_bps: i32, condition: Condition) -> Self {
        let whole = i128::from(BPS_MAX);
        let minor = |amount: i128| i64::try_from(amount).unwrap_or(i64::MAX);
        let offered = offered(&line, line.quantity, rate_bps, condition);
        let price_minor = minor(offered / (whole * whole));
        // One way for factors and deductions, so that what gets less for its condition is worth less.
        let worth_minor = match price_minor {
            0 => 0,
            _ => minor(offered / (i128::from(rate_bps.clamp(1, BPS_MAX)) * whole)),
        };
        Self { line, rate_bps, condition, price_minor, worth_minor }
    }
}

/// What is given for some pieces of a line, exactly: in minor units times [`BPS_MAX`] twice. At the largest
/// market price and quantity it is 10^24.
pub(super) fn offered(line: &Line, quantity: u32, rate_bps: i32, condition: Condition) -> i128 {
    let whole = i128::from(BPS_MAX);
    let pieces = i128::from(quantity);
    let before = i128::from(line.market_minor.max(0)) * pieces * i128::from(rate_bps.clamp(0, BPS_MAX));
    match condition {
        Condition::Factor(bps) => before * i128::from(bps.clamp(0, BPS_MAX)),
        Condition::Deduct(minor) => {
            (before * whole - i128::from(minor.max(0)) * pieces * whole * whole).max(0)
        }
    }
}

/// The names that there are, for an error.
pub(super) fn known<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut names: Vec<&str> = names.map(String::as_str).take(KNOWN_MAX + 1).collect();
    if names.len() > KNOWN_MAX {
        names.truncate(KNOWN_MAX);
        names.push("…");
    }
    names.join(", ")
}
