//! Topics of shops at Shopify. Each leads to a task that reads the event's body itself.

use tradeup_proto::JobKind;
use tradeup_proto::job_kind::{
    HANDLE_APP_UNINSTALLED, HANDLE_CUSTOMER_CREATED, HANDLE_CUSTOMER_DELETED, HANDLE_CUSTOMER_MERGED,
    HANDLE_CUSTOMER_TAGS_CHANGED, HANDLE_CUSTOMER_UPDATED, HANDLE_DATA_REQUEST, HANDLE_ORDER_CANCELLED,
    HANDLE_ORDER_CREATED, HANDLE_ORDER_EDITED, HANDLE_ORDER_FULFILLED, HANDLE_ORDER_HISTORY,
    HANDLE_ORDER_PAID, HANDLE_ORDER_TRANSACTION, HANDLE_ORDER_UPDATED, HANDLE_REFUND_CREATED,
    HANDLE_SCOPES_UPDATED, REDACT_CUSTOMER, REDACT_SHOP,
};
use tradeup_shopify::webhook::Refs;
use tradeup_store::runs::Trigger;
use tradeup_worker::trigger;

use super::body::BodyError;
use super::{Event, Lead};

/// Every topic that is handled.
const TOPICS: [(&str, JobKind); 20] = [
    ("orders/create", HANDLE_ORDER_CREATED),
    ("orders/paid", HANDLE_ORDER_PAID),
    ("orders/updated", HANDLE_ORDER_UPDATED),
    ("orders/edited", HANDLE_ORDER_EDITED),
    // Ours: what was found by asking for everything.
    ("orders/history", HANDLE_ORDER_HISTORY),
    ("orders/fulfilled", HANDLE_ORDER_FULFILLED),
    ("orders/cancelled", HANDLE_ORDER_CANCELLED),
    ("order_transactions/create", HANDLE_ORDER_TRANSACTION),
    ("refunds/create", HANDLE_REFUND_CREATED),
    ("customers/create", HANDLE_CUSTOMER_CREATED),
    ("customers/update", HANDLE_CUSTOMER_UPDATED),
    ("customers/delete", HANDLE_CUSTOMER_DELETED),
    ("customers/merge", HANDLE_CUSTOMER_MERGED),
    ("customer.tags_added", HANDLE_CUSTOMER_TAGS_CHANGED),
    ("customer.tags_removed", HANDLE_CUSTOMER_TAGS_CHANGED),
    ("app/uninstalled", HANDLE_APP_UNINSTALLED),
    ("app/scopes_update", HANDLE_SCOPES_UPDATED),
    ("customers/data_request", HANDLE_DATA_REQUEST),
    ("customers/redact", REDACT_CUSTOMER),
    ("shop/redact", REDACT_SHOP),
];

/// What an event of a shop leads to. A body that is no JSON leads nowhere, whatever its topic.
pub(super) fn lead(event: &Event<'_>) -> Result<Lead, BodyError> {
    let refs = Refs::read(event.topic, event.body).map_err(|error| BodyError::new(error.to_string()))?;
    let kind = TOPICS.iter().find(|(topic, _)| *topic == event.topic).map(|(_, kind)| *kind);
    let run = kind.map(|kind| -> Result<_, BodyError> {
        let by = Trigger::Event(event.source.to_owned());
        Ok(trigger::handle_event(kind, event.tenant.clone(), event.row, event.key()?, event.due, by))
    });
    Ok(Lead { run: run.transpose()?, resource: refs.resource, customer: refs.customer })
}
