//! What became of what was approved: whom a campaign reached, what it gave, what it brought; and what KPIs have come to.

use serde::Serialize;
use tradeup_domain::amount_text;
use tradeup_domain::figure::{Unit, shown};
use tradeup_domain::outcomes::{ArmResult, FollowUp, OutcomeCount, lift_bps};
use tradeup_store::campaigns::{self, Campaign};
use tradeup_store::{Connection, StoreError, TenantId};
use utoipa::ToSchema;

use crate::views::when::When;

/// Members of a campaign for whom the same was done.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Outcome {
    /// `treated` or `held_out`.
    pub(crate) arm: String,
    /// What was done, as it is stored; none: nothing, yet or ever.
    pub(crate) outcome: Option<String>,
    /// In words.
    pub(crate) words: String,
    pub(crate) members: i64,
    pub(crate) amount: String,
    pub(crate) amount_minor: i64,
}

/// What one arm did until the campaign was measured.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Arm {
    /// `treated` or `held_out`.
    pub(crate) arm: String,
    pub(crate) members: i64,
    pub(crate) ordering_members: i64,
    pub(crate) orders: i64,
    /// Who ordered, of its members; none of nobody.
    pub(crate) rate: Option<String>,
    pub(crate) rate_bps: Option<i64>,
    pub(crate) revenue: String,
    pub(crate) revenue_minor: i64,
    pub(crate) redeemed: String,
    pub(crate) redeemed_minor: i64,
}

/// Mails of a campaign in one state.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Mails {
    pub(crate) state: String,
    pub(crate) mails: i64,
}

/// A campaign that is or was carried out.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CarriedOut {
    pub(crate) id: String,
    /// `approved`, `running`, `done`, `stopped`, `failed` (part of it is a dead letter: replay it, or stop the campaign) or
    /// `cancelled` (its run was).
    pub(crate) state: String,
    /// The run that carries it out.
    pub(crate) run: String,
    /// What was given, or kept alive.
    pub(crate) spent: String,
    pub(crate) spent_minor: i64,
    /// The most that may be; none for an extension without a limit of its own, which gives nothing anew.
    pub(crate) limit: Option<String>,
    pub(crate) started: Option<When>,
    pub(crate) ended: Option<When>,
    pub(crate) stopped_by: Option<String>,
    pub(crate) stop_reason: Option<String>,
    pub(crate) horizon_days: i32,
    pub(crate) members: Vec<Outcome>,
    pub(crate) mails: Vec<Mails>,
    /// As of when it was measured.
    pub(crate) measured: Option<When>,
    /// The treated first.
    pub(crate) results: Vec<Arm>,
    /// How many more of the treated ordered, in points; none while it is not measured, or with nobody to compare with.
    pub(crate) lift: Option<String>,
    pub(crate) lift_bps: Option<i64>,
}

/// A campaign's limit in words; none where there is none of its own.
pub(super) fn limit(kind: &str, minor: i64, currency: &str) -> Option<String> {
    (kind != "extension" || minor > 0).then(|| amount_text(minor, currency))
}

impl CarriedOut {
    pub(crate) async fn read(
        db: &mut Connection,
        tenant: TenantId,
        campaign: &Campaign,
    ) -> Result<Self, StoreError> {
        let outcomes = campaigns::outcomes(db, tenant, campaign.id).await?;
        let mails = campaigns::mails(db, tenant, campaign.id).await?;
        let results = campaigns::results(db, tenant, campaign.id).await?;
        let currency = &campaign.currency;
        let lift_bps = lift_bps(&results);
        let results: Vec<Arm> = results.into_iter().map(|arm| Arm::of(arm, currency)).collect();
        Ok(Self {
            id: campaign.id.to_string(),
            state: campaign.state.clone(),
            run: campaign.start_run_id.to_string(),
            spent: amount_text(campaign.spent_minor, currency),
            spent_minor: campaign.spent_minor,
            limit: limit(&campaign.kind, campaign.cost_limit_minor, currency),
            started: campaign.started_at.map(When),
            ended: campaign.ended_at.map(When),
            stopped_by: campaign.stopped_by.clone(),
            stop_reason: campaign.stop_reason.clone(),
            horizon_days: campaign.horizon_days,
            members: outcomes.into_iter().map(|of| Outcome::of(of, currency)).collect(),
            mails: mails.into_iter().map(|(state, mails)| Mails { state, mails }).collect(),
            measured: campaign.measured_at.map(When),
            results,
            lift: lift_bps.map(|bps| shown(bps, Unit::Bps, None)),
            lift_bps,
        })
    }

    /// Who ordered in each arm, in words.
    pub(crate) fn rates(&self) -> String {
        let rate = |arm: &Arm| Some(format!("{} of {}", arm.rate.as_deref()?, arm.of_whom()));
        let rates: Vec<String> = self.results.iter().filter_map(rate).collect();
        format!("{} ordered", rates.join(", "))
    }

    /// Whether there is something left to stop.
    pub(crate) fn may_be_stopped(&self) -> bool {
        !matches!(self.state.as_str(), "done" | "stopped")
    }
}

impl Outcome {
    fn of(of: OutcomeCount, currency: &str) -> Self {
        Self {
            words: of.words().to_owned(),
            arm: of.arm,
            outcome: of.outcome,
            members: of.members,
            amount: amount_text(of.amount_minor, currency),
            amount_minor: of.amount_minor,
        }
    }
}

impl Arm {
    fn of(arm: ArmResult, currency: &str) -> Self {
        let rate_bps = arm.rate_bps();
        Self {
            members: arm.members,
            ordering_members: arm.ordering_members,
            orders: arm.orders,
            rate: rate_bps.map(|bps| shown(bps, Unit::Bps, None)),
            rate_bps,
            revenue: amount_text(arm.revenue_minor, currency),
            revenue_minor: arm.revenue_minor,
            redeemed: amount_text(arm.redeemed_minor, currency),
            redeemed_minor: arm.redeemed_minor,
            arm: arm.arm,
        }
    }

    fn of_whom(&self) -> &'static str {
        if self.arm == "treated" { "the treated" } else { "those left out" }
    }

    /// In words.
    pub(crate) fn words(&self) -> &'static str {
        if self.arm == "treated" { "Reached or tried to" } else { "Left out" }
    }
}

/// A KPI that was looked at again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Followed {
    pub(crate) name: String,
    /// What was counted, and of which tier.
    pub(crate) counted: String,
    pub(crate) measure: String,
    /// Of which tier; none: of the whole shop.
    pub(crate) tier: Option<String>,
    /// What was planned, and what it came to; none if that can't be told.
    pub(crate) planned: String,
    pub(crate) actual: Option<String>,
    /// `met`, `missed` or `no_data`.
    pub(crate) verdict: String,
    pub(crate) due: When,
}

impl Followed {
    /// Of a KPI whose time has come.
    pub(crate) fn of(kpi: FollowUp) -> Option<Self> {
        let verdict = kpi.verdict.clone()?;
        Some(Self {
            planned: kpi.shown(kpi.target)?,
            actual: kpi.actual.and_then(|actual| kpi.shown(actual)),
            counted: kpi.counted(),
            name: kpi.name,
            measure: kpi.measure,
            tier: kpi.tier,
            verdict,
            due: When(kpi.due_at),
        })
    }
}
