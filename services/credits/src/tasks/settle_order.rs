//! Stores a fact about an order and settles what the order earns by all that is known of it.
//!
//! Triggered by the events `order.*`. Effect: the fact; cashback as a lot of its own, or what the order no
//! longer earns taken back; once for each difference; and the tier that its member has reached. Amounts are minor units of the order's currency.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::SETTLE_ORDER;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::credits::Asked;
use tradeup_store::orders;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

/// The task.
pub(crate) struct SettleOrder;

impl Task for SettleOrder {
    const KIND: JobKind = SETTLE_ORDER;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    const PREVIEWS: bool = true;
    type Input = v1::SettleOrder;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let claim = &context.claim;
        let tenant = context.tenant()?.id;
        let fact = convert::fact(&input)?;
        let order = &input.order_external_id;
        let asked = Asked {
            tenant,
            key: claim.effect_key(),
            actor: &claim.task,
            reason: None,
            run_id: Some(claim.run_id),
            at: Some(claim.scheduled_for),
            at_shop: false,
        };

        let mut tx = context.begin().await?;
        let settings = super::check_ledger(&mut tx, tenant, None).await?;
        let posted = orders::tell(&mut tx, &asked, &settings, order, &[fact]).await?;
        let result = posted.shown(order);
        Ok(Applied::done(tx).with_result(result))
    }
}
