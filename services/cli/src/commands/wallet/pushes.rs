//! `tradeup wallet pushes` and `resolve`.

use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::{ArgGroup, Args};
use serde_json::json;
use tradeup_shopify::TransactionId;
use tradeup_store::Tx;
use tradeup_store::audit::{self, Actor};
use tradeup_store::pushes::{self, Decided, PushFilter};
use uuid::Uuid;

use super::super::tenant_by_handle;
use crate::Context;
use crate::output::{count, instant};
use crate::sheet::{Cell, Sheet};

const STATES: [&str; 7] = ["pending", "sending", "unknown", "sent", "failed", "folded", "void"];

/// List what the shop was told or is to be told.
#[derive(Args)]
pub(crate) struct Pushes {
    /// The tenant's handle.
    tenant: String,
    /// Only those in this state.
    #[arg(long, value_parser = STATES)]
    state: Option<String>,
    /// Only those of the member with this customer id.
    #[arg(long, value_name = "CUSTOMER_ID")]
    member: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    /// As CSV.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

impl Pushes {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let filter = PushFilter { id: None, state: self.state, member: self.member };
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let found = pushes::list(&mut tx, tenant.id, &filter, self.limit).await?;
        tx.rollback().await?;
        let mut sheet = Sheet::new(&[
            "push",
            "kind",
            "member",
            "state",
            "amount_minor",
            "told_minor",
            "booked_minor",
            "times",
            "told_at",
            "due_at",
            "ends_at",
            "booking",
            "code",
            "error",
            "run",
            "resolved_by",
        ]);
        for push in found {
            let amount = |minor: Option<i64>| {
                minor.map_or(Cell::Empty, |minor| Cell::Money(minor, push.currency.clone()))
            };
            sheet.push([
                Cell::Text(push.id.to_string()),
                Cell::text(push.kind.as_str()),
                Cell::text(push.external_id.as_str()),
                Cell::text(push.state.as_str()),
                amount(Some(push.amount_minor)),
                amount(push.net_minor),
                amount(push.sent_minor),
                Cell::Number(push.sends.into()),
                Cell::optional(push.sent_at.map(instant)),
                Cell::optional(push.due_at.map(instant)),
                Cell::optional(push.expires_at.map(instant)),
                Cell::optional(push.transaction_gid.as_deref()),
                Cell::optional(push.error_code.as_deref()),
                Cell::optional(push.error.as_deref()),
                Cell::optional(push.run_id.map(|run| run.to_string())),
                Cell::optional(push.resolved_by.as_deref()),
            ]);
        }
        sheet.show(context.output(), self.csv, "No pushes.")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Decide about what nobody knows, or what the shop has refused.
#[derive(Args)]
#[command(group = ArgGroup::new("which").required(true).args(["push", "all_failed"]))]
#[command(group = ArgGroup::new("decision").required(true).args(["booked", "tell_again", "give_up"]))]
pub(crate) struct Resolve {
    /// The tenant's handle.
    tenant: String,
    /// The push.
    push: Option<Uuid>,
    /// All that the shop has refused.
    #[arg(long, requires = "tell_again")]
    all_failed: bool,
    /// The shop has booked it, as this transaction, gid://shopify/StoreCreditAccount…Transaction/NUMBER.
    #[arg(long, value_name = "TRANSACTION", requires = "push")]
    booked: Option<TransactionId>,
    /// The shop has not booked it: tell it again.
    #[arg(long)]
    tell_again: bool,
    /// Leave it; the difference stays for the reconciliation to show.
    #[arg(long, requires = "push")]
    give_up: bool,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

impl Resolve {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        ensure!(!self.reason.trim().is_empty(), "--reason may not be empty");
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let decided = match (&self.booked, self.give_up) {
            (Some(booking), _) => Decided::Booked { transaction_gid: booking.as_str() },
            (None, true) => Decided::GiveUp,
            (None, false) => Decided::TellAgain,
        };
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let ids: Vec<Uuid> = match self.push {
            Some(id) => vec![id],
            None => {
                let failed = PushFilter { state: Some("failed".to_owned()), ..PushFilter::default() };
                let found = pushes::list(&mut tx, tenant.id, &failed, i64::MAX).await?;
                found.into_iter().map(|push| push.id).collect()
            }
        };
        let resolved = pushes::resolve(&mut tx, tenant.id, &ids, decided, &self.by).await?;
        if let (Some(id), 0) = (self.push, resolved) {
            bail!(
                "{} has no push {id} that is unknown or failed; `tradeup wallet pushes {}` shows them",
                tenant.handle,
                tenant.handle
            );
        }
        let word = match decided {
            Decided::Booked { .. } => "booked",
            Decided::TellAgain => "tell_again",
            Decided::GiveUp => "give_up",
        };
        let actor = Actor { name: self.by, reason: Some(self.reason) };
        let subject = json!({ "tenant": tenant.handle, "decision": word, "all_failed": self.all_failed,
            "pushes": ids.iter().map(ToString::to_string).collect::<Vec<_>>() });
        audit::record(&mut tx, &actor, "wallet.resolve", &subject).await?;
        tx.commit().await?;
        let value = json!({ "tenant": tenant.handle, "decision": word, "resolved": resolved });
        context.output().show(&value, || format!("{} resolved.", count(resolved, "push", "pushes")))?;
        Ok(ExitCode::SUCCESS)
    }
}
