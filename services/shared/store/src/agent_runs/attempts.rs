//! Tries of a turn: what a call may cost is reserved before it leaves, in every purse at once, and settled once.

use chrono::NaiveDate;

use super::{Lease, hold, storable};
use crate::error::{Doing, ErrorKind, StoreError};
use crate::{RunId, TenantId, Tx, model_spend};

/// So many answers of one turn may be lost before it is given up: each of them may be paid for.
const LOST_MAX: i64 = 2;

/// A try to be made.
#[derive(Clone, Debug)]
pub struct NewAttempt<'a> {
    /// Whose turn.
    pub agent: &'a str,
    /// Which turn, from 1.
    pub seq: i32,
    /// The model to be asked.
    pub model: &'a str,
    /// SHA-256 of the request's body.
    pub request_sha256: &'a [u8],
    /// Length of the request's body.
    pub request_bytes: i64,
    /// The most that it may cost.
    pub reserve_nano: i64,
}

/// Limits on what may be spent, in billionths of a US dollar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// By this run.
    pub run_nano: i64,
    /// For the tenant in a day.
    pub day_nano: i64,
    /// For the tenant in a month.
    pub month_nano: i64,
    /// For all tenants in a day.
    pub all_day_nano: i64,
}

/// The limit that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// The run's.
    Run,
    /// The tenant's of the day.
    Day,
    /// The tenant's of the month.
    Month,
    /// That of all tenants, of the day.
    AllDay,
}

impl Cap {
    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Run => "the limit of one run",
            Self::Day => "the shop's limit of the day",
            Self::Month => "the shop's limit of the month",
            Self::AllDay => "the day's limit of all shops",
        }
    }
}

/// What came of asking for money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is reserved for this try.
    Granted {
        /// The try's number, from 1.
        attempt: i32,
    },
    /// It would go beyond this limit. Nothing was written.
    Over(Cap),
    /// Too many answers of this turn were lost. Nothing was written.
    LostTooOften,
    /// The turn has its answer. Nothing was written.
    Answered,
}

/// What went wrong with a try.
#[derive(Clone, Debug)]
pub struct Failure<'a> {
    /// The code.
    pub code: &'a str,
    /// What went wrong, without personal data.
    pub error: &'a str,
    /// The provider's id of the request.
    pub request_id: Option<&'a str>,
}

/// Tokens that an answer took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenUse {
    /// Read, and in no cache.
    pub input: i64,
    /// Written to the cache.
    pub cache_write: i64,
    /// Read from the cache.
    pub cache_read: i64,
    /// Written.
    pub output: i64,
}

/// A tool call in an answer.
#[derive(Clone, Debug)]
pub struct NewCall<'a> {
    /// The id that its result refers to.
    pub tool_use_id: &'a str,
    /// The tool.
    pub name: &'a str,
    /// Its arguments, as they came.
    pub input: &'a str,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct NewAnswer<'a> {
    /// The content array as it came.
    pub content: &'a str,
    /// Why the model stopped.
    pub stop_reason: &'a str,
    /// The model that answered.
    pub model: &'a str,
    /// The provider's id of the request.
    pub request_id: Option<&'a str>,
    /// Tokens.
    pub tokens: TokenUse,
    /// What it cost.
    pub cost_nano: i64,
    /// The calls that are to be made.
    pub calls: &'a [NewCall<'a>],
}

