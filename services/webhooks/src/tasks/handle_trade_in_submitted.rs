//! A member has something to trade in (`trade_in.submitted`). It is valued by the shop's rule and price list; what is
//! above the rule's limit waits for a person. An opinion of others can be asked for before the offer is made: the state
//! `review` is where it would wait.
//!
//! Effect: a trade-in with its offer, once for the submission.

use std::time::Duration;

use tradeup_domain::ErrorCode;
use tradeup_proto::job_kind::HANDLE_TRADE_IN_SUBMITTED;
use tradeup_proto::{JobKind, v1};
use tradeup_store::credits::Asked;
use tradeup_store::tenants;
use tradeup_store::trade_ins::{self, ActError, AskedLine, Asking};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::routes::trade_in::payout;

/// The task.
pub(crate) struct HandleTradeInSubmitted;

impl Task for HandleTradeInSubmitted {
    const KIND: JobKind = HANDLE_TRADE_IN_SUBMITTED;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    const PREVIEWS: bool = true;
    type Input = v1::TradeInSubmitted;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let claim = &context.claim;
        let tenant = context.tenant()?.id;
        let wrong = |text: String| TaskError::permanent(ErrorCode::InvalidInput, text);
        let payout = payout(Some(input.payout.as_str()).filter(|payout| !payout.is_empty()))
            .map_err(|error| wrong(error.to_string()))?;
        let line = |line: &v1::TradeInLine| AskedLine {
            item: line.item.clone(),
            condition: line.condition.clone(),
            quantity: line.quantity,
        };
        let lines: Vec<AskedLine> = input.lines.iter().map(line).collect();
        let asking = Asking {
            source: &input.source,
            submission_id: &input.submission_id,
            member_external_id: &input.member_external_id,
            payout,
            lines: &lines,
        };
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
        let found = tenants::by_id(&mut tx, tenant).await?.filter(|tenant| tenant.state == "active");
        let found = found
            .ok_or_else(|| TaskError::permanent(ErrorCode::TenantNotActive, "the tenant is not active"))?;
        let acted = match trade_ins::begin(&mut tx, &asked, &found.settings()?, &asking).await {
            Ok(acted) => acted,
            Err(ActError::Store(error)) => return Err(error.into()),
            Err(error @ (ActError::NoRule | ActError::OtherCurrency)) => {
                return Err(TaskError::permanent(ErrorCode::TenantSettings, error.to_string()));
            }
            Err(error) => return Err(wrong(error.to_string())),
        };
        Ok(Applied::done(tx).with_result(acted.shown()))
    }
}
