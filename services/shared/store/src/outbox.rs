//! The outbox: messages written in the commit that makes them due, published after it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, RunId, TenantId, TenantRef};

/// The message that asks for a run to be executed.
#[derive(Clone, Debug, PartialEq)]
pub struct JobMessage {
    /// The outbox row: the message's de-duplication id.
    pub outbox_id: Uuid,
    /// The run.
    pub run_id: RunId,
    /// Task name.
    pub task: String,
    /// Tenant.
    pub tenant: Option<TenantRef>,
    /// Key of the run.
    pub key: String,
    /// When it was due.
    pub scheduled_for: DateTime<Utc>,
    /// The task's input, encoded.
    pub payload: Vec<u8>,
    /// Whether it takes the lane of urgent runs.
    pub urgent: bool,
    /// The trace that it belongs to; `None` is that of whoever publishes it.
    pub traceparent: Option<String>,
    /// Whether it is known to be all there is to the run: no other waits for it, and no batch is its work.
    pub self_contained: bool,
}

/// A message kept as it is, published until the broker has acknowledged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadMessage {
    /// The outbox row: the message's de-duplication id.
    pub outbox_id: Uuid,
    /// The run, if it is known.
    pub run_id: Option<RunId>,
    /// Subject.
    pub subject: String,
    /// Code of the last error.
    pub error_code: String,
    /// Body.
    pub body: Vec<u8>,
}

/// A message sent again as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage {
    /// The outbox row: the message's de-duplication id.
    pub outbox_id: Uuid,
    /// Subject.
    pub subject: String,
    /// Name and value of its headers, if it is one that came with others than ours.
    pub headers: Option<Vec<(String, String)>>,
    /// Body.
    pub body: Vec<u8>,
}

/// Messages that their writer did not get published.
#[derive(Clone, Debug, Default)]
pub struct Overdue {
    /// Jobs.
    pub jobs: Vec<JobMessage>,
    /// Dead letters.
    pub dead: Vec<DeadMessage>,
    /// Messages as they were received.
    pub raw: Vec<RawMessage>,
}

/// Takes up to `limit` overdue messages and puts their next turn off, each time for longer, so that
/// a message which waits in a full stream is not sent over and over. Those of runs that have ended go.
///
/// # Errors
/// As any statement.
pub async fn take_overdue(pool: &Pool, limit: i64) -> Result<Overdue, StoreError> {
    let rows = sqlx::query_file!("src/outbox/take_overdue.sql", limit)
        .fetch_all(pool)
        .await
        .doing("looking for unpublished messages")?;
    let mut overdue = Overdue::default();
    for row in rows {
        if let (Some(subject), Some(body)) = (row.subject, row.body) {
            let outbox_id = row.outbox_id;
            match row.error_code {
                Some(error_code) => {
                    let run_id = row.run_id;
                    overdue.dead.push(DeadMessage { outbox_id, run_id, subject, error_code, body });
                }
                None => {
                    let headers = row.headers.map(|Json(headers)| headers);
                    overdue.raw.push(RawMessage { outbox_id, subject, headers, body });
                }
            }
        } else if let (
            Some(run_id),
            Some(task),
            Some(key),
            Some(scheduled_for),
            Some(payload),
            Some(urgent),
        ) = (row.run_id, row.task, row.key, row.scheduled_for, row.payload, row.urgent)
        {
            let tenant = row.tenant_id.zip(row.tenant_handle).map(|(id, handle)| TenantRef { id, handle });
            overdue.jobs.push(JobMessage {
                outbox_id: row.outbox_id,
                run_id,
                task,
                tenant,
                key,
                scheduled_for,
                payload,
                urgent,
                traceparent: row.traceparent,
                self_contained: false,
            });
        }
    }
    Ok(overdue)
}

/// What keeps a run's message here although it could go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBy {
    /// A person.
    Pause,
    /// Something it needs is down.
    Breaker,
    /// Its tenant has as much under way as it may.
    Limit,
    /// The run of its schedule's fire before.
    Overlap,
}

impl HeldBy {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Breaker => "breaker",
            Self::Limit => "limit",
            Self::Overlap => "overlap",
        }
    }
}

/// Runs a second that are let go when what held them back is over.
const LET_GO_PER_SECOND: f64 = 200.0;

/// Keeps a run's message for a while, or until somebody lets it go. No attempt is used up.
pub(crate) async fn hold(
    db: &mut Connection,
    run_id: RunId,
    by: HeldBy,
    because: &str,
    wait: Option<Duration>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "with old as (
            delete from outbox where run_id = $2 and kind = 'job'
        )
        insert into outbox (id, kind, run_id, held_by, held_because, next_publish_at)
        select $1, 'job', id, $3, $4, coalesce(now() + make_interval(secs => $5), 'infinity')
        from runs where id = $2 and finished_at is null",
        Uuid::now_v7(),
        run_id as RunId,
        by.as_str(),
        because,
        wait.map(|wait| wait.as_secs_f64()),
    )
    .execute(db)
    .await
    .doing("holding a run back")
    .map(drop)
}

