//! Claiming: who may try a run, and for how long.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tradeup_domain::replay::{self, Mode, ReplayKey};
use tradeup_signals::trace;
use uuid::Uuid;

use super::admit::admit;
use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, RunId, TenantId, TenantRef};

/// A run that this worker holds.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The run.
    pub run_id: RunId,
    /// Its tenant.
    pub tenant: Option<TenantRef>,
    /// Task name.
    pub task: String,
    /// Key.
    pub key: String,
    /// The run that waits for it.
    pub parent_id: Option<RunId>,
    /// The run that it all began with.
    pub root_id: RunId,
    /// The task's input, encoded.
    pub payload: Vec<u8>,
    /// When it was due.
    pub scheduled_for: DateTime<Utc>,
    /// The trace that it belongs to, if it was created in one.
    pub traceparent: Option<String>,
    /// How long it has waited for its first attempt since it was there and due; `None` at later ones.
    pub waited: Option<Duration>,
    /// Number of this attempt, from 1; the fencing number.
    pub attempt: i32,
    /// Most attempts.
    pub max_attempts: i32,
    /// Whether it takes the lane of urgent runs.
    pub urgent: bool,
    /// Whether what it needs has failed lately: its success is worth noting.
    pub watched: bool,
    /// Whether it holds a place that others of its tenant wait for.
    pub limited: bool,
    /// The batch that it executes, if it executes one.
    pub batch: Option<BatchRange>,
}

/// Who does something outside for a tenant, and writes down what came of it: an attempt of a run.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    /// The tenant.
    pub tenant: TenantId,
    /// The run.
    pub run_id: RunId,
    /// Its attempt.
    pub attempt: i32,
}

impl Claim {
    /// The trace that it belongs to: the one that it was created in, or its root's own.
    #[must_use]
    pub fn trace(&self) -> String {
        self.traceparent.clone().unwrap_or_else(|| trace::of_run(self.root_id.0.as_u128()))
    }

    /// The key by which what the run does is kept: its own, or that of the run which it repeats.
    #[must_use]
    pub fn effect_key(&self) -> &str {
        replay::effect_key(&self.key)
    }

    /// Whether nothing of what it does is to be kept.
    #[must_use]
    pub fn is_preview(&self) -> bool {
        ReplayKey::read(&self.key).is_some_and(|replay| replay.mode == Mode::Preview)
    }

    /// This attempt as the one that sends for the tenant.
    #[must_use]
    pub fn sender(&self, tenant: TenantId) -> Sender {
        Sender { tenant, run_id: self.run_id, attempt: self.attempt }
    }
}

/// Which members a batch is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchRange {
    /// First member's id.
    pub first: Uuid,
    /// Last member's id.
    pub last: Uuid,
    /// How many were planned.
    pub members: i32,
}

impl BatchRange {
    /// Ranges as arrays for a statement: the runs that work on them, their first members, their last.
    pub(crate) fn columns(ranges: &[(RunId, Self)]) -> [Vec<Uuid>; 3] {
        let column = |of: fn(&(RunId, Self)) -> Uuid| ranges.iter().map(of).collect();
        [column(|(run_id, _)| run_id.0), column(|(_, range)| range.first), column(|(_, range)| range.last)]
    }
}

/// What became of a wish to claim a run.
#[derive(Clone, Debug)]
pub enum ClaimOutcome {
    /// This worker holds it now.
    Claimed(Box<Claim>),
    /// It has ended, or waits for its children: nothing to do.
    Settled,
    /// Another worker holds it, or its wait is not over.
    Busy {
        /// Look again after this long.
        free_in: Duration,
    },
    /// A pause, a breaker or a limit holds it back; its message is in the outbox until that is over.
    Held {
        /// Why, in words.
        because: String,
    },
    /// All attempts are used up, and none of them lived to say why.
    Exhausted,
    /// The database knows no such run.
    Unknown,
}

/// Who claims, and how.
#[derive(Clone, Copy, Debug)]
pub struct Claimant<'a> {
    /// Name of the worker.
    pub worker: &'a str,
    /// Its build.
    pub build: &'a str,
    /// How long a run is its own without a sign of life.
    pub lease: Duration,
    /// Attempts by the task's policy.
    pub attempts_max: i32,
    /// What the task depends on.
    pub needs: &'a [String],
}

