//! Runs: one execution of a task each, from trigger to end.

mod admit;
mod cancel;
mod claim;
mod end;
mod heal;
mod view;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use cancel::{Cancelled, cancel, cancel_orphans, hasten, resume_cancelled};
pub use claim::{BatchRange, Claim, ClaimOutcome, Claimant, claim, extend_lease};
pub use end::{Ending, end_exhausted, finish, settle_parents};
pub use heal::{WaitingRun, requeue_stranded, waiting};
pub use view::{AttemptView, RunFilter, RunView, attempts, list};

use crate::error::{Doing, StoreError};
use crate::ids::new_ids;
use crate::outbox::JobMessage;
use crate::{Connection, RunId, TenantId, TenantRef};

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
}

/// Who asked for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A schedule, by its name.
    Schedule(String),
    /// A person, by the name that the command line knows.
    Manual(String),
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

/// Creates one child of `parent` for each active tenant. Tenants that have a run of this key
/// already, from a trigger of their own, keep that one.
///
/// # Errors
/// As any statement.
pub async fn spawn_for_tenants(
    db: &mut Connection,
    parent: &Claim,
    task: &str,
    key: &str,
    payload: &[u8],
) -> Result<Vec<JobMessage>, StoreError> {
    let tenants = sqlx::query!(
        r#"select id as "id: TenantId", handle from tenants where state = 'active' order by id"#
    )
    .fetch_all(&mut *db)
    .await
    .doing("listing the active tenants")?;
    let ids: Vec<i64> = tenants.iter().map(|t| t.id.0).collect();
    let mut handles: HashMap<TenantId, String> = tenants.into_iter().map(|t| (t.id, t.handle)).collect();
    let spawned = sqlx::query!(
        r#"with spawned as (
            insert into runs (id, tenant_id, task, key, trigger, parent_id, root_id, payload, scheduled_for, urgent)
            select n.run_id, n.tenant_id, $4, $5, 'parent', $6, $7, $8, $9, $10
            from unnest($1::uuid[], $3::bigint[]) as n (run_id, tenant_id)
            on conflict (task, tenant_id, key) do nothing
            returning id, tenant_id
        ), written as (
            insert into outbox (id, kind, run_id)
            select n.outbox_id, 'job', n.run_id
            from unnest($1::uuid[], $2::uuid[]) as n (run_id, outbox_id)
            join spawned on spawned.id = n.run_id
            returning id, run_id
        )
        select w.id as "outbox_id!", s.id as "run_id!: RunId", s.tenant_id as "tenant_id!: TenantId"
        from spawned s join written w on w.run_id = s.id
        order by s.id"#,
        &new_ids(ids.len()),
        &new_ids(ids.len()),
        &ids,
        task,
        key,
        parent.run_id as RunId,
        parent.root_id as RunId,
        payload,
        parent.scheduled_for,
        parent.urgent,
    )
    .fetch_all(db)
    .await
    .doing("creating a run for each tenant")?;
    Ok(spawned
        .into_iter()
        .map(|row| JobMessage {
            outbox_id: row.outbox_id,
            run_id: row.run_id,
            task: task.to_owned(),
            tenant: handles.remove(&row.tenant_id).map(|handle| TenantRef { id: row.tenant_id, handle }),
            key: key.to_owned(),
            scheduled_for: parent.scheduled_for,
            payload: payload.to_vec(),
            urgent: parent.urgent,
        })
        .collect())
}
