//! Whom a campaign is for: drawn once, each into an arm.

use chrono::{DateTime, Utc};

use super::CampaignId;
use crate::error::{Doing, StoreError};
use crate::{TenantId, Tx};

/// What came of drawing a campaign's members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// There is no such campaign.
    NotFound,
    /// It was stopped before it began, or while it ran.
    Stopped,
    /// The snapshot that its members are drawn from is not kept any more.
    SnapshotGone,
    /// The shop's money is of this currency now, the campaign's of another.
    OtherCurrency(String),
    /// They are drawn, now or before.
    Begun {
        /// Whom something is done for.
        treated: i64,
        /// Who is measured against.
        held_out: i64,
        /// When they were drawn.
        started_at: DateTime<Utc>,
        /// `bonus_credit`, `extension` or `mail`.
        kind: String,
        /// In how many days what is given ends.
        credit_ends_within_days: i32,
    },
}

/// Draws the members of an approved campaign, once: those of the plan's snapshot who are still there.
///
/// # Errors
/// As any statement.
pub async fn start(tx: &mut Tx, tenant: TenantId, id: CampaignId) -> Result<Started, StoreError> {
    let found = sqlx::query!(
        r#"select c.state, c.started_at, c.kind, c.credit_ends_within_days, c.currency, t.currency as shops,
               exists (select from snapshots s where s.tenant_id = $1 and s.id = c.snapshot_id and s.state = 'made')
                   as "has_members!"
           from campaigns c join tenants t on t.id = c.tenant_id
           where c.tenant_id = $1 and c.id = $2
           for update of c"#,
        tenant as TenantId,
        id as CampaignId,
    )
    .fetch_optional(&mut **tx)
    .await
    .doing("looking at a campaign")?;
    let Some(found) = found else { return Ok(Started::NotFound) };
    if found.state == "stopped" {
        return Ok(Started::Stopped);
    }
    if found.currency != found.shops {
        return Ok(Started::OtherCurrency(found.shops));
    }
    if found.started_at.is_none() {
        if !found.has_members {
            return Ok(Started::SnapshotGone);
        }
        sqlx::query_file!("src/campaigns/draw.sql", tenant as TenantId, id as CampaignId)
            .execute(&mut **tx)
            .await
            .doing("drawing a campaign's members")?;
    }
    let drawn = sqlx::query!(
        r#"update campaigns c set state = case when state = 'approved' then 'running' else state end,
               started_at = coalesce(started_at, clock_timestamp())
           where tenant_id = $1 and id = $2
           returning started_at as "started_at!",
               (select count(*) from campaign_members m where m.tenant_id = $1 and m.campaign_id = $2
                   and m.arm = 'treated') as "treated!",
               (select count(*) from campaign_members m where m.tenant_id = $1 and m.campaign_id = $2
                   and m.arm = 'held_out') as "held_out!""#,
        tenant as TenantId,
        id as CampaignId,
    )
    .fetch_one(&mut **tx)
    .await
    .doing("beginning a campaign")?;
    if drawn.treated == 0 {
        super::carried::end(tx, tenant, id).await?;
    }
    Ok(Started::Begun {
        treated: drawn.treated,
        held_out: drawn.held_out,
        started_at: drawn.started_at,
        kind: found.kind,
        credit_ends_within_days: found.credit_ends_within_days,
    })
}
