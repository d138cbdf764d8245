//! What an agent does next, as a function of rows: no clock, no I/O. Whoever resumes a run after any interruption comes
//! to the same request, byte for byte, or to the calls that have no result yet.

use std::collections::BTreeSet;

use tradeup_anthropic::{Request, SystemBlock, ToolSpec};
use tradeup_domain::ErrorCode;
use tradeup_store::agent_runs::{CallRow, Journal, TurnRow};

use super::act::{Act, Calls};
use super::talk::Talk;
use crate::bundle::{Bundle, Model, Role, Script, is_submit};
use crate::prompt;

/// So many answers that can't be used may follow upon one another.
const SPOILED_MAX: u32 = 1;
/// So often an answer may be broken off by the model itself, to be gone on with.
const PAUSES_MAX: u32 = 3;
/// How an answer is stored whose calls can't be told apart; it is used as little as one that is cut.
pub(super) const BROKEN: &str = "broken_calls";

/// An agent: the orchestrator, or a specialist by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agent {
    /// Who it is.
    pub(crate) role: Role,
    /// `orchestrator`, or like `insights-1`.
    pub(crate) base: String,
    /// What it was asked, as the arguments of the delegation.
    pub(crate) brief: String,
}

impl Agent {
    /// The one that every run has.
    pub(crate) fn orchestrator() -> Self {
        Self { role: Role::Orchestrator, base: Role::Orchestrator.as_str().to_owned(), brief: String::new() }
    }

    /// Whether rows of this agent are its: it has another name with each model that it had to go over to.
    pub(crate) fn owns(&self, path: &str) -> bool {
        path.strip_prefix(&self.base).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// A request to be made.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) path: String,
    pub(super) seq: i32,
    pub(super) request: Request,
    /// Ids of calls that it made before: each is used once.
    pub(super) known: BTreeSet<String>,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Next {
    /// The host keeps these words, which it tells the agent before its turn.
    Tell { path: String, seq: i32, text: String },
    /// The host asks what the agent is told at its beginning.
    First { path: String },
    /// The model is asked.
    Ask(Box<Ask>),
    /// Calls come to their results, each independent of the others.
    Act(Vec<Act>),
    /// The agent is at its end.
    Ended(Ended),
}

/// How an agent ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// What it handed in was taken: the path and the id of that call.
    Submitted { path: String, tool_use_id: String },
    /// Without that.
    Failed(Failure),
}

/// Why an agent ended without having handed anything in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The model would not answer.
    Refused,
    /// Two answers in a row were longer than they may be, or could not be used.
    Truncated,
    /// The conversation has become longer than the model takes.
    WindowExceeded,
    /// It was told to conclude, and did not.
    TurnsExhausted,
    /// The same, after all calls that it might make.
    CallsExhausted,
    /// It asked the same again and again.
    InCircles,
    /// What it handed in could not be read, for the last time.
    Unreadable,
    /// The answer ended in a way that nobody knows.
    UnknownStop(String),
    /// None of its models is there any more.
    ModelsGone,
    /// What was said has been erased, since it is old.
    Erased,
}

impl Failure {
    /// In words, beginning with the one that runbooks know it by.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Refused => "refused: the model will not answer this".to_owned(),
            Self::Truncated => "output_truncated: two answers in a row could not be used".to_owned(),
            Self::WindowExceeded => {
                "context_exceeded: the conversation no longer fits the model's window".to_owned()
            }
            Self::TurnsExhausted => {
                "turns_exhausted: it was told to conclude, and handed in nothing".to_owned()
            }
            Self::CallsExhausted => {
                "tool_calls_exhausted: it used up its calls, and handed in nothing".to_owned()
            }
            Self::InCircles => "in_circles: it asked the same again and again".to_owned(),
            Self::Unreadable => "unreadable: what it handed in is not of the form asked for".to_owned(),
            Self::UnknownStop(reason) => {
                let reason: String = reason.chars().take(60).collect();
                format!("unknown_stop_reason: {reason}")
            }
            Self::ModelsGone => "models_gone: none of its models is there any more".to_owned(),
            Self::Erased => {
                "erased: what was said has been erased after its time, so that it can't go on; ask anew"
                    .to_owned()
            }
        }
    }

    /// The code of a run whose orchestrator ended so.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::WindowExceeded => ErrorCode::ModelRefusedRequest,
            Self::ModelsGone => ErrorCode::ModelGone,
            _ => ErrorCode::AgentNoPlan,
        }
    }
}

