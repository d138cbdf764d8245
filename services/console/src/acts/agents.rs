//! What the agents are asked for, what is decided of what they propose, and what they may.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradeup_access::Act;
use tradeup_domain::{Currency, Money};
use tradeup_proto::job_kind::{ANALYZE_MEMBER_INSIGHTS, ANALYZE_SEGMENT, PLAN_CAMPAIGN, PLAN_STRATEGIC_GOAL};
use tradeup_proto::{ConvertError, JobKind, json as payload_json, v1};
use tradeup_store::runs::{self, Trigger};
use tradeup_store::{Pool, RunId, TenantRef, Tx, agent_settings, audit, schedules};
use tradeup_worker::trigger::{Asked, checked_key};
use utoipa::ToSchema;

use super::operator::{Flag, Number};
use super::{Operator, Said, begun, done};
use crate::Console;
use crate::api::document::{Problems, ShopPath};
use crate::failure::Failure;
use crate::views::agents::asking::Asking;
use crate::views::agents::settings::ShopAgentSettings;
use crate::views::agents::usd::{self, Usd};
use crate::views::said;
use crate::views::tenants::{self, Shop};

/// What the agents are asked for: a task, and of what follows that which it takes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentsAsked {
    /// `plan-strategic-goal`, `plan-campaign`, `analyze-segment` or `analyze-member-insights`.
    task: String,
    /// What makes it unique for the shop: the same again answers with the run that there is. Without one, the same words
    /// on the same day are one run.
    #[serde(default)]
    key: String,
    /// Of `plan-strategic-goal`.
    #[serde(default)]
    goal: String,
    /// Of `plan-strategic-goal`: within so many days; 90, if it is not said.
    #[serde(default)]
    #[schema(value_type = i64, required = false)]
    timeline_days: Number,
    /// Of `plan-strategic-goal`: handle of the segment that it is about.
    #[serde(default)]
    target_segment: String,
    /// Of `plan-campaign`: what it is to do.
    #[serde(default)]
    objective: String,
    /// Of `plan-campaign`: handle of the segment that it is for.
    #[serde(default)]
    segment: String,
    /// Of `plan-campaign`: what it may cost, in the shop's currency, like `500.00`.
    #[serde(default)]
    budget: String,
    /// Of `analyze-segment`: handles of segments, with commas between; any of them.
    #[serde(default)]
    segments: String,
    /// Of `analyze-segment`: handles of tiers, with commas between; any of them.
    #[serde(default)]
    tiers: String,
    /// Of `analyze-segment`: at least this risk of staying away, 0 to 100.
    #[serde(default)]
    #[schema(value_type = i64, required = false)]
    risk_min: Number,
    /// Of `analyze-segment`: at least so many days without an order.
    #[serde(default)]
    #[schema(value_type = i64, required = false)]
    inactive_days_min: Number,
    /// Of `analyze-segment`: at least this much credit, in the shop's currency.
    #[serde(default)]
    balance_min: String,
    /// Of `analyze-segment`: at least this much bought within a year, in the shop's currency.
    #[serde(default)]
    spent_365d_min: String,
    /// Of `analyze-segment`: has credit that ends within so many days.
    #[serde(default)]
    #[schema(value_type = i64, required = false)]
    expiring_within_days: Number,
    /// Of `analyze-segment` and `analyze-member-insights`.
    #[serde(default)]
    question: String,
}

/// The largest amount that is taken, in minor units: sums of it stay what can be counted.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// Handles with commas between.
fn handles(given: &str) -> Vec<String> {
    given.split(',').filter_map(said).collect()
}

impl Operator<AgentsAsked> {
    fn days(&self, field: &'static str, given: &Number) -> Result<i32, Failure> {
        let number = self.number(field, given)?.unwrap_or_default();
        i32::try_from(number)
            .map_err(|_large| Failure::Invalid { field, why: "it is too large a number".to_owned() })
    }

