//! Reports for owner and accountant. All of them are sums over entries, so that they add up to the ledger
//! to the last unit (loyalty reference §5).

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// What is owed to members at an instant: one line for each currency, class, state and month of expiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiabilityLine {
    /// ISO 4217 code.
    pub currency: String,
    /// `promotional` or `paid`.
    pub value_class: String,
    /// `live`, `pending`, `authorised` by a checkout, or `ended`: its time is over and that is not booked yet.
    pub state: String,
    /// The month in which it ends, by the shop's zone, as its first day; `None` for never or not yet
    /// known.
    pub expiry_month: Option<NaiveDate>,
    /// Lots.
    pub lots: i64,
    /// What is left of them in this state, in minor units.
    pub amount_minor: i64,
}

/// What was owed to members at `at`.
///
/// # Errors
/// As any statement.
pub async fn liability(
    db: &mut Connection,
    tenant: TenantId,
    at: DateTime<Utc>,
    zone: &str,
) -> Result<Vec<LiabilityLine>, StoreError> {
    sqlx::query_file_as!(LiabilityLine, "src/reports/liability.sql", tenant as TenantId, at, zone)
        .fetch_all(db)
        .await
        .doing("adding up what is owed to members")
}

/// What members owed at `at`: currency and minor units.
///
/// # Errors
/// As any statement.
pub async fn debts(
    db: &mut Connection,
    tenant: TenantId,
    at: DateTime<Utc>,
) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"select currency, sum(amount_minor)::bigint as "amount_minor!" from debt_entries
           where tenant_id = $1 and effective_at <= $2 group by currency having sum(amount_minor) <> 0
           order by currency"#,
        tenant as TenantId,
        at
    )
    .fetch_all(db)
    .await
    .doing("adding up what members owe")?;
    Ok(rows.into_iter().map(|row| (row.currency, row.amount_minor)).collect())
}

/// A month of one currency: opening and movements are closing. All amounts are minor units, signed as
/// they move what is owed to members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityLine {
    /// ISO 4217 code.
    pub currency: String,
    /// Its first day, by the shop's zone.
    pub month: NaiveDate,
    /// Owed when it began.
    pub opening_minor: i64,
    /// Granted, and come from other members.
    pub granted_minor: i64,
    /// Spent.
    pub spent_minor: i64,
    /// Given back.
    pub reverted_minor: i64,
    /// Expired.
    pub expired_minor: i64,
    /// Clawed back.
    pub clawed_minor: i64,
    /// Adjusted.
    pub adjusted_minor: i64,
    /// Moved to other members.
    pub transferred_minor: i64,
    /// Taken for debts.
    pub recovered_minor: i64,
    /// Owed when it ended.
    pub closing_minor: i64,
}

/// By which time a movement belongs to a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dated {
    /// When it took effect.
    Effective,
    /// When it was booked: a month that has ended does not change any more.
    Recorded,
}

/// Each month's movements, from the first one on.
///
/// # Errors
/// As any statement.
pub async fn activity(
    db: &mut Connection,
    tenant: TenantId,
    zone: &str,
    dated: Dated,
) -> Result<Vec<ActivityLine>, StoreError> {
    let recorded = dated == Dated::Recorded;
    sqlx::query_file_as!(ActivityLine, "src/reports/activity.sql", tenant as TenantId, zone, recorded)
        .fetch_all(db)
        .await
        .doing("adding up months")
}

/// What became of what was granted in a month. All amounts are minor units, and granted is the sum of
/// the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakageLine {
    /// ISO 4217 code.
    pub currency: String,
    /// `promotional` or `paid`.
    pub value_class: String,
    /// First day of the month in which it was granted, by the shop's zone.
    pub month: NaiveDate,
    /// Lots.
    pub lots: i64,
    /// Granted.
    pub granted_minor: i64,
    /// Spent, less what was given back.
    pub spent_minor: i64,
    /// Expired.
    pub expired_minor: i64,
    /// Clawed back, adjusted away, moved or taken for debts.
    pub taken_minor: i64,
    /// Left.
    pub remaining_minor: i64,
    /// Days from grant to first use, the middle of all lots that were used.
    pub days_to_first_use: Option<i64>,
}

/// Each month's grants and what became of them.
///
/// # Errors
/// As any statement.
pub async fn breakage(
    db: &mut Connection,
    tenant: TenantId,
    zone: &str,
) -> Result<Vec<BreakageLine>, StoreError> {
    sqlx::query_file_as!(BreakageLine, "src/reports/breakage.sql", tenant as TenantId, zone)
        .fetch_all(db)
        .await
        .doing("adding up what became of grants")
}

