//! The grid of many shops. With a hundred thousand of them each fire has as many runs, and nobody reads so many rows. So
//! each console keeps, for each fire, how many shops it came to what for, and whose names to show. A fire below which
//! nothing is under way stays as it is: it is counted again ten minutes later at the latest, since a run may be tried
//! again. All of it is put together beside the page and while somebody looks, and shown with its time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};
use tokio::time::timeout;
use tradeup_store::overview::{self, WideFire};
use tradeup_store::{Pool, RunId, tenants};

use super::{DAYS, Day, DayTally, Grid, ROWS_MAX, days, rows_of};
use crate::failure::Failure;
use crate::views::backlog::KEPT_FOR;
use crate::views::when::When;

/// From so many shops on the grid is put together beside the page.
const MANY_SHOPS: i64 = 500;
/// Shops that a fire names of each state: all rows may be of one.
const NAMED: i32 = 50;
/// What was put together is good for so many times as long as it took.
const GOOD_FOR: u32 = 10;
/// A page waits so long for the first grid before it is shown without.
const PATIENCE: Duration = Duration::from_millis(300);
/// What has ended is counted again so often.
const ANEW_EVERY: Duration = Duration::from_secs(600);

/// So many shops, of whom the first are named, stand alike.
#[derive(Clone, Debug)]
struct Sum {
    what: Day,
    shops: i64,
    first: Vec<String>,
}

/// A fire as it was counted.
struct Kept {
    run_id: Option<RunId>,
    sums: Vec<Sum>,
    counted: Instant,
    was_open: bool,
}

impl Kept {
    async fn count(pool: &Pool, fire: &WideFire) -> Result<Self, Failure> {
        let counted = Instant::now();
        let found = overview::of_fire(pool, fire.fire_at, fire.run_id, NAMED).await?;
        let sums = found.into_iter().map(|sum| Sum {
            what: Day::of(&fire.decision, sum.state.as_deref()),
            shops: sum.shops,
            first: sum.first,
        });
        Ok(Self { run_id: fire.run_id, sums: sums.collect(), counted, was_open: fire.is_open })
    }

    /// Whether it is still so.
    fn holds(&self, fire: &WideFire) -> bool {
        self.run_id == fire.run_id && !self.was_open && !fire.is_open && self.counted.elapsed() < ANEW_EVERY
    }
}

/// By schedule and when it was due.
type Fires = BTreeMap<(i64, DateTime<Utc>), Kept>;

#[derive(Clone)]
struct Latest {
    grid: Arc<Grid>,
    begun: Instant,
    took: Duration,
}

/// The grid of all shops, as it was put together last.
#[derive(Clone, Default)]
pub(crate) struct Grids {
    latest: Arc<Mutex<Option<Latest>>>,
    /// One counts at a time.
    fires: Arc<Turn<Fires>>,
}

impl Grids {
    /// The grid of all shops: as it is now if they are few, and otherwise as it was a moment ago.
    pub(crate) async fn now(&self, pool: &Pool, now: DateTime<Utc>) -> Result<Grid, Failure> {
        if !tenants::are_more_than(pool, MANY_SHOPS).await? {
            return Grid::read(pool, now, None).await;
        }
        let known = self.latest();
        let is_good = |known: &Latest| known.begun.elapsed() < KEPT_FOR.max(known.took * GOOD_FOR);
        if let Some(known) = known.as_ref().filter(|known| is_good(known)) {
            return Ok(Grid::clone(&known.grid));
        }
        let patience = if known.is_some() { Duration::ZERO } else { PATIENCE };
        match Arc::clone(&self.fires).try_lock_owned() {
            // In a task of its own: whoever asked may go, and the next one finds it.
            Ok(turn) => {
                let counting = tokio::spawn(self.clone().count(pool.clone(), now, turn));
                if let Ok(done) = timeout(patience, counting).await {
                    done.map_err(|_panicked| Failure::Internal)??;
                }
            }
            Err(_somebody_is_at_it) => {
                let _done = timeout(patience, self.fires.lock()).await;
            }
        }
        let latest = self.latest();
        Ok(latest.map_or_else(|| pending(now), |latest| Grid::clone(&latest.grid)))
    }

    fn latest(&self) -> Option<Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn count(
        self,
        pool: Pool,
        now: DateTime<Utc>,
        mut turn: OwnedMutexGuard<Fires>,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        let mut sums = Sums::of(days(now));
        let mut kept = Fires::new();
        for fire in overview::wide_fires(&pool, DAYS).await? {
            let key = (fire.schedule_id, fire.fire_at);
            let known = turn.remove(&key).filter(|known| known.holds(&fire));
            let counted = match known {
                Some(known) => known,
                None => Kept::count(&pool, &fire).await?,
            };
            sums.add(fire.day, &counted.sums);
            kept.insert(key, counted);
        }
        *turn = kept;
        for own in overview::of_own_fires(&pool, DAYS, NAMED).await? {
            let what = Day::of(&own.decision, own.state.as_deref());
            sums.take(own.day, &Sum { what, shops: own.shops, first: own.first });
        }
        let named = sums.worst();
        let rows = rows_of(overview::grid_of(&pool, DAYS, &named).await?, &sums.days);
        let grid = Arc::new(sums.grid(rows, now));
        let latest = Latest { grid, begun, took: begun.elapsed() };
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(latest);
        Ok(())
    }
}