/// Reserves what a try may cost: for the run, the tenant's day and month, and everybody's day. The day is that of
/// UTC by the database's clock.
///
/// # Errors
/// [`ErrorKind::Superseded`], or as any statement.
pub async fn reserve(
    tx: &mut Tx,
    lease: &Lease,
    new: &NewAttempt<'_>,
    caps: &Caps,
) -> Result<Reserved, StoreError> {
    hold(tx, lease).await?;
    let before = sqlx::query!(
        r#"select (clock_timestamp() at time zone 'UTC')::date as "day!", run.spent_nano + run.reserved_nano as "used!",
               (select count(*) from model_attempts a where a.tenant_id = $1 and a.run_id = $2 and a.agent = $3
                    and a.seq = $4) as "tries!",
               (select count(*) from model_attempts a where a.tenant_id = $1 and a.run_id = $2 and a.agent = $3
                    and a.seq = $4 and a.state = 'unknown') as "lost!",
               exists (select from agent_turns t where t.tenant_id = $1 and t.run_id = $2 and t.agent = $3
                    and t.seq = $4) as "answered!"
           from agent_runs run where run.tenant_id = $1 and run.run_id = $2"#,
        lease.tenant as TenantId,
        lease.run_id as RunId,
        new.agent,
        new.seq,
    )
    .fetch_one(&mut **tx)
    .await
    .doing("looking at a turn")?;
    if before.answered {
        return Ok(Reserved::Answered);
    }
    if before.lost > LOST_MAX {
        return Ok(Reserved::LostTooOften);
    }
    if before.used.saturating_add(new.reserve_nano) > caps.run_nano {
        return Ok(Reserved::Over(Cap::Run));
    }
    if let Some(cap) = model_spend::reserve(tx, lease.tenant, before.day, new.reserve_nano, caps).await? {
        return Ok(Reserved::Over(cap));
    }
    let attempt = i32::try_from(before.tries)
        .map_err(|_too_many| StoreError::of_kind(ErrorKind::Unexpected, "counting tries"))?
        + 1;
    sqlx::query!(
        "insert into model_attempts (tenant_id, run_id, agent, seq, attempt, epoch, model, request_sha256, request_bytes,
             reserved_nano, day)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        new.agent,
        new.seq,
        attempt,
        lease.epoch,
        new.model,
        new.request_sha256,
        new.request_bytes,
        new.reserve_nano,
        before.day,
    )
    .execute(&mut **tx)
    .await
    .doing("writing a try down")?;
    sqlx::query!(
        "update agent_runs set reserved_nano = reserved_nano + $3 where tenant_id = $1 and run_id = $2",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        new.reserve_nano,
    )
    .execute(&mut **tx)
    .await
    .doing("reserving what a try may cost")?;
    Ok(Reserved::Granted { attempt })
}

/// Notes that the request is about to leave. Committed before it does.
///
/// # Errors
/// [`ErrorKind::Superseded`], or as any statement.
pub async fn sent(tx: &mut Tx, lease: &Lease, agent: &str, seq: i32, attempt: i32) -> Result<(), StoreError> {
    hold(tx, lease).await?;
    let sent = sqlx::query!(
        "update model_attempts set state = 'sent', sent_at = clock_timestamp()
         where tenant_id = $1 and run_id = $2 and agent = $3 and seq = $4 and attempt = $5 and state = 'reserved'",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        agent,
        seq,
        attempt,
    )
    .execute(&mut **tx)
    .await
    .doing("noting that a request leaves")?;
    if sent.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::of_kind(ErrorKind::Superseded, "noting that a request leaves"))
    }
}

/// The try was surely not billed: its reservation is free again.
///
/// # Errors
/// [`ErrorKind::Superseded`], or as any statement.
pub async fn rejected(
    tx: &mut Tx,
    lease: &Lease,
    agent: &str,
    seq: i32,
    attempt: i32,
    failure: &Failure<'_>,
) -> Result<(), StoreError> {
    end(tx, lease, (agent, seq, attempt), "rejected", Some(failure), None, 0).await
}

/// The answer is lost and may be billed: its reservation is spent.
///
/// # Errors
/// [`ErrorKind::Superseded`], or as any statement.
pub async fn unknown(
    tx: &mut Tx,
    lease: &Lease,
    agent: &str,
    seq: i32,
    attempt: i32,
    failure: &Failure<'_>,
) -> Result<(), StoreError> {
    end(tx, lease, (agent, seq, attempt), "unknown", Some(failure), None, 0).await
}

