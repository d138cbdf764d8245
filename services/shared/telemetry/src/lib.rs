//! Logging and traces, the same for every binary.
//!
//! Identifiers are fields and text; personal data and secrets are neither: no log statement of ours
//! names a member, and database errors are shown without their detail line.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

mod attempt_log;
mod traces;

pub use attempt_log::{ATTEMPT_SPAN, AttemptLine, AttemptLines};
pub use traces::{InvalidCollector, TraceOptions, Traces};
use tradeup_signals::trace::TARGET as FOR_TRACES;

/// What a service logs unless told otherwise. The NATS client's own lines repeat ours.
pub const SERVICE: &str = "info,async_nats=error";
/// What a command logs unless told otherwise.
pub const COMMAND: &str = "warn,async_nats=error";

/// Begins to tell traces of `service`, if a collector was given. To be called within the runtime, before [`init`].
///
/// # Errors
/// [`InvalidCollector`] when its address, headers or share can't be used.
pub fn begin_traces(
    options: &TraceOptions,
    service: &'static str,
    version: &'static str,
) -> Result<Option<Traces>, InvalidCollector> {
    Traces::begin(options, service, version)
}

/// How to log.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Logging")]
pub struct LogOptions {
    /// What to log, in tracing's filter syntax, like info or tradeup_worker=debug,info.
    #[arg(long = "log", env = "TRADEUP_LOG", value_name = "FILTER", global = true)]
    filter: Option<String>,
    /// Text for people, or one JSON object a line.
    #[arg(long = "log-format", env = "TRADEUP_LOG_FORMAT", default_value = "text", global = true)]
    format: LogFormat,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For log collectors.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug)]
pub struct InvalidFilter(String);

impl std::fmt::Display for InvalidFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TRADEUP_LOG: {}; write it like info or tradeup_worker=debug,info", self.0)
    }
}

impl std::error::Error for InvalidFilter {}

/// Starts logging to standard error, with `default` unless the user says otherwise, and telling traces if there are to be
/// any. To be called once, first thing. What attempts log comes out of the returned channel too; whoever has none drops it.
///
/// # Errors
/// [`InvalidFilter`] when the filter can't be read.
pub fn init(
    options: &LogOptions,
    default: &str,
    traces: Option<&Traces>,
) -> Result<AttemptLines, InvalidFilter> {
    let filter = options.filter.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(filter).map_err(|error| InvalidFilter(error.to_string()))?;
    let printed = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let printed = match options.format {
        LogFormat::Text => printed.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => printed.json().flatten_event(true).boxed(),
    };
    let (kept, lines) = attempt_log::layer();
    tracing_subscriber::registry()
        .with(printed.with_filter(filter.and(filter_fn(|what| what.target() != FOR_TRACES))))
        .with(kept.with_filter(LevelFilter::INFO))
        // Spans alone: what is logged is in the log, and what is not collected costs nothing.
        .with(traces.map(|traces| {
            tracing_opentelemetry::layer()
                .with_tracer(traces.tracer())
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_tracked_inactivity(false)
                .with_filter(filter_fn(|what| what.is_span() && what.target() == FOR_TRACES))
        }))
        .init();
    Ok(lines)
}
