//! Which event leads to which run: one file for each topic, and one for all topics of shops.

mod agent_requested;
pub(crate) mod body;
mod credit_requested;
mod credit_spent;
mod customer_merged;
mod order;
mod shop;
pub(crate) mod trade_in;

use chrono::{DateTime, Utc};
use tradeup_domain::ErrorCode;
use tradeup_proto::header;
use tradeup_proto::subject::{SubjectError, encode};
use tradeup_store::TenantRef;
use tradeup_store::runs::NewRun;
use uuid::Uuid;

use crate::http::shopify::SOURCE;
use body::BodyError;

/// Every topic that is handled.
const ROUTES: [Route; 13] = [
    agent_requested::ROUTE,
    credit_requested::ROUTE,
    credit_spent::SPENT,
    credit_spent::REVERTED,
    customer_merged::ROUTE,
    order::PAID,
    order::EDITED,
    order::REFUNDED,
    order::FULFILLED,
    order::CANCELLED,
    order::DISPUTED,
    order::DISPUTE_WON,
    trade_in::ROUTE,
];

/// What follows from a topic.
pub(crate) struct Route {
    /// The topic, as publishers call it.
    pub(crate) topic: &'static str,
    /// Makes the run from an event.
    pub(crate) run: fn(&Event<'_>) -> Result<NewRun, BodyError>,
}

/// What an event leads to.
#[derive(Default)]
pub(crate) struct Lead {
    /// The run that follows; `None` if the topic is none of ours.
    pub(crate) run: Option<NewRun>,
    /// What it is about: an order or a customer, by the publisher's ids.
    pub(crate) resource: Option<String>,
    /// The customer that it is about.
    pub(crate) customer: Option<String>,
}

/// What is wrong with an event whose topic is handled. Each names the header or field and the fix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LeadError {
    /// Its body is written in a way that is not understood.
    #[error("{0}")]
    Content(String),
    /// Its body.
    #[error(transparent)]
    Body(#[from] BodyError),
}

impl LeadError {
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Content(_) => ErrorCode::EventHeader,
            Self::Body(_) => ErrorCode::EventBody,
        }
    }
}

/// What an event leads to, by its topic.
pub(crate) fn lead(event: &Event<'_>) -> Result<Lead, LeadError> {
    if event.source == SOURCE {
        return Ok(shop::lead(event)?);
    }
    let Some(route) = ROUTES.iter().find(|route| route.topic == event.topic) else {
        return Ok(Lead::default());
    };
    if let Err(error) = &event.content {
        return Err(LeadError::Content(error.clone()));
    }
    Ok(Lead { run: Some((route.run)(event)?), ..Lead::default() })
}

/// An event whose subject and headers are right.
pub(crate) struct Event<'a> {
    /// Our id of it.
    pub(crate) row: Uuid,
    /// The tenant that it is about.
    pub(crate) tenant: &'a TenantRef,
    /// The system that says so.
    pub(crate) source: &'a str,
    /// What happened.
    pub(crate) topic: &'a str,
    /// The publisher's id.
    pub(crate) id: &'a str,
    /// When what follows from it is due.
    pub(crate) due: DateTime<Utc>,
    /// How the body is written; an error if that is nothing of ours.
    pub(crate) content: Result<Content, String>,
    /// The body.
    pub(crate) body: &'a [u8],
}

impl Event<'_> {
    /// What makes the run of the event unique for its tenant and task. The source is encoded, so that no
    /// source and id together read as another's.
    fn key(&self) -> Result<String, SubjectError> {
        Ok(format!("event:{}:{}", encode(self.source)?, self.id))
    }

    fn content(&self) -> Result<Content, BodyError> {
        self.content.clone().map_err(BodyError::new)
    }
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Json,
    Protobuf,
}

impl Content {
    /// From the media type; the error names the header and what it may say.
    pub(crate) fn of(media_type: &str) -> Result<Self, String> {
        let name = media_type.split(';').next().unwrap_or_default().trim();
        if name.eq_ignore_ascii_case(header::JSON) {
            Ok(Self::Json)
        } else if name.eq_ignore_ascii_case(header::PROTOBUF) {
            Ok(Self::Protobuf)
        } else {
            Err(format!(
                "header {} names a media type that is not understood; give {} or {}",
                header::CONTENT_TYPE,
                header::JSON,
                header::PROTOBUF
            ))
        }
    }
}

#[cfg(test)]
pub(crate) mod test {
    use super::*;

    /// An event of the 1st of November, 06:00 UTC, for tests of routes.
    pub(crate) fn event<'a>(
        tenant: &'a TenantRef,
        source: &'a str,
        id: &'a str,
        content: Result<Content, String>,
        body: &'a [u8],
    ) -> Event<'a> {
        let due = DateTime::from_timestamp(1_793_512_800, 0).unwrap();
        Event { row: Uuid::nil(), tenant, source, topic: "any", id, due, content, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tradeup_store::TenantId;

    fn key(source: &str, id: &str) -> String {
        let tenant = TenantRef { id: TenantId(1), handle: "aurora".to_owned() };
        test::event(&tenant, source, id, Ok(Content::Json), b"").key().unwrap()
    }

    proptest! {
        #[test]
        fn two_events_never_have_one_key(a in "[a:]{1,4}", b in "[a:]{1,4}", c in "[a:]{1,4}", d in "[a:]{1,4}") {
            prop_assume!((&a, &b) != (&c, &d));
            prop_assert_ne!(key(&a, &b), key(&c, &d));
        }
    }

    #[test]
    fn media_types() {
        assert_eq!(Content::of("application/json; charset=utf-8"), Ok(Content::Json));
        assert_eq!(Content::of("Application/Protobuf"), Ok(Content::Protobuf));
        assert!(Content::of("text/xml").unwrap_err().contains("application/json"));
    }
}
