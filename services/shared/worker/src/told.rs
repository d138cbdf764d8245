//! The event that a task is to handle: what a run of it is about stands in the event's row.

use chrono::{DateTime, Utc};
use tradeup_domain::ErrorCode;
use tradeup_proto::v1;
use tradeup_store::{Tx, events};
use uuid::Uuid;

use crate::{TaskContext, TaskError};

/// An event with its body.
#[derive(Debug)]
pub struct ToldEvent {
    /// Our id.
    pub id: Uuid,
    /// What happened.
    pub topic: String,
    /// When, as the publisher says.
    pub occurred_at: DateTime<Utc>,
    /// The body as received.
    pub body: Vec<u8>,
}

/// Opens the event that a run is about.
///
/// # Errors
/// Permanent if there is none of this tenant's, or its body was erased.
pub async fn told_event(
    context: &TaskContext,
    tx: &mut Tx,
    input: &v1::HandleEvent,
) -> Result<ToldEvent, TaskError> {
    let id = Uuid::from_slice(&input.event_id).map_err(|_length| {
        TaskError::permanent(ErrorCode::InvalidInput, "field event_id is no id; give the 16 bytes of one")
    })?;
    let found = events::get(tx, context.tenant()?.id, id).await?.ok_or_else(|| {
        TaskError::permanent(ErrorCode::InvalidInput, "field event_id is that of no event of this tenant")
    })?;
    let body = found.body.ok_or_else(|| {
        TaskError::permanent(
            ErrorCode::EventErased,
            "the event's body was erased: it was older than 30 days, or its customer is to be forgotten",
        )
    })?;
    Ok(ToldEvent { id, topic: found.topic, occurred_at: found.occurred_at, body })
}
