//! Tokens by which programs are let in as a user of the console. Only hashes are kept.

use chrono::{DateTime, Utc};
use serde_json::json;
use tradeup_domain::api_token::TokenHash;
use uuid::Uuid;

use crate::audit::{self, Actor};
use crate::error::{Doing, StoreError};
use crate::sessions::InSession;
use crate::{Connection, Pool, TenantId};

/// For how many days a token is taken, unless it is said.
pub const DAYS: i32 = 90;
/// And at most.
pub const DAYS_MAX: i32 = 366;

/// A token as it is shown.
#[derive(Clone, Debug)]
pub struct UserToken {
    /// Id.
    pub id: Uuid,
    /// As whom it lets in.
    pub user: String,
    /// What it is for.
    pub name: String,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it is taken.
    pub expires_at: DateTime<Utc>,
    /// When it was used last, to an hour.
    pub seen_at: Option<DateTime<Utc>>,
    /// Since when it is not taken any more.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Keeps the hash of a new token, for so many days, on record. `None` if there is no such user who may sign in.
///
/// # Errors
/// As any statement.
pub async fn add(
    db: &mut Connection,
    user: &str,
    name: &str,
    token_hash: &TokenHash,
    days: i32,
    actor: &Actor,
) -> Result<Option<Uuid>, StoreError> {
    let added = sqlx::query_scalar!(
        "insert into user_tokens (id, user_id, name, token_hash, created_by, expires_at)
         select $1, u.id, $3, $4, $6, clock_timestamp() + make_interval(days => $5) from users u
         where u.name = $2 and u.disabled_at is null returning id",
        Uuid::now_v7(),
        user,
        name,
        token_hash.as_bytes(),
        days,
        actor.name,
    )
    .fetch_optional(&mut *db)
    .await
    .doing("adding a token")?;
    if let Some(id) = added {
        let subject = json!({ "user": user, "token": id.to_string(), "for": name, "days": days });
        audit::record(db, actor, "user_tokens.add", &subject).await?;
    }
    Ok(added)
}

/// As whom a token lets in, if it does.
///
/// # Errors
/// As any statement.
pub async fn find(pool: &Pool, token_hash: &TokenHash) -> Result<Option<InSession>, StoreError> {
    sqlx::query_file_as!(InSession, "src/user_tokens/find.sql", token_hash.as_bytes())
        .fetch_optional(pool)
        .await
        .doing("looking for a token")
}

/// All tokens, newest first.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool) -> Result<Vec<UserToken>, StoreError> {
    sqlx::query_as!(
        UserToken,
        r#"select k.id, u.name as "user!", k.name, k.created_by, k.created_at, k.expires_at, k.seen_at, k.revoked_at
           from user_tokens k join users u on u.id = k.user_id order by k.id desc"#
    )
    .fetch_all(pool)
    .await
    .doing("listing tokens")
}

/// Takes a token no more, on record. `false` if there is none, or it was revoked.
///
/// # Errors
/// As any statement.
pub async fn revoke(db: &mut Connection, id: Uuid, actor: &Actor) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update user_tokens set revoked_at = clock_timestamp() where id = $1 and revoked_at is null",
        id
    )
    .execute(&mut *db)
    .await
    .doing("revoking a token")?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    audit::record(db, actor, "user_tokens.revoke", &json!({ "token": id.to_string() })).await?;
    Ok(true)
}
