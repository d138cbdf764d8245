//! Batches: a run's work cut into pieces, planned as rows and released into the stream by a window,
//! so that a shop with a million members does not hold up one with ten.

mod cut;
mod own;

use uuid::Uuid;

pub use self::cut::{Cut, Members, cut};
pub use self::own::{OwnBatch, few, record_own};
use crate::error::{Doing, ErrorKind, StoreError};
use crate::ids::new_ids;
use crate::outbox::{JobMessage, JobRow};
use crate::{Connection, Pool, RunId, TenantId};

/// How a run's batches are executed.
#[derive(Clone, Debug)]
pub struct BatchPlan {
    /// Whose members they are of.
    pub tenant: TenantId,
    /// The task that executes each batch.
    pub task: &'static str,
    /// Its input, the same for each batch.
    pub payload: Vec<u8>,
    /// Most batches in the stream at once.
    pub release_window: i32,
}

/// What became of runs whose batches were planned.
#[derive(Debug, Default)]
pub struct PlannedRuns {
    /// Their first batches.
    pub released: Vec<JobMessage>,
    /// Those that have nobody to wait for.
    pub empty: Vec<RunId>,
}

/// Plans how the batches of runs are executed, and releases the first of them.
///
/// # Errors
/// As any statement.
pub async fn plan(db: &mut Connection, runs: &[(RunId, &Cut)]) -> Result<PlannedRuns, StoreError> {
    if runs.is_empty() {
        return Ok(PlannedRuns::default());
    }
    let plans = || runs.iter().map(|(_, cut)| &cut.plan);
    let ids: Vec<Uuid> = runs.iter().map(|(run_id, _)| run_id.0).collect();
    let tenants: Vec<i64> = plans().map(|plan| plan.tenant.0).collect();
    let tasks: Vec<&str> = plans().map(|plan| plan.task).collect();
    let payloads: Vec<&[u8]> = plans().map(|plan| plan.payload.as_slice()).collect();
    let windows: Vec<i32> = plans().map(|plan| plan.release_window).collect();
    let new = sqlx::query_scalar!(
        r#"insert into batch_plans (parent_run_id, tenant_id, task, payload, release_window)
           select * from unnest((select $1::uuid[]), (select $2::bigint[]), (select $3::text[]), (select $4::bytea[]),
               (select $5::integer[]))
           on conflict (parent_run_id) do nothing
           returning parent_run_id as "run_id: RunId""#,
        &ids,
        &tenants,
        &tasks as &[&str],
        &payloads as &[&[u8]],
        &windows,
    )
    .fetch_all(&mut *db)
    .await
    .doing("planning batches")?;
    let (mut first, mut empty) = (Vec::new(), Vec::new());
    for &(run_id, cut) in runs {
        let window = usize::try_from(cut.plan.release_window).unwrap_or(1);
        // What was planned before may be waiting still.
        let count = if new.contains(&run_id) {
            usize::try_from(cut.batches).map_or(window, |batches| batches.min(window))
        } else {
            window
        };
        match count {
            0 => empty.push(run_id),
            _ => first.push((run_id, count)),
        }
    }
    let released = if first.is_empty() { Vec::new() } else { release(db, &first).await? };
    Ok(PlannedRuns { released, empty })
}

/// Releases planned batches of runs, of each up to so many.
///
/// # Errors
/// As any statement.
pub async fn release(db: &mut Connection, parents: &[(RunId, usize)]) -> Result<Vec<JobMessage>, StoreError> {
    let all: Vec<_> = parents.iter().map(|&(run_id, count)| (run_id, count, 0)).collect();
    release_from(db, &all).await
}

/// As [`release`], of each parent from a batch on that was released already.
async fn release_from(
    db: &mut Connection,
    parents: &[(RunId, usize, i32)],
) -> Result<Vec<JobMessage>, StoreError> {
    let runs: Vec<Uuid> = parents.iter().map(|(run_id, ..)| run_id.0).collect();
    let limits: Vec<i64> =
        parents.iter().map(|&(_, count, _)| i64::try_from(count).unwrap_or(i64::MAX)).collect();
    let from: Vec<i32> = parents.iter().map(|&(.., from)| from).collect();
    let count = parents.iter().map(|(_, count, _)| count).sum();
    let rows = sqlx::query_file_as!(
        JobRow,
        "src/batches/release.sql",
        &runs,
        &limits,
        &from,
        &new_ids(count),
        &new_ids(count)
    )
    .fetch_all(db)
    .await
    .doing("releasing batches")?;
    Ok(rows.into_iter().map(JobRow::message).collect())
}

/// What became of a batch's members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// Members found in the batch's range: those planned, unless their history was rewritten since.
    pub members: i32,
    /// Members on whom it had its effect now.
    pub affected: i32,
    /// What was granted to them, or taken from them, together, in minor units.
    pub affected_minor: i64,
    /// Its currency.
    pub currency: Option<String>,
    /// Members on whom it had its effect before.
    pub already_done: i32,
    /// Members on whom it has none by the rules: their tier gives nothing, for instance.
    pub exempt: i32,
    /// Members for whom it failed; each has a row that says why.
    pub failed: i32,
}

impl BatchCounts {
    /// Of a batch on whose other members there was nothing left to do. More may be affected than were
    /// planned, when something came back to a member since.
    #[must_use]
    pub fn of_affected(planned: i32, affected: i32, affected_minor: i64, currency: Option<String>) -> Self {
        let members = planned.max(affected);
        Self {
            members,
            affected,
            affected_minor,
            currency,
            already_done: members - affected,
            exempt: 0,
            failed: 0,
        }
    }

