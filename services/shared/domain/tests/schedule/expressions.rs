//! Cron expressions: what is read, and what is refused with which words.

use chrono_tz::Tz;
use tradeup_domain::schedule::{CronSchedule, ScheduleError};

use crate::{at, cron};

/// The local times of the next three fires after 1 January 2026, 00:00 UTC.
fn next(expression: &str) -> Vec<String> {
    let fires = cron(expression, Tz::UTC).upcoming(at("2026-01-01T00:00:00Z"), 3).unwrap();
    fires.iter().map(|fire| fire.local.format("%m-%d %a %H:%M").to_string()).collect()
}

#[test]
fn what_is_read() {
    for (expression, fires) in [
        ("0 6 1 * *", ["01-01 Thu 06:00", "02-01 Sun 06:00", "03-01 Sun 06:00"]),
        ("  */20\t 1-2/1 * jan mon ", ["01-05 Mon 01:00", "01-05 Mon 01:20", "01-05 Mon 01:40"]),
        ("5,10-20/10 0 * * *", ["01-01 Thu 00:05", "01-01 Thu 00:10", "01-01 Thu 00:20"]),
        ("0 0 L * *", ["01-31 Sat 00:00", "02-28 Sat 00:00", "03-31 Tue 00:00"]),
        ("0 0 LW * *", ["01-30 Fri 00:00", "02-27 Fri 00:00", "03-31 Tue 00:00"]),
        ("0 0 15W * *", ["01-15 Thu 00:00", "02-16 Mon 00:00", "03-16 Mon 00:00"]),
        ("0 0 * * FRIL", ["01-30 Fri 00:00", "02-27 Fri 00:00", "03-27 Fri 00:00"]),
        ("0 0 * * MON#2", ["01-12 Mon 00:00", "02-09 Mon 00:00", "03-09 Mon 00:00"]),
        ("0 0 * * FRI-SUN", ["01-02 Fri 00:00", "01-03 Sat 00:00", "01-04 Sun 00:00"]),
        ("0 0 1,15 FEB-APR/2 *", ["02-01 Sun 00:00", "02-15 Sun 00:00", "04-01 Wed 00:00"]),
        // Day of month or day of week.
        ("0 0 13 * FRI", ["01-02 Fri 00:00", "01-09 Fri 00:00", "01-13 Tue 00:00"]),
        // 30 February never comes, but Mondays do.
        ("0 0 30 2 MON", ["02-02 Mon 00:00", "02-09 Mon 00:00", "02-16 Mon 00:00"]),
    ] {
        assert_eq!(next(expression), fires, "{expression}");
    }
    for sunday in ["0", "7", "SUN", "sun", "0,7", "7#1"] {
        assert_eq!(next(&format!("0 0 * * {sunday}"))[0], "01-04 Sun 00:00", "{sunday}");
    }
    assert_eq!(cron(" 0 6 1 * mon ", Tz::UTC).expression(), "0 6 1 * mon");
}

