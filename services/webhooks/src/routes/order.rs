//! `order.*`: what happened to an order. Each leads to `settle-order`.

use serde::Deserialize;
use tradeup_proto::v1::settle_order::Fact;
use tradeup_proto::{Timestamp, convert, v1};
use tradeup_store::runs::{NewRun, Trigger};
use tradeup_worker::trigger;

use super::body::{self, BodyError, whole_number};
use super::{Content, Event, Route};

pub(super) const PAID: Route = Route { topic: "order.paid", run: paid };
pub(super) const EDITED: Route = Route { topic: "order.edited", run: paid };
pub(super) const REFUNDED: Route = Route { topic: "order.refunded", run: refunded };
pub(super) const FULFILLED: Route = Route { topic: "order.fulfilled", run: fulfilled };
pub(super) const CANCELLED: Route = Route { topic: "order.cancelled", run: cancelled };
pub(super) const DISPUTED: Route = Route { topic: "order.disputed", run: disputed };
pub(super) const DISPUTE_WON: Route = Route { topic: "order.dispute_won", run: dispute_won };

/// A line of an order or refund.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object like {\"price_minor\": 3350, \"quantity\": 1}")]
struct Line {
    #[serde(deserialize_with = "whole_number")]
    price_minor: i64,
    #[serde(deserialize_with = "whole_number")]
    quantity: i64,
    #[serde(default, deserialize_with = "whole_number")]
    discounts_minor: i64,
    #[serde(default, deserialize_with = "whole_number")]
    tax_included_minor: i64,
    #[serde(default)]
    gift_card: bool,
    #[serde(default)]
    excluded: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with the fields of order.paid, see docs/publishing.md")]
struct PaidBody {
    order_external_id: String,
    member_external_id: Option<String>,
    currency: String,
    lines: Vec<Line>,
    #[serde(default, deserialize_with = "whole_number")]
    paid_by_credit_minor: i64,
    paid_at: String,
    updated_at: Option<String>,
    #[serde(default)]
    needs_fulfilment: bool,
    #[serde(default)]
    test: bool,
}

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with the fields of order.refunded, see docs/publishing.md"
)]
struct RefundedBody {
    order_external_id: String,
    refund_external_id: String,
    lines: Vec<Line>,
    refunded_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object like {\"order_external_id\": \"1001\"}")]
struct ChangedBody {
    order_external_id: String,
    at: Option<String>,
}

fn lines(lines: Vec<Line>) -> Vec<v1::OrderLine> {
    let line = |line: Line| v1::OrderLine {
        price_minor: line.price_minor,
        quantity: line.quantity,
        discounts_minor: line.discounts_minor,
        tax_included_minor: line.tax_included_minor,
        gift_card: line.gift_card,
        excluded: line.excluded,
    };
    lines.into_iter().map(line).collect()
}

fn paid(event: &Event<'_>) -> Result<NewRun, BodyError> {
    settle(event, |body: PaidBody| {
        let paid_at = body::instant("paid_at", &body.paid_at, "the instant of the payment")?;
        let updated_at = match &body.updated_at {
            Some(text) => body::instant("updated_at", text, "or leave it out for the instant of the event")?,
            None => event.due,
        };
        let order = v1::OrderPaid {
            member_external_id: body.member_external_id.unwrap_or_default(),
            currency: body.currency,
            lines: lines(body.lines),
            paid_by_credit_minor: body.paid_by_credit_minor,
            paid_at: Some(convert::timestamp(paid_at)),
            updated_at: Some(convert::timestamp(updated_at)),
            needs_fulfilment: body.needs_fulfilment,
            test: body.test,
        };
        Ok((body.order_external_id, Fact::Paid(order)))
    })
}

fn refunded(event: &Event<'_>) -> Result<NewRun, BodyError> {
    settle(event, |body: RefundedBody| {
        let at = at(event, "refunded_at", body.refunded_at.as_deref())?;
        let refund = v1::OrderRefunded {
            refund_external_id: body.refund_external_id,
            lines: lines(body.lines),
            refunded_at: Some(at),
        };
        Ok((body.order_external_id, Fact::Refunded(refund)))
    })
}

fn fulfilled(event: &Event<'_>) -> Result<NewRun, BodyError> {
    changed(event, Fact::Fulfilled)
}

fn cancelled(event: &Event<'_>) -> Result<NewRun, BodyError> {
    changed(event, Fact::Cancelled)
}

fn disputed(event: &Event<'_>) -> Result<NewRun, BodyError> {
    changed(event, Fact::Disputed)
}

fn dispute_won(event: &Event<'_>) -> Result<NewRun, BodyError> {
    changed(event, Fact::DisputeWon)
}

