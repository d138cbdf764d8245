//! Spending: what ends soonest goes first.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::lot::{Lot, order_of_use};

/// A part of a movement: so much of that lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The lot.
    pub lot_id: Uuid,
    /// How much, in minor units, above 0.
    pub amount_minor: i64,
}

/// More was asked for than can be spent. Nothing is taken then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{asked_minor} minor units were asked for, {spendable_minor} can be spent")]
pub struct Insufficient {
    /// What was asked for.
    pub asked_minor: i64,
    /// What could have been spent.
    pub spendable_minor: i64,
}

/// What can be spent of these lots at `at`, in minor units.
#[must_use]
pub fn spendable_minor(lots: &[Lot], at: DateTime<Utc>) -> i64 {
    lots.iter().map(|lot| lot.spendable_minor(at)).sum()
}

/// Which lots pay `amount_minor` at `at`, in the order in which they are used.
///
/// # Errors
/// [`Insufficient`] if they can't pay all of it.
pub fn allocate(lots: &[Lot], amount_minor: i64, at: DateTime<Utc>) -> Result<Vec<Part>, Insufficient> {
    let mut lots = lots.to_vec();
    order_of_use(&mut lots);
    let mut due = amount_minor;
    let mut parts = Vec::new();
    for lot in &lots {
        let taken = lot.spendable_minor(at).min(due);
        if taken > 0 {
            parts.push(Part { lot_id: lot.id, amount_minor: taken });
            due -= taken;
        }
    }
    if due > 0 {
        return Err(Insufficient { asked_minor: amount_minor, spendable_minor: spendable_minor(&lots, at) });
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueClass;
    use crate::ledger::LotState;
    use proptest::prelude::*;

    const A: u128 = 1;
    const B: u128 = 2;
    const M: u128 = 3;
    const N: u128 = 4;

    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}T00:00:00Z").parse().unwrap()
    }

    fn lot(id: u128, remaining_minor: i64, ends: Option<&str>) -> Lot {
        Lot {
            id: Uuid::from_u128(id),
            value_class: ValueClass::Promotional,
            remaining_minor,
            held_minor: 0,
            available_at: Some(at("2026-12-01")),
            ends_at: ends.map(at),
            created_at: at("2026-12-01"),
        }
    }

    fn four() -> Vec<Lot> {
        vec![
            lot(A, 300, Some("2027-01-10")),
            lot(B, 500, Some("2027-01-05")),
            lot(M, 500, Some("2027-03-01")),
            lot(N, 400, None),
        ]
    }

    fn parts(of: &[(u128, i64)]) -> Vec<Part> {
        of.iter()
            .map(|(id, amount_minor)| Part { lot_id: Uuid::from_u128(*id), amount_minor: *amount_minor })
            .collect()
    }

    /// Worked examples C1 to C3.
    #[test]
    fn what_ends_soonest_is_used_first_and_too_much_is_refused() {
        let now = at("2027-01-01");
        assert_eq!(allocate(&four(), 900, now), Ok(parts(&[(B, 500), (A, 300), (M, 100)])));
        assert_eq!(
            allocate(&four(), 1701, now),
            Err(Insufficient { asked_minor: 1701, spendable_minor: 1700 })
        );
        assert_eq!(allocate(&four(), 1700, now), Ok(parts(&[(B, 500), (A, 300), (M, 500), (N, 400)])));
    }

    /// C7 and E7: pending and ended lots are not there, swept or not.
    #[test]
    fn time_decides_what_can_be_spent() {
        let mut lots = four();
        lots[3].available_at = None;
        lots[2].available_at = Some(at("2027-01-06"));
        // B ends at this very instant.
        assert_eq!(allocate(&lots, 1, at("2027-01-05")), Ok(parts(&[(A, 1)])));
        assert_eq!(spendable_minor(&lots, at("2027-01-05")), 300);
        assert_eq!(spendable_minor(&lots, at("2027-01-06")), 800);
        assert_eq!(lots[3].state(at("2027-01-06")), LotState::Pending);
    }

    #[test]
    fn given_away_goes_before_paid_and_authorised_value_is_left_alone() {
        let mut lots = vec![lot(A, 300, Some("2027-01-10")), lot(B, 300, Some("2027-01-10"))];
        lots[0].value_class = ValueClass::Paid;
        lots[1].held_minor = 100;
        assert_eq!(allocate(&lots, 250, at("2027-01-01")), Ok(parts(&[(B, 200), (A, 50)])));
    }

    proptest! {
        /// Invariants 8 and 14: never above what is there, and no later end while a sooner one has some left.
        #[test]
        fn the_soonest_end_is_empty_before_the_next_is_touched(
            lots in prop::collection::vec((0..500_i64, 0..500_i64, prop::option::of(1..400_i64), 0..400_i64, any::<bool>()), 0..8),
            amount_minor in 1..2_000_i64,
        ) {
            let now = at("2027-01-01");
            let lots: Vec<Lot> = lots.iter().enumerate().map(|(n, (left, held, ends, from, paid))| Lot {
                id: Uuid::from_u128(n as u128),
                value_class: if *paid { ValueClass::Paid } else { ValueClass::Promotional },
                remaining_minor: *left,
                held_minor: (*held).min(*left),
                available_at: Some(now + chrono::TimeDelta::days(200 - from)),
                ends_at: ends.map(|days| now + chrono::TimeDelta::days(days - 200)),
                created_at: now,
            }).collect();
            let there = spendable_minor(&lots, now);
            match allocate(&lots, amount_minor, now) {
                Err(refused) => prop_assert!(refused.spendable_minor == there && there < amount_minor),
                Ok(parts) => {
                    prop_assert_eq!(parts.iter().map(|part| part.amount_minor).sum::<i64>(), amount_minor);
                    let left = |lot: &Lot| lot.spendable_minor(now)
                        - parts.iter().filter(|part| part.lot_id == lot.id).map(|part| part.amount_minor).sum::<i64>();
                    prop_assert!(lots.iter().all(|lot| left(lot) >= 0));
                    let end = |lot: &Lot| lot.ends_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
                    let last_used = lots.iter().filter(|lot| parts.iter().any(|part| part.lot_id == lot.id)).map(end).max();
                    for lot in &lots {
                        prop_assert!(left(lot) == 0 || Some(end(lot)) >= last_used);
                    }
                }
            }
        }
    }
}
