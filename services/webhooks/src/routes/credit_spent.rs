//! `credit.spent` and `credit.spend_reverted`: a member used credit at another system's checkout, or it is taken back.
//! Lead to `spend-credit` and `revert-spend`.

use serde::Deserialize;
use tradeup_domain::spend::{check_amount, check_reference};
use tradeup_proto::{convert, v1};
use tradeup_store::runs::{NewRun, Trigger};
use tradeup_worker::trigger;

use super::body::{self, Amount, BodyError};
use super::{Content, Event, Route};

pub(super) const SPENT: Route = Route { topic: "credit.spent", run: spent };
pub(super) const REVERTED: Route = Route { topic: "credit.spend_reverted", run: reverted };

/// The body of `credit.spent` as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with the fields of credit.spent, see docs/publishing.md")]
struct SpentBody {
    member_external_id: String,
    amount: Amount,
    reference: String,
    reason: Option<String>,
}

/// The body of `credit.spend_reverted` as JSON.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with the fields of credit.spend_reverted, see docs/publishing.md"
)]
struct RevertedBody {
    reference: String,
    amount: Option<Amount>,
    reason: Option<String>,
}

fn spent(event: &Event<'_>) -> Result<NewRun, BodyError> {
    let mut input = match event.content()? {
        Content::Json => {
            let body: SpentBody = body::json(event.body)?;
            v1::SpendCredit {
                member_external_id: body.member_external_id,
                amount: Some(body.amount.into()),
                source: String::new(),
                reference: body.reference,
                reason: body.reason.unwrap_or_default(),
            }
        }
        Content::Protobuf => body::protobuf(event.body)?,
    };
    // Who says so is in the subject, whatever the body says.
    event.source.clone_into(&mut input.source);
    convert::spend(&input)?;
    Ok(trigger::spend_credit(event.tenant.clone(), event.key()?, &input, event.due, by(event)))
}

fn reverted(event: &Event<'_>) -> Result<NewRun, BodyError> {
    let mut input = match event.content()? {
        Content::Json => {
            let body: RevertedBody = body::json(event.body)?;
            v1::RevertSpend {
                source: String::new(),
                reference: body.reference,
                amount: body.amount.map(Into::into),
                reason: body.reason.unwrap_or_default(),
            }
        }
        Content::Protobuf => body::protobuf(event.body)?,
    };
    event.source.clone_into(&mut input.source);
    check_reference(&input.reference)?;
    if let Some(amount) = &input.amount {
        convert::money(Some(amount))?;
        check_amount(amount.amount_minor)?;
    }
    Ok(trigger::revert_spend(event.tenant.clone(), event.key()?, &input, event.due, by(event)))
}

fn by(event: &Event<'_>) -> Trigger {
    Trigger::Event(event.source.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tradeup_proto::Message as _;
    use tradeup_store::{TenantId, TenantRef};

    fn read(route: &Route, body: &Value) -> Result<NewRun, BodyError> {
        let tenant = TenantRef { id: TenantId(1), handle: "aurora".to_owned() };
        let body = body.to_string();
        let (content, body) = (Content::Json, body.as_bytes());
        (route.run)(&crate::routes::test::event(&tenant, "till", "s-1", Ok(content), body))
    }

    #[test]
    fn a_spend_is_its_sources() {
        let body = json!({ "member_external_id": "7", "amount": { "amount_minor": 500, "currency": "USD" },
            "reference": "order 1001" });
        let run = read(&SPENT, &body).unwrap();
        let input = v1::SpendCredit::decode(run.payload.as_slice()).unwrap();
        assert_eq!((input.source.as_str(), input.reference.as_str()), ("till", "order 1001"));
        assert_eq!((run.task.as_str(), run.key.as_str()), ("spend-credit", "event:till:s-1"));
        let run = read(&REVERTED, &json!({ "reference": "order 1001" })).unwrap();
        let input = v1::RevertSpend::decode(run.payload.as_slice()).unwrap();
        assert_eq!((input.source.as_str(), input.amount), ("till", None));
    }

    #[test]
    fn each_mistake_names_its_field() {
        let amount = |minor: i64, currency: &str| json!({ "amount_minor": minor, "currency": currency });
        let spend = |amount: Value, reference: &str| json!({ "member_external_id": "7", "amount": amount, "reference": reference });
        for (route, body, named) in [
            (&SPENT, spend(amount(0, "USD"), "a"), "field amount.amount_minor"),
            (&SPENT, spend(amount(5, "usd"), "a"), "field amount.currency"),
            (&SPENT, spend(amount(5, "USD"), ""), "field reference"),
            (
                &SPENT,
                json!({ "amount": amount(5, "USD"), "reference": "a" }),
                "field member_external_id is missing",
            ),
            (&REVERTED, json!({}), "field reference is missing"),
            (
                &REVERTED,
                json!({ "reference": "a", "amount": amount(-5, "USD") }),
                "field amount.amount_minor",
            ),
            (&REVERTED, json!({ "reference": "a", "member": "7" }), "field member is unknown"),
        ] {
            let error = read(route, &body).unwrap_err().to_string();
            assert!(error.contains(named), "{body}: {error}");
        }
    }
}
