//! All that a run has written down, in the order in which it goes on.

use chrono::{DateTime, Utc};
use serde_json::Value;
use tradeup_domain::figure::Figure;

use crate::error::{Doing, ErrorKind, StoreError};
use crate::{RunId, TenantId, Tx};

/// A turn that was answered.
#[derive(Clone, Debug)]
pub struct TurnRow {
    /// Whose.
    pub agent: String,
    /// Which, from 1.
    pub seq: i32,
    /// The content array as it came; none since it was erased.
    pub content: Option<String>,
    /// Why the model stopped.
    pub stop_reason: String,
    /// The model that answered.
    pub model: String,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// Tokens read that no cache had.
    pub input_tokens: i64,
    /// Tokens written to the cache.
    pub cache_write_tokens: i64,
    /// Tokens read from the cache.
    pub cache_read_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
    /// What it cost.
    pub cost_nano: i64,
    /// When it came.
    pub answered_at: DateTime<Utc>,
}

/// A try of a turn.
#[derive(Clone, Debug)]
pub struct AttemptRow {
    /// Whose turn.
    pub agent: String,
    /// Which turn.
    pub seq: i32,
    /// Which try, from 1.
    pub attempt: i32,
    /// `reserved`, `sent`, `answered`, `rejected` or `unknown`.
    pub state: String,
    /// The model asked.
    pub model: String,
    /// What was reserved for it.
    pub reserved_nano: i64,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// The code of what went wrong.
    pub error_code: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// When it was reserved.
    pub reserved_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A call of a tool.
#[derive(Clone, Debug)]
pub struct CallRow {
    /// Whose.
    pub agent: String,
    /// In which turn.
    pub seq: i32,
    /// Its place in that turn, from 0.
    pub position: i32,
    /// The id that its result refers to.
    pub tool_use_id: String,
    /// The tool.
    pub name: String,
    /// Its arguments as they came; none since they were erased.
    pub input: Option<String>,
    /// `pending` or `done`.
    pub state: String,
    /// Its result.
    pub content: Option<String>,
    /// Whether the result says what was wrong.
    pub is_error: bool,
}

/// A fact.
#[derive(Clone, Debug)]
pub struct FactRow {
    /// Its number: 12 of `F12`.
    pub id: i32,
    /// Whose tool answered it.
    pub agent: String,
    /// The tool.
    pub tool: String,
    /// The call.
    pub tool_use_id: String,
    /// The figure.
    pub figure: Figure,
    /// The instant that it was counted for.
    pub as_of: DateTime<Utc>,
}

/// What the host told an agent before a turn.
#[derive(Clone, Debug)]
pub struct NoteRow {
    /// Whom.
    pub agent: String,
    /// Before which turn.
    pub seq: i32,
    /// What.
    pub content: String,
}

/// Everything.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// Answered turns, by agent and number.
    pub turns: Vec<TurnRow>,
    /// Tries, by agent, turn and number.
    pub attempts: Vec<AttemptRow>,
    /// Calls, by agent, turn and place.
    pub calls: Vec<CallRow>,
    /// Facts, by number.
    pub facts: Vec<FactRow>,
    /// Notes, by agent and turn.
    pub notes: Vec<NoteRow>,
}

struct Kept {
    id: i32,
    agent: String,
    tool: String,
    tool_use_id: String,
    figure: Value,
    as_of: DateTime<Utc>,
}

/// Reads the journal of a run.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when a figure is none, or as any statement.
pub async fn journal(tx: &mut Tx, tenant: TenantId, run_id: RunId) -> Result<Journal, StoreError> {
    let turns = sqlx::query_as!(
        TurnRow,
        "select agent, seq, content, stop_reason, model, request_id, input_tokens, cache_write_tokens,
             cache_read_tokens, output_tokens, cost_nano, answered_at
         from agent_turns where tenant_id = $1 and run_id = $2 order by agent, seq",
        tenant as TenantId,
        run_id as RunId,
    )
    .fetch_all(&mut **tx)
    .await
    .doing("reading turns")?;
    let attempts = sqlx::query_as!(
        AttemptRow,
        "select agent, seq, attempt, state, model, reserved_nano, request_id, error_code, error, reserved_at, ended_at
         from model_attempts where tenant_id = $1 and run_id = $2 order by agent, seq, attempt",
        tenant as TenantId,
        run_id as RunId,
    )
    .fetch_all(&mut **tx)
    .await
    .doing("reading tries of turns")?;
    let calls = sqlx::query_as!(
        CallRow,
        "select agent, seq, position, tool_use_id, name, input, state, content, is_error
         from tool_calls where tenant_id = $1 and run_id = $2 order by agent, seq, position",
        tenant as TenantId,
        run_id as RunId,
    )
    .fetch_all(&mut **tx)
    .await
    .doing("reading calls of tools")?;
    let notes = sqlx::query_as!(
        NoteRow,
        "select agent, seq, content from agent_notes where tenant_id = $1 and run_id = $2 order by agent, seq",
        tenant as TenantId,
        run_id as RunId,
    )
    .fetch_all(&mut **tx)
    .await
    .doing("reading what agents were told")?;
    let facts = facts(tx, tenant, run_id).await?;
    Ok(Journal { turns, attempts, calls, facts, notes })
}

async fn facts(tx: &mut Tx, tenant: TenantId, run_id: RunId) -> Result<Vec<FactRow>, StoreError> {
    let kept = sqlx::query_as!(
        Kept,
        "select id, agent, tool, tool_use_id, figure, as_of from agent_facts
         where tenant_id = $1 and run_id = $2 order by id",
        tenant as TenantId,
        run_id as RunId,
    )
    .fetch_all(&mut **tx)
    .await
    .doing("reading facts")?;
    let read = kept.into_iter().map(|Kept { id, agent, tool, tool_use_id, figure, as_of }| {
        let figure = serde_json::from_value(figure)
            .map_err(|_unreadable| StoreError::of_kind(ErrorKind::Corrupt, "reading a fact's figure"))?;
        Ok(FactRow { id, agent, tool, tool_use_id, figure, as_of })
    });
    read.collect()
}
