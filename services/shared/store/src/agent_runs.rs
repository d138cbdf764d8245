//! Agents' runs: the journal from which a run goes on after any interruption (decision 0021). Each write carries the
//! epoch of the lease it was made under; what an older holder writes is refused as [`ErrorKind::Superseded`].
//!
//! Money spent on models is in billionths of a US dollar (`nano`).

mod attempts;
mod journal;
mod left;
mod view;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tradeup_domain::figure::Figure;
use uuid::Uuid;

pub use attempts::{Cap, Caps, Failure, NewAnswer, NewAttempt, NewCall, Reserved, TokenUse};
pub use attempts::{answered, rejected, reserve, sent, unknown};
pub use journal::{AttemptRow, CallRow, FactRow, Journal, NoteRow, TurnRow, journal};
pub(crate) use left::settle_left;
pub use view::{AgentRunView, list, show};

use crate::error::{Doing, ErrorKind, StoreError};
use crate::runs::Sender;
use crate::{Connection, RunId, TenantId, Tx};

/// What an agent run is, when it begins.
#[derive(Clone, Debug)]
pub struct NewAgentRun<'a> {
    /// The task, like `plan-strategic-goal`.
    pub kind: &'a str,
    /// What was asked for, in words.
    pub goal: &'a str,
    /// The instant that it is about.
    pub as_of: DateTime<Utc>,
    /// Models, prompts and limits that it keeps to its end, whatever is deployed meanwhile.
    pub bundle: &'a Value,
}

/// An agent run.
#[derive(Clone, Debug)]
pub struct AgentRun {
    /// The run that executes it.
    pub run_id: RunId,
    /// The task.
    pub kind: String,
    /// What was asked for.
    pub goal: String,
    /// The instant that it is about.
    pub as_of: DateTime<Utc>,
    /// As it was when it began.
    pub bundle: Value,
    /// `running`, `done`, `stopped` or `failed`.
    pub state: String,
    /// How often it was taken up.
    pub epoch: i64,
    /// Spent, with what is unknown.
    pub spent_nano: i64,
    /// Reserved for calls under way.
    pub reserved_nano: i64,
    /// What was spent without an answer, as far as one can know: at most this.
    pub unknown_nano: i64,
    /// How it ended, in words.
    pub outcome: Option<String>,
}

/// Whoever holds it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The tenant.
    pub tenant: TenantId,
    /// The run.
    pub run_id: RunId,
    /// What it was raised to.
    pub epoch: i64,
}

/// Begins an agent run, or reads what it began as: the first bundle counts.
///
/// # Errors
/// As any statement.
pub async fn open(
    tx: &mut Tx,
    tenant: TenantId,
    run_id: RunId,
    new: &NewAgentRun<'_>,
) -> Result<AgentRun, StoreError> {
    sqlx::query!(
        "insert into agent_runs (tenant_id, run_id, kind, goal, as_of, bundle) values ($1, $2, $3, $4, $5, $6)
         on conflict do nothing",
        tenant as TenantId,
        run_id as RunId,
        new.kind,
        storable(new.goal),
        new.as_of,
        storable_json(new.bundle),
    )
    .execute(&mut **tx)
    .await
    .doing("beginning an agent run")?;
    get(tx, tenant, run_id)
        .await?
        .ok_or_else(|| StoreError::of_kind(ErrorKind::Unexpected, "reading an agent run that was begun"))
}

/// An agent run, if there is one.
///
/// # Errors
/// As any statement.
pub async fn get(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
) -> Result<Option<AgentRun>, StoreError> {
    sqlx::query_as!(
        AgentRun,
        r#"select run_id as "run_id: RunId", kind, goal, as_of, bundle, state, epoch, spent_nano, reserved_nano,
               unknown_nano, outcome
           from agent_runs where tenant_id = $1 and run_id = $2"#,
        tenant as TenantId,
        run_id as RunId,
    )
    .fetch_optional(db)
    .await
    .doing("reading an agent run")
}

