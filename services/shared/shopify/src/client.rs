//! The HTTP client: one for the process, a handle for each shop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::time::Instant;

use tradeup_signals::metrics::outside::{SHOPIFY_CALLS, SHOPIFY_SECONDS};
use tradeup_signals::outbound::{self, Ended};
use tradeup_signals::trace;

use crate::answer::{Failure, RawAnswer, no_clear_answer, read};
use crate::budget::{Budget, BudgetView};
use crate::error::ShopifyError;
use crate::ids::ShopDomain;
use crate::operation::Operation;
use crate::privacy::scrub;
use crate::record::{Exchange, Outcome, Recorder};

/// The version of the Admin API that documents and decoders here are written for. Shopify keeps each for a
/// year at least (Shopify reference §7.3).
pub const API_VERSION: &str = "2026-10";

/// Largest answer that is read.
const BODY_LEN_MAX: usize = 4 * 1024 * 1024;
/// Idle connections are closed after this: one that the other side has closed meanwhile costs an unknown
/// outcome.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// How a body says that a call did not fit into the shop's rate.
const THROTTLED: &[u8] = b"\"THROTTLED\"";
/// Silence after a 429 without a readable `Retry-After`.
const PAUSE_DEFAULT: Duration = Duration::from_secs(2);

/// How the client behaves.
#[derive(Debug)]
pub struct Settings {
    /// Where shops are, instead of `https://{shop}`: `{base}/{shop}` is called then. For stand-ins: the
    /// token goes wherever this points.
    pub base: Option<String>,
    /// How long making a connection may take. Nothing has been sent by then.
    pub connect_timeout: Duration,
    /// How long a call may take as a whole. A credit that takes longer has an unknown outcome.
    pub timeout: Duration,
    /// How long a call may wait for the shop's budget before it gives up as throttled.
    pub budget_wait_max: Duration,
    /// Which part of a shop's bucket is left to others, 0 to 0.9.
    pub left_for_others: f64,
    /// Where exchanges are recorded, if they are.
    pub recorder: Option<Recorder>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            budget_wait_max: Duration::from_secs(30),
            left_for_others: 0.2,
            recorder: None,
        }
    }
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The base address is no `http://` or `https://` address.
    #[error("base address {given:?} does not begin with http:// or https://")]
    Base {
        /// What was given.
        given: String,
    },
    /// The TLS library can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP library can't be set up.
    #[error("HTTP can't be set up: {0}")]
    Http(#[from] reqwest::Error),
}

/// Shopify's Admin API, for all shops of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    settings: Settings,
    budgets: Mutex<HashMap<ShopDomain, Arc<Budget>>>,
}

/// The Admin API of one shop. All handles of a shop, made by clones of one [`Client`], share its budget.
#[derive(Clone, Debug)]
pub struct ShopClient {
    client: Client,
    shop: ShopDomain,
    token: SecretString,
    budget: Arc<Budget>,
}

