//! How the console speaks to an OpenID Connect provider: briefly, to https alone, and to nobody it is redirected to.

use std::pin::Pin;
use std::time::Duration;

use anyhow::Context as _;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use tradeup_signals::outbound::{self, Ended};
use tradeup_signals::trace;

/// What calls are counted under.
const PEER: &str = "oidc";

/// A connection comes about within this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Somebody waits for the whole answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer, in bytes. Discovery documents and keys are some thousands.
const ANSWER_LEN_MAX: usize = 256 * 1024;

/// Why there is no answer. What the HTTP library says has addresses in it and is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HttpError {
    /// Refused, no such name, TLS.
    #[error("no connection comes about")]
    NotConnected,
    /// Too slow.
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    TimedOut,
    /// Not over http.
    #[error("an address of it is not https")]
    NotHttps,
    /// Longer than anything that it has to say.
    #[error("its answer is longer than {ANSWER_LEN_MAX} bytes")]
    TooLong,
    /// Anything else on the way.
    #[error("the connection broke off")]
    Broken,
}

impl From<reqwest::Error> for HttpError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::TimedOut
        } else if error.is_connect() {
            Self::NotConnected
        } else if error.is_builder() {
            Self::NotHttps
        } else {
            Self::Broken
        }
    }
}

/// The client.
pub(super) struct Http(reqwest::Client);

impl Http {
    /// A client; one for a provider on this machine takes plain http, too.
    pub(super) fn new(https_only: bool) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tradeup_tls::client(Vec::new()).context("TLS can't be set up")?)
            .https_only(https_only)
            // The client's secret goes to nobody else.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .referer(false)
            .user_agent("TradeUp-Jobs")
            .build()
            .context("HTTP can't be set up")?;
        Ok(Self(http))
    }

    /// A call, with its span and counted. The span says nothing of where it went: a provider's addresses hold ids of its customers.
    async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let method = request.method().clone();
        let span = tracing::info_span!(
            target: trace::TARGET, "call", otel.name = %format_args!("{method} {PEER}"), otel.kind = "client",
            http.request.method = method.as_str()
        );
        let answer = outbound::call(PEER, span.clone(), self.fetch_uncounted(request), ended).await;
        if let Ok(answer) = &answer {
            outbound::status(&span, answer.status().as_u16());
        }
        answer
    }

    async fn fetch_uncounted(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut response = self.0.execute(reqwest::Request::try_from(request)?).await?;
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await? {
            if body.len() + piece.len() > ANSWER_LEN_MAX {
                return Err(HttpError::TooLong);
            }
            body.extend_from_slice(&piece);
        }
        let mut answer = HttpResponse::new(body);
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

/// How a call ended.
fn ended(answer: &Result<HttpResponse, HttpError>) -> Ended {
    match answer {
        Ok(answer) => Ended::of_status(answer.status().as_u16()),
        Err(HttpError::NotConnected | HttpError::TooLong) => Ended::Unavailable,
        // Nothing left this process.
        Err(HttpError::NotHttps) => Ended::Refused,
        Err(HttpError::TimedOut | HttpError::Broken) => Ended::Unknown,
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.fetch(request))
    }
}
