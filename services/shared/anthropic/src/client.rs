//! Calls.

use std::time::Duration;

use futures::StreamExt as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tradeup_domain::{Class, Classify as _};
use url::Url;

use crate::answer::Answer;
use crate::assemble::{Assembly, ErrorBody};
use crate::error::{Billed, CallError, ClientError};
use crate::limits::{RateLimits, retry_after};
use crate::request::Request;
use crate::sse::{Broken, Events};
use crate::tls;

const VERSION: &str = "2023-06-01";
const USER_AGENT: &str = concat!("TradeUp-Jobs/", env!("CARGO_PKG_VERSION"));
/// A longer wait is the caller's, who has a queue to wait in.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// The longest wait between tries when nobody asks for one.
const BACKOFF_MAX: Duration = Duration::from_secs(8);
/// How much of a body is kept that is not the provider's own.
const FOREIGN_MAX: usize = 512;
/// How much of the provider's words is kept.
const WORDS_MAX: usize = 300;

/// How calls are made.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Where the API is.
    pub base_url: Url,
    /// The key; none for a stand-in on this machine.
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
        let address = options.base_url.to_string();
        if !matches!(options.base_url.scheme(), "http" | "https") || options.base_url.cannot_be_a_base() {
            return Err(ClientError::Address(address));
        }
        let mut headers = HeaderMap::new();
        headers.insert("anthropic-version", HeaderValue::from_static(VERSION));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let key = options.key.as_ref().map_or("none", |key| key.expose_secret());
        let mut key = HeaderValue::from_str(key).map_err(|_why| ClientError::Key)?;
        key.set_sensitive(true);
        headers.insert("x-api-key", key);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::settings()?)
            // The key is for this address and no other.
            .redirect(reqwest::redirect::Policy::none())
            // A repeated request may be paid twice: what may be repeated is decided here.
            .retry(reqwest::retry::never())
            .default_headers(headers)
            .connect_timeout(options.connect)
            .read_timeout(options.idle)
            .timeout(options.whole)
            .tcp_keepalive(Duration::from_secs(60))
            .referer(false)
            .user_agent(USER_AGENT)
            .build()?;
        let ClientOptions { base_url, retries, backoff, .. } = options;
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
                answer = self.ask_once(&body) => answer,
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
        match error.retry_after() {
            Some(wait) => (wait <= WAIT_MAX).then_some(wait),
            None => {
                let doubled = self.backoff.saturating_mul(1 << tried.min(8)).min(BACKOFF_MAX);
                Some(doubled.mul_f64(rand::random_range(0.75..=1.0)))
            }
        }
    }

    async fn ask_once(&self, body: &str) -> Result<Answer, CallError> {
        let response = self.post("v1/messages", body.to_owned()).await?;
        let request_id = request_id(response.headers());
        let limits = RateLimits::of(response.headers());
        let streamed = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("text/event-stream"));
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
        let response = self.post("v1/messages/count_tokens", body).await?;
        read::<Counted>(response).await.map(|counted| counted.input_tokens)
    }

    /// What the API knows of a model.
    ///
    /// # Errors
    /// [`CallError`]; one with the code [`ModelGone`](tradeup_domain::ErrorCode::ModelGone) if there is no such model.
    pub async fn model(&self, id: &str) -> Result<ModelInfo, CallError> {
        let mut url = self.url("v1/models");
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(id);
        }
        let response = self.http.get(url).send().await.map_err(lost)?;
        read(refused(response).await?).await
    }

    async fn post(&self, path: &str, body: String) -> Result<Response, CallError> {
        let response = self.http.post(self.url(path)).body(body).send().await.map_err(lost)?;
        refused(response).await
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        url
    }
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    headers.get("request-id").and_then(|id| id.to_str().ok()).map(str::to_owned)
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
    let body = response.bytes().await.unwrap_or_default();
    let (kind, message, told_id) = match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(told) => told.into_parts(),
        Err(_foreign) => {
            let beginning = &body[..body.len().min(FOREIGN_MAX)];
            (String::new(), String::from_utf8_lossy(beginning).into_owned(), None)
        }
    };
    Err(CallError::Status {
        status,
        kind,
        message: message.chars().take(WORDS_MAX).collect(),
        request_id: request_id.or(told_id),
        retry_after: retry_after(&headers),
        should_retry,
    })
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
    let body = response.text().await.map_err(lost)?;
    let mut assembly = Assembly::default();
    assembly.take_whole(&body)?;
    Ok(assembly)
}

async fn read<T: serde::de::DeserializeOwned>(response: Response) -> Result<T, CallError> {
    let request_id = request_id(response.headers());
    let body = response.text().await.map_err(lost)?;
    serde_json::from_str(&body).map_err(|error| CallError::Unreadable {
        what: format!("not of the form that was expected: {error}"),
        request_id,
    })
}
