//! One tenant's part of the expiration: plans the members who have something left in ended lots into
//! batches, releases the first window of them.

use tradeup_domain::ErrorCode;
use tradeup_proto::job_kind::{CREDIT_EXPIRATION_BATCH, CREDIT_EXPIRATION_TENANT};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::batches::Members;
use tradeup_store::schedules;
use tradeup_worker::TaskError;
use tradeup_worker::planning::{NOT_UNINSTALLED, Planned, PlansBatches, TenantRun};

/// The task.
pub(crate) struct CreditExpirationTenant;

impl PlansBatches for CreditExpirationTenant {
    const KIND: JobKind = CREDIT_EXPIRATION_TENANT;
    type Input = v1::CreditExpirationTenant;

    async fn plan(&self, mut run: TenantRun<'_>, input: &Self::Input) -> Result<Planned, TaskError> {
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let tenant = run.tenant(NOT_UNINSTALLED).await?;
        // The clock does not say what the run is about; it only keeps credit from ending early.
        if as_of > schedules::now(run.tx).await? {
            return Err(TaskError::permanent(
                ErrorCode::InvalidInput,
                format!("field as_of is {as_of}, which has not come: what is live then can't expire now"),
            ));
        }
        run.note_shadow(&tenant).await?;
        let payload =
            v1::CreditExpirationBatch { as_of: input.as_of, shadow: tenant.is_in_shadow() }.encode_to_vec();
        let members = Members::WithEndedLots { as_of };
        run.in_batches(members, CREDIT_EXPIRATION_BATCH.task, payload).await
    }
}
