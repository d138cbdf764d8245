//! A run without a database and a provider, for tests: rows in memory with the rules of the store, and a model that says
//! whatever it is told to. It can be stopped at any point between two effects.

#![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, reason = "tests fail loudly")]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tradeup_anthropic::Request;
use tradeup_domain::figure::Figure;
use tradeup_plan::Limits;
use tradeup_store::agent_runs::{AttemptRow, CallRow, FactRow, Journal, NoteRow, TurnRow};

use super::act::{Act, Deed};
use super::state::{Agent, Ended, Next, View};
use super::submit;
use crate::bundle::{Bounds, Bundle, Model, Offer, Role, Script, Task};

/// What the model says: its content, and why it stops.
#[derive(Clone, Debug)]
pub(super) struct Says {
    pub(super) content: Vec<Value>,
    pub(super) stop_reason: &'static str,
}

impl Says {
    pub(super) fn text(text: &str) -> Self {
        Self { content: vec![json!({ "type": "text", "text": text })], stop_reason: "end_turn" }
    }

    pub(super) fn calls(calls: &[(&str, Value)]) -> Self {
        let content =
            calls.iter().map(|(name, input)| json!({ "type": "tool_use", "name": name, "input": input }));
        Self { content: content.collect(), stop_reason: "tool_use" }
    }
}

/// Why a run stands still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Halted {
    /// It was killed.
    Killed,
    /// A turn was lost too often.
    Lost,
}

type ModelFn<'m> = dyn FnMut(&Agent, &str, i32) -> Says + 'm;

/// All of it.
pub(super) struct World<'m> {
    pub(super) bundle: Bundle,
    pub(super) journal: Journal,
    /// Says what the model answers to the agent's request.
    pub(super) model: Box<ModelFn<'m>>,
    /// Whether the process dies here.
    pub(super) dies: Box<dyn FnMut() -> bool + 'm>,
    /// Models that are not there any more.
    pub(super) gone: BTreeSet<String>,
    /// Requests that were answered, and so paid.
    pub(super) paid: usize,
    /// The body of each turn's requests.
    pub(super) bodies: BTreeMap<(String, i32), String>,
    pub(super) calls_made: BTreeMap<(String, String), usize>,
    minted: i32,
}

pub(super) fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_840_200, 0).unwrap()
}

pub(super) fn bundle() -> Bundle {
    let script = |tools: &[&str], turns_max| Script {
        models: ["first", "second"]
            .map(|id| Model { id: id.to_owned(), answer_tokens: 100, more_tokens: 200 })
            .to_vec(),
        system: "ROLE: test".to_owned(),
        tools: tools
            .iter()
            .map(|name| Offer {
                name: (*name).to_owned(),
                description: "d".to_owned(),
                schema: json!({ "type": "object" }),
                strict: false,
            })
            .collect(),
        turns_max,
    };
    Bundle {
        build: "test".to_owned(),
        user: "shop".to_owned(),
        task: Task {
            kind: "plan-strategic-goal".to_owned(),
            goal: "Reduce ```churn".to_owned(),
            timeline_days: Some(90),
            target_segment: None,
            filter: None,
            as_of: at(),
            currency: "USD".to_owned(),
            limits: Limits::of("USD"),
            tiers: Vec::new(),
        },
        bounds: Bounds::USUAL,
        first: Vec::new(),
        orchestrator: script(&["look", "delegate_insights", "delegate_engagement", "submit_plan"], 12),
        insights: script(&["look", "submit_findings"], 8),
        engagement: script(&["look", "submit_findings"], 8),
    }
}

impl<'m> World<'m> {
    pub(super) fn new(model: impl FnMut(&Agent, &str, i32) -> Says + 'm) -> Self {
        Self {
            bundle: bundle(),
            journal: Journal::default(),
            model: Box::new(model),
            dies: Box::new(|| false),
            gone: BTreeSet::new(),
            paid: 0,
            bodies: BTreeMap::new(),
            calls_made: BTreeMap::new(),
            minted: 0,
        }
    }

    /// Drives the orchestrator to its end, taking the run up again whenever it was killed.
    pub(super) fn run(&mut self) -> Result<Ended, Halted> {
        for _ in 0..10_000 {
            match self.drive(&Agent::orchestrator()) {
                Err(Halted::Killed) => self.take_up(),
                ended => return ended,
            }
        }
        panic!("no end");
    }