impl Client {
    /// A client.
    ///
    /// # Errors
    /// [`SetupError`] when the settings or the machine's TLS can't be used.
    pub fn new(mut settings: Settings) -> Result<Self, SetupError> {
        if let Some(base) = &mut settings.base {
            if !base.starts_with("https://") && !base.starts_with("http://") {
                return Err(SetupError::Base { given: base.clone() });
            }
            base.truncate(base.trim_end_matches('/').len());
        }
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tradeup_tls::client(Vec::new())?)
            // A redirected credit would be sent twice, and the token to somebody else.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(IDLE_MAX)
            .user_agent("TradeUp-Jobs")
            .build()?;
        Ok(Self { inner: Arc::new(Inner { http, settings, budgets: Mutex::new(HashMap::new()) }) })
    }

    /// A handle for one shop with its access token.
    #[must_use]
    pub fn shop(&self, shop: &ShopDomain, token: SecretString) -> ShopClient {
        ShopClient { client: self.clone(), shop: shop.clone(), token, budget: self.budget(shop) }
    }

    /// The shop's budget, for those who want to see it.
    #[must_use]
    pub fn budget(&self, shop: &ShopDomain) -> Arc<Budget> {
        let mut budgets = self.inner.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Budget::new(self.inner.settings.left_for_others));
        budgets.entry(shop.clone()).or_insert_with(new).clone()
    }

    /// The address of `path` at the shop.
    pub(crate) fn address(&self, shop: &ShopDomain, path: &str) -> String {
        match &self.inner.settings.base {
            Some(base) => format!("{base}/{shop}{path}"),
            None => format!("https://{shop}{path}"),
        }
    }

    /// Posts `body` and reads the answer whole. The exchange is recorded, if there is a recorder.
    pub(crate) async fn post(
        &self,
        shop: &ShopDomain,
        operation: &str,
        address: String,
        headers: HeaderMap,
        body: &Value,
    ) -> Result<RawAnswer, PostError> {
        let begun = Instant::now();
        let span = tracing::info_span!(
            target: trace::TARGET, "call", otel.name = %format_args!("Shopify {operation}"), otel.kind = "client",
            http.request.method = "POST", graphql.operation.name = operation
        );
        let calling = self.post_unrecorded(address, headers, body);
        let answer = outbound::call("shopify", span.clone(), calling, ended).await;
        if let Some(recorder) = &self.inner.settings.recorder {
            let outcome = match &answer {
                Ok((raw, headers)) => {
                    Outcome::Answer { status: raw.status, headers: of_interest(headers), body: &raw.body }
                }
                Err(error) => Outcome::Failed(error.reason()),
            };
            let duration = begun.elapsed();
            recorder.record(&Exchange { shop, operation, request: body, duration, outcome });
        }
        let (status, failed) = match &answer {
            Ok((raw, _)) => (raw.status, ""),
            Err(error) => (0, error.reason()),
        };
        if status != 0 {
            outbound::status(&span, status);
        }
        counted(begun.elapsed(), &answer);
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(%shop, operation, status, failed, duration_ms, "call to the shop");
        answer.map(|(raw, _)| raw)
    }

    async fn post_unrecorded(
        &self,
        address: String,
        mut headers: HeaderMap,
        body: &Value,
    ) -> Result<(RawAnswer, HeaderMap), PostError> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = self.inner.http.post(address).headers(headers).timeout(self.inner.settings.timeout);
        let mut response = request.body(body.to_string()).send().await.map_err(PostError::of)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(PostError::of)? {
            if bytes.len() + chunk.len() > BODY_LEN_MAX {
                return Err(PostError::NoAnswer("an answer that is too long"));
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let raw = RawAnswer {
            status: response.status().as_u16(),
            request_id: text("x-request-id").map(|id| scrub(&id)),
            retry_after: text("retry-after"),
            version: text("x-shopify-api-version"),
            body: bytes,
        };
        Ok((raw, std::mem::take(response.headers_mut())))
    }
}

/// How a call ended.
fn ended(answer: &Result<(RawAnswer, HeaderMap), PostError>) -> Ended {
    match answer {
        Ok((raw, _)) => match raw.status {
            // That a query was throttled stands in the body of a 200.
            200..=399 if raw.body.windows(THROTTLED.len()).any(|part| part == THROTTLED) => Ended::Throttled,
            200..=399 => Ended::Answered,
            // A 403 is of one thing that was asked for, not of who asks.
            403 => Ended::Refused,
            status => Ended::of_status(status),
        },
        Err(PostError::NoAnswer(_)) => Ended::Unknown,
        Err(PostError::Invalid | PostError::NotSent(_)) => Ended::Unavailable,
    }
}

/// Counts a call by what came of it.
fn counted(took: Duration, answer: &Result<(RawAnswer, HeaderMap), PostError>) {
    SHOPIFY_CALLS.one([ended(answer).as_str()]);
    SHOPIFY_SECONDS.took(took, []);
}

/// Why a post got no answer.
#[derive(Debug)]
pub(crate) enum PostError {
    /// The request could not be put together.
    Invalid,
    /// No connection came about; nothing was sent.
    NotSent(&'static str),
    /// It was sent, at least in part.
    NoAnswer(&'static str),
}

impl PostError {
    /// The library's own text is not kept: it has the address in it.
    #[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
    fn of(error: reqwest::Error) -> Self {
        if error.is_builder() {
            Self::Invalid
        } else if error.is_connect() {
            // Asked first: a connection that takes too long is a time-out too.
            Self::NotSent(if error.is_timeout() { "connecting took too long" } else { "connecting failed" })
        } else if error.is_timeout() {
            Self::NoAnswer("no answer in time")
        } else if error.is_body() || error.is_decode() {
            Self::NoAnswer("the connection ended within the answer")
        } else {
            Self::NoAnswer("the connection ended before an answer")
        }
    }

    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Invalid => "the request could not be put together",
            Self::NotSent(reason) | Self::NoAnswer(reason) => reason,
        }
    }
}

impl ShopClient {
    /// Which shop it is.
    #[must_use]
    pub fn domain(&self) -> &ShopDomain {
        &self.shop
    }

    /// What is known of the shop's rate.
    #[must_use]
    pub fn budget(&self) -> BudgetView {
        self.budget.view()
    }