/// Takes the run up: from here on nobody else writes. What was under way with whoever had it before is settled: what had
/// left is spent, since its answer may be billed. A run that has ended is taken up again, as one that is replayed; look at
/// its state first.
///
/// # Errors
/// [`ErrorKind::Superseded`] if there is a newer attempt of the run than this one: who was frozen does not take it from
/// whoever came after. Or as any statement.
pub async fn lease(tx: &mut Tx, sender: Sender, worker: &str) -> Result<Lease, StoreError> {
    let Sender { tenant, run_id, attempt } = sender;
    // A run without a row was deleted, being old; nobody can have it.
    let epoch = sqlx::query_scalar!(
        "update agent_runs set epoch = epoch + 1, worker = $3, state = 'running', ended_at = null, outcome = null
         where tenant_id = $1 and run_id = $2
             and not exists (select from runs r where r.id = $2 and (r.attempt <> $4 or r.state <> 'running'))
         returning epoch",
        tenant as TenantId,
        run_id as RunId,
        worker,
        attempt,
    )
    .fetch_optional(&mut **tx)
    .await
    .doing("taking up an agent run")?
    .ok_or_else(|| StoreError::of_kind(ErrorKind::Superseded, "taking up an agent run"))?;
    let lease = Lease { tenant, run_id, epoch };
    left::forsake(tx, &lease, 0).await?;
    Ok(lease)
}

/// Holds the run's row under this lease, or refuses: also when the run has ended.
pub(crate) async fn hold(tx: &mut Tx, lease: &Lease) -> Result<(), StoreError> {
    sqlx::query_scalar!(
        "select epoch from agent_runs
         where tenant_id = $1 and run_id = $2 and epoch = $3 and state = 'running' for update",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        lease.epoch,
    )
    .fetch_optional(&mut **tx)
    .await
    .doing("holding an agent run")?
    .map(drop)
    .ok_or_else(|| StoreError::of_kind(ErrorKind::Superseded, "holding an agent run"))
}

/// Gives figures their ids in the run, like `F12`: without gaps, in this transaction.
///
/// # Errors
/// [`ErrorKind::Superseded`], or as any statement.
pub async fn mint(
    tx: &mut Tx,
    lease: &Lease,
    agent: &str,
    tool: &str,
    call: &str,
    as_of: DateTime<Utc>,
    figures: &[Figure],
) -> Result<Vec<String>, StoreError> {
    let many = i32::try_from(figures.len())
        .map_err(|_too_many| StoreError::of_kind(ErrorKind::Unexpected, "minting facts"))?;
    let last = sqlx::query_scalar!(
        "update agent_runs set facts = facts + $4
         where tenant_id = $1 and run_id = $2 and epoch = $3 and state = 'running' returning facts",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        lease.epoch,
        many,
    )
    .fetch_optional(&mut **tx)
    .await
    .doing("minting facts")?
    .ok_or_else(|| StoreError::of_kind(ErrorKind::Superseded, "minting facts"))?;
    let ids: Vec<i32> = (last - many + 1..=last).collect();
    let figures: Vec<Value> = figures.iter().map(figure_json).collect::<Result<_, _>>()?;
    sqlx::query!(
        "insert into agent_facts (tenant_id, run_id, id, agent, tool, tool_use_id, as_of, figure)
         select $1, $2, new.id, $3, $4, $5, $6, new.figure from unnest($7::integer[], $8::jsonb[]) new (id, figure)",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        agent,
        tool,
        call,
        as_of,
        &ids,
        &figures,
    )
    .execute(&mut **tx)
    .await
    .doing("keeping facts")?;
    Ok(ids.into_iter().map(|id| format!("F{id}")).collect())
}

fn figure_json(figure: &Figure) -> Result<Value, StoreError> {
    serde_json::to_value(figure)
        .map_err(|_never| StoreError::of_kind(ErrorKind::Unexpected, "writing a figure"))
}

