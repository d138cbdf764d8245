//! How runs ended of late, hour by hour.
//!
//! What ended minutes ago stays as it is, however many runs there are. So each console keeps what it has counted, minute
//! by minute, and asks for the latest minutes alone, every ten seconds at most and only while somebody looks, through an
//! index on the time of the end (migration 29). What changes afterwards all the same (a run that is tried again has not
//! ended any more, a commit took long, retention deleted it) is found by counting everything again every ten minutes,
//! while pages go on with what there is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tradeup_store::overview::{self, EndedLine};
use tradeup_store::{Pool, StoreError, schedules, within};
use utoipa::ToSchema;

use super::when::When;

/// Hours that are shown, with the one that it is.
const HOURS: i32 = 48;
/// What was counted so lately is shown as it is.
const LATELY: TimeDelta = TimeDelta::seconds(10);
/// A minute is counted again until it is over for so long: an end is seen only when its transaction commits.
const SETTLES: TimeDelta = TimeDelta::minutes(2);
/// Everything is counted again so often.
const ANEW_EVERY: Duration = Duration::from_secs(600);
/// Counting takes no longer, or is given up.
const COUNTED_WITHIN: Duration = Duration::from_secs(10);
const HOUR: TimeDelta = TimeDelta::hours(1);
const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// How the runs ended that ended within one hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct EndedHour {
    /// When it began.
    pub(crate) hour: When,
    pub(crate) succeeded: i64,
    /// For good: all attempts are used up, or no further one would help.
    pub(crate) failed: i64,
    pub(crate) cancelled: i64,
}

impl EndedHour {
    /// All of them.
    pub(crate) fn all(&self) -> i64 {
        self.succeeded + self.failed + self.cancelled
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    succeeded: i64,
    failed: i64,
    cancelled: i64,
}

impl Counts {
    fn add(&mut self, line: &EndedLine) {
        match line.state.as_str() {
            "succeeded" => self.succeeded += line.runs,
            "dead" => self.failed += line.runs,
            _ => self.cancelled += line.runs,
        }
    }
}

/// What has been counted; `None` before the first time.
#[derive(Clone, Default)]
pub(crate) struct Ended {
    kept: Arc<Mutex<Option<Kept>>>,
    /// Somebody has, since everything was counted last.
    looked_at: Arc<AtomicBool>,
}

struct Kept {
    minutes: BTreeMap<DateTime<Utc>, Counts>,
    /// When the latest of them were counted, by the database's clock.
    at: DateTime<Utc>,
}

impl Ended {
    /// Each of the hours, oldest first, those without any too.
    pub(crate) async fn hours(&self, pool: &Pool, now: DateTime<Utc>) -> Result<Vec<EndedHour>, StoreError> {
        self.looked_at.store(true, Ordering::Relaxed);
        // Whoever comes while it is counted waits for that instead of counting as well, but not for long.
        let Ok(mut kept) = timeout(COUNTED_WITHIN, self.kept.lock()).await else { return Ok(Vec::new()) };
        let lately = kept.as_ref().is_some_and(|kept| kept.at <= now && now - kept.at < LATELY);
        if !lately {
            let from = kept.as_ref().map_or_else(|| first_hour(now), |kept| kept.open_from(now));
            let lines =
                within("counting runs that ended", COUNTED_WITHIN, overview::ended(pool, from)).await?;
            kept.get_or_insert_with(|| Kept { minutes: BTreeMap::new(), at: now }).put(from, now, &lines);
        }
        Ok(kept.as_ref().map(|kept| kept.hours(now)).unwrap_or_default())
    }

