//! A shop as of an instant, as agents look at it: each member's recency, orders, spend, credit, tier, risk and segment,
//! and sums over them, made once in one transaction and read from then on ([`crate::insights`]).
//!
//! Everything is as of the instant: orders paid, refunds moved, entries in effect and tiers held by then. What was booked
//! later and took effect before counts. A member who has become a part of another counts as that one; who is forgotten or
//! gone counts nowhere. Orders that are cancelled, disputed or of a test do not count. Spend is what of an order earns
//! (`orders.base_minor`: goods without tax, shipping and what credit paid), less what of it was refunded, in the shop's
//! currency.
//!
//! # Risk
//! From 0 to 100, the sum of three parts, each rounded down:
//! - *silence*, up to 60: the days since the last order beyond the member's usual gap, in parts of two gaps. Nothing within
//!   one gap, all of it from three gaps on. The usual gap is the mean of the member's own gaps and one of the shop's middle
//!   gap (60 days where nobody has ordered twice), and a week at least: with few orders a member's own says little. This is
//!   churn by interpurchase time: how long somebody is silent means something only beside how often they used to buy
//!   (Schmittlein, Morrison and Colombo, "Counting Your Customers", Management Science 33, 1987; the weight of one shop's
//!   gap is our own).
//! - *decline*, up to 25: how far spend of the last 90 days is below that of the 90 days before, in parts of the latter; all
//!   of it for who has ordered, but not in the last 90 days.
//! - *unused credit*, 15: something can be spent, and nothing was in the last 90 days.
//!
//! Who has never ordered is silent since joining, and has no decline.
//!
//! # Segments
//! Recency, frequency (orders of 365 days) and money (spend of 365 days) are fifths of those who have ordered, 5 the best,
//! equal values in one fifth, the lower (Hughes, "Strategic Database Marketing", 1994). Then the first that fits:
//! 1. Never ordered: `new` within 90 days of joining, `hibernating` within 365, else `lost`.
//! 2. `lost`: silent for more than 365 days.
//! 3. `at_risk`: two orders at least, risk 60 or more, and silent for no more than 180 days or three usual gaps.
//! 4. `hibernating`: silent for more than 180 days, and more than the usual gap.
//! 5. `new`: first order within 60 days.
//! 6. `needs_attention`: risk 35 or more after two orders, or one order and silent for more than two gaps.
//! 7. `champions`: 4 or 5 in all three fifths. `loyal`: frequency 4 or 5, or frequency and money 3 or more. `promising`: the
//!    others.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Connection, Pool, TenantId, Tx};

/// Rows of members that one call of [`forget_old`] deletes at most.
const ROWS_MAX: i64 = 50_000;
/// How long single members are kept in a snapshot that no plan was made of, in days.
const MEMBER_DAYS: i32 = 2;
/// How long they are kept for a plan, which may be approved for 30 days and then names its audience by the snapshot.
const PLANNED_DAYS: i32 = 35;
/// How long sums are kept, in days.
const CELL_DAYS: i32 = 400;
/// Tries to make one while others make the same.
const TRIES: usize = 3;

/// A snapshot's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct SnapshotId(pub Uuid);

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a snapshot is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// The instant.
    pub as_of: DateTime<Utc>,
    /// The shop's currency then.
    pub currency: String,
    /// Members.
    pub members: i64,
    /// The usual days between two orders of one member.
    pub gap_days: i32,
    /// Whether single members are still in it.
    pub has_members: bool,
}

/// The snapshot of a shop as of an instant, made now if there is none: once, however many ask for it. Making it takes two
/// minutes for a million members with five million orders and lots, and a second or so for ten thousand.
///
/// # Errors
/// As any statement; [`ErrorKind::Conflict`] when others make the same one for too long.
pub async fn ensure(pool: &Pool, tenant: TenantId, as_of: DateTime<Utc>) -> Result<SnapshotId, StoreError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match make(pool, tenant, as_of).await {
            // Somebody else made it meanwhile: it is there now.
            Err(error) if error.kind() == ErrorKind::Conflict && tries < TRIES => {}
            done => return done,
        }
    }
}

/// A snapshot by its id.
///
/// # Errors
/// As any statement.
pub async fn get(
    db: &mut Connection,
    tenant: TenantId,
    id: SnapshotId,
) -> Result<Option<Snapshot>, StoreError> {
    sqlx::query_as!(
        Snapshot,
        r#"select id as "id: SnapshotId", as_of, currency, members, gap_days, state = 'made' as "has_members!"
           from snapshots where tenant_id = $1 and id = $2 and state <> 'empty'"#,
        tenant as TenantId,
        id as SnapshotId,
    )
    .fetch_optional(db)
    .await
    .doing("reading a snapshot")
}

/// The snapshot as of an instant, if there is one with its members.
async fn made(
    db: &mut Connection,
    tenant: TenantId,
    as_of: DateTime<Utc>,
) -> Result<Option<SnapshotId>, StoreError> {
    sqlx::query_scalar!(
        r#"select id as "id: SnapshotId" from snapshots
           where tenant_id = $1 and as_of = $2 and state = 'made'"#,
        tenant as TenantId,
        as_of,
    )
    .fetch_optional(db)
    .await
    .doing("looking for a snapshot")
}

