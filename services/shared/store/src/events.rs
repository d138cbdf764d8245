//! Events: what happened elsewhere, as other systems published it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// An event to be recorded.
#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
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
    /// The run that follows from it; `None` if its topic is not handled.
    pub run_id: Option<RunId>,
}

/// Records an event. `false` if it is known already: then nothing has changed.
///
/// # Errors
/// As any statement.
pub async fn add(db: &mut Connection, new: &NewEvent<'_>) -> Result<bool, StoreError> {
    let state = if new.run_id.is_some() { "routed" } else { "unhandled" };
    sqlx::query!(
        "insert into events (tenant_id, id, source, topic, event_id, occurred_at, content_type, body, state, run_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (tenant_id, source, event_id) do nothing",
        new.tenant as TenantId,
        Uuid::now_v7(),
        new.source,
        new.topic,
        new.event_id,
        new.occurred_at,
        new.content_type,
        new.body,
        state,
        new.run_id as Option<RunId>,
    )
    .execute(db)
    .await
    .doing("recording an event")
    .map(|done| done.rows_affected() == 1)
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
    /// `routed` or `unhandled`.
    pub state: String,
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
    )
    .fetch_all(db)
    .await
    .doing("listing events")
}

/// The body of an event, as received.
///
/// # Errors
/// As any statement.
pub async fn body(db: &mut Connection, tenant: TenantId, id: Uuid) -> Result<Option<Vec<u8>>, StoreError> {
    sqlx::query_scalar!("select body from events where tenant_id = $1 and id = $2", tenant as TenantId, id)
        .fetch_optional(db)
        .await
        .doing("reading an event's body")
}
