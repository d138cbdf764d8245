//! What became of a plan once people had decided on it: under each campaign what it did and brought, and what KPIs have come
//! to.

use chrono::{DateTime, Utc};
use tradeup_domain::amount_text;
use tradeup_domain::figure::{Unit, shown};
use tradeup_domain::outcomes::{ArmResult, CarriedOut, FollowUp, Outcomes, lift_bps};

use super::{Page, escaped};

fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// What was decided on the campaign with a key, and what came of it.
pub(super) fn of_campaign(page: &mut Page, outcomes: &Outcomes, key: &str) {
    let Some(found) = outcomes.campaigns.iter().find(|found| found.key == key) else { return };
    let by = found.decided_by.as_deref().map(|by| format!(" by {}", escaped(by))).unwrap_or_default();
    let at = found.decided_at.map(|at| format!(", {}", instant(at))).unwrap_or_default();
    let why = found.reason.as_deref().map(|why| format!(": {}", escaped(why))).unwrap_or_default();
    page.line(&format!("- Decided: {}{by}{at}{why}", escaped(&found.state)));
    let Some(carried) = &found.carried_out else { return };
    page.line(&format!("- Carried out: {}{}", escaped(&carried.state), spent(carried)));
    if let Some(by) = &carried.stopped_by {
        let why = carried.stop_reason.as_deref().unwrap_or("no reason given");
        page.line(&format!("- Stopped: by {}: {}", escaped(by), escaped(why)));
    }
    if !carried.members.is_empty() {
        let members = carried.members.iter().map(|of| format!("{} {}", of.members, of.words()));
        page.line(&format!("- Members: {}", members.collect::<Vec<_>>().join("; ")));
    }
    page.line(&format!("- Brought: {}", brought(carried)));
}

fn spent(carried: &CarriedOut) -> String {
    let amount = |minor: i64| amount_text(minor, &carried.currency);
    let limit = carried.limit_minor.map(|limit| format!(" of at most {}", amount(limit))).unwrap_or_default();
    format!("; {} given or kept{limit}", amount(carried.spent_minor))
}

/// The result against who was held out.
fn brought(carried: &CarriedOut) -> String {
    let Some(measured) = carried.measured_at else {
        return format!(
            "not known yet; it is measured {} days after its start, against who was held out",
            carried.horizon_days
        );
    };
    let arm = |of: &ArmResult| {
        let whom = if of.arm == "treated" { "of the treated" } else { "of who was held out" };
        let rate = of.rate_bps().map_or_else(|| "none".to_owned(), |bps| shown(bps, Unit::Bps, None));
        let revenue = amount_text(of.revenue_minor, &carried.currency);
        format!(
            "{rate} {whom} ordered ({} of {}, {} orders, {revenue})",
            of.ordering_members, of.members, of.orders
        )
    };
    let arms = carried.results.iter().map(arm).collect::<Vec<_>>().join(", ");
    let lift = lift_bps(&carried.results).map_or_else(
        || "with nobody in one of them, there is nothing to compare with".to_owned(),
        |bps| format!("**lift {}**", shown(bps, Unit::Bps, None)),
    );
    format!("{arms}; {lift}; as of {}", instant(measured))
}

/// KPIs whose time has come.
pub(super) fn kpis(page: &mut Page, outcomes: &Outcomes) {
    let followed: Vec<String> = outcomes.kpis.iter().filter_map(kpi).collect();
    if followed.is_empty() {
        return;
    }
    page.heading(2, "What it came to");
    for line in followed {
        page.line(&line);
    }
    let later = outcomes.kpis.iter().filter(|kpi| kpi.verdict.is_none()).count();
    if later > 0 {
        page.line("");
        page.paragraph(&format!("{later} more are looked at when their time has come."));
    }
}

fn kpi(of: &FollowUp) -> Option<String> {
    let verdict = match of.verdict.as_deref()? {
        "met" => "Met",
        "missed" => "Missed",
        _ => "Not known",
    };
    let planned = of.shown(of.target)?;
    let got = of.actual.and_then(|actual| of.shown(actual)).map_or_else(
        || "and nobody can tell what it came to".to_owned(),
        |actual| format!("you got {}", escaped(&actual)),
    );
    Some(format!(
        "- **{verdict}** {} ({}): you planned {}, {got}; as of {}",
        escaped(&of.name),
        escaped(&of.counted()),
        escaped(&planned),
        instant(of.due_at)
    ))
}
