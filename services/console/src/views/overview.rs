//! Is anything wrong, at a glance.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use futures::future::join;
use serde::Serialize;
use tradeup_store::{Pool, TenantId, breakers, overview, pauses, schedules, workers};
use utoipa::ToSchema;

use super::agents::spend::UsedUp;
use super::alerts::{self, Alert};
use super::backlog::Backlog;
use super::dead::{self, Group};
use super::ended::EndedHour;
use super::schedules::{FireToCome, next_fires};
use super::when::{When, length, seconds};
use crate::Console;
use crate::alerts::SERVICES;
use crate::failure::Failure;

/// Days of the grid.
const DAYS: i32 = 7;
/// Shops that the grid shows: those that something is wrong with come first.
const ROWS_MAX: usize = 50;
/// A process that was not seen for longer has gone.
const UNSEEN_SECONDS: f64 = 30.0;

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

    fn of(cell: &overview::Cell) -> Self {
        match (cell.decision.as_str(), cell.state.as_deref()) {
            (_, Some("dead" | "cancelled")) => Self::Failed,
            (_, Some("succeeded")) if cell.decision == "late" => Self::Late,
            (_, Some("succeeded")) => Self::Done,
            (_, Some(_)) => Self::Running,
            ("skipped" | "skipped_overlap" | "paused", None) => Self::Skipped,
            (_, None) => Self::Missed,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Fire {
    pub(crate) schedule: String,
    pub(crate) due: When,
    pub(crate) day: Day,
    pub(crate) run: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
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

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Row {
    pub(crate) tenant: String,
    pub(crate) days: Vec<GridCell>,
}

/// Tenant by day.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Grid {
    pub(crate) days: Vec<NaiveDate>,
    pub(crate) rows: Vec<Row>,
    /// Shops that are not shown.
    pub(crate) more: usize,
}

impl Grid {
    pub(crate) async fn read(
        pool: &Pool,
        now: DateTime<Utc>,
        tenant: Option<TenantId>,
    ) -> Result<Self, Failure> {
        let today = now.date_naive();
        let cells = overview::grid(pool, DAYS, tenant).await?;
        let days: Vec<NaiveDate> = (0..DAYS).rev().map(|ago| today - Duration::days(ago.into())).collect();
        let mut by_tenant: BTreeMap<String, BTreeMap<NaiveDate, Vec<Fire>>> = BTreeMap::new();
        for cell in cells {
            let fire = Fire {
                day: Day::of(&cell),
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
        let more = rows.len().saturating_sub(ROWS_MAX);
        rows.truncate(ROWS_MAX);
        Ok(Self { days, rows: rows.into_iter().map(|(_, row)| row).collect(), more })
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) build: String,
    pub(crate) started: When,
    /// Not seen for so long: it has gone without a word.
    pub(crate) lost: Option<String>,
    pub(crate) clock_skew_ms: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Held {
    pub(crate) what: String,
    pub(crate) why: String,
    /// The error code of what failed.
    pub(crate) code: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StateCount {
    pub(crate) state: String,
    pub(crate) runs: i64,
}

/// The overview.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Overview {
    pub(crate) as_of: When,
    pub(crate) nats: bool,
    pub(crate) unfinished: Vec<StateCount>,
    pub(crate) dead: Vec<Group>,
    pub(crate) dead_total: i64,
    pub(crate) grid: Grid,
    /// How runs of the last 48 hours ended, oldest hour first.
    pub(crate) ended: Vec<EndedHour>,
    /// What waits to be worked on.
    pub(crate) backlog: Backlog,
    /// The next five fires over all schedules.
    pub(crate) next_fires: Vec<FireToCome>,
    pub(crate) processes: Vec<Process>,
    /// Pauses and open breakers.
    pub(crate) held: Vec<Held>,
    /// Those that are open.
    pub(crate) alerts: Vec<Alert>,
    /// Budgets of agents that are used up, or nearly.
    pub(crate) budgets_used_up: Vec<UsedUp>,
    /// What is wrong, in words; nothing if nothing is.
    pub(crate) wrong: Vec<String>,
}

impl Overview {
    pub(crate) async fn read(console: &Console) -> Result<Self, Failure> {
        let pool = console.worker.pool();
        let nats = console.worker.broker().is_connected();
        let now = schedules::clock(pool).await?;
        let ended = console.ended.hours(pool, now).await?;
        let unfinished: Vec<StateCount> = overview::unfinished(pool)
            .await?
            .into_iter()
            .map(|(state, runs)| StateCount { state, runs })
            .collect();
        let dead = dead::groups(pool).await?;
        // NATS may take a moment, in which the tables are asked.
        let backlog = console.backlogs.now(&console.worker, now);
        let (backlog, grid) = join(backlog, Grid::read(pool, now, None)).await;
        let (backlog, grid) = (backlog?, grid?);
        let processes: Vec<Process> = workers::list(pool)
            .await?
            .into_iter()
            .filter(|worker| worker.stopped_at.is_none())
            .map(|worker| Process {
                lost: (worker.unseen_seconds > UNSEEN_SECONDS)
                    .then(|| length(seconds(worker.unseen_seconds))),
                name: worker.name,
                service: worker.service,
                build: worker.build,
                started: When(worker.started_at),
                clock_skew_ms: worker.clock_skew_ms,
            })
            .collect();
        let held = held(pool).await?;
        let alerts = alerts::open(pool).await?;
        let budgets_used_up = UsedUp::all(pool).await?;
        let dead_total = dead.iter().map(|group| group.letters).sum();
        let wrong = wrong(nats, dead_total, &grid, &processes);
        Ok(Self {
            as_of: When(now),
            nats,
            unfinished,
            dead,
            dead_total,
            grid,
            ended,
            backlog,
            next_fires: next_fires(pool).await?,
            processes,
            held,
            alerts,
            budgets_used_up,
            wrong,
        })
    }
}

async fn held(pool: &Pool) -> Result<Vec<Held>, Failure> {
    let mut held = Vec::new();
    for pause in pauses::list(pool).await? {
        let parts = [
            pause.tenant_handle.as_ref().map(|handle| format!("shop {handle}")),
            pause.task.as_ref().map(|task| format!("task {task}")),
            pause.dependency.as_ref().map(|dependency| format!("whatever needs {dependency}")),
        ];
        let said: Vec<String> = parts.into_iter().flatten().collect();
        let what = if said.is_empty() { "everything".to_owned() } else { said.join(", ") };
        held.push(Held { what, why: pause.because(), code: None });
    }
    for breaker in breakers::list(pool).await?.into_iter().filter(|breaker| breaker.open_until.is_some()) {
        let of = breaker.tenant_handle.map(|handle| format!(" of {handle}")).unwrap_or_default();
        held.push(Held {
            what: format!("whatever needs {}{of}", breaker.dependency),
            why: format!("{} failures in a row: {} {}", breaker.failures, breaker.error_code, breaker.error),
            code: Some(breaker.error_code),
        });
    }
    Ok(held)
}

fn wrong(nats: bool, dead: i64, grid: &Grid, processes: &[Process]) -> Vec<String> {
    let mut wrong = Vec::new();
    if !nats {
        wrong
            .push("NATS is not there: runs wait as rows and go on by themselves when it is back.".to_owned());
    }
    if dead > 0 {
        wrong.push(format!(
            "{dead} dead {} to be seen to.",
            if dead == 1 { "letter is" } else { "letters are" }
        ));
    }
    let days = || grid.rows.iter().flat_map(|row| &row.days).filter_map(|day| day.worst);
    for (what, said) in [(Day::Failed, "failed"), (Day::Missed, "did not happen")] {
        let count = days().filter(|day| *day == what).count();
        if count > 0 {
            wrong.push(format!(
                "For {count} shop-{} of this week something {said}.",
                if count == 1 { "day" } else { "days" }
            ));
        }
    }
    for service in SERVICES {
        let alive = processes.iter().any(|process| process.service == service && process.lost.is_none());
        if !alive {
            wrong.push(format!("No process of {service} runs."));
        }
    }
    wrong
}
