//! Who becomes a member by a shop's rule (loyalty reference §1.8).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::enrolment_document::Document;
use super::membership::Membership;
use super::same_text;
use crate::handle::Handle;
use crate::validity::Validity;

/// What happened to a customer that may make a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// The customer is new.
    CustomerCreated,
    /// Something about the customer changed.
    CustomerUpdated,
    /// An order was paid.
    OrderPaid,
    /// The customer was given tags.
    TagsAdded,
}

/// Who becomes a member. Read with [`EnrolmentRule::parse`], written by its `Serialize`; by the default
/// nobody does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(into = "Document")]
pub struct EnrolmentRule {
    /// When it is asked at all.
    pub enrol_on: BTreeSet<Occasion>,
    /// What has to be so.
    pub all_of: AllOf,
    /// The tier of a new member; `None` for none.
    pub tier: Option<Handle>,
    /// Where the customer's tags name a tier, it is that one; so they have to be known.
    pub tags_place: bool,
    /// A credit for each new member.
    pub welcome: Option<Welcome>,
    /// What may be bought. The first that fits a line counts.
    pub memberships: Vec<Membership>,
}

/// The conditions of [`EnrolmentRule`]. One that is empty, 0 or `false` asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllOf {
    /// The customer has one of these tags.
    pub tags_any: BTreeSet<String>,
    /// The customer has none of these tags.
    pub tags_none: BTreeSet<String>,
    /// The customer agreed to marketing.
    pub marketing_consent: bool,
    /// The customer has spent at least this, in minor units.
    pub minimum_spend_minor: i64,
    /// The customer lives in one of these countries: two letters, as ISO 3166 has them.
    pub countries: BTreeSet<String>,
}

/// A credit for a new member. Its key is the member's, so that it is given once, even over leave and return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// In minor units of the shop's currency, above 0.
    pub amount_minor: i64,
    /// How long it lasts.
    pub validity: Validity,
}

/// What is known of a customer when the rule is asked. `None` is what was not told: not the same as no.
#[derive(Clone, Copy, Debug, Default)]
pub struct CustomerFacts<'a> {
    /// Tags.
    pub tags: Option<&'a [&'a str]>,
    /// The tier in which the tags place the customer, by
    /// [`tier_for_tags`](crate::tier::tier_for_tags), if any.
    pub tier_by_tags: Option<&'a Handle>,
    /// Whether the customer agreed to marketing.
    pub marketing_consent: Option<bool>,
    /// What the customer has spent, in minor units.
    pub spend_minor: Option<i64>,
    /// The country: two letters.
    pub country: Option<&'a str>,
    /// Whether the customer has bought a membership by this very occasion.
    pub buys_membership: bool,
}

/// How a customer stands who was a member before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Is a member.
    Active,
    /// Is a member who is paused.
    Paused,
    /// Has left, or was made to.
    Cancelled,
    /// Asked to be forgotten.
    Redacted,
}

/// What the rule says of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// Becomes a member.
    Enrol {
        /// In this tier, if in any.
        tier: Option<Handle>,
        /// With this credit.
        welcome: Option<Welcome>,
    },
    /// Is a member: nothing to do.
    AlreadyMember,
    /// Has left or asked to be forgotten: no rule brings somebody back.
    NeverAgain,
    /// Does not, for each of these reasons; there is at least one.
    No(Vec<WhyNotEnrolled>),
}

/// Something that a condition looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerFact {
    /// Tags.
    Tags,
    /// Consent to marketing.
    MarketingConsent,
    /// What was spent.
    Spend,
    /// The country.
    Country,
}

/// Why a customer does not become a member. It names what the rule says, never what the customer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyNotEnrolled {
    /// The rule is not asked when this happens.
    Occasion(Occasion),
    /// None of the tags that it asks for.
    NoTag,
    /// A tag that it keeps out: this one of the rule's.
    Tag(String),
    /// No consent to marketing.
    NoConsent,
    /// Less was spent than these minor units.
    SpendBelow(i64),
    /// Another country.
    Country,
    /// It can't be told: this is not known.
    CantTell(CustomerFact),
}

