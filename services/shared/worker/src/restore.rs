//! The database may not go back in time unseen: NATS remembers how far it was. See
//! docs/decisions/0006.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::json;
use tradeup_broker::{Broker, ControlError, Kept, Remembered};
use tradeup_proto::subject::CONTROL_DATABASE;
use tradeup_proto::{Message as _, convert, v1};
use tradeup_store::audit::Actor;
use tradeup_store::marks::{self, Accepted, Mark};
use tradeup_store::{Pool, RunId, StoreError};
use uuid::Uuid;

use crate::Worker;

/// A mark as NATS remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Number of the mark.
    pub n: i64,
    /// Its id.
    pub id: Uuid,
    /// When it was placed, by the database's clock.
    pub at: DateTime<Utc>,
    /// The newest run then.
    pub newest_run_id: Option<RunId>,
    /// When that run was created.
    pub newest_run_at: Option<DateTime<Utc>>,
    /// Identifier of the server.
    pub system_identifier: String,
    /// Timeline of the server.
    pub timeline: i32,
    /// The worker that recorded it.
    pub recorded_by: String,
}

/// Where the database stands, by what NATS remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// NATS remembers nothing: any database is as good.
    Unrecorded,
    /// The database has the mark.
    InPlace(Recorded),
    /// It lacks it: it stands at an earlier moment than NATS has seen, or is another one.
    WentBack(Recorded),
}

/// The database stands at an earlier moment than NATS has seen. One line, for whoever starts a service.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "the database stands at an earlier moment than NATS has seen, or is another one: it lacks mark {} of {}; \
     `tradeup restored --dry-run` shows both, `tradeup restored --reason ...` accepts the database as it is",
    .0.n, .0.at.to_rfc3339_opts(SecondsFormat::Secs, true)
)]
pub struct WentBack(pub Recorded);

/// Why it is not known where the database stands.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// NATS.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// What NATS remembers is no mark.
    #[error(
        "what NATS remembers on {CONTROL_DATABASE} is no mark of a database ({0}); `tradeup restored --reason ...` writes it anew"
    )]
    Unreadable(String),
    /// Somebody recorded a mark at the same moment.
    #[error("somebody else recorded a mark at the same moment; look again, then repeat it")]
    Overtaken,
}

/// Where the database stands.
///
/// # Errors
/// [`RestoreError`]; then nothing is known.
pub async fn standing(pool: &Pool, broker: &Broker) -> Result<Standing, RestoreError> {
    let remembered = broker.remembered(CONTROL_DATABASE).await?;
    stands(pool, remembered.as_ref()).await
}

/// How far the clock of NATS is ahead of the database's, by the latest mark: it was placed by the one and stored by the
/// other, one after the other. `None` if there is no mark.
///
/// # Errors
/// [`RestoreError`].
pub async fn broker_skew(broker: &Broker) -> Result<Option<TimeDelta>, RestoreError> {
    let Some(remembered) = broker.remembered(CONTROL_DATABASE).await? else { return Ok(None) };
    let recorded = read(&remembered.body)?;
    Ok(Some(TimeDelta::milliseconds(remembered.stored_ms - recorded.at.timestamp_millis())))
}

async fn stands(pool: &Pool, remembered: Option<&Remembered>) -> Result<Standing, RestoreError> {
    let Some(remembered) = remembered else { return Ok(Standing::Unrecorded) };
    let recorded = read(&remembered.body)?;
    let is_in_place = marks::has(pool, recorded.n, recorded.id).await?;
    Ok(if is_in_place { Standing::InPlace(recorded) } else { Standing::WentBack(recorded) })
}

/// Marks the database and has NATS remember it, unless the database has gone back. Returns where it
/// stood before.
pub(crate) async fn record(worker: &Worker) -> Result<Standing, RestoreError> {
    let remembered = worker.broker.remembered(CONTROL_DATABASE).await?;
    let standing = stands(&worker.pool, remembered.as_ref()).await?;
    let recorded = match &standing {
        Standing::Unrecorded => 0,
        Standing::InPlace(recorded) => recorded.n,
        Standing::WentBack(_) => return Ok(standing),
    };
    // None: another scheduler is at it, or the database was exchanged since. The next round looks again.
    if let Some(mark) = marks::place(&worker.pool, recorded).await? {
        remember(&worker.pool, &worker.broker, mark, worker.name(), remembered.as_ref()).await?;
    }
    Ok(standing)
}

