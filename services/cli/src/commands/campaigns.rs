//! `tradeup campaigns`.

mod show;
mod stop;

use std::process::ExitCode;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tradeup_domain::amount_text as money;
use tradeup_store::campaigns::{self, Campaign, CampaignFilter, CampaignId, CampaignLine};
use tradeup_store::{Pool, TenantId, Tx};
use uuid::Uuid;

use super::agents::words::short;
use super::tenant_by_handle;
use crate::Context;
use crate::output::{instant, table};

/// Characters of a name in the list.
const NAME_CHARS: usize = 48;
/// Fewest characters of an id by which a campaign is found.
const ID_CHARS: usize = 8;

/// Campaigns: whom they reached, what they gave, what they brought.
#[derive(Subcommand)]
pub(crate) enum Campaigns {
    /// List campaigns, newest first.
    List(List),
    /// Show a campaign: its members, its credit and its mails, and what it brought against who was held out.
    Show(show::Show),
    /// Stop a campaign: nobody whom it has not reached is reached any more. What is done stays done.
    Stop(stop::Stop),
}

impl Campaigns {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Stop(stop) => stop.run(context).await,
        }
    }
}

/// Which campaign.
#[derive(Args)]
struct Which {
    /// The shop's handle.
    tenant: String,
    /// The campaign's id, or its first eight characters at least.
    campaign: String,
}

impl Which {
    /// Finds it.
    async fn read(&self, pool: &Pool) -> anyhow::Result<(TenantId, Campaign)> {
        let tenant = tenant_by_handle(pool, &self.tenant).await?.id;
        let given = self.campaign.trim().to_lowercase();
        let id = match Uuid::parse_str(&given) {
            Ok(id) => CampaignId(id),
            Err(_) if given.len() >= ID_CHARS => by_prefix(pool, &self.tenant, &given).await?,
            Err(_) => bail!(
                "{given:?} is no id of a campaign, nor {ID_CHARS} characters of one; `tradeup campaigns list {}` shows them",
                self.tenant
            ),
        };
        let mut tx = Tx::of_tenant(pool, tenant).await?;
        let found = campaigns::get(&mut tx, tenant, id).await?;
        tx.rollback().await?;
        match found {
            Some(campaign) => Ok((tenant, campaign)),
            None => bail!("{} has no campaign {given}; `tradeup campaigns list {0}` shows them", self.tenant),
        }
    }
}

async fn by_prefix(pool: &Pool, tenant: &str, given: &str) -> anyhow::Result<CampaignId> {
    let filter = CampaignFilter { tenant: Some(tenant), ..CampaignFilter::default() };
    let all = campaigns::list(pool, &filter, i64::from(i32::MAX)).await?;
    let mut fitting = all.iter().filter(|line| line.id.to_string().starts_with(given));
    match (fitting.next(), fitting.next()) {
        (Some(line), None) => Ok(line.id),
        (None, _) => bail!("{tenant} has no campaign {given}; `tradeup campaigns list {tenant}` shows them"),
        (Some(_), Some(_)) => bail!("more than one campaign begins with {given}; give more of its id"),
    }
}

/// List campaigns, newest first.
#[derive(Args)]
pub(crate) struct List {
    /// The shop's handle; all shops, if it is not said.
    tenant: Option<String>,
    /// In this state.
    #[arg(long, value_parser = ["approved", "running", "done", "failed", "cancelled", "stopped"])]
    state: Option<String>,
    /// The next page: approved before then, as the last line shows it, with --before-id.
    #[arg(long, value_name = "INSTANT", requires = "before_id")]
    before: Option<DateTime<Utc>>,
    /// The campaign of that line.
    #[arg(long, value_name = "ID", requires = "before")]
    before_id: Option<Uuid>,
    /// How many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

fn value(line: &CampaignLine) -> Value {
    json!({ "id": line.id.to_string(), "tenant": line.tenant, "plan": line.run_id.to_string(), "name": line.name,
        "kind": line.kind, "segment": line.segment, "state": line.state, "currency": line.currency,
        "spent_minor": line.spent_minor, "cost_limit_minor": line.cost_limit_minor,
        "approved_by": line.approved_by, "approved_at": line.approved_at.to_rfc3339(),
        "measured_at": line.measured_at.map(instant) })
}

impl List {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        if let Some(handle) = &self.tenant {
            tenant_by_handle(&pool, handle).await?;
        }
        let filter = CampaignFilter {
            tenant: self.tenant.as_deref(),
            state: self.state.as_deref(),
            before: self.before.zip(self.before_id.map(CampaignId)),
        };
        let listed = campaigns::list(&pool, &filter, self.limit).await?;
        context.output().show(&listed.iter().map(value).collect(), || {
            if listed.is_empty() {
                return "No campaigns. They begin when somebody approves one of a plan: tradeup agents plans"
                    .to_owned();
            }
            let mut shown = table(
                &["campaign", "shop", "approved", "does", "to", "state", "given or kept", "name"],
                &[6],
            );
            for line in &listed {
                let mut state = line.state.clone();
                if line.measured_at.is_some() {
                    state.push_str(", measured");
                }
                shown.add_row([
                    line.id.to_string().chars().take(ID_CHARS).collect(),
                    line.tenant.clone(),
                    instant(line.approved_at),
                    line.kind.replace('_', " "),
                    line.segment.replace('_', " "),
                    state,
                    money(line.spent_minor, &line.currency),
                    short(&line.name, NAME_CHARS),
                ]);
            }
            match listed.last().filter(|_| i64::try_from(listed.len()) == Ok(self.limit)) {
                Some(last) => {
                    format!(
                        "{shown}\nOlder: --before {} --before-id {}",
                        last.approved_at.to_rfc3339(),
                        last.id
                    )
                }
                None => shown.to_string(),
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
