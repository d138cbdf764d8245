//! How a run of the agents went: turns with every attempt and what it has cost, tool calls, facts; and word for word what
//! was sent and answered, for whoever may see bodies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tradeup_access::Act;
use tradeup_store::agent_runs::{self, AgentRunView, AttemptRow, CallRow, FactRow, TurnRow};
use tradeup_store::{Pool, Tx, audit};
use utoipa::{IntoParams, ToSchema};

use super::usd::Usd;
use crate::access::Who;
use crate::failure::Failure;
use crate::views::body::Body;
use crate::views::run::id;
use crate::views::tenants::Shop;
use crate::views::when::{When, length};

/// Whether bodies are asked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct JournalAsked {
    /// `yes` for what was sent and answered, word for word: that somebody has looked is put on record.
    pub(crate) bodies: String,
}

/// A run of the agents, in one line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct AgentsRun {
    pub(crate) id: String,
    pub(crate) task: String,
    pub(crate) goal: String,
    pub(crate) as_of: When,
    /// `running`, `done`, `stopped` or `failed`.
    pub(crate) state: String,
    /// With what is not known.
    pub(crate) spent: Usd,
    /// For calls under way.
    pub(crate) reserved: Usd,
    /// What was spent at most without an answer: nobody knows whether it was billed.
    pub(crate) unknown: Usd,
    pub(crate) outcome: Option<String>,
    /// Answered ones.
    pub(crate) turns: i64,
    pub(crate) has_plan: bool,
    pub(crate) began: When,
    pub(crate) ended: Option<When>,
    /// Since when what was sent and answered is gone.
    pub(crate) erased: Option<When>,
}

impl AgentsRun {
    pub(super) fn of(run: AgentRunView) -> Self {
        Self {
            id: run.run_id.to_string(),
            task: run.kind,
            goal: run.goal,
            as_of: When(run.as_of),
            state: run.state,
            spent: Usd::of(run.spent_nano),
            reserved: Usd::of(run.reserved_nano),
            unknown: Usd::of(run.unknown_nano),
            outcome: run.outcome,
            turns: run.turns,
            has_plan: run.has_plan,
            began: When(run.began_at),
            ended: run.ended_at.map(When),
            erased: run.erased_at.map(When),
        }
    }
}

/// One try of a turn.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelAttempt {
    pub(crate) number: i32,
    /// `reserved`, `sent`, `answered`, `rejected` (surely not billed) or `unknown` (perhaps billed).
    pub(crate) state: String,
    pub(crate) model: String,
    /// That no cache had.
    pub(crate) input_tokens: Option<i64>,
    pub(crate) cache_written_tokens: Option<i64>,
    pub(crate) cache_read_tokens: Option<i64>,
    pub(crate) output_tokens: Option<i64>,
    /// Of one that was not answered, what was set aside for it at most.
    pub(crate) cost: Usd,
    pub(crate) began: When,
    pub(crate) took: Option<String>,
    /// The provider's.
    pub(crate) request_id: Option<String>,
    pub(crate) error_code: Option<String>,
    pub(crate) error: Option<String>,
}

impl ModelAttempt {
    fn of(attempt: AttemptRow, answer: Option<&TurnRow>) -> Self {
        let answer = answer.filter(|_| attempt.state == "answered");
        let cost = match attempt.state.as_str() {
            "rejected" => 0,
            "answered" => answer.map_or(0, |answer| answer.cost_nano),
            _ => attempt.reserved_nano,
        };
        Self {
            number: attempt.attempt,
            input_tokens: answer.map(|answer| answer.input_tokens),
            cache_written_tokens: answer.map(|answer| answer.cache_write_tokens),
            cache_read_tokens: answer.map(|answer| answer.cache_read_tokens),
            output_tokens: answer.map(|answer| answer.output_tokens),
            cost: Usd::of(cost),
            began: When(attempt.reserved_at),
            took: attempt.ended_at.map(|end| length(end - attempt.reserved_at)),
            request_id: attempt.request_id.or_else(|| answer.and_then(|answer| answer.request_id.clone())),
            state: attempt.state,
            model: attempt.model,
            error_code: attempt.error_code,
            error: attempt.error,
        }
    }

