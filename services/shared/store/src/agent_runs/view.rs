//! Agent runs as they are shown.

use chrono::{DateTime, Utc};

use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// An agent run as it is shown.
#[derive(Clone, Debug)]
pub struct AgentRunView {
    /// The run.
    pub run_id: RunId,
    /// The task.
    pub kind: String,
    /// What was asked for.
    pub goal: String,
    /// The instant that it is about.
    pub as_of: DateTime<Utc>,
    /// `running`, `done`, `stopped` or `failed`.
    pub state: String,
    /// How it ended, in words.
    pub outcome: Option<String>,
    /// Answered turns.
    pub turns: i64,
    /// Facts.
    pub facts: i32,
    /// Spent, with what is unknown.
    pub spent_nano: i64,
    /// Reserved for calls under way.
    pub reserved_nano: i64,
    /// Of what is spent, what was lost with its answer.
    pub unknown_nano: i64,
    /// How often it was taken up.
    pub epoch: i64,
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Since when bodies are gone.
    pub erased_at: Option<DateTime<Utc>>,
    /// Whether there is a plan.
    pub has_plan: bool,
}

/// A tenant's agent runs, newest first.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    limit: i64,
) -> Result<Vec<AgentRunView>, StoreError> {
    sqlx::query_file_as!(
        AgentRunView,
        "src/agent_runs/list.sql",
        tenant as TenantId,
        None::<uuid::Uuid>,
        limit
    )
    .fetch_all(db)
    .await
    .doing("listing agent runs")
}

/// One of them.
///
/// # Errors
/// As any statement.
pub async fn show(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
) -> Result<Option<AgentRunView>, StoreError> {
    sqlx::query_file_as!(AgentRunView, "src/agent_runs/list.sql", tenant as TenantId, run_id.0, 1_i64)
        .fetch_optional(db)
        .await
        .doing("reading an agent run")
}
