//! Messages about alerts: one to each channel about all that was found together.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Settled;
use crate::error::{Doing, StoreError};
use crate::{Connection, Pool};

/// A message is somebody's for so long; sending may take no longer.
pub const LEASE: Duration = Duration::from_secs(90);
/// Messages that are taken at a time.
const DUE_MAX: i64 = 20;

/// Where people are told.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its name.
    pub channel: String,
    /// Who or what it reaches, without secrets.
    pub reaches: String,
    /// When a console last had it in its settings.
    pub seen_at: DateTime<Utc>,
    /// When a message last arrived.
    pub sent_at: Option<DateTime<Utc>>,
    /// When the latest try failed, if it did.
    pub failed_at: Option<DateTime<Utc>>,
    /// What of.
    pub error: Option<String>,
}

/// All channels.
///
/// # Errors
/// As any statement.
pub async fn channels(pool: &Pool) -> Result<Vec<Channel>, StoreError> {
    sqlx::query_as!(
        Channel,
        "select channel, reaches, seen_at, sent_at, failed_at, error from alert_channels order by channel"
    )
    .fetch_all(pool)
    .await
    .doing("listing channels of alerts")
}

/// Notes that a console has this channel in its settings; those that none had for a week are forgotten.
///
/// # Errors
/// As any statement.
pub async fn is_there(pool: &Pool, channel: &str, reaches: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "with forgotten as (delete from alert_channels where seen_at < now() - interval '7 days' and channel <> $1)
         insert into alert_channels (channel, reaches) values ($1, $2)
         on conflict (channel) do update set reaches = $2, seen_at = now()",
        channel,
        reaches,
    )
    .execute(pool)
    .await
    .doing("noting a channel of alerts")
    .map(drop)
}

pub(super) async fn tell(db: &mut Connection, settled: &Settled) -> Result<u64, StoreError> {
    let Settled { opened, resolved, reminded } = settled;
    sqlx::query_file!("src/alerts/tell.sql", opened, resolved, reminded)
        .execute(db)
        .await
        .doing("writing messages of alerts")
        .map(|done| done.rows_affected())
}

/// Writes a message that says nothing to every channel: whether they work. Returns to how many.
///
/// # Errors
/// As any statement.
pub async fn tell_all(db: &mut Connection) -> Result<u64, StoreError> {
    tell(db, &Settled::default()).await
}

/// A message that is to be sent.
#[derive(Clone, Debug)]
pub struct Due {
    /// Its id: the same however often it is sent.
    pub id: Uuid,
    /// Where to.
    pub channel: String,
    /// Alerts that were found.
    pub opened: Vec<Uuid>,
    /// Alerts that are over.
    pub resolved: Vec<Uuid>,
    /// Alerts that are still open.
    pub reminded: Vec<Uuid>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// Tries, this one with them.
    pub tries: i32,
}

/// Takes messages of a channel that are due. Whoever does not come back with [`ended`] leaves them to be due again.
///
/// # Errors
/// As any statement.
pub async fn take_due(pool: &Pool, channel: &str) -> Result<Vec<Due>, StoreError> {
    sqlx::query_file_as!(Due, "src/alerts/take_due.sql", channel, DUE_MAX, LEASE.as_secs_f64())
        .fetch_all(pool)
        .await
        .doing("taking messages of alerts")
}

/// What came of sending a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It arrived.
    Sent,
    /// It did not, and is tried again after so long.
    Again(Duration, String),
    /// It did not, and is not tried again.
    GivenUp(String),
}

/// Notes what came of sending a message.
///
/// # Errors
/// As any statement.
pub async fn ended(pool: &Pool, due: &Due, tried: &Tried) -> Result<(), StoreError> {
    let (again, error) = match tried {
        Tried::Sent => (None, None),
        Tried::Again(wait, error) => (Some(wait.as_secs_f64()), Some(error)),
        Tried::GivenUp(error) => (None, Some(error)),
    };
    sqlx::query!(
        "with noted as (
             update alert_channels set sent_at = case when $4::text is null then now() else sent_at end,
                 failed_at = case when $4::text is not null then now() end, error = $4
             where channel = $2)
         update alert_notices set ended_at = case when $3::float8 is null then now() end,
             due_at = now() + make_interval(secs => coalesce($3, 0))
         where id = $1",
        due.id,
        due.channel,
        again,
        error,
    )
    .execute(pool)
    .await
    .doing("noting what came of a message of alerts")
    .map(drop)
}
