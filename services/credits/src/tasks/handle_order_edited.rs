//! An order was edited (`orders/edited`): what Shopify tells of it has no amounts, so the order itself is asked for.
//!
//! Effect: the order as it is now, taken as if the shop had told it; nothing when it has.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::HANDLE_ORDER_EDITED;
use tradeup_proto::{JobKind, v1};
use tradeup_shopify::webhook::Refs;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError, ToldEvent, told_event};

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
        let mut tx = context.begin().await?;
        let ToldEvent { topic, body, .. } = told_event(context, &mut tx, &input).await?;
        tx.rollback().await?;
        let refs = Refs::read(&topic, &body).map_err(|error| TaskError::classified(&error))?;
        let order = order_id("order_edit.order_id", refs.resource.as_deref().unwrap_or_default())?;
        search(context, &self.shops, context.claim.scheduled_for, Some(&order)).await
    }
}