/// Keeps what a tool call came to. `false` if it was kept before: then this one is to be rolled back.
///
/// # Errors
/// [`ErrorKind::Superseded`], or as any statement.
pub async fn call_done(
    tx: &mut Tx,
    lease: &Lease,
    agent: &str,
    tool_use_id: &str,
    content: &str,
    is_error: bool,
) -> Result<bool, StoreError> {
    hold(tx, lease).await?;
    let done = sqlx::query!(
        "update tool_calls set state = 'done', content = $5, is_error = $6, done_at = clock_timestamp()
         where tenant_id = $1 and run_id = $2 and agent = $3 and tool_use_id = $4 and state = 'pending'",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        agent,
        storable(tool_use_id),
        storable(content),
        is_error,
    )
    .execute(&mut **tx)
    .await
    .doing("keeping a tool's result")?;
    Ok(done.rows_affected() == 1)
}

/// What agents of this run call these members, like `m_7`: given once. Their order here says nothing of the numbers, or
/// the first one asked for would be known as the riskiest.
///
/// # Errors
/// [`ErrorKind::Superseded`], or as any statement.
pub async fn aliases(tx: &mut Tx, lease: &Lease, members: &[Uuid]) -> Result<Vec<String>, StoreError> {
    hold(tx, lease).await?;
    sqlx::query_file_scalar!(
        "src/agent_runs/aliases.sql",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        members,
    )
    .fetch_all(&mut **tx)
    .await
    .doing("naming members for agents")
}

/// The member that agents of a run call so.
///
/// # Errors
/// As any statement.
pub async fn member_of(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
    alias: &str,
) -> Result<Option<Uuid>, StoreError> {
    let Some(number) = alias.strip_prefix("m_").and_then(|number| number.parse::<i32>().ok()) else {
        return Ok(None);
    };
    sqlx::query_scalar!(
        "select member_id from agent_aliases where tenant_id = $1 and run_id = $2 and alias = $3",
        tenant as TenantId,
        run_id as RunId,
        number,
    )
    .fetch_optional(db)
    .await
    .doing("finding a member by what agents call it")
}

/// Keeps what the host says to an agent before its turn; the first word counts.
///
/// # Errors
/// [`ErrorKind::Superseded`], or as any statement.
pub async fn note(
    tx: &mut Tx,
    lease: &Lease,
    agent: &str,
    seq: i32,
    content: &str,
) -> Result<(), StoreError> {
    hold(tx, lease).await?;
    sqlx::query!(
        "insert into agent_notes (tenant_id, run_id, agent, seq, content) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        agent,
        seq,
        storable(content),
    )
    .execute(&mut **tx)
    .await
    .doing("keeping what an agent is told")
    .map(drop)
}

/// Ends the run as `done`, `stopped` or `failed`, with words for people. Tries that are open are settled as those of
/// somebody who is gone: nobody else would, and what they have reserved would be missing.
///
/// # Errors
/// [`ErrorKind::Superseded`], or as any statement.
pub async fn finish(tx: &mut Tx, lease: &Lease, state: &str, outcome: &str) -> Result<(), StoreError> {
    hold(tx, lease).await?;
    left::forsake(tx, lease, 0).await?;
    let ended = sqlx::query!(
        "update agent_runs set state = $4, outcome = $5, ended_at = clock_timestamp()
         where tenant_id = $1 and run_id = $2 and epoch = $3",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        lease.epoch,
        state,
        storable(outcome),
    )
    .execute(&mut **tx)
    .await
    .doing("ending an agent run")?;
    if ended.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::of_kind(ErrorKind::Superseded, "ending an agent run"))
    }
}

/// Text as PostgreSQL takes it: without NUL.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "")
}

/// JSON as PostgreSQL takes it: without NUL in any text.
pub(crate) fn storable_json(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(storable(text)),
        Value::Array(items) => Value::Array(items.iter().map(storable_json).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (storable(name), storable_json(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
