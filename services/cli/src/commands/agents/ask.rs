//! `tradeup agents goal`, `campaign`, `analyze`.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use tradeup_domain::{Currency, Money};
use tradeup_plan::SEGMENTS;
use tradeup_proto::{convert, v1};
use tradeup_store::runs::{self, Trigger};
use tradeup_store::tenants::Tenant;
use tradeup_store::{Pool, TenantRef};
use tradeup_worker::trigger::{Asked, checked_key};

use super::super::start::{Existing, Start};
use super::super::{now, tenant_by_handle};
use crate::Context;

/// What every question has.
#[derive(Args)]
struct Ask {
    /// The shop's handle.
    tenant: String,
    /// What makes it unique for the shop. Unless given, the same words on the same day are one run.
    #[arg(long, value_parser = checked_key)]
    key: Option<String>,
    #[command(flatten)]
    start: Start,
}

/// Ask for a plan in three phases for a goal. It costs money at the model's provider, within the shop's limits.
#[derive(Args)]
pub(crate) struct Goal {
    #[command(flatten)]
    ask: Ask,
    /// The goal, in words. It is sent to the model: no personal data.
    #[arg(long)]
    goal: String,
    /// The time for it.
    #[arg(long, value_name = "DAYS", default_value_t = convert::TIMELINE_DAYS_DEFAULT, value_parser = clap::value_parser!(i32).range(1..))]
    days: i32,
    /// The segment that it is about; the agents choose, if it is not said.
    #[arg(long, value_parser = PossibleValuesParser::new(SEGMENTS))]
    segment: Option<String>,
}

/// Ask for one campaign.
#[derive(Args)]
pub(crate) struct Campaign {
    #[command(flatten)]
    ask: Ask,
    /// What it is to bring about, in words. It is sent to the model: no personal data.
    #[arg(long)]
    objective: String,
    /// The segment that it is for; the agents choose, if it is not said.
    #[arg(long, value_parser = PossibleValuesParser::new(SEGMENTS))]
    segment: Option<String>,
    /// What it may cost at most, in the shop's currency, like 500.00; what the shop's settings allow, if it is not said.
    #[arg(long, value_name = "AMOUNT")]
    budget: Option<String>,
}

/// Ask about a shop's members; about some of them, if one of the options that narrow is given.
#[derive(Args)]
pub(crate) struct Analyze {
    #[command(flatten)]
    ask: Ask,
    /// The question, in words. It is sent to the model: no personal data. What stands out, if there is none.
    #[arg(long, default_value = "")]
    question: String,
    #[command(flatten)]
    which: WhichMembers,
}

/// Which members. Each option narrows.
#[derive(Args)]
#[command(next_help_heading = "Which members")]
struct WhichMembers {
    /// In this tier; may be given several times.
    #[arg(long = "tier", value_name = "TIER")]
    tiers: Vec<String>,
    /// In this segment; may be given several times.
    #[arg(long = "segment", value_name = "SEGMENT", value_parser = PossibleValuesParser::new(SEGMENTS))]
    segments: Vec<String>,
    /// With at least this risk of staying away, 0 to 100.
    #[arg(long, value_name = "RISK", default_value_t = 0)]
    risk: i32,
    /// Without an order for at least so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 0)]
    inactive_days: i32,
    /// With at least this much credit, in the shop's currency.
    #[arg(long, value_name = "AMOUNT")]
    balance: Option<String>,
    /// Who spent at least this much in the 365 days before.
    #[arg(long, value_name = "AMOUNT")]
    spent: Option<String>,
    /// With credit that ends within so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 0)]
    expiring_days: i32,
}

impl Ask {
    /// The run that answers: shown, and followed if that was said.
    async fn start(
        self,
        context: &Context,
        pool: &Pool,
        tenant: Tenant,
        asked: Asked,
    ) -> anyhow::Result<ExitCode> {
        let at = now(pool).await?;
        let key = match self.key {
            Some(key) => {
                not_of_other_words(pool, &tenant, &asked, &key).await?;
                key
            }
            None => asked.key_of_the_day(at)?,
        };
        let by = Trigger::Manual(self.start.by.clone());
        let new = asked.run(TenantRef { id: tenant.id, handle: tenant.handle }, key, at, by)?;
        self.start.start(context, pool, new, Existing::IsTheSame).await
    }
}

/// A key that was given before may stand for other words: showing their run would answer something else.
async fn not_of_other_words(pool: &Pool, tenant: &Tenant, asked: &Asked, key: &str) -> anyhow::Result<()> {
    let mut connection = pool.acquire().await.context("looking for a run of this key")?;
    let known = runs::known(&mut connection, asked.kind().task, Some(tenant.id), &[key.to_owned()]).await?;
    if let Some((_, run_id)) = known.first() {
        let payload = runs::payload(pool, *run_id).await?;
        if !payload.is_some_and(|payload| asked.is_asked_by(&payload)) {
            bail!(
                "run {run_id} has the key {key} already, and was asked something else; nothing was changed. Give another \
                 key, or look at it: tradeup run {run_id}"
            );
        }
    }
    Ok(())
}

/// An amount of the shop's currency in minor units; 0 if there is none.
pub(super) fn minor(option: &str, amount: Option<&str>, tenant: &Tenant) -> anyhow::Result<i64> {
    let Some(amount) = amount else { return Ok(0) };
    let currency: Currency = tenant.currency.parse().context("the shop's currency")?;
    Ok(Money::parse(amount, currency).with_context(|| option.to_owned())?.amount_minor)
}

impl Goal {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.ask.tenant).await?;
        let asked = Asked::Goal(v1::PlanStrategicGoal {
            as_of: None,
            goal: self.goal.trim().to_owned(),
            timeline_days: self.days,
            target_segment: self.segment.unwrap_or_default(),
        });
        self.ask.start(context, &pool, tenant, asked).await
    }
}

impl Campaign {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.ask.tenant).await?;
        let asked = Asked::Campaign(v1::PlanCampaign {
            as_of: None,
            objective: self.objective.trim().to_owned(),
            segment: self.segment.unwrap_or_default(),
            budget_minor: minor("--budget", self.budget.as_deref(), &tenant)?,
        });
        self.ask.start(context, &pool, tenant, asked).await
    }
}

impl Analyze {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.ask.tenant).await?;
        let question = self.question.trim().to_owned();
        let filter = self.which.filter(&tenant)?;
        let asked = if filter == v1::SegmentFilter::default() {
            Asked::Members(v1::AnalyzeMemberInsights { as_of: None, question })
        } else {
            Asked::Segment(v1::AnalyzeSegment { as_of: None, filter: Some(filter), question })
        };
        self.ask.start(context, &pool, tenant, asked).await
    }
}

impl WhichMembers {
    fn filter(self, tenant: &Tenant) -> anyhow::Result<v1::SegmentFilter> {
        Ok(v1::SegmentFilter {
            balance_min_minor: minor("--balance", self.balance.as_deref(), tenant)?,
            spent_365d_min_minor: minor("--spent", self.spent.as_deref(), tenant)?,
            tiers: self.tiers,
            segments: self.segments,
            risk_min: self.risk,
            inactive_days_min: self.inactive_days,
            expiring_within_days: self.expiring_days,
        })
    }
}
