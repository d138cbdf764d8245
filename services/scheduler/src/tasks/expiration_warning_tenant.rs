//! One tenant's part of the warnings: plans the members who have something left in lots that are about to
//! end into batches, releases the first window of them. A shop that wants no warnings is done at once.

use serde_json::json;
use tradeup_domain::ErrorCode;
use tradeup_proto::job_kind::{EXPIRATION_WARNING_BATCH, EXPIRATION_WARNING_TENANT};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::batches::Members;
use tradeup_store::schedules;
use tradeup_worker::TaskError;
use tradeup_worker::planning::{ACTIVE, Planned, PlansBatches, TenantRun};

/// The task.
pub(crate) struct ExpirationWarningTenant;

impl PlansBatches for ExpirationWarningTenant {
    const KIND: JobKind = EXPIRATION_WARNING_TENANT;
    type Input = v1::ExpirationWarningTenant;

    async fn plan(&self, mut run: TenantRun<'_>, input: &Self::Input) -> Result<Planned, TaskError> {
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let tenant = run.tenant(ACTIVE).await?;
        // The clock only keeps members from being warned earlier than they are told.
        if as_of > schedules::now(run.tx).await? {
            return Err(TaskError::permanent(
                ErrorCode::InvalidInput,
                format!("field as_of is {as_of}, which has not come: members are warned 7 days ahead"),
            ));
        }
        if !tenant.warns {
            return Ok(Planned::Nothing(json!({ "outcome": "switched_off" })));
        }
        run.note_shadow(&tenant).await?;
        let payload =
            v1::ExpirationWarningBatch { as_of: input.as_of, shadow: tenant.is_in_shadow() }.encode_to_vec();
        let members = Members::ToBeWarned { as_of };
        run.in_batches(members, EXPIRATION_WARNING_BATCH.task, payload).await
    }
}
