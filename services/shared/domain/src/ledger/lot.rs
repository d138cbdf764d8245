//! Lots, and the order in which they are used.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::ValueClass;

/// A lot as a movement sees it. Amounts are minor units of the lot's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lot {
    /// Its id.
    pub id: Uuid,
    /// Where its value comes from.
    pub value_class: ValueClass,
    /// What is left of it.
    pub remaining_minor: i64,
    /// What is authorised for a checkout and not captured yet: of what is left.
    pub held_minor: i64,
    /// From when it can be spent; `None` while that is not known.
    pub available_at: Option<DateTime<Utc>>,
    /// When it ends, with the days of grace; `None` for never.
    pub ends_at: Option<DateTime<Utc>>,
    /// When it was granted.
    pub created_at: DateTime<Utc>,
}

/// Where a lot is in its life at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LotState {
    /// On its way; can't be spent yet.
    Pending,
    /// Can be spent.
    Live,
    /// Its time is over, whether that has been booked or not.
    Ended,
}

impl Lot {
    /// Where the lot is in its life at `at`: half-open, so that nothing is live at its end. Time decides
    /// it, never whether a sweep has run (loyalty reference §0.2).
    #[must_use]
    pub fn state(&self, at: DateTime<Utc>) -> LotState {
        if self.ends_at.is_some_and(|end| end <= at) {
            LotState::Ended
        } else if self.available_at.is_some_and(|begin| begin <= at) {
            LotState::Live
        } else {
            LotState::Pending
        }
    }

    /// What can be taken from it at `at`, in minor units.
    #[must_use]
    pub fn spendable_minor(&self, at: DateTime<Utc>) -> i64 {
        if self.state(at) == LotState::Live { (self.remaining_minor - self.held_minor).max(0) } else { 0 }
    }

    /// Sooner end first, never last; then given away before paid; then older first.
    fn by_use(&self, other: &Self) -> Ordering {
        let end = |lot: &Self| (lot.ends_at.is_none(), lot.ends_at);
        let paid = |lot: &Self| lot.value_class == ValueClass::Paid;
        end(self)
            .cmp(&end(other))
            .then_with(|| paid(self).cmp(&paid(other)))
            .then_with(|| (self.created_at, self.id).cmp(&(other.created_at, other.id)))
    }
}

/// Puts lots into the order in which they are used (loyalty reference §1.2). The first key has to be
/// Shopify's, which spends what expires soonest; the others are ours.
pub fn order_of_use(lots: &mut [Lot]) {
    lots.sort_by(Lot::by_use);
}
