//! One tenant's part of the comparison of wallets: plans the members who have an account into batches, releases
//! the first window of them. A tenant without a wallet at Shopify has nothing to compare.

use serde_json::json;
use tradeup_proto::job_kind::{WALLET_RECONCILIATION_BATCH, WALLET_RECONCILIATION_TENANT};
use tradeup_proto::{JobKind, Message as _, v1};
use tradeup_store::batches::Members;
use tradeup_store::runs::Claim;
use tradeup_store::{TenantId, Tx, pushes};
use tradeup_worker::TaskError;

use crate::fan_out::{self, NOT_UNINSTALLED, Planned, PlansBatches};

/// The task.
pub(crate) struct WalletReconciliationTenant;

impl PlansBatches for WalletReconciliationTenant {
    const KIND: JobKind = WALLET_RECONCILIATION_TENANT;
    type Input = v1::WalletReconciliationTenant;

    async fn plan(
        &self,
        tx: &mut Tx,
        claim: &Claim,
        tenant: TenantId,
        input: &Self::Input,
    ) -> Result<Planned, TaskError> {
        let tenant = fan_out::tenant(tx, tenant, NOT_UNINSTALLED).await?;
        if tenant.wallet == "none" {
            return Ok(Planned::Nothing(json!({ "wallet": tenant.wallet })));
        }
        // Whatever still waits to be told, after an outage for instance, is told now.
        pushes::wake(tx, tenant.id).await?;
        let payload = v1::WalletReconciliationBatch { as_of: input.as_of }.encode_to_vec();
        fan_out::to_batches(
            tx,
            claim,
            tenant.id,
            Members::WithAccounts,
            WALLET_RECONCILIATION_BATCH.task,
            &payload,
        )
        .await
    }
}
