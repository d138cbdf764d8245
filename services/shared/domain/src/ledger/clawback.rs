//! Claw-back: what an order no longer earns is taken from what it earned.

use uuid::Uuid;

use super::spend::Part;

/// A lot that an order earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClawLot {
    /// Its id.
    pub id: Uuid,
    /// What is left of it and not authorised, in minor units.
    pub free_minor: i64,
    /// What of it ended or was adjusted away: the member never had the use of it.
    pub lost_minor: i64,
}

/// What comes of a claw-back. The three always add up to what was to be taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clawed {
    /// What is taken, from which lots.
    pub taken: Vec<Part>,
    /// What is given up, since the member never had the use of it (loyalty reference, R7).
    pub forgone_minor: i64,
    /// What the member had the use of and owes (R4).
    pub owed_minor: i64,
}

/// Takes `amount_minor` back from the lots of an order, newest first. `forgone_before_minor` is what
/// earlier claw-backs of the same order have given up already.
#[must_use]
pub fn claw_back(lots: &[ClawLot], amount_minor: i64, forgone_before_minor: i64) -> Clawed {
    let mut due = amount_minor;
    let mut clawed = Clawed::default();
    for lot in lots.iter().rev() {
        let taken = lot.free_minor.min(due);
        if taken > 0 {
            clawed.taken.push(Part { lot_id: lot.id, amount_minor: taken });
            due -= taken;
        }
    }
    let lost: i64 = lots.iter().map(|lot| lot.lost_minor).sum();
    clawed.forgone_minor = due.min((lost - forgone_before_minor).max(0));
    clawed.owed_minor = due - clawed.forgone_minor;
    clawed
}

/// What is taken from a new promotional lot of `granted_minor` for a debt of `debt_minor` (R5). Paid
/// value is never touched for a debt (R6): callers do not ask for it.
#[must_use]
pub fn recover(debt_minor: i64, granted_minor: i64) -> i64 {
    debt_minor.min(granted_minor).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lot(id: u128, free_minor: i64, lost_minor: i64) -> ClawLot {
        ClawLot { id: Uuid::from_u128(id), free_minor, lost_minor }
    }

    fn taken(clawed: &Clawed) -> i64 {
        clawed.taken.iter().map(|part| part.amount_minor).sum()
    }

    /// Worked examples R4, R5 and R7.
    #[test]
    fn what_was_used_is_owed_and_what_ended_is_not() {
        let spent = claw_back(&[lot(1, 67, 0)], 167, 0);
        assert_eq!((taken(&spent), spent.forgone_minor, spent.owed_minor), (67, 0, 100));
        assert_eq!(recover(100, 500), 100);
        assert_eq!(recover(100, 60), 60);
        assert_eq!(recover(0, 500), 0);
        let ended = claw_back(&[lot(1, 0, 167)], 167, 0);
        assert_eq!((taken(&ended), ended.forgone_minor, ended.owed_minor), (0, 167, 0));
    }

    #[test]
    fn the_newest_lot_of_an_order_gives_first() {
        let clawed = claw_back(&[lot(1, 50, 0), lot(2, 30, 0)], 60, 0);
        assert_eq!(
            clawed.taken,
            [
                Part { lot_id: Uuid::from_u128(2), amount_minor: 30 },
                Part { lot_id: Uuid::from_u128(1), amount_minor: 30 }
            ]
        );
    }

    proptest! {
        /// Invariant 6: over any sequence of claw-backs, taken + forgone + owed is what was granted.
        #[test]
        fn any_sequence_adds_up(
            granted in 1..1_000_i64, spent in 0..1_000_i64, lost in 0..1_000_i64, cuts in prop::collection::vec(1..400_i64, 1..10),
        ) {
            let spent = spent.min(granted);
            let lost = lost.min(granted - spent);
            let (mut free, mut forgone, mut owed, mut due) = (granted - spent - lost, 0, 0, granted);
            for cut in cuts.into_iter().chain([granted]) {
                let cut = cut.min(due);
                let clawed = claw_back(&[lot(1, free, lost)], cut, forgone);
                prop_assert_eq!(taken(&clawed) + clawed.forgone_minor + clawed.owed_minor, cut);
                free -= taken(&clawed);
                forgone += clawed.forgone_minor;
                owed += clawed.owed_minor;
                due -= cut;
            }
            prop_assert_eq!((free, forgone, owed), (0, lost, spent));
        }
    }
}
