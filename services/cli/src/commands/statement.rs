//! `tradeup statement`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tradeup_domain::amount_text as money;
use tradeup_domain::zone::{last_day_before, parse_zone};
use tradeup_store::{Tx, reports};

use super::{member_by_customer, tenant_by_handle};
use crate::Context;
use crate::output::{instant, instant_or_dash};
use crate::sheet::{Cell, Sheet};

/// A member's statement: what there is to spend and until when, and every movement with the balance after it.
#[derive(Args)]
pub(crate) struct Statement {
    /// The shop's handle.
    tenant: String,
    /// The member's customer id.
    #[arg(long, value_name = "CUSTOMER_ID")]
    member: String,
    /// Print the movements as CSV, safe to open in a spreadsheet.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

impl Statement {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let zone = parse_zone(&tenant.zone)?;
        let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
        let member = member_by_customer(&mut tx, &tenant, &self.member).await?;
        let movements = reports::statement(&mut tx, tenant.id, member).await?;
        let lots = reports::lots(&mut tx, tenant.id, member).await?;
        let accounts = reports::accounts(&mut tx, tenant.id, member).await?;
        tx.rollback().await?;

        let mut entries = Sheet::new(&[
            "effective_at",
            "booked_at",
            "kind",
            "currency",
            "amount_minor",
            "balance_minor",
            "reason",
            "of",
            "note",
        ]);
        for line in &movements {
            entries.push([
                Cell::Text(instant(line.effective_at)),
                Cell::Text(instant(line.recorded_at)),
                Cell::text(&line.kind),
                Cell::text(&line.currency),
                Cell::Money(line.amount_minor, line.currency.clone()),
                Cell::Money(line.balance_minor, line.currency.clone()),
                Cell::text(&line.reason),
                Cell::text(&line.source_key),
                Cell::optional(line.note.as_deref()),
            ]);
        }
        if self.csv {
            entries.show(context.output(), true, "")?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut left = Sheet::new(&[
            "lot",
            "state",
            "class",
            "left_minor",
            "authorised_minor",
            "of_minor",
            "last_day",
            "reason",
            "of",
        ]);
        for lot in &lots {
            let last_day = lot.expires_at.map(|at| last_day_before(zone, at).to_string());
            left.push([
                Cell::Text(lot.lot_id.to_string()),
                Cell::text(&lot.state),
                Cell::text(&lot.value_class),
                Cell::Money(lot.remaining_minor, lot.currency.clone()),
                Cell::Money(lot.held_minor, lot.currency.clone()),
                Cell::Money(lot.granted_minor, lot.currency.clone()),
                Cell::Text(last_day.unwrap_or_else(|| "never ends".to_owned())),
                Cell::text(&lot.reason),
                Cell::text(&lot.source_key),
            ]);
        }
        let value = json!({
            "tenant": tenant.handle, "member_id": member.to_string(), "zone": tenant.zone,
            "accounts": accounts.iter().map(|a| json!({ "currency": a.currency, "balance_minor": a.balance_minor,
                "spendable_minor": a.spendable_minor, "pending_minor": a.pending_minor, "authorised_minor": a.held_minor,
                "debt_minor": a.debt_minor })).collect::<Vec<_>>(),
            "lots": lots.iter().map(|lot| json!({ "lot_id": lot.lot_id.to_string(), "currency": lot.currency,
                "class": lot.value_class, "state": lot.state, "reason": lot.reason, "source_key": lot.source_key,
                "granted_minor": lot.granted_minor, "remaining_minor": lot.remaining_minor,
                "authorised_minor": lot.held_minor,
                "available_at": lot.available_at.map(instant), "expires_at": lot.expires_at.map(instant),
                "ends_at": lot.ends_at.map(instant),
                "last_day": lot.expires_at.map(|at| last_day_before(zone, at).to_string()) })).collect::<Vec<_>>(),
            "entries": entries.value(),
        });
        context.output().show(&value, || {
            if accounts.is_empty() {
                return format!("Member {} has never had any credit.", self.member);
            }
            let mut text = String::new();
            for account in &accounts {
                let shown = |minor| money(minor, &account.currency);
                text.push_str(&format!("To spend now: {}", shown(account.spendable_minor)));
                if account.balance_minor != account.spendable_minor {
                    text.push_str(&format!(" of a balance of {}", shown(account.balance_minor)));
                }
                text.push('\n');
                // Each on a line of its own, none netted.
                let lines = [
                    ("Pending", account.pending_minor),
                    ("Authorised by checkouts", account.held_minor),
                    ("Owed by the member", account.debt_minor),
                ];
                for (what, minor) in lines.into_iter().filter(|(_, minor)| *minor > 0) {
                    text.push_str(&format!("{what}: {}\n", shown(minor)));
                }
            }
            let soonest = lots.iter().filter_map(|lot| lot.ends_at).min();
            text.push_str(&format!("Next end: {} (zone {})\n", instant_or_dash(soonest), tenant.zone));
            format!("{text}\n{}\n\n{}", left.text(), entries.text())
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