    /// Adds another part of the same batch.
    pub fn add(&mut self, other: &Self) {
        self.members += other.members;
        self.affected += other.affected;
        self.affected_minor += other.affected_minor;
        self.already_done += other.already_done;
        self.exempt += other.exempt;
        self.failed += other.failed;
        if self.currency.is_none() {
            self.currency.clone_from(&other.currency);
        }
    }
}

/// A batch that is done: its parent, its run, what became of its members.
pub type Ended<'a> = (RunId, RunId, &'a BatchCounts);

/// What follows from the ends of batches.
#[derive(Debug, Default)]
pub struct Completed {
    /// The next batches.
    pub released: Vec<JobMessage>,
    /// Parents that have none left to release: they may be at their end.
    pub used_up: Vec<RunId>,
}

/// Ends batches whose runs were ended in this transaction, and releases as many of each parent's that are planned: all that
/// are left, if there are fewer.
///
/// # Errors
/// [`ErrorKind::Superseded`] if one of them is not a released one any more: roll back. Also when the counts do not add
/// up to a batch's members.
pub async fn complete(db: &mut Connection, ended: &[Ended<'_>]) -> Result<Completed, StoreError> {
    if ended.is_empty() {
        return Ok(Completed::default());
    }
    let runs: Vec<Uuid> = ended.iter().map(|(_, run_id, _)| run_id.0).collect();
    let numbers = |of: fn(&BatchCounts) -> i32| ended.iter().map(|(.., c)| of(c)).collect::<Vec<_>>();
    let amounts: Vec<i64> = ended.iter().map(|(.., counts)| counts.affected_minor).collect();
    let currencies: Vec<Option<String>> = ended.iter().map(|(.., counts)| counts.currency.clone()).collect();
    let parents = sqlx::query_file!(
        "src/batches/complete.sql",
        &runs,
        &numbers(|c| c.affected),
        &amounts,
        &currencies as &[Option<String>],
        &numbers(|c| c.already_done),
        &numbers(|c| c.exempt),
        &numbers(|c| c.failed),
        &numbers(|c| c.members),
    )
    .fetch_all(&mut *db)
    .await
    .doing("ending batches")?;
    let (mut done, mut next, mut used_up) = (0, Vec::new(), Vec::new());
    for parent in parents {
        let ended = usize::try_from(parent.done).unwrap_or(0);
        done += ended;
        if parent.has_planned {
            next.push((parent.parent_run_id, ended, parent.from_seq));
        } else {
            used_up.push(parent.parent_run_id);
        }
    }
    if done != ended.len() {
        return Err(StoreError::of_kind(ErrorKind::Superseded, "ending batches"));
    }
    let released = if next.is_empty() { Vec::new() } else { release_from(db, &next).await? };
    Ok(Completed { released, used_up })
}

/// Marks the batch of a dead run, if it has one, and releases the next of its parent.
///
/// # Errors
/// As any statement.
pub async fn bury(db: &mut Connection, run_id: RunId) -> Result<Vec<JobMessage>, StoreError> {
    let parent = sqlx::query_scalar!(
        r#"update batches set state = 'dead' where run_id = $1 and state = 'released'
           returning parent_run_id as "parent: RunId""#,
        run_id as RunId,
    )
    .fetch_optional(&mut *db)
    .await
    .doing("marking a dead batch")?;
    match parent {
        Some(parent) => release(db, &[(parent, 1)]).await,
        None => Ok(Vec::new()),
    }
}

/// How many batches of a run may be released now: its window less those outstanding.
///
/// # Errors
/// As any statement.
pub async fn window_left(pool: &Pool, parent: RunId) -> Result<usize, StoreError> {
    let left = sqlx::query_scalar!(
        r#"select greatest(p.release_window - (
                select count(*) from runs r where r.parent_id = p.parent_run_id and r.finished_at is null), 0) as "left!"
           from batch_plans p where p.parent_run_id = $1"#,
        parent as RunId,
    )
    .fetch_optional(pool)
    .await
    .doing("looking at a release window")?;
    Ok(usize::try_from(left.unwrap_or(0)).unwrap_or(0))
}

/// How far the batches below a run are: its own, and those of its children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Batches planned.
    pub batches: i64,
    /// Of these, done.
    pub batches_done: i64,
    /// Of these, dead.
    pub batches_dead: i64,
    /// Members in all batches.
    pub members: i64,
    /// Members in batches that have ended.
    pub members_done: i64,
    /// Members on whom it had its effect.
    pub affected: i64,
    /// Members on whom it had its effect before.
    pub already_done: i64,
    /// Members on whom it has none by the rules.
    pub exempt: i64,
    /// Members for whom it failed.
    pub failed: i64,
}

/// Progress below `run_id`.
///
/// # Errors
/// As any statement.
pub async fn progress(pool: &Pool, run_id: RunId) -> Result<Progress, StoreError> {
    sqlx::query_file_as!(Progress, "src/batches/progress.sql", run_id as RunId)
        .fetch_one(pool)
        .await
        .doing("adding up batches")
}

/// What was affected below a run, by currency: code and minor units.
///
/// # Errors
/// As any statement.
pub async fn affected_totals(pool: &Pool, run_id: RunId) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sqlx::query_file!("src/batches/affected_totals.sql", run_id as RunId)
        .fetch_all(pool)
        .await
        .doing("adding up what was affected")?;
    Ok(rows.into_iter().map(|row| (row.currency, row.affected_minor)).collect())
}
