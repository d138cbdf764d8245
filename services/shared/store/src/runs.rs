//! Runs: one execution of a task each, from trigger to end.

mod admit;
mod cancel;
mod claim;
mod end;
mod heal;
mod known;
mod memory;
mod spawn;
mod untried;
mod view;

use chrono::{DateTime, Utc};
use tradeup_signals::trace;
use uuid::Uuid;

pub use cancel::{Cancelled, cancel, cancel_orphans, hasten, resume_cancelled, unfinished_of};
pub use claim::{BatchRange, Claim, ClaimOutcome, Claimant, Sender, claim, extend_lease};
pub use end::{Ending, end_exhausted, finish, settle_parents};
pub use heal::{WaitingRun, requeue_stranded, waiting};
pub use known::known;
pub use memory::{RunProgress, checkpoint, note_progress, progress, save_checkpoint};
pub use spawn::{Spawn, spawn_for_tenants};
pub use untried::{FirstEnding, KnownBy, finish_untried, untried};
pub use view::{AttemptView, RunFilter, RunView, attempts, count, list, payload, trace_id};

use crate::error::{Doing, StoreError};
use crate::outbox::{HeldBy, JobMessage};
use crate::{Connection, Pool, RunId, TenantId, TenantRef};

/// States of runs that have not ended.
pub const UNFINISHED: [&str; 5] = ["scheduled", "queued", "running", "waiting", "retrying"];
/// Every state that a run may be in.
pub const STATES: [&str; 8] = {
    let [scheduled, queued, running, waiting, retrying] = UNFINISHED;
    [scheduled, queued, running, waiting, retrying, "succeeded", "dead", "cancelled"]
};

/// What a run may have been triggered by.
pub const TRIGGERS: [&str; 4] = ["schedule", "manual", "parent", "event"];

/// A run to be created.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Task name.
    pub task: String,
    /// The tenant; `None` for runs over all tenants.
    pub tenant: Option<TenantRef>,
    /// With task and tenant, what makes it unique.
    pub key: String,
    /// The task's input, encoded.
    pub payload: Vec<u8>,
    /// When it was due.
    pub scheduled_for: DateTime<Utc>,
    /// Who asked for it.
    pub trigger: Trigger,
    /// When it may start, in which lane, how it is found.
    pub options: RunOptions,
}

/// What may be said of a run beside what it is.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Not to be started before.
    pub not_before: Option<DateTime<Utc>>,
    /// Passes others that wait in the stream. Its children do, too.
    pub urgent: bool,
    /// What people search for.
    pub tags: Vec<String>,
    /// What it waits for before it may start, with words for people.
    pub held: Option<(HeldBy, String)>,
    /// The run that waits for it, and the one that all of it began with.
    pub parent: Option<(RunId, RunId)>,
}

/// Who asked for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A schedule, by its name.
    Schedule(String),
    /// A person, by the name that the command line knows.
    Manual(String),
    /// An event, by the system that it came from.
    Event(String),
    /// Another run, by its task.
    Parent(String),
}

/// The run for a key, and whether it is new.
#[derive(Clone, Debug)]
pub struct Created {
    /// The run.
    pub run_id: RunId,
    /// Whether it was created now.
    pub is_new: bool,
    /// What is to be published after the commit; `None` if the run existed already, or its time has
    /// not come.
    pub message: Option<JobMessage>,
}

/// Creates a run as [`create`] does, in a commit of its own: one round trip, where to begin, to create and to commit are three.
///
/// # Errors
/// [`crate::ErrorKind::Unavailable`] and the like; then it is not known whether it was created, and its key finds out.
pub async fn create_alone(pool: &Pool, new: NewRun) -> Result<Created, StoreError> {
    // What belongs to no transaction is one by itself.
    create(&mut *pool.acquire().await.doing("creating a run")?, new).await
}

/// Creates a run and its message, unless its key exists; then that run is the answer.
///
/// # Errors
/// As any statement.
pub async fn create(db: &mut Connection, new: NewRun) -> Result<Created, StoreError> {
    let run_id = RunId::new();
    let outbox_id = Uuid::now_v7();
    let tenant_id = new.tenant.as_ref().map(|t| t.id);
    let (trigger, triggered_by) = match &new.trigger {
        Trigger::Schedule(name) => ("schedule", name),
        Trigger::Manual(name) => ("manual", name),
        Trigger::Event(source) => ("event", source),
        Trigger::Parent(task) => ("parent", task),
    };
    let options = new.options;
    let created = sqlx::query_file_scalar!(
        "src/runs/create.sql",
        run_id as RunId,
        tenant_id as Option<TenantId>,
        new.task,
        new.key,
        trigger,
        triggered_by,
        new.payload,
        new.scheduled_for,
        outbox_id,
        options.not_before,
        options.urgent,
        &options.tags,
        options.held.as_ref().map(|(by, _)| by.as_str()),
        options.held.as_ref().map(|(_, because)| because.as_str()),
        options.parent.map(|(parent, _)| parent) as Option<RunId>,
        options.parent.map(|(_, root)| root) as Option<RunId>,
        trace::current(),
    )
    .fetch_optional(&mut *db)
    .await
    .doing("creating a run")?;
    if let Some(is_due) = created {
        let message = is_due.then_some(JobMessage {
            outbox_id,
            run_id,
            task: new.task,
            tenant: new.tenant,
            key: new.key,
            scheduled_for: new.scheduled_for,
            payload: new.payload,
            urgent: options.urgent,
            traceparent: None,
            self_contained: options.parent.is_none(),
        });
        return Ok(Created { run_id, is_new: true, message });
    }
    let existing = sqlx::query_scalar!(
        r#"select id as "id: RunId" from runs where task = $1 and tenant_id is not distinct from $2 and key = $3"#,
        new.task,
        tenant_id as Option<TenantId>,
        new.key,
    )
    .fetch_one(db)
    .await
    .doing("looking up the run of this key")?;
    Ok(Created { run_id: existing, is_new: false, message: None })
}
