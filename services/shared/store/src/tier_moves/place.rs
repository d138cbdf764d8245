//! A person's word about a member's tier.

use chrono::{DateTime, Utc};
use tradeup_domain::tier_rules::{Place, Source};
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
                && held.place.source == Source::Manual
        }
        _ => false,
    };
    if same {
        return Ok(Placed::Same);
    }
    let next = tier.map(|tier_id| Next { pinned, ..Next::of(tier_id, Source::Manual) });
    replace(db, tenant, member, next, standing.changes_at(now)).await?;
    Ok(Placed::Done)
}

/// A membership that begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    pub(super) tier_id: i32,
    pub(super) source: Source,
    pub(super) pinned: bool,
    /// What is left when it no longer holds: of what spend or a purchase decides.
    pub(super) under: Option<Place>,
    /// When it ends by itself: of what was bought.
    pub(super) until: Option<DateTime<Utc>>,
}

impl Next {
    pub(super) fn of(tier_id: i32, source: Source) -> Self {
        Self { tier_id, source, pinned: false, under: None, until: None }
    }
}

/// Ends the open membership of a member who is locked, if there is one, and begins the next.
pub(super) async fn replace(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
    next: Option<Next>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update memberships set valid_to = $3 where tenant_id = $1 and member_id = $2 and valid_to is null",
        tenant as TenantId,
        member,
        at,
    )
    .execute(&mut *db)
    .await
    .doing("ending a membership")?;
    if let Some(next) = next {
        sqlx::query!(
            "insert into memberships (tenant_id, member_id, tier_id, status, source, valid_from, pinned, recorded_at,
                 under_tier_id, under_source, until_at)
             values ($1, $2, $3, 'active', $4, $5, $6, clock_timestamp(), $7, $8, $9)",
            tenant as TenantId,
            member,
            next.tier_id,
            next.source.as_str(),
            at,
            next.pinned,
            next.under.map(|under| under.tier_id),
            next.under.map(|under| under.source.as_str()),
            next.until,
        )
        .execute(db)
        .await
        .doing("beginning a membership")?;
    }
    Ok(())
}

/// Places a new member, who never had a membership, in a tier from `from` on.
///
/// # Errors
/// As any statement.
pub async fn begin_first(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
    tier_id: i32,
    source: Source,
    from: DateTime<Utc>,
) -> Result<(), StoreError> {
    replace(db, tenant, member, Some(Next::of(tier_id, source)), from).await
}
