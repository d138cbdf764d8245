//! `customer.merged`: the shop system has found that two customers are one. Leads to `merge-members`.

use serde::Deserialize;
use tradeup_proto::{convert, v1};
use tradeup_store::runs::{NewRun, Trigger};
use tradeup_worker::trigger;

use super::body::{self, BodyError};
use super::{Content, Event, Route};

pub(super) const ROUTE: Route = Route { topic: "customer.merged", run: merged };

/// The body as JSON.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with the fields of customer.merged, see docs/publishing.md"
)]
struct MergedBody {
    old_member_external_id: String,
    kept_member_external_id: String,
    reason: Option<String>,
}

fn merged(event: &Event<'_>) -> Result<NewRun, BodyError> {
    let mut input = match event.content()? {
        Content::Json => {
            let body: MergedBody = body::json(event.body)?;
            v1::MergeMembers {
                old_member_external_id: body.old_member_external_id,
                kept_member_external_id: body.kept_member_external_id,
                source: String::new(),
                reason: body.reason.unwrap_or_default(),
            }
        }
        Content::Protobuf => body::protobuf(event.body)?,
    };
    // Who says so is in the subject, whatever the body says.
    event.source.clone_into(&mut input.source);
    convert::merge(&input)?;
    let by = Trigger::Event(event.source.to_owned());
    Ok(trigger::merge_members(event.tenant.clone(), event.key()?, &input, event.due, by))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tradeup_proto::Message as _;
    use tradeup_store::{TenantId, TenantRef};

    fn read(body: &Value) -> Result<NewRun, BodyError> {
        let tenant = TenantRef { id: TenantId(1), handle: "aurora".to_owned() };
        let body = body.to_string();
        let (content, body) = (Content::Json, body.as_bytes());
        (ROUTE.run)(&crate::routes::test::event(&tenant, "shop", "m-1", Ok(content), body))
    }

    #[test]
    fn a_merge_names_both_and_who_says_so() {
        let run = read(&json!({ "old_member_external_id": "7", "kept_member_external_id": "8" })).unwrap();
        let input = v1::MergeMembers::decode(run.payload.as_slice()).unwrap();
        assert_eq!((input.old_member_external_id.as_str(), input.source.as_str()), ("7", "shop"));
        assert_eq!((run.task.as_str(), run.key.as_str()), ("merge-members", "event:shop:m-1"));
    }

    #[test]
    fn each_mistake_names_its_field() {
        for (body, named) in [
            (json!({ "kept_member_external_id": "8" }), "field old_member_external_id is missing"),
            (
                json!({ "old_member_external_id": "7", "kept_member_external_id": "" }),
                "field kept_member_external_id",
            ),
            (json!({ "old_member_external_id": "7", "kept_member_external_id": "7" }), "are the same"),
            (
                json!({ "old_member_external_id": 7, "kept_member_external_id": "8" }),
                "field old_member_external_id",
            ),
        ] {
            let error = read(&body).unwrap_err().to_string();
            assert!(error.contains(named), "{body}: {error}");
        }
    }
}
