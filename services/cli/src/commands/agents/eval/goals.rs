//! The goals of an evaluation, read and checked: what is wrong is said with the goal and the field.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tradeup_plan::{CampaignKind, KPI_MEASURES, SEGMENTS, Truth};
use tradeup_proto::job_kind::{ANALYZE_MEMBER_INSIGHTS, ANALYZE_SEGMENT, PLAN_CAMPAIGN, PLAN_STRATEGIC_GOAL};
use tradeup_proto::{JobKind, Message as _, json as payload_json, v1};
use tradeup_store::tenants::Tenant;
use tradeup_store::{Pool, Tx, agent_settings, tenants, tiers};
use tradeup_worker::trigger::Asked;

/// Longest id of a goal, in bytes.
const ID_MAX: usize = 64;
/// Most goals of one file.
const GOALS_MAX: usize = 1_000;

/// A file of goals.
pub(super) struct Goals {
    /// The instant that all of them are about; none: that at which they are asked for.
    pub(super) as_of: Option<DateTime<Utc>>,
    pub(super) goals: Vec<Goal>,
}

/// A goal, and what a good plan for it finds.
#[derive(Debug)]
pub(super) struct Goal {
    pub(super) id: String,
    /// The shop's handle.
    pub(super) shop: String,
    pub(super) asked: Asked,
    pub(super) truth: Truth,
    /// What no plan for it may say, whatever was written into the goal or the shop.
    pub(super) never: Vec<String>,
    /// What it is, so that two reports are of the same.
    pub(super) digest: String,
}

/// The file as it is written. Of a goal, what is not named here is what is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    as_of: Option<String>,
    goals: Vec<BTreeMap<String, Value>>,
}

/// What is wrong with a field of a goal.
struct Wrong {
    field: String,
    problem: String,
}

impl Wrong {
    fn new(field: &str, problem: impl Into<String>) -> Self {
        Self { field: field.to_owned(), problem: problem.into() }
    }

    fn said_of(&self, goal: &str) -> String {
        format!("goal {goal}, field {}: {}", self.field, self.problem)
    }
}

impl Goals {
    /// Reads a file of goals.
    pub(super) fn read(text: &str) -> anyhow::Result<Self> {
        let file: File = serde_json::from_str(text).context(
            "--goals: write {\"as_of\": INSTANT, \"goals\": [{\"id\", \"shop\", \"task\", \"truth\", …}]}",
        )?;
        let as_of = file.as_of.map(|at| at.parse().with_context(|| format!("--goals: as_of: {at:?}")));
        let as_of = as_of.transpose()?;
        if file.goals.is_empty() || file.goals.len() > GOALS_MAX {
            bail!("--goals: write 1 to {GOALS_MAX} goals");
        }
        let mut ids = BTreeSet::new();
        let mut goals = Vec::new();
        let mut wrong = Vec::new();
        for (at, fields) in file.goals.into_iter().enumerate() {
            let name = fields
                .get("id")
                .and_then(Value::as_str)
                .map_or_else(|| format!("#{}", at + 1), str::to_owned);
            match goal(fields) {
                Ok(goal) if ids.insert(goal.id.clone()) => goals.push(goal),
                Ok(_) => wrong.push(Wrong::new("id", "another goal has it already").said_of(&name)),
                Err(error) => wrong.push(error.said_of(&name)),
            }
        }
        refuse(&wrong)?;
        Ok(Self { as_of, goals })
    }

    /// The shop of each goal, or what is wrong with any of them.
    pub(super) async fn shops(&self, pool: &Pool) -> anyhow::Result<Vec<Tenant>> {
        let mut known: BTreeMap<&str, Result<Shop, String>> = BTreeMap::new();
        let mut shops = Vec::new();
        let mut wrong = Vec::new();
        for goal in &self.goals {
            if !known.contains_key(goal.shop.as_str()) {
                known.insert(&goal.shop, Shop::read(pool, &goal.shop).await?);
            }
            match known.get(goal.shop.as_str()) {
                Some(Ok(shop)) => match unknown_tier(&goal.asked, &shop.tiers) {
                    None => shops.push(shop.tenant.clone()),
                    Some(tier) => {
                        let problem =
                            format!("{} has no tier {tier:?}; it has {}", goal.shop, shop.tiers.join(", "));
                        wrong.push(Wrong::new("filter.tiers", problem).said_of(&goal.id));
                    }
                },
                Some(Err(problem)) => wrong.push(Wrong::new("shop", problem.as_str()).said_of(&goal.id)),
                None => {}
            }
        }
        refuse(&wrong)?;
        Ok(shops)
    }
}

