//! Uses a member's credit: what ends soonest first.
//!
//! Triggered by the event `credit.spent`. Effect: a spend entry on each lot that pays, and the new balance,
//! once for each source and reference. Amounts are minor units of the tenant's currency.

use std::time::Duration;

use serde_json::json;
use tradeup_domain::{Dependency, ErrorCode};
use tradeup_proto::job_kind::SPEND_CREDIT;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::credits::{self, Asked, Spent};
use tradeup_store::members;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

/// The task.
pub(crate) struct SpendCredit;

impl Task for SpendCredit {
    const KIND: JobKind = SPEND_CREDIT;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    const PREVIEWS: bool = true;
    type Input = v1::SpendCredit;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let claim = &context.claim;
        let tenant = context.tenant()?.id;
        let spend = convert::spend(&input)?;
        let asked = Asked {
            tenant,
            key: &credits::spend_key(&input.source, &spend.reference),
            actor: &input.source,
            reason: spend.reason.as_deref(),
            run_id: Some(claim.run_id),
            at: Some(claim.scheduled_for),
            at_shop: false,
        };

        let mut tx = context.begin().await?;
        super::check_ledger(&mut tx, tenant, Some(spend.amount.currency)).await?;
        let member = members::by_external_id(&mut tx, tenant, &spend.member_external_id)
            .await?
            .ok_or_else(super::unknown_member)?;
        match credits::spend(&mut tx, &asked, member, spend.amount).await? {
            Spent::Done { is_new, left_minor } => {
                let (currency, minor) = (spend.amount.currency.code(), spend.amount.amount_minor);
                if is_new {
                    tx.moved("spend", currency, 1, minor.unsigned_abs());
                }
                Ok(Applied::done(tx).with_result(json!({
                    "outcome": if is_new { "spent" } else { "already_spent" },
                    "member_id": member.to_string(),
                    "amount_minor": minor,
                    "currency": currency,
                    "left_minor": left_minor,
                })))
            }
            Spent::Insufficient(insufficient) => Err(TaskError::permanent(
                ErrorCode::InsufficientCredit,
                format!("{insufficient}; give the member credit and replay, or discard"),
            )),
            Spent::OtherOperation => Err(super::key_taken("reference")),
        }
    }
}