#[test]
fn what_is_refused_is_named_with_what_to_write() {
    for (bad, named, fix) in [
        ("", "has 0 fields", "write five fields: minute hour"),
        ("* * * *", "has 4 fields", "write five fields"),
        ("0 0 6 1 * *", "has 6 fields", "without seconds or a year"),
        ("@daily", "nicknames are not known", "0 0 * * *"),
        ("every day at 6 o'clock", "minute \"EVERY\"", "0 to 59"),
        ("61 * * * *", "minute \"61\"", "0 to 59"),
        ("0 24 * * *", "hour \"24\"", "0 to 23"),
        ("0 0 0 * *", "day of month \"0\"", "1 to 31"),
        ("0 0 32 * *", "day of month \"32\"", "1 to 31"),
        ("0 0 * 13 *", "month \"13\"", "JAN to DEC"),
        ("0 0 * * 8", "day of week \"8\"", "SUN to SAT"),
        ("0 0 * * MONDAY", "\"MONDAY\"", "SUN to SAT"),
        ("JAN * * * *", "minute \"JAN\"", "0 to 59"),
        ("0 MON * * *", "hour \"MON\"", "0 to 23"),
        ("0,,5 * * * *", "minute \"0,,5\"", "remove the extra comma"),
        (", * * * *", "minute \",\"", "remove the extra comma"),
        ("*,5 * * * *", "minute \"*,5\"", "write * alone"),
        ("5/10 * * * *", "a step needs a range", "5-59/10"),
        ("/10 * * * *", "a step needs a range", "write */10"),
        ("0 0 L/2 * *", "\"L\" is not allowed", "1 to 31"),
        ("*/0 * * * *", "step \"0\"", "1 to 59"),
        ("*/90 * * * *", "step \"90\"", "1 to 59"),
        ("* */24 * * *", "step \"24\"", "1 to 23"),
        ("0 22-2 * * *", "range 22-2 runs backwards", "22-23,0-2"),
        ("0 0 * NOV-FEB *", "range NOV-FEB runs backwards", "11-12,1-2"),
        ("0 0 * * SAT-MON", "range SAT-MON runs backwards", "6,0-1"),
        ("0 0 * * MON#6", "MON#6", "1 to 5 or L"),
        ("0 0 * * L", "day of week \"L\"", "FRIL"),
        ("0 0 L-3 * *", "day of month \"L-3\"", "L, LW or 15W"),
        ("0 0 ? * *", "day of month \"?\"", "*"),
        ("0 0 1 * +MON", "day of week \"+MON\"", "SUN to SAT"),
        ("+5 * * * *", "minute \"+5\"", "0 to 59"),
        ("0 0 ١ * *", "day of month", "1 to 31"),
        ("99999999999 * * * *", "minute", "0 to 59"),
        ("-5 * * * *", "minute \"-5\"", "0 to 59"),
        (&"0,".repeat(300), "longer than 400", "use ranges"),
    ] {
        let error = CronSchedule::parse(bad, Tz::UTC).unwrap_err();
        assert!(matches!(error, ScheduleError::Cron { .. }), "{bad:?}: {error}");
        let said = error.to_string();
        assert!(said.contains(named) && said.contains(fix), "{bad:?}: {said}");
        assert!(said.len() < 500, "{said}");
    }
}

#[test]
fn what_never_fires_is_refused() {
    for never in ["0 0 30 2 *", "0 0 30,31 FEB *", "*/5 * 31 2,4,6,9,11 *", "0 0 31 APR-JUN/2 *"] {
        let error = CronSchedule::parse(never, Tz::UTC).unwrap_err();
        assert!(matches!(error, ScheduleError::NeverFires { .. }), "{never}: {error}");
        assert!(error.to_string().contains("change the day or the month"), "{error}");
    }
    assert!(CronSchedule::parse("0 0 29 2 *", Tz::UTC).is_ok());
    assert!(CronSchedule::parse("0 0 * 2 MON#5", Tz::UTC).is_ok());
}

#[test]
fn an_expression_is_said_in_words_where_they_are_true() {
    for (expression, words) in [
        ("0 6 1 * *", "At 06:00, on day 1."),
        ("0 9 * * mon", "At 09:00, on Monday."),
        ("*/15 * * * *", "At every 15 minutes."),
        ("30 18 L * *", "At 18:30, on the last day of the month."),
        ("0 0 1 */3 *", "At 00:00, on day 1, in every 3 months."),
        ("0 0 13 * FRI", "At 00:00, on day 13 or Friday."),
    ] {
        assert_eq!(cron(expression, Tz::UTC).words().as_deref(), Some(words), "{expression}");
    }
    // A sentence would say something else.
    for odd in ["*/7 * * * *", "0-30/15 * * * *", "5,10-20/10 0 * * *", "0 */5 * * *", "0 0 LW * *"] {
        assert_eq!(cron(odd, Tz::UTC).words(), None, "{odd}");
    }
}

#[test]
fn the_fires_of_a_range_have_both_its_ends() {
    let monthly = cron("0 6 1 * *", Tz::UTC);
    let (from, until) = (at("2026-01-01T06:00:00Z"), at("2026-03-01T06:00:00Z"));
    let fires = |max| -> Vec<_> {
        monthly.between(from, until, max).unwrap().into_iter().map(|fire| fire.at).collect()
    };
    assert_eq!(fires(10), [from, at("2026-02-01T06:00:00Z"), until]);
    assert_eq!(fires(2).len(), 2);
    let later = from + chrono::TimeDelta::milliseconds(1);
    assert_eq!(monthly.between(later, until, 10).unwrap().len(), 2);
    assert!(monthly.between(until, from, 10).unwrap().is_empty());
}
