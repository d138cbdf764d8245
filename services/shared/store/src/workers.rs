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
pub async fn seen(
    pool: &Pool,
    name: &str,
    service: &str,
    build: &str,
    clock_skew_ms: i64,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into workers (name, service, build, clock_skew_ms) values ($1, $2, $3, $4)
         on conflict (name) do update set last_seen_at = now(), stopped_at = null, clock_skew_ms = $4",
        name,
        service,
        build,
        clock_skew_ms,
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
