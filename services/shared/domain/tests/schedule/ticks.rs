//! Ticks: each fire is decided once, however ticks fall and whatever was missed.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use tradeup_domain::schedule::{
    CronSchedule, Decided, Decision, FIRES_PER_TICK, LOOKED_AT_PER_TICK, MissedPolicy, ON_TIME,
    OverlapPolicy, SINGLE_ROWS_MAX, Tick,
};

use crate::{at, cron};

const YEAR: TimeDelta = TimeDelta::days(365);

fn monthly() -> CronSchedule {
    cron("0 6 1 * *", Tz::UTC)
}

fn words(tick: &Tick) -> Vec<&str> {
    tick.decisions.iter().map(|row| row.decision.as_str()).collect()
}

/// Ticks at one moment until nothing is due.
fn catch_up(
    schedule: &CronSchedule,
    next: &str,
    now: &str,
    policy: MissedPolicy,
    window: TimeDelta,
) -> Vec<Decided> {
    let (mut next, now, mut rows) = (at(next), at(now), Vec::new());
    while next <= now {
        let tick = schedule.tick(next, now, policy, window).unwrap();
        assert!(tick.next_fire_at > next, "a tick always gets on");
        next = tick.next_fire_at;
        rows.extend(tick.decisions);
    }
    assert_eq!(next, schedule.next_after(now).unwrap());
    rows
}

#[test]
fn missed_fires_follow_the_policy_and_the_window() {
    let start = at("2026-09-01T06:00:00Z");
    for (policy, days, now, expected) in [
        (MissedPolicy::ALL, 365, "2026-12-01T06:00:30Z", vec!["late", "late", "late", "fired"]),
        (MissedPolicy::ALL, 40, "2026-12-01T06:00:30Z", vec!["missed", "missed", "late", "fired"]),
        (MissedPolicy::All { max: 2 }, 365, "2026-12-01T06:00:30Z", vec!["skipped", "late", "late", "fired"]),
        (MissedPolicy::All { max: 2 }, 70, "2026-12-15T00:00:00Z", vec!["missed", "missed", "late", "late"]),
        (MissedPolicy::All { max: 2 }, 70, "2026-11-01T06:01:00Z", vec!["late", "late", "fired"]),
        (MissedPolicy::All { max: 2 }, 70, "2026-11-01T06:01:01Z", vec!["skipped", "late", "late"]),
        (MissedPolicy::Skip, 365, "2026-12-01T06:00:30Z", vec!["skipped", "skipped", "skipped", "fired"]),
        (MissedPolicy::Skip, 20, "2026-11-15T00:00:00Z", vec!["missed", "missed", "skipped"]),
        // On time, the latest fire makes up for the late ones; late, it fires itself.
        (MissedPolicy::Latest, 365, "2026-12-01T06:00:30Z", vec!["skipped", "skipped", "skipped", "fired"]),
        (MissedPolicy::Latest, 365, "2026-12-15T00:00:00Z", vec!["skipped", "skipped", "skipped", "late"]),
        (MissedPolicy::Latest, 10, "2026-12-15T00:00:00Z", vec!["missed", "missed", "missed", "missed"]),
        (MissedPolicy::Latest, 365, "2026-09-01T05:59:59Z", vec![]),
    ] {
        let tick = monthly().tick(start, at(now), policy, TimeDelta::days(days)).unwrap();
        assert_eq!(words(&tick), expected, "{policy} {days} {now}");
        assert!(tick.decisions.iter().all(|row| row.fires == 1 && row.until == row.fire_at));
        assert!(tick.next_fire_at > at(now));
    }
}

/// Two weeks off with a 5-minute schedule (peers: river, 5-second ticks): a row, not 4,032.
#[test]
fn a_long_outage_is_one_row_and_the_newest_fires() {
    let schedule = cron("*/5 * * * *", Tz::Europe__Berlin);
    let (next, now) = ("2026-10-19T00:00:00Z", "2026-11-02T00:03:00Z");
    let rows = catch_up(&schedule, next, now, MissedPolicy::Latest, YEAR);
    let skipped = Decided {
        fire_at: at(next),
        until: at("2026-11-01T23:55:00Z"),
        fires: 14 * 24 * 12,
        decision: Decision::Skipped,
    };
    let last = at("2026-11-02T00:00:00Z");
    assert_eq!(rows, [skipped, Decided { fire_at: last, until: last, fires: 1, decision: Decision::Late }]);

    let rows = catch_up(&schedule, next, now, MissedPolicy::All { max: 12 }, TimeDelta::days(7));
    assert_eq!((rows[0].fires, rows[0].decision), (7 * 24 * 12 + 1, Decision::Missed));
    assert_eq!((rows[1].fires, rows[1].decision), (7 * 24 * 12 - 12, Decision::Skipped));
    assert!(rows[2..].iter().all(|row| row.decision == Decision::Late));
    assert_eq!((rows.len(), rows[2].fire_at), (14, at("2026-11-01T23:05:00Z")));
}

