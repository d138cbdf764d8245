//! `tradeup member`.

use std::process::ExitCode;

use chrono::DateTime;
use clap::Args;
use serde_json::json;
use tradeup_domain::amount_text as money;
use tradeup_store::purchases::{self, PurchaseLine};
use tradeup_store::tier_moves::{self, Outlook, TierLine};
use tradeup_store::{Tx, schedules, tiers};

use super::{member_by_customer, tenant_by_handle, tiers as tiers_command};
use crate::Context;
use crate::output::instant;
use crate::sheet::{Cell, Sheet};

/// A member's tier: each time in one with what decided it, what was bought, what is spent within the window, what is missing to
/// the next one, and when it may be lowered.
#[derive(Args)]
pub(crate) struct Member {
    /// The shop's handle.
    tenant: String,
    /// The member's customer id.
    #[arg(long, value_name = "CUSTOMER_ID")]
    member: String,
    /// Print the times in tiers as CSV, safe to open in a spreadsheet.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// What decided a time in a tier, in words.
fn reason(line: &TierLine) -> String {
    let amounts = line.spend_minor.zip(line.threshold_minor).zip(line.currency.as_deref());
    let spent = amounts.map(|((spend, threshold), currency)| {
        format!("{} of {} spent", money(spend, currency), money(threshold, currency))
    });
    let window = line.time_window.as_deref().map(|window| format!(" ({window})")).unwrap_or_default();
    let spent = spent.map(|spent| format!("{spent}{window}")).unwrap_or_default();
    let by = line.order.as_deref().map(|order| format!(", order {order}")).unwrap_or_default();
    let under = line.under.as_deref().map(|tier| format!("; without it {tier}")).unwrap_or_default();
    match (line.kind.as_deref(), line.source.as_deref()) {
        (Some("raised"), _) => format!("reached: {spent}{by}{under}"),
        (Some("lowered"), _) => {
            let on = line.review_on.map(|on| on.to_string()).unwrap_or_default();
            format!("lowered on the yearly date {on}: {spent}")
        }
        (Some("undone"), _) => format!("undone by a refund: {spent}{by}"),
        (_, Some("purchase")) => {
            let until = line.until_at.map(|at| format!(" until {}", instant(at))).unwrap_or_default();
            format!("bought{until}{under}")
        }
        (_, Some("spend")) => format!("reached before{under}"),
        (_, Some("import")) => "by tag".to_owned(),
        (_, Some("manual")) if line.pinned => "by hand, pinned".to_owned(),
        (_, Some("manual")) => "by hand".to_owned(),
        _ => String::new(),
    }
}

impl Member {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
        let now = schedules::now(&mut tx).await?;
        let member = member_by_customer(&mut tx, &tenant, &self.member).await?;
        let history = tier_moves::history(&mut tx, tenant.id, member).await?;
        let outlook = tier_moves::outlook(&mut tx, tenant.id, member, now).await?;
        let notices = tier_moves::notices(&mut tx, tenant.id, Some(member), false, 100).await?;
        let listed = tiers::list(&mut tx, tenant.id).await?;
        let bought = purchases::of_member(&mut tx, tenant.id, member).await?;
        tx.rollback().await?;

        let mut times = Sheet::new(&["from", "until", "tier", "status", "source", "reason", "run"]);
        for line in &history {
            let ever = line.valid_from < DateTime::UNIX_EPOCH;
            times.push([
                Cell::Text(if ever { "ever".to_owned() } else { instant(line.valid_from) }),
                Cell::optional(line.valid_to.map(instant)),
                Cell::text(line.tier.as_deref().unwrap_or("none")),
                Cell::optional(line.status.as_deref()),
                Cell::optional(line.source.as_deref()),
                Cell::Text(reason(line)),
                Cell::optional(line.run_id.map(|run| run.to_string())),
            ]);
        }
        if self.csv {
            times.show(context.output(), true, "")?;
            return Ok(ExitCode::SUCCESS);
        }
        let told = tiers_command::notices_sheet(&notices);
        let bought = purchases_sheet(&bought);
        let next = outlook.as_ref().and_then(|outlook| outlook.next);
        let next_tier =
            next.and_then(|next| listed.iter().find(|tier| tier.id == next.tier_id)).map(|tier| &tier.handle);
        let missing =
            |outlook: &Outlook| outlook.next.map(|next| (next.threshold_minor - outlook.spend_minor).max(0));
        let value = json!({
            "tenant": tenant.handle, "member_id": member.to_string(), "history": times.value(),
            "notices": told.value(), "purchases": bought.value(),
            "outlook": outlook.as_ref().map(|o| json!({ "window": o.window.as_str(),
                "counts_from": o.counts_from.map(instant), "spend_minor": o.spend_minor, "currency": o.currency,
                "next_tier": next_tier, "next_threshold_minor": o.next.map(|next| next.threshold_minor),
                "missing_minor": missing(o), "review_on": o.review_on.map(|on| on.to_string()) })),
        });
        context.output().show(&value, || {
            let mut text = match history.last() {
                None => format!("Member {} was never in a tier.\n", self.member),
                Some(_) => format!("{}\n", times.text()),
            };
            match &outlook {
                None => text.push_str("\nNo tier of this shop is reached by spending.\n"),
                Some(outlook) => text.push_str(&outlook_text(outlook, next_tier, missing(outlook))),
            }
            if !bought.is_empty() {
                text.push_str(&format!("\nBought:\n{}\n", bought.text()));
            }
            if !told.is_empty() {
                text.push_str(&format!("\nNotices:\n{}\n", told.text()));
            }
            text
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn purchases_sheet(purchases: &[PurchaseLine]) -> Sheet {
    let mut sheet = Sheet::new(&["order", "tier", "pieces", "months", "bought", "from", "until"]);
    for line in purchases {
        sheet.push([
            Cell::text(&line.order),
            Cell::text(&line.tier),
            Cell::Text(line.pieces.to_string()),
            Cell::Text(line.months.to_string()),
            Cell::Text(instant(line.bought_at)),
            Cell::optional(line.from_at.map(instant)),
            Cell::optional(line.until_at.map(instant)),
        ]);
    }
    sheet
}

fn outlook_text(outlook: &Outlook, next_tier: Option<&String>, missing: Option<i64>) -> String {
    let shown = |minor| money(minor, &outlook.currency);
    let since = outlook.counts_from.map(|at| format!(" since {}", instant(at))).unwrap_or_default();
    let mut text = format!("\nSpent{since} ({}): {}\n", outlook.window, shown(outlook.spend_minor));
    if let Some((tier, missing)) = next_tier.zip(missing) {
        text.push_str(&format!("Missing to {tier}: {}\n", shown(missing)));
    }
    let review = outlook.review_on.map_or_else(|| "none: no rule lowers it".to_owned(), |on| on.to_string());
    text.push_str(&format!("Next yearly date: {review}\n"));
    text
}
