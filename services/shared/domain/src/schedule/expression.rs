//! Cron expressions: five fields, checked here, enumerated by `croner`.
//!
//! The check comes first because `croner` lets through what people did not mean: month names in
//! the minute field, an empty list (`,`), `*/90` minutes; and its errors do not name the field.
//! What it gets is the same expression in plain numbers, and it only ever enumerates local times
//! without a zone: what a zone makes of them is decided in [`super::fire`].
//!
//! # Grammar
//! `minute hour day-of-month month day-of-week`, each `*` or a list of values, ranges (`1-5`) and
//! steps (`*/15`, `10-50/20`). Months and weekdays also by name (`JAN`, `MON`); Sunday is 0 or 7,
//! and a weekday range may end on it (`FRI-SUN`). Day of month also `L` (last day), `LW` (last
//! weekday of the month) and `15W` (the weekday nearest the 15th); day of week also `FRIL` (the
//! last Friday) and `MON#2` (the second Monday).
//!
//! # Day of month and day of week
//! As in cron since Vixie: if both are given a day fires when **either** matches (`0 6 1 * MON`:
//! the first of the month and each Monday). A field counts as given unless it is exactly `*`.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use super::ScheduleError;

/// Longest expression accepted, in bytes. A list of every minute has 170.
const EXPRESSION_MAX_BYTES: usize = 400;

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// One of the five fields.
struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    /// Names of the values from `min` on.
    names: &'static [&'static str],
    /// Examples for an error.
    use_one_of: &'static str,
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", min: 0, max: 59, names: &[], use_one_of: "0 to 59, *, 0,30, 10-20 or */15" },
    Field { name: "hour", min: 0, max: 23, names: &[], use_one_of: "0 to 23, *, 6,18, 9-17 or */2" },
    Field {
        name: "day of month",
        min: 1,
        max: 31,
        names: &[],
        use_one_of: "1 to 31, *, 1,15, 1-7, L, LW or 15W",
    },
    Field {
        name: "month",
        min: 1,
        max: 12,
        names: &MONTHS,
        use_one_of: "1 to 12, JAN to DEC, *, 1,7 or */3",
    },
    Field {
        name: "day of week",
        min: 0,
        max: 7,
        names: &WEEKDAYS,
        use_one_of: "0 to 7 (0 and 7 are Sunday), SUN to SAT, *, MON-FRI, FRIL or MON#2",
    },
];

/// Index of the day-of-month field.
const DAY: usize = 2;
/// Index of the day-of-week field.
const WEEKDAY: usize = 4;

/// Fields whose steps are told of as steps, with how many values a round has.
const STEPPED: [(usize, u32); 3] = [(0, 60), (1, 24), (3, 12)];

/// A checked expression.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    text: String,
    cron: Cron,
}

impl Expression {
    /// Checks an expression and refuses one that never fires.
    pub(super) fn parse(text: &str) -> Result<Self, ScheduleError> {
        let text = text.trim();
        let wrong = |reason| ScheduleError::cron(text, reason);
        let numbers = in_numbers(text).map_err(wrong)?;
        let cron = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build()
            .parse(&numbers)
            .map_err(|error| wrong(error.to_string()))?;
        let expression = Self { text: text.to_owned(), cron };
        // Any start will do: the calendar repeats every 400 years and the search goes further.
        let start = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or(NaiveDate::MIN).and_time(NaiveTime::MIN);
        expression.next(start, true).map(|_first| expression)
    }

    /// The expression as it was given, without spaces around it.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The expression as a sentence, where `croner` has a true one: it takes the step of a part for that of the
    /// whole field, and the last weekday of a month for its last day.
    pub(super) fn words(&self) -> Option<String> {
        let upper = self.text.to_uppercase();
        let fields: Vec<&str> = upper.split_whitespace().collect();
        let even = STEPPED.iter().all(|(index, round)| {
            fields.get(*index).is_none_or(|field| match field.strip_prefix("*/") {
                Some(step) => step.parse::<u32>().is_ok_and(|step| step > 0 && round.is_multiple_of(step)),
                None => !field.contains('/'),
            })
        });
        let last_weekday = fields.get(DAY).is_some_and(|days| days.contains('L') && days.contains('W'));
        (even && !last_weekday).then(|| self.cron.describe())
    }

    /// Whether every hour of a day is named.
    pub(super) fn every_hour(&self) -> bool {
        self.cron.pattern.hours.values().len() == 24
    }

    /// The first local time the expression names after `local`, or at it if `inclusive`.
    pub(super) fn next(&self, local: NaiveDateTime, inclusive: bool) -> Result<NaiveDateTime, ScheduleError> {
        self.cron
            .find_next_occurrence(&local, inclusive)
            .map_err(|_search_limit| ScheduleError::never(&self.text))
    }

