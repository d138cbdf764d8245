//! Memberships that are sold as products, and which of them an order buys (loyalty reference §1.8).

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::enrolment::EnrolmentRule;
use super::same_text;
use crate::handle::Handle;
use crate::validity::Validity;
use crate::zone::end_of_day;

/// Longest membership, in months; the longest [`Validity`].
pub(super) const MONTHS_MAX: u16 = 1_200;

/// A membership that is sold as a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// What is sold.
    pub product: Product,
    /// The tier that it buys.
    pub tier: Handle,
    /// For how many months.
    pub months: u16,
}

/// What of a line names a membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Product {
    /// The product's id.
    Id(String),
    /// The variant's id.
    Variant(String),
    /// The SKU; without regard to case and surrounding space.
    Sku(String),
}

impl Product {
    /// Whether both name the same product.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sku(a), Self::Sku(b)) => same_text(a, b),
            (a, b) => a == b,
        }
    }

    fn is_of(&self, line: &BoughtLine<'_>) -> bool {
        match self {
            Self::Id(id) => line.product_id == Some(id),
            Self::Variant(id) => line.variant_id == Some(id),
            Self::Sku(sku) => line.sku.is_some_and(|own| same_text(own, sku)),
        }
    }
}

/// A line of an order, as far as memberships go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BoughtLine<'a> {
    /// The product's id.
    pub product_id: Option<&'a str>,
    /// The variant's id.
    pub variant_id: Option<&'a str>,
    /// The SKU.
    pub sku: Option<&'a str>,
    /// How many, less what was refunded.
    pub quantity: i64,
}

/// A membership that an order buys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bought {
    /// The tier.
    pub tier: Handle,
    /// For how many months, all pieces together; no more than 1200, the longest that there is.
    pub months: u16,
    /// How many pieces.
    pub quantity: i64,
}

impl EnrolmentRule {
    /// The membership that a line buys, if it does. What it costs earns no cashback.
    #[must_use]
    pub fn membership_of(&self, line: &BoughtLine<'_>) -> Option<&Membership> {
        self.memberships.iter().find(|membership| membership.product.is_of(line))
    }

    /// The memberships that an order buys: one for each tier, with the months of all its pieces, the highest
    /// tier first. `rank` gives a tier's rank, 1 for the highest; a tier without one comes last.
    #[must_use]
    pub fn memberships_bought(
        &self,
        lines: &[BoughtLine<'_>],
        rank: impl Fn(&Handle) -> Option<i32>,
    ) -> Vec<Bought> {
        let mut all: Vec<Bought> = Vec::new();
        for line in lines.iter().filter(|line| line.quantity > 0) {
            let Some(membership) = self.membership_of(line) else { continue };
            let pieces = u16::try_from(line.quantity).unwrap_or(u16::MAX);
            let months = membership.months.saturating_mul(pieces);
            match all.iter_mut().find(|bought| bought.tier == membership.tier) {
                Some(bought) => {
                    bought.months = bought.months.saturating_add(months).min(MONTHS_MAX);
                    bought.quantity = bought.quantity.saturating_add(line.quantity);
                }
                None => all.push(Bought {
                    tier: membership.tier.clone(),
                    months: months.min(MONTHS_MAX),
                    quantity: line.quantity,
                }),
            }
        }
        all.sort_by_key(|bought| rank(&bought.tier).unwrap_or(i32::MAX));
        all
    }
}

/// When a membership ends that begins on a local day: after the same day of the last month, or the last day
/// of a month without it. Counted from the first day, so that renewals do not creep. `None` past the calendar.
#[must_use]
pub fn membership_until(from: NaiveDate, months: u16, zone: Tz) -> Option<DateTime<Utc>> {
    Validity::Months(months).last_valid_day(from).map(|last| end_of_day(zone, last))
}
