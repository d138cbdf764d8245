//! What a campaign has brought, against those who were held out.

use chrono::{DateTime, Utc};
use tradeup_domain::outcomes::ArmResult;

use super::CampaignId;
use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId, Tx};

/// Campaigns that have ended, and whose time has come to be measured by then.
///
/// # Errors
/// As any statement.
pub async fn due(
    db: &mut Connection,
    tenant: TenantId,
    as_of: DateTime<Utc>,
) -> Result<Vec<CampaignId>, StoreError> {
    sqlx::query_scalar!(
        r#"select id as "id: CampaignId" from campaigns
           where tenant_id = $1 and ended_at is not null and started_at is not null and measured_at is null
               and started_at + make_interval(days => horizon_days) <= $2
           order by started_at, id"#,
        tenant as TenantId,
        as_of,
    )
    .fetch_all(db)
    .await
    .doing("looking for campaigns to be measured")
}

/// Measures a campaign as of its horizon, once. Everybody who was drawn counts, also whom it could not reach: leaving those
/// out of one arm only would compare unlike members.
///
/// # Errors
/// As any statement.
pub async fn measure(tx: &mut Tx, tenant: TenantId, id: CampaignId) -> Result<bool, StoreError> {
    let measured = sqlx::query!(
        "update campaigns set measured_at = started_at + make_interval(days => horizon_days)
         where tenant_id = $1 and id = $2 and measured_at is null and ended_at is not null and started_at is not null",
        tenant as TenantId,
        id as CampaignId,
    )
    .execute(&mut **tx)
    .await
    .doing("measuring a campaign")?;
    if measured.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query_file!("src/campaigns/measure.sql", tenant as TenantId, id as CampaignId)
        .execute(&mut **tx)
        .await
        .doing("measuring a campaign")?;
    Ok(true)
}

/// What each arm of a measured campaign did, the treated first.
///
/// # Errors
/// As any statement.
pub async fn results(
    db: &mut Connection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<Vec<ArmResult>, StoreError> {
    sqlx::query_as!(
        ArmResult,
        "select arm, members, ordering_members, orders, revenue_minor, redeemed_minor
         from campaign_results where tenant_id = $1 and campaign_id = $2 order by arm desc",
        tenant as TenantId,
        id as CampaignId,
    )
    .fetch_all(db)
    .await
    .doing("reading a campaign's results")
}
