//! Takes a spend back, in whole or in part, on the lots that paid it: what was used last first.
//!
//! Triggered by the event `credit.spend_reverted`. Effect: entries that give back, new lots in place of those that have
//! ended since, and the new balance, once for each run. Amounts are minor units of the spend's currency.

use std::time::Duration;

use serde_json::json;
use tradeup_domain::{Dependency, ErrorCode};
use tradeup_proto::job_kind::REVERT_SPEND;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::credits::{self, Asked, Reverted};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

/// The task.
pub(crate) struct RevertSpend;

impl Task for RevertSpend {
    const KIND: JobKind = REVERT_SPEND;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    const PREVIEWS: bool = true;
    type Input = v1::RevertSpend;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let claim = &context.claim;
        let tenant = context.tenant()?.id;
        let amount = input.amount.as_ref().map(|amount| convert::money(Some(amount))).transpose()?;
        let asked = Asked {
            tenant,
            key: &credits::revert_key(claim.effect_key()),
            actor: &input.source,
            reason: (!input.reason.is_empty()).then_some(input.reason.as_str()),
            run_id: Some(claim.run_id),
            at: Some(claim.scheduled_for),
            at_shop: false,
        };
        let spend = credits::spend_key(&input.source, &input.reference);

        let mut tx = context.begin().await?;
        let settings = super::check_ledger(&mut tx, tenant, amount.map(|amount| amount.currency)).await?;
        let amount_minor = amount.map(|amount| amount.amount_minor);
        match credits::revert_spend(&mut tx, &asked, &settings, &spend, amount_minor).await? {
            Reverted::Done { is_new, amount_minor, reinstated_minor } => {
                if is_new {
                    tx.moved("revert", settings.currency.code(), 1, amount_minor.unsigned_abs());
                }
                Ok(Applied::done(tx).with_result(json!({
                    "outcome": if is_new { "reverted" } else { "already_reverted" },
                    "amount_minor": amount_minor,
                    "reinstated_minor": reinstated_minor,
                })))
            }
            Reverted::UnknownSpend => Err(TaskError::permanent(
                ErrorCode::UnknownSpend,
                "there is no spend of this source and reference; if it comes later, replay this then",
            )),
            Reverted::TooMuch(error) => Err(TaskError::permanent(ErrorCode::UnknownSpend, error.to_string())),
            Reverted::OtherOperation => Err(super::key_taken("reference")),
        }
    }
}
