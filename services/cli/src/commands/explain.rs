//! `tradeup explain`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tradeup_domain::Period;
use tradeup_store::explain::{self, Story};
use tradeup_store::{Tx, schedules};
use tradeup_worker::trigger;

use super::{member_by_customer, tenant_by_handle};
use crate::Context;
use crate::output::instant;

/// Say why a member did or did not get a month's credit: from the schedule's decision to the entry, or to
/// the rule that said no.
#[derive(Args)]
pub(crate) struct Explain {
    /// The shop's handle.
    tenant: String,
    /// The member's customer id.
    #[arg(long, value_name = "CUSTOMER_ID")]
    member: String,
    /// The month, like 2026-11; this one, if it is not said.
    #[arg(long)]
    period: Option<Period>,
}

impl Explain {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
        let now = schedules::now(&mut tx).await?;
        let member = member_by_customer(&mut tx, &tenant, &self.member).await?;
        let period = self.period.unwrap_or_else(|| Period::of(now, chrono_tz::Tz::UTC));
        let due = trigger::monthly_credits_due(period);
        let found = explain::monthly(&mut tx, tenant.id, member, period, due).await?;
        tx.rollback().await?;

        let story = Story { found: &found, tenant: &tenant, period, due, now };
        let (conclusion, next) = story.conclusion();
        let steps = story.steps();
        let value = json!({
            "tenant": tenant.handle, "member_id": member.to_string(), "period": period.to_string(),
            "due": instant(due), "granted": found.lot_id.is_some(), "conclusion": conclusion, "next": next,
            "steps": steps, "run_id": found.tenant_run.map(|id| id.to_string()),
            "lot_id": found.lot_id.map(|id| id.to_string()), "granted_minor": found.granted_minor,
            "remaining_minor": found.remaining_minor, "currency": tenant.currency,
        });
        context.output().show(&value, || {
            let mut text = format!("{conclusion}\n\n");
            for step in &steps {
                text.push_str(&format!("  {step}\n"));
            }
            text.push_str(&format!(
                "  tiers      tradeup member {} --member {} says why\n",
                tenant.handle, self.member
            ));
            if let Some(next) = &next {
                text.push_str(&format!("\nNext: {next}\n"));
            }
            text
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
