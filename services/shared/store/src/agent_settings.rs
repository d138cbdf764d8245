//! How much agents may spend for a shop, and how far what they propose may go. A shop without settings has
//! what the limits of all say.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::agent_runs::Caps;
use crate::audit::{self, Actor};
use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId, Tx};

/// A shop's settings. Money of models is in billionths of a US dollar, money of offers in minor units of the shop's
/// currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSettings {
    /// Whether agents work for it at all.
    pub enabled: bool,
    /// What one run may spend.
    pub run_cap_nano: i64,
    /// What a day (of UTC) may.
    pub day_cap_nano: i64,
    /// What a month may.
    pub month_cap_nano: i64,
    /// What all shops together may in a day.
    pub all_day_cap_nano: i64,
    /// The largest credit that may be proposed for one member.
    pub credit_minor_max: i64,
    /// The most that a proposed campaign may cost.
    pub campaign_cost_minor_max: i64,
    /// Whether what the offline script proposes may be approved.
    pub offline_approvals: bool,
    /// Who changed them last.
    pub changed_by: Option<String>,
    /// When.
    pub changed_at: Option<DateTime<Utc>>,
}

impl AgentSettings {
    /// Its limits on what may be spent.
    #[must_use]
    pub fn caps(&self) -> Caps {
        Caps {
            run_nano: self.run_cap_nano,
            day_nano: self.day_cap_nano,
            month_nano: self.month_cap_nano,
            all_day_nano: self.all_day_cap_nano,
        }
    }
}

/// What is to be changed; what is none stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Whether agents work for it.
    pub enabled: Option<bool>,
    /// Billionths of a US dollar for a run.
    pub run_cap_nano: Option<i64>,
    /// For a day.
    pub day_cap_nano: Option<i64>,
    /// For a month.
    pub month_cap_nano: Option<i64>,
    /// Minor units for one member.
    pub credit_minor_max: Option<i64>,
    /// Minor units for one campaign.
    pub campaign_cost_minor_max: Option<i64>,
    /// Whether the offline script's proposals may be approved.
    pub offline_approvals: Option<bool>,
}

/// A shop's settings.
///
/// # Errors
/// As any statement.
pub async fn get(db: &mut Connection, tenant: TenantId) -> Result<AgentSettings, StoreError> {
    sqlx::query_file_as!(AgentSettings, "src/agent_settings/get.sql", tenant as TenantId)
        .fetch_one(db)
        .await
        .doing("reading a shop's settings of agents")
}

/// Changes a shop's settings, on record.
///
/// # Errors
/// [`ErrorKind::Refused`](crate::ErrorKind::Refused) for a value that can't be, or as any statement.
pub async fn change(
    tx: &mut Tx,
    tenant: TenantId,
    change: &Change,
    actor: &Actor,
) -> Result<AgentSettings, StoreError> {
    // What stays is read: nobody else may change it until this is written.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('agent_settings', $1))", tenant.0)
        .execute(&mut **tx)
        .await
        .doing("holding a shop's settings of agents")?;
    let before = get(tx, tenant).await?;
    sqlx::query!(
        "insert into agent_settings (tenant_id, enabled, run_cap_nano, day_cap_nano, month_cap_nano, credit_minor_max,
             campaign_cost_minor_max, offline_approvals, changed_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (tenant_id) do update set enabled = $2, run_cap_nano = $3, day_cap_nano = $4, month_cap_nano = $5,
             credit_minor_max = $6, campaign_cost_minor_max = $7, offline_approvals = $8, changed_by = $9,
             changed_at = clock_timestamp()",
        tenant as TenantId,
        change.enabled.unwrap_or(before.enabled),
        change.run_cap_nano.unwrap_or(before.run_cap_nano),
        change.day_cap_nano.unwrap_or(before.day_cap_nano),
        change.month_cap_nano.unwrap_or(before.month_cap_nano),
        change.credit_minor_max.unwrap_or(before.credit_minor_max),
        change.campaign_cost_minor_max.unwrap_or(before.campaign_cost_minor_max),
        change.offline_approvals.unwrap_or(before.offline_approvals),
        actor.name,
    )
    .execute(&mut **tx)
    .await
    .doing("changing a shop's settings of agents")?;
    let after = get(tx, tenant).await?;
    let subject = json!({ "tenant_id": tenant, "before": shown(&before), "after": shown(&after) });
    audit::record(tx, actor, "agents.settings", &subject).await?;
    Ok(after)
}

fn shown(settings: &AgentSettings) -> serde_json::Value {
    json!({
        "enabled": settings.enabled,
        "run_cap_nano": settings.run_cap_nano,
        "day_cap_nano": settings.day_cap_nano,
        "month_cap_nano": settings.month_cap_nano,
        "credit_minor_max": settings.credit_minor_max,
        "campaign_cost_minor_max": settings.campaign_cost_minor_max,
        "offline_approvals": settings.offline_approvals,
    })
}

/// Changes what all shops together may spend in a day (of UTC), on record: what it was before. In billionths of a US dollar.
///
/// # Errors
/// [`ErrorKind::Refused`](crate::ErrorKind::Refused) for a negative amount, or as any statement.
pub async fn change_all_day_cap(tx: &mut Tx, nano: i64, actor: &Actor) -> Result<i64, StoreError> {
    // The row is locked before it is read: whoever changes it meanwhile comes after this.
    let before = sqlx::query_scalar!("select day_cap_nano from agent_limits for update")
        .fetch_one(&mut **tx)
        .await
        .doing("reading what agents may spend in a day")?;
    sqlx::query!("update agent_limits set day_cap_nano = $1", nano)
        .execute(&mut **tx)
        .await
        .doing("changing what agents may spend in a day")?;
    let subject = json!({ "before": { "day_cap_nano": before }, "after": { "day_cap_nano": nano } });
    audit::record(tx, actor, "agents.day_cap", &subject).await?;
    Ok(before)
}
