//! What is shown, as data: the API answers with it, and pages are written from it.

pub(crate) mod agents;
pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod backlog;
pub(crate) mod body;
pub(crate) mod bulk_acts;
pub(crate) mod dead;
pub(crate) mod ended;
pub(crate) mod event;
pub(crate) mod events;
pub(crate) mod grid;
pub(crate) mod holds;
pub(crate) mod ledger;
pub(crate) mod mails;
pub(crate) mod make_up;
pub(crate) mod member;
pub(crate) mod overview;
pub(crate) mod proofs;
pub(crate) mod replay;
pub(crate) mod reversal;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schedule;
pub(crate) mod schedules;
pub(crate) mod search;
pub(crate) mod standing;
pub(crate) mod statement;
pub(crate) mod tasks;
pub(crate) mod tenants;
pub(crate) mod users;
pub(crate) mod when;

use serde::Serialize;

use crate::failure::Failure;

/// What a list is narrowed by, as an address has it.
pub(crate) fn query(asked: &impl Serialize) -> Result<String, Failure> {
    serde_urlencoded::to_string(asked).map_err(|error| {
        tracing::error!("a list's address can't be written: {error}");
        Failure::Internal
    })
}

/// Takes off what there is beyond a page, of which one more than it holds was asked for; whether there was anything.
pub(crate) fn cut<T>(found: &mut Vec<T>, page: usize) -> bool {
    let more = found.len() > page;
    found.truncate(page);
    more
}

/// What a field says; `None` if it says nothing.
pub(crate) fn said(given: &str) -> Option<String> {
    let given = given.trim();
    (!given.is_empty()).then(|| given.to_owned())
}
