//! `tradeup backfill`.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde_json::json;
use tradeup_domain::Period;
use tradeup_store::audit::{self, Actor};
use tradeup_store::runs::Trigger;
use tradeup_store::{TenantRef, Tx, schedules};
use tradeup_worker::trigger;

use super::start::{Existing, Start};
use super::tenant_by_handle;
use crate::Context;
use crate::output::instant;

/// Issue a past month's credits to a shop's members who lack them: those who had been in a tier then, by
/// all that is known now. Whoever has the credit keeps it, and nobody gets it twice. See before what it
/// would do with `tradeup preview monthly-credits`.
#[derive(Args)]
pub(crate) struct Backfill {
    /// The shop's handle.
    tenant: String,
    /// The month, like 2026-10.
    #[arg(long)]
    period: Period,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    start: Start,
}

impl Backfill {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_engine(&pool).await?;
        let now = schedules::now(&mut tx).await?;
        let due = trigger::monthly_credits_due(self.period);
        if due > now {
            bail!("the monthly credits of {} are due {}, which has not come", self.period, instant(due));
        }
        let of = TenantRef { id: tenant.id, handle: tenant.handle };
        let by = Trigger::Manual(self.start.by.clone());
        let new = trigger::monthly_backfill(of, self.period, now, by);
        let actor = Actor { name: self.start.by.clone(), reason: Some(self.reason.clone()) };
        let subject = json!({ "tenant": self.tenant, "task": new.task, "key": new.key });
        audit::record(&mut tx, &actor, "backfill", &subject).await?;
        tx.commit().await?;
        self.start.start(context, &pool, new, Existing::IsTheSame).await
    }
}
