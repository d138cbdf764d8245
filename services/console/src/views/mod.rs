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

/// What a field says; `None` if it says nothing.
pub(crate) fn said(given: &str) -> Option<String> {
    let given = given.trim();
    (!given.is_empty()).then(|| given.to_owned())
}
