//! The document of [`EnrolmentRule`].

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::RuleError;
use super::enrolment::{AllOf, EnrolmentRule, Occasion, Welcome};
use super::membership::{MONTHS_MAX, Membership, Product};
use super::read::{self, Object, Problems};

#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Document {
    enrol_on: Vec<Occasion>,
    all_of: Object<AllOfDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<String>,
    tags_place: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    welcome: Option<Object<WelcomeDocument>>,
    memberships: Vec<Object<MembershipDocument>>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct AllOfDocument {
    tags_any: Vec<String>,
    tags_none: Vec<String>,
    marketing_consent: bool,
    minimum_spend_minor: i64,
    countries: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WelcomeDocument {
    amount_minor: i64,
    validity: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct MembershipDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    product_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
    tier: String,
    months: i64,
}

impl EnrolmentRule {
    /// Reads a document.
    ///
    /// # Errors
    /// At least one [`RuleError`]: all that is wrong, once its shape is right.
    pub fn parse(text: &str) -> Result<Self, Vec<RuleError>> {
        let given: Document = read::shape(text)?;
        let mut problems = Problems::default();
        let all_of = all_of(given.all_of.0, &mut problems);
        let tier = given.tier.and_then(|tier| problems.handle("tier", &tier));
        let welcome = given.welcome.and_then(|Object(welcome)| {
            let fix = "is no validity; write it like P3M, P3M/month-end, P90D, 2027-12-31 or never";
            let amount_minor = problems.amount("welcome.amount_minor", welcome.amount_minor, 1);
            let validity = problems.value("welcome.validity", &welcome.validity, fix)?;
            Some(Welcome { amount_minor, validity })
        });
        problems.entries("memberships", given.memberships.len());
        let mut memberships: Vec<Membership> = Vec::new();
        for (i, Object(given)) in given.memberships.into_iter().enumerate().take(read::ENTRIES_MAX) {
            let path = format!("memberships[{i}]");
            if let Some(read) = membership(&path, given, &mut problems) {
                if memberships.iter().any(|other| other.product.is(&read.product)) {
                    problems.add(&path, "is of the same product as one before it; give each once");
                }
                memberships.push(read);
            }
        }
        let enrol_on = given.enrol_on.into_iter().collect();
        problems.finish(Self { enrol_on, all_of, tier, tags_place: given.tags_place, welcome, memberships })
    }
}

fn all_of(given: AllOfDocument, problems: &mut Problems) -> AllOf {
    let countries = problems.texts("all_of.countries", given.countries);
    if countries.iter().any(|country| country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()))
    {
        problems
            .add("all_of.countries", "has what is no country; give two capital letters for each, like US");
    }
    let tags_any = problems.texts("all_of.tags_any", given.tags_any);
    let tags_none = problems.texts("all_of.tags_none", given.tags_none);
    if tags_any.iter().any(|tag| tags_none.iter().any(|other| super::same_text(tag, other))) {
        problems.add("all_of.tags_none", "keeps out a tag that tags_any asks for; give it in one of them");
    }
    AllOf {
        tags_any,
        tags_none,
        marketing_consent: given.marketing_consent,
        minimum_spend_minor: problems.amount("all_of.minimum_spend_minor", given.minimum_spend_minor, 0),
        countries,
    }
}

fn membership(path: &str, given: MembershipDocument, problems: &mut Problems) -> Option<Membership> {
    let months = problems.count(&format!("{path}.months"), given.months, 1, MONTHS_MAX, "months");
    let tier = problems.handle(&format!("{path}.tier"), &given.tier);
    let product = match (given.product_id, given.variant_id, given.sku) {
        (Some(id), None, None) => Some(Product::Id(problems.text(&format!("{path}.product_id"), id))),
        (None, Some(id), None) => Some(Product::Variant(problems.text(&format!("{path}.variant_id"), id))),
        (None, None, Some(sku)) => Some(Product::Sku(problems.text(&format!("{path}.sku"), sku))),
        _ => {
            problems.add(path, "names no product, or more than one; give one of product_id, variant_id, sku");
            None
        }
    };
    Some(Membership { product: product?, tier: tier?, months })
}

fn list(texts: BTreeSet<String>) -> Vec<String> {
    texts.into_iter().collect()
}

impl From<EnrolmentRule> for Document {
    fn from(rule: EnrolmentRule) -> Self {
        let sold = |membership: Membership| {
            let (mut product_id, mut variant_id, mut sku) = (None, None, None);
            match membership.product {
                Product::Id(id) => product_id = Some(id),
                Product::Variant(id) => variant_id = Some(id),
                Product::Sku(text) => sku = Some(text),
            }
            let (tier, months) = (membership.tier.to_string(), membership.months.into());
            Object(MembershipDocument { product_id, variant_id, sku, tier, months })
        };
        Self {
            enrol_on: rule.enrol_on.into_iter().collect(),
            all_of: Object(AllOfDocument {
                tags_any: list(rule.all_of.tags_any),
                tags_none: list(rule.all_of.tags_none),
                marketing_consent: rule.all_of.marketing_consent,
                minimum_spend_minor: rule.all_of.minimum_spend_minor,
                countries: list(rule.all_of.countries),
            }),
            tier: rule.tier.map(|tier| tier.to_string()),
            tags_place: rule.tags_place,
            welcome: rule.welcome.map(|welcome| {
                Object(WelcomeDocument {
                    amount_minor: welcome.amount_minor,
                    validity: welcome.validity.to_string(),
                })
            }),
            memberships: rule.memberships.into_iter().map(sold).collect(),
        }
    }
}
