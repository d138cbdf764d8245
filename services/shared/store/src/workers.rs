//! Who works: a row for each process of a service.

use chrono::{DateTime, TimeDelta, Utc};

use crate::Pool;
use crate::error::{Doing, StoreError};

/// Days after which a process that was not seen is forgotten.
const KEEP_DAYS: i32 = 7;

/// A process of a service.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Its name, as in attempts.
    pub name: String,
    /// The service.
    pub service: String,
    /// Its build.
    pub build: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// For how long it has not been seen, in seconds.
    pub unseen_seconds: f64,
    /// When it stopped in order.
    pub stopped_at: Option<DateTime<Utc>>,
    /// Its clock less the database's, in milliseconds.
    pub clock_skew_ms: i64,
    /// The most connections that it takes to the database; unknown of an earlier build.
    pub connections_max: Option<i32>,
    /// Keys of the settings that it was given; unknown of an earlier build.
    pub given: Option<Vec<String>>,
}

/// What a process says of itself.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// Its name.
    pub name: &'a str,
    /// The service.
    pub service: &'a str,
    /// Its build.
    pub build: &'a str,
    /// Its clock less the database's, in milliseconds.
    pub clock_skew_ms: i64,
    /// The most connections that it takes.
    pub connections_max: i32,
    /// Keys of the settings that it was given, without values.
    pub given: &'a [String],
}

/// How far a clock is ahead of the database's; negative if it is behind. Read halfway between question
/// and answer, so it is right to half of the way there and back.
///
/// # Errors
/// As any statement.
pub async fn clock_skew(pool: &Pool, clock: impl Fn() -> DateTime<Utc>) -> Result<TimeDelta, StoreError> {
    // Waiting for a connection would count as way.
    let mut connection = pool.acquire().await.doing("reading the database's clock")?;
    let asked = clock();
    let theirs = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#)
        .fetch_one(&mut *connection)
        .await
        .doing("reading the database's clock")?;
    let answered = clock();
    Ok(asked + (answered - asked) / 2 - theirs)
}

/// Notes that a process is there.
///
/// # Errors
/// As any statement.
pub async fn seen(pool: &Pool, seen: &Seen<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into workers (name, service, build, clock_skew_ms, connections_max, given)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (name) do update set last_seen_at = now(), stopped_at = null, clock_skew_ms = $4",
        seen.name,
        seen.service,
        seen.build,
        seen.clock_skew_ms,
        seen.connections_max,
        seen.given,
    )
    .execute(pool)
    .await
    .doing("noting that a worker is there")
    .map(drop)
}

/// Notes that a process has stopped in order.
///
/// # Errors
/// As any statement.
pub async fn stopped(pool: &Pool, name: &str) -> Result<(), StoreError> {
    sqlx::query!("update workers set last_seen_at = now(), stopped_at = now() where name = $1", name)
        .execute(pool)
        .await
        .doing("noting that a worker has stopped")
        .map(drop)
}

/// Every process that is known, by service and name.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool) -> Result<Vec<Worker>, StoreError> {
    sqlx::query_as!(
        Worker,
        r#"select name, service, build, started_at, stopped_at, clock_skew_ms,
               connections_max, given,
               extract(epoch from now() - last_seen_at)::float8 as "unseen_seconds!"
           from workers order by service, name"#
    )
    .fetch_all(pool)
    .await
    .doing("listing the workers")
}

/// Forgets processes that were not seen for a week. Returns how many.
///
/// # Errors
/// As any statement.
pub async fn forget_old(pool: &Pool) -> Result<u64, StoreError> {
    sqlx::query!("delete from workers where last_seen_at < now() - make_interval(days => $1)", KEEP_DAYS)
        .execute(pool)
        .await
        .doing("forgetting workers of long ago")
        .map(|done| done.rows_affected())
}
