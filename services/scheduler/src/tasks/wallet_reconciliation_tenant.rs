//! One tenant's part of the comparison of wallets: plans the members who have an account into batches, releases
//! the first window of them. A tenant without a wallet at Shopify has nothing to compare.

use serde_json::json;
use tradeup_proto::job_kind::{WALLET_RECONCILIATION_BATCH, WALLET_RECONCILIATION_TENANT};
use tradeup_proto::{JobKind, Message as _, v1};
use tradeup_store::batches::Members;
use tradeup_store::pushes;
use tradeup_worker::TaskError;
use tradeup_worker::planning::{NOT_UNINSTALLED, Planned, PlansBatches, TenantRun};

/// The task.
pub(crate) struct WalletReconciliationTenant;

impl PlansBatches for WalletReconciliationTenant {
    const KIND: JobKind = WALLET_RECONCILIATION_TENANT;
    type Input = v1::WalletReconciliationTenant;

    async fn plan(&self, mut run: TenantRun<'_>, input: &Self::Input) -> Result<Planned, TaskError> {
        let tenant = run.tenant(NOT_UNINSTALLED).await?;
        if tenant.wallet == "none" {
            return Ok(Planned::Nothing(json!({ "wallet": tenant.wallet })));
        }
        // Whatever still waits to be told, after an outage for instance, is told now.
        pushes::wake(run.tx, tenant.id).await?;
        let payload = v1::WalletReconciliationBatch { as_of: input.as_of }.encode_to_vec();
        run.in_batches(Members::WithAccounts, WALLET_RECONCILIATION_BATCH.task, payload).await
    }
}
