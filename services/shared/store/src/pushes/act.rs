//! What people decide about pushes.

use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// What a person says of a push that nobody knows about, or that the shop has refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided<'a> {
    /// The shop has booked it, as this transaction.
    Booked {
        /// The booking's id.
        transaction_gid: &'a str,
    },
    /// The shop has not booked it: tell it again.
    TellAgain,
    /// Leave it: it is not told any more. The difference stays for the reconciliation to show.
    GiveUp,
}

/// Decides what becomes of those of the pushes that are unknown or failed. Returns how many they are.
///
/// # Errors
/// As any statement; [`crate::ErrorKind::Refused`] if the booking is another push's.
pub async fn resolve(
    db: &mut Connection,
    tenant: TenantId,
    ids: &[Uuid],
    decided: Decided<'_>,
    actor: &str,
) -> Result<u64, StoreError> {
    let (state, gid) = match decided {
        Decided::Booked { transaction_gid } => ("sent", Some(transaction_gid)),
        Decided::TellAgain => ("pending", None),
        Decided::GiveUp => ("void", None),
    };
    let resolved = sqlx::query!(
        "update pushes set state = $3, transaction_gid = $4, resolved_by = $5,
             sent_minor = case when $3 = 'sent' then net_minor end,
             due_at = case when $3 = 'pending' then clock_timestamp() end,
             ended_at = case when $3 <> 'pending' then clock_timestamp() end
         where tenant_id = $1 and id = any($2) and state in ('unknown', 'failed')",
        tenant as TenantId,
        ids,
        state,
        gid,
        actor,
    )
    .execute(&mut *db)
    .await
    .doing("resolving pushes")?;
    // What waited behind it goes on.
    super::wake(db, tenant).await?;
    Ok(resolved.rows_affected())
}

/// Tells the shop `amount_minor` that no entry stands for, so that it agrees with the ledger. Returns the push.
///
/// # Errors
/// As any statement.
pub async fn repair(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
    currency: &str,
    amount_minor: i64,
    actor: &str,
) -> Result<Uuid, StoreError> {
    let id = Uuid::now_v7();
    sqlx::query!(
        "insert into pushes (tenant_id, id, kind, member_id, currency, amount_minor, due_at, resolved_by)
         values ($1, $2, 'repair', $3, $4, $5, clock_timestamp(), $6)",
        tenant as TenantId,
        id,
        member_id,
        currency,
        amount_minor,
        actor,
    )
    .execute(&mut *db)
    .await
    .doing("telling the shop of a difference")?;
    super::wake(db, tenant).await?;
    Ok(id)
}

/// Sets who decides what of the tenant's credit can be spent. Returns the number of the transaction: whatever
/// is booked by a later one is told to the shop.
///
/// # Errors
/// As any statement.
pub async fn set_wallet(db: &mut Connection, tenant: TenantId, wallet: &str) -> Result<i64, StoreError> {
    sqlx::query_scalar!(
        r#"update tenants set wallet = $2 where id = $1
           returning pg_current_xact_id()::text::bigint as "transaction!""#,
        tenant as TenantId,
        wallet,
    )
    .fetch_one(db)
    .await
    .doing("setting a wallet")
}

/// Whether every transaction that may have booked by the old setting has ended.
///
/// # Errors
/// As any statement.
pub async fn wallet_is_settled(db: &mut Connection, transaction: i64) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"select pg_snapshot_xmin(pg_current_snapshot())::text::bigint > $1 as "settled!""#,
        transaction
    )
    .fetch_one(db)
    .await
    .doing("waiting for bookings under way")
}

/// Has the shop told of what members have by now, as far as it is not told of that already. Returns how many
/// lots that is and of how much, in minor units. Doing it again tells nothing twice.
///
/// # Errors
/// As any statement.
pub async fn tell_opening(db: &mut Connection, tenant: TenantId) -> Result<(i64, i64), StoreError> {
    let opened = sqlx::query_file!("src/pushes/open.sql", tenant as TenantId)
        .fetch_one(db)
        .await
        .doing("telling the shop of what there is")?;
    Ok((opened.lots, opened.amount_minor))
}
