//! What one mail tells one member.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use tradeup_domain::{Currency, Money};

use crate::{Locale, WebLink};

/// Most lots one mail lists. A member with more has a broken ledger.
pub const LOTS_MAX: usize = 500;

/// A lot of credit that expires soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiringLot {
    /// What is left of it, not what was granted (loyalty reference §1.4).
    pub left: Money,
    /// The last day on which it can be spent, to the end of that day in the digest's zone; see
    /// [`last_valid_day`].
    pub last_valid_day: NaiveDate,
}

/// Everything that expires soon for one member, as of the claim: one mail.
///
/// Holds personal data; it has no `Debug`, so that none gets into a log.
#[derive(Clone)]
pub struct ExpiryDigest {
    /// The shop, as it calls itself.
    pub shop_name: String,
    /// Where the credit can be spent.
    pub shop_url: Option<WebLink>,
    /// The member's language. The template's own is used where the two differ.
    pub locale: Locale,
    /// The shop's zone: in it the days end.
    pub zone: Tz,
    /// In any order; shown soonest first.
    pub lots: Vec<ExpiringLot>,
    /// For the greeting.
    pub first_name: Option<String>,
    /// Ends these mails for this member; see [`crate::unsubscribe::link`].
    pub unsubscribe: WebLink,
}

/// Why a digest can't become a mail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// No lot: nothing to warn of.
    #[error("the digest has no lot; drop it instead of sending it")]
    NoLot,
    /// More than [`LOTS_MAX`].
    #[error("the digest has {count} lots, and a mail lists {LOTS_MAX} at most")]
    TooManyLots {
        /// How many there are.
        count: usize,
    },
    /// Nothing left of a lot.
    #[error("lot {place} of the digest has nothing left; leave it out")]
    NothingLeft {
        /// Which one, from 1.
        place: usize,
    },
    /// Together more than an integer holds.
    #[error("the lots of the digest in {currency} add up to more than any balance may be")]
    TotalTooLarge {
        /// The currency's code.
        currency: &'static str,
    },
    /// No name is left of the shop's.
    #[error("the shop's name is empty or has control characters only; set it in the shop's settings")]
    NoShopName,
}

impl ExpiryDigest {
    /// The lots, soonest first; the larger first where the day is the same.
    ///
    /// # Errors
    /// [`DigestError`] for no or too many lots, and for one with nothing left.
    pub fn lots_in_order(&self) -> Result<Vec<ExpiringLot>, DigestError> {
        if self.lots.is_empty() {
            return Err(DigestError::NoLot);
        }
        if self.lots.len() > LOTS_MAX {
            return Err(DigestError::TooManyLots { count: self.lots.len() });
        }
        if let Some(place) = self.lots.iter().position(|lot| lot.left.amount_minor <= 0) {
            return Err(DigestError::NothingLeft { place: place + 1 });
        }
        let mut lots = self.lots.clone();
        lots.sort_by_key(|lot| {
            (lot.last_valid_day, lot.left.currency.code(), std::cmp::Reverse(lot.left.amount_minor))
        });
        Ok(lots)
    }

    /// One total for each currency, by code. Currencies are never added up.
    ///
    /// # Errors
    /// [`DigestError::TotalTooLarge`] on overflow.
    pub fn totals(&self) -> Result<Vec<Money>, DigestError> {
        let mut totals: BTreeMap<&'static str, (Currency, i64)> = BTreeMap::new();
        for lot in &self.lots {
            let currency = lot.left.currency;
            let total = &mut totals.entry(currency.code()).or_insert((currency, 0)).1;
            *total = total
                .checked_add(lot.left.amount_minor)
                .ok_or(DigestError::TotalTooLarge { currency: currency.code() })?;
        }
        Ok(totals.into_values().map(|(currency, amount_minor)| Money { amount_minor, currency }).collect())
    }
}

/// The last day on which something can be spent that ends at `expires_at`, in `zone`.
///
/// Nothing is valid *at* `expires_at` (loyalty reference §0.3), so it is the local day of the
/// moment before: for an expiry at the start of a day, the day before that one.
#[must_use]
pub fn last_valid_day(expires_at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    let moment_before = expires_at.checked_sub_signed(TimeDelta::nanoseconds(1)).unwrap_or(expires_at);
    moment_before.with_timezone(&zone).date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradeup_domain::zone::{end_of_day, parse_zone};

    /// Worked examples E1 to E3 of the loyalty reference, the other way round.
    #[test]
    fn the_day_shown_is_the_last_valid_one() {
        for (zone, instant, day) in [
            ("America/New_York", "2026-11-01T04:00:00Z", "2026-10-31"),
            ("America/New_York", "2026-11-02T05:00:00Z", "2026-11-01"),
            ("America/Santiago", "2026-09-06T04:00:00Z", "2026-09-05"),
            ("Pacific/Kiritimati", "2026-12-01T10:00:00Z", "2026-12-01"),
            ("Pacific/Pago_Pago", "2026-12-02T11:00:00Z", "2026-12-01"),
            ("UTC", "2027-01-01T00:00:00Z", "2026-12-31"),
            ("UTC", "2027-01-01T00:00:01Z", "2027-01-01"),
        ] {
            let last = last_valid_day(instant.parse().unwrap(), parse_zone(zone).unwrap());
            assert_eq!(last.to_string(), day, "{zone} {instant}");
        }
    }

    proptest::proptest! {
        #[test]
        fn it_is_the_day_that_the_expiry_was_made_from(
            day in 0..40_000_i32,
            zone in proptest::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
        ) {
            let day = NaiveDate::from_num_days_from_ce_opt(719_163 + day).unwrap();
            let shown = last_valid_day(end_of_day(zone, day), zone);
            // A zone that skips the day after has no instant between: then it is that same day.
            proptest::prop_assert_eq!(shown, day);
        }
    }
}
