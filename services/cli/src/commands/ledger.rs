//! `tradeup ledger`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradeup_domain::amount_text as money;
use tradeup_store::{Tx, ledger};
use uuid::Uuid;

use super::tenant_by_handle;
use crate::Context;
use crate::output::{instant, instant_or_dash, table};

/// Show a shop's ledger: what was granted and what is left of it, or its entries.
#[derive(Args)]
pub(crate) struct Ledger {
    /// The shop's handle.
    tenant: String,
    /// Entry by entry, newest first.
    #[arg(long)]
    entries: bool,
    /// Entries of the member with this Shopify customer id.
    #[arg(long, value_name = "CUSTOMER_ID")]
    member: Option<String>,
    /// The next page: older than this entry.
    #[arg(long, value_name = "ENTRY")]
    before: Option<Uuid>,
    /// How many entries.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

impl Ledger {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        if self.entries || self.member.is_some() {
            let listed =
                ledger::entries(&mut tx, tenant.id, self.member.as_deref(), self.before, self.limit).await?;
            tx.rollback().await?;
            show_entries(context, &listed)?;
        } else {
            let totals = ledger::totals(&mut tx, tenant.id).await?;
            tx.rollback().await?;
            show_totals(context, &tenant.handle, &totals)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show_entries(context: &Context, listed: &[ledger::EntryView]) -> anyhow::Result<()> {
    let values: Vec<Value> = listed
        .iter()
        .map(|e| {
            json!({ "entry_id": e.id.to_string(), "member_id": e.member_id.to_string(), "customer_id": e.external_id,
                "kind": e.kind, "amount_minor": e.amount_minor, "currency": e.currency, "reason": e.reason,
                "source_key": e.source_key, "note": e.note, "effective_at": instant(e.effective_at), "recorded_at": instant(e.recorded_at),
                "expires_at": e.expires_at.map(instant), "run_id": e.run_id.map(|run| run.to_string()) })
        })
        .collect();
    context.output().show(&json!(values), || {
        if listed.is_empty() {
            return "No entries.".to_owned();
        }
        let mut shown =
            table(&["entry", "customer", "kind", "amount", "reason", "effective", "expires", "run"], &[3]);
        for e in listed {
            shown.add_row([
                e.id.to_string(),
                e.external_id.clone(),
                e.kind.clone(),
                money(e.amount_minor, &e.currency),
                match &e.note {
                    Some(note) => format!("{} {}: {note}", e.reason, e.source_key),
                    None => format!("{} {}", e.reason, e.source_key),
                },
                instant(e.effective_at),
                instant_or_dash(e.expires_at),
                e.run_id.map_or_else(|| "-".to_owned(), |run| run.to_string()),
            ]);
        }
        shown.to_string()
    })
}

fn show_totals(context: &Context, handle: &str, totals: &[ledger::LedgerTotal]) -> anyhow::Result<()> {
    let values: Vec<Value> = totals
        .iter()
        .map(|t| {
            json!({ "reason": t.reason, "source_key": t.source_key, "currency": t.currency, "lots": t.lots,
                "granted_minor": t.granted_minor, "remaining_minor": t.remaining_minor,
                "first_expiry": t.first_expiry.map(instant), "anchor_on": t.anchor_on.to_string() })
        })
        .collect();
    context.output().show(&json!({ "tenant": handle, "totals": values }), || {
        if totals.is_empty() {
            return format!("The ledger of {handle} is empty.");
        }
        let mut shown = table(&["reason", "of", "credits", "granted", "left", "expires"], &[2, 3, 4]);
        for t in totals {
            shown.add_row([
                t.reason.clone(),
                t.source_key.clone(),
                t.lots.to_string(),
                money(t.granted_minor, &t.currency),
                money(t.remaining_minor, &t.currency),
                instant_or_dash(t.first_expiry),
            ]);
        }
        format!("{shown}\nEntry by entry: tradeup ledger {handle} --entries")
    })
}
