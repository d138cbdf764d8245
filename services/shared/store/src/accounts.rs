//! Accounts: a member's purse in one currency. Its row is the lock behind which a member's lots are
//! looked at and changed: taken in a statement of its own, so that the next one sees what others have
//! left (loyalty reference §2.4).

mod book;
mod transfer;

pub use book::{Booking, DebtKind, DebtMovement, Movement, NewLot, Origin, book};
pub(crate) use transfer::continued;

use chrono::{DateTime, Utc};
use tradeup_domain::ledger::Lot;
use uuid::Uuid;

use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Connection, TenantId};

/// An account under lock.
#[derive(Clone, Debug)]
pub struct Account {
    /// The member.
    pub member_id: Uuid,
    /// Sum of its entries, in minor units: spendable or not.
    pub balance_minor: i64,
    /// What the member owes, in minor units.
    pub debt_minor: i64,
}

/// Locks the account until the transaction ends. `None` if the member has none in this currency. Holds whose
/// time is over hold nothing from here on.
///
/// # Errors
/// [`ErrorKind::Conflict`] if the member has become a part of another since it was looked up: the next
/// attempt finds the other. Else as any statement.
pub async fn lock(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
    currency: &str,
) -> Result<Option<Account>, StoreError> {
    let account = lock_any(db, tenant, member_id, currency).await?;
    if account.is_some() && guard(db, tenant, &[member_id], currency).await? {
        return Err(StoreError::of_kind(ErrorKind::Conflict, "locking an account"));
    }
    Ok(account)
}

/// Does what is to be done once accounts are locked and before their lots are looked at: what holds have
/// held for too long is free. Returns whether one of the members has become a part of another.
pub(crate) async fn guard(
    db: &mut Connection,
    tenant: TenantId,
    members: &[Uuid],
    currency: &str,
) -> Result<bool, StoreError> {
    sqlx::query_file_scalar!("src/accounts/guard.sql", tenant as TenantId, members, currency)
        .fetch_one(db)
        .await
        .doing("looking over a locked account")
}

/// Locks the account, also that of a member who has become a part of another.
pub(crate) async fn lock_any(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
    currency: &str,
) -> Result<Option<Account>, StoreError> {
    sqlx::query_as!(
        Account,
        "select member_id, balance_minor, debt_minor from accounts
         where tenant_id = $1 and member_id = $2 and currency = $3
         for update",
        tenant as TenantId,
        member_id,
        currency,
    )
    .fetch_optional(db)
    .await
    .doing("locking an account")
}

/// Locks the account, which is made if there is none.
///
/// # Errors
/// As any statement.
pub async fn open(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
    currency: &str,
) -> Result<Account, StoreError> {
    // Most have one.
    if let Some(account) = lock(db, tenant, member_id, currency).await? {
        return Ok(account);
    }
    sqlx::query!(
        "insert into accounts (tenant_id, member_id, currency, balance_minor) values ($1, $2, $3, 0)
         on conflict (tenant_id, member_id, currency) do nothing",
        tenant as TenantId,
        member_id,
        currency,
    )
    .execute(&mut *db)
    .await
    .doing("opening an account")?;
    lock(db, tenant, member_id, currency)
        .await?
        .ok_or_else(|| StoreError::of_kind(ErrorKind::Unexpected, "locking an account"))
}

/// What is left in the lots of an account, and the database's clock at this moment. For an account that is
/// not locked, too: what holds have held for too long is free either way.
///
/// # Errors
/// As any statement.
pub async fn lots(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
    currency: &str,
) -> Result<(DateTime<Utc>, Vec<Lot>), StoreError> {
    let rows = sqlx::query!(
        r#"select clock_timestamp() as "now!", l.id as "id?", l.value_class as "value_class?",
               l.remaining_minor as "remaining_minor?",
               held_at(l.held_minor, l.tenant_id, l.id, now()) as "held_minor?",
               l.available_at as "available_at?", l.ends_at as "ends_at?", l.created_at as "created_at?"
           from (values (1)) as one (row)
           left join lots l on l.tenant_id = $1 and l.member_id = $2 and l.currency = $3 and l.remaining_minor > 0"#,
        tenant as TenantId,
        member_id,
        currency,
    )
    .fetch_all(db)
    .await
    .doing("reading an account's lots")?;
    let now = rows.first().map(|row| row.now);
    let lots = rows.into_iter().filter_map(|row| {
        Some(Lot {
            id: row.id?,
            value_class: value_class(&row.value_class?),
            remaining_minor: row.remaining_minor?,
            held_minor: row.held_minor?,
            available_at: row.available_at,
            ends_at: row.ends_at,
            created_at: row.created_at?,
        })
    });
    let now = now.ok_or_else(|| StoreError::of_kind(ErrorKind::Unexpected, "reading an account's lots"))?;
    Ok((now, lots.collect()))
}

/// A stored class; the schema allows no other.
pub(crate) fn value_class(text: &str) -> tradeup_domain::ValueClass {
    text.parse().unwrap_or_default()
}
