//! A brain that says what it was told to say.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::brain::{Asked, Brain, Reply};
use super::fault::{Fault, Fits};

/// What to say to which request. The first step that fits and is not used up is taken; a request that none fits is
/// unmatched.
///
/// Steps are not used up unless it is said: what is asked again is answered again alike.
#[derive(Debug, Default)]
pub struct Script {
    steps: Mutex<Vec<Step>>,
}

/// A step of a [`Script`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The requests it is for.
    #[serde(default)]
    pub when: Fits,
    /// What is said.
    pub reply: Reply,
    /// What goes wrong at first: the first request has the first of these, and so on.
    #[serde(default)]
    pub faults: Vec<Vec<Fault>>,
    /// How often it is there to be taken; for ever if it is not said.
    #[serde(default)]
    pub times: Option<u64>,
}

impl Step {
    /// Says this to such requests.
    #[must_use]
    pub fn new(when: Fits, reply: Reply) -> Self {
        Self { when, reply, ..Self::default() }
    }

    /// Is used up after so many requests.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// The next of its requests has these faults; said again: the one after that.
    #[must_use]
    pub fn failing(mut self, faults: impl Into<Vec<Fault>>) -> Self {
        self.faults.push(faults.into());
        self
    }
}

impl Script {
    /// One that knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One that says these one after the other in each conversation, whatever is asked.
    #[must_use]
    pub fn turns(replies: impl IntoIterator<Item = Reply>) -> Self {
        let step = |(turn, reply)| Step::new(Fits::default().turn(turn), reply);
        replies.into_iter().enumerate().map(step).collect()
    }

    /// With another step.
    #[must_use]
    pub fn step(self, step: Step) -> Self {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(step);
        self
    }

    /// Says this to such requests.
    #[must_use]
    pub fn on(self, when: Fits, reply: Reply) -> Self {
        self.step(Step::new(when, reply))
    }
}

impl FromIterator<Step> for Script {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        Self { steps: Mutex::new(steps.into_iter().collect()) }
    }
}

impl Brain for Script {
    fn answer(&self, request: &Value) -> Reply {
        let asked = Asked(request);
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let found = steps.iter_mut().find(|step| step.times != Some(0) && step.when.fit(asked));
        let Some(step) = found else {
            return Reply::unmatched(format!(
                "no step for turn {} of {} with the tools {:?}",
                asked.turn(),
                asked.model(),
                asked.tools()
            ));
        };
        step.times = step.times.map(|times| times - 1);
        let mut reply = step.reply.clone();
        if !step.faults.is_empty() {
            reply.faults.extend(step.faults.remove(0));
        }
        reply
    }
}