    /// Those fields that a task does not take and that say something: what was meant to narrow it would not.
    fn left_over(&self, kind: JobKind) -> Result<(), Failure> {
        let what = &self.what;
        let set = |number: &Number| match number {
            Number::Given(_) => true,
            Number::Typed(text) => said(text).is_some(),
            Number::Nothing => false,
        };
        let is_said = |text: &String| said(text).is_some();
        let fields: [(&'static str, bool, &[JobKind]); 13] = [
            ("goal", is_said(&what.goal), &[PLAN_STRATEGIC_GOAL]),
            ("timeline_days", set(&what.timeline_days), &[PLAN_STRATEGIC_GOAL]),
            ("target_segment", is_said(&what.target_segment), &[PLAN_STRATEGIC_GOAL]),
            ("objective", is_said(&what.objective), &[PLAN_CAMPAIGN]),
            ("segment", is_said(&what.segment), &[PLAN_CAMPAIGN]),
            ("budget", is_said(&what.budget), &[PLAN_CAMPAIGN]),
            ("segments", is_said(&what.segments), &[ANALYZE_SEGMENT]),
            ("tiers", is_said(&what.tiers), &[ANALYZE_SEGMENT]),
            ("risk_min", set(&what.risk_min), &[ANALYZE_SEGMENT]),
            ("inactive_days_min", set(&what.inactive_days_min), &[ANALYZE_SEGMENT]),
            ("balance_min", is_said(&what.balance_min), &[ANALYZE_SEGMENT]),
            ("spent_365d_min", is_said(&what.spent_365d_min), &[ANALYZE_SEGMENT]),
            ("expiring_within_days", set(&what.expiring_within_days), &[ANALYZE_SEGMENT]),
        ];
        let question = ("question", is_said(&what.question), [ANALYZE_SEGMENT, ANALYZE_MEMBER_INSIGHTS]);
        let mut left =
            fields.iter().filter(|(_, set, of)| *set && !of.contains(&kind)).map(|(field, ..)| *field);
        let question = (question.1 && !question.2.contains(&kind)).then_some(question.0);
        match left.next().or(question) {
            None => Ok(()),
            Some(field) => Err(Failure::Invalid { field, why: format!("{} takes no such thing", kind.task) }),
        }
    }

    /// As the task takes it.
    fn input(&self, kind: JobKind, shop: &Shop) -> Result<Asked, Failure> {
        self.left_over(kind)?;
        let what = &self.what;
        let minor =
            |field: &'static str, given: &str| amount(field, given, shop).map(Option::unwrap_or_default);
        Ok(if kind == PLAN_STRATEGIC_GOAL {
            Asked::Goal(v1::PlanStrategicGoal {
                as_of: None,
                goal: what.goal.trim().to_owned(),
                timeline_days: self.days("timeline_days", &what.timeline_days)?,
                target_segment: what.target_segment.trim().to_owned(),
            })
        } else if kind == PLAN_CAMPAIGN {
            Asked::Campaign(v1::PlanCampaign {
                as_of: None,
                objective: what.objective.trim().to_owned(),
                segment: what.segment.trim().to_owned(),
                budget_minor: minor("budget", &what.budget)?,
            })
        } else if kind == ANALYZE_SEGMENT {
            let filter = v1::SegmentFilter {
                tiers: handles(&what.tiers),
                segments: handles(&what.segments),
                risk_min: self.days("risk_min", &what.risk_min)?,
                inactive_days_min: self.days("inactive_days_min", &what.inactive_days_min)?,
                balance_min_minor: minor("balance_min", &what.balance_min)?,
                spent_365d_min_minor: minor("spent_365d_min", &what.spent_365d_min)?,
                expiring_within_days: self.days("expiring_within_days", &what.expiring_within_days)?,
            };
            let question = what.question.trim().to_owned();
            Asked::Segment(v1::AnalyzeSegment { as_of: None, filter: Some(filter), question })
        } else {
            let question = what.question.trim().to_owned();
            Asked::Members(v1::AnalyzeMemberInsights { as_of: None, question })
        })
    }
}

/// An amount of the shop's currency, in minor units, if one is said.
fn amount(field: &'static str, given: &str, shop: &Shop) -> Result<Option<i64>, Failure> {
    let Some(given) = said(given) else { return Ok(None) };
    let currency: Currency = shop.currency.parse().map_err(|_unknown| Failure::Internal)?;
    let invalid = |why: String| Failure::Invalid { field, why };
    let money = Money::parse(&given, currency).map_err(|error| invalid(error.to_string()))?;
    if !(0..=AMOUNT_MAX).contains(&money.amount_minor) {
        return Err(invalid("it is too large".to_owned()));
    }
    Ok(Some(money.amount_minor))
}

/// What can't be asked for, by its field.
fn refused(error: &ConvertError) -> Failure {
    match error {
        ConvertError::Asked { field, problem } => Failure::Invalid { field, why: format!("it {problem}") },
        other => Failure::Invalid { field: "body", why: other.to_string() },
    }
}

/// What a run is about, whenever it was asked for.
fn wanted(kind: JobKind, payload: &[u8]) -> Option<Value> {
    let mut value = payload_json::from_bytes(kind.input, payload).ok()?;
    let fields = value.as_object_mut()?;
    fields.remove("as_of");
    fields.remove("asOf");
    Some(value)
}

/// Whether the run of a key was asked for the same.
async fn is_same(pool: &Pool, kind: JobKind, run: RunId, payload: &[u8]) -> Result<bool, Failure> {
    let there = runs::payload(pool, run).await?;
    Ok(there.is_some_and(|there| wanted(kind, &there) == wanted(kind, payload)))
}

/// Asks the agents for a plan or an analysis of a shop, as it stands now. It costs money at the model's provider, within
/// the shop's budget. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/shops/{handle}/agents/start", operation_id = "ask_agents", params(ShopPath),
    request_body = Said<AgentsAsked>,
    responses((status = 200, description = "The run that does it.", body = Object), Problems))]