impl fmt::Display for WhyNotEnrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occasion(occasion) => {
                let occasion = match occasion {
                    Occasion::CustomerCreated => "a customer is created",
                    Occasion::CustomerUpdated => "a customer changes",
                    Occasion::OrderPaid => "an order is paid",
                    Occasion::TagsAdded => "tags are added",
                };
                write!(f, "the rule does not enrol when {occasion}")
            }
            Self::NoTag => f.write_str("the customer has none of the tags that the rule asks for"),
            Self::Tag(tag) => write!(f, "the customer has the tag {tag:?}, which the rule keeps out"),
            Self::NoConsent => f.write_str("the customer has not agreed to marketing"),
            Self::SpendBelow(least) => write!(f, "the customer has spent less than {least} minor units"),
            Self::Country => f.write_str("the customer's country is none of the rule's"),
            Self::CantTell(fact) => {
                let fact = match fact {
                    CustomerFact::Tags => "tags",
                    CustomerFact::MarketingConsent => "consent to marketing",
                    CustomerFact::Spend => "spend",
                    CustomerFact::Country => "country",
                };
                write!(f, "it can't be told, as the customer's {fact} is not known; look it up and ask again")
            }
        }
    }
}

impl EnrolmentRule {
    /// What the rule says of a customer. `already` is how the customer stands who was a member before; it
    /// comes first, and whoever has left is not let in by any rule. Who buys a membership becomes a member, whatever is
    /// asked of others; the tier follows from what was bought.
    #[must_use]
    pub fn decide(
        &self,
        occasion: Occasion,
        facts: &CustomerFacts<'_>,
        already: Option<Standing>,
    ) -> Enrolment {
        match already {
            Some(Standing::Active | Standing::Paused) => return Enrolment::AlreadyMember,
            Some(Standing::Cancelled | Standing::Redacted) => return Enrolment::NeverAgain,
            None => {}
        }
        let mut why_not = Vec::new();
        if !self.enrol_on.contains(&occasion) {
            why_not.push(WhyNotEnrolled::Occasion(occasion));
        }
        self.all_of.check(facts, &mut why_not);
        let cant_tell = WhyNotEnrolled::CantTell(CustomerFact::Tags);
        if self.tags_place && facts.tags.is_none() && !why_not.contains(&cant_tell) {
            why_not.push(cant_tell);
        }
        if !why_not.is_empty() {
            return match facts.buys_membership {
                true => Enrolment::Enrol { tier: None, welcome: self.welcome },
                false => Enrolment::No(why_not),
            };
        }
        let by_tags = facts.tier_by_tags.filter(|_| self.tags_place);
        Enrolment::Enrol { tier: by_tags.or(self.tier.as_ref()).cloned(), welcome: self.welcome }
    }
}

impl AllOf {
    /// Adds each condition that is not met, or can't be judged.
    fn check(&self, facts: &CustomerFacts<'_>, why_not: &mut Vec<WhyNotEnrolled>) {
        let has = |tags: &[&str], tag: &str| tags.iter().any(|own| same_text(own, tag));
        match facts.tags {
            None if self.tags_any.is_empty() && self.tags_none.is_empty() => {}
            None => why_not.push(WhyNotEnrolled::CantTell(CustomerFact::Tags)),
            Some(tags) => {
                if !self.tags_any.is_empty() && !self.tags_any.iter().any(|tag| has(tags, tag)) {
                    why_not.push(WhyNotEnrolled::NoTag);
                }
                let kept_out = self.tags_none.iter().filter(|tag| has(tags, tag));
                why_not.extend(kept_out.map(|tag| WhyNotEnrolled::Tag(tag.clone())));
            }
        }
        let mut ask = |asked: bool, met: Option<bool>, fact: CustomerFact, no: WhyNotEnrolled| match met {
            Some(true) => {}
            _ if !asked => {}
            Some(false) => why_not.push(no),
            None => why_not.push(WhyNotEnrolled::CantTell(fact)),
        };
        let consent = facts.marketing_consent;
        ask(self.marketing_consent, consent, CustomerFact::MarketingConsent, WhyNotEnrolled::NoConsent);
        let least = self.minimum_spend_minor;
        let spent = facts.spend_minor.map(|spent| spent >= least);
        ask(least > 0, spent, CustomerFact::Spend, WhyNotEnrolled::SpendBelow(least));
        let home = facts.country.map(|own| self.countries.iter().any(|country| same_text(country, own)));
        ask(!self.countries.is_empty(), home, CustomerFact::Country, WhyNotEnrolled::Country);
    }
}
