//! A plan: its words with where each figure comes from, its campaigns, and what was decided of them.

use serde::Serialize;
use tradeup_domain::amount_text;
use tradeup_plan::{CampaignKind, Plan, Proposal};
use tradeup_store::plans::{self, PlanItem, PlanRow};
use tradeup_store::{Pool, Tx, agent_settings, campaigns, kpi_follow_ups};
use utoipa::ToSchema;

use super::carried::{CarriedOut, Followed};
use super::plans::PlanLine;
use super::usd::Usd;
use super::written::{WrittenCampaign, WrittenPlan};
use crate::failure::Failure;
use crate::views::run::id;
use crate::views::tenants::Shop;
use crate::views::when::When;

/// As what a plan is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlanFile {
    Markdown,
    Json,
}

/// The run's id of an address, and the file that its ending asks for.
pub(crate) fn file(given: &str) -> (&str, Option<PlanFile>) {
    match given.rsplit_once('.') {
        Some((id, "md")) => (id, Some(PlanFile::Markdown)),
        Some((id, "json")) => (id, Some(PlanFile::Json)),
        _ => (given, None),
    }
}

/// A campaign that a plan proposes, and what was decided of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ProposedCampaign {
    pub(crate) key: String,
    pub(crate) name: String,
    /// `proposed`, `approved` or `rejected`.
    pub(crate) state: String,
    /// Of all that is decided on: a decision is for this hash alone.
    pub(crate) hash: String,
    /// In words.
    pub(crate) does: String,
    /// In words.
    pub(crate) to: String,
    pub(crate) phase: i64,
    /// How many members it is for; none if that is not proven.
    pub(crate) audience: Option<i64>,
    /// How many of them are left out, to compare with.
    pub(crate) held_out: Option<i64>,
    /// The most that it costs; none if that is not proven.
    pub(crate) cost: Option<String>,
    pub(crate) cost_minor: Option<i64>,
    pub(crate) cost_limit: String,
    pub(crate) subject: String,
    pub(crate) body: String,
    /// Why it can't be approved, in words; none if it can.
    pub(crate) not_approvable: Option<String>,
    pub(crate) decided_by: Option<String>,
    pub(crate) decided: Option<When>,
    pub(crate) reason: Option<String>,
    /// What became of it, once it is approved.
    pub(crate) carried_out: Option<CarriedOut>,
}

/// Why none of its campaigns can be approved.
fn closed(row: &PlanRow, offline_approvals: bool) -> Option<&'static str> {
    if row.offline && !offline_approvals {
        return Some("It was made offline, and the shop's settings do not let that be approved.");
    }
    (row.state == "expired").then_some("Nobody has decided for 30 days: its figures are old by now.")
}

impl ProposedCampaign {
    fn of(plan: &Plan, proposal: &Proposal, item: &PlanItem, closed: Option<&str>) -> Self {
        let campaign = &proposal.campaign;
        let currency = &plan.meta.currency;
        let held_out = proposal.audience.filter(|_| campaign.hold_out_bps > 0);
        let unproven = (!item.approvable)
            .then_some("Something about it is not proven: it can't be approved as it is, but rejected.");
        Self {
            key: item.key.clone(),
            name: item.name.clone(),
            state: item.state.clone(),
            hash: item.hash.clone(),
            does: does(proposal, currency),
            to: to(proposal),
            phase: campaign.phase,
            audience: proposal.audience,
            held_out: held_out.map(|members| members.saturating_mul(campaign.hold_out_bps) / 10_000),
            cost: proposal.cost_minor.map(|cost| amount_text(cost, currency)),
            cost_minor: proposal.cost_minor,
            cost_limit: amount_text(campaign.cost_limit_minor, currency),
            subject: proposal.message_subject.clone(),
            body: proposal.message_body.clone(),
            not_approvable: closed.or(unproven).map(str::to_owned),
            decided_by: item.decided_by.clone(),
            decided: item.decided_at.map(When),
            reason: item.reason.clone(),
            carried_out: None,
        }
    }
}

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OnePlan {
    #[serde(flatten)]
    pub(crate) line: PlanLine,
    /// What the models have cost that made it.
    pub(crate) cost: Usd,
    /// Whether campaigns of plans that were made offline may be approved for this shop.
    pub(crate) offline_approvals: bool,
    pub(crate) items: Vec<ProposedCampaign>,
    /// KPIs whose time has come: what was planned, and what it came to.
    pub(crate) followed: Vec<Followed>,
    /// The plan with all facts of its run, as it was settled.
    #[schema(value_type = Object)]
    pub(crate) plan: Plan,
}