/// Keeps an answer with its calls, and settles what it cost. It was paid for, so it is kept however broken it is: of calls
/// with one id, in this turn or an earlier one of the agent, the first is kept.
///
/// # Errors
/// [`ErrorKind::Superseded`] also for a try that was never [`sent`]; or as any statement.
pub async fn answered(
    tx: &mut Tx,
    lease: &Lease,
    agent: &str,
    seq: i32,
    attempt: i32,
    answer: &NewAnswer<'_>,
) -> Result<(), StoreError> {
    end(tx, lease, (agent, seq, attempt), "answered", None, answer.request_id, answer.cost_nano).await?;
    let TokenUse { input, cache_write, cache_read, output } = answer.tokens;
    sqlx::query!(
        "insert into agent_turns (tenant_id, run_id, agent, seq, content, stop_reason, model, request_id, input_tokens,
             cache_write_tokens, cache_read_tokens, output_tokens, cost_nano)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        agent,
        seq,
        storable(answer.content),
        storable(answer.stop_reason),
        answer.model,
        answer.request_id.map(storable),
        input,
        cache_write,
        cache_read,
        output,
        answer.cost_nano,
    )
    .execute(&mut **tx)
    .await
    .doing("keeping an answer")?;
    let (ids, names): (Vec<String>, Vec<String>) =
        answer.calls.iter().map(|call| (storable(call.tool_use_id), storable(call.name))).unzip();
    let inputs: Vec<String> = answer.calls.iter().map(|call| storable(call.input)).collect();
    sqlx::query!(
        "insert into tool_calls (tenant_id, run_id, agent, seq, position, tool_use_id, name, input)
         select $1, $2, $3, $4, new.place - 1, new.id, new.name, new.input
         from unnest($5::text[], $6::text[], $7::text[]) with ordinality new (id, name, input, place)
         order by new.place
         on conflict do nothing",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        agent,
        seq,
        &ids,
        &names,
        &inputs,
    )
    .execute(&mut **tx)
    .await
    .doing("keeping an answer's calls")
    .map(drop)
}

async fn end(
    tx: &mut Tx,
    lease: &Lease,
    (agent, seq, attempt): (&str, i32, i32),
    state: &str,
    failure: Option<&Failure<'_>>,
    request_id: Option<&str>,
    cost_nano: i64,
) -> Result<(), StoreError> {
    hold(tx, lease).await?;
    let ended = sqlx::query!(
        "update model_attempts set state = $6, error_code = $7, error = $8, request_id = coalesce($9, request_id),
             ended_at = clock_timestamp()
         where tenant_id = $1 and run_id = $2 and agent = $3 and seq = $4 and attempt = $5
             and (state = 'sent' or (state = 'reserved' and $6 = 'rejected'))
         returning reserved_nano, day",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        agent,
        seq,
        attempt,
        state,
        failure.map(|failure| failure.code),
        failure.map(|failure| storable(failure.error)),
        request_id.or_else(|| failure.and_then(|failure| failure.request_id)).map(storable),
    )
    .fetch_optional(&mut **tx)
    .await
    .doing("ending a try")?
    .ok_or_else(|| StoreError::of_kind(ErrorKind::Superseded, "ending a try"))?;
    let unknown_nano = if state == "unknown" { ended.reserved_nano } else { 0 };
    settle(tx, lease, ended.day, ended.reserved_nano, cost_nano + unknown_nano, unknown_nano).await
}

/// Turns what was reserved on a day into what was spent, for the run and in every purse.
pub(super) async fn settle(
    tx: &mut Tx,
    lease: &Lease,
    day: NaiveDate,
    reserved_nano: i64,
    spent_nano: i64,
    unknown_nano: i64,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update agent_runs set reserved_nano = reserved_nano - $3, spent_nano = spent_nano + $4,
             unknown_nano = unknown_nano + $5
         where tenant_id = $1 and run_id = $2",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        reserved_nano,
        spent_nano,
        unknown_nano,
    )
    .execute(&mut **tx)
    .await
    .doing("settling what a try cost")?;
    model_spend::settle(tx, lease.tenant, day, reserved_nano, spent_nano).await
}
