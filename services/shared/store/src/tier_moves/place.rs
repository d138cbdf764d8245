//! A person's word about a member's tier.

use uuid::Uuid;

use super::{lock, standings};
use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Connection, TenantId, schedules};

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// From now on it is so.
    Done,
    /// It was so already.
    Same,
    /// The member's next membership is about to begin: it has to be waited for.
    NotBegun,
}

/// Places a member in a tier by hand from now on, or in none. A pinned placement is changed by no rule.
///
/// # Errors
/// As any statement.
pub async fn place(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
    tier: Option<i32>,
    pinned: bool,
) -> Result<Placed, StoreError> {
    lock(db, tenant, &[member]).await?;
    let now = schedules::now(db).await?;
    let standing = standings(db, tenant, &[member], now).await?.pop();
    let standing =
        standing.ok_or_else(|| StoreError::of_kind(ErrorKind::Corrupt, "reading where a member stands"))?;
    if standing.latest.is_some_and(|(from, _)| from > now) {
        return Ok(Placed::NotBegun);
    }
    let same = match (standing.held, tier) {
        (None, None) => true,
        (Some(held), Some(tier)) => {
            held.place.tier_id == tier
                && held.active
                && held.pinned == pinned
                && held.place.source == tradeup_domain::tier_rules::Source::Manual
        }
        _ => false,
    };
    if same {
        return Ok(Placed::Same);
    }
    let at = standing.changes_at(now);
    sqlx::query!(
        "update memberships set valid_to = $3 where tenant_id = $1 and member_id = $2 and valid_to is null",
        tenant as TenantId,
        member,
        at,
    )
    .execute(&mut *db)
    .await
    .doing("ending a membership by hand")?;
    if let Some(tier) = tier {
        sqlx::query!(
            "insert into memberships (tenant_id, member_id, tier_id, status, source, valid_from, pinned, recorded_at)
             values ($1, $2, $3, 'active', 'manual', $4, $5, clock_timestamp())",
            tenant as TenantId,
            member,
            tier,
            at,
            pinned,
        )
        .execute(db)
        .await
        .doing("beginning a membership by hand")?;
    }
    Ok(Placed::Done)
}
