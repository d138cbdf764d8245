//! What the agents may do and spend for a shop, what they have spent, and their latest runs.

use serde::Serialize;
use tradeup_domain::{amount_text, decimal_text};
use tradeup_store::agent_settings::{self, AgentSettings};
use tradeup_store::{Pool, Tx, agent_budgets, agent_runs};
use utoipa::ToSchema;

use super::journal::AgentsRun;
use super::spend::{Budget, UsedUp};
use super::usd::{Usd, field};
use crate::failure::Failure;
use crate::views::tenants::Shop;
use crate::views::when::When;

/// Runs that are shown.
const RUNS: i64 = 20;

/// What the agents may do and spend for a shop.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShopAgentSettings {
    pub(crate) enabled: bool,
    /// For one run.
    pub(crate) run_cap: Usd,
    /// For a day of UTC.
    pub(crate) day_cap: Usd,
    /// For a month of UTC.
    pub(crate) month_cap: Usd,
    /// The largest credit that they may propose for one member.
    pub(crate) credit_max: String,
    pub(crate) credit_max_minor: i64,
    /// The most that a campaign which they propose may cost.
    pub(crate) campaign_cost_max: String,
    pub(crate) campaign_cost_max_minor: i64,
    /// Whether what a script has proposed without a model may be approved.
    pub(crate) offline_approvals: bool,
    /// None while it has what every shop has.
    pub(crate) set_by: Option<String>,
    pub(crate) set: Option<When>,
}

impl ShopAgentSettings {
    pub(crate) fn of(settings: &AgentSettings, currency: &str) -> Self {
        Self {
            enabled: settings.enabled,
            run_cap: Usd::of(settings.run_cap_nano),
            day_cap: Usd::of(settings.day_cap_nano),
            month_cap: Usd::of(settings.month_cap_nano),
            credit_max: amount_text(settings.credit_minor_max, currency),
            credit_max_minor: settings.credit_minor_max,
            campaign_cost_max: amount_text(settings.campaign_cost_minor_max, currency),
            campaign_cost_max_minor: settings.campaign_cost_minor_max,
            offline_approvals: settings.offline_approvals,
            set_by: settings.changed_by.clone(),
            set: settings.changed_at.map(When),
        }
    }

    /// Fields of a form for what models may cost: name, label, and what it is.
    pub(crate) fn caps(&self) -> [(&'static str, &'static str, String); 3] {
        [
            ("run_cap", "A run may cost", field(self.run_cap.nano)),
            ("day_cap", "A day may cost", field(self.day_cap.nano)),
            ("month_cap", "A month may cost", field(self.month_cap.nano)),
        ]
    }

    /// The same for what members may be offered.
    pub(crate) fn offers(&self, currency: &str) -> [(&'static str, &'static str, String); 2] {
        [
            ("credit_max", "Credit to a member at most", decimal_text(self.credit_max_minor, currency)),
            (
                "campaign_cost_max",
                "Cost of a campaign at most",
                decimal_text(self.campaign_cost_max_minor, currency),
            ),
        ]
    }
}

/// The agents of a shop.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentsOfShop {
    /// ISO 4217.
    pub(crate) currency: String,
    pub(crate) settings: ShopAgentSettings,
    pub(crate) budgets: Vec<Budget>,
    /// Budgets of the shop that are used up, or nearly.
    pub(crate) used_up: Vec<UsedUp>,
    /// Latest first.
    pub(crate) runs: Vec<AgentsRun>,
}

impl AgentsOfShop {
    pub(crate) async fn read(pool: &Pool, shop: &Shop) -> Result<Self, Failure> {
        let mut tx = Tx::snapshot_of_tenant(pool, shop.id).await?;
        let settings = agent_settings::get(&mut tx, shop.id).await?;
        let used = agent_budgets::of_shop(&mut tx, shop.id).await?;
        let runs = agent_runs::list(&mut tx, shop.id, RUNS).await?;
        tx.rollback().await?;
        let budget = |name: &'static str, used: Option<i64>, cap: i64| Budget {
            name,
            used: used.map(Usd::of),
            cap: Usd::of(cap),
        };
        let budgets = vec![
            budget("one run", None, settings.run_cap_nano),
            budget("today", Some(used.day_nano), settings.day_cap_nano),
            budget("this month", Some(used.month_nano), settings.month_cap_nano),
        ];
        // That of all shops stops this one, too.
        let used_up = UsedUp::read(pool, Some(shop.id)).await?;
        Ok(Self {
            settings: ShopAgentSettings::of(&settings, &shop.currency),
            currency: shop.currency.clone(),
            budgets,
            used_up,
            runs: runs.into_iter().map(AgentsRun::of).collect(),
        })
    }
}
