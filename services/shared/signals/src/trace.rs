//! The trace that work belongs to: W3C `traceparent`, from span to text and back.
//!
//! A trace goes from a webhook or a schedule's fire through the stream to the commit. What carries it over is text: a
//! header of a message, and a column of a run's row, so that a message that comes again, a second attempt and a replay
//! stay in their trace. Nothing here costs anything while nobody collects traces.

use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue, Value};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The header, by its name in W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";
/// Target of spans that are for traces: logs leave them out.
pub const TARGET: &str = "trace";

/// Which share of traces is collected that begin here, of `u64::MAX / 2`.
static SAMPLED: AtomicU64 = AtomicU64::new(0);
/// A share is this in whole.
const WHOLE: u64 = 1 << 63;

/// Says which share of traces is collected, 0 to 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of 0 to 1; what is lost is less than one trace in 2^50"
)]
pub fn collect(share: f64) {
    SAMPLED.store((share.clamp(0.0, 1.0) * WHOLE as f64) as u64, Ordering::Relaxed);
}

/// Of what is current, for a message or a row; `None` while nobody collects traces.
#[must_use]
pub fn current() -> Option<String> {
    text(Context::current().span().span_context())
}

fn text(context: &SpanContext) -> Option<String> {
    let (trace, span, flags) = (context.trace_id(), context.span_id(), context.trace_flags().to_u8());
    context.is_valid().then(|| format!("00-{trace}-{span}-{flags:02x}"))
}

/// Whether it is one: version 00, ids that are not zero, flags.
#[must_use]
pub fn is_traceparent(text: &str) -> bool {
    read(text).is_some()
}

/// The id of the trace that a traceparent names.
#[must_use]
pub fn trace_id(traceparent: &str) -> Option<String> {
    read(traceparent).map(|context| context.trace_id().to_string())
}

/// What a traceparent says (W3C Trace Context, section 3.2). Later versions may have more after it.
fn read(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    if !is_hex(version, 2) || version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    if !is_hex(trace, 32) || !is_hex(span, 16) || !is_hex(flags, 2) {
        return None;
    }
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

/// The trace of a run that nobody's trace led to, like one that a person triggered: named after the run that it all began
/// with, so that every attempt and every run below it finds the same.
#[must_use]
pub fn of_run(root: u128) -> String {
    let (trace, span) = (TraceId::from(root), SpanId::from(low(root) | 1));
    let flags = u8::from(low(root) >> 1 < SAMPLED.load(Ordering::Relaxed));
    format!("00-{trace}-{span}-{flags:02x}")
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half, which is random")]
fn low(id: u128) -> u64 {
    id as u64
}

/// Makes a span that has not begun the child of what a traceparent names. One that can't be read is none.
pub fn continues(span: &Span, traceparent: Option<&str>) {
    if let Some(parent) = traceparent.filter(|_| !span.is_disabled()).and_then(read) {
        // Nobody may be collecting; then there is nothing to be a child of.
        let _nobody_collects = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

/// A span for the publishing of what has come of the current one. It is its child and not held by it: what waits for a
/// broker does not make the work look long.
#[must_use]
pub fn sending(stream: &'static str) -> Span {
    let span = tracing::info_span!(
        target: TARGET, parent: None, "send", otel.name = %format_args!("send {stream}"), otel.kind = "producer",
        messaging.system = "nats", messaging.operation.name = "send", messaging.operation.type = "send",
        messaging.destination.name = stream
    );
    continues(&span, current().as_deref());
    span
}

/// Says something of a span. Names are those of OpenTelemetry's conventions, or begin with `tradeup.`.
pub fn says(span: &Span, name: &'static str, value: impl Into<Value>) {
    if !span.is_disabled() {
        span.set_attribute(name, value);
    }
}

/// The current span has failed, with this code.
pub fn failed(code: &'static str) {
    let context = Context::current();
    let span = context.span();
    if span.is_recording() {
        span.set_attribute(KeyValue::new("error.type", code));
        span.set_status(opentelemetry::trace::Status::error(""));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_written_is_read_again_and_what_is_none_is_refused() {
        assert_eq!(text(&read(GOOD).unwrap()).unwrap(), GOOD);
        assert_eq!(trace_id(GOOD).unwrap(), "4bf92f3577b34da6a3ce929d0e0e4736");
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0'; drop table runs",
        ] {
            assert!(!is_traceparent(bad), "{bad}");
        }
        assert!(
            is_traceparent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-more"),
            "a later version"
        );
    }

    #[test]
    fn a_run_s_own_trace_is_always_the_same_one() {
        let root = 0x0193_7f3a_2b4c_7d5e_8f60_7182_93a4_b5c6;
        collect(1.0);
        assert_eq!(of_run(root), "00-01937f3a2b4c7d5e8f60718293a4b5c6-8f60718293a4b5c7-01");
        collect(0.0);
        assert!(of_run(root).ends_with("-00"), "not collected");
        assert!(is_traceparent(&of_run(root)));
        assert!(current().is_none(), "nobody collects");
    }
}