    /// Makes one call, within the shop's budget; waits and sends again only when Shopify says that nothing
    /// ran. The result is the root field's value, which may be null.
    pub(crate) async fn call(&self, operation: Operation, variables: Value) -> Result<Value, ShopifyError> {
        let body = json!({ "query": operation.document(), "variables": variables });
        let limit = self.client.inner.settings.budget_wait_max;
        let begun = Instant::now();
        loop {
            let left = limit.saturating_sub(begun.elapsed());
            let taken = self.budget.take(operation, left).await;
            let permit = taken.map_err(|wait| ShopifyError::Throttled { wait })?;
            let raw = self.exchange(operation, &body).await?;
            if let Some(version) = raw.version.as_deref().filter(|version| *version != API_VERSION) {
                // A retired version falls forward to the oldest that is left (§7.3).
                tracing::warn!(shop = %self.shop, version, asked = API_VERSION, "another API version answered");
            }
            let reading = read(operation, &raw);
            match reading.result {
                Err(Failure::Throttled) => permit.throttled(reading.cost),
                Ok(value) => {
                    permit.answered(reading.cost);
                    return Ok(value);
                }
                Err(Failure::Error(error)) => {
                    permit.answered(reading.cost);
                    if let ShopifyError::TooManyRequests { retry_after } = &error {
                        self.budget.pause(retry_after.unwrap_or(PAUSE_DEFAULT));
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Whether the shops are on this machine: stand-ins.
    pub(crate) fn is_at_loopback(&self) -> bool {
        let base = self.client.inner.settings.base.as_deref();
        base.and_then(|base| Url::parse(base).ok()).is_some_and(|base| is_loopback(&base))
    }

    /// Gets what is at `address`, which is not the shop's: without the token, and not recorded.
    pub(crate) async fn open(&self, address: Url) -> Result<reqwest::Response, ShopifyError> {
        let settings = &self.client.inner.settings;
        let sending = self.client.inner.http.get(address).send();
        match tokio::time::timeout(settings.timeout, sending).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(unanswered(&PostError::of(error))),
            Err(_elapsed) => Err(unanswered(&PostError::NoAnswer("no answer in time"))),
        }
    }

    /// What comes next of an answer that is read piece by piece. Each piece has its own time: a long answer
    /// takes long.
    pub(crate) async fn chunk(
        &self,
        response: &mut reqwest::Response,
    ) -> Result<Option<impl AsRef<[u8]> + use<>>, ShopifyError> {
        match tokio::time::timeout(self.client.inner.settings.timeout, response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(unanswered(&PostError::of(error))),
            Err(_elapsed) => Err(unanswered(&PostError::NoAnswer("no answer in time"))),
        }
    }

    async fn exchange(&self, operation: Operation, body: &Value) -> Result<RawAnswer, ShopifyError> {
        let mut token = HeaderValue::from_str(self.token.expose_secret()).map_err(|_not_a_header| {
            ShopifyError::InvalidRequest {
                code: "TOKEN".to_owned(),
                message: "the token can't be sent".to_owned(),
            }
        })?;
        token.set_sensitive(true);
        let headers = HeaderMap::from_iter([(TOKEN_HEADER, token)]);
        let address = self.client.address(&self.shop, &format!("/admin/api/{API_VERSION}/graphql.json"));
        let answer = self.client.post(&self.shop, operation.name(), address, headers, body).await;
        answer.map_err(|error| match error {
            PostError::Invalid => ShopifyError::InvalidRequest {
                code: "REQUEST".to_owned(),
                message: error.reason().to_owned(),
            },
            PostError::NotSent(reason) => ShopifyError::NotSent { reason },
            PostError::NoAnswer(reason) => no_clear_answer(operation, reason.to_owned(), None),
        })
    }
}

const TOKEN_HEADER: reqwest::header::HeaderName =
    reqwest::header::HeaderName::from_static("x-shopify-access-token");

/// The headers of an answer that are recorded.
fn of_interest(headers: &HeaderMap) -> Vec<(&'static str, String)> {
    ["x-request-id", "x-shopify-api-version", "retry-after", "content-type", "date"]
        .into_iter()
        .filter_map(|name| Some((name, headers.get(name)?.to_str().ok()?.to_owned())))
        .collect()
}

/// Whether an address is on this machine.
pub(crate) fn is_loopback(address: &Url) -> bool {
    let host = address.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn unanswered(error: &PostError) -> ShopifyError {
    ShopifyError::Unanswered { reason: error.reason().to_owned() }
}
