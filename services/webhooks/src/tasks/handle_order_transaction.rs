//! A payment of an order was made at a shop (`order_transactions/create`). The order itself does not say how much of it
//! was paid with store credit or gift cards, which have earned before.
//!
//! Effect: the payment is noted; the order that waited for it is settled.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::HANDLE_ORDER_TRANSACTION;
use tradeup_proto::{JobKind, v1};
use tradeup_shopify::webhook::Transaction;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{self, order};

/// The task.
pub(crate) struct HandleOrderTransaction;

impl Task for HandleOrderTransaction {
    const KIND: JobKind = HANDLE_ORDER_TRANSACTION;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    const PREVIEWS: bool = true;
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let told = shop::told(context, &input).await?;
        if told.is_uninstalled() {
            return Ok(told.uninstalled());
        }
        let transaction = Transaction::decode(&told.body).map_err(|error| shop::unreadable(&error))?;
        let (Some(id), Some(fact)) = (transaction.order_id.clone(), order::payment(&transaction, &told))
        else {
            return Ok(told.nothing("no_payment"));
        };
        order::finish(context, told, &id, &[fact], None).await
    }
}
