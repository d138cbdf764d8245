//! `tradeup explain`.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;
use tradeup_domain::Period;
use tradeup_domain::amount_text as money;
use tradeup_store::explain::{self, Explanation};
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

struct Story<'a> {
    found: &'a Explanation,
    tenant: &'a tradeup_store::tenants::Tenant,
    period: Period,
    due: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl Story<'_> {
    /// What was reached, in order.
    fn steps(&self) -> Vec<String> {
        let e = self.found;
        let mut steps = Vec::new();
        let decision =
            e.decision.as_deref().unwrap_or("no decision on record (triggered by hand, or not due yet)");
        steps.push(format!("schedule   {} due {}: {decision}", self.period, instant(self.due)));
        if let Some((run, state)) = e.root_run.zip(e.root_state.as_ref()) {
            steps.push(format!("run        {run} over all shops: {state}"));
        }
        match e.tenant_run.zip(e.tenant_state.as_ref()) {
            Some((run, state)) => {
                let error = e.tenant_error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
                steps.push(format!("shop's run {run}: {state}{error}"));
            }
            None => {
                steps.push(format!("shop's run none for {}; the shop is {}", self.period, self.tenant.state));
            }
        }
        steps.push(match (&e.tier, &e.membership, e.member_since) {
            (Some(tier), Some(status), Some(since)) => {
                let learnt = e.learnt_at.map(instant).unwrap_or_default();
                let since = if since < DateTime::UNIX_EPOCH { "ever".to_owned() } else { instant(since) };
                let by = e.source.as_deref().unwrap_or("nobody");
                format!("membership {tier} by {by}, {status} since {since}, known since {learnt}")
            }
            _ => "membership none at that instant".to_owned(),
        });
        if e.tier.is_some() {
            steps.push(match e.amount_minor {
                Some(minor) => format!("amount     {} a month", money(minor, &self.tenant.currency)),
                None => format!("amount     none in {}", self.tenant.currency),
            });
        }
        if let Some(state) = &e.batch_state {
            let run = e.batch_run.map(|id| id.to_string()).unwrap_or_else(|| "not released".to_owned());
            let error = e.batch_error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
            steps.push(format!("batch      {run}: {state}{error}"));
        }
        steps.extend(e.failure.as_ref().map(|failure| format!("failure    {failure}")));
        if let Some((lot, granted)) = e.lot_id.zip(e.granted_minor) {
            let booked = e.booked_at.map(instant).unwrap_or_default();
            let by = e.granted_by.map(|id| format!(" by run {id}")).unwrap_or_default();
            steps.push(format!(
                "entry      {} booked {booked}{by}, lot {lot}",
                money(granted, &self.tenant.currency)
            ));
        }
        steps
    }

    /// The answer, and what to do next if there is something.
    fn conclusion(&self) -> (String, Option<String>) {
        let (e, period, handle) = (self.found, self.period, &self.tenant.handle);
        if let Some((granted, left)) = e.granted_minor.zip(e.remaining_minor) {
            let until =
                e.ends_at.map_or_else(|| "for ever".to_owned(), |at| format!("until {}", instant(at)));
            let (granted, left) = (money(granted, &self.tenant.currency), money(left, &self.tenant.currency));
            return (format!("Granted: {granted} for {period}; {left} are left, {until}."), None);
        }
        let not = |why: &str| format!("Not granted for {period}: {why}.");
        let retry =
            || Some(format!("tradeup retry {}", e.tenant_run.map(|id| id.to_string()).unwrap_or_default()));
        let backfill = || Some(format!("tradeup backfill {handle} --period {period} --reason WHY"));
        if self.due > self.now {
            return (not(&format!("it is due {}, which has not come", instant(self.due))), None);
        }
        let Some(membership) = e.membership.as_deref() else {
            return (not("the member was in no tier at that instant"), None);
        };
        if membership != "active" {
            return (not(&format!("the membership was {membership} at that instant")), None);
        }
        match e.amount_minor {
            None => {
                let tier = e.tier.clone().unwrap_or_default();
                let set = format!(
                    "tradeup tenant tier {handle} {tier} AMOUNT, then tradeup trigger monthly-credits --period {period} --retry"
                );
                return (not("the tier had no amount then, which stops the whole shop"), Some(set));
            }
            Some(0) => return (not("the tier gives nothing"), None),
            Some(_) => {}
        }
        if let Some(failure) = &e.failure {
            return (not(&format!("the member's own data was refused ({failure})")), backfill());
        }
        match e.tenant_state.as_deref() {
            None => {
                (not("the shop has no run for it: it was added later, or was not active then"), backfill())
            }
            Some("dead" | "cancelled") => (not("the shop's run did not succeed"), retry()),
            Some("succeeded") if e.learnt_at > e.planned_at => {
                (not("the membership became known after the run had planned its members"), backfill())
            }
            Some("succeeded") => (
                not("the run has succeeded, and the ledger has no entry: this must not be"),
                Some("tradeup verify".to_owned()),
            ),
            Some(_) => (not("the shop's run is under way"), None),
        }
    }
}
