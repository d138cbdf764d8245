//! One event: read, recorded, routed; in one transaction.

use chrono::{DateTime, Utc};
use tradeup_domain::ErrorCode;
use tradeup_proto::header;
use tradeup_proto::subject::event::EventSubject;
use tradeup_store::events::{self, NewEvent};
use tradeup_store::outbox::JobMessage;
use tradeup_store::{Pool, TenantRef, Tx, runs, tenants};
use tradeup_worker::intake::{Intake, IntakeError, Received};

use crate::routes::{self, Content, Event};

/// Longest id of an event, in characters.
const EVENT_ID_MAX: usize = 200;
/// Longest media type, in characters.
const CONTENT_TYPE_MAX: usize = 200;

/// Takes events from the stream.
pub(crate) struct Events;

impl Intake for Events {
    async fn take(&self, pool: &Pool, received: &Received) -> Result<Vec<JobMessage>, IntakeError> {
        let subject = EventSubject::parse(&received.subject)
            .map_err(|error| refused(None, ErrorCode::EventSubject, error.to_string()))?;
        let Some(tenant) = tenants::by_handle(pool, &subject.tenant).await? else {
            let error = "there is no tenant of the name in the subject; publish to events.<tenant>.<source>.<topic> \
                         with the handle of a shop, which `tradeup tenant list` shows";
            return Err(refused(None, ErrorCode::TenantNotActive, error.to_owned()));
        };
        let tenant = TenantRef { id: tenant.id, handle: tenant.handle };
        let wrong = |code, error| refused(Some(&tenant), code, error);
        let headers = Headers::read(received).map_err(|error| wrong(ErrorCode::EventHeader, error))?;
        let run = match routes::by_topic(&subject.topic) {
            None => None,
            Some(route) => {
                let event = Event {
                    tenant: &tenant,
                    source: &subject.source,
                    id: headers.event_id,
                    // What is said to happen later than it was said happens now.
                    due: headers.occurred_at.min(received.stored_at),
                    content: Content::of(headers.content_type)
                        .map_err(|error| wrong(ErrorCode::EventHeader, error))?,
                    body: &received.body,
                };
                Some((route.run)(&event).map_err(|error| wrong(ErrorCode::EventBody, error.to_string()))?)
            }
        };

        let mut tx = Tx::of_tenant(pool, tenant.id).await?;
        let created = match run {
            Some(new) => Some(runs::create(&mut tx, new).await?),
            None => None,
        };
        let new = NewEvent {
            tenant: tenant.id,
            source: &subject.source,
            topic: &subject.topic,
            event_id: headers.event_id,
            occurred_at: headers.occurred_at,
            content_type: headers.content_type,
            body: &received.body,
            run_id: created.as_ref().map(|created| created.run_id),
        };
        if !events::add(&mut tx, &new).await? {
            tx.rollback().await?;
            tracing::debug!(tenant = tenant.handle, "an event came again");
            return Ok(Vec::new());
        }
        tx.commit().await?;
        Ok(created.and_then(|created| created.message).into_iter().collect())
    }
}

fn refused(tenant: Option<&TenantRef>, code: ErrorCode, error: String) -> IntakeError {
    IntakeError::Refused { tenant: tenant.cloned(), code, error }
}

/// What an event's headers say.
#[derive(Debug, PartialEq, Eq)]
struct Headers<'a> {
    event_id: &'a str,
    occurred_at: DateTime<Utc>,
    content_type: &'a str,
}

impl<'a> Headers<'a> {
    /// Reads them; each error names the header and the fix, and repeats nothing that was given.
    fn read(received: &'a Received) -> Result<Self, String> {
        let short = |text: &str, max: usize| {
            !text.is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control)
        };
        let event_id = received
            .event_id()
            .filter(|id| !id.trim().is_empty())
            .ok_or_else(|| format!("header {} is missing; give each event an id that stays the same when it is sent again (or {}, which goes before it)", header::MESSAGE_ID, header::EVENT_ID))?;
        if !short(event_id, EVENT_ID_MAX) {
            return Err(format!(
                "the id in header {} or {} is too long or has control characters; give 1 to {EVENT_ID_MAX} characters",
                header::EVENT_ID,
                header::MESSAGE_ID
            ));
        }
        let occurred_at = match received.header(header::EVENT_TIME) {
            None => received.stored_at,
            Some(text) => DateTime::parse_from_rfc3339(text)
                .map_err(|_given| {
                    format!(
                        "header {} is no instant; write it like 2026-11-01T06:00:00Z, or leave it out",
                        header::EVENT_TIME
                    )
                })?
                .to_utc(),
        };
        let content_type = received.header(header::CONTENT_TYPE).unwrap_or(header::JSON);
        if !short(content_type, CONTENT_TYPE_MAX) {
            return Err(format!(
                "header {} is no media type; give {} or {}",
                header::CONTENT_TYPE,
                header::JSON,
                header::PROTOBUF
            ));
        }
        Ok(Self { event_id, occurred_at, content_type })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(headers: &[(&str, &str)]) -> Received {
        Received {
            subject: String::new(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Vec::new(),
            stored_at: DateTime::from_timestamp(1_793_512_800, 0).unwrap(),
        }
    }

    #[test]
    fn headers_say_which_event_it_is() {
        let plain = received(&[("Nats-Msg-Id", "a-1")]);
        let read = Headers::read(&plain).unwrap();
        assert_eq!((read.event_id, read.content_type), ("a-1", "application/json"));
        assert_eq!(read.occurred_at, plain.stored_at);
        let both =
            received(&[("Nats-Msg-Id", "try-2"), ("Ce-Id", "a-1"), ("ce-time", "2026-11-01T06:00:00+02:00")]);
        let read = Headers::read(&both).unwrap();
        assert_eq!(
            (read.event_id, read.occurred_at.to_rfc3339().as_str()),
            ("a-1", "2026-11-01T04:00:00+00:00")
        );
    }

    #[test]
    fn a_wrong_header_is_named() {
        let long = "x".repeat(201);
        for (headers, named) in [
            (vec![], "Nats-Msg-Id"),
            (vec![("Nats-Msg-Id", " ")], "Nats-Msg-Id"),
            (vec![("ce-id", long.as_str())], "ce-id"),
            (vec![("ce-id", "1"), ("ce-time", "yesterday")], "ce-time"),
            (vec![("ce-id", "1"), ("Content-Type", "")], "Content-Type"),
        ] {
            let error = Headers::read(&received(&headers)).unwrap_err();
            assert!(error.contains(named) && !error.contains("yesterday"), "{error}");
        }
    }
}
