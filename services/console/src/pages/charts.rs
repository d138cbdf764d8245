//! Which charts pages show, and of what.

use chrono::{Months, NaiveDate, Timelike as _};
use tradeup_domain::{Currency, amount_text};

use crate::charts::{Chart, Series, Stand, Tone};
use crate::views::agents::spend::SpendMonth;
use crate::views::agents::usd::Usd;
use crate::views::ended::EndedHour;
use crate::views::ledger::Month;

/// Hours from one that is named to the next.
const NAMED_HOURS: u32 = 6;
/// Months of a chart.
const MONTHS: u32 = 12;

/// How runs ended; nothing if none did.
pub(super) fn ended(hours: &[EndedHour]) -> Option<Chart> {
    let most = hours.iter().max_by_key(|hour| hour.all()).filter(|hour| hour.all() > 0)?;
    let figures = |of: fn(&EndedHour) -> i64| hours.iter().map(of).collect::<Vec<i64>>();
    // What failed stands at the foot, so that its hours compare.
    let series = vec![
        Series { name: "failed for good", tone: Tone::Bad, values: figures(|hour| hour.failed) },
        Series { name: "cancelled", tone: Tone::Warn, values: figures(|hour| hour.cancelled) },
        Series { name: "succeeded", tone: Tone::Good, values: figures(|hour| hour.succeeded) },
    ];
    let sums: Vec<String> = series
        .iter()
        .map(|series| format!("{} {}", series.values.iter().sum::<i64>(), series.name))
        .collect();
    let says = format!(
        "Runs that ended within {} hours: {}. Most within one hour: {}, from {}.",
        hours.len(),
        sums.join(", "),
        most.all(),
        most.hour
    );
    let places = hours.iter().map(name_of_hour).collect();
    Some(Chart { says, note: "hours in UTC".to_owned(), places, series, stand: Stand::Stacked, decimals: 0 })
}

fn name_of_hour(hour: &EndedHour) -> String {
    let at = hour.hour.0;
    match at.hour() {
        0 => at.format("%a %d").to_string(),
        hour if hour % NAMED_HOURS == 0 => at.format("%H:%M").to_string(),
        _ => String::new(),
    }
}

/// What months moved: a chart for each currency.
pub(super) fn months(months: &[Month]) -> Vec<Chart> {
    months.chunk_by(|a, b| a.currency == b.currency).filter_map(of_currency).collect()
}

/// Of months of one currency, newest first.
fn of_currency(months: &[Month]) -> Option<Chart> {
    let latest = months.first()?;
    let days: Vec<NaiveDate> =
        (0..MONTHS).rev().filter_map(|ago| latest.first_day.checked_sub_months(Months::new(ago))).collect();
    let figures = |of: fn(&Month) -> i64| {
        let of_day = |day: &NaiveDate| months.iter().find(|month| month.first_day == *day).map_or(0, of);
        days.iter().map(of_day).collect::<Vec<i64>>()
    };
    let series = vec![
        Series { name: "granted", tone: Tone::Good, values: figures(|month| month.granted_minor) },
        // These take away from what is owed.
        Series {
            name: "used",
            tone: Tone::Busy,
            values: figures(|month| month.spent_minor.saturating_neg()),
        },
        Series {
            name: "expired",
            tone: Tone::Warn,
            values: figures(|month| month.expired_minor.saturating_neg()),
        },
    ];
    let sum = |values: &[i64]| values.iter().copied().fold(0, i64::saturating_add);
    let sums: Vec<String> = series
        .iter()
        .map(|series| format!("{} {}", amount_text(sum(&series.values), &latest.currency), series.name))
        .collect();
    let first = days.first()?;
    let says =
        format!("Credit by month from {} to {}: {}.", first.format("%Y-%m"), latest.month, sums.join(", "));
    let places = days.iter().map(name_of_month).collect();
    let decimals = latest.currency.parse::<Currency>().map_or(0, Currency::exponent);
    let note = format!("in {}", latest.currency);
    Some(Chart { says, note, places, series, stand: Stand::Beside, decimals })
}

/// Decimals of a US dollar in which models' cost is counted.
const USD_DECIMALS: u32 = 9;

/// What models have cost by month; nothing if they have cost nothing.
pub(super) fn spend(months: &[SpendMonth]) -> Option<Chart> {
    let figures = |of: fn(&SpendMonth) -> i64| months.iter().map(of).collect::<Vec<i64>>();
    let series = vec![
        Series { name: "answered", tone: Tone::Busy, values: figures(|month| month.cost.nano) },
        Series {
            name: "perhaps billed, answer lost",
            tone: Tone::Warn,
            values: figures(|month| month.unknown.nano),
        },
    ];
    let sum = |values: &[i64]| values.iter().copied().fold(0, i64::saturating_add);
    let sums: Vec<i64> = series.iter().map(|series| sum(&series.values)).collect();
    if sums.iter().all(|sum| *sum == 0) {
        return None;
    }
    let said =
        series.iter().zip(&sums).map(|(series, sum)| format!("{} {}", Usd::of(*sum).text, series.name));
    let said: Vec<String> = said.collect();
    let (first, last) = (months.first()?, months.last()?);
    let says =
        format!("What models cost by month from {} to {}: {}.", first.month, last.month, said.join(", "));
    let places = months.iter().map(|month| name_of_month(&month.first_day)).collect();
    Some(Chart {
        says,
        note: "in USD, months of UTC".to_owned(),
        places,
        series,
        stand: Stand::Stacked,
        decimals: USD_DECIMALS,
    })
}

fn name_of_month(first_day: &NaiveDate) -> String {
    let name = first_day.format("%b").to_string();
    if name == "Jan" { first_day.format("%Y").to_string() } else { name }
}
