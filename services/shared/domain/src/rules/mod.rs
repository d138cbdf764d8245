//! Each shop's rules, as JSON documents that are checked before they are kept.
//!
//! A document says everything that a shop may choose; what it leaves out has a default, and a shop without a
//! document has the rule that `default()` gives. A document is kept under its kind and a version that grows;
//! what was decided by a version names it ([`RuleRef`]), so that a new version changes nothing of the past.

mod cashback;
mod enrolment;
mod enrolment_document;
mod membership;
mod purchase;
mod read;
mod trade_in;

pub use cashback::{
    Base, CashbackRule, Excluded, OrderFacts, PaidPart, RuleLine, TaxIncluded, WhyNoCashback, refund_share,
};
pub use enrolment::{
    AllOf, CustomerFact, CustomerFacts, Enrolment, EnrolmentRule, Occasion, Standing, Welcome, WhyNotEnrolled,
};
pub use membership::{Bought, BoughtLine, Membership, Product, membership_until};
pub use purchase::{Purchase, Running, running};
pub use read::{DOCUMENT_BYTES_MAX, ENTRIES_MAX, TEXT_MAX};
pub use trade_in::{Bonus, BonusKind, Condition, TradeInRule};

use std::fmt;
use std::str::FromStr;

use crate::handle::Handle;

/// What a document of rules is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// What orders earn: [`CashbackRule`].
    Cashback,
    /// Who becomes a member: [`EnrolmentRule`].
    Enrolment,
    /// What is given for traded-in goods: [`TradeInRule`].
    TradeIn,
}

impl RuleKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Cashback, Self::Enrolment, Self::TradeIn];

    /// The name that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cashback => "cashback",
            Self::Enrolment => "enrolment",
            Self::TradeIn => "trade-in",
        }
    }

    /// Checks a document of this kind without keeping what it says.
    ///
    /// # Errors
    /// At least one [`RuleError`].
    pub fn check(self, text: &str) -> Result<(), Vec<RuleError>> {
        match self {
            Self::Cashback => CashbackRule::parse(text).map(drop),
            Self::Enrolment => EnrolmentRule::parse(text).map(drop),
            Self::TradeIn => TradeInRule::parse(text).map(drop),
        }
    }
}

impl RuleKind {
    /// The tiers that a document of this kind names, each with its place in it: those that a shop has to have.
    ///
    /// # Errors
    /// At least one [`RuleError`].
    pub fn tiers(self, text: &str) -> Result<Vec<(String, Handle)>, Vec<RuleError>> {
        Ok(match self {
            Self::Cashback => {
                let rule = CashbackRule::parse(text)?;
                rule.rates.into_keys().map(|tier| (format!("rates.{tier}"), tier)).collect()
            }
            Self::Enrolment => {
                let rule = EnrolmentRule::parse(text)?;
                let sold = rule.memberships.into_iter().enumerate();
                let sold = sold.map(|(at, sold)| (format!("memberships[{at}].tier"), sold.tier));
                rule.tier.map(|tier| ("tier".to_owned(), tier)).into_iter().chain(sold).collect()
            }
            Self::TradeIn => Vec::new(),
        })
    }
}

impl fmt::Display for RuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no kind of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are no such rules; use one of cashback, enrolment and trade-in")]
pub struct UnknownRuleKind;

impl FromStr for RuleKind {
    type Err = UnknownRuleKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownRuleKind)
    }
}

/// A version of a shop's rules: `cashback@3`. Kept with whatever was decided by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RuleRef {
    /// What they are about.
    pub kind: RuleKind,
    /// Which version, from 1.
    pub version: i32,
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.kind, self.version)
    }
}

/// A text that names no version of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it names no version of rules; write it like cashback@3")]
pub struct InvalidRuleRef;

impl FromStr for RuleRef {
    type Err = InvalidRuleRef;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (kind, version) = text.split_once('@')?;
            let read = Self { kind: kind.parse().ok()?, version: version.parse().ok()? };
            (read.version > 0 && read.to_string() == text).then_some(read)
        };
        read().ok_or(InvalidRuleRef)
    }
}

/// What is wrong with a document: where, and what to give instead. A value that was given is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", place(.path))]
pub struct RuleError {
    /// Where in the document: `rates.gold`, `memberships[0].months`; empty for the document itself.
    pub path: String,
    /// What is wrong there, and the fix.
    pub problem: String,
}

/// A path as the beginning of a sentence.
fn place(path: &str) -> String {
    if path.is_empty() { "the document ".to_owned() } else { format!("field {path} ") }
}

/// Whether two texts are the same to a shop: without regard to case and surrounding space, as Shopify
/// compares tags.
fn same_text(a: &str, b: &str) -> bool {
    // Letter by letter, as a list of a thousand texts may be compared with each of a thousand lines. Greek
    // has two small letters for one capital.
    fn letters(text: &str) -> impl Iterator<Item = char> {
        let small = text.trim().chars().flat_map(char::to_lowercase);
        small.map(|letter| if letter == 'ς' { 'σ' } else { letter })
    }
    letters(a).eq(letters(b))
}

#[cfg(test)]
mod tests;