/// More than a tick looks at: 69 days of every minute.
#[test]
fn more_than_one_tick_looks_at_is_decided_alike() {
    let schedule = cron("* * * * *", Tz::UTC);
    let (next, now) = ("2026-01-01T00:00:00Z", "2026-03-11T00:00:00Z");
    let total = 69 * 24 * 60 + 1;
    assert!(total > 2 * LOOKED_AT_PER_TICK);
    for (policy, window, firing) in [
        (MissedPolicy::Latest, YEAR, 1),
        (MissedPolicy::Skip, YEAR, 1),
        (MissedPolicy::All { max: 250 }, YEAR, 252),
        (MissedPolicy::All { max: 9_999 }, TimeDelta::hours(2), 121),
        (MissedPolicy::ALL, TimeDelta::hours(5), 301),
        (MissedPolicy::Latest, TimeDelta::days(40), 1),
    ] {
        let rows = catch_up(&schedule, next, now, policy, window);
        let fires: u32 = rows.iter().map(|row| row.fires).sum();
        assert_eq!(usize::try_from(fires).unwrap(), total, "{policy}");
        let firing_rows = rows.iter().filter(|row| row.decision.fires()).count();
        // Of the two within the minute both fire; Latest and Skip let only these.
        let on_time = rows.iter().filter(|row| row.decision == Decision::Fired).count();
        assert_eq!(on_time, 2, "{policy}");
        assert_eq!(firing_rows, firing + usize::from(firing == 1), "{policy}");
        assert!(rows.iter().rev().take(firing_rows).all(|row| row.decision.fires()), "the newest fire");
        assert!(rows.len() < firing_rows + 2 * SINGLE_ROWS_MAX, "{policy}: {} rows", rows.len());
    }
}

#[test]
fn while_paused_nothing_fires_and_the_old_next_time_is_not_used() {
    let schedule = cron("0 * * * *", Tz::UTC);
    let (next, now) = (at("2026-05-01T10:00:00Z"), at("2026-05-01T13:30:00Z"));
    let paused = schedule.tick_paused(next, now).unwrap();
    assert_eq!(words(&paused), ["paused"; 4]);
    assert_eq!(paused.next_fire_at, at("2026-05-01T14:00:00Z"));
    assert_eq!(schedule.resume(next, now).unwrap(), paused);
    // Resumed at the very minute of a fire: that fire fell due while paused.
    let resumed = schedule.resume(next, at("2026-05-01T14:00:00Z")).unwrap();
    assert_eq!((words(&resumed).len(), resumed.next_fire_at), (5, at("2026-05-01T15:00:00Z")));
    // Nothing due: only the next time is new.
    let resumed = schedule.resume(at("2026-05-01T23:17:00Z"), now).unwrap();
    assert_eq!(resumed, Tick { decisions: vec![], next_fire_at: at("2026-05-01T14:00:00Z") });
    // A pause of years is one row and still ends in the future.
    let minutes = cron("* * * * *", Tz::UTC);
    let resumed = minutes.resume(at("2020-01-01T00:00:00Z"), now).unwrap();
    assert_eq!((resumed.decisions.len(), resumed.decisions[0].until), (1, now));
    assert_eq!(resumed.next_fire_at, at("2026-05-01T13:31:00Z"));
}

