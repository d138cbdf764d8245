//! One tenant's part of the expiration: plans the members who have something left in ended lots into
//! batches, releases the first window of them.

use std::time::Duration;

use tradeup_domain::ErrorCode;
use tradeup_proto::job_kind::{CREDIT_EXPIRATION_BATCH, CREDIT_EXPIRATION_TENANT};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::batches::Members;
use tradeup_store::schedules;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::fan_out::{self, NOT_UNINSTALLED};

/// The task.
pub(crate) struct CreditExpirationTenant;

impl Task for CreditExpirationTenant {
    const KIND: JobKind = CREDIT_EXPIRATION_TENANT;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::CreditExpirationTenant;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let mut tx = context.begin().await?;
        let tenant = fan_out::tenant(&mut tx, context.tenant()?.id, NOT_UNINSTALLED).await?;
        // The clock does not say what the run is about; it only keeps credit from ending early.
        if as_of > schedules::now(&mut tx).await? {
            return Err(TaskError::permanent(
                ErrorCode::InvalidInput,
                format!("field as_of is {as_of}, which has not come: what is live then can't expire now"),
            ));
        }
        let shadow = fan_out::in_shadow(context, &mut tx, &tenant).await?;
        let payload = v1::CreditExpirationBatch { as_of: input.as_of, shadow }.encode_to_vec();
        let members = Members::WithEndedLots { as_of };
        fan_out::to_batches(context, tx, members, CREDIT_EXPIRATION_BATCH.task, &payload).await
    }
}
