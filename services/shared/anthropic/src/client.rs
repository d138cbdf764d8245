//! Calls.

use std::time::Duration;

use futures::StreamExt as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tradeup_domain::{Class, Classify as _};
use url::{Host, Url};

use crate::answer::Answer;
use crate::assemble::Assembly;
use crate::error::{Billed, CallError, ClientError, Told, one_line};
use crate::limits::{RateLimits, retry_after};
use crate::request::Request;
use crate::sse::{Broken, Events};
use crate::traced;

const VERSION: &str = "2023-06-01";
const USER_AGENT: &str = concat!("TradeUp-Jobs/", env!("CARGO_PKG_VERSION"));
/// A longer wait is the caller's, who has a queue to wait in.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// The longest wait between tries when nobody asks for one.
const BACKOFF_MAX: Duration = Duration::from_secs(8);
/// Idle connections are closed after this: one that the other side has closed meanwhile costs an answer that may be paid.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// How long it may take to look something up, where nothing is generated.
const LOOK_UP_MAX: Duration = Duration::from_secs(30);
/// The longest answer in one piece, in bytes.
const WHOLE_MAX: usize = 8 * 1024 * 1024;
/// How much of an id is kept, in bytes.
const ID_MAX: usize = 100;
/// As much of an error's body is read.
const ERROR_MAX: usize = 64 * 1024;

/// How calls are made.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Where the API is, with or without its `/v1`.
    pub base_url: Url,
    /// The key; none for a stand-in on this machine, and for it alone.
    pub key: Option<SecretString>,
    /// How long making a connection may take.
    pub connect: Duration,
    /// How long nothing may come.
    pub idle: Duration,
    /// How long a call may take as a whole.
    pub whole: Duration,
    /// Tries after one that was surely not billed and may be repeated.
    pub retries: u32,
    /// The wait before the first of them when nobody asks for one; it doubles.
    pub backoff: Duration,
}

impl ClientOptions {
    /// The defaults for an API at this address.
    #[must_use]
    pub fn at(base_url: Url, key: Option<SecretString>) -> Self {
        Self {
            base_url,
            key,
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(90),
            whole: Duration::from_secs(480),
            retries: 2,
            backoff: Duration::from_millis(500),
        }
    }
}

/// A model as the API knows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ModelInfo {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    #[serde(default)]
    pub display_name: String,
    /// Tokens that a conversation may have, if it says.
    #[serde(default)]
    pub max_input_tokens: Option<u64>,
    /// Tokens that an answer may have, if it says.
    #[serde(default)]
    pub max_tokens: Option<u64>,
}

/// Makes calls. Clones share the connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base_url: Url,
    retries: u32,
    backoff: Duration,
}

#[derive(Deserialize)]
struct Counted {
    input_tokens: u64,
}

impl Client {
    /// A client.
    ///
    /// # Errors
    /// [`ClientError`] when the address, the key or the machine's TLS can't be used.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let ClientOptions { base_url, key, connect, idle, whole, retries, backoff } = options;
        let base_url = base(base_url)?;
        if key.is_some() && base_url.scheme() == "http" && !is_loopback(&base_url) {
            tracing::warn!("the key is sent to {base_url} without encryption");
        }
        let key = match &key {
            Some(key) => key.expose_secret(),
            None if is_loopback(&base_url) => "offline",
            None => return Err(ClientError::NoKey(base_url.to_string())),
        };
        let mut headers = HeaderMap::new();
        headers.insert("anthropic-version", HeaderValue::from_static(VERSION));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut key = HeaderValue::from_str(key).map_err(|_why| ClientError::Key)?;
        key.set_sensitive(true);
        headers.insert("x-api-key", key);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tradeup_tls::client(Vec::new())?)
            // The key is for this address and no other.
            .redirect(reqwest::redirect::Policy::none())
            // A repeated request may be paid twice: what may be repeated is decided here.
            .retry(reqwest::retry::never())
            // What an environment says of proxies is not meant for the key.
            .no_proxy()
            .default_headers(headers)
            .connect_timeout(connect)
            .read_timeout(idle)
            .timeout(whole)
            .pool_idle_timeout(IDLE_MAX)
            .tcp_keepalive(Duration::from_secs(60))
            .referer(false)
            .user_agent(USER_AGENT)
            .build()?;
        Ok(Self { http, base_url, retries, backoff })
    }

    /// Asks, and takes the answer as it comes. It counts only as a whole. What was surely not billed is tried again a
    /// few times, unless the wait asked for is long; all else is the caller's to decide.
    ///
    /// # Errors
    /// [`CallError`], which says whether it may have been billed.
    pub async fn ask(&self, request: &Request, cancelled: &CancellationToken) -> Result<Answer, CallError> {
        let body = request.body().map_err(CallError::Request)?;
        let mut tried = 0;
        loop {
            if cancelled.is_cancelled() {
                // Nothing has left.
                return Err(CallError::Connect("the call was cancelled before it was made".to_owned()));
            }
            let answer = tokio::select! {
                // An answer that is there is paid, and taken.
                biased;
                answer = traced::chat(&request.model, self.ask_once(&body)) => answer,
                () = cancelled.cancelled() => return Err(CallError::Cancelled),
            };
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(wait) = self.wait_before_another(&error, tried) else { return Err(error) };
            tracing::info!(
                request_id = error.request_id(),
                "asking again in {} ms: {error}",
                wait.as_millis()
            );
            tried += 1;
            if timeout(wait, cancelled.cancelled()).await.is_ok() {
                return Err(error);
            }
        }
    }

    /// How long to wait before another try, if there is to be one.
    fn wait_before_another(&self, error: &CallError, tried: u32) -> Option<Duration> {
        let again = error.billed() == Billed::No && matches!(error.class(), Class::Transient { .. });
        if !again || tried >= self.retries {
            return None;
        }
        match error.retry_after().filter(|wait| !wait.is_zero()) {
            Some(wait) => (wait <= WAIT_MAX).then_some(wait),
            None => {
                let doubled = self.backoff.saturating_mul(1 << tried.min(8)).min(BACKOFF_MAX);
                Some(doubled.mul_f64(rand::random_range(0.75..=1.0)))
            }
        }
    }

    async fn ask_once(&self, body: &str) -> Result<Answer, CallError> {
        let request = self.http.post(self.url(&["messages"])).body(body.to_owned());
        let response = refused(request.send().await.map_err(lost)?).await?;
        let request_id = request_id(response.headers());
        let limits = RateLimits::of(response.headers());
        let streamed = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/event-stream"));
        let assembled = if streamed { assemble(response).await } else { whole(response).await };
        assembled
            .and_then(|assembly| assembly.finish(request_id.clone(), limits))
            .map_err(|error| error.with_request_id(request_id.as_deref()))
    }

    /// How many tokens a request has, by the model's own count.
    ///
    /// # Errors
    /// [`CallError`]; counting is never billed.
    pub async fn count_tokens(&self, request: &Request) -> Result<u64, CallError> {
        let body = request.counting_body().map_err(CallError::Request)?;
        let request = self.http.post(self.url(&["messages", "count_tokens"])).body(body);
        traced::look_up("count_tokens", look_up::<Counted>(request)).await.map(|counted| counted.input_tokens)
    }

    /// What the API knows of a model.
    ///
    /// # Errors
    /// [`CallError`]; one with the code [`ModelGone`](tradeup_domain::ErrorCode::ModelGone) if there is no such model.
    pub async fn model(&self, id: &str) -> Result<ModelInfo, CallError> {
        traced::look_up("models", look_up(self.http.get(self.url(&["models", id])))).await
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        url
    }
}

