//! One event: read, recorded, routed; in one transaction.

use std::sync::Arc;
use std::time::Instant;

use tradeup_domain::ErrorCode;
use tradeup_proto::subject::event::EventSubject;
use tradeup_shopify::ShopDomain;
use tradeup_store::events::{self, Follows, NewEvent, NewUnclaimed};
use tradeup_store::outbox::JobMessage;
use tradeup_store::{Pool, TenantRef, Tx, runs, tenants};
use tradeup_worker::intake::{Intake, IntakeError, Received};

use crate::envelope::{Opened, no_id};
use crate::pace::Pace;
use crate::routes::{self, Event, Lead};

/// Takes events.
#[derive(Clone, Default)]
pub(crate) struct Events {
    pace: Arc<Pace>,
}

impl Intake for Events {
    async fn take(&self, pool: &Pool, received: &Received) -> Result<Vec<JobMessage>, IntakeError> {
        let subject = EventSubject::parse(&received.subject)
            .map_err(|error| refused(None, ErrorCode::EventSubject, error.to_string()))?;
        let Some(tenant) = tenant(pool, &subject, received).await? else { return Ok(Vec::new()) };
        let wrong = |code, error| refused(Some(&tenant), code, error);
        let opened =
            Opened::of(received, &subject.topic).map_err(|error| wrong(error.code(), error.to_string()))?;
        let event = opened.event(&tenant, &subject, received.stored_at);
        let mut lead = routes::lead(&event).map_err(|error| wrong(error.code(), error.to_string()))?;
        if let Some(run) = &mut lead.run {
            run.options.urgent |= self.pace.is_quiet(tenant.id, Instant::now());
        }
        record(pool, &event, &opened, lead).await
    }
}

/// Records an event with the run that follows from it.
async fn record(
    pool: &Pool,
    event: &Event<'_>,
    opened: &Opened<'_>,
    lead: Lead,
) -> Result<Vec<JobMessage>, IntakeError> {
    let tenant = event.tenant.id;
    let mut tx = Tx::of_tenant(pool, tenant).await?;
    let same = match (&lead.run, opened.action_id) {
        (Some(_), Some(action)) => {
            events::same_action(&mut tx, tenant, event.source, event.topic, action, event.body).await?
        }
        _ => None,
    };
    let (follows, message) = match (same, lead.run) {
        (Some(other), _) => (Follows::SameAs(other), None),
        (None, Some(new)) => {
            let created = runs::create(&mut tx, new).await?;
            (Follows::Run(created.run_id), created.message)
        }
        (None, None) => (Follows::Nothing, None),
    };
    let new = NewEvent {
        id: event.row,
        tenant,
        source: event.source,
        topic: event.topic,
        event_id: event.id,
        occurred_at: opened.occurred_at,
        content_type: &opened.content_type,
        body: event.body,
        resource: lead.resource.as_deref(),
        customer: lead.customer.as_deref(),
        action_id: opened.action_id,
        follows,
    };
    if !events::add(&mut tx, &new).await? {
        tx.rollback().await?;
        tracing::debug!(tenant = event.tenant.handle, "an event came again");
        return Ok(Vec::new());
    }
    tx.commit().await?;
    Ok(message.into_iter().collect())
}

/// Whose the event is: by the handle in its subject, or by the domain of the shop. `None` if it is kept until its shop
/// is known.
async fn tenant(
    pool: &Pool,
    subject: &EventSubject,
    received: &Received,
) -> Result<Option<TenantRef>, IntakeError> {
    let (found, is_domain) = match subject.tenant.parse::<ShopDomain>() {
        Ok(domain) => (tenants::by_shop_domain(pool, domain.as_str()).await?, true),
        Err(_handle) => (tenants::by_handle(pool, &subject.tenant).await?, false),
    };
    match found {
        Some(tenant) => Ok(Some(TenantRef { id: tenant.id, handle: tenant.handle })),
        None if is_domain => {
            let event_id =
                received.event_id().ok_or_else(|| refused(None, ErrorCode::EventHeader, no_id()))?;
            let mut tx = Tx::of_engine(pool).await?;
            let new = NewUnclaimed {
                shop_domain: &subject.tenant,
                subject: &received.subject,
                event_id,
                headers: &received.headers,
                body: &received.body,
                stored_at: received.stored_at,
            };
            events::keep_unclaimed(&mut tx, &new).await?;
            tx.commit().await?;
            tracing::info!(
                shop = subject.tenant,
                "an event of a shop that no tenant has is kept for a while"
            );
            Ok(None)
        }
        None => {
            let error = "there is no tenant of the name in the subject; publish to events.<tenant>.<source>.<topic> \
                         with the handle of a shop, which `tradeup tenant list` shows";
            Err(refused(None, ErrorCode::TenantNotActive, error.to_owned()))
        }
    }
}

fn refused(tenant: Option<&TenantRef>, code: ErrorCode, error: String) -> IntakeError {
    IntakeError::Refused { tenant: tenant.cloned(), code, error }
}
