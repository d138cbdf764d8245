//! Shops: where a tenant's shop is at Shopify, and its tokens, sealed.
//!
//! Nothing here can open a token; the keys are the services'. One process at a time renews a shop's tokens,
//! and one run at a time tells a shop of credit.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tradeup_domain::ErrorCode;

use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// A sealed token: which key opens it, and its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The key's id.
    pub key_id: String,
    /// Nonce and ciphertext.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({}, {} bytes)", self.key_id, self.bytes.len())
    }
}

/// A pair of tokens to be stored.
#[derive(Clone, Debug)]
pub struct SealedPair {
    /// For calls.
    pub access: Sealed,
    /// When that ends; `None` if never.
    pub access_expires_at: Option<DateTime<Utc>>,
    /// For the next renewal; `None` for a token that is not renewed.
    pub refresh: Option<Sealed>,
    /// When that ends, if it was told.
    pub refresh_expires_at: Option<DateTime<Utc>>,
}

/// A shop as it is stored.
#[derive(Clone, Debug)]
pub struct Shop {
    /// `name.myshopify.com`.
    pub domain: String,
    /// Its id at Shopify.
    pub shop_gid: String,
    /// Whether its tokens are taken.
    pub is_connected: bool,
    /// Code of what disconnected it.
    pub error_code: Option<String>,
    /// The same in words.
    pub error: Option<String>,
    /// Its tokens.
    pub pair: SealedPair,
    /// Counts the pairs.
    pub generation: i32,
    /// The database's clock.
    pub now: DateTime<Utc>,
}

/// The tenant's shop; `None` if it was never connected.
///
/// # Errors
/// As any statement.
pub async fn get(db: &mut Connection, tenant: TenantId) -> Result<Option<Shop>, StoreError> {
    let row = sqlx::query!(
        r#"select domain, shop_gid, state, error_code, error, access_key_id, access_token, access_expires_at,
               refresh_key_id, refresh_token, refresh_expires_at, generation, clock_timestamp() as "now!"
           from shops where tenant_id = $1"#,
        tenant as TenantId
    )
    .fetch_optional(db)
    .await
    .doing("reading a shop")?;
    Ok(row.map(|row| Shop {
        domain: row.domain,
        shop_gid: row.shop_gid,
        is_connected: row.state == "connected",
        error_code: row.error_code,
        error: row.error,
        pair: SealedPair {
            access: Sealed { key_id: row.access_key_id, bytes: row.access_token },
            access_expires_at: row.access_expires_at,
            refresh: row
                .refresh_key_id
                .zip(row.refresh_token)
                .map(|(key_id, bytes)| Sealed { key_id, bytes }),
            refresh_expires_at: row.refresh_expires_at,
        },
        generation: row.generation,
        now: row.now,
    }))
}

/// What came of connecting a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connected {
    /// It is stored.
    Done,
    /// The domain is another tenant's.
    TakenByOther,
    /// The tenant has another shop: by its id, not by its domain, which can change.
    OtherShop,
}

/// Stores a shop's new pair of tokens, and where it is. What waited to be told goes on.
///
/// # Errors
/// As any statement.
pub async fn connect(
    db: &mut Connection,
    tenant: TenantId,
    domain: &str,
    shop_gid: &str,
    pair: &SealedPair,
) -> Result<Connected, StoreError> {
    if let Some(before) = get(db, tenant).await?
        && before.shop_gid != shop_gid
    {
        return Ok(Connected::OtherShop);
    }
    let stored = sqlx::query!(
        "insert into shops as s (tenant_id, domain, shop_gid, access_key_id, access_token, access_expires_at,
             refresh_key_id, refresh_token, refresh_expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (tenant_id) do update set domain = excluded.domain, state = 'connected', error_code = null,
             error = null, access_key_id = excluded.access_key_id, access_token = excluded.access_token,
             access_expires_at = excluded.access_expires_at, refresh_key_id = excluded.refresh_key_id,
             refresh_token = excluded.refresh_token, refresh_expires_at = excluded.refresh_expires_at,
             generation = s.generation + 1, renewing_until = null,
             connected_at = now()",
        tenant as TenantId,
        domain,
        shop_gid,
        pair.access.key_id,
        pair.access.bytes,
        pair.access_expires_at,
        pair.refresh.as_ref().map(|token| token.key_id.as_str()),
        pair.refresh.as_ref().map(|token| token.bytes.as_slice()),
        pair.refresh_expires_at,
    )
    .execute(&mut *db)
    .await
    .doing("connecting a shop");
    match stored {
        Ok(_) => {}
        Err(error) if error.kind() == crate::ErrorKind::Refused => return Ok(Connected::TakenByOther),
        Err(error) => return Err(error),
    }
    crate::pushes::wake(db, tenant).await?;
    Ok(Connected::Done)
}

/// Says that a shop's tokens are not taken any more. Nothing if they have been renewed since `generation`.
///
/// # Errors
/// As any statement.
pub async fn disconnect(
    db: &mut Connection,
    tenant: TenantId,
    generation: i32,
    code: ErrorCode,
    error: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update shops set state = 'disconnected', error_code = $3, error = $4, renewing_until = null
         where tenant_id = $1 and generation = $2",
        tenant as TenantId,
        generation,
        code.as_str(),
        error,
    )
    .execute(db)
    .await
    .doing("disconnecting a shop")?;
    Ok(())
}