/// A grid of which nothing is known yet.
fn pending(now: DateTime<Utc>) -> Grid {
    let days = days(now);
    let by_day = days.iter().copied().map(DayTally::of).collect();
    Grid { days, rows: Vec::new(), more: 0, by_day, as_of: None, pending: true, wrong: Vec::new() }
}

/// What fires came to, day by day, and for whom it is worst.
struct Sums {
    days: Vec<NaiveDate>,
    by_day: Vec<DayTally>,
    /// Of each shop that was named.
    worst: BTreeMap<String, Day>,
    /// The most shops that one fire was for.
    shops: i64,
}

impl Sums {
    fn of(days: Vec<NaiveDate>) -> Self {
        let by_day = days.iter().copied().map(DayTally::of).collect();
        Self { days, by_day, worst: BTreeMap::new(), shops: 0 }
    }

    /// Takes a fire of all shops.
    fn add(&mut self, day: NaiveDate, sums: &[Sum]) {
        self.shops = self.shops.max(sums.iter().map(|sum| sum.shops).fold(0, i64::saturating_add));
        sums.iter().for_each(|sum| self.take(day, sum));
    }

    /// Takes what so many shops' fires of a day came to.
    fn take(&mut self, day: NaiveDate, sum: &Sum) {
        if let Some(tally) = self.by_day.iter_mut().find(|tally| tally.day == day) {
            tally.add(sum.what, sum.shops);
        }
        if sum.what <= Day::Running {
            for handle in &sum.first {
                let worst = self.worst.entry(handle.clone()).or_insert(sum.what);
                *worst = sum.what.min(*worst);
            }
        }
    }

    /// Shops that are shown: those for which it is worst, by handle.
    fn worst(&self) -> Vec<String> {
        let mut named: Vec<(Day, &String)> = self.worst.iter().map(|(handle, day)| (*day, handle)).collect();
        named.sort();
        named.truncate(ROWS_MAX);
        named.into_iter().map(|(_, handle)| handle.clone()).collect()
    }

    fn grid(self, rows: Vec<super::Row>, now: DateTime<Utc>) -> Grid {
        let of_week = |of: fn(&DayTally) -> i64| self.by_day.iter().map(of).fold(0, i64::saturating_add);
        let said = |fires: i64, said: &str| {
            let what = if fires == 1 { "fire of a shop's" } else { "fires of shops" };
            (fires > 0).then(|| format!("{fires} {what} of this week {said}."))
        };
        let wrong = [
            said(of_week(|tally| tally.failed), "failed"),
            said(of_week(|tally| tally.missed), "did not happen"),
        ];
        let more = usize::try_from(self.shops).unwrap_or(usize::MAX).saturating_sub(rows.len());
        Grid {
            wrong: wrong.into_iter().flatten().collect(),
            days: self.days,
            rows,
            more,
            by_day: self.by_day,
            as_of: Some(When(now)),
            pending: false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests fail loudly")]

    use super::*;

    fn sum(what: Day, shops: i64, first: &[&str]) -> Sum {
        Sum { what, shops, first: first.iter().map(|handle| (*handle).to_owned()).collect() }
    }

    #[test]
    fn shops_are_shown_by_the_worst_that_a_fire_came_to_for_them() {
        let now = DateTime::UNIX_EPOCH + chrono::Duration::days(6);
        let mut sums = Sums::of(days(now));
        let (first, last) = (sums.days[0], sums.days[6]);
        sums.add(
            first,
            &[
                sum(Day::Done, 99_990, &[]),
                sum(Day::Missed, 8, &["dune", "cedar"]),
                sum(Day::Failed, 2, &["basil"]),
            ],
        );
        sums.add(last, &[sum(Day::Running, 100_000, &["aurora", "basil"])]);
        sums.take(last, &sum(Day::Failed, 1, &["dune"]));
        sums.take(last, &sum(Day::Skipped, 5, &["elm"]));
        assert_eq!(sums.worst(), ["basil", "dune", "cedar", "aurora"]);
        let grid = sums.grid(Vec::new(), now);
        assert_eq!(
            (grid.by_day[0].done, grid.by_day[0].missed, grid.by_day[6].running),
            (99_990, 8, 100_000)
        );
        assert_eq!((grid.by_day[6].failed, grid.by_day[6].skipped, grid.more), (1, 5, 100_000));
        assert_eq!(
            grid.wrong,
            ["3 fires of shops of this week failed.", "8 fires of shops of this week did not happen."]
        );
        assert!(!grid.is_empty() && pending(now).is_empty() && pending(now).pending);
    }

    #[test]
    fn what_is_under_way_or_was_or_has_another_run_is_counted_again() {
        let mut fire = WideFire {
            schedule_id: 1,
            day: NaiveDate::MIN,
            fire_at: DateTime::UNIX_EPOCH,
            decision: "fired".to_owned(),
            run_id: None,
            is_open: false,
        };
        let mut kept = Kept { run_id: None, sums: Vec::new(), counted: Instant::now(), was_open: false };
        assert!(kept.holds(&fire));
        fire.is_open = true;
        assert!(!kept.holds(&fire));
        fire.is_open = false;
        kept.was_open = true;
        assert!(!kept.holds(&fire), "it has ended since");
        kept.was_open = false;
        fire.run_id = Some(RunId::new());
        assert!(!kept.holds(&fire), "it was made up for");
    }
}