/// Lets go of the runs of a tenant, or of all, that were held back by this, spread over time. Those that
/// something else holds back will be held again. Returns how many.
pub(crate) async fn let_go(
    db: &mut Connection,
    held_by: HeldBy,
    tenant: Option<TenantId>,
) -> Result<u64, StoreError> {
    // Not each of them with each there is: a plan from a time when nothing was held back takes them for a few.
    sqlx::query("set local enable_nestloop = off").execute(&mut *db).await.doing("letting go of runs")?;
    let done = sqlx::query_file!(
        "src/outbox/let_go.sql",
        held_by.as_str(),
        tenant as Option<TenantId>,
        LET_GO_PER_SECOND
    )
    .execute(&mut *db)
    .await
    .doing("letting go of runs")?;
    sqlx::query("set local enable_nestloop = on").execute(db).await.doing("letting go of runs")?;
    Ok(done.rows_affected())
}

/// Takes the runs of a tenant and task that have waited longest for a place, to be published now.
///
/// # Errors
/// As any statement; the sweep publishes them later.
pub async fn take_waiting_for_place(
    pool: &Pool,
    tenant: TenantId,
    task: &str,
    count: i64,
) -> Result<Vec<JobMessage>, StoreError> {
    let rows = sqlx::query_file_as!(
        JobRow,
        "src/outbox/take_waiting_for_place.sql",
        tenant as TenantId,
        task,
        count
    )
    .fetch_all(pool)
    .await
    .doing("making room for a run")?;
    Ok(rows.into_iter().map(JobRow::message).collect())
}

/// Runs of one tenant and task that something holds back.
#[derive(Clone, Debug)]
pub struct HeldCount {
    /// The tenant's handle.
    pub tenant_handle: Option<String>,
    /// Task.
    pub task: String,
    /// `pause`, `breaker` or `limit`.
    pub held_by: String,
    /// How many.
    pub runs: i64,
    /// Since when the first of them.
    pub since: DateTime<Utc>,
}

/// What is held back, most first.
///
/// # Errors
/// As any statement.
pub async fn held(pool: &Pool) -> Result<Vec<HeldCount>, StoreError> {
    sqlx::query_as!(
        HeldCount,
        r#"select t.handle as "tenant_handle?", r.task, o.held_by as "held_by!", count(*) as "runs!",
               min(o.created_at) as "since!"
           from outbox o join runs r on r.id = o.run_id left join tenants t on t.id = r.tenant_id
           where o.held_by is not null
           group by t.handle, r.task, o.held_by
           order by 4 desc, 1, 2"#
    )
    .fetch_all(pool)
    .await
    .doing("counting runs that are held back")
}

/// A job's message as queries give it.
pub(crate) struct JobRow {
    pub(crate) outbox_id: Uuid,
    pub(crate) run_id: RunId,
    pub(crate) task: String,
    pub(crate) tenant_id: TenantId,
    pub(crate) tenant_handle: String,
    pub(crate) key: String,
    pub(crate) scheduled_for: DateTime<Utc>,
    pub(crate) payload: Vec<u8>,
    pub(crate) urgent: bool,
}

impl JobRow {
    pub(crate) fn message(self) -> JobMessage {
        JobMessage {
            outbox_id: self.outbox_id,
            run_id: self.run_id,
            task: self.task,
            tenant: Some(TenantRef { id: self.tenant_id, handle: self.tenant_handle }),
            key: self.key,
            scheduled_for: self.scheduled_for,
            payload: self.payload,
            urgent: self.urgent,
            traceparent: None,
            self_contained: false,
        }
    }
}

/// Writes a message for a run, to be published by the sweep after a wait.
///
/// # Errors
/// As any statement.
pub async fn put_job(db: &mut Connection, run_id: RunId, wait: Duration) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into outbox (id, kind, run_id, next_publish_at)
         values ($1, 'job', $2, clock_timestamp() + make_interval(secs => $3))",
        Uuid::now_v7(),
        run_id as RunId,
        wait.as_secs_f64(),
    )
    .execute(db)
    .await
    .doing("writing a run's message")
    .map(drop)
}

/// Writes a dead letter's message.
///
/// # Errors
/// As any statement.
pub async fn put_dead(db: &mut Connection, message: &DeadMessage) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into outbox (id, kind, run_id, subject, error_code, body) values ($1, 'dead', $2, $3, $4, $5)",
        message.outbox_id,
        message.run_id as Option<RunId>,
        message.subject,
        message.error_code,
        message.body,
    )
    .execute(db)
    .await
    .doing("writing a dead letter's message")
    .map(drop)
}

/// Forgets messages that the broker has acknowledged and nobody claims.
///
/// # Errors
/// As any statement; they are then published again, under the same id.
pub async fn forget(pool: &Pool, outbox_ids: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!("delete from outbox where id = any($1)", outbox_ids)
        .execute(pool)
        .await
        .doing("forgetting published messages")
        .map(drop)
}
