//! Campaigns in lists, and what became of their members.

use chrono::{DateTime, Utc};
use tradeup_domain::outcomes::OutcomeCount;

use super::{Campaign, CampaignId};
use crate::error::{Doing, StoreError};
use crate::snapshots::SnapshotId;
use crate::{Connection, Pool, RunId, TenantId, Tx};

/// One campaign, or those of a plan, by their keys.
pub(super) async fn read(
    db: &mut Connection,
    tenant: TenantId,
    id: Option<CampaignId>,
    plan: Option<RunId>,
) -> Result<Vec<Campaign>, StoreError> {
    sqlx::query_as!(
        Campaign,
        r#"select id as "id: CampaignId", run_id as "run_id: RunId", key, name, kind, segment, tier,
               snapshot_id as "snapshot_id: SnapshotId", as_of, subject, body, currency, credit_minor,
               credit_ends_within_days, extend_days, hold_out_bps, cost_limit_minor, spent_minor, horizon_days,
               campaign_state(state, start_run_id) as "state!",
               approved_by, approved_at, start_run_id as "start_run_id: RunId", started_at, ended_at, stopped_by,
               stop_reason, measured_at
           from campaigns
           where tenant_id = $1 and ($2::uuid is null or id = $2) and ($3::uuid is null or run_id = $3)
           order by key"#,
        tenant as TenantId,
        id as Option<CampaignId>,
        plan as Option<RunId>,
    )
    .fetch_all(db)
    .await
    .doing("reading campaigns")
}

/// The campaigns of a plan, by their keys.
///
/// # Errors
/// As any statement.
pub async fn of_plan(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
) -> Result<Vec<Campaign>, StoreError> {
    read(db, tenant, None, Some(run_id)).await
}

/// What became of a campaign's members.
///
/// # Errors
/// As any statement.
pub async fn outcomes(
    db: &mut Connection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<Vec<OutcomeCount>, StoreError> {
    sqlx::query_as!(
        OutcomeCount,
        r#"select arm, outcome, count(*) as "members!", coalesce(sum(amount_minor), 0)::bigint as "amount_minor!"
           from campaign_members where tenant_id = $1 and campaign_id = $2
           group by arm, outcome order by arm desc, outcome nulls last"#,
        tenant as TenantId,
        id as CampaignId,
    )
    .fetch_all(db)
    .await
    .doing("counting a campaign's members")
}

/// A campaign's mails by their state: `pending`, `sending`, `sent`, `dropped`, `refused` or `unknown`.
///
/// # Errors
/// As any statement.
pub async fn mails(
    db: &mut Connection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"select state, count(*) as "mails!" from digests where tenant_id = $1 and campaign_id = $2
           group by state order by state"#,
        tenant as TenantId,
        id as CampaignId,
    )
    .fetch_all(db)
    .await
    .doing("counting a campaign's mails")?;
    Ok(rows.into_iter().map(|row| (row.state, row.mails)).collect())
}

/// Which campaigns. Each that is set narrows.
#[derive(Clone, Copy, Debug, Default)]
pub struct CampaignFilter<'a> {
    /// Of this shop, by its handle.
    pub tenant: Option<&'a str>,
    /// In this state.
    pub state: Option<&'a str>,
    /// Approved before this one, with its id: the last of the page before.
    pub before: Option<(DateTime<Utc>, CampaignId)>,
}

/// A campaign in a list.
#[derive(Clone, Debug)]
pub struct CampaignLine {
    /// The shop.
    pub tenant: String,
    /// Its id.
    pub id: CampaignId,
    /// The run of the plan that proposed it.
    pub run_id: RunId,
    /// Its name.
    pub name: String,
    /// `bonus_credit`, `extension` or `mail`.
    pub kind: String,
    /// For whom.
    pub segment: String,
    /// As in [`Campaign`].
    pub state: String,
    /// ISO 4217 code.
    pub currency: String,
    /// What was given or kept alive, in minor units.
    pub spent_minor: i64,
    /// The most that may be.
    pub cost_limit_minor: i64,
    /// Who approved it.
    pub approved_by: String,
    /// When.
    pub approved_at: DateTime<Utc>,
    /// As of when it was measured.
    pub measured_at: Option<DateTime<Utc>>,
}

/// Campaigns, newest first, of one shop or of each in its turn.
///
/// # Errors
/// As any statement.
pub async fn list(
    pool: &Pool,
    filter: &CampaignFilter<'_>,
    limit: i64,
) -> Result<Vec<CampaignLine>, StoreError> {
    let mut tx = Tx::of_engine(pool).await?;
    let lines = sqlx::query_as!(
        CampaignLine,
        r#"select tenant_handle as "tenant!", id as "id!: CampaignId", run_id as "run_id!: RunId", name as "name!",
               kind as "kind!", segment as "segment!", state as "state!", currency as "currency!",
               spent_minor as "spent_minor!", cost_limit_minor as "cost_limit_minor!",
               approved_by as "approved_by!", approved_at as "approved_at!", measured_at
           from campaigns_of_shops($1, $2, $3, $4, $5)"#,
        filter.tenant,
        filter.state,
        filter.before.map(|(at, _)| at),
        filter.before.map(|(_, id)| id.0),
        limit,
    )
    .fetch_all(&mut *tx)
    .await
    .doing("listing campaigns")?;
    tx.rollback().await?;
    Ok(lines)
}