/// One entry of a member's statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLine {
    /// The entry's id.
    pub entry_id: Uuid,
    /// ISO 4217 code.
    pub currency: String,
    /// When it took effect.
    pub effective_at: DateTime<Utc>,
    /// When it was booked.
    pub recorded_at: DateTime<Utc>,
    /// What kind of movement.
    pub kind: String,
    /// Signed, in minor units.
    pub amount_minor: i64,
    /// The balance after it, in minor units of its currency.
    pub balance_minor: i64,
    /// Why its lot was granted.
    pub reason: String,
    /// With the reason, what for.
    pub source_key: String,
    /// Why, in words for people.
    pub note: Option<String>,
    /// The operation that it belongs to.
    pub operation: Option<String>,
}

/// A member's entries in the order in which they were booked, each with the balance after it.
///
/// # Errors
/// As any statement.
pub async fn statement(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
) -> Result<Vec<StatementLine>, StoreError> {
    sqlx::query_file_as!(StatementLine, "src/reports/statement.sql", tenant as TenantId, member_id)
        .fetch_all(db)
        .await
        .doing("reading a member's statement")
}

/// A lot of a member's with something left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotLine {
    /// Its id.
    pub lot_id: Uuid,
    /// ISO 4217 code.
    pub currency: String,
    /// `promotional` or `paid`.
    pub value_class: String,
    /// Why it was granted.
    pub reason: String,
    /// With the reason, what for.
    pub source_key: String,
    /// Granted, in minor units.
    pub granted_minor: i64,
    /// Left, in minor units.
    pub remaining_minor: i64,
    /// Of that, authorised for a checkout, in minor units.
    pub held_minor: i64,
    /// From when it can be spent.
    pub available_at: Option<DateTime<Utc>>,
    /// The end that the member is told.
    pub expires_at: Option<DateTime<Utc>>,
    /// The end with the days of grace.
    pub ends_at: Option<DateTime<Utc>>,
    /// `live`, `pending` or `ended`, now.
    pub state: String,
}

/// A member's lots with something left, in the order of use.
///
/// # Errors
/// As any statement.
pub async fn lots(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
) -> Result<Vec<LotLine>, StoreError> {
    sqlx::query_as!(
        LotLine,
        r#"select id as lot_id, currency, value_class, reason,
               coalesce(case when reason = 'transferred' then lot_origin($1, id) end, source_key) as "source_key!",
               granted_minor, remaining_minor, held_at(held_minor, tenant_id, id, now()) as "held_minor!",
               available_at, expires_at, ends_at,
               case when ends_at <= now() then 'ended' when available_at <= now() then 'live' else 'pending' end
                   as "state!"
           from lots where tenant_id = $1 and member_id = $2 and remaining_minor > 0
           order by currency, ends_at nulls last, value_class desc, created_at, id"#,
        tenant as TenantId,
        member_id
    )
    .fetch_all(db)
    .await
    .doing("reading a member's lots")
}

/// An account of a member's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLine {
    /// ISO 4217 code.
    pub currency: String,
    /// Sum of its entries, in minor units.
    pub balance_minor: i64,
    /// What can be spent now, in minor units.
    pub spendable_minor: i64,
    /// What checkouts have authorised and not captured yet, in minor units.
    pub held_minor: i64,
    /// What can't be spent yet, in minor units.
    pub pending_minor: i64,
    /// What the member owes, in minor units.
    pub debt_minor: i64,
}

/// A member's accounts.
///
/// # Errors
/// As any statement.
pub async fn accounts(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
) -> Result<Vec<AccountLine>, StoreError> {
    sqlx::query_as!(
        AccountLine,
        r#"select a.currency, a.balance_minor, a.debt_minor,
               coalesce((
                   select sum(l.remaining_minor - held_at(l.held_minor, l.tenant_id, l.id, now())) from lots l
                   where l.tenant_id = $1 and l.member_id = $2 and l.currency = a.currency
                       and l.available_at <= now() and (l.ends_at > now() or l.ends_at is null)
               ), 0)::bigint as "spendable_minor!",
               coalesce((
                   select sum(held_at(l.held_minor, l.tenant_id, l.id, now())) from lots l
                   where l.tenant_id = $1 and l.member_id = $2 and l.currency = a.currency and l.held_minor > 0
               ), 0)::bigint as "held_minor!",
               coalesce((
                   select sum(l.remaining_minor) from lots l
                   where l.tenant_id = $1 and l.member_id = $2 and l.currency = a.currency and l.remaining_minor > 0
                       and (l.available_at > now() or l.available_at is null)
                       and (l.ends_at > now() or l.ends_at is null)
               ), 0)::bigint as "pending_minor!"
           from accounts a where a.tenant_id = $1 and a.member_id = $2 order by a.currency"#,
        tenant as TenantId,
        member_id
    )
    .fetch_all(db)
    .await
    .doing("reading a member's accounts")
}
