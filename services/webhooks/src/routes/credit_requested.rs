//! `credit.requested`: another system asks for a credit for one member. Leads to `grant-credit`.

use serde::Deserialize;
use tradeup_domain::ValueClass;
use tradeup_proto::{convert, v1};
use tradeup_store::runs::{NewRun, Trigger};
use tradeup_worker::trigger;

use super::body::{self, Amount, BodyError};
use super::{Content, Event, Route};

pub(super) const ROUTE: Route = Route { topic: "credit.requested", run };

/// The body as JSON. Its fields are those of `tradeup.v1.CreditRequested`.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with the fields of credit.requested, see docs/publishing.md"
)]
struct Body {
    member_external_id: String,
    amount: Amount,
    reason: String,
    expires_at: Option<String>,
    value_class: Option<String>,
}

fn run(event: &Event<'_>) -> Result<NewRun, BodyError> {
    let requested = match event.content()? {
        Content::Json => from_json(body::json(event.body)?)?,
        Content::Protobuf => body::protobuf(event.body)?,
    };
    let grant = v1::GrantCredit {
        member_external_id: requested.member_external_id,
        amount: requested.amount,
        reason: requested.reason,
        expires_at: requested.expires_at,
        value_class: requested.value_class,
        source_key: event.key()?,
    };
    convert::grant(&grant)?.beginning(event.due)?;
    let triggered_by = Trigger::Event(event.source.to_owned());
    Ok(trigger::grant_credit(event.tenant.clone(), &grant, event.due, triggered_by))
}

fn from_json(body: Body) -> Result<v1::CreditRequested, BodyError> {
    let expires_at = body
        .expires_at
        .as_deref()
        .map(|text| body::instant("expires_at", text, "or leave it out for never"))
        .transpose()?;
    let value_class = body.value_class.as_deref().map(str::parse::<ValueClass>).transpose()?;
    Ok(v1::CreditRequested {
        member_external_id: body.member_external_id,
        amount: Some(body.amount.into()),
        reason: body.reason,
        expires_at: expires_at.map(convert::timestamp),
        value_class: convert::value_class_number(value_class.unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use tradeup_proto::Message as _;
    use tradeup_store::{TenantId, TenantRef};

    fn read(content: Content, body: &[u8]) -> Result<v1::GrantCredit, BodyError> {
        let tenant = TenantRef { id: TenantId(1), handle: "aurora".to_owned() };
        let due = DateTime::from_timestamp(1_793_512_800, 0).unwrap();
        let new = run(&crate::routes::test::event(&tenant, "till", "a-1", Ok(content), body))?;
        assert_eq!((new.key.as_str(), new.scheduled_for), ("event:till:a-1", due));
        Ok(v1::GrantCredit::decode(new.payload.as_slice()).unwrap())
    }

    fn good() -> Value {
        json!({
            "member_external_id": "7250000000017",
            "amount": { "amount_minor": 500, "currency": "USD" },
            "reason": "Danke für den Tausch",
            "expires_at": "2027-03-01T00:00:00Z",
            "value_class": "paid",
        })
    }

    #[test]
    fn json_and_protobuf_ask_for_the_same() {
        let from_json = read(Content::Json, good().to_string().as_bytes()).unwrap();
        let message = v1::CreditRequested {
            member_external_id: from_json.member_external_id.clone(),
            amount: from_json.amount.clone(),
            reason: from_json.reason.clone(),
            expires_at: from_json.expires_at,
            value_class: from_json.value_class,
        };
        assert_eq!(read(Content::Protobuf, &message.encode_to_vec()).unwrap(), from_json);
        assert_eq!(from_json.source_key, "event:till:a-1");
    }

    #[test]
    fn each_mistake_names_its_field_and_repeats_no_value() {
        let with = |field: &str, value: Value| {
            let mut body = good();
            body[field] = value;
            body.to_string()
        };
        let without = |field: &str| {
            let mut body = good();
            body.as_object_mut().unwrap().remove(field);
            body.to_string()
        };
        let secret = "ann@example.com";
        for (body, named) in [
            (without("member_external_id"), "field member_external_id is missing"),
            (without("amount"), "field amount is missing"),
            (without("reason"), "field reason is missing"),
            (
                with("member_external_id", json!(7_250_000_000_017_i64)),
                "field member_external_id is wrong; give a string",
            ),
            (with("member_external_id", json!([secret])), "field member_external_id is wrong; give a string"),
            (with("amount", json!(secret)), "field amount is wrong; give an object like"),
            (with("amount", json!({ "amount_minor": 5 })), "field amount.currency is missing"),
            (
                with("amount", json!({ "amount_minor": "5", "currency": "USD" })),
                "field amount.amount_minor is wrong; give a whole number",
            ),
            (
                with("amount", json!({ "amount_minor": 5.5, "currency": "USD" })),
                "field amount.amount_minor is wrong; give a whole number",
            ),
            (
                with("amount", json!({ "amount_minor": 0, "currency": "USD" })),
                "field amount.amount_minor is not above 0",
            ),
            (
                with("amount", json!({ "amount_minor": u64::MAX, "currency": "USD" })),
                "field amount.amount_minor is above",
            ),
            (with("amount", json!({ "amount_minor": 5, "currency": "usd" })), "field amount.currency"),
            (
                with("amount", json!({ "amount_minor": 5, "currency": "USD", "cents": 5 })),
                "field amount.cents is unknown; there are `amount_minor`",
            ),
            (with("amout", json!(secret)), "field amout is unknown; there are `member_external_id`"),
            (with("reason", json!("")), "field reason is empty"),
            (with("reason", json!({ "x": secret })), "field reason is wrong; give a string"),
            (with("expires_at", json!("1.3.2027")), "field expires_at is no instant"),
            (with("expires_at", json!("2020-03-01T00:00:00Z")), "field expires_at is not after"),
            (with("value_class", json!(secret)), "field value_class is unknown; give promotional or paid"),
            (json!(secret).to_string(), "the body is wrong; give an object"),
            (good().to_string().replacen('{', r#"{"reason":"x","#, 1), "field reason is there twice"),
            ("{".to_owned(), "the body is no JSON, see line 1"),
            (format!("{} x", good()), "the body is no JSON, see line 1"),
            (String::new(), "the body is no JSON"),
        ] {
            let error = read(Content::Json, body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(named) && !error.contains(secret), "{body}: {error}");
        }
        let error = read(Content::Protobuf, good().to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains("Content-Type"), "{error}");
        let error = read(Content::Protobuf, b"").unwrap_err().to_string();
        assert!(error.contains("field amount is missing"), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_a_crash(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _either = read(Content::Json, &bytes);
            let _either = read(Content::Protobuf, &bytes);
        }
    }
}
