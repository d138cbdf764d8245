//! `tradeup agents settings`.

use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::{Args, ValueEnum};
use serde_json::json;
use tradeup_domain::amount_text as money;
use tradeup_store::agent_settings::{self, AgentSettings, Change};
use tradeup_store::model_spend::{self, Spend};
use tradeup_store::tenants::Tenant;
use tradeup_store::{Pool, Tx};

use super::super::who::Who;
use super::super::{now, tenant_by_handle};
use super::ask::minor;
use super::words::{nano, usd};
use crate::Context;
use crate::output::{instant, table};

/// Days and months that are looked through for today and this month.
const PERIODS: i64 = 1000;

/// Show or change what agents may do and spend for a shop. What is not said stays.
#[derive(Args)]
pub(crate) struct Settings {
    /// The shop's handle.
    #[arg(required_unless_present = "all_shops")]
    tenant: Option<String>,
    /// What all shops together may spend in a day, with --day-limit.
    #[arg(long, conflicts_with = "tenant", requires = "day_limit")]
    all_shops: bool,
    /// Whether agents work for it at all.
    #[arg(long)]
    enabled: Option<YesNo>,
    /// What one run may spend, in dollars, like 2.00.
    #[arg(long, value_name = "USD")]
    run_limit: Option<String>,
    /// What a day of UTC may.
    #[arg(long, value_name = "USD")]
    day_limit: Option<String>,
    /// What a month of UTC may.
    #[arg(long, value_name = "USD")]
    month_limit: Option<String>,
    /// The largest credit that may be proposed for one member, in the shop's currency.
    #[arg(long, value_name = "AMOUNT")]
    credit_limit: Option<String>,
    /// The most that a proposed campaign may cost, in the shop's currency.
    #[arg(long, value_name = "AMOUNT")]
    campaign_limit: Option<String>,
    /// Whether what the offline planner proposes may be approved.
    #[arg(long)]
    offline_approvals: Option<YesNo>,
    #[command(flatten)]
    who: Who,
}

/// As people say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum YesNo {
    Yes,
    No,
}

fn is_yes(said: Option<YesNo>) -> Option<bool> {
    said.map(|said| said == YesNo::Yes)
}

impl Settings {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        match self.tenant.clone() {
            None => self.of_all_shops(context, &pool).await,
            Some(handle) => {
                let tenant = tenant_by_handle(&pool, &handle).await?;
                self.of_shop(context, &pool, &tenant).await
            }
        }
    }

    async fn of_all_shops(self, context: &Context, pool: &Pool) -> anyhow::Result<ExitCode> {
        let others = [&self.run_limit, &self.month_limit, &self.credit_limit, &self.campaign_limit];
        if others.iter().any(|limit| limit.is_some())
            || self.enabled.is_some()
            || self.offline_approvals.is_some()
        {
            bail!("--all-shops has a --day-limit alone; the others are each shop's own");
        }
        ensure!(self.who.has_reason(), "--reason: say why, for the record");
        let limit = nano("--day-limit", self.day_limit.as_deref().unwrap_or_default())?;
        let mut tx = Tx::of_engine(pool).await?;
        let before = agent_settings::change_all_day_cap(&mut tx, limit, &self.who.actor()).await?;
        tx.commit().await?;
        let value = json!({ "all_shops_day_limit_nano_usd": limit, "before_nano_usd": before });
        context.output().show(&value, || {
            format!("All shops together may spend {} in a day; it was {}.", usd(limit), usd(before))
        })?;
        Ok(ExitCode::SUCCESS)
    }

    async fn of_shop(self, context: &Context, pool: &Pool, tenant: &Tenant) -> anyhow::Result<ExitCode> {
        let dollars =
            |option, given: &Option<String>| given.as_deref().map(|it| nano(option, it)).transpose();
        let amount = |option, given: &Option<String>| {
            given.as_deref().map(|it| minor(option, Some(it), tenant)).transpose()
        };
        let change = Change {
            enabled: is_yes(self.enabled),
            run_cap_nano: dollars("--run-limit", &self.run_limit)?,
            day_cap_nano: dollars("--day-limit", &self.day_limit)?,
            month_cap_nano: dollars("--month-limit", &self.month_limit)?,
            credit_minor_max: amount("--credit-limit", &self.credit_limit)?,
            campaign_cost_minor_max: amount("--campaign-limit", &self.campaign_limit)?,
            offline_approvals: is_yes(self.offline_approvals),
        };
        let is_change = change != Change::default();
        ensure!(!is_change || self.who.has_reason(), "--reason: say why, for the record");
        let today = now(pool).await?.date_naive();
        let mut tx = Tx::of_tenant(pool, tenant.id).await?;
        let settings = if is_change {
            agent_settings::change(&mut tx, tenant.id, &change, &self.who.actor()).await?
        } else {
            agent_settings::get(&mut tx, tenant.id).await?
        };
        let spent = model_spend::of_tenant(&mut tx, tenant.id, PERIODS).await?;
        tx.commit().await?;
        let used = |period: &str| {
            let used = |spend: &Spend| spend.spent_nano.saturating_add(spend.reserved_nano);
            spent.iter().find(|spend| spend.period == period).map_or(0, used)
        };
        let (day, month) = (used(&today.to_string()), used(&today.format("%Y-%m").to_string()));
        show(context, tenant, &settings, day, month)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn show(
    context: &Context,
    tenant: &Tenant,
    settings: &AgentSettings,
    day: i64,
    month: i64,
) -> anyhow::Result<()> {
    let value = json!({ "tenant": tenant.handle, "enabled": settings.enabled,
        "run_limit_nano_usd": settings.run_cap_nano, "day_limit_nano_usd": settings.day_cap_nano,
        "day_used_nano_usd": day, "month_limit_nano_usd": settings.month_cap_nano, "month_used_nano_usd": month,
        "all_shops_day_limit_nano_usd": settings.all_day_cap_nano,
        "credit_limit_minor": settings.credit_minor_max, "campaign_limit_minor": settings.campaign_cost_minor_max,
        "currency": tenant.currency, "offline_approvals": settings.offline_approvals,
        "changed_by": settings.changed_by, "changed_at": settings.changed_at.map(instant) });
    context.output().show(&value, || {
        let mut shown = table(&["of", "limit", "used"], &[1, 2]);
        for (of, limit, used) in [
            ("a run", usd(settings.run_cap_nano), "-".to_owned()),
            ("today, UTC", usd(settings.day_cap_nano), usd(day)),
            ("this month, UTC", usd(settings.month_cap_nano), usd(month)),
            ("a day over all shops", usd(settings.all_day_cap_nano), "-".to_owned()),
            ("credit for a member", money(settings.credit_minor_max, &tenant.currency), "-".to_owned()),
            ("a campaign", money(settings.campaign_cost_minor_max, &tenant.currency), "-".to_owned()),
        ] {
            shown.add_row([of.to_owned(), limit, used]);
        }
        let works = if settings.enabled { "work" } else { "do not work" };
        let changed = settings.changed_by.as_ref().zip(settings.changed_at);
        let changed = changed.map(|(by, at)| format!("Changed by {by}, {}.", instant(at)));
        format!(
            "Agents {works} for {}. What the offline planner proposes {} be approved.\n\n{shown}\n{}",
            tenant.handle,
            if settings.offline_approvals { "may" } else { "may not" },
            changed.unwrap_or_default()
        )
    })
}