/// Takes the renewal of a shop's tokens for itself, for as long as `within`. `false` if somebody else is at it,
/// or has done it since `generation`.
///
/// # Errors
/// As any statement.
pub async fn begin_renewal(
    db: &mut Connection,
    tenant: TenantId,
    generation: i32,
    within: Duration,
) -> Result<bool, StoreError> {
    let begun = sqlx::query!(
        "update shops set renewing_until = clock_timestamp() + make_interval(secs => $3)
         where tenant_id = $1 and generation = $2
             and (renewing_until is null or renewing_until < clock_timestamp())",
        tenant as TenantId,
        generation,
        within.as_secs_f64(),
    )
    .execute(db)
    .await
    .doing("beginning to renew a shop's tokens")?;
    Ok(begun.rows_affected() == 1)
}

/// Stores both halves of a renewed pair. `false` if somebody else has stored one since `generation`.
///
/// # Errors
/// As any statement.
pub async fn store_renewed(
    db: &mut Connection,
    tenant: TenantId,
    generation: i32,
    pair: &SealedPair,
) -> Result<bool, StoreError> {
    let stored = sqlx::query!(
        "update shops set access_key_id = $3, access_token = $4, access_expires_at = $5, refresh_key_id = $6,
             refresh_token = $7, refresh_expires_at = $8, generation = generation + 1, renewing_until = null,
             state = 'connected', error_code = null, error = null
         where tenant_id = $1 and generation = $2",
        tenant as TenantId,
        generation,
        pair.access.key_id,
        pair.access.bytes,
        pair.access_expires_at,
        pair.refresh.as_ref().map(|token| token.key_id.as_str()),
        pair.refresh.as_ref().map(|token| token.bytes.as_slice()),
        pair.refresh_expires_at,
    )
    .execute(db)
    .await
    .doing("storing a shop's tokens")?;
    Ok(stored.rows_affected() == 1)
}

/// Stores the same tokens, sealed with another key. The row is locked, so none was renewed meanwhile.
///
/// # Errors
/// As any statement.
pub async fn store_resealed(
    db: &mut Connection,
    tenant: TenantId,
    pair: &SealedPair,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update shops set access_key_id = $2, access_token = $3, refresh_key_id = $4, refresh_token = $5
         where tenant_id = $1",
        tenant as TenantId,
        pair.access.key_id,
        pair.access.bytes,
        pair.refresh.as_ref().map(|token| token.key_id.as_str()),
        pair.refresh.as_ref().map(|token| token.bytes.as_slice()),
    )
    .execute(db)
    .await
    .doing("storing a shop's tokens")?;
    Ok(())
}

/// Gives a renewal that came to nothing back, so that the next one need not wait.
///
/// # Errors
/// As any statement.
pub async fn end_renewal(db: &mut Connection, tenant: TenantId, generation: i32) -> Result<(), StoreError> {
    sqlx::query!(
        "update shops set renewing_until = null where tenant_id = $1 and generation = $2",
        tenant as TenantId,
        generation
    )
    .execute(db)
    .await
    .doing("ending a renewal")?;
    Ok(())
}

/// Takes the telling of a shop for a run: one at a time. Otherwise the run that is at it. The row stays
/// locked until the transaction ends, so that whoever ends looks once more for what came last.
///
/// # Errors
/// As any statement.
pub async fn begin_pushing(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
) -> Result<Option<RunId>, StoreError> {
    let other = sqlx::query_scalar!(
        r#"select r.id as "run_id: RunId" from shops s
           join runs r on r.id = s.pushing_run_id and r.finished_at is null and r.id <> $2
           where s.tenant_id = $1
           for update of s"#,
        tenant as TenantId,
        run_id as RunId,
    )
    .fetch_optional(&mut *db)
    .await
    .doing("looking who tells a shop")?;
    if other.is_none() {
        set_pushing(db, tenant, Some(run_id)).await?;
    }
    Ok(other)
}

/// Locks the shop's row, so that a run which looks whether it has told everything, and one that begins, come
/// one after the other.
///
/// # Errors
/// As any statement.
pub async fn lock(db: &mut Connection, tenant: TenantId) -> Result<(), StoreError> {
    sqlx::query_scalar!("select tenant_id from shops where tenant_id = $1 for update", tenant as TenantId)
        .fetch_optional(db)
        .await
        .doing("locking a shop")?;
    Ok(())
}

/// Ends the telling of a shop by a run.
///
/// # Errors
/// As any statement.
pub async fn end_pushing(db: &mut Connection, tenant: TenantId) -> Result<(), StoreError> {
    set_pushing(db, tenant, None).await
}

async fn set_pushing(db: &mut Connection, tenant: TenantId, run_id: Option<RunId>) -> Result<(), StoreError> {
    sqlx::query!(
        "update shops set pushing_run_id = $2 where tenant_id = $1",
        tenant as TenantId,
        run_id as Option<RunId>
    )
    .execute(db)
    .await
    .doing("noting who tells a shop")?;
    Ok(())
}