/// Deletes some of a tenant's snapshots that are old: single members after two days, after 35 where a plan was made of it,
/// and sums after 400. Returns how many rows; call it again while there are any.
///
/// # Errors
/// As any statement.
pub async fn forget_old(pool: &Pool, tenant: TenantId) -> Result<u64, StoreError> {
    let mut tx = Tx::of_tenant(pool, tenant).await?;
    // First nobody takes them for whole any more.
    sqlx::query_file!("src/snapshots/close.sql", tenant as TenantId, MEMBER_DAYS, PLANNED_DAYS)
        .execute(&mut *tx)
        .await
        .doing("closing old snapshots")?;
    let gone = sqlx::query_file_scalar!("src/snapshots/forget_members.sql", tenant as TenantId, ROWS_MAX)
        .fetch_one(&mut *tx)
        .await
        .doing("deleting members of old snapshots")?;
    let alike = sqlx::query_file_scalar!("src/snapshots/forget_groups.sql", tenant as TenantId, ROWS_MAX)
        .fetch_one(&mut *tx)
        .await
        .doing("deleting groups of old snapshots")?;
    let old = sqlx::query_file_scalar!("src/snapshots/forget_cells.sql", tenant as TenantId, CELL_DAYS)
        .fetch_one(&mut *tx)
        .await
        .doing("deleting old snapshots")?;
    tx.commit().await?;
    Ok(u64::try_from(gone + alike + old).unwrap_or(0))
}

async fn make(pool: &Pool, tenant: TenantId, as_of: DateTime<Utc>) -> Result<SnapshotId, StoreError> {
    let mut tx = Tx::of_tenant(pool, tenant).await?;
    if let Some(id) = made(&mut tx, tenant, as_of).await? {
        return Ok(id);
    }
    tx.rollback().await?;
    // All of its statements see the same: sums add up to one another.
    let mut tx = Tx::frozen_of_tenant(pool, tenant).await?;
    let id = begin(&mut tx, tenant, as_of).await?;
    fill(&mut tx, tenant, id).await?;
    tx.commit().await?;
    Ok(id)
}

/// Takes the row of it, and takes out what may be in it already. Who takes it second gets [`ErrorKind::Conflict`] when the
/// first commits.
async fn begin(
    db: &mut Connection,
    tenant: TenantId,
    as_of: DateTime<Utc>,
) -> Result<SnapshotId, StoreError> {
    // Hashes of millions of rows, a few at once; tables that are read from end to end, as nothing else does; and no loops
    // within loops, nor groups by sorting, which a plan would have that knows nothing yet of the rows that were just made.
    sqlx::query!(
        "select set_config('work_mem', '64MB', true) as memory, set_config('jit', 'off', true) as jit,
             set_config('hash_mem_multiplier', '4', true) as hashes, set_config('enable_seqscan', 'on', true) as scans,
             set_config('enable_nestloop', 'off', true) as loops, set_config('enable_sort', 'off', true) as sorts"
    )
    .fetch_one(&mut *db)
    .await
    .doing("preparing to make a snapshot")?;
    let id = sqlx::query_file_scalar!("src/snapshots/begin.sql", tenant as TenantId, Uuid::now_v7(), as_of)
        .fetch_one(&mut *db)
        .await
        .doing("beginning a snapshot")?;
    sqlx::query!(
        "delete from snapshot_cells where tenant_id = $1 and snapshot_id = $2",
        tenant as TenantId,
        id
    )
    .execute(&mut *db)
    .await
    .doing("emptying a snapshot")?;
    sqlx::query!(
        "delete from member_snapshots where tenant_id = $1 and snapshot_id = $2",
        tenant as TenantId,
        id
    )
    .execute(&mut *db)
    .await
    .doing("emptying a snapshot")?;
    sqlx::query!(
        "delete from snapshot_groups where tenant_id = $1 and snapshot_id = $2",
        tenant as TenantId,
        id
    )
    .execute(db)
    .await
    .doing("emptying a snapshot")?;
    Ok(SnapshotId(id))
}

async fn fill(db: &mut Connection, tenant: TenantId, id: SnapshotId) -> Result<(), StoreError> {
    let of = sqlx::query!(
        "select as_of, currency, zone from snapshots where tenant_id = $1 and id = $2",
        tenant as TenantId,
        id as SnapshotId,
    )
    .fetch_one(&mut *db)
    .await
    .doing("reading a snapshot")?;
    let (as_of, currency, zone) = (of.as_of, of.currency, of.zone);
    sqlx::query_file!("src/snapshots/members.sql", tenant as TenantId, id.0, as_of, currency, zone)
        .execute(&mut *db)
        .await
        .doing("making a snapshot of members")?;
    sqlx::query_file!("src/snapshots/groups.sql", tenant as TenantId, id.0)
        .execute(&mut *db)
        .await
        .doing("adding up members")?;
    sqlx::query_file!("src/snapshots/alike.sql", tenant as TenantId, id.0)
        .execute(&mut *db)
        .await
        .doing("adding up members who are alike")?;
    sqlx::query_file!("src/snapshots/orders.sql", tenant as TenantId, id.0, as_of, currency, zone)
        .execute(&mut *db)
        .await
        .doing("adding up orders")?;
    sqlx::query_file!("src/snapshots/credit.sql", tenant as TenantId, id.0, as_of, currency, zone)
        .execute(&mut *db)
        .await
        .doing("adding up credit")?;
    sqlx::query!(
        "update snapshots set state = 'made', made_at = clock_timestamp() where tenant_id = $1 and id = $2",
        tenant as TenantId,
        id as SnapshotId,
    )
    .execute(db)
    .await
    .doing("ending a snapshot")
    .map(drop)
}
