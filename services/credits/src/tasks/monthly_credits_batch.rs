//! Issues the monthly credits of one batch: up to 100 members. Up to eight batches of a shop share a statement and a transaction.
//!
//! Released by the tenant's run through its window. Effect: a lot, a grant entry and the new
//! balance for each member who has a tier with an amount as of the run; the batch's counts; the
//! next batch of the tenant. Amounts are minor units of the tenant's currency.

use std::time::Duration;

use tradeup_domain::{Dependency, ErrorCode, Period};
use tradeup_proto::job_kind::MONTHLY_CREDITS_BATCH;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::credits::MonthlyBatch;
use tradeup_store::runs::Claim;
use tradeup_store::{TenantId, Tx};
use tradeup_worker::{Applied, Each, GroupTask, RetryPolicy, RunGroup, Task, TaskContext, TaskError};

use crate::batch;

/// The task.
pub(crate) struct MonthlyCreditsBatch;

impl Task for MonthlyCreditsBatch {
    const KIND: JobKind = MONTHLY_CREDITS_BATCH;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(120);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    type Input = v1::MonthlyCreditsBatch;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let batch = read(context.tenant()?.id, &context.claim, &input)?;
        batch::execute(context, &batch, input.shadow).await
    }
}

impl GroupTask for MonthlyCreditsBatch {
    const RUNS_MAX: usize = batch::TOGETHER_MAX;

    async fn run_together(&self, tx: &mut Tx, group: &RunGroup<Self::Input>) -> Result<Vec<Each>, TaskError> {
        let read = |claim: &Claim, input: &Self::Input| match input.shadow {
            true => None,
            false => read(group.tenant.id, claim, input).ok(),
        };
        batch::execute_together(tx, group, read).await
    }
}

/// The batch of a run.
fn read(tenant: TenantId, claim: &Claim, input: &v1::MonthlyCreditsBatch) -> Result<MonthlyBatch, TaskError> {
    let period: Period = convert::period(&input.period)?;
    let range = batch::of(claim)?;
    let expires_at = convert::optional_instant("expires_at", input.expires_at.as_ref())?;
    // Messages from before there were days of grace have the one and not the other.
    let ends_at = convert::optional_instant("ends_at", input.ends_at.as_ref())?.or(expires_at);
    if expires_at.is_some() != ends_at.is_some() || ends_at < expires_at {
        return Err(TaskError::permanent(
            ErrorCode::InvalidInput,
            "field ends_at is before expires_at, or stands alone; give the same instant or a later one",
        ));
    }
    Ok(MonthlyBatch {
        tenant,
        run_id: claim.run_id,
        period,
        as_of: convert::instant("as_of", input.as_of.as_ref())?,
        expires_at,
        ends_at,
        range,
    })
}