/// Whether messages may be judged by this database. An unknown run is the message's fault only then.
pub(crate) async fn is_in_place(worker: &Worker) -> bool {
    match standing(&worker.pool, &worker.broker).await {
        Ok(standing) => !matches!(standing, Standing::WentBack(_)),
        Err(error) => {
            tracing::warn!("it is not known where the database stands: {error}");
            false
        }
    }
}

/// Takes the database as it is for the truth, audited, and has NATS remember it. What is lost begins at `lost_from`, which has to
/// be past; where the database was marked last, if that is not said.
///
/// # Errors
/// [`RestoreError`]; repeat it.
pub async fn accept(
    pool: &Pool,
    broker: &Broker,
    lost_from: Option<DateTime<Utc>>,
    actor: &Actor,
) -> Result<Accepted, RestoreError> {
    let remembered = broker.remembered(CONTROL_DATABASE).await?;
    let recorded = remembered.as_ref().and_then(|remembered| read(&remembered.body).ok());
    let seen = recorded.as_ref().map(|recorded| {
        json!({ "mark_id": recorded.id, "at": recorded.at.to_rfc3339(),
            "newest_run": recorded.newest_run_id.map(|id| id.to_string()) })
    });
    let recorded = recorded.map_or(0, |recorded| recorded.n);
    let accepted = marks::accept(pool, recorded, lost_from, actor, &json!(seen)).await?;
    match remember(pool, broker, accepted.mark, &actor.name, remembered.as_ref()).await? {
        Kept::Yes => Ok(accepted),
        Kept::Overtaken => Err(RestoreError::Overtaken),
    }
}

async fn remember(
    pool: &Pool,
    broker: &Broker,
    mark: Mark,
    by: &str,
    replaces: Option<&Remembered>,
) -> Result<Kept, RestoreError> {
    let state = marks::state(pool).await?;
    let message = v1::DatabaseMark {
        n: mark.n,
        id: mark.id.as_bytes().to_vec(),
        at: Some(convert::timestamp(mark.at)),
        newest_run_id: state.newest_run_id.map(|id| id.0.as_bytes().to_vec()).unwrap_or_default(),
        newest_run_at: state.newest_run_at.map(convert::timestamp),
        system_identifier: state.system_identifier,
        timeline: state.timeline,
        recorded_by: by.to_owned(),
    };
    let body = Bytes::from(message.encode_to_vec());
    Ok(broker.remember(CONTROL_DATABASE, body, mark.id, replaces).await?)
}

fn read(body: &Bytes) -> Result<Recorded, RestoreError> {
    let unreadable = |reason: String| RestoreError::Unreadable(reason);
    let mark = v1::DatabaseMark::decode(body.as_ref()).map_err(|error| unreadable(error.to_string()))?;
    let newest = match mark.newest_run_id.as_slice() {
        [] => None,
        id => Some(convert::uuid("newest_run_id", id).map_err(|error| unreadable(error.to_string()))?),
    };
    let at = |field, value| convert::optional_instant(field, value);
    Ok(Recorded {
        n: mark.n,
        id: convert::uuid("id", &mark.id).map_err(|error| unreadable(error.to_string()))?,
        at: convert::instant("at", mark.at.as_ref()).map_err(|error| unreadable(error.to_string()))?,
        newest_run_id: newest.map(RunId),
        newest_run_at: at("newest_run_at", mark.newest_run_at.as_ref())
            .map_err(|error| unreadable(error.to_string()))?,
        system_identifier: mark.system_identifier,
        timeline: mark.timeline,
        recorded_by: mark.recorded_by,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rubbish_is_no_mark() {
        for body in [&b""[..], b"\xff\xff", b"\x08\x01"] {
            assert!(matches!(read(&Bytes::from_static(body)), Err(RestoreError::Unreadable(_))), "{body:?}");
        }
    }
}
