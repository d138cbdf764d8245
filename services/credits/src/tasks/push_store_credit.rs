//! Tells a tenant's shop of its members' credit, and looks for what became of lost answers.
//!
//! Triggered by the scheduler soon after entries were booked. Effect: store credit at Shopify, once for each
//! entry, and what became of each in its push. Amounts are minor units of the push's currency.

use std::time::Duration;

use serde_json::json;
use tradeup_domain::Dependency;
use tradeup_proto::job_kind::PUSH_STORE_CREDIT;
use tradeup_proto::{JobKind, v1};
use tradeup_store::{pushes, schedules, shops, tenants};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{Shops, Told, tell_all};

/// For shops: some hours. While one is down nobody's attempts are used up.
const RETRY: RetryPolicy =
    RetryPolicy { attempts_max: 12, base: Duration::from_secs(1), factor: 4, cap: Duration::from_secs(1800) };
/// What is left after an interruption is soon taken up again.
const GO_ON_AFTER: Duration = Duration::from_secs(1);
/// No wait is longer: somebody may have decided what became of a push meanwhile.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The task.
pub(crate) struct PushStoreCredit {
    pub(crate) shops: Shops,
}

impl Task for PushStoreCredit {
    const KIND: JobKind = PUSH_STORE_CREDIT;
    const RETRY: RetryPolicy = RETRY;
    const TIME_LIMIT: Duration = Duration::from_secs(300);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger, Dependency::Shopify];
    type Input = v1::PushStoreCredit;

    async fn run(&self, context: &TaskContext, _input: Self::Input) -> Result<Applied, TaskError> {
        let claim = &context.claim;
        let tenant = context.tenant()?.id;
        let sender = claim.sender(tenant);
        let mut tx = context.begin().await?;
        let standing = shops::get(&mut tx, tenant).await?;
        if tenants::by_id(&mut tx, tenant).await?.is_none_or(|tenant| tenant.state == "uninstalled") {
            return Ok(Applied::done(tx).with_result(json!({ "outcome": "the app is uninstalled" })));
        }
        if standing.is_none_or(|shop| !shop.is_connected) {
            // `tradeup wallet connect` wakes it again.
            return Ok(Applied::done(tx).with_result(json!({ "outcome": "the shop is not connected" })));
        }
        if let Some(other) = shops::begin_pushing(&mut tx, tenant, claim.run_id).await? {
            let result = json!({ "outcome": "another run is at it", "run_id": other.to_string() });
            return Ok(Applied::done(tx).with_result(result));
        }
        pushes::give_up_lost(&mut tx, sender, self.shops.looks.after).await?;
        tx.commit().await?;

        let told = tell_all(&self.shops, context).await?;

        let mut tx = context.begin().await?;
        if told == Told::Interrupted {
            return Ok(Applied::snoozed(tx, GO_ON_AFTER));
        }
        // Whoever has booked since and found this run at it is seen by the next statement.
        shops::lock(&mut tx, tenant).await?;
        if let Some(next) = pushes::next_at(&mut tx, tenant).await? {
            let wait = next - schedules::now(&mut tx).await?;
            return Ok(Applied::snoozed(tx, wait.to_std().unwrap_or_default().clamp(GO_ON_AFTER, WAIT_MAX)));
        }
        shops::end_pushing(&mut tx, tenant).await?;
        let sums = pushes::sums(&mut tx, tenant, Some(claim.run_id)).await?;
        let sums: Vec<_> = sums
            .iter()
            .map(|sum| {
                json!({
                    "state": sum.state, "currency": sum.currency, "pushes": sum.pushes,
                    "credit_minor": sum.credit_minor, "debit_minor": sum.debit_minor,
                })
            })
            .collect();
        Ok(Applied::done(tx).with_result(json!({ "outcome": "told", "pushes": sums })))
    }
}
