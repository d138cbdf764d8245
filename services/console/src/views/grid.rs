//! What was due for shops, day by day, and what became of it.

mod wide;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::Serialize;
use tradeup_store::overview::{self, Cell};
use tradeup_store::{Pool, TenantId};
use utoipa::ToSchema;

use super::when::When;
use crate::failure::Failure;
pub(crate) use wide::Grids;

/// Days of the grid.
const DAYS: i32 = 7;
/// Shops that the grid shows: those that something is wrong with come first.
const ROWS_MAX: usize = 50;

/// What became of a day, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Day {
    Failed,
    Missed,
    Running,
    Late,
    Done,
    Skipped,
}

impl Day {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Missed => "missed",
            Self::Running => "running",
            Self::Late => "late",
            Self::Done => "done",
            Self::Skipped => "skipped",
        }
    }

    /// What a reader of colours alone would not see.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Failed => "✕",
            Self::Missed => "?",
            Self::Running => "…",
            Self::Late => "◷",
            Self::Done => "✓",
            Self::Skipped => "–",
        }
    }

    /// What a decision and the state of the run that followed come to.
    fn of(decision: &str, state: Option<&str>) -> Self {
        match (decision, state) {
            (_, Some("dead" | "cancelled")) => Self::Failed,
            ("late", Some("succeeded")) => Self::Late,
            (_, Some("succeeded")) => Self::Done,
            (_, Some(_)) => Self::Running,
            ("skipped" | "skipped_overlap" | "paused", None) => Self::Skipped,
            (_, None) => Self::Missed,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Fire {
    pub(crate) schedule: String,
    pub(crate) due: When,
    pub(crate) day: Day,
    pub(crate) run: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct GridCell {
    /// The worst of its fires; none if there was none.
    pub(crate) worst: Option<Day>,
    pub(crate) fires: Vec<Fire>,
}

impl GridCell {
    /// All of it in words.
    pub(crate) fn words(&self) -> String {
        let said: Vec<String> =
            self.fires.iter().map(|fire| format!("{}: {}", fire.schedule, fire.day.as_str())).collect();
        if said.is_empty() { "nothing was due".to_owned() } else { said.join(", ") }
    }

    /// The run to look at: of the worst fire.
    pub(crate) fn run(&self) -> Option<&String> {
        let worst = self.worst?;
        self.fires.iter().find(|fire| fire.day == worst).and_then(|fire| fire.run.as_ref())
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Row {
    pub(crate) tenant: String,
    pub(crate) days: Vec<GridCell>,
}

/// How many fires of a day came to what, each counted once for each shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DayTally {
    pub(crate) day: NaiveDate,
    pub(crate) failed: i64,
    pub(crate) missed: i64,
    pub(crate) running: i64,
    pub(crate) late: i64,
    pub(crate) done: i64,
    pub(crate) skipped: i64,
}

impl DayTally {
    fn of(day: NaiveDate) -> Self {
        Self { day, failed: 0, missed: 0, running: 0, late: 0, done: 0, skipped: 0 }
    }

    fn add(&mut self, what: Day, fires: i64) {
        let figure = match what {
            Day::Failed => &mut self.failed,
            Day::Missed => &mut self.missed,
            Day::Running => &mut self.running,
            Day::Late => &mut self.late,
            Day::Done => &mut self.done,
            Day::Skipped => &mut self.skipped,
        };
        *figure = figure.saturating_add(fires);
    }

    /// Each with its figure, the worst first.
    pub(crate) fn figures(&self) -> [(Day, i64); 6] {
        [
            (Day::Failed, self.failed),
            (Day::Missed, self.missed),
            (Day::Running, self.running),
            (Day::Late, self.late),
            (Day::Done, self.done),
            (Day::Skipped, self.skipped),
        ]
    }

    /// The day behind it.
    pub(crate) fn next_day(&self) -> NaiveDate {
        self.day + Duration::days(1)
    }
}

/// Tenant by day.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Grid {
    pub(crate) days: Vec<NaiveDate>,
    pub(crate) rows: Vec<Row>,
    /// Shops that are not shown.
    pub(crate) more: usize,
    /// Of all shops.
    pub(crate) by_day: Vec<DayTally>,
    /// As of when it was put together, if that was not just now: of many shops that takes a while.
    pub(crate) as_of: Option<When>,
    /// It is being put together for the first time: nothing of it is known yet.
    pub(crate) pending: bool,
    /// What is wrong, in words.
    #[serde(skip)]
    pub(crate) wrong: Vec<String>,
}

/// The days of a grid, oldest first.
fn days(now: DateTime<Utc>) -> Vec<NaiveDate> {
    let today = now.date_naive();
    (0..DAYS).rev().map(|ago| today - Duration::days(ago.into())).collect()
}

/// Rows of cells, those first for which something is wrong, and by handle.
fn rows_of(cells: Vec<Cell>, days: &[NaiveDate]) -> Vec<Row> {
    let mut by_tenant: BTreeMap<String, BTreeMap<NaiveDate, Vec<Fire>>> = BTreeMap::new();
    for cell in cells {
        let fire = Fire {
            day: Day::of(&cell.decision, cell.state.as_deref()),
            schedule: cell.schedule,
            due: When(cell.fire_at),
            run: cell.run_id.map(|id| id.to_string()),
        };
        by_tenant.entry(cell.tenant_handle).or_default().entry(cell.day).or_default().push(fire);
    }
    let mut rows: Vec<(Day, Row)> = by_tenant
        .into_iter()
        .map(|(tenant, mut of_days)| {
            let cells: Vec<GridCell> = days
                .iter()
                .map(|day| {
                    let fires = of_days.remove(day).unwrap_or_default();
                    GridCell { worst: fires.iter().map(|fire| fire.day).min(), fires }
                })
                .collect();
            let worst = cells.iter().filter_map(|cell| cell.worst).min().unwrap_or(Day::Skipped);
            (worst, Row { tenant, days: cells })
        })
        .collect();
    // Sorting is stable: by handle within.
    rows.sort_by_key(|(worst, _)| *worst);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// What is wrong on how many days of shops, in words.
fn wrong_days(rows: &[Row]) -> Vec<String> {
    let days = || rows.iter().flat_map(|row| &row.days).filter_map(|day| day.worst);
    let mut wrong = Vec::new();
    for (what, said) in [(Day::Failed, "failed"), (Day::Missed, "did not happen")] {
        let count = days().filter(|day| *day == what).count();
        if count > 0 {
            wrong.push(format!(
                "For {count} shop-{} of this week something {said}.",
                if count == 1 { "day" } else { "days" }
            ));
        }
    }
    wrong
}

impl Grid {
    /// As it is now: of all shops, which takes long if they are many, or of one.
    pub(crate) async fn read(
        pool: &Pool,
        now: DateTime<Utc>,
        tenant: Option<TenantId>,
    ) -> Result<Self, Failure> {
        let days = days(now);
        let cells = overview::grid(pool, DAYS, tenant).await?;
        let mut rows = rows_of(cells, &days);
        let mut by_day: Vec<DayTally> = days.iter().copied().map(DayTally::of).collect();
        for row in &rows {
            for (tally, cell) in by_day.iter_mut().zip(&row.days) {
                cell.fires.iter().for_each(|fire| tally.add(fire.day, 1));
            }
        }
        let wrong = wrong_days(&rows);
        let more = rows.len().saturating_sub(ROWS_MAX);
        rows.truncate(ROWS_MAX);
        Ok(Self { days, rows, more, by_day, as_of: None, pending: false, wrong })
    }

    /// Whether nothing was due for anybody.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_day.iter().all(|tally| tally.figures().iter().all(|(_, fires)| *fires == 0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests fail loudly")]

    use super::*;

    fn cell(tenant: &str, day: u32, decision: &str, state: Option<&str>) -> Cell {
        let at = DateTime::UNIX_EPOCH + Duration::days(day.into());
        Cell {
            tenant_handle: tenant.to_owned(),
            day: at.date_naive(),
            schedule: "credit-expiration".to_owned(),
            fire_at: at,
            decision: decision.to_owned(),
            run_id: None,
            state: state.map(str::to_owned),
        }
    }

    #[test]
    fn the_worst_comes_first_and_the_worst_of_a_day_is_shown() {
        let days = days(DateTime::UNIX_EPOCH + Duration::days(6));
        assert_eq!(days.len(), 7);
        let rows = rows_of(
            vec![
                cell("aurora", 1, "fired", Some("succeeded")),
                cell("basil", 1, "late", Some("succeeded")),
                cell("basil", 1, "missed", None),
                cell("cedar", 2, "fired", Some("dead")),
                cell("cedar", 3, "fired", Some("cancelled")),
            ],
            &days,
        );
        let order: Vec<&str> = rows.iter().map(|row| row.tenant.as_str()).collect();
        assert_eq!(order, ["cedar", "basil", "aurora"]);
        assert_eq!((rows[1].days[1].worst, rows[1].days[2].worst), (Some(Day::Missed), None));
        assert_eq!(
            wrong_days(&rows),
            [
                "For 2 shop-days of this week something failed.",
                "For 1 shop-day of this week something did not happen."
            ]
        );
    }
}
