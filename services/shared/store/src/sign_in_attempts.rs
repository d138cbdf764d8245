//! Sign-ins that have begun and are at an OpenID Connect provider. Each is taken once.

use std::time::Duration;

use tradeup_domain::api_token::TokenHash;

use crate::Pool;
use crate::error::{Doing, StoreError};

/// A sign-in that begins. It has no `Debug`, so that no secret gets into a log.
pub struct NewAttempt<'a> {
    /// Hash of the state that the provider sends back.
    pub state_hash: &'a TokenHash,
    /// Hash of what the browser shows.
    pub browser_hash: &'a TokenHash,
    /// What the provider's token has to hold.
    pub nonce: &'a str,
    /// What the provider wants to see for the code (PKCE).
    pub pkce_verifier: &'a str,
    /// Where to go then; begins with a slash.
    pub next: &'a str,
    /// For how long it may be finished.
    pub lasts: Duration,
}

/// A sign-in that comes back. It has no `Debug`, so that no secret gets into a log.
pub struct Attempt {
    /// What the provider's token has to hold.
    pub nonce: String,
    /// What the provider wants to see for the code (PKCE).
    pub pkce_verifier: String,
    /// Where to go then.
    pub next: String,
}

/// Keeps a sign-in that begins, and forgets those that nobody has finished in time. `false` if there are too many.
///
/// # Errors
/// As any statement.
pub async fn begin(pool: &Pool, new: &NewAttempt<'_>) -> Result<bool, StoreError> {
    sqlx::query_file!(
        "src/sign_in_attempts/begin.sql",
        new.state_hash.as_bytes(),
        new.browser_hash.as_bytes(),
        new.nonce,
        new.pkce_verifier,
        new.next,
        new.lasts.as_secs_f64(),
    )
    .execute(pool)
    .await
    .doing("beginning a sign-in")
    .map(|done| done.rows_affected() == 1)
}

/// Takes a sign-in that comes back; `None` if there is none, it is too old, or another browser began it. There is none a
/// second time.
///
/// # Errors
/// As any statement.
pub async fn take(
    pool: &Pool,
    state_hash: &TokenHash,
    browser_hash: &TokenHash,
) -> Result<Option<Attempt>, StoreError> {
    let row = sqlx::query!(
        r#"delete from sign_in_attempts where state_hash = $1 and browser_hash = $2
           returning nonce, pkce_verifier, next, expires_at > clock_timestamp() as "is_in_time!""#,
        state_hash.as_bytes(),
        browser_hash.as_bytes(),
    )
    .fetch_optional(pool)
    .await
    .doing("taking a sign-in")?;
    Ok(row.filter(|row| row.is_in_time).map(|row| Attempt {
        nonce: row.nonce,
        pkce_verifier: row.pkce_verifier,
        next: row.next,
    }))
}
