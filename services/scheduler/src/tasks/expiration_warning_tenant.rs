//! One tenant's part of the warnings: plans the members who have something left in lots that are about to
//! end into batches, releases the first window of them. A shop that wants no warnings is done at once.

use std::time::Duration;

use serde_json::json;
use tradeup_domain::ErrorCode;
use tradeup_proto::job_kind::{EXPIRATION_WARNING_BATCH, EXPIRATION_WARNING_TENANT};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::batches::Members;
use tradeup_store::schedules;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::fan_out::{self, ACTIVE};

/// The task.
pub(crate) struct ExpirationWarningTenant;

impl Task for ExpirationWarningTenant {
    const KIND: JobKind = EXPIRATION_WARNING_TENANT;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::ExpirationWarningTenant;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let mut tx = context.begin().await?;
        let tenant = fan_out::tenant(&mut tx, context.tenant()?.id, ACTIVE).await?;
        // The clock only keeps members from being warned earlier than they are told.
        if as_of > schedules::now(&mut tx).await? {
            return Err(TaskError::permanent(
                ErrorCode::InvalidInput,
                format!("field as_of is {as_of}, which has not come: members are warned 7 days ahead"),
            ));
        }
        if !tenant.warns {
            return Ok(Applied::done(tx).with_result(json!({ "outcome": "switched_off" })));
        }
        let shadow = fan_out::in_shadow(context, &mut tx, &tenant).await?;
        let payload = v1::ExpirationWarningBatch { as_of: input.as_of, shadow }.encode_to_vec();
        let members = Members::ToBeWarned { as_of };
        fan_out::to_batches(context, tx, members, EXPIRATION_WARNING_BATCH.task, &payload).await
    }
}
