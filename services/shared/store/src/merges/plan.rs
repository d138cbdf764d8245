//! What a merge would do, and which tier comes of it.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Checked, MergeRefused, check, held_until};
use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// What would move, of one currency. Amounts are minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving {
    /// ISO 4217 code.
    pub currency: String,
    /// Lots.
    pub lots: i32,
    /// What is left of them.
    pub amount_minor: i64,
    /// Of that, what can't be spent yet.
    pub pending_minor: i64,
    /// What the old member owes.
    pub debt_minor: i64,
}

/// A tier that a member is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    id: i32,
    /// Its handle.
    pub handle: String,
    rank: i32,
    /// `active`, `paused` or `cancelled`.
    pub status: String,
    source: String,
    until: Option<DateTime<Utc>>,
}

impl Tier {
    /// What is worth more comes first: an active membership before a paused one before a cancelled one, then
    /// the higher tier.
    fn worth(&self) -> (Reverse<u8>, Reverse<i32>) {
        let status = match self.status.as_str() {
            "active" => 0,
            "paused" => 1,
            _ => 2,
        };
        (Reverse(status), Reverse(self.rank))
    }
}

/// What a merge would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Why it can't be, if it can't.
    pub refused: Option<MergeRefused>,
    /// They are one already, by this very command.
    pub is_done: bool,
    /// Who would be kept: the one that was named, or of whom that one is a part.
    pub kept: Uuid,
    /// Until when a checkout may hold some of the old member's credit.
    pub held_until: Option<DateTime<Utc>>,
    /// What would move.
    pub moving: Vec<Moving>,
    /// The tiers of the old member and of the kept one.
    pub tiers: (Option<Tier>, Option<Tier>),
}

impl Plan {
    /// The tier that the kept member is in afterwards.
    #[must_use]
    pub fn tier(&self) -> Option<&Tier> {
        better(&self.tiers).or(self.tiers.1.as_ref())
    }
}

/// The old member's tier, if it is worth more than the kept one's.
fn better((old, kept): &(Option<Tier>, Option<Tier>)) -> Option<&Tier> {
    old.as_ref().filter(|old| kept.as_ref().is_none_or(|kept| old.worth() > kept.worth()))
}

/// What [`super::merge`] would do now.
///
/// # Errors
/// As any statement.
pub async fn plan(db: &mut Connection, tenant: TenantId, old: Uuid, kept: Uuid) -> Result<Plan, StoreError> {
    let (refused, is_done, kept) = match check(db, tenant, old, kept).await? {
        Checked::Go { kept } => (None, false, kept),
        Checked::Done { member_id } => (None, true, member_id),
        Checked::Refused(why) => (Some(why), false, kept),
    };
    let moving = sqlx::query_file_as!(Moving, "src/merges/moving.sql", tenant as TenantId, old)
        .fetch_all(&mut *db)
        .await
        .doing("adding up what would move")?;
    let held_until = held_until(db, tenant, old).await?;
    let tiers = tiers(db, tenant, old, kept).await?;
    let moving = moving.into_iter().filter(|moving| moving.lots > 0 || moving.debt_minor > 0).collect();
    Ok(Plan { refused, is_done, kept, held_until, moving, tiers })
}

async fn tiers(
    db: &mut Connection,
    tenant: TenantId,
    old: Uuid,
    kept: Uuid,
) -> Result<(Option<Tier>, Option<Tier>), StoreError> {
    let rows = sqlx::query_file!("src/merges/memberships.sql", tenant as TenantId, &[old, kept])
        .fetch_all(db)
        .await
        .doing("reading the tiers of members")?;
    let mut tiers = (None, None);
    for row in rows {
        let tier = Tier {
            id: row.tier_id,
            handle: row.tier,
            rank: row.rank,
            status: row.status,
            source: row.source,
            until: row.until_at,
        };
        if row.member_id == old {
            tiers.0 = Some(tier);
        } else {
            tiers.1 = Some(tier);
        }
    }
    Ok(tiers)
}

/// The kept member keeps the better of both tiers; the old one is in none any more. What was before stays as
/// history: a late run reads it.
pub(super) async fn carry_tier(
    db: &mut Connection,
    tenant: TenantId,
    old: Uuid,
    kept: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tiers = tiers(db, tenant, old, kept).await?;
    if tiers.0.is_some() {
        end_membership(db, tenant, old, now).await?;
    }
    let Some(better) = better(&tiers) else { return Ok(()) };
    if tiers.1.is_some() {
        end_membership(db, tenant, kept, now).await?;
    }
    sqlx::query!(
        "insert into memberships (tenant_id, member_id, tier_id, status, source, valid_from, until_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        tenant as TenantId,
        kept,
        better.id,
        better.status,
        better.source,
        now,
        better.until,
    )
    .execute(db)
    .await
    .doing("beginning a membership")
    .map(drop)
}

async fn end_membership(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update memberships set valid_to = $3 where tenant_id = $1 and member_id = $2 and valid_to is null",
        tenant as TenantId,
        member_id,
        now,
    )
    .execute(db)
    .await
    .doing("ending a membership")
    .map(drop)
}
