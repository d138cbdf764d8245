//! `tradeup campaigns show`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradeup_domain::amount_text as money;
use tradeup_store::Tx;
use tradeup_store::campaigns::{self, ArmResult, Campaign, OutcomeCount};

use super::super::agents::words::plain;
use super::Which;
use crate::Context;
use crate::output::{instant, table};

/// Show a campaign.
#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    which: Which,
}

/// All that is known of a campaign.
struct Shown {
    campaign: Campaign,
    outcomes: Vec<OutcomeCount>,
    mails: Vec<(String, i64)>,
    results: Vec<ArmResult>,
}

impl Show {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let (tenant, campaign) = self.which.read(&pool).await?;
        let mut tx = Tx::snapshot_of_tenant(&pool, tenant).await?;
        let outcomes = campaigns::outcomes(&mut tx, tenant, campaign.id).await?;
        let mails = campaigns::mails(&mut tx, tenant, campaign.id).await?;
        let results = campaigns::results(&mut tx, tenant, campaign.id).await?;
        tx.rollback().await?;
        let shown = Shown { campaign, outcomes, mails, results };
        context.output().show(&value(&self.which.tenant, &shown), || words(&self.which.tenant, &shown))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn value(tenant: &str, shown: &Shown) -> Value {
    let it = &shown.campaign;
    let mails: serde_json::Map<String, Value> =
        shown.mails.iter().map(|(state, mails)| (state.clone(), (*mails).into())).collect();
    json!({ "id": it.id.to_string(), "tenant": tenant, "plan": it.run_id.to_string(), "key": it.key, "name": it.name,
        "kind": it.kind, "segment": it.segment, "tier": it.tier, "as_of": instant(it.as_of), "subject": it.subject,
        "body": it.body, "currency": it.currency, "credit_minor": it.credit_minor,
        "credit_ends_within_days": it.credit_ends_within_days, "extend_days": it.extend_days,
        "hold_out_bps": it.hold_out_bps, "cost_limit_minor": it.cost_limit_minor, "spent_minor": it.spent_minor,
        "horizon_days": it.horizon_days, "state": it.state, "approved_by": it.approved_by,
        "approved_at": instant(it.approved_at), "run": it.start_run_id.to_string(),
        "started_at": it.started_at.map(instant), "ended_at": it.ended_at.map(instant), "stopped_by": it.stopped_by,
        "stop_reason": it.stop_reason, "measured_at": it.measured_at.map(instant),
        "members": shown.outcomes.iter().map(|of| json!({ "arm": of.arm, "outcome": of.outcome,
            "members": of.members, "amount_minor": of.amount_minor })).collect::<Vec<_>>(),
        "mails": mails,
        "results": shown.results.iter().map(|of| json!({ "arm": of.arm, "members": of.members,
            "ordering_members": of.ordering_members, "orders": of.orders, "revenue_minor": of.revenue_minor,
            "redeemed_minor": of.redeemed_minor })).collect::<Vec<_>>() })
}

fn words(tenant: &str, shown: &Shown) -> String {
    let it = &shown.campaign;
    let amount = |minor: i64| money(minor, &it.currency);
    let mut lines = vec![
        format!("{} ({}, {tenant})", plain(&it.name), it.id),
        format!("{}: {}", it.state, does(it)),
        format!("approved by {} at {}; run {}", it.approved_by, instant(it.approved_at), it.start_run_id),
    ];
    if let Some(by) = &it.stopped_by {
        let why = it.stop_reason.as_deref().unwrap_or("no reason given");
        lines.push(format!("stopped by {by}: {why}"));
    }
    let hint = match it.state.as_str() {
        "failed" => Some("part of it is a dead letter: replayed, it goes on with whom it has not reached"),
        "cancelled" => Some("its run was cancelled: retried, it goes on with whom it has not reached"),
        _ => None,
    };
    lines.extend(hint.map(|hint| format!("{hint}; see tradeup run {}", it.start_run_id)));
    let limit = it.limit_minor().map(|limit| format!(" of {} at most", amount(limit))).unwrap_or_default();
    lines.push(format!("given or kept alive: {}{limit}", amount(it.spent_minor)));
    let mails: Vec<String> = shown.mails.iter().map(|(state, mails)| format!("{mails} {state}")).collect();
    lines.push(format!("mails: {}", if mails.is_empty() { "none".to_owned() } else { mails.join(", ") }));
    let mut members = table(&["arm", "what was done", "members", "amount"], &[2, 3]);
    for of in &shown.outcomes {
        let outcome = match (of.arm.as_str(), &of.outcome) {
            ("held_out", _) => "nothing, to compare with".to_owned(),
            (_, None) => "nothing yet".to_owned(),
            (_, Some(outcome)) => outcome.replace('_', " "),
        };
        members.add_row([of.arm.replace('_', " "), outcome, of.members.to_string(), amount(of.amount_minor)]);
    }
    lines.push(format!("\n{members}"));
    lines.push(brought(it, &shown.results));
    lines.join("\n")
}

fn does(it: &Campaign) -> String {
    let tier = it.tier.as_ref().map(|tier| format!(", tier {tier}")).unwrap_or_default();
    let to = format!("{}{tier} as of {}", it.segment.replace('_', " "), instant(it.as_of));
    match it.kind.as_str() {
        "bonus_credit" => format!(
            "gives {} each, which ends in {} days, and a mail to {to}",
            money(it.credit_minor, &it.currency),
            it.credit_ends_within_days
        ),
        "extension" => format!("lets credit end {} days later, with a mail to {to}", it.extend_days),
        _ => format!("writes to {to}"),
    }
}

/// The result against who was held out.
fn brought(it: &Campaign, results: &[ArmResult]) -> String {
    if results.is_empty() {
        return match it.started_at {
            Some(_) => {
                format!("Measured {} days after its start, by the schedule kpi-follow-up.", it.horizon_days)
            }
            None => "It has not begun.".to_owned(),
        };
    }
    let mut shown = table(
        &["arm", "members", "ordered", "rate", "orders", "revenue", "credit used"],
        &[1, 2, 3, 4, 5, 6],
    );
    for of in results {
        shown.add_row([
            of.arm.replace('_', " "),
            of.members.to_string(),
            of.ordering_members.to_string(),
            of.rate_bps().map_or_else(String::new, percent),
            of.orders.to_string(),
            money(of.revenue_minor, &it.currency),
            money(of.redeemed_minor, &it.currency),
        ]);
    }
    let rates: Vec<Option<i64>> = results.iter().map(ArmResult::rate_bps).collect();
    let lift = match rates.as_slice() {
        [Some(treated), Some(held_out)] => {
            format!(
                "\nOrdered {} of the treated, {} of who was held out: {} points.",
                percent(*treated),
                percent(*held_out),
                percent(treated - held_out).trim_end_matches(" %")
            )
        }
        _ => String::new(),
    };
    format!("{shown}{lift}")
}

fn percent(bps: i64) -> String {
    let sign = if bps < 0 { "-" } else { "" };
    format!("{sign}{}.{:02} %", bps.abs() / 100, bps.abs() % 100)
}