pub(crate) async fn start(
    State(console): State<Console>,
    Path(handle): Path<String>,
    operator: Operator<AgentsAsked>,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let pool = console.worker.pool();
    let shop = tenants::one(pool, &operator.who, &handle).await?;
    let asking = Asking::by_task(&operator.what.task).ok_or_else(|| Failure::Invalid {
        field: "task",
        why: format!("{:?} is nothing that the agents can be asked for", operator.what.task),
    })?;
    let asked = operator.input(asking.kind, &shop)?;
    if shop.state != "active" {
        return Err(Failure::Conflict(format!("The shop is {}: the agents do nothing for it.", shop.state)));
    }
    let mut tx = Tx::of_engine(pool).await?;
    let now = schedules::now(&mut tx).await?;
    let key = match said(&operator.what.key) {
        Some(key) => checked_key(&key).map_err(|why| Failure::Invalid { field: "key", why })?,
        None => asked.key_of_the_day(now).map_err(|error| refused(&error))?,
    };
    let of = TenantRef { id: shop.id, handle: shop.handle.clone() };
    let by = Trigger::Manual(operator.who.name.clone());
    let new = asked.run(of, key.clone(), now, by).map_err(|error| refused(&error))?;
    let payload = new.payload.clone();
    let created = runs::create(&mut tx, new).await?;
    if !created.is_new && !is_same(pool, asking.kind, created.run_id, &payload).await? {
        let why = format!("run {} has it already, and was asked for something else", created.run_id);
        return Err(Failure::Invalid { field: "key", why });
    }
    if created.is_new {
        let subject = json!({ "tenant": shop.handle, "task": asking.kind.task, "key": key,
            "run": created.run_id.to_string(), "asked": wanted(asking.kind, &payload) });
        audit::record(&mut tx, &actor, "agents.ask", &subject).await?;
    }
    tx.commit().await?;
    Ok(begun(&console, created).await)
}

/// What the agents may do and spend for a shop; what is not said stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentsSetting {
    /// Whether they work for it at all.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    enabled: Option<Flag>,
    /// What a run may cost, in USD, like `2` or `0.50`.
    #[serde(default)]
    run_cap: String,
    /// The same of a day, of UTC.
    #[serde(default)]
    day_cap: String,
    /// The same of a month, of UTC.
    #[serde(default)]
    month_cap: String,
    /// The largest credit that may be proposed for one member, in the shop's currency.
    #[serde(default)]
    credit_max: String,
    /// The most that a proposed campaign may cost, in the shop's currency.
    #[serde(default)]
    campaign_cost_max: String,
    /// Whether what a script has proposed without a model may be approved.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    offline_approvals: Option<Flag>,
}