    /// Whether the expression names this local time.
    pub(super) fn names(&self, local: NaiveDateTime) -> bool {
        self.cron.is_time_matching(&local).unwrap_or(false)
    }
}

/// Writes the expression with numbers instead of names, or says what is wrong with it.
fn in_numbers(text: &str) -> Result<String, String> {
    const FIVE: &str =
        "write five fields: minute hour day-of-month month day-of-week (0 6 1 * * is 06:00 on the 1st)";
    if text.len() > EXPRESSION_MAX_BYTES {
        return Err(format!(
            "longer than {EXPRESSION_MAX_BYTES} characters; use ranges and steps, or two schedules"
        ));
    }
    if text.starts_with('@') {
        return Err(format!("nicknames are not known; {FIVE}, @daily is 0 0 * * *"));
    }
    let upper = text.to_uppercase();
    let fields: Vec<&str> = upper.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let hint = if fields.len() == 6 { ", without seconds or a year" } else { "" };
        return Err(format!("has {} fields; {FIVE}{hint}", fields.len()));
    }
    let numbers: Result<Vec<String>, String> =
        (0..FIELDS.len()).map(|n| field_in_numbers(n, fields[n])).collect();
    Ok(numbers?.join(" "))
}

fn field_in_numbers(index: usize, text: &str) -> Result<String, String> {
    let field = &FIELDS[index];
    let parts: Result<Vec<String>, String> =
        text.split(',').map(|part| part_in_numbers(index, part)).collect();
    let parts = parts.map_err(|reason| format!("{} {text:?}: {reason}", field.name))?;
    if parts.len() > 1 && parts.iter().any(|part| part == "*") {
        return Err(format!("{} {text:?}: * in a list already means every value; write * alone", field.name));
    }
    Ok(parts.join(","))
}

fn part_in_numbers(index: usize, part: &str) -> Result<String, String> {
    let field = &FIELDS[index];
    if part.is_empty() {
        return Err("a part of the list is empty; remove the extra comma".to_owned());
    }
    if let Some(special) = special_day(index, part) {
        return special;
    }
    let Some((range, step)) = part.split_once('/') else { return range_in_numbers(field, part) };
    let longest = field.max.min(if index == WEEKDAY { 6 } else { u32::MAX }) - field.min;
    let step: u32 = match step.parse() {
        Ok(step) if (1..=longest).contains(&step) => step,
        _ => {
            return Err(format!(
                "step {step:?} must be 1 to {longest}; a step starts again with each field's round"
            ));
        }
    };
    if range.is_empty() {
        return Err(format!("a step needs a range; write */{step}"));
    }
    if range != "*" && !range.contains('-') {
        let from = value(field, range)?;
        return Err(format!("a step needs a range; write {from}-{}/{step}", field.max));
    }
    Ok(format!("{}/{step}", range_in_numbers(field, range)?))
}

fn range_in_numbers(field: &Field, text: &str) -> Result<String, String> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    let Some((from, to)) = text.split_once('-') else { return Ok(value(field, text)?.to_string()) };
    let (from, mut to) = (value(field, from)?, value(field, to)?);
    if field.name == FIELDS[WEEKDAY].name && to == 0 && from > 0 {
        to = 7;
    }
    if from > to {
        let last = if field.max == 7 { 6 } else { field.max };
        let range = |from, to| if from == to { format!("{from}") } else { format!("{from}-{to}") };
        return Err(format!(
            "range {text} runs backwards; write two: {},{}",
            range(from, last),
            range(field.min, to)
        ));
    }
    Ok(format!("{from}-{to}"))
}

fn value(field: &Field, text: &str) -> Result<u32, String> {
    let by_name = (field.min..).zip(field.names).find(|(_, name)| **name == text).map(|(value, _)| value);
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    by_name
        .or_else(|| if digits { text.parse().ok() } else { None })
        .filter(|value| (field.min..=field.max).contains(value))
        .ok_or_else(|| format!("{text:?} is not allowed; use {}", field.use_one_of))
}

/// `L`, `LW` and `15W` for days of the month; `5L` and `MON#2` for days of the week.
fn special_day(index: usize, part: &str) -> Option<Result<String, String>> {
    let field = &FIELDS[index];
    match index {
        DAY if part == "L" || part == "LW" => Some(Ok(part.to_owned())),
        DAY => part.strip_suffix('W').map(|day| Ok(format!("{}W", value(field, day)?))),
        WEEKDAY => {
            let (day, nth) = part.split_once('#').or_else(|| part.strip_suffix('L').map(|day| (day, "L")))?;
            Some(match nth {
                "L" | "1" | "2" | "3" | "4" | "5" => value(field, day).map(|day| format!("{day}#{nth}")),
                _ => Err(format!("{part}: after # comes 1 to 5 or L")),
            })
        }
        _ => None,
    }
}
