//! Events: what happened elsewhere, as other systems published it.

mod detail;
mod replay;
mod unclaimed;

pub use detail::{EventDetail, detail};
pub use replay::{
    ReplayCounts, ReplayLine, Replayed, Taken, count_to_replay, replay_counts, replay_lines, to_replay,
};
pub use unclaimed::{NewUnclaimed, Unclaimed, keep_unclaimed, next_unclaimed, remove_unclaimed};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// An event to be recorded.
#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
    /// Our id of it.
    pub id: Uuid,
    /// The tenant that it is about.
    pub tenant: TenantId,
    /// The system that says so.
    pub source: &'a str,
    /// What happened.
    pub topic: &'a str,
    /// The publisher's id: with the source it makes the event unique.
    pub event_id: &'a str,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// Media type of the body.
    pub content_type: &'a str,
    /// The body as received.
    pub body: &'a [u8],
    /// What it is about: an order or a customer, by the publisher's ids.
    pub resource: Option<&'a str>,
    /// Which customer it is about, by the publisher's id.
    pub customer: Option<&'a str>,
    /// The publisher's id of the act that led to it, which others may share.
    pub action_id: Option<&'a str>,
    /// What follows from it.
    pub follows: Follows,
}

/// What follows from an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// This run.
    Run(RunId),
    /// Nothing: its topic is none of ours.
    Nothing,
    /// Nothing: it is this event again, under another id.
    SameAs(Uuid),
}

/// The event that was taken already and says the very same: of the same act, topic and bytes.
///
/// # Errors
/// As any statement.
pub async fn same_action(
    db: &mut Connection,
    tenant: TenantId,
    source: &str,
    topic: &str,
    action_id: &str,
    body: &[u8],
) -> Result<Option<Uuid>, StoreError> {
    sqlx::query_scalar!(
        "select id from events
         where tenant_id = $1 and action_id = $4 and topic = $3 and source = $2 and body_sha256 = sha256($5)
             and state <> 'duplicate'
         limit 1",
        tenant as TenantId,
        source,
        topic,
        action_id,
        body,
    )
    .fetch_optional(db)
    .await
    .doing("looking for the same event")
}

/// Records an event. `false` if it is known already: then nothing has changed.
///
/// # Errors
/// As any statement.
pub async fn add(db: &mut Connection, new: &NewEvent<'_>) -> Result<bool, StoreError> {
    let (state, run_id, duplicate_of) = match new.follows {
        Follows::Run(run_id) => ("routed", Some(run_id), None),
        Follows::Nothing => ("unhandled", None, None),
        Follows::SameAs(other) => ("duplicate", None, Some(other)),
    };
    sqlx::query_file!(
        "src/events/add.sql",
        new.tenant as TenantId,
        new.id,
        new.source,
        new.topic,
        new.event_id,
        new.occurred_at,
        new.content_type,
        new.body,
        state,
        run_id as Option<RunId>,
        duplicate_of,
        new.resource,
        new.customer,
        new.action_id,
    )
    .execute(db)
    .await
    .doing("recording an event")
    .map(|done| done.rows_affected() == 1)
}

/// An event as a task reads it.
#[derive(Clone, Debug)]
pub struct EventBody {
    /// The system that it came from.
    pub source: String,
    /// What happened.
    pub topic: String,
    /// When, as the publisher says.
    pub occurred_at: DateTime<Utc>,
    /// The body as received; `None` if it was erased.
    pub body: Option<Vec<u8>>,
}

/// One of the tenant's events, for the task that handles it.
///
/// # Errors
/// As any statement.
pub async fn get(db: &mut Connection, tenant: TenantId, id: Uuid) -> Result<Option<EventBody>, StoreError> {
    sqlx::query_as!(
        EventBody,
        "select source, topic, occurred_at, body from events where tenant_id = $1 and id = $2",
        tenant as TenantId,
        id
    )
    .fetch_optional(db)
    .await
    .doing("reading an event")
}

/// An event as it is shown.
#[derive(Clone, Debug)]
pub struct EventView {
    /// Our id.
    pub id: Uuid,
    /// The tenant's handle.
    pub tenant_handle: String,
    /// The system that it came from.
    pub source: String,
    /// What happened.
    pub topic: String,
    /// The publisher's id.
    pub event_id: String,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// When we took it.
    pub received_at: DateTime<Utc>,
    /// Media type of the body.
    pub content_type: String,
    /// `routed`, `unhandled` or `duplicate`.
    pub state: String,
    /// What it is about, by the publisher's id.
    pub resource: Option<String>,
    /// The event that it repeats.
    pub duplicate_of: Option<Uuid>,
    /// When its body was erased.
    pub erased_at: Option<DateTime<Utc>>,
    /// The run that followed.
    pub run_id: Option<RunId>,
    /// State of that run now.
    pub run_state: Option<String>,
    /// Code of its last error.
    pub run_error_code: Option<String>,
    /// Its last error.
    pub run_error: Option<String>,
}

/// Which events. Each that is set narrows.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// This one.
    pub id: Option<Uuid>,
    /// In this state.
    pub state: Option<String>,
    /// From this system.
    pub source: Option<String>,
    /// Of this topic.
    pub topic: Option<String>,
    /// About this order or customer, by the publisher's id.
    pub resource: Option<String>,
}

/// A tenant's events, newest first. They hold personal data: the transaction has to be the tenant's.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    filter: &EventFilter,
    limit: i64,
) -> Result<Vec<EventView>, StoreError> {
    sqlx::query_file_as!(
        EventView,
        "src/events/list.sql",
        tenant as TenantId,
        filter.id,
        filter.state,
        filter.source,
        filter.topic,
        limit,
        filter.resource,
    )
    .fetch_all(db)
    .await
    .doing("listing events")
}

/// Erases the body of an event.
///
/// # Errors
/// As any statement.
pub async fn erase(db: &mut Connection, tenant: TenantId, id: Uuid) -> Result<(), StoreError> {
    sqlx::query!(
        "update events set body = null, erased_at = clock_timestamp()
         where tenant_id = $1 and id = $2 and body is not null",
        tenant as TenantId,
        id,
    )
    .execute(db)
    .await
    .doing("erasing the body of an event")
    .map(drop)
}
