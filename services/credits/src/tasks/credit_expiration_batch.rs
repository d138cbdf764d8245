//! Books what is left of ended lots: up to 100 members. Up to eight batches of a shop share a transaction.
//!
//! Released by the tenant's run through its window. Effect: an expire entry as of its own end for each lot
//! that has ended with something left, and the new balances; the batch's counts; the next batch of the
//! tenant. Amounts are minor units of the batch's currency.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tradeup_domain::{Dependency, ErrorCode};
use tradeup_proto::job_kind::CREDIT_EXPIRATION_BATCH;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::credits::ExpirationBatch;
use tradeup_store::runs::Claim;
use tradeup_store::{TenantId, Tx, schedules};
use tradeup_worker::{Applied, Each, GroupTask, RetryPolicy, RunGroup, Task, TaskContext, TaskError};

use crate::batch;

/// The task.
pub(crate) struct CreditExpirationBatch;

impl Task for CreditExpirationBatch {
    const KIND: JobKind = CREDIT_EXPIRATION_BATCH;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(120);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    type Input = v1::CreditExpirationBatch;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let now = schedules::clock(&context.pool).await?;
        let batch = read(context.tenant()?.id, &context.claim, &input, now)?;
        batch::execute(context, &batch, input.shadow).await
    }
}

impl GroupTask for CreditExpirationBatch {
    const RUNS_MAX: usize = batch::TOGETHER_MAX;

    async fn run_together(&self, tx: &mut Tx, group: &RunGroup<Self::Input>) -> Result<Vec<Each>, TaskError> {
        let now = schedules::now(tx).await?;
        let read = |claim: &Claim, input: &Self::Input| match input.shadow {
            true => None,
            false => read(group.tenant.id, claim, input, now).ok(),
        };
        batch::execute_together(tx, group, read).await
    }
}

/// The batch of a run.
fn read(
    tenant: TenantId,
    claim: &Claim,
    input: &v1::CreditExpirationBatch,
    now: DateTime<Utc>,
) -> Result<ExpirationBatch, TaskError> {
    let range = batch::of(claim)?;
    let as_of = convert::instant("as_of", input.as_of.as_ref())?;
    // Whoever planned it has looked; a person who writes another input may not have.
    if as_of > now {
        return Err(TaskError::permanent(
            ErrorCode::InvalidInput,
            format!("field as_of is {as_of}, which has not come: what is live then can't expire now"),
        ));
    }
    Ok(ExpirationBatch { tenant, run_id: claim.run_id, as_of, range })
}
