//! What attempts say while they work: kept beside them, and streamed to whoever watches.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tradeup_broker::Broker;
use tradeup_proto::{Message as _, convert, subject, v1};
use tradeup_store::run_logs::{self, RunLine};
use tradeup_store::{Pool, RunId};
use tradeup_telemetry::{AttemptLine, AttemptLines};

/// Lines wait at most this long before they are kept.
const EVERY: Duration = Duration::from_millis(250);
/// Lines that are kept in one statement.
const LINES_MAX: usize = 500;

/// Keeps and streams the lines of this process's attempts, until told that none will come any more.
///
/// A line is lost if the process dies within a quarter of a second, or while the database does not
/// answer; the service's own log has it.
pub(crate) async fn keep_lines(
    mut lines: AttemptLines,
    pool: Pool,
    broker: Broker,
    finished: CancellationToken,
) {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_last = tokio::select! {
            biased;
            () = finished.cancelled() => true,
            _ = every.tick() => false,
        };
        let mut taken = Vec::new();
        while let Ok(line) = lines.try_recv() {
            taken.push(line);
            if taken.len() == LINES_MAX {
                keep(&pool, &broker, &taken).await;
                taken.clear();
            }
        }
        keep(&pool, &broker, &taken).await;
        if is_last {
            break;
        }
    }
}

async fn keep(pool: &Pool, broker: &Broker, lines: &[AttemptLine]) {
    if lines.is_empty() {
        return;
    }
    // Each with its tenant, which is not kept.
    let (kept, tenants): (Vec<RunLine>, Vec<&str>) =
        lines.iter().filter_map(|line| Some((run_line(line)?, line.tenant.as_str()))).unzip();
    if let Err(error) = run_logs::add(pool, &kept).await {
        tracing::warn!(lines = kept.len(), "log lines of attempts are not kept: {error}");
    }
    for (kept, tenant) in kept.iter().zip(tenants) {
        let what = v1::live::What::Line(v1::LogLine {
            seq: kept.seq,
            level: kept.level.clone(),
            message: kept.message.clone(),
            fields_json: kept.fields.as_ref().map(Value::to_string).unwrap_or_default(),
        });
        let tenant = (!tenant.is_empty()).then_some(tenant);
        publish(broker, tenant, kept.run_id, kept.attempt, kept.at, what).await;
    }
}

fn run_line(line: &AttemptLine) -> Option<RunLine> {
    Some(RunLine {
        run_id: line.run_id.parse().ok()?,
        attempt: i32::try_from(line.attempt).ok()?,
        at: line.at.into(),
        seq: line.seq,
        level: line.level.to_owned(),
        message: line.message.clone(),
        fields: (!line.fields.is_empty()).then(|| Value::Object(line.fields.clone())),
    })
}

/// Tells whoever watches. Nobody has to hear it.
pub(crate) async fn publish(
    broker: &Broker,
    tenant: Option<&str>,
    run_id: RunId,
    attempt: i32,
    at: DateTime<Utc>,
    what: v1::live::What,
) {
    let message = v1::Live {
        run_id: run_id.0.as_bytes().to_vec(),
        attempt,
        at: Some(convert::timestamp(at)),
        what: Some(what),
    };
    let Ok(subject) = subject::live(tenant, &run_id.to_string()) else { return };
    broker.publish_live(subject, Bytes::from(message.encode_to_vec())).await;
}

/// Now, by this machine's clock: for what people look at, never for what a run is about.
#[expect(clippy::disallowed_methods, reason = "people see it; no run is about it")]
pub(crate) fn shown_now() -> DateTime<Utc> {
    SystemTime::now().into()
}
