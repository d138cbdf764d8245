//! Events that go through their tasks again: which, and what has come of it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// Which events of a tenant.
#[derive(Clone, Debug)]
pub struct Replayed<'a> {
    /// Received from then on.
    pub from: DateTime<Utc>,
    /// Received before then.
    pub until: DateTime<Utc>,
    /// From this system.
    pub source: Option<&'a str>,
    /// Of this topic.
    pub topic: Option<&'a str>,
    /// About this order or customer, by the publisher's id.
    pub about: Option<&'a str>,
    /// These; all if there are none.
    pub ids: &'a [Uuid],
    /// After this one, in the order in which they were received.
    pub after: Option<(DateTime<Utc>, Uuid)>,
}

/// An event, as it was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Our id of it.
    pub id: Uuid,
    /// The system that it came from.
    pub source: String,
    /// What happened.
    pub topic: String,
    /// The publisher's id.
    pub event_id: String,
    /// When it happened, as the publisher says.
    pub occurred_at: DateTime<Utc>,
    /// When we took it.
    pub received_at: DateTime<Utc>,
    /// Media type of the body.
    pub content_type: String,
    /// The body as received; `None` if it was erased.
    pub body: Option<Vec<u8>>,
    /// State of the run that followed.
    pub run_state: Option<String>,
}

/// The next events, oldest first, without those that only repeat another.
///
/// # Errors
/// As any statement.
pub async fn to_replay(
    db: &mut Connection,
    tenant: TenantId,
    which: &Replayed<'_>,
    limit: i64,
) -> Result<Vec<Taken>, StoreError> {
    sqlx::query_file_as!(
        Taken,
        "src/events/to_replay.sql",
        tenant as TenantId,
        which.from,
        which.until,
        which.source,
        which.topic,
        which.about,
        which.ids,
        which.after.map(|after| after.0),
        which.after.map(|after| after.1),
        limit,
    )
    .fetch_all(db)
    .await
    .doing("looking for events to be replayed")
}

/// How many events there are to be replayed.
///
/// # Errors
/// As any statement.
pub async fn count_to_replay(
    db: &mut Connection,
    tenant: TenantId,
    which: &Replayed<'_>,
) -> Result<i64, StoreError> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from events e
           where e.tenant_id = $1 and e.state <> 'duplicate' and e.received_at >= $2 and e.received_at < $3
               and ($4::text is null or e.source = $4) and ($5::text is null or e.topic = $5)
               and ($6::text is null or e.resource = $6 or e.customer = $6)
               and (cardinality($7::uuid[]) = 0 or e.id = any($7))"#,
        tenant as TenantId,
        which.from,
        which.until,
        which.source,
        which.topic,
        which.about,
        which.ids,
    )
    .fetch_one(db)
    .await
    .doing("counting events to be replayed")
}

/// What the parts of a replay have done with its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayCounts {
    /// Sent through their tasks.
    pub sent: i64,
    /// Their bodies were erased.
    pub erased: i64,
    /// Their runs are under way.
    pub unfinished: i64,
    /// Their runs are dead letters.
    pub dead: i64,
    /// No topic of ours.
    pub unhandled: i64,
    /// Their bodies can't be read.
    pub unreadable: i64,
}

/// What a replay has done with its events so far.
///
/// # Errors
/// As any statement.
pub async fn replay_counts(db: &mut Connection, replay: RunId) -> Result<ReplayCounts, StoreError> {
    sqlx::query_file_as!(ReplayCounts, "src/events/replay_counts.sql", replay as RunId)
        .fetch_one(db)
        .await
        .doing("counting what a replay has done")
}

/// What came of the events of a replay, by task and outcome. Amounts are minor units of the shop's currency.
#[derive(Clone, Debug)]
pub struct ReplayLine {
    /// The task.
    pub task: String,
    /// State of its runs.
    pub state: String,
    /// What they say came of it.
    pub outcome: Option<String>,
    /// How many.
    pub runs: i64,
    /// Granted.
    pub granted_minor: i64,
    /// Taken back.
    pub clawed_minor: i64,
    /// Owed or written off.
    pub owed_minor: i64,
    /// Customers who became members.
    pub enrolled: i64,
    /// Tiers that changed.
    pub tiers: i64,
}

/// What came of a replay so far.
///
/// # Errors
/// As any statement.
pub async fn replay_lines(db: &mut Connection, replay: RunId) -> Result<Vec<ReplayLine>, StoreError> {
    sqlx::query_file_as!(ReplayLine, "src/events/replay_lines.sql", replay as RunId)
        .fetch_all(db)
        .await
        .doing("adding up what came of a replay")
}
