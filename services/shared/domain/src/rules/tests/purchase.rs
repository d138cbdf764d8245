//! When bought memberships run.

use chrono::{DateTime, Utc};
use chrono_tz::America::New_York;
use proptest::prelude::*;

use crate::rules::{Purchase, running};

const GOLD: (i32, i32) = (7, 1);
const SILVER: (i32, i32) = (9, 2);

fn at(text: &str) -> DateTime<Utc> {
    format!("{text}:00Z").parse().unwrap()
}

fn bought<'a>(order: &'a str, (tier_id, rank): (i32, i32), when: &str, months: u16) -> Purchase<'a> {
    Purchase { order, tier_id, rank, bought_at: at(when), months }
}

/// From and until, and until when the tier goes on.
type Times = (DateTime<Utc>, DateTime<Utc>, DateTime<Utc>);

fn runs(purchases: &[Purchase<'_>]) -> Vec<Option<Times>> {
    let times = running(purchases, New_York);
    times.into_iter().map(|run| run.map(|run| (run.from, run.until, run.unbroken_until))).collect()
}

#[test]
fn it_begins_at_once_and_ends_with_a_local_day() {
    let one = [bought("1", GOLD, "2026-01-31T15:00", 1)];
    let end = at("2026-03-01T05:00");
    assert_eq!(runs(&one), [Some((at("2026-01-31T15:00"), end, end))]);
}

#[test]
fn a_renewal_extends_and_does_not_creep() {
    let both = [bought("1", GOLD, "2026-01-31T15:00", 1), bought("2", GOLD, "2026-02-10T15:00", 1)];
    let (first, second) = (at("2026-03-01T05:00"), at("2026-04-01T04:00"));
    // The 31st again, and not the 28th.
    assert_eq!(runs(&both), [Some((at("2026-01-31T15:00"), first, second)), Some((first, second, second))]);
}

#[test]
fn what_is_bought_after_the_end_begins_anew() {
    let both = [bought("1", GOLD, "2026-01-10T15:00", 1), bought("2", GOLD, "2026-05-20T15:00", 1)];
    let (first, second) = (at("2026-02-11T05:00"), at("2026-06-21T04:00"));
    assert_eq!(
        runs(&both),
        [Some((at("2026-01-10T15:00"), first, first)), Some((at("2026-05-20T15:00"), second, second))]
    );
}

#[test]
fn a_lower_tier_waits_for_the_higher_and_a_higher_begins_at_once() {
    let lower = [bought("1", GOLD, "2026-01-10T15:00", 2), bought("2", SILVER, "2026-01-20T15:00", 1)];
    let end = at("2026-03-11T04:00");
    let last = at("2026-04-12T04:00");
    assert_eq!(runs(&lower), [Some((at("2026-01-10T15:00"), end, end)), Some((end, last, last))]);

    let higher = [bought("1", SILVER, "2026-01-10T15:00", 2), bought("2", GOLD, "2026-01-20T15:00", 1)];
    let gold = at("2026-02-21T05:00");
    assert_eq!(
        runs(&higher),
        [Some((at("2026-01-10T15:00"), end, end)), Some((at("2026-01-20T15:00"), gold, gold))]
    );
}

#[test]
fn what_was_refunded_leaves_no_gap() {
    let both = [bought("1", GOLD, "2026-01-10T15:00", 0), bought("2", GOLD, "2026-01-20T15:00", 1)];
    let end = at("2026-02-21T05:00");
    assert_eq!(runs(&both), [None, Some((at("2026-01-20T15:00"), end, end))]);
}

proptest! {
    #[test]
    fn every_order_of_telling_says_the_same_and_nothing_paid_is_lost(
        purchases in prop::collection::vec((0_u32..5, 0_i64..900, 0_u16..30), 0..8),
        turn in 0_usize..8,
    ) {
        let names: Vec<String> = (0..purchases.len()).map(|n| n.to_string()).collect();
        let mut all: Vec<Purchase<'_>> = purchases
            .iter()
            .zip(&names)
            .map(|((tier, days, months), name)| Purchase {
                order: name,
                tier_id: i32::try_from(*tier).unwrap(),
                rank: i32::try_from(*tier).unwrap() + 1,
                bought_at: at("2026-01-01T12:00") + chrono::TimeDelta::days(*days),
                months: *months,
            })
            .collect();
        let before: Vec<_> = all.iter().map(|p| p.order).zip(running(&all, New_York)).collect();
        let by = turn % all.len().max(1);
        all.rotate_left(by);
        let mut after: Vec<_> = all.iter().map(|p| p.order).zip(running(&all, New_York)).collect();
        after.sort_unstable_by_key(|(name, _)| *name);
        prop_assert_eq!(&before, &after);
        for (purchase, (_, run)) in purchases.iter().zip(&before) {
            prop_assert_eq!(run.is_some(), purchase.2 > 0);
            if let Some(run) = run {
                prop_assert!(run.from < run.until && run.until <= run.unbroken_until);
                // A month has at least 28 days, and the last day is a whole one.
                prop_assert!(run.until - run.from >= chrono::TimeDelta::days(28 * i64::from(purchase.2) - 1));
            }
        }
        // Of one tier none runs beside another.
        for (one, (_, a)) in purchases.iter().zip(&before) {
            for (other, (_, b)) in purchases.iter().zip(&before) {
                if let (Some(a), Some(b)) = (a, b)
                    && one.0 == other.0 && a.from < b.from
                {
                    prop_assert!(a.until <= b.from);
                }
            }
        }
    }
}