/// A run as it stands.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) journal: &'a Journal,
    /// Calls that are being made at this moment, by path and id.
    pub(super) under_way: &'a BTreeSet<(String, String)>,
}

/// How an agent has behaved so far.
#[derive(Debug, Default)]
struct Mood {
    idle: u32,
    strikes: u32,
    closing: bool,
    spoiled: u32,
    pauses: u32,
}

impl<'a> View<'a> {
    /// What comes next for an agent.
    pub(super) fn next(&self, agent: &Agent) -> Next {
        // Whatever has become of its model since.
        if let Some(taken) = self.journal.calls.iter().find(|call| agent.owns(&call.agent) && is_taken(call))
        {
            let (path, tool_use_id) = (taken.agent.clone(), taken.tool_use_id.clone());
            return Next::Ended(Ended::Submitted { path, tool_use_id });
        }
        let Some((path, model)) = self.generation(agent) else {
            return Next::Ended(Ended::Failed(Failure::ModelsGone));
        };
        if let Some(first) = self.beginning(agent, &path) {
            return first;
        }
        let mut talk = Talk::default();
        talk.say(&prompt::opening(&self.bundle.task, agent));
        if let Some(told) = self.told(&path, 1) {
            talk.say(told);
        }
        let mut mood = Mood::default();
        let mut seq = 0;
        for turn in self.journal.turns.iter().filter(|turn| turn.agent == path) {
            seq = turn.seq;
            if let Err(next) = self.take(agent, turn, &mut talk, &mut mood) {
                return next;
            }
        }
        let script = self.bundle.script(agent.role);
        let request = request(self.bundle, script, model, talk, mood.spoiled);
        let calls = self.journal.calls.iter().filter(|call| call.agent == path);
        let known = calls.map(|call| call.tool_use_id.clone()).collect();
        Next::Ask(Box::new(Ask { path, seq: seq + 1, request, known }))
    }

    /// Takes an answered turn up into the conversation. What ends the walk there comes back.
    fn take(&self, agent: &Agent, turn: &'a TurnRow, talk: &mut Talk, mood: &mut Mood) -> Result<(), Next> {
        let failed = |failure| Err(Next::Ended(Ended::Failed(failure)));
        mood.closing |= turn.seq > self.bundle.script(agent.role).turns_max;
        let Some(content) = &turn.content else { return failed(Failure::Erased) };
        let pauses = match turn.stop_reason.as_str() {
            "end_turn" | "tool_use" => false,
            "pause_turn" => true,
            "max_tokens" | BROKEN => {
                mood.spoiled += 1;
                return if mood.spoiled > SPOILED_MAX { failed(Failure::Truncated) } else { Ok(()) };
            }
            "refusal" => return failed(Failure::Refused),
            "model_context_window_exceeded" => return failed(Failure::WindowExceeded),
            other => return failed(Failure::UnknownStop(other.to_owned())),
        };
        mood.spoiled = 0;
        let calls: Vec<&CallRow> = self
            .journal
            .calls
            .iter()
            .filter(|call| call.agent == turn.agent && call.seq == turn.seq)
            .collect();
        if talk.answer(content).is_none() {
            return failed(Failure::Erased);
        }
        if calls.is_empty() {
            return self.idle(turn, pauses, talk, mood);
        }
        if calls.iter().any(|call| call.state == "pending") {
            let calls = Calls { view: *self, agent, calls: &calls, closing: mood.closing };
            return Err(calls.acts());
        }
        let submits = self.submits(agent, &turn.agent);
        if submits > self.bundle.bounds.repairs {
            return failed(Failure::Unreadable);
        }
        if mood.closing && !calls.iter().any(|call| call.name == agent.role.submits_by()) {
            self.strike(mood)?;
        }
        if talk.results(&calls).is_none() {
            return failed(Failure::Erased);
        }
        Ok(())
    }

