//! The batch of a run that has had its effect on all of its members itself, because they are few.

use serde_json::{Value, json};
use tradeup_domain::Dependency;
use uuid::Uuid;

use super::{BatchCounts, BatchPlan, Members};
use crate::error::{Doing, StoreError};
use crate::runs::BatchRange;
use crate::{Connection, RunId, TenantId};

/// The one batch of such a run, which is done.
#[derive(Clone, Debug)]
#[must_use]
pub struct OwnBatch {
    /// How batches of it would have been executed.
    pub plan: BatchPlan,
    /// Its members.
    pub range: BatchRange,
    /// What became of them.
    pub counts: BatchCounts,
    result: Value,
}

impl OwnBatch {
    /// The batch that a run has done of what `plan` says.
    pub fn new(plan: BatchPlan, range: BatchRange, counts: BatchCounts) -> Self {
        let result = json!({
            "children": 0, "children_failed": 0, "children_cancelled": 0, "members": counts.members,
            "affected": counts.affected, "affected_minor": counts.affected_minor, "currency": counts.currency,
            "already_done": counts.already_done, "exempt": counts.exempt, "failed": counts.failed,
        });
        Self { plan, range, counts, result }
    }

    /// What there is to show of the run: the same as of one that has waited for its batches.
    #[must_use]
    pub fn result(&self) -> &Value {
        &self.result
    }
}

/// The members whom a run is about, if they are at most `most`, and not none, and nothing holds back `task`, whose batches they would
/// be: no limit, and no breaker of what it `needs`.
///
/// # Errors
/// As any statement.
pub async fn few(
    db: &mut Connection,
    tenant: TenantId,
    members: Members,
    task: &str,
    needs: Dependency,
    most: i32,
) -> Result<Option<BatchRange>, StoreError> {
    // Of the others nobody asks yet.
    let Members::Active { as_of } = members else { return Ok(None) };
    let found = sqlx::query_file!(
        "src/batches/few_monthly.sql",
        tenant as TenantId,
        as_of,
        task,
        i64::from(most),
        needs.as_str(),
    )
    .fetch_optional(db)
    .await
    .doing("looking whether members are few")?;
    Ok(found.map(|row| BatchRange { first: row.first, last: row.last, members: row.members }))
}

/// Records the batches that runs have done themselves, which ended in this transaction.
///
/// # Errors
/// As any statement; also when the counts do not add up to a batch's members.
pub async fn record_own(db: &mut Connection, ended: &[(RunId, &OwnBatch)]) -> Result<(), StoreError> {
    if ended.is_empty() {
        return Ok(());
    }
    let batches = || ended.iter().map(|(_, batch)| *batch);
    let runs: Vec<Uuid> = ended.iter().map(|(run_id, _)| run_id.0).collect();
    let tenants: Vec<i64> = batches().map(|batch| batch.plan.tenant.0).collect();
    let tasks: Vec<&str> = batches().map(|batch| batch.plan.task).collect();
    let payloads: Vec<&[u8]> = batches().map(|batch| batch.plan.payload.as_slice()).collect();
    let windows: Vec<i32> = batches().map(|batch| batch.plan.release_window).collect();
    let firsts: Vec<Uuid> = batches().map(|batch| batch.range.first).collect();
    let lasts: Vec<Uuid> = batches().map(|batch| batch.range.last).collect();
    let numbers = |of: fn(&BatchCounts) -> i32| batches().map(|b| of(&b.counts)).collect::<Vec<_>>();
    let amounts: Vec<i64> = batches().map(|batch| batch.counts.affected_minor).collect();
    let currencies: Vec<Option<String>> = batches().map(|batch| batch.counts.currency.clone()).collect();
    sqlx::query_file!(
        "src/batches/record_own.sql",
        &runs,
        &tenants,
        &tasks as &[&str],
        &payloads as &[&[u8]],
        &windows,
        &firsts,
        &lasts,
        &numbers(|c| c.members),
        &numbers(|c| c.affected),
        &amounts,
        &currencies as &[Option<String>],
        &numbers(|c| c.already_done),
        &numbers(|c| c.exempt),
        &numbers(|c| c.failed),
    )
    .execute(db)
    .await
    .doing("recording batches")
    .map(drop)
}