fn refuse(wrong: &[String]) -> anyhow::Result<()> {
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("nothing was asked for:\n{}", wrong.join("\n"))
}

/// A shop that is asked about.
struct Shop {
    tenant: Tenant,
    tiers: Vec<String>,
}

impl Shop {
    /// A shop for which agents work, or why they do not.
    async fn read(pool: &Pool, handle: &str) -> anyhow::Result<Result<Self, String>> {
        let Some(tenant) = tenants::by_handle(pool, handle).await? else {
            return Ok(Err(format!(
                "there is no shop {handle:?}; `plant` makes those of the evaluation (docs/agents.md)"
            )));
        };
        if tenant.state != "active" {
            return Ok(Err(format!("{handle} is {}", tenant.state)));
        }
        let mut tx = Tx::of_tenant(pool, tenant.id).await?;
        let settings = agent_settings::get(&mut tx, tenant.id).await?;
        let tiers = tiers::list(&mut tx, tenant.id).await?.into_iter().map(|tier| tier.handle).collect();
        tx.rollback().await?;
        if !settings.enabled {
            let problem =
                format!("agents do not work for it: tradeup agents settings {handle} --enabled yes");
            return Ok(Err(problem));
        }
        Ok(Ok(Self { tenant, tiers }))
    }
}

/// A tier that is asked about and that the shop has not. Members may be in none.
fn unknown_tier(asked: &Asked, tiers: &[String]) -> Option<String> {
    let Asked::Segment(input) = asked else { return None };
    let mut wanted = input.filter.iter().flat_map(|filter| &filter.tiers);
    wanted.find(|tier| *tier != "none" && !tiers.contains(tier)).cloned()
}

fn goal(mut fields: BTreeMap<String, Value>) -> Result<Goal, Wrong> {
    let id = text(&mut fields, "id")?;
    let good =
        id.len() <= ID_MAX && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if id.is_empty() || !good {
        return Err(Wrong::new("id", format!("write 1 to {ID_MAX} small letters, digits and -")));
    }
    let digest = digest(&fields);
    let shop = text(&mut fields, "shop")?;
    let task = text(&mut fields, "task")?;
    let kind = Asked::KINDS.into_iter().find(|kind| kind.task == task).ok_or_else(|| {
        let tasks = Asked::KINDS.map(|kind| kind.task).join(", ");
        Wrong::new("task", format!("{task:?} can't be asked for; give one of {tasks}"))
    })?;
    let truth = truth(fields.remove("truth"))?;
    let never = match fields.remove("never") {
        None => Vec::new(),
        Some(never) => serde_json::from_value::<Vec<String>>(never)
            .ok()
            .filter(|never| never.iter().all(|text| !text.trim().is_empty()))
            .ok_or_else(|| Wrong::new("never", "is a list of texts that no plan may say"))?,
    };
    if fields.contains_key("as_of") {
        return Err(Wrong::new("as_of", "is said once, for all goals, beside them"));
    }
    let asked = asked(kind, fields)?;
    // Whatever it is asked as, it is asked within bounds.
    asked.key_of_the_day(DateTime::UNIX_EPOCH).map_err(|error| {
        let said = error.to_string();
        let field = said.strip_prefix("field ").and_then(|rest| rest.split_once(' '));
        field.map_or_else(|| Wrong::new("task", said.as_str()), |(field, problem)| Wrong::new(field, problem))
    })?;
    known_segments(&asked)?;
    Ok(Goal { id, shop, asked, truth, never, digest })
}

