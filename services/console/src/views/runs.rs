//! Runs in a list.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tradeup_store::runs::{self, RunFilter, RunView};
use tradeup_store::{Pool, RunId};
use utoipa::{IntoParams, ToSchema};

use super::when::{When, length};
use super::{cut, query, said};
use crate::access::Who;
use crate::failure::Failure;

/// Runs of a page.
const PAGE: u8 = 50;

/// What a list of runs is narrowed by, as the address has it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    pub(crate) task: String,
    pub(crate) state: String,
    pub(crate) tenant: String,
    pub(crate) tag: String,
    /// `schedule`, `manual`, `parent` or `event`.
    pub(crate) trigger: String,
    /// A code, like TU0305; children, too.
    pub(crate) error: String,
    pub(crate) key: String,
    pub(crate) since: String,
    pub(crate) until: String,
    /// Children, too.
    pub(crate) all: String,
    pub(crate) before: String,
}

/// A run in one line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) task: String,
    pub(crate) tenant: Option<String>,
    pub(crate) key: String,
    pub(crate) state: String,
    pub(crate) trigger: String,
    pub(crate) triggered_by: Option<String>,
    pub(crate) parent: Option<String>,
    pub(crate) root: String,
    pub(crate) attempt: i32,
    pub(crate) attempts_max: Option<i32>,
    pub(crate) due: When,
    pub(crate) created: When,
    pub(crate) started: Option<When>,
    pub(crate) ended: Option<When>,
    pub(crate) next_attempt: Option<When>,
    pub(crate) took: Option<String>,
    pub(crate) error_code: Option<String>,
    pub(crate) error: Option<String>,
    /// Why it is not tried although it could be.
    pub(crate) held_because: Option<String>,
    pub(crate) urgent: bool,
    pub(crate) tags: Vec<String>,
}

impl Line {
    pub(crate) fn of(run: RunView) -> Self {
        let took =
            run.started_at.zip(run.finished_at).map(|(from, to)| length((to - from).max(TimeDelta::zero())));
        Self {
            id: run.run_id.to_string(),
            task: run.task,
            tenant: run.tenant_handle,
            key: run.key,
            state: run.state,
            trigger: run.trigger,
            triggered_by: run.triggered_by,
            parent: run.parent_id.map(|id| id.to_string()),
            root: run.root_id.to_string(),
            attempt: run.attempt,
            attempts_max: run.max_attempts,
            due: When(run.scheduled_for),
            created: When(run.created_at),
            started: run.started_at.map(When),
            ended: run.finished_at.map(When),
            next_attempt: run.next_attempt_at.map(When),
            took,
            error_code: run.error_code,
            error: run.error,
            held_because: run.held_because,
            urgent: run.urgent,
            tags: run.tags,
        }
    }
}

/// A page of runs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Runs {
    pub(crate) runs: Vec<Line>,
    /// The id to give as `before` for the next page.
    pub(crate) next: Option<String>,
}

/// An instant as a field has it; `None` if it says nothing.
pub(crate) fn instant(field: &'static str, given: &str) -> Result<Option<DateTime<Utc>>, Failure> {
    let Some(given) = said(given) else { return Ok(None) };
    // A form's own fields have neither seconds nor a zone.
    let whole = format!("{given}:00Z");
    [given.as_str(), whole.as_str()].into_iter().find_map(|text| text.parse().ok()).map(Some).ok_or(
        Failure::Invalid {
            field,
            why: format!("{given:?} is no instant; write it like 2026-11-01T06:00:00Z"),
        },
    )
}

impl Asked {
    /// As an address has it.
    pub(crate) fn query(&self) -> Result<String, Failure> {
        query(self)
    }

    /// Whether it is narrowed at all.
    pub(crate) fn narrows(&self) -> bool {
        let said = [
            &self.task,
            &self.state,
            &self.tenant,
            &self.tag,
            &self.trigger,
            &self.error,
            &self.key,
            &self.since,
            &self.until,
        ];
        said.into_iter().any(|field| !field.trim().is_empty())
    }

