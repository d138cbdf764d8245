//! Alerts, with the rules that find them and the channels that tell of them.

use serde::Serialize;
use tradeup_store::Pool;
use tradeup_store::alerts::{self, Rule};
use utoipa::ToSchema;

use super::when::When;
use crate::failure::Failure;
use crate::runbooks;

/// Days for which alerts are shown that are over.
const DAYS: i32 = 14;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alert {
    pub(crate) id: String,
    pub(crate) rule: String,
    pub(crate) subject: String,
    pub(crate) tenant: Option<String>,
    pub(crate) summary: String,
    /// The error code that it speaks of.
    pub(crate) code: Option<&'static str>,
    pub(crate) page: String,
    /// Name of the page that says what to do, below /runbooks.
    pub(crate) runbook: Option<&'static str>,
    pub(crate) opened: When,
    pub(crate) acknowledged: Option<When>,
    pub(crate) acknowledged_by: Option<String>,
    pub(crate) resolved: Option<When>,
}

impl Alert {
    fn of(alert: alerts::Alert) -> Self {
        let runbook = runbooks::of_rule(&alert.rule);
        Self {
            id: alert.id.to_string(),
            rule: alert.rule,
            subject: alert.subject,
            tenant: alert.tenant_handle,
            code: runbooks::code_in(&alert.summary),
            summary: alert.summary,
            page: alert.page,
            runbook,
            opened: When(alert.opened_at),
            acknowledged: alert.acknowledged_at.map(When),
            acknowledged_by: alert.acknowledged_by,
            resolved: alert.resolved_at.map(When),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Setting {
    pub(crate) rule: String,
    /// Name of the page that says what to do, below /runbooks.
    pub(crate) runbook: Option<&'static str>,
    pub(crate) enabled: bool,
    pub(crate) threshold: i32,
    pub(crate) unit: &'static str,
}

impl Setting {
    /// How much is too much, in words.
    pub(crate) fn amount(&self) -> String {
        let unit = if self.threshold == 1 { self.unit.trim_end_matches('s') } else { self.unit };
        format!("{} {unit}", self.threshold)
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Channel {
    pub(crate) name: String,
    pub(crate) reaches: String,
    pub(crate) sent: Option<When>,
    pub(crate) failed: Option<When>,
    pub(crate) error: Option<String>,
}

/// What there is to see of alerts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alerts {
    pub(crate) open: Vec<Alert>,
    /// Those that ended within two weeks.
    pub(crate) over: Vec<Alert>,
    pub(crate) rules: Vec<Setting>,
    pub(crate) channels: Vec<Channel>,
}

/// Those that are open, those that nobody has taken first.
pub(crate) async fn open(pool: &Pool) -> Result<Vec<Alert>, Failure> {
    Ok(alerts::list(pool, 0).await?.into_iter().map(Alert::of).collect())
}

impl Alerts {
    pub(crate) async fn read(pool: &Pool) -> Result<Self, Failure> {
        let all = alerts::list(pool, DAYS).await?.into_iter().map(Alert::of);
        let (open, over) = all.partition(|alert| alert.resolved.is_none());
        let rules = alerts::settings(pool).await?.into_iter().map(|setting| Setting {
            unit: setting.rule.parse::<Rule>().map_or("", Rule::unit),
            runbook: runbooks::of_rule(&setting.rule),
            rule: setting.rule,
            enabled: setting.enabled,
            threshold: setting.threshold,
        });
        let channels = alerts::channels(pool).await?.into_iter().map(|channel| Channel {
            name: channel.channel,
            reaches: channel.reaches,
            sent: channel.sent_at.map(When),
            failed: channel.failed_at.map(When),
            error: channel.error,
        });
        Ok(Self { open, over, rules: rules.collect(), channels: channels.collect() })
    }
}
