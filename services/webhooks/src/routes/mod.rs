//! Which event leads to which run: one file for each topic.

pub(crate) mod body;
mod credit_requested;
mod credit_spent;
mod customer_merged;
mod order;

use chrono::{DateTime, Utc};
use tradeup_proto::header;
use tradeup_proto::subject::{SubjectError, encode};
use tradeup_store::TenantRef;
use tradeup_store::runs::NewRun;

use body::BodyError;

/// Every topic that is handled.
const ROUTES: [Route; 11] = [
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
];

/// What follows from a topic.
pub(crate) struct Route {
    /// The topic, as publishers call it.
    pub(crate) topic: &'static str,
    /// Makes the run from an event.
    pub(crate) run: fn(&Event<'_>) -> Result<NewRun, BodyError>,
}

/// The route of a topic, if there is one.
pub(crate) fn by_topic(topic: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.topic == topic)
}

/// An event whose subject and headers are right.
pub(crate) struct Event<'a> {
    /// The tenant that it is about.
    pub(crate) tenant: &'a TenantRef,
    /// The system that says so.
    pub(crate) source: &'a str,
    /// The publisher's id.
    pub(crate) id: &'a str,
    /// When what follows from it is due.
    pub(crate) due: DateTime<Utc>,
    /// How the body is written.
    pub(crate) content: Content,
    /// The body.
    pub(crate) body: &'a [u8],
}

impl Event<'_> {
    /// What makes the run of the event unique for its tenant and task. The source is encoded, so that no
    /// source and id together read as another's.
    fn key(&self) -> Result<String, SubjectError> {
        Ok(format!("event:{}:{}", encode(self.source)?, self.id))
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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tradeup_store::TenantId;

    fn key(source: &str, id: &str) -> String {
        let tenant = TenantRef { id: TenantId(1), handle: "aurora".to_owned() };
        let (due, content) = (DateTime::from_timestamp(0, 0).unwrap(), Content::Json);
        Event { tenant: &tenant, source, id, due, content, body: b"" }.key().unwrap()
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
