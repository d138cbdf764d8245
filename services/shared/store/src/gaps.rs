//! Gaps: how far a shop was asked for what has changed, and what of it was never told.

use chrono::{DateTime, Utc};

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// What a shop is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Orders, with what was refunded of them.
    Orders,
    /// Customers.
    Customers,
}

impl Asked {
    /// All.
    pub const ALL: [Self; 2] = [Self::Orders, Self::Customers];

    /// The name that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Customers => "customers",
        }
    }
}

/// How far a shop was asked.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    /// All that changed before then was looked at; `None` before the first time.
    pub changed_until: Option<DateTime<Utc>>,
    /// A bulk operation that is under way at the shop.
    pub bulk_gid: Option<String>,
    /// Since when what changed it is about; `None` for all there is.
    pub bulk_since: Option<DateTime<Utc>>,
    /// When it was begun.
    pub bulk_begun_at: Option<DateTime<Utc>>,
    /// What the last search has looked at.
    pub looked_at: i32,
    /// What it has found.
    pub found: i32,
    /// What it could not read.
    pub left_out: i32,
}

/// What a search has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Looked at.
    pub looked_at: i32,
    /// Never told, and taken now.
    pub found: i32,
    /// What can't be read, or is too long.
    pub left_out: i32,
}

/// How far a shop was asked.
///
/// # Errors
/// As any statement.
pub async fn cursor(db: &mut Connection, tenant: TenantId, what: Asked) -> Result<Cursor, StoreError> {
    let found = sqlx::query_as!(
        Cursor,
        "select changed_until, bulk_gid, bulk_since, bulk_begun_at, looked_at, found, left_out from shop_cursors
         where tenant_id = $1 and what = $2",
        tenant as TenantId,
        what.as_str(),
    )
    .fetch_optional(db)
    .await
    .doing("reading how far a shop was asked")?;
    Ok(found.unwrap_or_default())
}

/// Notes that a bulk operation was begun.
///
/// # Errors
/// As any statement.
pub async fn begin_bulk(
    db: &mut Connection,
    tenant: TenantId,
    what: Asked,
    gid: &str,
    since: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into shop_cursors (tenant_id, what, bulk_gid, bulk_since, bulk_begun_at)
         values ($1, $2, $3, $4, clock_timestamp())
         on conflict (tenant_id, what) do update set bulk_gid = $3, bulk_since = $4, bulk_begun_at = clock_timestamp()",
        tenant as TenantId,
        what.as_str(),
        gid,
        since,
    )
    .execute(db)
    .await
    .doing("noting a bulk operation")
    .map(drop)
}

/// Forgets a bulk operation that has come to nothing.
///
/// # Errors
/// As any statement.
pub async fn end_bulk(db: &mut Connection, tenant: TenantId, what: Asked) -> Result<(), StoreError> {
    sqlx::query!(
        "update shop_cursors set bulk_gid = null, bulk_since = null, bulk_begun_at = null
         where tenant_id = $1 and what = $2",
        tenant as TenantId,
        what.as_str(),
    )
    .execute(db)
    .await
    .doing("forgetting a bulk operation")
    .map(drop)
}

/// Notes how far the shop was asked, and what was found so far; `ended` when all of it was looked at.
///
/// # Errors
/// As any statement.
pub async fn advance(
    db: &mut Connection,
    tenant: TenantId,
    what: Asked,
    changed_until: DateTime<Utc>,
    found: Found,
    ended: bool,
) -> Result<(), StoreError> {
    sqlx::query_file!(
        "src/gaps/advance.sql",
        tenant as TenantId,
        what.as_str(),
        changed_until,
        found.looked_at,
        found.found,
        found.left_out,
        ended,
    )
    .execute(db)
    .await
    .doing("noting how far a shop was asked")
    .map(drop)
}

/// Which of these, with the instants of their versions, were never told in that version or a later one.
///
/// # Errors
/// As any statement.
pub async fn never_told(
    db: &mut Connection,
    tenant: TenantId,
    what: Asked,
    ids: &[String],
    versions: &[DateTime<Utc>],
) -> Result<Vec<String>, StoreError> {
    match what {
        Asked::Orders => {
            sqlx::query_file_scalar!("src/gaps/orders_never_told.sql", tenant as TenantId, ids, versions)
                .fetch_all(db)
                .await
        }
        Asked::Customers => {
            sqlx::query_file_scalar!("src/gaps/customers_never_told.sql", tenant as TenantId, ids, versions)
                .fetch_all(db)
                .await
        }
    }
    .doing("looking for what was never told")
}

/// How far a shop was asked, as it is shown.
#[derive(Clone, Debug)]
pub struct CursorView {
    /// `orders` or `customers`.
    pub what: String,
    /// All that changed before then was looked at.
    pub changed_until: Option<DateTime<Utc>>,
    /// A bulk operation is under way since then.
    pub bulk_begun_at: Option<DateTime<Utc>>,
    /// What the last search has looked at.
    pub looked_at: i32,
    /// What it has found.
    pub found: i32,
    /// What it could not read.
    pub left_out: i32,
    /// When it ended.
    pub searched_at: Option<DateTime<Utc>>,
}

/// How far a shop was asked, for all that it is asked for.
///
/// # Errors
/// As any statement.
pub async fn cursors(db: &mut Connection, tenant: TenantId) -> Result<Vec<CursorView>, StoreError> {
    sqlx::query_as!(
        CursorView,
        "select what, changed_until, bulk_begun_at, looked_at, found, left_out, searched_at from shop_cursors
         where tenant_id = $1 order by what desc",
        tenant as TenantId,
    )
    .fetch_all(db)
    .await
    .doing("listing how far a shop was asked")
}

/// What a connected shop should have been asked for, or what can't be taken of it.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// `orders` or `customers`.
    pub what: String,
    /// What changed since then was not looked at; an instant two days ago or earlier. `None` if the shop is asked as it
    /// should be.
    pub behind_since: Option<DateTime<Utc>>,
    /// What could not be read at the last search.
    pub left_out: i32,
}

/// Where the searches of the tenant's shop fall behind, or leave something out.
///
/// # Errors
/// As any statement.
pub async fn troubles(db: &mut Connection, tenant: TenantId) -> Result<Vec<Trouble>, StoreError> {
    sqlx::query_file_as!(Trouble, "src/gaps/troubles.sql", tenant as TenantId)
        .fetch_all(db)
        .await
        .doing("looking how far a shop was asked")
}
