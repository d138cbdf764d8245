//! What models can ask: read-only questions with narrow arguments. Who is asked about is never an argument: the tenant and
//! the snapshot come from the run.

mod arguments;
mod at_risk_members;
mod campaign_performance;
mod credit_activity;
mod engagement_metrics;
mod expiring_credits;
mod historical_trends;
mod member_group;
mod purchase_history;
mod tenant_overview;
mod tier_analysis;

use futures::future::BoxFuture;
use serde_json::Value;
use tradeup_store::insights::{self, Answer};
use tradeup_store::snapshots::SnapshotId;
use tradeup_store::{StoreError, TenantId, Tx};

use self::arguments::{Arguments, BadArguments};

/// A tool.
pub(crate) struct Tool {
    /// As models call it.
    pub(crate) name: &'static str,
    /// What it answers, for models.
    pub(crate) description: &'static str,
    /// The form of its arguments.
    pub(crate) schema: fn() -> Value,
    ask: for<'a> fn(Arguments<'a>, &'a mut Tx, About) -> BoxFuture<'a, Answered>,
}

/// What of a tool's question comes from the run.
#[derive(Clone, Copy)]
struct About {
    tenant: TenantId,
    snapshot: SnapshotId,
}

type Answered = Result<Answer, ToolFailure>;

/// Why a tool has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolFailure {
    /// It is not asked as it can be: one line for the model.
    #[error("{0}")]
    BadArguments(String),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<BadArguments> for ToolFailure {
    fn from(bad: BadArguments) -> Self {
        Self::BadArguments(bad.0)
    }
}

const TOOLS: [&Tool; 10] = [
    &at_risk_members::TOOL,
    &campaign_performance::TOOL,
    &credit_activity::TOOL,
    &engagement_metrics::TOOL,
    &expiring_credits::TOOL,
    &historical_trends::TOOL,
    &member_group::TOOL,
    &purchase_history::TOOL,
    &tenant_overview::TOOL,
    &tier_analysis::TOOL,
];

/// What an orchestrator asks itself.
pub(crate) const ORCHESTRATOR: &[&str] = &["get_tenant_overview", "get_historical_trends"];
/// What a specialist for members' behaviour asks.
pub(crate) const INSIGHTS: &[&str] = &[
    "get_purchase_history",
    "get_credit_activity",
    "get_tier_analysis",
    "get_engagement_metrics",
    "get_member_group",
];
/// What a specialist for who leaves and what is lost asks.
pub(crate) const ENGAGEMENT: &[&str] =
    &["get_at_risk_members", "get_expiring_credits", "get_campaign_performance"];

/// The tool with a name.
pub(crate) fn tool(name: &str) -> Option<&'static Tool> {
    TOOLS.into_iter().find(|tool| tool.name == name)
}

/// Asks a tool about a shop.
pub(crate) async fn ask(
    name: &str,
    arguments: &Value,
    tx: &mut Tx,
    tenant: TenantId,
    snapshot: SnapshotId,
) -> Answered {
    let Some(tool) = tool(name) else {
        let names: Vec<&str> = TOOLS.iter().map(|tool| tool.name).collect();
        let words = format!("There is no tool of this name; there are {}.", names.join(", "));
        return Err(ToolFailure::BadArguments(words));
    };
    let arguments = Arguments::of(arguments, &(tool.schema)())?;
    let handles = insights::tier_handles(tx, tenant).await?;
    arguments.check_tiers(&handles)?;
    (tool.ask)(arguments, tx, About { tenant, snapshot }).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use super::*;

    #[test]
    fn tools_are_named_once_and_their_forms_are_closed() {
        let mut names: Vec<&str> = TOOLS.iter().map(|tool| tool.name).collect();
        names.dedup();
        assert_eq!(names.len(), TOOLS.len());
        assert!(names.is_sorted());
        for tool in TOOLS {
            let schema = (tool.schema)();
            assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
            let required = schema["required"].as_array().unwrap();
            let properties = schema["properties"].as_object().unwrap();
            assert_eq!(required.len(), properties.len(), "{}", tool.name);
            assert!(tool.description.len() < 1_000, "{}", tool.name);
            assert!(!tool.description.contains("  "), "{}", tool.name);
        }
        for name in [ORCHESTRATOR, INSIGHTS, ENGAGEMENT].concat() {
            assert!(tool(name).is_some(), "{name}");
        }
    }
}
