//! `trade_in.submitted`: a member has something to trade in. Leads to `handle-trade-in-submitted`.

use serde::Deserialize;
use tradeup_domain::order::check_member;
use tradeup_proto::{ConvertError, v1};
use tradeup_store::runs::{NewRun, Trigger};
use tradeup_store::trade_ins::{AskedLine, Payout};
use tradeup_worker::trigger;

use super::body::{self, BodyError};
use super::{Content, Event, Route};

pub(super) const ROUTE: Route = Route { topic: "trade_in.submitted", run: submitted };

/// The body as JSON; the API takes the same.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with the fields of trade_in.submitted, see docs/trade-ins.md"
)]
pub(crate) struct SubmittedBody {
    pub(crate) submission_id: String,
    pub(crate) member_external_id: String,
    pub(crate) payout: Option<String>,
    lines: Vec<LineBody>,
}

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object like {\"item\": \"X-7\", \"condition\": \"NM\", \"quantity\": 1}"
)]
struct LineBody {
    item: String,
    condition: String,
    quantity: u32,
}

impl SubmittedBody {
    pub(crate) fn lines(&self) -> Vec<AskedLine> {
        let line = |line: &LineBody| AskedLine {
            item: line.item.clone(),
            condition: line.condition.clone(),
            quantity: line.quantity,
        };
        self.lines.iter().map(line).collect()
    }
}

/// How a member wants to be paid: as credit if nothing is said.
pub(crate) fn payout(text: Option<&str>) -> Result<Payout, BodyError> {
    match text {
        None | Some("credit") => Ok(Payout::Credit),
        Some("cash") => Ok(Payout::Cash),
        Some(_other) => Err(BodyError::new("field payout is unknown; give credit or cash")),
    }
}

/// A submission's id is a part of addresses.
pub(crate) fn check_submission(id: &str) -> Result<(), BodyError> {
    let good = !id.is_empty() && id.chars().count() <= 200 && !id.chars().any(|c| c.is_control() || c == '/');
    if good {
        Ok(())
    } else {
        Err(BodyError::new("field submission_id is no id; give 1 to 200 characters without /"))
    }
}

fn submitted(event: &Event<'_>) -> Result<NewRun, BodyError> {
    let mut input = match event.content()? {
        Content::Json => {
            let body: SubmittedBody = body::json(event.body)?;
            let line = |line: AskedLine| v1::TradeInLine {
                item: line.item,
                condition: line.condition,
                quantity: line.quantity,
            };
            v1::TradeInSubmitted {
                lines: body.lines().into_iter().map(line).collect(),
                submission_id: body.submission_id,
                member_external_id: body.member_external_id,
                payout: body.payout.unwrap_or_default(),
                source: String::new(),
            }
        }
        Content::Protobuf => body::protobuf(event.body)?,
    };
    // Who says so is in the subject, whatever the body says.
    event.source.clone_into(&mut input.source);
    check_submission(&input.submission_id)?;
    check_member(&input.member_external_id).map_err(ConvertError::from)?;
    payout(Some(&input.payout).filter(|payout| !payout.is_empty()).map(String::as_str))?;
    let by = Trigger::Event(event.source.to_owned());
    Ok(trigger::trade_in_submitted(event.tenant.clone(), event.key()?, &input, event.due, by))
}
