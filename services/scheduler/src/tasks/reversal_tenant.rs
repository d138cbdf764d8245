//! One tenant's part of a reversal: plans the members whom the run has granted something into batches.

use tradeup_proto::job_kind::{REVERSAL_BATCH, REVERSAL_TENANT};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::RunId;
use tradeup_store::batches::Members;
use tradeup_worker::TaskError;
use tradeup_worker::planning::{NOT_UNINSTALLED, Planned, PlansBatches, TenantRun};

/// The task.
pub(crate) struct ReversalTenant;

impl PlansBatches for ReversalTenant {
    const KIND: JobKind = REVERSAL_TENANT;
    type Input = v1::Reversal;

    async fn plan(&self, mut run: TenantRun<'_>, input: &Self::Input) -> Result<Planned, TaskError> {
        let run_id = RunId(convert::uuid("run_id", &input.run_id)?);
        run.tenant(NOT_UNINSTALLED).await?;
        let members = Members::GrantedBy { run_id };
        run.in_batches(members, REVERSAL_BATCH.task, input.encode_to_vec()).await
    }
}
