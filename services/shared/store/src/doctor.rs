//! What `tradeup doctor` asks the database: is something stuck that should go by itself?

mod deployment;

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::error::{Doing, StoreError};
use crate::{Pool, RunId};

pub use deployment::{Deployment, Needs, deployment, needs};

/// The server, and the settings that can lose commits.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    /// Version, as the server says it.
    pub version: String,
    /// Version of the schema.
    pub schema: i64,
    /// Settings with which a commit can be lost in a power cut, like `fsync = off`.
    pub unsafe_settings: Vec<String>,
}

/// The server, and the settings that can lose commits.
///
/// # Errors
/// As any statement.
pub async fn server(pool: &Pool) -> Result<ServerFacts, StoreError> {
    let row = sqlx::query!(
        r#"select current_setting('server_version') as "version!",
               (select coalesce(max(version), 0) from _sqlx_migrations where success) as "schema!",
               (select coalesce(array_agg(name || ' = ' || setting order by name), '{}') from pg_settings
                where name in ('fsync', 'synchronous_commit', 'full_page_writes') and setting = 'off')
                   as "unsafe_settings!""#
    )
    .fetch_one(pool)
    .await
    .doing("looking at the server")?;
    Ok(ServerFacts { version: row.version, schema: row.schema, unsafe_settings: row.unsafe_settings })
}

/// Why a run does not go on that should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StuckRun {
    /// Its worker's lease is over and nobody took it over.
    LeaseOver,
    /// The time of its next attempt has passed, and nothing holds it back.
    AttemptOverdue,
    /// It is queued and no message says so.
    QueuedWithoutMessage,
    /// It waits for children, and all of them have ended.
    WaitingForNothing,
    /// The run above it has ended.
    BelowEnded,
}

impl StuckRun {
    /// All.
    pub const ALL: [Self; 5] = [
        Self::LeaseOver,
        Self::AttemptOverdue,
        Self::QueuedWithoutMessage,
        Self::WaitingForNothing,
        Self::BelowEnded,
    ];

    /// Its name, as in the statement.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LeaseOver => "lease_over",
            Self::AttemptOverdue => "attempt_overdue",
            Self::QueuedWithoutMessage => "queued_without_message",
            Self::WaitingForNothing => "waiting_for_nothing",
            Self::BelowEnded => "below_ended",
        }
    }
}

/// Runs that do not go on for one reason.
#[derive(Clone, Debug)]
pub struct StuckRuns {
    /// The reason.
    pub what: StuckRun,
    /// How many.
    pub runs: i64,
    /// The one that has been stuck for the longest.
    pub first: RunId,
    /// For how long, in seconds.
    pub seconds: f64,
}

/// Runs that should go on and do not. `patience` is how long the engine may take to see to it,
/// `queued_patience` how long a run may be queued without a message.
///
/// # Errors
/// As any statement.
pub async fn stuck_runs(
    pool: &Pool,
    patience: Duration,
    queued_patience: Duration,
) -> Result<Vec<StuckRuns>, StoreError> {
    let rows =
        sqlx::query_file!("src/doctor/runs.sql", patience.as_secs_f64(), queued_patience.as_secs_f64())
            .fetch_all(pool)
            .await
            .doing("looking for runs that do not go on")?;
    let known = |name: &str| StuckRun::ALL.into_iter().find(|what| what.as_str() == name);
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let what = known(&row.what)?;
            Some(StuckRuns { what, runs: row.runs, first: row.first, seconds: row.seconds })
        })
        .collect())
}

/// Why a message is still in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StuckMessage {
    /// No sweep takes it.
    Untaken,
    /// The broker does not take it.
    Refused,
    /// It was published, and nobody has claimed its run.
    Unclaimed,
}

/// Messages in the outbox that should have gone.
#[derive(Clone, Copy, Debug)]
pub struct StuckMessages {
    /// Why.
    pub what: StuckMessage,
    /// How many.
    pub messages: i64,
    /// For how long the oldest has been due, in seconds; at least.
    pub seconds: f64,
}

/// Messages that are due and not held, and still there.
///
/// # Errors
/// As any statement.
pub async fn stuck_messages(pool: &Pool) -> Result<Vec<StuckMessages>, StoreError> {
    let rows = sqlx::query_file!("src/doctor/outbox.sql")
        .fetch_all(pool)
        .await
        .doing("looking for messages that do not go")?;
    let what = |name: &str| match name {
        "untaken" => StuckMessage::Untaken,
        "refused" => StuckMessage::Refused,
        _ => StuckMessage::Unclaimed,
    };
    let stuck = |what, messages, seconds| StuckMessages { what, messages, seconds };
    Ok(rows.into_iter().map(|row| stuck(what(&row.what), row.messages, row.seconds)).collect())
}

/// Dead letters with one cause that nobody has seen to.
#[derive(Clone, Debug)]
pub struct DeadGroup {
    /// The group, as `tradeup dead` takes it.
    pub fingerprint: String,
    /// Code of the error.
    pub code: String,
    /// Task, if it is known.
    pub task: Option<String>,
    /// How many.
    pub letters: i64,
    /// When the last of them was given up.
    pub latest: DateTime<Utc>,
    /// The first of them was given up within a day.
    pub is_new: bool,
}

/// Dead letters that nobody has seen to, by cause, most first.
///
/// # Errors
/// As any statement.
pub async fn dead_groups(pool: &Pool) -> Result<Vec<DeadGroup>, StoreError> {
    sqlx::query_as!(
        DeadGroup,
        r#"select fingerprint, code, task, count(*) as "letters!", max(dead_at) as "latest!",
               min(dead_at) > now() - interval '24 hours' as "is_new!"
           from dead_letters where resolution is null
           group by fingerprint, code, task order by 4 desc, fingerprint"#
    )
    .fetch_all(pool)
    .await
    .doing("grouping dead letters")
}
