//! One tenant's part of the comparison of wallets: plans the members who have an account into batches, releases
//! the first window of them. A tenant without a wallet at Shopify has nothing to compare.

use std::time::Duration;

use serde_json::json;
use tradeup_proto::job_kind::{WALLET_RECONCILIATION_BATCH, WALLET_RECONCILIATION_TENANT};
use tradeup_proto::{JobKind, Message as _, v1};
use tradeup_store::batches::Members;
use tradeup_store::pushes;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::fan_out::{self, NOT_UNINSTALLED};

/// The task.
pub(crate) struct WalletReconciliationTenant;

impl Task for WalletReconciliationTenant {
    const KIND: JobKind = WALLET_RECONCILIATION_TENANT;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::WalletReconciliationTenant;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let mut tx = context.begin().await?;
        let tenant = fan_out::tenant(&mut tx, context.tenant()?.id, NOT_UNINSTALLED).await?;
        if tenant.wallet == "none" {
            return Ok(Applied::done(tx).with_result(json!({ "wallet": tenant.wallet })));
        }
        // Whatever still waits to be told, after an outage for instance, is told now.
        pushes::wake(&mut tx, tenant.id).await?;
        let payload = v1::WalletReconciliationBatch { as_of: input.as_of }.encode_to_vec();
        fan_out::to_batches(context, tx, Members::WithAccounts, WALLET_RECONCILIATION_BATCH.task, &payload)
            .await
    }
}