/// Claims runs of one task; answers for each id. Commits by itself: an attempt starts with a committed
/// row, so that a run which kills its process counts too.
///
/// # Errors
/// As any statement; then none was claimed.
pub async fn claim(
    pool: &Pool,
    ids: &[RunId],
    claimant: &Claimant<'_>,
) -> Result<HashMap<RunId, ClaimOutcome>, StoreError> {
    let mut wanted: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    wanted.sort_unstable();
    let claimed = {
        let mut connection = pool.acquire().await.doing("claiming runs")?;
        claim_rows(&mut connection, &wanted, claimant, false).await?
    };
    let mut outcomes: HashMap<RunId, ClaimOutcome> =
        claimed.into_iter().map(|claim| (claim.run_id, ClaimOutcome::Claimed(Box::new(claim)))).collect();
    if outcomes.len() < wanted.len() {
        wanted.retain(|id| !outcomes.contains_key(&RunId(*id)));
        let states = sqlx::query_file!("src/runs/claim_state.sql", &wanted)
            .fetch_all(pool)
            .await
            .doing("asking why runs can't be claimed")?;
        for row in states {
            let free_in = Duration::try_from_secs_f64(row.free_in_seconds).unwrap_or_default();
            let outcome = match (row.settled, row.exhausted) {
                (true, _) => ClaimOutcome::Settled,
                (false, true) if free_in.is_zero() => ClaimOutcome::Exhausted,
                (false, false) if free_in.is_zero() => {
                    admit(pool, row.run_id, row.tenant_id, &row.task, claimant).await?
                }
                (false, _) => ClaimOutcome::Busy { free_in },
            };
            outcomes.insert(row.run_id, outcome);
        }
        for id in wanted {
            outcomes.entry(RunId(id)).or_insert(ClaimOutcome::Unknown);
        }
    }
    Ok(outcomes)
}

pub(super) async fn claim_rows(
    db: &mut Connection,
    ids: &[Uuid],
    claimant: &Claimant<'_>,
    is_admitted: bool,
) -> Result<Vec<Claim>, StoreError> {
    let rows = sqlx::query_file!(
        "src/runs/claim.sql",
        ids,
        claimant.worker,
        claimant.build,
        claimant.lease.as_secs_f64(),
        claimant.attempts_max,
        claimant.needs,
        is_admitted,
    )
    .fetch_all(db)
    .await
    .doing("claiming runs")?;
    let claims = rows.into_iter().map(|row| Claim {
        run_id: row.run_id,
        tenant: tenant_ref(row.tenant_id, row.tenant_handle),
        task: row.task,
        key: row.key,
        parent_id: row.parent_id,
        root_id: row.root_id,
        payload: row.payload,
        scheduled_for: row.scheduled_for,
        traceparent: row.traceparent,
        waited: row.waited_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok()),
        attempt: row.attempt,
        max_attempts: row.max_attempts,
        urgent: row.urgent,
        watched: row.watched,
        limited: false,
        batch: batch_range(row.first_member_id, row.last_member_id, row.members),
    });
    Ok(claims.collect())
}

/// The batch that a row has, if it has one.
pub(super) fn batch_range(
    first: Option<Uuid>,
    last: Option<Uuid>,
    members: Option<i32>,
) -> Option<BatchRange> {
    Some(BatchRange { first: first?, last: last?, members: members? })
}

fn tenant_ref(id: Option<TenantId>, handle: Option<String>) -> Option<TenantRef> {
    Some(TenantRef { id: id?, handle: handle? })
}

/// Keeps a run's lease while its worker is busy. `false` if the worker has lost it.
///
/// # Errors
/// As any statement.
pub async fn extend_lease(
    pool: &Pool,
    run_id: RunId,
    attempt: i32,
    lease: Duration,
) -> Result<bool, StoreError> {
    let kept = sqlx::query!(
        "update runs set lease_expires_at = clock_timestamp() + make_interval(secs => $3)
         where id = $1 and attempt = $2 and state = 'running'",
        run_id as RunId,
        attempt,
        lease.as_secs_f64(),
    )
    .execute(pool)
    .await
    .doing("extending a lease")?
    .rows_affected();
    Ok(kept == 1)
}
