//! Traces, told to a collector by OTLP over HTTP in protobuf.
//!
//! Spans are handed over in batches by a thread of their own. Where no collector answers, they are dropped: telling never
//! holds up the work, and no work is lost for it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, SpanData, SpanExporter,
};
use prost::Message as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::Handle;
use tradeup_signals::metrics::outside::called_at_zero;
use tradeup_signals::outbound::{self, Ended};

/// The collector has this long for a batch.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// At the end, what is left has this long.
const END_WITHIN: Duration = Duration::from_secs(3);
/// Spans that wait to be told. More are dropped.
const WAITING_MAX: usize = 8_192;
/// A batch is told at least this often.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// What telling is counted under. It has no span: one for each batch would make a batch.
const PEER: &str = "collector";
/// Where traces are told below a collector's address.
const PATH: &str = "/v1/traces";

/// Where traces go. The variables are those of OpenTelemetry.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Traces")]
pub struct TraceOptions {
    /// Address of a collector that takes OTLP over HTTP, like http://tempo:4318. Without it no trace is made.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// Headers for the collector, like authorization=Bearer%20abc,x-scope=jobs.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_HEADERS", hide_env_values = true, value_name = "HEADERS")]
    otlp_headers: Option<String>,
    /// Which share of traces is collected that begin here, 0 to 1.
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", default_value_t = 1.0, value_name = "SHARE")]
    trace_share: f64,
}

/// Why traces can't be told.
#[derive(Debug)]
pub struct InvalidCollector(String);

impl fmt::Display for InvalidCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidCollector {}

/// Traces that are being told, until it is ended.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Begins to tell traces of `service`, if a collector was given.
    pub(crate) fn begin(
        options: &TraceOptions,
        service: &'static str,
        version: &'static str,
    ) -> Result<Option<Self>, InvalidCollector> {
        let Some(endpoint) = options.otlp_endpoint.as_deref().map(str::trim).filter(|url| !url.is_empty())
        else {
            return Ok(None);
        };
        let share = options.trace_share;
        if !(0.0..=1.0).contains(&share) {
            return Err(InvalidCollector(format!("OTEL_TRACES_SAMPLER_ARG: {share} is not between 0 and 1")));
        }
        let collector = Collector::new(endpoint, options.otlp_headers.as_deref().unwrap_or_default())?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(WAITING_MAX)
            .with_scheduled_delay(TELL_EVERY)
            .build();
        let processor = BatchSpanProcessor::builder(collector).with_batch_config(batches).build();
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", service),
                KeyValue::new("service.namespace", "tradeup"),
                KeyValue::new("service.version", version),
                KeyValue::new("service.instance.id", std::process::id().to_string()),
            ])
            .build();
        called_at_zero(PEER);
        tradeup_signals::trace::collect(share);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share))))
            .with_resource(resource)
            .build();
        Ok(Some(Self { provider }))
    }

    pub(crate) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("tradeup-jobs")
    }

    /// Tells what is left, for three seconds at most.
    pub async fn end(self) {
        let ended =
            tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(END_WITHIN)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::debug!("the last spans were not told");
        }
    }
}

/// Who is told.
struct Collector {
    http: reqwest::Client,
    address: String,
    headers: HeaderMap,
    /// The batches come from a thread that has no runtime of its own.
    runtime: Handle,
    resource: ResourceAttributesWithSchema,
    /// Whether the last batch was lost: that is said once.
    lost: AtomicBool,
}

impl fmt::Debug for Collector {
    /// Without its headers, which are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Collector {
    fn new(endpoint: &str, headers: &str) -> Result<Self, InvalidCollector> {
        let wrong = |said: String| InvalidCollector(format!("OTEL_EXPORTER_OTLP_ENDPOINT: {said}"));
        let url = reqwest::Url::parse(endpoint).map_err(|error| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong("give an address like http://tempo:4318".to_owned()));
        }
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(
                tradeup_tls::client(Vec::new()).map_err(|error| wrong(error.to_string()))?,
            )
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(ANSWER_WITHIN)
            .user_agent("TradeUp-Jobs")
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        let mut address = endpoint.trim_end_matches('/').to_owned();
        if !address.ends_with(PATH) {
            address.push_str(PATH);
        }
        Ok(Self {
            http,
            address,
            headers: read_headers(headers)?,
            runtime: Handle::current(),
            resource: ResourceAttributesWithSchema::default(),
            lost: AtomicBool::new(false),
        })
    }
}

/// Names and values, separated by commas, values percent-encoded.
fn read_headers(text: &str) -> Result<HeaderMap, InvalidCollector> {
    let mut headers = HeaderMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        // Never says what is in it.
        let wrong = || {
            InvalidCollector("OTEL_EXPORTER_OTLP_HEADERS: write them like name=value,name=value".to_owned())
        };
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8();
        let value = value.map_err(|_not_text| wrong())?;
        let name = name.trim().parse::<HeaderName>().map_err(|_no_name| wrong())?;
        let mut value = HeaderValue::from_str(&value).map_err(|_no_value| wrong())?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let request = self.http.post(&self.address).headers(self.headers.clone());
        let request = request.header(CONTENT_TYPE, "application/x-protobuf").body(body);
        let telling = async move { request.send().await?.error_for_status() };
        let told = outbound::call(PEER, tracing::Span::none(), telling, |answer| ended(answer.as_ref()));
        let failed = match self.runtime.spawn(told).await {
            Ok(Ok(_taken)) => None,
            // Without the address, which may hold a name and a password.
            Ok(Err(error)) => Some(error.without_url().to_string()),
            Err(ended) => Some(ended.to_string()),
        };
        let was_lost = self.lost.swap(failed.is_some(), Ordering::Relaxed);
        match failed {
            None => Ok(()),
            Some(error) => {
                if !was_lost {
                    tracing::warn!("traces are lost until the collector takes them: {error}");
                }
                Err(OTelSdkError::InternalFailure(error))
            }
        }
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = ResourceAttributesWithSchema::from(resource);
    }
}

/// How telling a batch ended.
fn ended(answer: Result<&reqwest::Response, &reqwest::Error>) -> Ended {
    match answer {
        Ok(_taken) => Ended::Answered,
        Err(error) => match error.status() {
            Some(status) => Ended::of_status(status.as_u16()),
            None if error.is_connect() => Ended::Unavailable,
            None => Ended::Unknown,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use super::*;

    #[test]
    fn headers_are_read_and_never_shown() {
        let headers = read_headers("authorization=Bearer%20abc, x-scope=jobs").unwrap();
        assert_eq!(headers["authorization"], "Bearer abc");
        assert!(headers["authorization"].is_sensitive());
        assert_eq!(headers["x-scope"], "jobs");
        let error = read_headers("hush").unwrap_err().to_string();
        assert!(!error.contains("hush"), "{error}");
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_refused() {
        for bad in ["tempo:4318", "ftp://tempo", "http://"] {
            assert!(Collector::new(bad, "").is_err(), "{bad}");
        }
        assert_eq!(Collector::new("http://tempo:4318/", "").unwrap().address, "http://tempo:4318/v1/traces");
    }
}
