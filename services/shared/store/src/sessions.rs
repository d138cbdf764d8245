//! Sessions of the console, and who has tried in vain to begin one.

use std::time::Duration;

use tradeup_domain::api_token::TokenHash;
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, TenantId};

/// Who is in a session.
#[derive(Clone, Debug)]
pub struct InSession {
    /// The user.
    pub user_id: Uuid,
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: String,
    /// Whose staff they are.
    pub tenant_id: Option<TenantId>,
    /// Its handle.
    pub tenant_handle: Option<String>,
}

/// Begins a session, for so long at most.
///
/// # Errors
/// As any statement.
pub async fn begin(
    db: &mut Connection,
    token_hash: &TokenHash,
    user: Uuid,
    lasts: Duration,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into sessions (token_hash, user_id, expires_at)
         values ($1, $2, clock_timestamp() + make_interval(secs => $3))",
        token_hash.as_bytes(),
        user,
        lasts.as_secs_f64(),
    )
    .execute(db)
    .await
    .doing("beginning a session")
    .map(drop)
}

/// Who is in the session with this hash, unless it is over: its time has come, nobody has used it for `idle`, or its
/// user may not sign in any more.
///
/// # Errors
/// As any statement.
pub async fn find(
    pool: &Pool,
    token_hash: &TokenHash,
    idle: Duration,
) -> Result<Option<InSession>, StoreError> {
    sqlx::query_file_as!(InSession, "src/sessions/find.sql", token_hash.as_bytes(), idle.as_secs_f64())
        .fetch_optional(pool)
        .await
        .doing("looking for a session")
}

/// Ends a session, and forgets those that are over.
///
/// # Errors
/// As any statement.
pub async fn end(db: &mut Connection, token_hash: &TokenHash) -> Result<(), StoreError> {
    sqlx::query!(
        // Not by `or`: either is found by an index of its own.
        "delete from sessions where token_hash = any (array(
             select $1::bytea union all select token_hash from sessions where expires_at < now()))",
        token_hash.as_bytes()
    )
    .execute(db)
    .await
    .doing("ending a session")
    .map(drop)
}

/// For how long nobody may try to sign in under any of these (`name:...`, `address:...`); `None` if they may.
///
/// # Errors
/// As any statement.
pub async fn locked(pool: &Pool, who: &[String]) -> Result<Option<Duration>, StoreError> {
    let seconds = sqlx::query_scalar!(
        r#"select extract(epoch from max(locked_until) - clock_timestamp())::float8 as "seconds?"
           from sign_in_failures where who = any ($1) and locked_until > clock_timestamp()"#,
        who
    )
    .fetch_one(pool)
    .await
    .doing("looking who may sign in")?;
    Ok(seconds.filter(|seconds| *seconds > 0.0).map(Duration::from_secs_f64))
}

/// Notes a sign-in that has failed. After `free` of them in a row each locks for twice as long as the one before,
/// beginning with `first` and up to `longest`; a day without any forgets them.
///
/// # Errors
/// As any statement.
pub async fn failed(
    pool: &Pool,
    who: &[String],
    free: i32,
    first: Duration,
    longest: Duration,
) -> Result<(), StoreError> {
    sqlx::query_file!("src/sessions/failed.sql", who, free, first.as_secs_f64(), longest.as_secs_f64())
        .execute(pool)
        .await
        .doing("noting a failed sign-in")
        .map(drop)
}

/// Forgets the failures of whoever has signed in.
///
/// # Errors
/// As any statement.
pub async fn forgive(db: &mut Connection, who: &[String]) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from sign_in_failures where who = any ($1) or last_at < clock_timestamp() - interval '1 day'",
        who
    )
    .execute(db)
    .await
    .doing("forgetting failed sign-ins")
    .map(drop)
}