/// What models may cost, in nano-USD, if it is said.
fn cap(field: &'static str, given: &str) -> Result<Option<i64>, Failure> {
    let Some(given) = said(given) else { return Ok(None) };
    let why = || "give an amount of US dollars, like 2 or 0.50".to_owned();
    usd::read(&given).map(Some).ok_or_else(|| Failure::Invalid { field, why: why() })
}

/// Sets what the agents may do and spend for a shop. What is under way keeps to what there was when it began. Needs
/// `reason`; admins only.
#[utoipa::path(post, path = "/api/v1/shops/{handle}/agents/set", operation_id = "set_agents", params(ShopPath),
    request_body = Said<AgentsSetting>,
    responses((status = 200, description = "The settings.", body = ShopAgentSettings), Problems))]
pub(crate) async fn set(
    State(console): State<Console>,
    Path(handle): Path<String>,
    operator: Operator<AgentsSetting>,
) -> Result<Response, Failure> {
    operator.who.may(Act::Administer)?;
    let actor = operator.because()?;
    let pool = console.worker.pool();
    let shop = tenants::one(pool, &operator.who, &handle).await?;
    let what = &operator.what;
    let change = agent_settings::Change {
        enabled: what.enabled.map(|Flag(enabled)| enabled),
        run_cap_nano: cap("run_cap", &what.run_cap)?,
        day_cap_nano: cap("day_cap", &what.day_cap)?,
        month_cap_nano: cap("month_cap", &what.month_cap)?,
        credit_minor_max: amount("credit_max", &what.credit_max, &shop)?,
        campaign_cost_minor_max: amount("campaign_cost_max", &what.campaign_cost_max, &shop)?,
        offline_approvals: what.offline_approvals.map(|Flag(approvals)| approvals),
    };
    if change == agent_settings::Change::default() {
        let why = "say what is to be set".to_owned();
        return Err(Failure::Invalid { field: "body", why });
    }
    let mut tx = Tx::of_tenant(pool, shop.id).await?;
    let after = agent_settings::change(&mut tx, shop.id, &change, &actor).await?;
    tx.commit().await?;
    let settings = ShopAgentSettings::of(&after, &shop.currency);
    let value = serde_json::to_value(settings).map_err(|_unwritable| Failure::Internal)?;
    Ok(done(&format!("/shops/{}/agents", shop.handle), value))
}

/// What the models of all shops together may cost.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AllAgentsSetting {
    /// In a day, of UTC, in USD, like `200` or `0.50`.
    day_cap: String,
}

/// What the models of all shops together may cost in a day, as it was set.
#[derive(Serialize, ToSchema)]
pub(crate) struct AllAgentsSet {
    day_cap: Usd,
    /// What it was.
    before: Usd,
}

/// Sets what the models of all shops together may cost in a day. What is set aside for calls under way stays. Needs
/// `reason`; admins only.
#[utoipa::path(post, path = "/api/v1/agents/set", operation_id = "set_all_agents",
    request_body = Said<AllAgentsSetting>,
    responses((status = 200, description = "What it is, and what it was.", body = AllAgentsSet), Problems))]
pub(crate) async fn set_all(
    State(console): State<Console>,
    operator: Operator<AllAgentsSetting>,
) -> Result<Response, Failure> {
    operator.who.may(Act::Administer)?;
    let actor = operator.because()?;
    let Some(nano) = cap("day_cap", &operator.what.day_cap)? else {
        return Err(Failure::Invalid { field: "day_cap", why: "say what a day may cost".to_owned() });
    };
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    let before = agent_settings::change_all_day_cap(&mut tx, nano, &actor).await?;
    tx.commit().await?;
    let set = AllAgentsSet { day_cap: Usd::of(nano), before: Usd::of(before) };
    let value = serde_json::to_value(set).map_err(|_unwritable| Failure::Internal)?;
    Ok(done("/agents/spend", value))
}
