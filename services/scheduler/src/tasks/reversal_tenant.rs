//! One tenant's part of a reversal: plans the members whom the run has granted something into batches.

use std::time::Duration;

use tradeup_proto::job_kind::{REVERSAL_BATCH, REVERSAL_TENANT};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::RunId;
use tradeup_store::batches::Members;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::fan_out::{self, NOT_UNINSTALLED};

/// The task.
pub(crate) struct ReversalTenant;

impl Task for ReversalTenant {
    const KIND: JobKind = REVERSAL_TENANT;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::Reversal;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let run_id = RunId(convert::uuid("run_id", &input.run_id)?);
        let mut tx = context.begin().await?;
        fan_out::tenant(&mut tx, context.tenant()?.id, NOT_UNINSTALLED).await?;
        let members = Members::GrantedBy { run_id };
        fan_out::to_batches(context, tx, members, REVERSAL_BATCH.task, &input.encode_to_vec()).await
    }
}