fn text(fields: &mut BTreeMap<String, Value>, field: &str) -> Result<String, Wrong> {
    match fields.remove(field) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Wrong::new(field, "is text")),
        None => Err(Wrong::new(field, "is missing")),
    }
}

/// The rest of a goal is the input of its task, as `tradeup trigger task` takes it.
fn asked(kind: JobKind, fields: BTreeMap<String, Value>) -> Result<Asked, Wrong> {
    let json = Value::Object(fields.into_iter().collect()).to_string();
    let bytes = payload_json::to_bytes(kind.input, &json)
        .map_err(|error| Wrong::new(&field_of(&error.to_string()), error.to_string()))?;
    let bytes = bytes.as_slice();
    let read = if kind == ANALYZE_MEMBER_INSIGHTS {
        v1::AnalyzeMemberInsights::decode(bytes).map(Asked::Members)
    } else if kind == ANALYZE_SEGMENT {
        v1::AnalyzeSegment::decode(bytes).map(Asked::Segment)
    } else if kind == PLAN_CAMPAIGN {
        v1::PlanCampaign::decode(bytes).map(Asked::Campaign)
    } else if kind == PLAN_STRATEGIC_GOAL {
        v1::PlanStrategicGoal::decode(bytes).map(Asked::Goal)
    } else {
        return Err(Wrong::new("task", "can't be asked for"));
    };
    read.map_err(|error| Wrong::new("task", error.to_string()))
}

/// The field that a message about JSON names in quotes.
fn field_of(said: &str) -> String {
    let quoted = said.split(['\'', '`', '"']).nth(1).filter(|name| !name.is_empty());
    quoted.unwrap_or("of its input").to_owned()
}

fn known_segments(asked: &Asked) -> Result<(), Wrong> {
    let (field, segments): (_, Vec<&String>) = match asked {
        Asked::Members(_) => return Ok(()),
        Asked::Segment(input) => {
            ("filter.segments", input.filter.iter().flat_map(|filter| &filter.segments).collect())
        }
        Asked::Campaign(input) => ("segment", vec![&input.segment]),
        Asked::Goal(input) => ("target_segment", vec![&input.target_segment]),
    };
    named(field, segments.into_iter().filter(|segment| !segment.is_empty()), &SEGMENTS)
}

fn named<'n>(field: &str, mut names: impl Iterator<Item = &'n String>, known: &[&str]) -> Result<(), Wrong> {
    match names.find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Wrong::new(field, format!("there is no {name:?}; there are {}", known.join(", ")))),
    }
}

fn truth(given: Option<Value>) -> Result<Truth, Wrong> {
    let given = given.ok_or_else(|| Wrong::new("truth", "is missing; say what there is to be found"))?;
    let truth: Truth =
        serde_json::from_value(given).map_err(|error| Wrong::new("truth", error.to_string()))?;
    if truth == Truth::default() {
        return Err(Wrong::new("truth", "says nothing; say what there is to be found"));
    }
    named("truth.segments", truth.segments.iter(), &SEGMENTS)?;
    named("truth.measures", truth.measures.iter(), &KPI_MEASURES.map(|measure| measure.name))?;
    let kinds =
        [CampaignKind::BonusCredit, CampaignKind::Extension, CampaignKind::Mail].map(CampaignKind::as_str);
    named("truth.campaign_kinds", truth.campaign_kinds.iter(), &kinds)?;
    if let Some(odd) = truth.cites.iter().find(|name| !is_figure(name)) {
        return Err(Wrong::new(
            "truth.cites",
            format!("{odd:?} is no name of a figure, like at_risk_members"),
        ));
    }
    if truth.no_campaigns && !(truth.segments.is_empty() && truth.campaign_kinds.is_empty()) {
        return Err(Wrong::new("truth.no_campaigns", "says that none is right, and others say which are"));
    }
    Ok(truth)
}

