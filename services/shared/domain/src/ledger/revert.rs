//! Taking a spend back, in mirror order, on the lots that paid it.

use chrono::{DateTime, Utc};

use super::lot::{Lot, LotState};

/// What a spend took from one lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpentPart {
    /// The lot, as it is now.
    pub lot: Lot,
    /// What the spend took from it, in minor units.
    pub spent_minor: i64,
    /// What of that was given back before.
    pub reverted_minor: i64,
}

/// What goes back to one lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevertedPart {
    /// The lot.
    pub lot: Lot,
    /// How much, in minor units, above 0.
    pub amount_minor: i64,
    /// The lot has ended meanwhile: what goes back to it ends at once, and a new lot takes its place, so
    /// that a member does not lose what was paid with in good time (loyalty reference, C5).
    pub ended: bool,
}

/// More was to be given back than the spend took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{asked_minor} minor units were to be given back, {left_minor} of the spend are left to give back")]
pub struct RevertError {
    /// What was asked for.
    pub asked_minor: i64,
    /// What of the spend was not given back yet.
    pub left_minor: i64,
}

/// Gives back `amount_minor` of a spend at `at`: what was used last comes back first (loyalty reference
/// §1.2, C4 to C6). `parts` are in the order in which they were used.
///
/// # Errors
/// [`RevertError`] if the spend took less.
pub fn revert(
    parts: &[SpentPart],
    amount_minor: i64,
    at: DateTime<Utc>,
) -> Result<Vec<RevertedPart>, RevertError> {
    let mut due = amount_minor;
    let mut reverted = Vec::new();
    for part in parts.iter().rev() {
        let back = (part.spent_minor - part.reverted_minor).min(due);
        if back > 0 {
            let ended = part.lot.state(at) == LotState::Ended;
            reverted.push(RevertedPart { lot: part.lot, amount_minor: back, ended });
            due -= back;
        }
    }
    if due > 0 {
        return Err(RevertError { asked_minor: amount_minor, left_minor: amount_minor - due });
    }
    Ok(reverted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueClass;
    use uuid::Uuid;

    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}T00:00:00Z").parse().unwrap()
    }

    /// The lots of C1 after its spend of 900: B -500, A -300, M -100.
    fn spent() -> Vec<SpentPart> {
        [(2, 500, "2027-01-05", 0), (1, 300, "2027-01-10", 0), (3, 100, "2027-03-01", 400)]
            .map(|(id, spent_minor, ends, remaining_minor)| SpentPart {
                lot: Lot {
                    id: Uuid::from_u128(id),
                    value_class: ValueClass::Promotional,
                    remaining_minor,
                    held_minor: 0,
                    available_at: Some(at("2026-12-01")),
                    ends_at: Some(at(ends)),
                    created_at: at("2026-12-01"),
                },
                spent_minor,
                reverted_minor: 0,
            })
            .to_vec()
    }

    fn amounts(parts: &[RevertedPart]) -> Vec<(u128, i64, bool)> {
        parts.iter().map(|part| (part.lot.id.as_u128(), part.amount_minor, part.ended)).collect()
    }

    /// Worked examples C4 to C6.
    #[test]
    fn a_spend_goes_back_in_mirror_order() {
        let before = at("2027-01-01");
        let back = revert(&spent(), 900, before).unwrap();
        assert_eq!(amounts(&back), [(3, 100, false), (1, 300, false), (2, 500, false)]);
        let back = revert(&spent(), 900, at("2027-01-05")).unwrap();
        assert_eq!(amounts(&back), [(3, 100, false), (1, 300, false), (2, 500, true)]);
        let back = revert(&spent(), 250, before).unwrap();
        assert_eq!(amounts(&back), [(3, 100, false), (1, 150, false)]);
    }

    #[test]
    fn never_more_comes_back_than_was_spent() {
        let mut parts = spent();
        parts[2].reverted_minor = 100;
        parts[1].reverted_minor = 150;
        let before = at("2027-01-01");
        assert_eq!(amounts(&revert(&parts, 650, before).unwrap()), [(1, 150, false), (2, 500, false)]);
        assert_eq!(revert(&parts, 651, before), Err(RevertError { asked_minor: 651, left_minor: 650 }));
    }
}