    /// What the lease does: what was under way is settled.
    fn take_up(&mut self) {
        for attempt in &mut self.journal.attempts {
            match attempt.state.as_str() {
                "sent" => attempt.state = "unknown".to_owned(),
                "reserved" => attempt.state = "rejected".to_owned(),
                _ => {}
            }
        }
    }

    fn point(&mut self) -> Result<(), Halted> {
        if (self.dies)() { Err(Halted::Killed) } else { Ok(()) }
    }

    pub(super) fn next(&self, agent: &Agent) -> Next {
        View { bundle: &self.bundle, journal: &self.journal, under_way: &BTreeSet::new() }.next(agent)
    }

    fn drive(&mut self, agent: &Agent) -> Result<Ended, Halted> {
        for _ in 0..1_000 {
            self.point()?;
            match self.next(agent) {
                Next::Ended(ended) => return Ok(ended),
                Next::Tell { path, seq, text } => {
                    assert!(self.journal.notes.iter().all(|note| (&note.agent, note.seq) != (&path, seq)));
                    self.journal.notes.push(NoteRow { agent: path, seq, content: text });
                }
                Next::First { path } => {
                    let content = "RESULT look".to_owned();
                    self.journal.notes.push(NoteRow { agent: path, seq: 1, content });
                }
                Next::Ask(ask) => self.ask(agent, &ask.path, ask.seq, &ask.request)?,
                Next::Act(acts) => {
                    assert!(!acts.is_empty());
                    for act in acts {
                        self.point()?;
                        self.act(&act)?;
                    }
                }
            }
        }
        panic!("{} has no end", agent.base);
    }

    /// Makes one request of the orchestrator.
    pub(super) fn ask_for_test(&mut self, ask: &super::state::Ask) {
        self.ask(&Agent::orchestrator(), &ask.path, ask.seq, &ask.request).unwrap();
    }

    fn ask(&mut self, agent: &Agent, path: &str, seq: i32, request: &Request) -> Result<(), Halted> {
        let answered = |turn: &TurnRow| turn.agent == path && turn.seq == seq;
        assert!(!self.journal.turns.iter().any(answered), "{path} {seq} is answered already");
        let body = request.body().unwrap();
        valid(&serde_json::from_str(&body).unwrap());
        let before = self.bodies.entry((path.to_owned(), seq)).or_insert_with(|| body.clone());
        assert_eq!(*before, body, "the request of a turn is always the same");
        let tries: Vec<_> =
            self.journal.attempts.iter().filter(|a| a.agent == path && a.seq == seq).collect();
        if tries.iter().filter(|attempt| attempt.state == "unknown").count() > 2 {
            return Err(Halted::Lost);
        }
        let attempt = i32::try_from(tries.len()).unwrap() + 1;
        self.journal.attempts.push(AttemptRow {
            agent: path.to_owned(),
            seq,
            attempt,
            state: "reserved".to_owned(),
            model: request.model.clone(),
            reserved_nano: 1,
            request_id: None,
            error_code: None,
            error: None,
            reserved_at: at(),
            ended_at: None,
        });
        let row = self.journal.attempts.len() - 1;
        self.point()?;
        self.journal.attempts[row].state = "sent".to_owned();
        if self.gone.contains(&request.model) {
            self.journal.attempts[row].state = "rejected".to_owned();
            self.journal.attempts[row].error_code = Some("TU0704".to_owned());
            return Ok(());
        }
        self.paid += 1;
        self.point()?;
        let says = (self.model)(agent, path, seq);
        self.journal.attempts[row].state = "answered".to_owned();
        self.keep(path, seq, &request.model, says);
        Ok(())
    }

