//! What becomes of an answer's calls: which are made, which are refused, and which wait for others of the same answer.

use std::collections::BTreeSet;

use serde_json::Value;
use tradeup_store::agent_runs::CallRow;

use super::repeats::{self, Verdict};
use super::state::{Agent, Ended, Failure, Next, View};
use crate::bundle::{Role, is_submit};

/// What is to be done about a call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Act {
    /// Whose call.
    pub(super) path: String,
    /// Which.
    pub(super) tool_use_id: String,
    /// What.
    pub(super) deed: Deed,
}

/// The deed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Deed {
    /// A tool is asked.
    Tool { name: String, arguments: Value },
    /// A specialist is asked.
    Delegate(Agent),
    /// What is handed in is checked. `last`: no repair is left.
    Submit { role: Role, input: String, last: bool },
    /// The agent is told why not.
    Refuse(String),
}

/// The calls of an answer, of which some have no result yet.
pub(super) struct Calls<'a> {
    pub(super) view: View<'a>,
    pub(super) agent: &'a Agent,
    pub(super) calls: &'a [&'a CallRow],
    pub(super) closing: bool,
}

const CLOSED: &str = "This is closed: conclude now, with what you have. The only call that is answered is ";

impl Calls<'_> {
    /// What can be done now. Of calls that ask the same, one after the other; what is handed in, when the rest is done.
    pub(super) fn acts(&self) -> Next {
        let mut acts: Vec<Act> = Vec::new();
        let mut asked = BTreeSet::new();
        let pending = || self.calls.iter().filter(|call| call.state == "pending");
        let mut granted = 0;
        for call in pending().filter(|call| !is_submit(&call.name)) {
            if !asked.insert(repeats::signature(call)) {
                continue;
            }
            let Some(deed) = self.deed(call, granted) else {
                return Next::Ended(Ended::Failed(Failure::InCircles));
            };
            granted += usize::from(!matches!(deed, Deed::Refuse(_)));
            acts.push(act(call, deed));
        }
        if acts.is_empty() {
            acts.extend(pending().next().map(|call| act(call, self.submit(call))));
        }
        Next::Act(acts)
    }

    fn submit(&self, call: &CallRow) -> Deed {
        if call.name != self.agent.role.submits_by() {
            return Deed::Refuse(self.unknown(call));
        }
        let last = self.view.submits(self.agent, &call.agent) >= self.view.bundle.bounds.repairs;
        let input = call.input.clone().unwrap_or_default();
        Deed::Submit { role: self.agent.role, input, last }
    }

    /// `None` when the agent goes round in circles.
    fn deed(&self, call: &CallRow, granted: usize) -> Option<Deed> {
        let (bundle, journal) = (self.view.bundle, self.view.journal);
        if self.closing {
            return Some(Deed::Refuse(format!("{CLOSED}{}.", self.agent.role.submits_by())));
        }
        let before = |other: &&CallRow| {
            other.agent == call.agent
                && other.state == "done"
                && (other.seq, other.position) < (call.seq, call.position)
        };
        let earlier: Vec<&CallRow> = journal.calls.iter().filter(before).collect();
        match repeats::judge(call, &earlier, &journal.facts) {
            Verdict::Circles => return None,
            Verdict::Refused(words) => return Some(Deed::Refuse(words)),
            Verdict::Fresh => {}
        }
        let among = |other: &&&CallRow| !is_submit(&other.name) && other.position < call.position;
        if self.calls.iter().filter(among).count() >= bundle.bounds.calls_of_turn {
            let most = bundle.bounds.calls_of_turn;
            return Some(Deed::Refuse(format!(
                "Limit reached: at most {most} calls in one turn are answered."
            )));
        }
        let under_way = self.view.under_way.iter().filter(|(path, id)| !self.is_done(path, id)).count();
        if self.view.calls_made() + under_way + granted >= bundle.bounds.calls_of_run {
            return Some(Deed::Refuse(
                "Limit reached: no call is answered any more. Conclude now.".to_owned(),
            ));
        }
        let script = bundle.script(self.agent.role);
        if !script.tools.iter().any(|offer| offer.name == call.name) {
            return Some(Deed::Refuse(self.unknown(call)));
        }
        let arguments = call.input.as_deref().and_then(|input| serde_json::from_str::<Value>(input).ok());
        let Some(arguments) = arguments.filter(Value::is_object) else {
            return Some(Deed::Refuse("The arguments are no JSON object. Call again with one.".to_owned()));
        };
        Some(match Role::delegated_by(&call.name) {
            Some(role) => self.delegate(call, role),
            None => Deed::Tool { name: call.name.clone(), arguments },
        })
    }

    fn is_done(&self, path: &str, id: &str) -> bool {
        let is_it = |call: &&CallRow| call.agent == path && call.tool_use_id == id;
        self.view.journal.calls.iter().find(is_it).is_none_or(|call| call.state == "done")
    }

    fn delegate(&self, call: &CallRow, role: Role) -> Deed {
        let delegations: Vec<&CallRow> = self
            .view
            .journal
            .calls
            .iter()
            .filter(|other| Role::delegated_by(&other.name).is_some())
            .filter(|other| Agent::orchestrator().owns(&other.agent))
            .collect();
        let place = |other: &CallRow| (other.agent.clone(), other.seq, other.position);
        let earlier = |other: &&&CallRow| place(other) < place(call);
        let most = self.view.bundle.bounds.delegations;
        if delegations.iter().filter(earlier).count() >= most {
            return Deed::Refuse(format!(
                "Limit reached: at most {most} specialists may be asked in one run."
            ));
        }
        let number = delegations.iter().filter(earlier).filter(|other| other.name == call.name).count() + 1;
        let base = format!("{}-{number}", role.as_str());
        Deed::Delegate(Agent { role, base, brief: call.input.clone().unwrap_or_default() })
    }

    fn unknown(&self, call: &CallRow) -> String {
        let names: Vec<&str> =
            self.view.bundle.script(self.agent.role).tools.iter().map(|offer| offer.name.as_str()).collect();
        let name: String = call.name.chars().take(64).collect();
        format!("There is no tool {name:?}. There are: {}.", names.join(", "))
    }
}

fn act(call: &CallRow, deed: Deed) -> Act {
    Act { path: call.agent.clone(), tool_use_id: call.tool_use_id.clone(), deed }
}
