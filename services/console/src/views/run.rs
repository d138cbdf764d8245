//! One run with all that belongs to it.

mod movements;
mod why;

use serde::Serialize;
use serde_json::Value;
use tradeup_domain::amount_text;
use tradeup_proto::{JobKind, json};
use tradeup_store::runs::{self, AttemptView, RunFilter, RunView};
use tradeup_store::{Pool, RunId, Tx, agent_runs, batches, credits, dead_letters, run_logs, schedules};
use utoipa::ToSchema;

use super::cut;
use super::runs::Line;
use super::when::{When, length};
use crate::access::Who;
use crate::failure::Failure;
use movements::{MOVEMENTS_MAX, RunMovement, movements};
use why::{unserved, waits};

/// Children that are shown.
const CHILDREN_MAX: u8 = 200;
/// Failed members that are shown.
const FAILURES_MAX: i64 = 50;
/// Log lines that are shown: the first.
const LINES_MAX: i64 = 500;
/// How far up the tree is looked.
const ANCESTORS_MAX: usize = 8;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Attempt {
    pub(crate) number: i32,
    pub(crate) worker: String,
    pub(crate) build: String,
    pub(crate) started: When,
    pub(crate) ended: Option<When>,
    pub(crate) took: Option<String>,
    /// How long it waited since the end of the one before.
    pub(crate) waited: Option<String>,
    pub(crate) outcome: String,
    pub(crate) error_code: Option<String>,
    pub(crate) error: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Counts {
    pub(crate) batches: i64,
    pub(crate) batches_done: i64,
    pub(crate) batches_dead: i64,
    pub(crate) members: i64,
    pub(crate) members_done: i64,
    pub(crate) affected: i64,
    pub(crate) already_done: i64,
    pub(crate) exempt: i64,
    pub(crate) failed: i64,
}

impl Counts {
    fn of(p: &batches::Progress) -> Option<Self> {
        (p.batches > 0).then_some(Self {
            batches: p.batches,
            batches_done: p.batches_done,
            batches_dead: p.batches_dead,
            members: p.members,
            members_done: p.members_done,
            affected: p.affected,
            already_done: p.already_done,
            exempt: p.exempt,
            failed: p.failed,
        })
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Child {
    #[serde(flatten)]
    pub(crate) run: Line,
    pub(crate) counts: Option<Counts>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Failed {
    pub(crate) member: String,
    /// Their id at the shop.
    pub(crate) customer: String,
    pub(crate) code: String,
    pub(crate) reason: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogLine {
    pub(crate) attempt: i32,
    pub(crate) at: When,
    pub(crate) level: String,
    pub(crate) message: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Amount {
    pub(crate) currency: String,
    pub(crate) amount_minor: i64,
    pub(crate) text: String,
}

/// What a run died of.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Died {
    /// The group of dead letters with the same cause.
    pub(crate) fingerprint: String,
    /// The error and what caused it, outermost first.
    pub(crate) errors: Vec<String>,
    /// The build that gave up.
    pub(crate) build: String,
    /// Nobody has seen to it.
    pub(crate) open: bool,
}

/// What the agents have written of a run.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Written {
    pub(crate) plan: bool,
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Run {
    /// When it was looked at. Not told to programs: to them it is the same until it changes.
    #[serde(skip)]
    pub(crate) as_of: When,
    #[serde(flatten)]
    pub(crate) line: Line,
    /// Those above it, the root first.
    pub(crate) above: Vec<Line>,
    /// Why it does not go on, in words; none if it does, or has ended.
    pub(crate) waits: Option<String>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) counts: Option<Counts>,
    /// What it has moved.
    pub(crate) amounts: Vec<Amount>,
    pub(crate) children: Vec<Child>,
    /// There are more than are shown.
    pub(crate) more_children: bool,
    pub(crate) failures: Vec<Failed>,
    /// What it wrote into the ledger by itself: the first 50.
    pub(crate) movements: Vec<RunMovement>,
    /// There are more than are shown.
    pub(crate) more_movements: bool,
    /// What it died of; none unless it is dead.
    pub(crate) died: Option<Died>,
    pub(crate) lines: Vec<LogLine>,
    /// Of a run of the agents: there is a journal, and perhaps a plan.
    pub(crate) agents: Option<Written>,
    /// Its input, fields named as in its message; none if this build knows no such task.
    pub(crate) payload: Option<Value>,
    pub(crate) result: Option<Value>,
}

async fn one(pool: &Pool, id: RunId) -> Result<Option<RunView>, Failure> {
    let filter = RunFilter { run_id: Some(id), ..RunFilter::default() };
    Ok(runs::list(pool, &filter, 1).await?.pop())
}

fn attempts(found: Vec<AttemptView>) -> Vec<Attempt> {
    let mut before = None;
    let mut all = Vec::with_capacity(found.len());
    for attempt in found {
        let waited = before.map(|end| length(attempt.started_at - end));
        before = attempt.finished_at;
        all.push(Attempt {
            number: attempt.attempt,
            worker: attempt.worker,
            build: attempt.build,
            started: When(attempt.started_at),
            ended: attempt.finished_at.map(When),
            took: attempt.finished_at.map(|end| length(end - attempt.started_at)),
            waited,
            outcome: attempt.outcome.unwrap_or_else(|| "running".to_owned()),
            error_code: attempt.error_code,
            error: attempt.error,
        });
    }
    all
}

/// A run's id as it is given.
pub(crate) fn id(given: &str) -> Result<RunId, Failure> {
    given.parse().map_err(|_malformed| Failure::NotFound)
}

/// A run that may be seen, without its story.
pub(crate) async fn seen(pool: &Pool, who: &Who, id: RunId) -> Result<RunView, Failure> {
    let run = one(pool, id).await?.ok_or(Failure::NotFound)?;
    who.sees(run.tenant_id)?;
    Ok(run)
}

impl Run {
    pub(crate) async fn read(pool: &Pool, who: &Who, id: RunId) -> Result<Self, Failure> {
        let run = seen(pool, who, id).await?;
        let mut above = Vec::new();
        let mut next = run.parent_id;
        while let Some(parent) = next.filter(|_| above.len() < ANCESTORS_MAX) {
            let Some(parent) = one(pool, parent).await? else { break };
            next = parent.parent_id;
            if who.sees(parent.tenant_id).is_ok() {
                above.insert(0, Line::of(parent));
            }
        }
        let mut connection = pool.acquire().await.map_err(|error| Failure::Database(error.to_string()))?;
        let tries = runs::attempts(&mut connection, id).await?;
        let died = match run.state.as_str() {
            "dead" => dead_letters::of_run(&mut connection, id).await?,
            _ => None,
        };
        drop(connection);
        let counts = Counts::of(&batches::progress(pool, id).await?);
        let mut failures = Vec::new();
        let mut wrote = Vec::new();
        let kind = JobKind::by_task(&run.task);
        let mut agents = None;
        if let Some(tenant) = run.tenant_id {
            let mut tx = Tx::of_tenant(pool, tenant).await?;
            failures = credits::member_failures(&mut tx, tenant, id, FAILURES_MAX).await?;
            if kind.is_some_and(|kind| kind.service == "agents") {
                agents = agent_runs::show(&mut tx, tenant, id).await?;
            }
            wrote = movements(&mut tx, tenant, &run, &tries).await?;
            tx.rollback().await?;
        }
        let below = RunFilter { parent_id: Some(id), ..RunFilter::default() };
        let mut found = runs::list(pool, &below, i64::from(CHILDREN_MAX) + 1).await?;
        let more_children = cut(&mut found, CHILDREN_MAX.into());
        let mut children = Vec::with_capacity(found.len());
        for child in found.into_iter().filter(|child| who.sees(child.tenant_id).is_ok()) {
            let counts = Counts::of(&batches::progress(pool, child.run_id).await?);
            children.push(Child { run: Line::of(child), counts });
        }
        let amounts = batches::affected_totals(pool, id).await?;
        let lines = run_logs::of_run(pool, id, None, 0, LINES_MAX).await?;
        let input = runs::payload(pool, id).await?;
        let payload = kind.zip(input).and_then(|(kind, input)| json::from_bytes(kind.input, &input).ok());
        let more_movements = cut(&mut wrote, MOVEMENTS_MAX.into());
        let unserved = unserved(pool, &run, kind).await?;
        Ok(Self {
            as_of: When(schedules::clock(pool).await?),
            waits: waits(&run, counts.as_ref(), unserved),
            movements: wrote.into_iter().map(RunMovement::of).collect(),
            more_movements,
            died: died.map(|died| Died {
                fingerprint: died.fingerprint,
                errors: died.errors,
                build: died.build,
                open: died.is_open,
            }),
            payload,
            result: run.result.clone(),
            line: Line::of(run),
            above,
            attempts: attempts(tries),
            counts,
            agents: agents.map(|agents| Written { plan: agents.has_plan }),
            amounts: amounts
                .into_iter()
                .map(|(currency, minor)| Amount {
                    text: amount_text(minor, &currency),
                    amount_minor: minor,
                    currency,
                })
                .collect(),
            children,
            more_children,
            failures: failures
                .into_iter()
                .map(|failure| Failed {
                    member: failure.member_id.to_string(),
                    customer: failure.external_id,
                    code: failure.code,
                    reason: failure.reason,
                })
                .collect(),
            lines: lines
                .into_iter()
                .map(|line| LogLine {
                    attempt: line.attempt,
                    at: When(line.at),
                    level: line.level,
                    message: line.message,
                })
                .collect(),
        })
    }
}