    /// All pages of it, of what they may see.
    pub(crate) fn narrowed(&self, who: &Who) -> Self {
        let tenant = who.narrowed(said(&self.tenant)).unwrap_or_default();
        Self { tenant, before: String::new(), ..self.clone() }
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        let said = [
            ("task", &self.task),
            ("state", &self.state),
            ("shop", &self.tenant),
            ("tag", &self.tag),
            ("trigger", &self.trigger),
            ("error", &self.error),
            ("key", &self.key),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let said = said.into_iter().filter(|(_, text)| !text.trim().is_empty());
        let mut said: Vec<String> = said.map(|(name, text)| format!("{name} {}", text.trim())).collect();
        if !said.is_empty() && !self.all.is_empty() {
            said.push("with children".to_owned());
        }
        if said.is_empty() { "all runs".to_owned() } else { said.join(", ") }
    }

    /// As the store takes it; a page of what is [narrowed](Self::narrowed).
    pub(crate) fn filter(&self) -> Result<RunFilter, Failure> {
        let before: Option<RunId> = match said(&self.before) {
            None => None,
            Some(id) => Some(id.parse().map_err(|_malformed| Failure::Invalid {
                field: "before",
                why: format!("{id:?} is no run's id"),
            })?),
        };
        let trigger = said(&self.trigger);
        if let Some(other) = trigger.as_deref().filter(|trigger| !runs::TRIGGERS.contains(trigger)) {
            let why = format!("{other:?} triggers nothing; give one of {}", runs::TRIGGERS.join(", "));
            return Err(Failure::Invalid { field: "trigger", why });
        }
        let tenant = said(&self.tenant);
        Ok(RunFilter {
            task: said(&self.task),
            state: said(&self.state),
            // What shops have are children mostly.
            with_children: !self.all.is_empty()
                || tenant.is_some()
                || !self.key.is_empty()
                || !self.task.is_empty(),
            tenant,
            tag: said(&self.tag),
            trigger,
            error_code: said(&self.error).map(|code| code.to_uppercase()),
            key_prefix: said(&self.key),
            since: instant("since", &self.since)?,
            until: instant("until", &self.until)?,
            before,
            ..RunFilter::default()
        })
    }
}

/// Runs that one bulk act is about, at most.
pub(crate) const MANY_MAX: i64 = 10_000;

/// What a list is narrowed to, of what they may see, with how many runs of it there are by their state now: counted up to
/// one more than [`MANY_MAX`]. Nobody means all runs by saying nothing.
pub(crate) async fn counted(
    pool: &Pool,
    who: &Who,
    asked: &Asked,
) -> Result<(Asked, Vec<(String, i64)>), Failure> {
    if !asked.narrows() {
        let why = "say which runs: task, state, tenant, tag, trigger, error, key, since or until".to_owned();
        return Err(Failure::Invalid { field: "query", why });
    }
    let asked = asked.narrowed(who);
    let by_state = runs::count(pool, &asked.filter()?, MANY_MAX + 1).await?;
    Ok((asked, by_state))
}

/// The latest that match, of what is [narrowed](Asked::narrowed).
pub(crate) async fn latest(pool: &Pool, asked: &Asked, limit: i64) -> Result<Vec<Line>, Failure> {
    let found = runs::list(pool, &asked.filter()?, limit).await?;
    Ok(found.into_iter().map(Line::of).collect())
}

impl Runs {
    pub(crate) async fn read(pool: &Pool, who: &Who, asked: &Asked) -> Result<Self, Failure> {
        let asked = Asked { before: asked.before.clone(), ..asked.narrowed(who) };
        let mut runs = latest(pool, &asked, i64::from(PAGE) + 1).await?;
        let more = cut(&mut runs, usize::from(PAGE));
        let next = runs.last().filter(|_| more).map(|run| run.id.clone());
        Ok(Self { runs, next })
    }
}
