//! What agents' tools answer about a shop: figures of a snapshot (see [`crate::snapshots`]), each with its name, unit and
//! window. All of it is read from sums that were made with the snapshot, or from the first rows of an index, so that a
//! shop of a million members is answered as quickly as a small one.
//!
//! No figure describes a person: groups of fewer than [`GROUP_MIN`] members are left out, members themselves are listed
//! by id alone (whoever asks gives them an alias) with rounded figures, and no name, address or note is read at all.

mod audience;
mod campaigns;
mod cells;
mod credit;
mod engagement;
mod measure;
mod members;
mod overview;
mod purchases;
mod tiers;
mod told;

pub use audience::{Filter, audience};
pub use campaigns::campaigns;
pub use cells::tier_handles;
pub use credit::credit_activity;
pub use engagement::engagement;
pub use measure::measure;
pub use members::{Ending, at_risk, expiring};
pub use overview::{overview, trends};
pub use purchases::{Group, purchases};
pub use tiers::tiers;

use chrono::{DateTime, Utc};
use tradeup_domain::figure::Figure;
use uuid::Uuid;

use crate::StoreError;

/// Groups of fewer members are left out.
pub const GROUP_MIN: i64 = 5;

/// A window that reaches back from a snapshot's instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// 30 days.
    Days30,
    /// 90 days.
    Days90,
    /// 365 days.
    Days365,
}

impl Window {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Days30, Self::Days90, Self::Days365];

    /// As it is written in arguments and figures: `90d`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Days30 => "30d",
            Self::Days90 => "90d",
            Self::Days365 => "365d",
        }
    }

    /// The window that is written so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.as_str() == name)
    }
}

/// What a tool answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The shop's currency, in which money is unless a figure says otherwise.
    pub currency: String,
    /// The instant that it is about.
    pub as_of: DateTime<Utc>,
    /// Its parts.
    pub sections: Vec<Section>,
    /// What whoever asked has to know about it: that there is nothing, or what was left out.
    pub note: Option<String>,
}

/// Rows of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What they are.
    pub name: &'static str,
    /// The rows.
    pub rows: Vec<Row>,
    /// How many there are, of which `rows` may be the first.
    pub rows_in_all: i64,
}

/// A group, or a member, with its figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What the figures are of: kind and name, like `tier` and `gold`; none for the whole shop.
    pub labels: Vec<(&'static str, String)>,
    /// The member that it is about.
    pub member: Option<Uuid>,
    /// The figures.
    pub figures: Vec<Figure>,
}

/// The type of what the functions here return.
pub type Answered = Result<Answer, StoreError>;