/// Where everything is: with `/v1`, whether that was given or not. The address gets into logs, so no secret may be in it.
fn base(mut url: Url) -> Result<Url, ClientError> {
    url.set_query(None);
    url.set_fragment(None);
    let has_secret = !url.username().is_empty() || url.password().is_some();
    if has_secret || !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(ClientError::Address(url.origin().ascii_serialization()));
    }
    let has_version = url.path().trim_end_matches('/').ends_with("/v1");
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty();
        if !has_version {
            segments.push("v1");
        }
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    headers.get("request-id").and_then(|id| id.to_str().ok()).map(|id| one_line(id, ID_MAX))
}

/// Without the address, which says nothing here.
fn lost(error: reqwest::Error) -> CallError {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    if error.is_connect() || error.is_builder() {
        CallError::Connect(words)
    } else {
        CallError::Lost { what: words, request_id: None }
    }
}

/// The response, unless it is an error.
async fn refused(response: Response) -> Result<Response, CallError> {
    if response.status() == StatusCode::OK {
        return Ok(response);
    }
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let request_id = request_id(&headers);
    let should_retry = headers.get("x-should-retry").and_then(|value| match value.as_bytes() {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    });
    // A body that does not come changes nothing about the status.
    let body = beginning(response, ERROR_MAX).await.unwrap_or_default();
    let Told { kind, message, request_id: told_id } = Told::read_any(&body);
    let request_id = request_id.or(told_id);
    if (200..300).contains(&status) {
        return Err(CallError::Unreadable {
            what: format!("status {status} is none of an answer"),
            request_id,
        });
    }
    let retry_after = retry_after(&headers);
    Err(CallError::Status { status, kind, message, request_id, retry_after, should_retry })
}

/// A body, or the beginning of one that is longer.
async fn beginning(mut response: Response, max: usize) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    while bytes.len() < max
        && let Some(chunk) = response.chunk().await.map_err(lost)?
    {
        bytes.extend(chunk.iter().take(max - bytes.len()));
    }
    Ok(bytes)
}

async fn assemble(response: Response) -> Result<Assembly, CallError> {
    let broken = |error: Broken| CallError::Unreadable { what: error.to_string(), request_id: None };
    let (mut events, mut assembly) = (Events::default(), Assembly::default());
    let mut bytes = response.bytes_stream();
    while let Some(chunk) = bytes.next().await {
        events.push(&chunk.map_err(lost)?).map_err(broken)?;
        while let Some(data) = events.next().map_err(broken)? {
            if assembly.take(&data)? {
                return Ok(assembly);
            }
        }
    }
    // Without its last event; finishing says so.
    Ok(assembly)
}

async fn whole(response: Response) -> Result<Assembly, CallError> {
    let mut assembly = Assembly::default();
    assembly.take_whole(&text(response).await?)?;
    Ok(assembly)
}

/// A body in one piece. One that is longer than is taken ends in the middle, and can't be read as JSON.
async fn text(response: Response) -> Result<String, CallError> {
    let body = beginning(response, WHOLE_MAX).await?;
    String::from_utf8(body)
        .map_err(|_where| CallError::Unreadable { what: Broken::NotUtf8.to_string(), request_id: None })
}

/// Asks for something that is not generated.
async fn look_up<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, CallError> {
    let response = refused(request.timeout(LOOK_UP_MAX).send().await.map_err(lost)?).await?;
    let request_id = request_id(response.headers());
    let read = text(response).await.and_then(|body| {
        serde_json::from_str(&body).map_err(|error| CallError::Unreadable {
            what: format!("not of the form that was expected: {error}"),
            request_id: None,
        })
    });
    read.map_err(|error| error.with_request_id(request_id.as_deref()))
}
