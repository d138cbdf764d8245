//! Compares the wallets of up to 100 members with what their shop says.
//!
//! Released by the tenant's run through its window. Effect: where Shopify decides what can be spent, the ledger
//! follows what it has booked by itself, and what has ended; each difference that is left has a row. Counts:
//! affected are members whose wallet differs, with the sum of the differences in minor units; exempt are those
//! whose wallet is being told of something at this moment.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::WALLET_RECONCILIATION_BATCH;
use tradeup_proto::{JobKind, v1};
use tradeup_store::{tenants, wallets};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use super::OUTSIDE_RETRY;
use crate::batch;
use crate::shop::{Comparison, Shops};

/// The task.
pub(crate) struct WalletReconciliationBatch {
    pub(crate) shops: Shops,
}

impl Task for WalletReconciliationBatch {
    const KIND: JobKind = WALLET_RECONCILIATION_BATCH;
    const RETRY: RetryPolicy = OUTSIDE_RETRY;
    // A hundred members' histories at the rate of the smallest plan, and time to wait for the rate.
    const TIME_LIMIT: Duration = Duration::from_secs(900);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger, Dependency::Shopify];
    type Input = v1::WalletReconciliationBatch;

    async fn run(&self, context: &TaskContext, _input: Self::Input) -> Result<Applied, TaskError> {
        let range = batch::of(&context.claim)?;
        let tenant = context.tenant()?.id;
        let mut tx = context.begin().await?;
        let settings = super::check_ledger(&mut tx, tenant, None).await?;
        let wallet = tenants::by_id(&mut tx, tenant).await?.map(|tenant| tenant.wallet).unwrap_or_default();
        let members = wallets::members(&mut tx, tenant, context.claim.run_id, range).await?;
        tx.commit().await?;

        let comparison = Comparison { shops: &self.shops, context, settings, follows: wallet == "shopify" };
        let mut counts = comparison.compare(&members, range).await?;

        let tx = context.begin().await?;
        counts.members = counts.members.max(range.members);
        counts.already_done = counts.members - counts.affected - counts.exempt - counts.failed;
        Ok(Applied::batch(tx, counts))
    }
}
