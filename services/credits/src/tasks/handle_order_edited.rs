//! An order was edited (`orders/edited`): what Shopify tells of it has no amounts, so the order itself is asked for.
//!
//! Effect: the order as it is now, taken as if the shop had told it; nothing when it has.

use std::time::Duration;

use tradeup_domain::{Dependency, ErrorCode};
use tradeup_proto::job_kind::HANDLE_ORDER_EDITED;
use tradeup_proto::{JobKind, v1};
use tradeup_shopify::webhook::Refs;
use tradeup_store::events;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};
use uuid::Uuid;

use super::OUTSIDE_RETRY;
use super::gap_search_tenant::{order_id, search};
use crate::shop::Shops;

/// The task.
pub(crate) struct HandleOrderEdited {
    pub(crate) shops: Shops,
}

impl Task for HandleOrderEdited {
    const KIND: JobKind = HANDLE_ORDER_EDITED;
    const RETRY: RetryPolicy = OUTSIDE_RETRY;
    const TIME_LIMIT: Duration = Duration::from_secs(60);
    const NEEDS: &'static [Dependency] = &[Dependency::Shopify];
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let bad =
            |why: &str| TaskError::permanent(ErrorCode::InvalidInput, format!("field event_id is {why}"));
        let event =
            Uuid::from_slice(&input.event_id).map_err(|_length| bad("no id; give the 16 bytes of one"))?;
        let mut tx = context.begin().await?;
        let found = events::get(&mut tx, context.tenant()?.id, event).await?;
        tx.rollback().await?;
        let found = found.ok_or_else(|| bad("that of no event of this tenant"))?;
        let body = found
            .body
            .ok_or_else(|| TaskError::permanent(ErrorCode::EventErased, "the event's body was erased"))?;
        let refs = Refs::read(&found.topic, &body).map_err(|error| TaskError::classified(&error))?;
        let order = order_id("order_edit.order_id", refs.resource.as_deref().unwrap_or_default())?;
        search(context, &self.shops, context.claim.scheduled_for, Some(&order)).await
    }
}
