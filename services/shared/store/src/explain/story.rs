//! What there is to say about a member and a month, for people.

use chrono::{DateTime, SecondsFormat, Utc};
use tradeup_domain::{Period, amount_text};

use super::Explanation;
use crate::tenants::Tenant;

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A member and a month, in words.
#[derive(Clone, Copy, Debug)]
pub struct Story<'a> {
    /// What there is about them.
    pub found: &'a Explanation,
    /// The shop.
    pub tenant: &'a Tenant,
    /// The month.
    pub period: Period,
    /// When it was due.
    pub due: DateTime<Utc>,
    /// The database's time.
    pub now: DateTime<Utc>,
}

impl Story<'_> {
    /// What was reached, in order: a word for what it is, and what there is to say of it.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
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
                Some(minor) => format!("amount     {} a month", amount_text(minor, &self.tenant.currency)),
                None => format!("amount     none in {}", self.tenant.currency),
            });
        }
        if let Some(state) = &e.batch_state {
            let run = e.batch_run.map(|id| id.to_string()).unwrap_or_else(|| "not released".to_owned());
            let error = e.batch_error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
            steps.push(format!("batch      {run}: {state}{error}"));
        }
        steps.extend(e.failure.as_ref().map(|failure| format!("failure    {failure}")));
        if e.in_shadow {
            steps.push(match e.shadow_minor {
                Some(minor) => {
                    format!(
                        "shadow     {} would have been granted",
                        amount_text(minor, &self.tenant.currency)
                    )
                }
                None => "shadow     nothing would have been granted".to_owned(),
            });
        }
        if let Some((lot, granted)) = e.lot_id.zip(e.granted_minor) {
            let booked = e.booked_at.map(instant).unwrap_or_default();
            let by = match (&e.imported_as, e.granted_by) {
                (Some(name), _) => format!(" by import, as {name} of the former system"),
                (None, Some(run)) => format!(" by run {run}"),
                (None, None) => String::new(),
            };
            steps.push(format!(
                "entry      {} booked {booked}{by}, lot {lot}",
                amount_text(granted, &self.tenant.currency)
            ));
        }
        steps
    }

    /// The answer, and the command to give next if there is something to do.
    #[must_use]
    pub fn conclusion(&self) -> (String, Option<String>) {
        let (e, period, handle) = (self.found, self.period, &self.tenant.handle);
        if let Some((granted, left)) = e.granted_minor.zip(e.remaining_minor) {
            let until =
                e.ends_at.map_or_else(|| "for ever".to_owned(), |at| format!("until {}", instant(at)));
            let (granted, left) =
                (amount_text(granted, &self.tenant.currency), amount_text(left, &self.tenant.currency));
            let whom = if e.imported_as.is_some() { " by the former system" } else { "" };
            return (format!("Granted{whom}: {granted} for {period}; {left} are left, {until}."), None);
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
            Some("succeeded") if e.in_shadow && e.shadow_minor.is_some() => {
                (not("the shop was in shadow: it would have been granted here"), None)
            }
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