/// The instant of a field, or of the event.
fn at(event: &Event<'_>, field: &str, text: Option<&str>) -> Result<Timestamp, BodyError> {
    let at = match text {
        Some(text) => body::instant(field, text, "or leave it out for the instant of the event")?,
        None => event.due,
    };
    Ok(convert::timestamp(at))
}

fn changed(event: &Event<'_>, fact: fn(v1::OrderChanged) -> Fact) -> Result<NewRun, BodyError> {
    settle(event, |body: ChangedBody| {
        let at = at(event, "at", body.at.as_deref())?;
        Ok((body.order_external_id, fact(v1::OrderChanged { at: Some(at) })))
    })
}

/// The run of an event whose body is JSON of its own kind, or the protobuf message of the task.
fn settle<'a, B: Deserialize<'a>>(
    event: &Event<'a>,
    read: impl FnOnce(B) -> Result<(String, Fact), BodyError>,
) -> Result<NewRun, BodyError> {
    let input = match event.content()? {
        Content::Json => {
            let (order_external_id, fact) = read(body::json(event.body)?)?;
            v1::SettleOrder { order_external_id, fact: Some(fact) }
        }
        Content::Protobuf => body::protobuf::<v1::SettleOrder>(event.body)?,
    };
    convert::fact(&input)?;
    let by = Trigger::Event(event.source.to_owned());
    Ok(trigger::settle_order(event.tenant.clone(), event.key()?, &input, event.due, by))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tradeup_proto::Message as _;
    use tradeup_store::{TenantId, TenantRef};

    fn read(route: &Route, body: &Value) -> Result<v1::SettleOrder, BodyError> {
        let tenant = TenantRef { id: TenantId(1), handle: "aurora".to_owned() };
        let body = body.to_string();
        let (content, body) = (Content::Json, body.as_bytes());
        let run = (route.run)(&crate::routes::test::event(&tenant, "till", "o-1", Ok(content), body))?;
        assert_eq!((run.task.as_str(), run.key.as_str()), ("settle-order", "event:till:o-1"));
        Ok(v1::SettleOrder::decode(run.payload.as_slice()).unwrap())
    }

    #[test]
    fn orders_are_read() {
        let line = json!({ "price_minor": 3350, "quantity": 1, "discounts_minor": 350 });
        let order = json!({ "order_external_id": "1001", "member_external_id": "7", "currency": "USD",
            "lines": [line], "paid_at": "2026-11-01T00:00:00Z" });
        let Some(Fact::Paid(read_order)) = read(&PAID, &order).unwrap().fact else { panic!("another fact") };
        assert_eq!(
            (read_order.lines[0].discounts_minor, read_order.updated_at.unwrap().seconds),
            (350, 1_793_512_800)
        );
        let refund = json!({ "order_external_id": "1001", "refund_external_id": "r1", "lines": [line] });
        assert!(matches!(read(&REFUNDED, &refund).unwrap().fact, Some(Fact::Refunded(_))));
        let changed = json!({ "order_external_id": "1001", "at": "2026-11-02T00:00:00Z" });
        assert!(matches!(read(&FULFILLED, &changed).unwrap().fact, Some(Fact::Fulfilled(_))));
        assert!(matches!(read(&CANCELLED, &changed).unwrap().fact, Some(Fact::Cancelled(_))));
        assert!(matches!(read(&DISPUTED, &changed).unwrap().fact, Some(Fact::Disputed(_))));
        assert!(matches!(read(&DISPUTE_WON, &changed).unwrap().fact, Some(Fact::DisputeWon(_))));
    }

    #[test]
    fn each_mistake_names_its_field() {
        let with = |field: &str, value: Value| {
            let mut body = json!({ "order_external_id": "1001", "currency": "USD", "lines": [],
                "paid_at": "2026-11-01T00:00:00Z" });
            body[field] = value;
            body
        };
        for (body, named) in [
            (with("order_external_id", json!("a:b")), "field order_external_id is no id"),
            (with("currency", json!("usd")), "field currency"),
            (with("paid_at", json!("yesterday")), "field paid_at is no instant"),
            (with("lines", json!([{ "price_minor": 5 }])), "field lines[0].quantity is missing"),
            (with("lines", json!([{ "price_minor": -5, "quantity": 1 }])), "field lines.price_minor"),
            (with("paid_by_credit_minor", json!(-1)), "field paid_by_credit_minor"),
            (with("total", json!(5)), "field total is unknown"),
        ] {
            let error = read(&PAID, &body).unwrap_err().to_string();
            assert!(error.contains(named), "{body}: {error}");
        }
    }
}