    /// In words.
    pub(crate) fn words(&self) -> &str {
        match self.state.as_str() {
            "reserved" => "not sent yet",
            "sent" => "under way",
            "rejected" => "refused, not billed",
            "unknown" => "lost, perhaps billed",
            other => other,
        }
    }

    /// Which state it looks like.
    pub(crate) fn looks(&self) -> &str {
        match self.state.as_str() {
            "reserved" | "sent" => "running",
            "rejected" => "retrying",
            other => other,
        }
    }
}

/// A call of a tool.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolCall {
    /// Its id, which the facts that it told have as `call`.
    pub(crate) id: String,
    pub(crate) name: String,
    /// `pending` or `done`.
    pub(crate) state: String,
    /// What it answered says what was wrong.
    pub(crate) is_error: bool,
    /// Ids of the facts that it told.
    pub(crate) facts: Vec<String>,
    /// What it was asked, if that was asked for and is still there.
    pub(crate) arguments: Option<Body>,
    /// What it answered, if that was asked for and is still there.
    pub(crate) result: Option<Body>,
}

impl ToolCall {
    /// In words.
    pub(crate) fn words(&self) -> &'static str {
        match (self.state.as_str(), self.is_error) {
            ("done", false) => "answered",
            ("done", true) => "refused",
            _ => "not answered yet",
        }
    }

    /// Which state it looks like.
    pub(crate) fn looks(&self) -> &'static str {
        match (self.state.as_str(), self.is_error) {
            ("done", false) => "succeeded",
            ("done", true) => "retrying",
            _ => "running",
        }
    }
}

/// One request and its answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Turn {
    pub(crate) seq: i32,
    pub(crate) answered: Option<When>,
    /// Why the model stopped.
    pub(crate) stop_reason: Option<String>,
    pub(crate) attempts: Vec<ModelAttempt>,
    pub(crate) calls: Vec<ToolCall>,
    /// What the agent was told before, if that was asked for.
    pub(crate) told: Option<Body>,
    /// The answer, if it was asked for and is still there.
    pub(crate) answer: Option<Body>,
}

/// An agent of the run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentStory {
    pub(crate) name: String,
    /// With what is not known.
    pub(crate) spent: Usd,
    pub(crate) turns: Vec<Turn>,
}

/// What a tool has told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToldFact {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) value: i64,
    /// `count`, `minor`, `bps`, `days` or `score`.
    pub(crate) unit: &'static str,
    pub(crate) currency: Option<String>,
    /// For people.
    pub(crate) shown: String,
    pub(crate) window: Option<String>,
    pub(crate) as_of: When,
    pub(crate) tool: String,
    pub(crate) agent: String,
    pub(crate) call: String,
}

impl ToldFact {
    fn of(fact: FactRow) -> Self {
        Self {
            id: format!("F{}", fact.id),
            shown: fact.figure.shown(),
            value: fact.figure.value,
            unit: fact.figure.unit.as_str(),
            currency: fact.figure.currency,
            name: fact.figure.name,
            window: fact.figure.window,
            as_of: When(fact.as_of),
            tool: fact.tool,
            agent: fact.agent,
            call: fact.tool_use_id,
        }
    }
}

/// The journal of a run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Journal {
    pub(crate) run: AgentsRun,
    /// Attempts of which nobody knows whether they were billed.
    pub(crate) unknown_attempts: usize,
    pub(crate) agents: Vec<AgentStory>,
    pub(crate) facts: Vec<ToldFact>,
    /// Whether whoever asks may see what was sent and answered.
    pub(crate) may_read: bool,
    /// Whether it is here.
    pub(crate) reads_bodies: bool,
}

