//! Tokens by which other systems are let in by HTTP. Only hashes are kept.

use chrono::{DateTime, Utc};
use tradeup_domain::api_token::TokenHash;
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// A token as it is shown.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// Its id.
    pub id: Uuid,
    /// The system that has it.
    pub source: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// The system signs what it sends, instead of showing a token.
    pub signs: bool,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Keeps the hash of a new token.
///
/// # Errors
/// As any statement.
pub async fn add(
    db: &mut Connection,
    tenant: TenantId,
    source: &str,
    hash: &TokenHash,
    by: &str,
) -> Result<Uuid, StoreError> {
    let id = Uuid::now_v7();
    sqlx::query!(
        "insert into api_tokens (tenant_id, id, source, token_hash, created_by) values ($1, $2, $3, $4, $5)",
        tenant as TenantId,
        id,
        source,
        hash.as_bytes(),
        by,
    )
    .execute(db)
    .await
    .doing("adding an API token")?;
    Ok(id)
}

/// Notes that a system signs what it sends. Returns the id that its secret is made of.
///
/// # Errors
/// As any statement.
pub async fn add_signer(
    db: &mut Connection,
    tenant: TenantId,
    source: &str,
    by: &str,
) -> Result<Uuid, StoreError> {
    let id = Uuid::now_v7();
    sqlx::query!(
        "insert into api_tokens (tenant_id, id, source, created_by, signs) values ($1, $2, $3, $4, true)",
        tenant as TenantId,
        id,
        source,
        by,
    )
    .execute(db)
    .await
    .doing("adding a system that signs")?;
    Ok(id)
}

/// The systems that sign what they send, with the ids that their secrets are made of: newest first.
///
/// # Errors
/// As any statement.
pub async fn signers(db: &mut Connection, tenant: TenantId) -> Result<Vec<(Uuid, String)>, StoreError> {
    let rows = sqlx::query!(
        "select id, source from api_tokens where tenant_id = $1 and signs and revoked_at is null order by id desc",
        tenant as TenantId
    )
    .fetch_all(db)
    .await
    .doing("looking up who signs")?;
    Ok(rows.into_iter().map(|row| (row.id, row.source)).collect())
}

/// The system that a token of this hash lets in; `None` if there is none, or it was revoked.
///
/// # Errors
/// As any statement.
pub async fn source_of(
    db: &mut Connection,
    tenant: TenantId,
    hash: &TokenHash,
) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar!(
        "select source from api_tokens where tenant_id = $1 and token_hash = $2 and not signs and revoked_at is null",
        tenant as TenantId,
        hash.as_bytes(),
    )
    .fetch_optional(db)
    .await
    .doing("looking up an API token")
}

/// The tenant's tokens, newest first.
///
/// # Errors
/// As any statement.
pub async fn list(db: &mut Connection, tenant: TenantId) -> Result<Vec<ApiToken>, StoreError> {
    sqlx::query_as!(
        ApiToken,
        "select id, source, created_at, created_by, signs, revoked_at from api_tokens where tenant_id = $1
         order by id desc",
        tenant as TenantId
    )
    .fetch_all(db)
    .await
    .doing("listing API tokens")
}

/// Revokes a token. `false` if there is none of this id that is in force.
///
/// # Errors
/// As any statement.
pub async fn revoke(db: &mut Connection, tenant: TenantId, id: Uuid, by: &str) -> Result<bool, StoreError> {
    sqlx::query!(
        "update api_tokens set revoked_at = now(), revoked_by = $3
         where tenant_id = $1 and id = $2 and revoked_at is null",
        tenant as TenantId,
        id,
        by,
    )
    .execute(db)
    .await
    .doing("revoking an API token")
    .map(|done| done.rows_affected() == 1)
}
