//! Is anything wrong, at a glance.

use futures::future::try_join3;
use serde::{Serialize, Serializer};
use tradeup_store::{Pool, breakers, overview, pauses, schedules, workers};
use tradeup_worker::SERVICES_NEEDED;
use utoipa::ToSchema;

use super::agents::spend::UsedUp;
use super::alerts::{self, Alert};
use super::backlog::Backlog;
use super::dead::{self, Group};
use super::ended::EndedHour;
use super::grid::Grid;
use super::schedules::{FireToCome, next_fires};
use super::when::{When, length, seconds};
use crate::Console;
use crate::failure::Failure;

/// A process that was not seen for longer has gone.
const UNSEEN_SECONDS: f64 = 30.0;

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

/// Something that is wrong, in words. Programs get the words alone.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    pub(crate) words: String,
    /// Where to look next.
    pub(crate) page: &'static str,
}

impl Serialize for Wrong {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.words)
    }
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
    #[schema(value_type = Vec<String>)]
    pub(crate) wrong: Vec<Wrong>,
}

impl Overview {
    pub(crate) async fn read(console: &Console) -> Result<Self, Failure> {
        let pool = console.worker.pool();
        let nats = console.worker.broker().is_connected();
        let now = schedules::clock(pool).await?;
        // Side by side, on three connections: NATS may take a moment, too.
        let work = async { Ok((unfinished(pool).await?, dead::groups(pool).await?)) };
        let shops =
            async { Ok((console.grids.now(pool, now).await?, console.ended.hours(pool, now).await?)) };
        let engine = async {
            let backlog = console.backlogs.now(&console.worker, now).await?;
            let (processes, held) = (processes(pool).await?, held(pool).await?);
            let (alerts, used_up) = (alerts::open(pool).await?, UsedUp::read(pool, None).await?);
            Ok::<_, Failure>((backlog, processes, held, alerts, used_up, next_fires(pool).await?))
        };
        let ((unfinished, dead), (grid, ended), engine) = try_join3(work, shops, engine).await?;
        let (backlog, processes, held, alerts, budgets_used_up, next_fires) = engine;
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
            next_fires,
            processes,
            held,
            alerts,
            budgets_used_up,
            wrong,
        })
    }
}

/// Runs that have not ended, by state.
pub(crate) async fn unfinished(pool: &Pool) -> Result<Vec<StateCount>, Failure> {
    let found = overview::unfinished(pool).await?;
    Ok(found.into_iter().map(|(state, runs)| StateCount { state, runs }).collect())
}

/// Processes that have not said that they stop.
pub(crate) async fn processes(pool: &Pool) -> Result<Vec<Process>, Failure> {
    let found = workers::list(pool).await?.into_iter().filter(|worker| worker.stopped_at.is_none());
    let found = found.map(|worker| Process {
        lost: (worker.unseen_seconds > UNSEEN_SECONDS).then(|| length(seconds(worker.unseen_seconds))),
        name: worker.name,
        service: worker.service,
        build: worker.build,
        started: When(worker.started_at),
        clock_skew_ms: worker.clock_skew_ms,
    });
    Ok(found.collect())
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

/// Whether a process of the service is there.
pub(crate) fn is_served(processes: &[Process], service: &str) -> bool {
    processes.iter().any(|process| process.service == service && process.lost.is_none())
}

fn wrong(nats: bool, dead: i64, grid: &Grid, processes: &[Process]) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    if !nats {
        let words =
            "NATS is not there: runs wait as rows and go on by themselves when it is back.".to_owned();
        wrong.push(Wrong { words, page: "/runbooks/NatsDown" });
    }
    if dead > 0 {
        let words =
            format!("{dead} dead {} to be seen to.", if dead == 1 { "letter is" } else { "letters are" });
        wrong.push(Wrong { words, page: "/dead" });
    }
    wrong.extend(grid.wrong.iter().map(|words| Wrong { words: words.clone(), page: "#grid" }));
    for service in SERVICES_NEEDED {
        if !is_served(processes, service) {
            let words = format!("No process of {service} runs.");
            wrong.push(Wrong { words, page: "/runbooks/ServiceDown" });
        }
    }
    wrong
}
