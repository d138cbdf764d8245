//! What attempts log, caught on its way to the log, so that it can be kept beside them.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Name of the span within which lines belong to an attempt. It has the fields `run_id`, `attempt` and
/// `tenant`.
pub const ATTEMPT_SPAN: &str = "attempt";

/// Lines that wait to be kept. More are lost, and counted: logging never holds up the work.
const WAITING_MAX: usize = 10_000;
/// Lines of one attempt that are kept.
const LINES_PER_ATTEMPT: i64 = 2_000;
/// Longest message that is kept, in bytes.
const MESSAGE_BYTES_MAX: usize = 8 * 1024;

/// A line that an attempt has logged.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptLine {
    /// The run's id.
    pub run_id: String,
    /// The attempt's number.
    pub attempt: i64,
    /// The tenant's handle; empty for none.
    pub tenant: String,
    /// When.
    pub at: SystemTime,
    /// Order within the attempt, from 0.
    pub seq: i64,
    /// `error`, `warn`, `info`.
    pub level: &'static str,
    /// The text.
    pub message: String,
    /// Other fields.
    pub fields: Map<String, Value>,
}

/// The lines of all attempts of this process, as they come.
pub type AttemptLines = mpsc::Receiver<AttemptLine>;

pub(crate) struct AttemptLayer {
    lines: mpsc::Sender<AttemptLine>,
}

pub(crate) fn layer() -> (AttemptLayer, AttemptLines) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (AttemptLayer { lines: sender }, receiver)
}

/// What a span says of its attempt.
struct AttemptOfSpan {
    run_id: String,
    attempt: i64,
    tenant: String,
    next_seq: Arc<AtomicI64>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for AttemptLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != ATTEMPT_SPAN {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let text =
            |name: &str| fields.others.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let attempt = AttemptOfSpan {
            run_id: text("run_id"),
            attempt: fields.others.get("attempt").and_then(Value::as_i64).unwrap_or(0),
            tenant: text("tenant"),
            next_seq: Arc::default(),
        };
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(attempt);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(scope) = context.event_scope(event) else { return };
        for span in scope {
            let extensions = span.extensions();
            let Some(attempt) = extensions.get::<AttemptOfSpan>() else { continue };
            let seq = attempt.next_seq.fetch_add(1, Ordering::Relaxed);
            if seq >= LINES_PER_ATTEMPT {
                return;
            }
            let mut fields = Fields::default();
            event.record(&mut fields);
            fields.others.retain(|name, _| name != "run_id" && name != "attempt");
            if seq == LINES_PER_ATTEMPT - 1 {
                fields.message =
                    format!("{LINES_PER_ATTEMPT} lines were kept; the service's log has the others");
            }
            #[expect(clippy::disallowed_methods, reason = "when a line was logged, for people to see")]
            let at = SystemTime::now();
            let line = AttemptLine {
                run_id: attempt.run_id.clone(),
                attempt: attempt.attempt,
                tenant: attempt.tenant.clone(),
                at,
                seq,
                level: level(*event.metadata().level()),
                message: cut(fields.message),
                fields: fields.others,
            };
            // Full: the service's own log has it.
            let _lost = self.lines.try_send(line);
            return;
        }
    }
}

fn level(level: tracing::Level) -> &'static str {
    match level {
        tracing::Level::ERROR => "error",
        tracing::Level::WARN => "warn",
        tracing::Level::INFO => "info",
        tracing::Level::DEBUG => "debug",
        tracing::Level::TRACE => "trace",
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MESSAGE_BYTES_MAX {
        let end = (0..=MESSAGE_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        } else {
            self.others.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // Writing to a String can't fail.
        let _infallible = write!(text, "{value:?}");
        self.put(field, text.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    #[test]
    fn lines_within_an_attempt_are_caught_with_their_fields_and_others_are_not() {
        let (layer, mut lines) = layer();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!("before");
            let span = tracing::info_span!("attempt", run_id = "r", attempt = 2, tenant = "aurora");
            span.in_scope(|| {
                tracing::info!(members = 7, "first");
                tracing::info_span!("inner").in_scope(|| tracing::warn!(run_id = "r", "second"));
            });
        });
        let (first, second) = (lines.try_recv().unwrap(), lines.try_recv().unwrap());
        assert!(lines.try_recv().is_err());
        assert_eq!((first.message.as_str(), first.seq, first.level), ("first", 0, "info"));
        assert_eq!((first.run_id.as_str(), first.attempt, first.tenant.as_str()), ("r", 2, "aurora"));
        assert_eq!(first.fields["members"], 7);
        assert_eq!((second.message.as_str(), second.seq, second.level), ("second", 1, "warn"));
        assert!(second.fields.is_empty());
    }

    #[test]
    fn a_flood_is_cut_and_says_so() {
        let (layer, mut lines) = layer();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!("attempt", run_id = "r", attempt = 1, tenant = "");
            span.in_scope(|| {
                (0..LINES_PER_ATTEMPT + 10).for_each(|n| {
                    tracing::info!("{n} {}", "é".repeat(5000));
                });
            });
        });
        let mut caught = Vec::new();
        while let Ok(line) = lines.try_recv() {
            caught.push(line);
        }
        assert_eq!(i64::try_from(caught.len()).unwrap(), LINES_PER_ATTEMPT);
        assert!(caught[0].message.len() <= MESSAGE_BYTES_MAX + 3);
        assert!(caught.last().unwrap().message.contains("lines were kept"));
    }
}
