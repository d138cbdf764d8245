//! Tiers that are bought: held while a membership runs, and left by themselves when it has ended.

use chrono::{DateTime, Utc};
use tradeup_domain::tier_rules::{Place, Source, under_bought};
use uuid::Uuid;

use super::place::{Next, replace};
use super::{Running, Standing, lock, standings};
use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Connection, TenantId, schedules};

/// What became of a member's tier by what was bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bought {
    /// Nothing: what is held is as high, or no purchase may change it.
    Same,
    /// It is this tier from now on.
    Began(i32),
    /// It ends at another instant.
    Extended(i32),
    /// It has ended, or was given back. This tier is left, if any.
    Ended(Option<i32>),
}

/// Places a member as what was bought says: in the highest tier of what runs, if what is held is lower. Who has left is
/// back by buying; what a person has pinned or paused stays.
///
/// # Errors
/// As any statement.
pub async fn settle_bought(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
) -> Result<Bought, StoreError> {
    lock(db, tenant, &[member]).await?;
    let now = schedules::now(db).await?;
    let standing = standings(db, tenant, &[member], now).await?.pop();
    let mut standing =
        standing.ok_or_else(|| StoreError::of_kind(ErrorKind::Corrupt, "reading where a member stands"))?;
    standing.left_alone &= !standing.cancelled;
    place_bought(db, tenant, &standing, now).await
}

/// As [`settle_bought`], of a member who is locked and may have left.
pub(super) async fn place_bought(
    db: &mut Connection,
    tenant: TenantId,
    standing: &Standing,
    now: DateTime<Utc>,
) -> Result<Bought, StoreError> {
    if standing.left_alone {
        return Ok(Bought::Same);
    }
    let held = standing.held;
    let may = held.is_none_or(|held| held.active && !held.pinned);
    if let Some(Running { place, until }) = standing.bought {
        if may && held.is_none_or(|held| place.rank < held.place.rank) {
            let next = Next {
                under: under_bought(held.as_ref()),
                until: Some(until),
                ..Next::of(place.tier_id, Source::Purchase)
            };
            // The first ever begins when it was bought: nothing was decided by its not being there.
            let at = match standing.latest {
                None => began(db, tenant, standing.member_id, place.tier_id, now).await?,
                Some(_) => standing.changes_at(now),
            };
            replace(db, tenant, standing.member_id, Some(next), at).await?;
            return Ok(Bought::Began(place.tier_id));
        }
        if held.is_some_and(|held| held.place == place) {
            if standing.open_until == Some(until) {
                return Ok(Bought::Same);
            }
            extend(db, tenant, standing.member_id, until).await?;
            return Ok(Bought::Extended(place.tier_id));
        }
    }
    // What is written down was bought, and holds no more.
    let ended =
        standing.open_until.is_some() && held.is_none_or(|held| held.place.source != Source::Purchase);
    if !ended {
        return Ok(Bought::Same);
    }
    let next = match held.map(|held| held.place) {
        Some(place) => Some(Next {
            under: under_spend(db, tenant, standing.member_id, place).await?,
            ..Next::of(place.tier_id, place.source)
        }),
        None => None,
    };
    replace(db, tenant, standing.member_id, next, standing.changes_at(now)).await?;
    Ok(Bought::Ended(next.map(|next| next.tier_id)))
}

/// Places each of the members, who are locked. Returns how many have changed.
pub(super) async fn place_all_bought(
    db: &mut Connection,
    tenant: TenantId,
    standings: &[Standing],
    now: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let mut changed = 0;
    for standing in standings.iter().filter(|s| s.bought.is_some() || s.open_until.is_some()) {
        changed += usize::from(place_bought(db, tenant, standing, now).await? != Bought::Same);
    }
    Ok(changed)
}

/// When what runs of a tier was bought.
async fn began(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
    tier_id: i32,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    sqlx::query_scalar!(
        r#"select coalesce(min(from_at), $4) as "from_at!" from membership_purchases
           where tenant_id = $1 and member_id = $2 and tier_id = $3 and from_at <= $4 and until_at > $4"#,
        tenant as TenantId,
        member,
        tier_id,
        now,
    )
    .fetch_one(db)
    .await
    .doing("reading when a membership was bought")
}

async fn extend(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
    until: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update memberships set until_at = $3 where tenant_id = $1 and member_id = $2 and valid_to is null",
        tenant as TenantId,
        member,
        until,
    )
    .execute(db)
    .await
    .doing("extending a membership")
    .map(drop)
}

/// What was under a tier that spend had reached before another was bought.
async fn under_spend(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
    place: Place,
) -> Result<Option<Place>, StoreError> {
    if place.source != Source::Spend {
        return Ok(None);
    }
    let row = sqlx::query!(
        r#"select ms.under_tier_id, ms.under_source, t.rank as "rank?" from memberships ms
           left join tiers t on t.tenant_id = ms.tenant_id and t.id = ms.under_tier_id
           where ms.tenant_id = $1 and ms.member_id = $2 and ms.tier_id = $3 and ms.source = 'spend'
           order by ms.valid_from desc limit 1"#,
        tenant as TenantId,
        member,
        place.tier_id,
    )
    .fetch_optional(db)
    .await
    .doing("reading what is under a membership by spend")?;
    let Some(row) = row else { return Ok(None) };
    let (Some(tier_id), Some(source), Some(rank)) = (row.under_tier_id, row.under_source, row.rank) else {
        return Ok(None);
    };
    let corrupt =
        |_unknown| StoreError::of_kind(ErrorKind::Corrupt, "reading what is under a membership by spend");
    Ok(Some(Place { tier_id, rank, source: source.parse().map_err(corrupt)? }))
}
