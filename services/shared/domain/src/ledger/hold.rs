//! Holds: credit that a checkout has authorised and not captured yet.
//!
//! A hold names the lots that would pay it, in the order of use, and until when it can be captured. After
//! that it holds nothing, whether anybody has booked that or not.

use chrono::{DateTime, TimeDelta, Utc};

use super::lot::Lot;
use super::spend::Part;

/// Seconds for which a hold is valid if its checkout does not say.
pub const HOLD_SECONDS: i64 = 24 * 60 * 60;
/// Most seconds for which a hold may be asked.
pub const HOLD_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;
/// For so many hours after a lot's end a hold from before it may be captured (loyalty reference, E10).
pub const LATE_CAPTURE_HOURS: i64 = 24;

/// Until when a hold that begins `now` can be captured: for as long as it was asked, but not for longer than
/// the first of its lots may still be captured after its end. So all of it can be captured, or nothing.
#[must_use]
pub fn capture_until(
    lots: &[Lot],
    parts: &[Part],
    now: DateTime<Utc>,
    valid_for: TimeDelta,
) -> DateTime<Utc> {
    let ends = lots.iter().filter(|lot| parts.iter().any(|part| part.lot_id == lot.id));
    let last = ends.filter_map(|lot| lot.ends_at).map(|end| end + TimeDelta::hours(LATE_CAPTURE_HOURS)).min();
    let asked = now + valid_for;
    last.map_or(asked, |last| last.min(asked))
}

/// More was to be captured than is authorised. Nothing is taken then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{asked_minor} minor units were to be captured, {held_minor} are authorised")]
pub struct CaptureError {
    /// What was asked for.
    pub asked_minor: i64,
    /// What is authorised.
    pub held_minor: i64,
}

/// Which lots pay a capture of `amount_minor`: those of the hold, in the order of use. What is left of them
/// is free again.
///
/// # Errors
/// [`CaptureError`] if less is authorised.
pub fn capture(parts: &[Part], amount_minor: i64) -> Result<Vec<Part>, CaptureError> {
    let mut due = amount_minor;
    let mut taken = Vec::new();
    for part in parts {
        let amount_minor = part.amount_minor.min(due);
        if amount_minor > 0 {
            taken.push(Part { lot_id: part.lot_id, amount_minor });
            due -= amount_minor;
        }
    }
    if due > 0 {
        let held_minor = parts.iter().map(|part| part.amount_minor).sum();
        return Err(CaptureError { asked_minor: amount_minor, held_minor });
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueClass;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}Z").parse().unwrap()
    }

    fn lot(id: u128, ends_at: Option<DateTime<Utc>>) -> Lot {
        Lot {
            id: Uuid::from_u128(id),
            value_class: ValueClass::Promotional,
            remaining_minor: 500,
            held_minor: 0,
            available_at: Some(at("2026-12-01T00:00:00")),
            ends_at,
            created_at: at("2026-12-01T00:00:00"),
        }
    }

    fn part(id: u128, amount_minor: i64) -> Part {
        Part { lot_id: Uuid::from_u128(id), amount_minor }
    }

    /// E10, and what was asked for.
    #[test]
    fn a_day_after_the_first_end_at_most() {
        let now = at("2027-01-01T12:00:00");
        let lots =
            [lot(1, Some(at("2027-01-01T18:00:00"))), lot(2, Some(at("2027-03-01T00:00:00"))), lot(3, None)];
        let week = TimeDelta::seconds(HOLD_SECONDS_MAX);
        let until = |parts: &[Part], valid_for| capture_until(&lots, parts, now, valid_for);
        assert_eq!(until(&[part(1, 5), part(2, 5)], week), at("2027-01-02T18:00:00"));
        assert_eq!(until(&[part(2, 5), part(3, 5)], week), at("2027-01-08T12:00:00"));
        assert_eq!(until(&[part(1, 5)], TimeDelta::hours(2)), at("2027-01-01T14:00:00"));
    }

    proptest! {
        #[test]
        fn a_capture_takes_what_was_asked_in_the_order_of_use(
            amounts in prop::collection::vec(1..500_i64, 1..6), asked in 1..3_000_i64,
        ) {
            let parts: Vec<Part> = amounts.iter().enumerate().map(|(n, minor)| part(n as u128, *minor)).collect();
            let held: i64 = amounts.iter().sum();
            match capture(&parts, asked) {
                Err(error) => prop_assert!(asked > held && error.held_minor == held),
                Ok(taken) => {
                    prop_assert_eq!(taken.iter().map(|part| part.amount_minor).sum::<i64>(), asked);
                    let (last, before) = taken.split_last().unwrap();
                    prop_assert_eq!(before, &parts[..before.len()]);
                    prop_assert!(last.amount_minor <= parts[before.len()].amount_minor);
                }
            }
        }
    }
}