    /// Counts everything, at once, and again and again while somebody looks, until it is told to stop.
    pub(crate) async fn count_anew(self, pool: Pool, shutdown: CancellationToken) {
        let mut is_first = true;
        loop {
            let wanted = self.looked_at.swap(false, Ordering::Relaxed) || is_first;
            is_first = false;
            if wanted && let Err(error) = self.count_all(&pool).await {
                // A page counts for itself if it has to.
                tracing::warn!("runs that ended can't be counted: {error}");
            }
            if timeout(ANEW_EVERY, shutdown.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    async fn count_all(&self, pool: &Pool) -> Result<(), StoreError> {
        let now = schedules::clock(pool).await?;
        let from = first_hour(now);
        let lines = overview::ended(pool, from).await?;
        let mut anew = Kept { minutes: BTreeMap::new(), at: now };
        anew.put(from, now, &lines);
        *self.kept.lock().await = Some(anew);
        Ok(())
    }
}

impl Kept {
    /// What ended before is not counted again.
    fn open_from(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let first = first_hour(now);
        if self.at > now {
            // The database's clock was put back.
            return first;
        }
        (self.at - SETTLES).duration_trunc(MINUTE).map_or(first, |open| open.max(first))
    }

    /// Takes what was counted at `now` of all that ended since `from`.
    fn put(&mut self, from: DateTime<Utc>, now: DateTime<Utc>, lines: &[EndedLine]) {
        let first = first_hour(now);
        self.minutes.retain(|minute, _| *minute >= first && *minute < from);
        for line in lines {
            self.minutes.entry(line.minute).or_default().add(line);
        }
        self.at = now;
    }

    fn hours(&self, now: DateTime<Utc>) -> Vec<EndedHour> {
        let first = first_hour(now);
        let hours = (0..HOURS).map(|nth| {
            let hour = first + HOUR * nth;
            let mut of_hour = EndedHour { hour: When(hour), succeeded: 0, failed: 0, cancelled: 0 };
            for counts in self.minutes.range(hour..hour + HOUR).map(|(_, counts)| counts) {
                of_hour.succeeded += counts.succeeded;
                of_hour.failed += counts.failed;
                of_hour.cancelled += counts.cancelled;
            }
            of_hour
        });
        hours.collect()
    }
}

/// The first of the hours that are shown.
fn first_hour(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(HOUR).unwrap_or(now) - HOUR * (HOURS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-{text}Z").parse().unwrap()
    }

    fn line(minute: &str, state: &str, runs: i64) -> EndedLine {
        EndedLine { minute: at(minute), state: state.to_owned(), runs }
    }

    #[test]
    fn only_what_is_still_open_is_counted_again() {
        let now = at("28T14:30:20");
        let mut kept = Kept { minutes: BTreeMap::new(), at: now };
        let first = at("26T15:00:00");
        assert_eq!(first_hour(now), first);
        let lines = [
            line("26T15:00:00", "succeeded", 5),
            line("28T13:59:00", "dead", 2),
            line("28T14:00:00", "cancelled", 1),
            line("28T14:30:00", "succeeded", 7),
        ];
        kept.put(first, now, &lines);
        let hours = kept.hours(now);
        assert_eq!(hours.len(), 48);
        assert_eq!((hours[0].hour, hours[0].succeeded), (When(first), 5));
        assert_eq!((hours[46].failed, hours[46].all()), (2, 2));
        assert_eq!((hours[47].succeeded, hours[47].cancelled), (7, 1));

        let later = at("28T15:00:05");
        assert_eq!(kept.open_from(later), at("28T14:28:00"));
        let lines = [line("28T14:30:00", "succeeded", 9), line("28T15:00:00", "dead", 1)];
        kept.put(at("28T14:28:00"), later, &lines);
        let hours = kept.hours(later);
        assert_eq!(hours[0].hour, When(at("26T16:00:00")), "the oldest hour is not shown any more");
        assert_eq!((hours[46].succeeded, hours[46].cancelled, hours[47].failed), (9, 1, 1));
        assert_eq!(hours.iter().map(EndedHour::all).sum::<i64>(), 13);
    }

    #[test]
    fn after_a_long_time_or_with_the_clock_put_back_all_is_counted() {
        let kept = Kept { minutes: BTreeMap::new(), at: at("20T14:30:20") };
        assert_eq!(kept.open_from(at("28T14:30:20")), at("26T15:00:00"));
        assert_eq!(kept.open_from(at("20T14:00:00")), at("18T15:00:00"));
    }
}