    fn keep(&mut self, path: &str, seq: i32, model: &str, says: Says) {
        let is_whole = ["end_turn", "tool_use", "pause_turn"].contains(&says.stop_reason);
        let mut content = says.content;
        for (at, block) in content.iter_mut().filter(|block| block["type"] == "tool_use").enumerate() {
            let id = format!("toolu_{}_{seq}_{at}", path.replace('.', "_"));
            block["id"] = json!(id);
            if is_whole {
                self.journal.calls.push(CallRow {
                    agent: path.to_owned(),
                    seq,
                    position: i32::try_from(at).unwrap(),
                    tool_use_id: id,
                    name: block["name"].as_str().unwrap().to_owned(),
                    input: Some(block["input"].to_string()),
                    state: "pending".to_owned(),
                    content: None,
                    is_error: false,
                });
            }
        }
        self.journal.turns.push(TurnRow {
            agent: path.to_owned(),
            seq,
            content: Some(Value::Array(content).to_string()),
            stop_reason: says.stop_reason.to_owned(),
            model: model.to_owned(),
            request_id: None,
            input_tokens: 0,
            cache_write_tokens: 0,
            cache_read_tokens: 0,
            output_tokens: 0,
            cost_nano: 1,
            answered_at: at(),
        });
        self.journal.turns.sort_by(|a, b| (&a.agent, a.seq).cmp(&(&b.agent, b.seq)));
        self.journal.calls.sort_by(|a, b| (&a.agent, a.seq, a.position).cmp(&(&b.agent, b.seq, b.position)));
    }

    fn act(&mut self, act: &Act) -> Result<(), Halted> {
        let (content, is_error) = match &act.deed {
            Deed::Refuse(words) => (words.clone(), true),
            Deed::Tool { name, arguments } => {
                self.minted += 1;
                self.journal.facts.push(FactRow {
                    id: self.minted,
                    agent: act.path.clone(),
                    tool: name.clone(),
                    tool_use_id: act.tool_use_id.clone(),
                    figure: Figure::count("members_total", 120),
                    as_of: at(),
                });
                // Each counts the same, but for `changing`.
                let other = if arguments["changing"] == true { self.minted } else { 0 };
                *self.calls_made.entry((act.path.clone(), act.tool_use_id.clone())).or_default() += 1;
                (json!({ format!("F{}", self.minted): { "value": "120" }, "n": other }).to_string(), false)
            }
            Deed::Delegate(specialist) => match self.drive(specialist)? {
                Ended::Submitted { path, tool_use_id } => {
                    let input = super::handed_in(&self.journal, &path, &tool_use_id);
                    (submit::handed_up(input, &self.journal.facts, 24 * 1024), false)
                }
                Ended::Failed(failure) => {
                    let facts = &self.journal.facts;
                    (submit::without_findings(&failure.words(), specialist, facts, 24 * 1024), true)
                }
            },
            Deed::Submit { role, input, last } => {
                let facts = &self.journal.facts;
                let verdict = match role {
                    Role::Orchestrator => submit::judge_plan(input, facts, &Limits::of("USD"), *last),
                    Role::Insights | Role::Engagement => submit::judge_findings(input, facts, *last),
                };
                (verdict.content, verdict.is_error)
            }
        };
        self.point()?;
        let is_it = |call: &&mut CallRow| call.agent == act.path && call.tool_use_id == act.tool_use_id;
        let call = self.journal.calls.iter_mut().find(is_it).unwrap();
        assert_eq!(call.state, "pending", "each call has one result");
        (call.state, call.content, call.is_error) = ("done".to_owned(), Some(content), is_error);
        Ok(())
    }
}

/// The rules that the API has for a conversation (reference §1.3 and §1.5).
pub(super) fn valid(body: &Value) {
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(messages.last().unwrap()["role"], "user", "no answer is begun for the model");
    let mut open: Vec<String> = Vec::new();
    let mut known = BTreeSet::new();
    for (at, message) in messages.iter().enumerate() {
        assert_eq!(message["role"], if at % 2 == 0 { "user" } else { "assistant" }, "{at}: they take turns");
        let blocks = message["content"].as_array().unwrap();
        assert!(!blocks.is_empty(), "{at}: something is said");
        for block in blocks.iter().filter(|block| block["type"] == "text") {
            assert!(!block["text"].as_str().unwrap().trim().is_empty(), "{at}: no text is empty");
        }
        if message["role"] == "assistant" {
            for call in blocks.iter().filter(|block| block["type"] == "tool_use") {
                let id = call["id"].as_str().unwrap().to_owned();
                assert!(known.insert(id.clone()), "{at}: ids are used once");
                open.push(id);
            }
            continue;
        }
        let leading: Vec<String> = blocks
            .iter()
            .take_while(|block| block["type"] == "tool_result")
            .map(|block| block["tool_use_id"].as_str().unwrap().to_owned())
            .collect();
        assert!(
            blocks.iter().skip(leading.len()).all(|block| block["type"] == "text"),
            "{at}: results first"
        );
        assert_eq!(leading, open, "{at}: each call has its result, and nothing else has one");
        open.clear();
    }
}
