//! What became of a plan once people had decided on it: what its campaigns did and brought against who was held out, and what
//! its KPIs have come to. The same figures for every page, file and command that shows them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::figure::{Unit, shown};

/// Members of a campaign to whom the same was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeCount {
    /// `treated` or `held_out`.
    pub arm: String,
    /// What was done; `None`: nothing yet, or ever for who is held out.
    pub outcome: Option<String>,
    /// How many.
    pub members: i64,
    /// What they were given, or was kept alive for them, in minor units.
    pub amount_minor: i64,
}

impl OutcomeCount {
    /// What was done for them, as the end of a sentence about members.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match (self.arm.as_str(), self.outcome.as_deref()) {
            ("held_out", _) => "left out, to compare with",
            (_, None) => "not seen to yet",
            (_, Some("credited")) => "were given credit",
            (_, Some("extended")) => "had credit extended",
            (_, Some("written")) => "are written to",
            (_, Some("skipped_cap")) => "passed over: the campaign's limit was reached",
            (_, Some("skipped_wallet")) => {
                "passed over: their wallet is at Shopify, where credit can't be extended"
            }
            (_, Some("skipped_nothing")) => "passed over: nothing of theirs was about to end",
            (_, Some("skipped_stopped")) => "passed over: the campaign was stopped",
            (_, Some("skipped_gone")) => "passed over: they are gone, or part of another member",
            (_, Some("skipped_unreachable")) => "passed over: they can't be written to, or do not want to be",
            (_, Some(_)) => "failed",
        }
    }
}

/// What one arm did from the campaign's start until it was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArmResult {
    /// `treated` or `held_out`.
    pub arm: String,
    /// Its members.
    pub members: i64,
    /// Those who ordered.
    pub ordering_members: i64,
    /// Their orders.
    pub orders: i64,
    /// What these brought, less what was refunded, in minor units of the campaign's currency.
    pub revenue_minor: i64,
    /// Credit that was used, in minor units.
    pub redeemed_minor: i64,
}

impl ArmResult {
    /// Who ordered, in basis points of its members; `None` of nobody.
    #[must_use]
    pub fn rate_bps(&self) -> Option<i64> {
        self.ordering_members.saturating_mul(10_000).checked_div(self.members)
    }
}

/// How many more of the treated ordered than of those who were held out, in basis points; `None` while it is not measured, or
/// with nobody to compare with. The treated come first.
#[must_use]
pub fn lift_bps(results: &[ArmResult]) -> Option<i64> {
    let [treated, held_out] = results else { return None };
    treated.rate_bps().zip(held_out.rate_bps()).map(|(of, and)| of - and)
}

/// What was done with a campaign that was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CarriedOut {
    /// `approved`, `running`, `done`, `stopped`, `failed` or `cancelled`.
    pub state: String,
    /// ISO 4217 code.
    pub currency: String,
    /// What was given or kept alive, in minor units.
    pub spent_minor: i64,
    /// The most that may be; `None` for an extension without a limit of its own, which gives nothing anew.
    pub limit_minor: Option<i64>,
    /// When its members were drawn.
    pub started_at: Option<DateTime<Utc>>,
    /// When nothing was left to do.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who stopped it.
    pub stopped_by: Option<String>,
    /// Why.
    pub stop_reason: Option<String>,
    /// Days from its start until it is measured.
    pub horizon_days: i32,
    /// As of when it was measured.
    pub measured_at: Option<DateTime<Utc>>,
    /// Its members by what was done.
    pub members: Vec<OutcomeCount>,
    /// What each arm did, the treated first; none while it is not measured.
    pub results: Vec<ArmResult>,
}

/// What was decided on a proposal, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProposalOutcome {
    /// Its key in the plan.
    pub key: String,
    /// `proposed`, `approved`, `rejected` or `expired`.
    pub state: String,
    /// Who decided.
    pub decided_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// What was done; `None` unless it was approved.
    pub carried_out: Option<CarriedOut>,
}

/// A KPI of a plan, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FollowUp {
    /// Its place in the plan, from 1.
    pub n: i32,
    /// Its name.
    pub name: String,
    /// What is counted.
    pub measure: String,
    /// Of which tier; `None`: of the whole shop.
    pub tier: Option<String>,
    /// The unit of baseline, target and actual value.
    pub unit: String,
    /// ISO 4217 code, of money.
    pub currency: Option<String>,
    /// Where it started from.
    pub baseline: i64,
    /// Where it was to be.
    pub target: i64,
    /// When.
    pub due_at: DateTime<Utc>,
    /// Where it is; `None`: not looked at, or it can't be told.
    pub actual: Option<i64>,
    /// `met`, `missed` or `no_data`; `None`: its time has not come.
    pub verdict: Option<String>,
    /// As of when it was looked at.
    pub followed_at: Option<DateTime<Utc>>,
}

impl FollowUp {
    /// A value of its, for people; `None` in a unit that there is not.
    #[must_use]
    pub fn shown(&self, value: i64) -> Option<String> {
        let unit = Unit::named(&self.unit)?;
        Some(shown(value, unit, self.currency.as_deref()))
    }

    /// What is counted, and of which tier.
    #[must_use]
    pub fn counted(&self) -> String {
        counted(&self.measure, self.tier.as_deref())
    }
}

/// What is counted, and of which tier where it is of one.
#[must_use]
pub fn counted(measure: &str, tier: Option<&str>) -> String {
    match tier {
        None => measure.to_owned(),
        // Members who are in none have this for a tier's handle.
        Some("none") => format!("{measure} without a tier"),
        Some(tier) => format!("{measure} of {tier}"),
    }
}

/// What became of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcomes {
    /// Its proposals, by their keys.
    pub campaigns: Vec<ProposalOutcome>,
    /// Its KPIs, in their order.
    pub kpis: Vec<FollowUp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(arm: &str, members: i64, ordering_members: i64) -> ArmResult {
        ArmResult {
            arm: arm.to_owned(),
            members,
            ordering_members,
            orders: ordering_members,
            revenue_minor: 0,
            redeemed_minor: 0,
        }
    }

    #[test]
    fn lift_is_told_against_somebody() {
        assert_eq!(lift_bps(&[arm("treated", 10, 5), arm("held_out", 4, 1)]), Some(2_500));
        assert_eq!(lift_bps(&[arm("treated", 10, 1), arm("held_out", 4, 2)]), Some(-4_000));
        assert_eq!(lift_bps(&[arm("treated", 10, 5), arm("held_out", 0, 0)]), None);
        assert_eq!(lift_bps(&[arm("treated", 10, 5)]), None);
        assert_eq!(lift_bps(&[]), None);
    }

    #[test]
    fn a_tier_is_named_where_there_is_one() {
        assert_eq!(counted("members_total", None), "members_total");
        assert_eq!(counted("tier_members", Some("gold")), "tier_members of gold");
        assert_eq!(counted("tier_members", Some("none")), "tier_members without a tier");
    }
}
