//! Tiers by spend (loyalty reference §1.8): which one a member's spend reaches, when it is raised, and when
//! and to what it may be lowered.
//!
//! A tier is raised at once. It is lowered on the yearly date of the membership alone, and only with notice:
//! see [`window`] for the dates and for which spend counts.

pub mod window;

pub use window::{
    NOTICE_AHEAD_DAYS, NOTICE_DAYS, Span, UnknownWindow, Window, next_yearly, notice_for, notice_in_time,
    yearly_on,
};

use std::str::FromStr;

/// A tier that spend reaches. Boundaries are `>=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Number of the tier.
    pub tier_id: i32,
    /// 1 is the highest.
    pub rank: i32,
    /// What has to be spent within the window, in minor units; 0 for a tier that everybody reaches.
    pub threshold_minor: i64,
}

/// The highest tier that `spend_minor` reaches.
#[must_use]
pub fn reached(rules: &[Threshold], spend_minor: i64) -> Option<Threshold> {
    rules.iter().filter(|rule| spend_minor >= rule.threshold_minor).min_by_key(|rule| rule.rank).copied()
}

/// The next tier above `rank` (above none, if it is not given), with what it asks for.
#[must_use]
pub fn next_above(rules: &[Threshold], rank: Option<i32>) -> Option<Threshold> {
    let above = |rule: &&Threshold| rank.is_none_or(|rank| rule.rank < rank);
    rules.iter().filter(above).max_by_key(|rule| rule.rank).copied()
}

/// Of two rules one asks for no more than the one below it, so that the lower tier can never be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disorder {
    /// The higher tier.
    pub higher: i32,
    /// The lower tier.
    pub lower: i32,
}

/// Checks that a higher tier asks for more than each one below it.
///
/// # Errors
/// [`Disorder`] names the first two tiers for which that is not so.
pub fn check_order(rules: &[Threshold]) -> Result<(), Disorder> {
    for higher in rules {
        for lower in rules.iter().filter(|lower| lower.rank > higher.rank) {
            if higher.threshold_minor <= lower.threshold_minor {
                return Err(Disorder { higher: higher.tier_id, lower: lower.tier_id });
            }
        }
    }
    Ok(())
}

/// What decided a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The tags of an import.
    Import,
    /// A person.
    Manual,
    /// A threshold that was reached.
    Spend,
    /// A membership that was bought. It ends by itself.
    Purchase,
}

impl Source {
    /// The name that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Manual => "manual",
            Self::Spend => "spend",
            Self::Purchase => "purchase",
        }
    }
}

/// A text that names no source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is none of import, manual, spend and purchase")]
pub struct UnknownSource;

impl FromStr for Source {
    type Err = UnknownSource;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Import, Self::Manual, Self::Spend, Self::Purchase]
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or(UnknownSource)
    }
}

/// A tier, and what places a member in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the tier.
    pub tier_id: i32,
    /// 1 is the highest.
    pub rank: i32,
    /// What decides it.
    pub source: Source,
}

impl From<Threshold> for Place {
    fn from(rule: Threshold) -> Self {
        Self { tier_id: rule.tier_id, rank: rule.rank, source: Source::Spend }
    }
}

/// A membership that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The tier, and what decided it.
    pub place: Place,
    /// Neither paused nor cancelled.
    pub active: bool,
    /// Set by a person, and no rule changes it.
    pub pinned: bool,
    /// What a person or an import has decided, where spend has raised it; and that or what spend has reached, where
    /// a membership was bought: what is left when that no longer holds.
    pub under: Option<Place>,
}

/// What a shop has chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// An import only places a member, and from then on the rules decide, so that the yearly date may lower
    /// what it decided. Otherwise what its tags say is the least that a member has.
    pub reviews_imports: bool,
    /// A refund may undo at once what spend within the window has raised.
    pub undoes: bool,
}

/// The higher tier that spend has reached, if it has. What is paused, cancelled or pinned is left alone.
#[must_use]
pub fn raised(held: Option<&Held>, rules: &[Threshold], spend_minor: i64) -> Option<Threshold> {
    let reached = reached(rules, spend_minor)?;
    match held {
        None => Some(reached),
        Some(held) => (held.active && !held.pinned && reached.rank < held.place.rank).then_some(reached),
    }
}

/// What stays under a membership that spend raises from `held`.
#[must_use]
pub fn under_raised(held: Option<&Held>, terms: Terms) -> Option<Place> {
    let held = held?;
    match held.place.source {
        Source::Spend => held.under,
        // What was bought goes on beside it, and is found again while it runs.
        Source::Purchase => held.under.filter(|under| match under.source {
            Source::Import => !terms.reviews_imports,
            Source::Manual => true,
            Source::Spend | Source::Purchase => false,
        }),
        Source::Import if terms.reviews_imports => None,
        Source::Import | Source::Manual => Some(held.place),
    }
}

/// What stays under a membership that is bought by whoever has `held`: it is left when what was bought has ended.
#[must_use]
pub fn under_bought(held: Option<&Held>) -> Option<Place> {
    let held = held?;
    match held.place.source {
        Source::Purchase => held.under,
        Source::Import | Source::Manual | Source::Spend => Some(held.place),
    }
}

/// The rule by which a membership may be lowered: that of its own tier. `None` if no rule may: it is not
/// active, it is pinned, a person decided it or it was bought, an import did and the shop has not said that rules
/// follow, or its tier is none that spend reaches.
#[must_use]
pub fn lowered_by(held: &Held, rules: &[Threshold], terms: Terms) -> Option<Threshold> {
    let ruled = match held.place.source {
        Source::Spend => true,
        Source::Import => terms.reviews_imports,
        Source::Manual | Source::Purchase => false,
    };
    let may = held.active && !held.pinned && ruled;
    rules.iter().find(|rule| may && rule.tier_id == held.place.tier_id).copied()
}

/// Where a member goes who is lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// The lower tier; `None` for none at all.
    pub to: Option<Place>,
    /// What stays under it.
    pub under: Option<Place>,
}

/// What a membership is lowered to, if it is: the highest of what spend reaches, what a person or an import
/// has decided, and `floors`: what its member was told to be left with, and what was bought and runs.
#[must_use]
pub fn lowered(
    held: &Held,
    rules: &[Threshold],
    spend_minor: i64,
    terms: Terms,
    floors: &[Place],
) -> Option<Lowered> {
    lowered_by(held, rules, terms)?;
    let under = held.under.filter(|under| !(terms.reviews_imports && under.source == Source::Import));
    let by_spend = reached(rules, spend_minor).map(Place::from);
    // The first of equals: what spend reaches stays a matter of spend.
    let to =
        [by_spend, under].into_iter().flatten().chain(floors.iter().copied()).min_by_key(|place| place.rank);
    if to.is_some_and(|to| to.rank <= held.place.rank) {
        return None;
    }
    Some(Lowered {
        to,
        under: under.filter(|_| to.is_some_and(|to| matches!(to.source, Source::Spend | Source::Purchase))),
    })
}

#[cfg(test)]
mod tests;