impl OnePlan {
    pub(crate) async fn read(pool: &Pool, shop: &Shop, given: &str) -> Result<Self, Failure> {
        let run = id(given)?;
        let mut tx = Tx::snapshot_of_tenant(pool, shop.id).await?;
        let row = plans::get(&mut tx, shop.id, run).await?.ok_or(Failure::NotFound)?;
        let items = plans::items(&mut tx, shop.id, run).await?;
        let settings = agent_settings::get(&mut tx, shop.id).await?;
        let followed = kpi_follow_ups::of_plan(&mut tx, shop.id, run).await?;
        let mut carried_out = Vec::new();
        for campaign in campaigns::of_plan(&mut tx, shop.id, run).await? {
            let carried = CarriedOut::read(&mut tx, shop.id, &campaign).await?;
            carried_out.push((campaign.key, carried));
        }
        tx.rollback().await?;
        let plan: Plan = serde_json::from_value(row.document.clone()).map_err(|error| {
            tracing::error!(%run, "a plan can't be read: {error}");
            Failure::Internal
        })?;
        let closed = closed(&row, settings.offline_approvals);
        let found: Vec<ProposedCampaign> = plan
            .campaigns
            .iter()
            .filter_map(|proposal| {
                let item = items.iter().find(|item| item.key == proposal.campaign.key)?;
                let carried = carried_out.iter().find(|(key, _)| *key == item.key);
                Some(ProposedCampaign {
                    carried_out: carried.map(|(_, carried)| carried.clone()),
                    ..ProposedCampaign::of(&plan, proposal, item, closed)
                })
            })
            .collect();
        let open = found.iter().filter(|item| item.state == "proposed").count();
        Ok(Self {
            line: PlanLine {
                run: row.run_id.to_string(),
                tenant: shop.handle.clone(),
                task: row.kind,
                goal: row.goal,
                state: row.state,
                created: When(row.created_at),
                complete: row.complete,
                offline: row.offline,
                campaigns: i64::try_from(found.len()).unwrap_or(i64::MAX),
                undecided: i64::try_from(open).unwrap_or(i64::MAX),
            },
            cost: Usd::of(plan.meta.cost_nano_usd),
            offline_approvals: settings.offline_approvals,
            items: found,
            followed: followed.into_iter().filter_map(Followed::of).collect(),
            plan,
        })
    }

    /// As Markdown, with what has become of it until now.
    pub(crate) async fn markdown(&self, pool: &Pool, shop: &Shop) -> Result<String, Failure> {
        let mut tx = Tx::snapshot_of_tenant(pool, shop.id).await?;
        let outcomes = plans::outcomes(&mut tx, shop.id, id(&self.line.run)?).await?;
        tx.rollback().await?;
        Ok(tradeup_plan::markdown(&self.plan, &outcomes))
    }

    /// As a file of JSON.
    pub(crate) fn json(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self).map_err(|error| {
            tracing::error!("a plan can't be written: {error}");
            Failure::Internal
        })
    }

    /// As a page shows it.
    pub(crate) fn written(&self) -> (WrittenPlan, Vec<WrittenCampaign>) {
        let campaigns = self.items.iter().zip(&self.plan.campaigns);
        let campaigns = campaigns
            .map(|(item, proposal)| WrittenCampaign::of(&self.plan, item.clone(), &proposal.campaign));
        (WrittenPlan::of(&self.plan), campaigns.collect())
    }
}

/// What a campaign does for a member, in words.
fn does(proposal: &Proposal, currency: &str) -> String {
    let campaign = &proposal.campaign;
    match campaign.kind {
        CampaignKind::BonusCredit => format!(
            "{} of credit, which ends within {} days, with a mail",
            amount_text(campaign.credit_minor, currency),
            campaign.credit_ends_within_days
        ),
        CampaignKind::Extension => {
            format!("credit that is about to end ends {} days later, with a mail", campaign.extend_days)
        }
        CampaignKind::Mail => "a mail alone".to_owned(),
    }
}

/// Whom a campaign is for, in words.
fn to(proposal: &Proposal) -> String {
    let segment = proposal.campaign.segment.replace('_', " ");
    match proposal.campaign.tier.as_str() {
        "" => format!("segment {segment}"),
        tier => format!("segment {segment}, tier {tier}"),
    }
}