#[test]
fn overlap_sees_the_fires_of_its_own_tick() {
    let late =
        monthly().tick(at("2026-09-01T06:00:00Z"), at("2026-12-01T06:00:30Z"), MissedPolicy::ALL, YEAR);
    let late = late.unwrap();
    let under = |policy, unfinished, queued| late.clone().with_overlap(policy, unfinished, queued);
    assert_eq!(under(OverlapPolicy::Allow, true, true), late);
    let skip = under(OverlapPolicy::Skip, false, false);
    assert_eq!(words(&skip), ["late", "skipped_overlap", "skipped_overlap", "skipped_overlap"]);
    let queue = under(OverlapPolicy::QueueOne, false, false);
    assert_eq!(words(&queue), ["late", "queued", "skipped_overlap", "skipped_overlap"]);
    let busy = under(OverlapPolicy::QueueOne, true, false);
    assert_eq!(words(&busy), ["queued", "skipped_overlap", "skipped_overlap", "skipped_overlap"]);
}

/// The fires that rows stand for, checked against the schedule.
fn expand(schedule: &CronSchedule, rows: &[Decided]) -> Vec<(DateTime<Utc>, Decision)> {
    let mut fires = Vec::new();
    for row in rows {
        let mut fire_at = row.fire_at;
        for _ in 0..row.fires {
            fires.push((fire_at, row.decision));
            fire_at = schedule.next_after(fire_at).unwrap();
        }
        assert_eq!(fires.last().unwrap().0, row.until, "the row's last fire");
        assert!(row.fires == 1 || !row.decision.fires(), "a fire that fires has its own row");
    }
    fires
}

fn any_policy() -> impl Strategy<Value = MissedPolicy> {
    prop_oneof![
        Just(MissedPolicy::Skip),
        Just(MissedPolicy::Latest),
        Just(MissedPolicy::ALL),
        (1_u32..150).prop_map(|max| MissedPolicy::All { max }),
    ]
}

proptest! {
    /// However ticks fall, each fire is decided exactly once, in order, by its age and policy.
    #[test]
    fn every_fire_is_decided_once(
        expression in prop::sample::select(vec!["0 6 1 * *", "30 2 * * *", "20 * * * *", "*/15 1-3 * * *"]),
        gaps in prop::collection::vec(prop_oneof![1_i64..7_200, 1_i64..3_000_000], 1..12),
        window in prop_oneof![0_i64..10, 0_i64..5_000_000],
        policy in any_policy(),
        paused in prop::collection::vec(any::<bool>(), 12),
    ) {
        let schedule = cron(expression, Tz::America__Santiago);
        let start = schedule.next_after(at("2026-03-20T00:00:00Z")).unwrap();
        let window = TimeDelta::seconds(window);
        let (mut now, mut next, mut seen) = (start - TimeDelta::seconds(30), start, Vec::new());
        for (gap, paused) in gaps.into_iter().zip(paused) {
            now += TimeDelta::seconds(gap);
            let tick = if paused {
                schedule.tick_paused(next, now).unwrap()
            } else {
                schedule.tick(next, now, policy, window).unwrap()
            };
            let decided = expand(&schedule, &tick.decisions);
            let late = decided.iter().filter(|(_, decision)| *decision == Decision::Late).count();
            for (fire_at, decision) in &decided {
                let age = now - *fire_at;
                prop_assert!(age >= TimeDelta::zero(), "never before its time");
                prop_assert_eq!(paused, *decision == Decision::Paused);
                if !paused {
                    prop_assert_eq!(*decision == Decision::Fired, age <= ON_TIME);
                    prop_assert_eq!(*decision == Decision::Missed, age > ON_TIME && age > window);
                }
            }
            let after_late = decided.iter().skip_while(|(_, decision)| *decision != Decision::Late);
            prop_assert!(after_late.clone().all(|(_, decision)| decision.fires()), "the newest are late");
            let most = match policy {
                MissedPolicy::Skip => 0,
                MissedPolicy::Latest => 1,
                MissedPolicy::All { max } => usize::try_from(max).unwrap(),
            };
            prop_assert!(late <= most);
            prop_assert!(decided.iter().filter(|(_, decision)| decision.fires()).count() <= FIRES_PER_TICK);
            prop_assert!(tick.next_fire_at > now || late == FIRES_PER_TICK);
            next = tick.next_fire_at;
            seen.extend(decided.into_iter().map(|(fire_at, _)| fire_at));
        }
        let mut expected = vec![];
        let mut fire_at = start;
        while fire_at < next {
            expected.push(fire_at);
            fire_at = schedule.next_after(fire_at).unwrap();
        }
        prop_assert_eq!(seen, expected);
    }
}
