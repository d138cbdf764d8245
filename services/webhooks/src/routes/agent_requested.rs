//! `agent.requested`: another system asks agents for an analysis or a plan. Leads to the task that it names.

use serde::Deserialize;
use serde::de::IgnoredAny;
use tradeup_proto::v1::{self, agent_requested::Request};
use tradeup_store::runs::{NewRun, Trigger};
use tradeup_worker::trigger::Asked;

use super::body::{self, BodyError};
use super::{Content, Event, Route};

pub(super) const ROUTE: Route = Route { topic: "agent.requested", run };

/// What every body names; its other fields are those of the task.
#[derive(Deserialize)]
#[serde(expecting = "an object with the fields of agent.requested, see docs/publishing.md")]
struct Named {
    task: String,
}

/// The bodies as JSON, one for each task. Their fields are those of the tasks' inputs, without `as_of`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MembersBody {
    #[serde(rename = "task")]
    _task: IgnoredAny,
    #[serde(default)]
    question: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SegmentBody {
    #[serde(rename = "task")]
    _task: IgnoredAny,
    filter: FilterBody,
    #[serde(default)]
    question: String,
}

#[derive(Default, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "an object like {\"tiers\": [\"gold\"], \"inactive_days_min\": 60}"
)]
struct FilterBody {
    tiers: Vec<String>,
    segments: Vec<String>,
    #[serde(deserialize_with = "body::small_number")]
    risk_min: i32,
    #[serde(deserialize_with = "body::small_number")]
    inactive_days_min: i32,
    #[serde(deserialize_with = "body::whole_number")]
    balance_min_minor: i64,
    #[serde(deserialize_with = "body::whole_number")]
    spent_365d_min_minor: i64,
    #[serde(deserialize_with = "body::small_number")]
    expiring_within_days: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CampaignBody {
    #[serde(rename = "task")]
    _task: IgnoredAny,
    objective: String,
    #[serde(default)]
    segment: String,
    #[serde(default, deserialize_with = "body::whole_number")]
    budget_minor: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoalBody {
    #[serde(rename = "task")]
    _task: IgnoredAny,
    goal: String,
    #[serde(default, deserialize_with = "body::small_number")]
    timeline_days: i32,
    #[serde(default)]
    target_segment: String,
}

fn run(event: &Event<'_>) -> Result<NewRun, BodyError> {
    let asked = match event.content()? {
        Content::Json => from_json(event.body)?,
        Content::Protobuf => from_protobuf(body::protobuf(event.body)?)?,
    };
    let by = Trigger::Event(event.source.to_owned());
    Ok(asked.run(event.tenant.clone(), event.key()?, event.due, by)?)
}

fn from_json(text: &[u8]) -> Result<Asked, BodyError> {
    let named: Named = body::json(text)?;
    let kind = Asked::KINDS.into_iter().find(|kind| kind.task == named.task).ok_or_else(|| {
        let tasks = Asked::KINDS.map(|kind| kind.task).join(", ");
        BodyError::new(format!("field task is none that may be asked for; give one of {tasks}"))
    })?;
    Ok(match kind.input {
        "tradeup.v1.AnalyzeMemberInsights" => {
            let body: MembersBody = body::json(text)?;
            Asked::Members(v1::AnalyzeMemberInsights { as_of: None, question: body.question })
        }
        "tradeup.v1.AnalyzeSegment" => {
            let body: SegmentBody = body::json(text)?;
            let filter = Some(v1::SegmentFilter {
                tiers: body.filter.tiers,
                segments: body.filter.segments,
                risk_min: body.filter.risk_min,
                inactive_days_min: body.filter.inactive_days_min,
                balance_min_minor: body.filter.balance_min_minor,
                spent_365d_min_minor: body.filter.spent_365d_min_minor,
                expiring_within_days: body.filter.expiring_within_days,
            });
            Asked::Segment(v1::AnalyzeSegment { as_of: None, filter, question: body.question })
        }
        "tradeup.v1.PlanCampaign" => {
            let body: CampaignBody = body::json(text)?;
            Asked::Campaign(v1::PlanCampaign {
                as_of: None,
                objective: body.objective,
                segment: body.segment,
                budget_minor: body.budget_minor,
            })
        }
        _ => {
            let body: GoalBody = body::json(text)?;
            Asked::Goal(v1::PlanStrategicGoal {
                as_of: None,
                goal: body.goal,
                timeline_days: body.timeline_days,
                target_segment: body.target_segment,
            })
        }
    })
}

fn from_protobuf(message: v1::AgentRequested) -> Result<Asked, BodyError> {
    match message.request {
        Some(Request::AnalyzeMemberInsights(input)) => Ok(Asked::Members(input)),
        Some(Request::AnalyzeSegment(input)) => Ok(Asked::Segment(input)),
        Some(Request::PlanCampaign(input)) => Ok(Asked::Campaign(input)),
        Some(Request::PlanStrategicGoal(input)) => Ok(Asked::Goal(input)),
        None => Err(BodyError::new("field request is missing; say what is asked for")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tradeup_proto::Message as _;
    use tradeup_store::{TenantId, TenantRef};

    fn read(content: Content, body: &[u8]) -> Result<NewRun, BodyError> {
        let tenant = TenantRef { id: TenantId(1), handle: "aurora".to_owned() };
        (ROUTE.run)(&crate::routes::test::event(&tenant, "crm", "g-1", Ok(content), body))
    }

    fn read_json(body: &Value) -> Result<NewRun, BodyError> {
        read(Content::Json, body.to_string().as_bytes())
    }

    #[test]
    fn each_task_is_asked_for_by_its_name() {
        for (body, task) in [
            (json!({ "task": "analyze-member-insights" }), "analyze-member-insights"),
            (
                json!({ "task": "analyze-segment", "filter": { "tiers": ["gold"], "risk_min": 60 } }),
                "analyze-segment",
            ),
            (json!({ "task": "plan-campaign", "objective": "Use what ends soon" }), "plan-campaign"),
            (json!({ "task": "plan-strategic-goal", "goal": "Reduce churn 20 %" }), "plan-strategic-goal"),
        ] {
            let run = read_json(&body).unwrap();
            assert_eq!((run.task.as_str(), run.key.as_str()), (task, "event:crm:g-1"));
        }
    }

    #[test]
    fn json_and_protobuf_ask_for_the_same() {
        let json = read_json(&json!({ "task": "plan-strategic-goal", "goal": "Reduce churn 20 %",
            "timeline_days": 60, "target_segment": "at_risk" }))
        .unwrap();
        let goal = v1::PlanStrategicGoal {
            as_of: None,
            goal: "Reduce churn 20 %".to_owned(),
            timeline_days: 60,
            target_segment: "at_risk".to_owned(),
        };
        let message = v1::AgentRequested { request: Some(Request::PlanStrategicGoal(goal)) };
        let protobuf = read(Content::Protobuf, &message.encode_to_vec()).unwrap();
        assert_eq!((json.task, json.payload), (protobuf.task, protobuf.payload));
        assert!(read(Content::Protobuf, &v1::AgentRequested::default().encode_to_vec()).is_err());
    }

    #[test]
    fn each_mistake_names_its_field() {
        for (body, named) in [
            (json!({}), "field task is missing"),
            (json!({ "task": "grant-credit" }), "field task is none that may be asked for"),
            (json!({ "task": "plan-strategic-goal" }), "field goal is missing"),
            (json!({ "task": "plan-strategic-goal", "goal": "" }), "field goal is empty"),
            (json!({ "task": "plan-strategic-goal", "goal": "x", "days": 9 }), "field days is unknown"),
            (
                json!({ "task": "plan-strategic-goal", "goal": "x", "timeline_days": 1 }),
                "field timeline_days",
            ),
            (
                json!({ "task": "plan-strategic-goal", "goal": "x", "timeline_days": "ninety" }),
                "field timeline_days is wrong",
            ),
            (json!({ "task": "analyze-segment", "filter": {} }), "field filter narrows nothing"),
            (
                json!({ "task": "analyze-segment", "filter": { "risk_min": 99_999_999_999_i64 } }),
                "field filter.risk_min",
            ),
            (
                json!({ "task": "analyze-segment", "filter": { "tier": "gold" } }),
                "field filter.tier is unknown",
            ),
        ] {
            let error = read_json(&body).unwrap_err().to_string();
            assert!(error.contains(named), "{body}: {error}");
        }
    }
}
