//! The offline planner: a [`Brain`] that is no model but a policy, for demonstrations and tests without a key.
//!
//! It works as a model would: it calls the tools that it is offered, cites the facts that it **received**, and hands in
//! a plan whose texts are templates with placeholders. Which templates, and which campaigns, is decided by the figures:
//! other data, another plan; no data, a plan that says so. It has no state and no randomness, so the same conversation
//! gets the same answer.
//!
//! What it expects of the conversation:
//! - The orchestrator is who is offered `submit_plan`; a specialist is who is offered `submit_findings`.
//! - The orchestrator's first message holds a fenced block of JSON, marked with the word `TASK` on the fence or on the
//!   line above it, with `goal`, `kind`, `timeline_days`, `target_segment`, `as_of`, `currency`, `limits` and `tiers`.
//!   `limits` is `tradeup_plan::Limits` as JSON. Whatever is missing has a careful default.
//! - What the host asked of tools by itself stands in the first message as JSON, in a fence or on a line of its own.
//! - A tool's result is JSON in which a figure is an object under its id, `"F12": {"name", "value", "unit", …}`,
//!   wherever it stands; `labels` beside a row's `figures` tell what it is of.
//! - A delegation's result is JSON with `findings`, `data_gaps` and, so that the orchestrator knows them, the figures
//!   that the findings cite.
//! - A refused `submit_plan` or `submit_findings` is a result with `is_error`, whose text names the paths of what is
//!   objected to, like `campaigns[0].audience`.

mod arguments;
mod campaigns;
mod kpis;
mod orchestrator;
mod seen;
mod specialist;
mod task;
mod topics;
mod words;
mod writing;

use serde_json::Value;

use super::brain::{Asked, Brain, Reply};

/// The name under which the planner is listed as a model.
pub const MODEL: &str = "offline-script-1";

/// The planner.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planner {
    ungrounded_once: bool,
}

impl Planner {
    /// One that makes no mistakes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One whose first plan holds a figure that no tool answered, so that its rejection and repair can be seen.
    #[must_use]
    pub fn ungrounded_once() -> Self {
        Self { ungrounded_once: true }
    }
}

impl Brain for Planner {
    fn answer(&self, request: &Value) -> Reply {
        let asked = Asked(request);
        if asked.offers("submit_plan") {
            orchestrator::answer(asked, self.ungrounded_once)
        } else if asked.offers("submit_findings") {
            specialist::answer(asked)
        } else {
            Reply::unmatched("the planner is only asked by agents that may submit a plan or findings")
        }
    }

    fn models(&self) -> Vec<String> {
        vec![MODEL.to_owned()]
    }
}
