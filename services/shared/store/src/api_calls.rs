//! Acts of programs that carry an `Idempotency-Key`, with the answers they got.

use crate::Pool;
use crate::error::{Doing, StoreError};

/// What came of beginning an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is to be done.
    New,
    /// Somebody is at it.
    UnderWay,
    /// The key was sent with something else.
    Different,
    /// It was done, and answered like this.
    Answered {
        /// The answer's status.
        status: i16,
        /// Its body.
        body: Vec<u8>,
    },
}

/// Begins an act under its key: the primary key decides who does it. `asked` is the SHA-256 of what was asked.
///
/// # Errors
/// As any statement.
pub async fn begin(pool: &Pool, who: &str, key: &str, asked: &[u8]) -> Result<Begun, StoreError> {
    let row = sqlx::query_file!("src/api_calls/begin.sql", who, key, asked)
        .fetch_one(pool)
        .await
        .doing("beginning an act")?;
    Ok(match (row.is_new, row.asked, row.status.zip(row.answer)) {
        (true, ..) => Begun::New,
        (false, Some(known), _) if known != asked => Begun::Different,
        (false, _, Some((status, body))) => Begun::Answered { status, body },
        (false, ..) => Begun::UnderWay,
    })
}

/// Keeps the answer.
///
/// # Errors
/// As any statement.
pub async fn answered(
    pool: &Pool,
    who: &str,
    key: &str,
    status: i16,
    answer: &[u8],
) -> Result<(), StoreError> {
    sqlx::query!(
        "update api_calls set status = $3, answer = $4 where who = $1 and key = $2",
        who,
        key,
        status,
        answer
    )
    .execute(pool)
    .await
    .doing("keeping the answer to an act")
    .map(drop)
}

/// Forgets an act whose outcome is not known: it may be sent again at once.
///
/// # Errors
/// As any statement.
pub async fn forget(pool: &Pool, who: &str, key: &str) -> Result<(), StoreError> {
    sqlx::query!("delete from api_calls where who = $1 and key = $2 and status is null", who, key)
        .execute(pool)
        .await
        .doing("forgetting an act")
        .map(drop)
}
