//! Plans in a list: of all shops, or of one.

use serde::{Deserialize, Serialize};
use tradeup_store::Pool;
use utoipa::{IntoParams, ToSchema};

use super::super::when::When;
use super::usd::Usd;
use crate::access::Who;
use crate::failure::Failure;
use crate::views::said;

/// Plans of a page.
const PAGE: i64 = 50;

/// Every state that a plan may be in, and how it is said.
pub(crate) const STATES: [(&str, &str); 6] = [
    ("draft", "draft"),
    ("validated", "validated"),
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
    /// `draft`, `validated`, `awaiting_approval`, `approved`, `rejected` or `expired`.
    pub(crate) state: String,
    /// The run that the page before ended with.
    pub(crate) before: String,
}

impl PlansAsked {
    /// Whether it is narrowed at all.
    pub(crate) fn narrows(&self) -> bool {
        said(&self.state).is_some() || said(&self.tenant).is_some() || said(&self.before).is_some()
    }

    /// What the address of the page behind this run asks.
    pub(crate) fn after(&self, before: &str) -> Result<String, Failure> {
        let next = Self { before: before.to_owned(), ..self.clone() };
        serde_urlencoded::to_string(next).map_err(|error| {
            tracing::error!("a list's address can't be written: {error}");
            Failure::Internal
        })
    }
}
