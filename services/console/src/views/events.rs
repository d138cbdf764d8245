//! What a shop or another system told.

use serde::{Deserialize, Serialize};
use tradeup_store::events::{self, EventFilter, EventView};
use tradeup_store::{Pool, TenantId, Tx};
use utoipa::{IntoParams, ToSchema};

use super::said;
use super::when::When;
use crate::failure::Failure;

/// Events of a page.
const PAGE: i64 = 100;

/// What a list of events is narrowed by.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    pub(crate) source: String,
    pub(crate) topic: String,
    /// An order or a customer, by the shop's own id.
    pub(crate) about: String,
    pub(crate) state: String,
}

impl Asked {
    /// Whether all that match can be replayed: what they are narrowed by is what a replay can be narrowed by.
    pub(crate) fn can_be_replayed(&self) -> bool {
        said(&self.state).is_none()
            && [&self.source, &self.topic, &self.about].into_iter().any(|field| said(field).is_some())
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) topic: String,
    pub(crate) event_id: String,
    pub(crate) occurred: When,
    pub(crate) received: When,
    pub(crate) state: String,
    pub(crate) about: Option<String>,
    pub(crate) run: Option<String>,
    pub(crate) run_state: Option<String>,
    pub(crate) error_code: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) erased: bool,
}

impl Event {
    pub(super) fn of(event: EventView) -> Self {
        Self {
            id: event.id.to_string(),
            source: event.source,
            topic: event.topic,
            event_id: event.event_id,
            occurred: When(event.occurred_at),
            received: When(event.received_at),
            state: event.state,
            about: event.resource,
            run: event.run_id.map(|id| id.to_string()),
            run_state: event.run_state,
            error_code: event.run_error_code,
            error: event.run_error,
            erased: event.erased_at.is_some(),
        }
    }
}

/// A shop's events, newest first.
pub(crate) async fn list(pool: &Pool, tenant: TenantId, asked: &Asked) -> Result<Vec<Event>, Failure> {
    let filter = EventFilter {
        id: None,
        state: said(&asked.state),
        source: said(&asked.source),
        topic: said(&asked.topic),
        resource: said(&asked.about),
    };
    let mut tx = Tx::of_tenant(pool, tenant).await?;
    let found = events::list(&mut tx, tenant, &filter, PAGE).await?;
    tx.rollback().await?;
    Ok(found.into_iter().map(Event::of).collect())
}
