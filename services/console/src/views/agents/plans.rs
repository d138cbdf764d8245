//! Plans in a list: of all shops, or of one.

use serde::{Deserialize, Serialize};
use tradeup_store::Pool;
use tradeup_store::plans::{self, PlanFilter};
use utoipa::{IntoParams, ToSchema};

use super::super::when::When;
use crate::access::Who;
use crate::failure::Failure;
use crate::views::{cut, query, said};

/// Plans of a page.
const PAGE: u8 = 50;

/// Every state that a plan may be in, and how it is said.
pub(crate) const STATES: [(&str, &str); 5] = [
    ("validated", "nothing to decide"),
    ("awaiting_approval", "awaits a decision"),
    ("approved", "approved"),
    ("rejected", "rejected"),
    ("expired", "expired"),
];

/// What a list of plans is narrowed by, as the address has it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct PlansAsked {
    /// A shop's handle.
    pub(crate) tenant: String,
    /// `validated` (nothing to decide), `awaiting_approval`, `approved`, `rejected` or `expired`.
    pub(crate) state: String,
    /// The run that the page before ended with.
    pub(crate) before: String,
}

impl PlansAsked {
    /// Whether it is narrowed, but for the shop.
    pub(crate) fn narrows(&self) -> bool {
        said(&self.state).is_some() || said(&self.before).is_some()
    }

    /// What the address of the page behind this run asks.
    pub(crate) fn after(&self, before: &str) -> Result<String, Failure> {
        query(&Self { before: before.to_owned(), ..self.clone() })
    }
}

/// A plan in one line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PlanLine {
    /// The run that has made it.
    pub(crate) run: String,
    pub(crate) tenant: String,
    pub(crate) task: String,
    /// What was asked for, in the words of whoever asked; empty of what a schedule asks for.
    pub(crate) goal: String,
    /// As in a list's `state`.
    pub(crate) state: String,
    pub(crate) created: When,
    /// The agents came to their end by themselves, with everything proven.
    pub(crate) complete: bool,
    /// A script has made it, and no model.
    pub(crate) offline: bool,
    /// How many it proposes.
    pub(crate) campaigns: i64,
    /// Those on which nobody has decided.
    pub(crate) undecided: i64,
}

impl PlanLine {
    fn of(line: plans::PlanLine) -> Self {
        Self {
            run: line.run_id.to_string(),
            tenant: line.tenant,
            task: line.kind,
            goal: line.goal,
            state: line.state,
            created: When(line.created_at),
            complete: line.complete,
            offline: line.offline,
            campaigns: line.items,
            undecided: line.undecided,
        }
    }

    /// What it is called.
    pub(crate) fn title(&self) -> &str {
        if self.goal.trim().is_empty() { &self.task } else { &self.goal }
    }

    /// Its state in words.
    pub(crate) fn state_words(&self) -> &str {
        STATES.iter().find(|(state, _)| *state == self.state).map_or(&self.state, |(_, words)| words)
    }
}

/// A page of plans, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Plans {
    pub(crate) plans: Vec<PlanLine>,
    /// The run to give as `before` for the next page.
    pub(crate) next: Option<String>,
}

impl Plans {
    /// Those that may be seen.
    pub(crate) async fn read(pool: &Pool, who: &Who, asked: &PlansAsked) -> Result<Self, Failure> {
        let tenant = who.narrowed(said(&asked.tenant));
        let state = said(&asked.state);
        let before = said(&asked.before).map(|run| {
            let why = format!("{run:?} is no run's id");
            run.parse().map_err(|_malformed| Failure::Invalid { field: "before", why })
        });
        let filter =
            PlanFilter { tenant: tenant.as_deref(), state: state.as_deref(), before: before.transpose()? };
        let mut found = plans::list(pool, &filter, i64::from(PAGE) + 1).await?;
        let more = cut(&mut found, usize::from(PAGE));
        let next = found.last().filter(|_| more).map(|last| last.run_id.to_string());
        Ok(Self { plans: found.into_iter().map(PlanLine::of).collect(), next })
    }
}
