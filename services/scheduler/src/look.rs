//! Looks how the engine as a whole stands, for metrics: the outbox, what waits in the streams, schedules, breakers. One
//! source for what no single process knows; every scheduler tells the same.

use std::time::{Duration, SystemTime};

use tradeup_domain::Dependency;
use tradeup_signals::Gauges;
use tradeup_signals::metrics::engine;
use tradeup_store::runs::UNFINISHED;
use tradeup_store::{StoreError, alerts, engine_state};
use tradeup_worker::{SERVICES, Worker};

/// How often.
pub(crate) const EVERY: Duration = Duration::from_secs(10);
/// NATS has this long for each question.
const ASKED_WITHIN: Duration = Duration::from_secs(3);

/// Looks once. What can't be read is forgotten: no figure is better than an old one.
///
/// # Errors
/// As any statement.
pub(crate) async fn look(worker: &Worker) -> Result<(), StoreError> {
    look_at_streams(worker).await;
    let dependencies = Dependency::ALL.map(|dependency| dependency.to_string());
    let services = SERVICES.map(str::to_owned);
    let figures = match engine_state::read(worker.pool(), &dependencies, &services).await {
        Ok(figures) => figures,
        Err(error) => {
            forget();
            return Err(error);
        }
    };
    for state in UNFINISHED {
        engine::UNFINISHED.set(0.0, [state]);
    }
    // Of nothing that is open nothing is said.
    engine::PRIVACY_DUE.forget();
    for figure in figures {
        let (of, number) = (figure.of.as_str(), figure.number);
        match figure.what.as_str() {
            "unfinished" => told(&engine::UNFINISHED, &UNFINISHED, of, number),
            "outbox" => told(&engine::OUTBOX, &["due", "later", "held"], of, number),
            "outbox_oldest" => engine::OUTBOX_OLDEST.set(number, []),
            "dead_open" => engine::DEAD_OPEN.set(number, []),
            "schedules_late" => engine::SCHEDULES_LATE.set(number, []),
            "breakers_open" => {
                told(&engine::BREAKERS_OPEN, &Dependency::ALL.map(Dependency::as_str), of, number);
            }
            "alerts_open" => {
                told(&engine::ALERTS_OPEN, &alerts::Rule::ALL.map(alerts::Rule::as_str), of, number);
            }
            "services" => told(&engine::SERVICES, &SERVICES, of, number),
            "model_budget" => engine::MODEL_BUDGET.set(number, []),
            "archive_late" => engine::ARCHIVE_LATE.set(number, []),
            "privacy_due" => engine::PRIVACY_DUE.set(number, []),
            "now" => engine::LOOKED_AT.set(number, []),
            _ => {}
        }
    }
    Ok(())
}

/// Sets a gauge under the code's own word for what a row says.
fn told(gauge: &Gauges<1>, words: &[&'static str], of: &str, number: f64) {
    if let Some(word) = words.iter().find(|word| **word == of) {
        gauge.set(number, [word]);
    }
}

async fn look_at_streams(worker: &Worker) {
    let backlog = worker.broker().backlog(ASKED_WITHIN).await;
    let fills = worker.broker().fills(ASKED_WITHIN).await;
    engine::PENDING.forget();
    engine::IN_HAND.forget();
    engine::OLDEST_PENDING.forget();
    for one in backlog.consumers {
        // Both lanes of a task are one figure: the urgent one is empty, mostly.
        let labels = [one.stream, one.task.unwrap_or("events")];
        engine::PENDING.more(one.waiting, labels);
        engine::IN_HAND.more(one.in_hand, labels);
        engine::OLDEST_PENDING.at_least(one.oldest.map_or(0.0, age), labels);
    }
    engine::STREAM_BYTES.forget();
    engine::STREAM_BYTES_MAX.forget();
    for fill in fills {
        engine::STREAM_BYTES.count(fill.bytes, [fill.stream]);
        if let Some(most) = fill.bytes_max {
            engine::STREAM_BYTES_MAX.count(most, [fill.stream]);
        }
    }
}

fn forget() {
    for gauge in [
        &engine::UNFINISHED,
        &engine::OUTBOX,
        &engine::BREAKERS_OPEN,
        &engine::ALERTS_OPEN,
        &engine::SERVICES,
    ] {
        gauge.forget();
    }
    for gauge in [
        &engine::OUTBOX_OLDEST,
        &engine::DEAD_OPEN,
        &engine::SCHEDULES_LATE,
        &engine::MODEL_BUDGET,
        &engine::ARCHIVE_LATE,
        &engine::PRIVACY_DUE,
    ] {
        gauge.forget();
    }
}

/// Seconds since then, by this machine's clock.
#[expect(clippy::disallowed_methods, reason = "how old a message looks in a chart; nothing is decided by it")]
fn age(at: SystemTime) -> f64 {
    SystemTime::now().duration_since(at).unwrap_or_default().as_secs_f64()
}
