//! What happens on the days the clocks change, case by case. Local times are written as shown.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use tradeup_domain::schedule::{CronSchedule, DstNote, GapPolicy, RepeatPolicy, ScheduleError};

use crate::{at, cron};

fn local(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

/// The fires in `(from, until]`, UTC, day and time.
fn fires(schedule: &CronSchedule, from: &str, until: &str) -> Vec<String> {
    let (mut last, mut found) = (at(from), Vec::new());
    loop {
        last = schedule.next_after(last).unwrap();
        if last > at(until) {
            return found;
        }
        found.push(last.format("%d %H:%M").to_string());
    }
}

fn with(expression: &str, zone: Tz, gap: GapPolicy, repeat: RepeatPolicy) -> CronSchedule {
    cron(expression, zone).with_dst(gap, repeat)
}

#[test]
fn a_gap_skips_or_moves_the_fire() {
    let span = ("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    let half_past_two = |gap| with("30 2 * * *", Tz::Europe__Berlin, gap, RepeatPolicy::First);
    assert_eq!(fires(&half_past_two(GapPolicy::After), span.0, span.1), ["29 01:00", "30 00:30"]);
    assert_eq!(fires(&half_past_two(GapPolicy::Skip), span.0, span.1), ["30 00:30"]);
    // Several times in the gap, and the regular fire at its end, are one fire.
    let each_quarter = with("*/15 2,3 * * *", Tz::Europe__Berlin, GapPolicy::After, RepeatPolicy::First);
    assert_eq!(
        fires(&each_quarter, span.0, "2026-03-29T02:00:00Z"),
        ["29 01:00", "29 01:15", "29 01:30", "29 01:45"]
    );
    // Two times a day are times of the day like one.
    let twice = cron("30 2,14 * * *", Tz::Europe__Berlin);
    assert_eq!(fires(&twice, span.0, "2026-03-29T13:00:00Z"), ["28 13:30", "29 01:00", "29 12:30"]);
}

#[test]
fn a_repeated_time_fires_once_or_twice() {
    let span = ("2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
    let half_past_two = |repeat| with("30 2 * * *", Tz::Europe__Berlin, GapPolicy::After, repeat);
    assert_eq!(fires(&half_past_two(RepeatPolicy::First), span.0, span.1), ["25 00:30", "26 01:30"]);
    assert_eq!(
        fires(&half_past_two(RepeatPolicy::Both), span.0, span.1),
        ["25 00:30", "25 01:30", "26 01:30"]
    );
    // From between the two the next is tomorrow's: the first has fired.
    assert_eq!(
        half_past_two(RepeatPolicy::First).next_after(at("2026-10-25T01:00:00Z")).unwrap(),
        at("2026-10-26T01:30:00Z")
    );
}

#[test]
fn a_schedule_that_names_every_hour_means_real_time() {
    let hourly = cron("30 * * * *", Tz::Europe__Berlin);
    assert_eq!((hourly.gap(), hourly.repeat()), (GapPolicy::Skip, RepeatPolicy::Both));
    for day in ["2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z"] {
        let fires = hourly.upcoming(at(day), 12).unwrap();
        assert!(fires.windows(2).all(|pair| pair[1].at - pair[0].at == TimeDelta::hours(1)));
    }
    let daily = cron("30 2 * * *", Tz::Europe__Berlin);
    assert_eq!((daily.gap(), daily.repeat()), (GapPolicy::After, RepeatPolicy::First));
}

#[test]
fn odd_zones() {
    // Lord Howe: half an hour. Chatham: offsets of three quarters. Troll: two hours.
    let gaps = [
        ("15 2 * * *", Tz::Australia__Lord_Howe, "2026-10-03T15:30:00Z"),
        ("0 3 * * *", Tz::Pacific__Chatham, "2026-09-26T14:00:00Z"),
        ("30 1 * * *", Tz::Antarctica__Troll, "2026-03-29T01:00:00Z"),
        // Midnight does not exist.
        ("0 0 * * *", Tz::America__Santiago, "2026-09-06T04:00:00Z"),
        // A day that does not exist; the first instant after it is the next day.
        ("0 9 30 12 *", Tz::Pacific__Apia, "2011-12-30T10:00:00Z"),
    ];
    for (expression, zone, expected) in gaps {
        let next = cron(expression, zone).next_after(at(expected) - TimeDelta::hours(2)).unwrap();
        assert_eq!(next, at(expected), "{expression} {zone}");
    }
    // The lost day's midnight and the next day's are one instant, so one fire.
    let apia = cron("0 0 * * *", Tz::Pacific__Apia);
    assert_eq!(
        fires(&apia, "2011-12-29T00:00:00Z", "2011-12-31T12:00:00Z"),
        ["29 10:00", "30 10:00", "31 10:00"]
    );
    // Offsets that change for good: Kazakhstan gave up an hour on 1 March 2024 at midnight.
    let almaty = cron("30 23 * * *", Tz::Asia__Almaty);
    assert_eq!(fires(&almaty, "2024-02-28T18:00:00Z", "2024-03-01T19:00:00Z"), ["29 17:30", "01 18:30"]);
}

#[test]
fn the_preview_says_what_the_clocks_do() {
    let daily = cron("30 2 * * *", Tz::Europe__Berlin);
    let spring = daily.upcoming(at("2026-03-28T00:00:00Z"), 3).unwrap();
    assert_eq!(
        spring.iter().map(|fire| fire.local).collect::<Vec<_>>(),
        [local("2026-03-28T02:30:00"), local("2026-03-29T03:00:00"), local("2026-03-30T02:30:00"),]
    );
    let moved = DstNote::MovedByGap { nominal: local("2026-03-29T02:30:00") };
    assert_eq!(spring.iter().map(|fire| fire.note).collect::<Vec<_>>(), [None, Some(moved), None]);

    let both = daily.with_dst(GapPolicy::Skip, RepeatPolicy::Both);
    let autumn = both.upcoming(at("2026-10-25T00:00:00Z"), 3).unwrap();
    assert_eq!(
        autumn.iter().map(|fire| fire.note).collect::<Vec<_>>(),
        [Some(DstNote::FirstOfRepeat), Some(DstNote::SecondOfRepeat), None]
    );
    // A regular fire at the end of a gap is no moved one.
    let hourly = cron("0 * * * *", Tz::Europe__Berlin).with_dst(GapPolicy::After, RepeatPolicy::First);
    assert!(hourly.upcoming(at("2026-03-28T23:00:00Z"), 5).unwrap().iter().all(|fire| fire.note.is_none()));
}

#[test]
fn times_that_always_fall_into_a_gap_end_the_search() {
    // In Santiago summer time begins at a midnight, on a Sunday from 2 to 8 September.
    let schedule = with("0 0 * 9 SUN#1", Tz::America__Santiago, GapPolicy::Skip, RepeatPolicy::First);
    assert_eq!(schedule.next_after(at("2026-01-01T00:00:00Z")).unwrap(), at("2030-09-01T04:00:00Z"));
    // Outside the years in which a schedule makes sense there is an error, no panic.
    for edge in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        assert!(matches!(schedule.next_after(edge), Err(ScheduleError::NeverFires { .. })));
    }
}

/// Month ends and leap days, in a zone east and one west of UTC.
#[test]
fn month_ends_and_leap_days() {
    for zone in [Tz::Pacific__Kiritimati, Tz::Pacific__Pago_Pago] {
        let dates = |expression, n| -> Vec<String> {
            let fires = cron(expression, zone).upcoming(at("2096-01-10T12:00:00Z"), n).unwrap();
            fires.iter().map(|fire| fire.local.format("%Y-%m-%d").to_string()).collect()
        };
        assert_eq!(dates("0 12 L * *", 4), ["2096-01-31", "2096-02-29", "2096-03-31", "2096-04-30"]);
        assert_eq!(dates("0 12 L 2 *", 5)[4], "2100-02-28");
        // 2100 is no leap year: eight years without 29 February.
        assert_eq!(dates("0 12 29 2 *", 2), ["2096-02-29", "2104-02-29"]);
        assert_eq!(dates("0 12 31 * *", 3), ["2096-01-31", "2096-03-31", "2096-05-31"]);
        assert_eq!(dates("0 12 1 3 *", 2), ["2096-03-01", "2097-03-01"]);
        // The fifth Monday of a February: 29 February on a Monday.
        assert_eq!(dates("0 12 * 2 MON#5", 2), ["2112-02-29", "2140-02-29"]);
    }
}

proptest! {
    /// Fires strictly increase, the next after any instant is the first of them that is later,
    /// and `First` fires a subset of `Both`, `Skip` a subset of `After`.
    #[test]
    fn enumerations_agree(
        zone in prop::sample::select(vec![
            Tz::Europe__Berlin, Tz::America__Santiago, Tz::Australia__Lord_Howe, Tz::Pacific__Chatham,
            Tz::Antarctica__Troll, Tz::Africa__Casablanca, Tz::Pacific__Apia, Tz::Asia__Kathmandu,
        ]),
        minute in prop::sample::select(vec!["0", "30", "*/15", "7,52", "*"]),
        hour in prop::sample::select(vec!["0", "2", "*/2", "1-3", "*"]),
        start in 1_300_000_000_i64..2_500_000_000,
        later in 0_i64..100_000,
    ) {
        let expression = format!("{minute} {hour} * * *");
        let start = DateTime::from_timestamp(start, 500_000_000).unwrap();
        let probe = start + TimeDelta::seconds(later);
        let mut by_policy = Vec::new();
        for gap in GapPolicy::ALL {
            for repeat in RepeatPolicy::ALL {
                let schedule = with(&expression, zone, *gap, *repeat);
                let mut fires = vec![start];
                while fires.last().unwrap() <= &probe {
                    fires.push(schedule.next_after(*fires.last().unwrap()).unwrap());
                }
                prop_assert!(fires.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert_eq!(schedule.next_after(probe).unwrap(), fires.pop().unwrap());
                by_policy.push(fires);
            }
        }
        let within = |small: usize, big: usize| by_policy[small].iter().all(|fire| by_policy[big].contains(fire));
        // In the order skip-first, skip-both, after-first, after-both.
        prop_assert!(within(0, 1) && within(2, 3) && within(0, 2) && within(1, 3));
    }
}
