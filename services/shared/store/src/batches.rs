//! Batches: a run's work cut into pieces, planned as rows and released into the stream by a window,
//! so that a shop with a million members does not hold up one with ten.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::campaigns::CampaignId;
use crate::error::{Doing, ErrorKind, StoreError};
use crate::ids::new_ids;
use crate::outbox::{JobMessage, JobRow};
use crate::runs::Claim;
use crate::{Connection, Pool, RunId, TenantId};

/// How a run's batches are executed.
#[derive(Clone, Debug)]
pub struct BatchPlan<'a> {
    /// The task that executes each batch.
    pub task: &'a str,
    /// Its input, the same for each batch.
    pub payload: &'a [u8],
    /// Members in one batch.
    pub batch_members: i32,
    /// Most batches in the stream at once.
    pub release_window: i32,
}

/// Whom a run is about.
#[derive(Clone, Copy, Debug)]
pub enum Members {
    /// Those who are in a tier.
    Active {
        /// As of then.
        as_of: DateTime<Utc>,
    },
    /// Those with credit left in lots that have ended.
    WithEndedLots {
        /// By then.
        as_of: DateTime<Utc>,
    },
    /// Those with credit left in lots that are about to end, and who were not warned of it.
    ToBeWarned {
        /// Within so many days from then as the warning is ahead.
        as_of: DateTime<Utc>,
    },
    /// Those with an account, whose wallet at the shop is looked at.
    WithAccounts,
    /// Those whose tier has to be looked at.
    TierReview {
        /// As of then.
        as_of: DateTime<Utc>,
        /// Since when what could raise somebody is looked at.
        since: Option<DateTime<Utc>>,
    },
    /// Those for whom a campaign does something, and has not yet.
    Campaign {
        /// The campaign.
        id: CampaignId,
    },
    /// Those whom a run has granted something, by itself or by what is below it.
    GrantedBy {
        /// The run.
        run_id: RunId,
    },
}

/// Plans the members whom the run `parent` is about into batches. Returns how many may be released: as many as there are, up to
/// the window. Doing it twice plans nothing new.
///
/// # Errors
/// As any statement.
pub async fn plan(
    db: &mut Connection,
    parent: &Claim,
    tenant: TenantId,
    members: Members,
    plan: &BatchPlan<'_>,
) -> Result<usize, StoreError> {
    let first = sqlx::query!(
        "insert into batch_plans (parent_run_id, tenant_id, task, payload, release_window)
         values ($1, $2, $3, $4, $5) on conflict (parent_run_id) do nothing",
        parent.run_id as RunId,
        tenant as TenantId,
        plan.task,
        plan.payload,
        plan.release_window,
    )
    .execute(&mut *db)
    .await
    .doing("planning batches")?
    .rows_affected();
    let (run_id, size) = (parent.run_id, i64::from(plan.batch_members));
    let query = match members {
        Members::Active { as_of } => sqlx::query_file!(
            "src/batches/plan_monthly.sql",
            tenant as TenantId,
            run_id as RunId,
            as_of,
            size
        ),
        Members::WithEndedLots { as_of } => sqlx::query_file!(
            "src/batches/plan_expiration.sql",
            tenant as TenantId,
            run_id as RunId,
            as_of,
            size
        ),
        Members::ToBeWarned { as_of } => sqlx::query_file!(
            "src/batches/plan_warnings.sql",
            tenant as TenantId,
            run_id as RunId,
            as_of,
            size
        ),
        Members::WithAccounts => {
            sqlx::query_file!("src/batches/plan_wallets.sql", tenant as TenantId, run_id as RunId, size)
        }
        Members::TierReview { as_of, since } => sqlx::query_file!(
            "src/batches/plan_tier_review.sql",
            tenant as TenantId,
            run_id as RunId,
            as_of,
            since,
            size
        ),
        Members::Campaign { id } => sqlx::query_file!(
            "src/batches/plan_campaign.sql",
            tenant as TenantId,
            run_id as RunId,
            id as CampaignId,
            size
        ),
        Members::GrantedBy { run_id: granting } => sqlx::query_file!(
            "src/batches/plan_reversal.sql",
            tenant as TenantId,
            run_id as RunId,
            granting as RunId,
            size
        ),
    };
    let planned = query.execute(db).await.doing("planning batches")?.rows_affected();
    let window = usize::try_from(plan.release_window).unwrap_or(1);
    // What was planned before may be waiting still.
    Ok(if first == 1 {
        usize::try_from(planned).map_or(window, |planned| planned.min(window))
    } else {
        window
    })
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
