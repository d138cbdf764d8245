//! What a run keeps to its end, whatever is deployed meanwhile: its task, prompts, tools, models and bounds. Written when
//! it begins, and read from there ever after, so that each request is a function of rows alone.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradeup_plan::Limits;

/// Who an agent is. Orchestrators delegate, specialists do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Looks at the whole and hands in the plan.
    Orchestrator,
    /// Looks at what members buy, earn and use.
    Insights,
    /// Looks at who is about to leave, and at what is done about it.
    Engagement,
}

impl Role {
    /// The name in paths of agents.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrator",
            Self::Insights => "insights",
            Self::Engagement => "engagement",
        }
    }

    /// The specialist that this tool asks.
    pub(crate) fn delegated_by(tool: &str) -> Option<Self> {
        match tool {
            DELEGATE_INSIGHTS => Some(Self::Insights),
            DELEGATE_ENGAGEMENT => Some(Self::Engagement),
            _ => None,
        }
    }

    /// The tool by which it hands in what it has.
    pub(crate) fn submits_by(self) -> &'static str {
        match self {
            Self::Orchestrator => SUBMIT_PLAN,
            Self::Insights | Self::Engagement => SUBMIT_FINDINGS,
        }
    }
}

/// Asks a specialist.
pub(crate) const DELEGATE_INSIGHTS: &str = "delegate_insights";
/// Asks a specialist.
pub(crate) const DELEGATE_ENGAGEMENT: &str = "delegate_engagement";
/// Hands in a plan.
pub(crate) const SUBMIT_PLAN: &str = "submit_plan";
/// Hands in findings.
pub(crate) const SUBMIT_FINDINGS: &str = "submit_findings";

/// Whether a tool hands in.
pub(crate) fn is_submit(tool: &str) -> bool {
    tool == SUBMIT_PLAN || tool == SUBMIT_FINDINGS
}

/// What is asked for. It is the block that the first message holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Task {
    /// The kind of run.
    pub(crate) kind: String,
    /// What is wanted, in words.
    pub(crate) goal: String,
    /// Within so many days.
    pub(crate) timeline_days: Option<i64>,
    /// About this segment.
    pub(crate) target_segment: Option<String>,
    /// Which members it is about, where the question narrows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<Value>,
    /// The instant that it is about.
    pub(crate) as_of: DateTime<Utc>,
    /// The shop's currency.
    pub(crate) currency: String,
    /// What no offer may go beyond.
    pub(crate) limits: Limits,
    /// Handles of the shop's tiers.
    pub(crate) tiers: Vec<String>,
}

/// A tool as it is offered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Offer {
    /// Its name.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) description: String,
    /// The form of its arguments.
    pub(crate) schema: Value,
    /// Whether the form binds the model.
    pub(crate) strict: bool,
}

/// What agents of one role are given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Script {
    /// Models, the one to be asked first.
    pub(crate) models: Vec<Model>,
    /// The system prompt.
    pub(crate) system: String,
    /// The tools, by name.
    pub(crate) tools: Vec<Offer>,
    /// Turns until it is told to conclude.
    pub(crate) turns_max: i32,
}

/// A model that may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Model {
    /// Its id.
    pub(crate) id: String,
    /// Tokens that an answer may have.
    pub(crate) answer_tokens: u32,
    /// Tokens that it may have when that was too little.
    pub(crate) more_tokens: u32,
}

/// A tool that the host itself asks before an agent begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct First {
    /// The tool.
    pub(crate) tool: String,
    /// Its arguments.
    pub(crate) arguments: Value,
}

/// How much a run may do, besides what it may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bounds {
    /// Calls of tools in one turn.
    pub(crate) calls_of_turn: usize,
    /// Calls of tools in the run.
    pub(crate) calls_of_run: usize,
    /// Specialists that may be asked.
    pub(crate) delegations: usize,
    /// Times that a refused plan or refused findings may be handed in again.
    pub(crate) repairs: usize,
    /// Turns that an agent may waste after it was told to conclude.
    pub(crate) strikes: u32,
    /// The longest result of a tool, in bytes.
    pub(crate) result_bytes: usize,
    /// The longest that one attempt works, in minutes.
    pub(crate) active_minutes: u64,
}

impl Bounds {
    /// Those of reference §3.4.
    pub(crate) const USUAL: Self = Self {
        calls_of_turn: 8,
        calls_of_run: 40,
        delegations: 4,
        repairs: 2,
        strikes: 2,
        result_bytes: 24 * 1024,
        active_minutes: 30,
    };
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bundle {
    /// The build that began the run.
    pub(crate) build: String,
    /// What stands for the shop where the provider wants to tell users apart.
    pub(crate) user: String,
    /// The task.
    pub(crate) task: Task,
    /// How much it may do.
    pub(crate) bounds: Bounds,
    /// What the host asks first.
    pub(crate) first: Vec<First>,
    /// The orchestrator.
    pub(crate) orchestrator: Script,
    /// The specialist for what members do.
    pub(crate) insights: Script,
    /// The specialist for who leaves.
    pub(crate) engagement: Script,
}

impl Bundle {
    /// What agents of this role are given.
    pub(crate) fn script(&self, role: Role) -> &Script {
        match role {
            Role::Orchestrator => &self.orchestrator,
            Role::Insights => &self.insights,
            Role::Engagement => &self.engagement,
        }
    }
}