fn is_figure(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// What a goal is, but for its name: a few characters that are others for another one.
fn digest(fields: &BTreeMap<String, Value>) -> String {
    let of = fields.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<String>();
    short_digest(&of)
}

/// The beginning of a text's SHA-256, in hexadecimal.
pub(super) fn short_digest(text: &str) -> String {
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({ "id": "churn", "shop": "aurora", "task": "plan-strategic-goal", "goal": "Fewer leave",
            "timeline_days": 60, "target_segment": "at_risk", "truth": { "cites": ["at_risk_members"] } })
    }

    fn read(goals: &[Value]) -> anyhow::Result<Goals> {
        Goals::read(&json!({ "as_of": "2026-11-29T00:00:00Z", "goals": goals }).to_string())
    }

    #[test]
    fn goals_of_all_kinds_are_read() {
        let read = read(&[
            good(),
            json!({ "id": "c", "shop": "aurora", "task": "plan-campaign", "objective": "o", "budget_minor": 500,
                "truth": { "segments": ["expiring"] }, "never": ["CANARY"] }),
            json!({ "id": "m", "shop": "aurora", "task": "analyze-member-insights", "truth": { "no_campaigns": true } }),
            json!({ "id": "s", "shop": "aurora", "task": "analyze-segment", "filter": { "tiers": ["gold"] },
                "truth": { "data_gaps": true } }),
        ])
        .unwrap();
        let tasks: Vec<&str> = read.goals.iter().map(|goal| goal.asked.kind().task).collect();
        assert_eq!(
            tasks,
            ["plan-strategic-goal", "plan-campaign", "analyze-member-insights", "analyze-segment"]
        );
        assert_eq!(read.goals[1].never, ["CANARY"]);
        let digests: BTreeSet<&String> = read.goals.iter().map(|goal| &goal.digest).collect();
        assert_eq!(digests.len(), 4);
        assert_eq!(unknown_tier(&read.goals[3].asked, &["silver".to_owned()]), Some("gold".to_owned()));
        assert_eq!(unknown_tier(&read.goals[3].asked, &["gold".to_owned()]), None);
    }

    #[test]
    fn what_is_wrong_is_said_with_goal_and_field() {
        for (field, value, named) in [
            ("id", json!("Churn"), "id"),
            ("shop", json!(null), "shop"),
            ("task", json!("grant-credit"), "task"),
            ("goal", json!(" "), "goal"),
            ("gaol", json!("x"), "gaol"),
            ("timeline_days", json!(3), "timeline_days"),
            ("target_segment", json!("everybody"), "target_segment"),
            ("as_of", json!("2026-11-29T00:00:00Z"), "as_of"),
            ("never", json!([""]), "never"),
            ("truth", json!({}), "truth"),
            ("truth", json!({ "sites": [] }), "truth"),
            ("truth", json!({ "cites": ["At risk"] }), "truth.cites"),
            ("truth", json!({ "segments": ["whales"] }), "truth.segments"),
            ("truth", json!({ "measures": ["nps"] }), "truth.measures"),
            ("truth", json!({ "campaign_kinds": ["raffle"] }), "truth.campaign_kinds"),
            ("truth", json!({ "no_campaigns": true, "segments": ["all"] }), "truth.no_campaigns"),
        ] {
            let mut goal = good();
            goal[field] = value;
            let error = read(&[goal]).err().unwrap().to_string();
            assert!(error.contains(&format!(", field {named}: ")), "{field}: {error}");
        }
        let error = read(&[good(), good()]).err().unwrap().to_string();
        assert!(error.contains("goal churn, field id"), "{error}");
        assert!(read(&[]).is_err() && Goals::read("{}").is_err() && Goals::read("[").is_err());
        assert!(Goals::read(&json!({ "as_of": "today", "goals": [good()] }).to_string()).is_err());
    }

    #[test]
    fn the_goals_of_the_tree_are_good() {
        let goals = Goals::read(include_str!("../../../../../../tests/eval/goals.json")).unwrap();
        assert!(goals.goals.len() >= 32, "{}", goals.goals.len());
        for kind in Asked::KINDS {
            let of_kind = goals.goals.iter().filter(|goal| goal.asked.kind() == kind).count();
            assert!(of_kind >= 5, "{}: {of_kind}", kind.task);
        }
    }
}