    /// An answer without calls: the agent is reminded of what is wanted.
    fn idle(&self, turn: &TurnRow, pauses: bool, talk: &mut Talk, mood: &mut Mood) -> Result<(), Next> {
        let words = if pauses {
            mood.pauses += 1;
            if mood.pauses > PAUSES_MAX {
                return Err(Next::Ended(Ended::Failed(Failure::UnknownStop("pause_turn".to_owned()))));
            }
            prompt::GO_ON
        } else {
            mood.idle += 1;
            mood.closing |= mood.idle > 1;
            if mood.closing {
                self.strike(mood)?;
                prompt::CONCLUDE
            } else {
                prompt::REMINDER
            }
        };
        match self.told(&turn.agent, turn.seq + 1) {
            Some(told) => {
                talk.say(told);
                Ok(())
            }
            None => {
                let (path, seq) = (turn.agent.clone(), turn.seq + 1);
                Err(Next::Tell { path, seq, text: words.to_owned() })
            }
        }
    }

    fn strike(&self, mood: &mut Mood) -> Result<(), Next> {
        mood.strikes += 1;
        if mood.strikes < self.bundle.bounds.strikes {
            return Ok(());
        }
        let failure = if self.calls_made() >= self.bundle.bounds.calls_of_run {
            Failure::CallsExhausted
        } else {
            Failure::TurnsExhausted
        };
        Err(Next::Ended(Ended::Failed(failure)))
    }

    /// The name that the agent has with the model that it is to ask: the first of its chain that is not known to be gone.
    fn generation(&self, agent: &Agent) -> Option<(String, &'a Model)> {
        let models = &self.bundle.script(agent.role).models;
        let is_gone = |model: &Model| {
            self.journal.attempts.iter().any(|attempt| {
                attempt.error_code.as_deref() == Some(ErrorCode::ModelGone.as_str())
                    && attempt.model == model.id
            })
        };
        let at = models.iter().position(|model| !is_gone(model))?;
        let path = if at == 0 { agent.base.clone() } else { format!("{}.{}", agent.base, at + 1) };
        models.get(at).map(|model| (path, model))
    }

    /// What has to be there before the agent's first turn: what the host asks, or, when it had to go over to another
    /// model, what its earlier self found out. No model may go on with another's thoughts.
    fn beginning(&self, agent: &Agent, path: &str) -> Option<Next> {
        let begun = self.told(path, 1).is_some()
            || self.journal.turns.iter().any(|turn| turn.agent == path)
            || self.journal.attempts.iter().any(|attempt| attempt.agent == path);
        if begun {
            return None;
        }
        let is_later = path != agent.base;
        if is_later && let Some(text) = prompt::found_before(self.journal, agent) {
            return Some(Next::Tell { path: path.to_owned(), seq: 1, text });
        }
        let asks = agent.role == Role::Orchestrator && !self.bundle.first.is_empty();
        asks.then(|| Next::First { path: path.to_owned() })
    }

    fn told(&self, path: &str, seq: i32) -> Option<&'a str> {
        let note = self.journal.notes.iter().find(|note| note.agent == path && note.seq == seq)?;
        Some(&note.content)
    }

    /// How often this agent has handed something in and got an answer.
    pub(super) fn submits(&self, agent: &Agent, path: &str) -> usize {
        let submit = agent.role.submits_by();
        let done = |call: &&CallRow| call.agent == path && call.name == submit && call.state == "done";
        self.journal.calls.iter().filter(done).count()
    }

    /// Calls of tools that have a result, of all agents.
    pub(super) fn calls_made(&self) -> usize {
        self.journal.calls.iter().filter(|call| call.state == "done" && !is_submit(&call.name)).count()
    }
}

/// Whether something was handed in by it, and taken.
fn is_taken(call: &CallRow) -> bool {
    is_submit(&call.name) && call.state == "done" && !call.is_error
}

fn request(bundle: &Bundle, script: &Script, model: &Model, talk: Talk, spoiled: u32) -> Request {
    let tools = script.tools.iter().map(|offer| ToolSpec {
        name: offer.name.clone(),
        description: offer.description.clone(),
        input_schema: offer.schema.clone(),
        strict: offer.strict,
    });
    Request {
        model: model.id.clone(),
        // An answer that was cut is asked for again with more room.
        max_tokens: if spoiled > 0 { model.more_tokens } else { model.answer_tokens },
        system: vec![SystemBlock { text: script.system.clone(), cached: true }],
        tools: tools.collect(),
        messages: talk.messages(),
        user: Some(bundle.user.clone()),
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