impl Journal {
    pub(crate) async fn read(
        pool: &Pool,
        who: &Who,
        shop: &Shop,
        given: &str,
        asked: &JournalAsked,
    ) -> Result<Self, Failure> {
        let run_id = id(given)?;
        let reads_bodies = asked.bodies == "yes";
        if reads_bodies {
            who.may(Act::ReadBodies)?;
        }
        let mut tx = Tx::of_tenant(pool, shop.id).await?;
        let run = agent_runs::show(&mut tx, shop.id, run_id).await?.ok_or(Failure::NotFound)?;
        let journal = agent_runs::journal(&mut tx, shop.id, run_id).await?;
        if reads_bodies {
            let subject = json!({ "tenant": shop.handle, "run": run_id.to_string() });
            audit::record(&mut tx, &who.actor(""), "agents.read", &subject).await?;
        }
        // Nobody sees it before that is on record.
        tx.commit().await?;
        let unknown_attempts = journal.attempts.iter().filter(|attempt| attempt.state == "unknown").count();
        let facts = journal.facts.iter().cloned().map(ToldFact::of).collect();
        Ok(Self {
            run: AgentsRun::of(run),
            unknown_attempts,
            agents: stories(journal, reads_bodies),
            facts,
            may_read: who.may(Act::ReadBodies).is_ok(),
            reads_bodies,
        })
    }
}

fn call(row: CallRow, facts: &[FactRow], reads: bool) -> ToolCall {
    let body = |text: Option<String>| text.filter(|_| reads).map(|text| Body::of(text.as_bytes()));
    let told = facts.iter().filter(|fact| fact.agent == row.agent && fact.tool_use_id == row.tool_use_id);
    ToolCall {
        facts: told.map(|fact| format!("F{}", fact.id)).collect(),
        id: row.tool_use_id,
        name: row.name,
        state: row.state,
        is_error: row.is_error,
        arguments: body(row.input),
        result: body(row.content),
    }
}

/// Turns by agent and number.
type Turns = BTreeMap<(String, i32), Turn>;

fn turn<'a>(turns: &'a mut Turns, agent: &str, seq: i32) -> &'a mut Turn {
    turns.entry((agent.to_owned(), seq)).or_insert_with(|| Turn {
        seq,
        answered: None,
        stop_reason: None,
        attempts: Vec::new(),
        calls: Vec::new(),
        told: None,
        answer: None,
    })
}

/// Every agent's turns, in their order.
fn stories(journal: agent_runs::Journal, reads: bool) -> Vec<AgentStory> {
    let mut turns = Turns::new();
    for row in journal.attempts {
        let answer = journal.turns.iter().find(|turn| turn.agent == row.agent && turn.seq == row.seq);
        let turn = turn(&mut turns, &row.agent, row.seq);
        turn.attempts.push(ModelAttempt::of(row, answer));
    }
    for row in journal.turns {
        let turn = turn(&mut turns, &row.agent, row.seq);
        turn.answered = Some(When(row.answered_at));
        turn.stop_reason = Some(row.stop_reason);
        turn.answer = row.content.filter(|_| reads).map(|text| Body::of(text.as_bytes()));
    }
    for row in journal.notes {
        turn(&mut turns, &row.agent, row.seq).told = reads.then(|| Body::of(row.content.as_bytes()));
    }
    for row in journal.calls {
        let turn = turn(&mut turns, &row.agent, row.seq);
        turn.calls.push(call(row, &journal.facts, reads));
    }
    let mut agents: Vec<AgentStory> = Vec::new();
    for ((name, _), turn) in turns {
        let nano: i64 = turn.attempts.iter().map(|attempt| attempt.cost.nano).sum();
        match agents.last_mut().filter(|agent| agent.name == name) {
            Some(agent) => {
                agent.spent = Usd::of(agent.spent.nano.saturating_add(nano));
                agent.turns.push(turn);
            }
            None => agents.push(AgentStory { name, spent: Usd::of(nano), turns: vec![turn] }),
        }
    }
    // The orchestrator first, whom the others answer.
    agents.sort_by_key(|agent| agent.name != "orchestrator");
    agents
}
