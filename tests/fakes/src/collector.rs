//! A stand-in for a collector of traces: takes OTLP over HTTP in protobuf (OpenTelemetry protocol, `/v1/traces`), and keeps
//! what it is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const PROTOBUF: &str = "application/x-protobuf";
/// Largest batch.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A span, ids as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// `service.name` of whoever told it.
    pub service: String,
    /// Name.
    pub name: String,
    /// Id of its trace.
    pub trace_id: String,
    /// Its id.
    pub span_id: String,
    /// Id of its parent; empty for none.
    pub parent_id: String,
    /// 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: i32,
    /// What is said of it.
    pub attributes: BTreeMap<String, String>,
    /// Whether it failed.
    pub is_error: bool,
    /// Nanoseconds that it took.
    pub took: u64,
}

type Told = Arc<Mutex<Vec<Span>>>;

/// A collector that runs until it is dropped.
pub struct FakeCollector {
    address: SocketAddr,
    told: Told,
    serving: JoinHandle<()>,
}

impl Drop for FakeCollector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl FakeCollector {
    /// Starts on a free port of this machine.
    ///
    /// # Errors
    /// If there is none.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let told = Told::default();
        let routes = Router::new()
            .route("/v1/traces", post(take))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(Arc::clone(&told));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                eprintln!("the collector has ended: {error}");
            }
        });
        Ok(Self { address, told, serving })
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All spans so far, in the order in which they came.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        locked(&self.told).clone()
    }
}

fn locked(told: &Told) -> MutexGuard<'_, Vec<Span>> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn take(
    State(told): State<Told>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<([(header::HeaderName, &'static str); 1], Vec<u8>), StatusCode> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|media| media != PROTOBUF) {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let request = ExportTraceServiceRequest::decode(body).map_err(|_no_request| StatusCode::BAD_REQUEST)?;
    locked(&told).extend(read(request));
    Ok(([(header::CONTENT_TYPE, PROTOBUF)], ExportTraceServiceResponse::default().encode_to_vec()))
}

fn read(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for of_resource in request.resource_spans {
        let about =
            of_resource.resource.map(|resource| read_attributes(resource.attributes)).unwrap_or_default();
        let service = about.get("service.name").cloned().unwrap_or_default();
        for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span {
                service: service.clone(),
                name: span.name,
                trace_id: hex(&span.trace_id),
                span_id: hex(&span.span_id),
                parent_id: hex(&span.parent_span_id),
                kind: span.kind,
                attributes: read_attributes(span.attributes),
                is_error: span.status.is_some_and(|status| status.code == 2),
                took: span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano),
            });
        }
    }
    spans
}

fn read_attributes(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: any_value::Value| match value {
        any_value::Value::StringValue(text) => text,
        any_value::Value::IntValue(number) => number.to_string(),
        any_value::Value::BoolValue(truth) => truth.to_string(),
        any_value::Value::DoubleValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pairs = attributes.into_iter().map(|pair| {
        let value = pair.value.and_then(|value| value.value).map(text);
        (pair.key, value.unwrap_or_default())
    });
    pairs.collect()
}

fn hex(id: &[u8]) -> String {
    id.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can't fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
