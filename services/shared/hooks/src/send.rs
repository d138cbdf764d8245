//! Signing a message and posting it to an endpoint, once.

mod answer;
mod error;
mod resolve;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;
use tradeup_domain::signing::Signed;
use tradeup_signals::outbound::{self, Ended};
use tradeup_signals::trace;

pub use answer::ANSWER_LEN_MAX;
pub use error::{SendError, Step};
pub use resolve::{Lookup, LookupFuture, SystemLookup};

use crate::{EndpointUrl, Reach};
use resolve::Guard;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// Who sends, for the receiver's logs.
const USER_AGENT: &str = concat!("TradeUp-Jobs/", env!("CARGO_PKG_VERSION"));
/// Idle connections are closed after this. Messages for one endpoint come in bursts, with nothing between.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// How messages are sent.
#[derive(Clone)]
pub struct Settings {
    /// Where to. An endpoint outside of it is refused at sending, too.
    pub reach: Reach,
    /// How long making a connection may take: looking up the name, TCP, TLS. Shorter than `timeout`.
    pub connect_timeout: Duration,
    /// How long sending may take as a whole, up to the answer's head, and to its first bytes if it is a refusal.
    pub timeout: Duration,
    /// Certificates, in DER, of authorities that are trusted besides the machine's own.
    pub authorities: Vec<Vec<u8>>,
    /// Who knows the addresses of a name.
    pub lookup: Arc<dyn Lookup>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reach: Reach::Public,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            authorities: Vec::new(),
            lookup: Arc::new(SystemLookup),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("reach", &self.reach)
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("authorities", &self.authorities.len())
            .finish_non_exhaustive()
    }
}

/// Why no sender could be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The TLS library can't be set up, or an authority's certificate is none.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP library can't be set up.
    #[error("HTTP can't be set up: {0}")]
    Http(#[from] reqwest::Error),
}

/// A message for one endpoint. It has no `Debug`, so that no secret gets into a log.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// Names the message, the same at each try; the receiver knows by it what it has. Visible ASCII without a dot.
    pub id: &'a str,
    /// Its body, as it was kept.
    pub body: &'a [u8],
    /// The endpoint's secrets that are in force, the current one first; at least one, but for [`Reach::Anywhere`],
    /// whose receivers need not check. Each makes a signature.
    pub secrets: &'a [String],
}

/// The endpoint has the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The answer's status, 200 to 299.
    pub status: u16,
    /// How long it took.
    pub took: Duration,
}

/// Sends messages to endpoints. Clones share the connections.
///
/// Sending is at least once: after an error the endpoint may still have the message, unless the error says
/// otherwise, and it may come again under the same id.
#[derive(Clone, Debug)]
pub struct Sender {
    http: reqwest::Client,
    reach: Reach,
}

impl Sender {
    /// A sender.
    ///
    /// # Errors
    /// [`SetupError`] when the settings or the machine's TLS can't be used.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        let reach = settings.reach;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tradeup_tls::client(settings.authorities)?)
            // Where a redirect leads was not registered, and the message was signed for somebody else.
            .redirect(reqwest::redirect::Policy::none())
            // The schedule tries again, and counts.
            .retry(reqwest::retry::never())
            // A proxy would look up the names itself, and reach what we don't.
            .no_proxy()
            .dns_resolver(Guard { reach, lookup: settings.lookup })
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE_MAX)
            .referer(false)
            .user_agent(USER_AGENT)
            .build()?;
        Ok(Self { http, reach })
    }

    /// Signs a message as of `now` and posts it, once. What the endpoint answers with 200 to 299 it has; whether
    /// and when to try again after an error is said by [`crate::schedule::next`].
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(
        &self,
        endpoint: &EndpointUrl,
        outgoing: &Outgoing<'_>,
        now: DateTime<Utc>,
    ) -> Result<Accepted, SendError> {
        let begun = Instant::now();
        let span = tracing::info_span!(
            target: trace::TARGET, "call", otel.name = "POST endpoint", otel.kind = "client",
            http.request.method = "POST"
        );
        let posting = self.post(endpoint, outgoing, now, begun);
        let sent = outbound::call("endpoint", span.clone(), posting, ended).await;
        let (status, failed) = match &sent {
            Ok(accepted) => (accepted.status, ""),
            Err(error) => (error.status().unwrap_or_default(), error.kind()),
        };
        if status != 0 {
            outbound::status(&span, status);
        }
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(
            endpoint = endpoint.origin(),
            id = outgoing.id,
            status,
            failed,
            duration_ms,
            "webhook"
        );
        sent
    }

    async fn post(
        &self,
        endpoint: &EndpointUrl,
        outgoing: &Outgoing<'_>,
        now: DateTime<Utc>,
        begun: Instant,
    ) -> Result<Accepted, SendError> {
        // Nobody looks up an address that is one already.
        if endpoint.literal().is_some_and(|address: IpAddr| !self.reach.allows(address)) {
            return Err(SendError::Private);
        }
        let headers = headers(outgoing, now, self.reach)?;
        let request = self.http.post(endpoint.url().clone()).headers(headers).body(outgoing.body.to_vec());
        let response = request.send().await.map_err(|error| SendError::of(&error))?;
        if !response.status().is_success() {
            return Err(answer::refusal(response, now).await);
        }
        // The body of an answer that is no refusal is nothing to wait for.
        Ok(Accepted { status: response.status().as_u16(), took: begun.elapsed() })
    }
}

/// How a call ended.
fn ended(sent: &Result<Accepted, SendError>) -> Ended {
    match sent {
        Ok(_) => Ended::Answered,
        Err(error) => match (error, error.status()) {
            (_, Some(status)) => Ended::of_status(status),
            (SendError::Private | SendError::Unbuildable { .. }, None) => Ended::Refused,
            (SendError::TimedOut { step: Step::Answering } | SendError::Broken { .. }, None) => {
                Ended::Unknown
            }
            (_, None) => Ended::Unavailable,
        },
    }
}

fn headers(outgoing: &Outgoing<'_>, now: DateTime<Utc>, reach: Reach) -> Result<HeaderMap, SendError> {
    let unbuildable = |what| SendError::Unbuildable { what };
    // A dot would let one message be read as another under the same signature.
    if outgoing.id.is_empty() || !outgoing.id.bytes().all(|b| b.is_ascii_graphic() && b != b'.') {
        return Err(unbuildable("its id is empty, or has a character that it must not have"));
    }
    if outgoing.secrets.is_empty() && reach != Reach::Anywhere {
        return Err(unbuildable("there is no secret to sign it with"));
    }
    let signed = Signed { id: outgoing.id, timestamp: now.timestamp(), body: outgoing.body };
    let signatures: Option<Vec<String>> =
        outgoing.secrets.iter().map(|secret| signed.signature(secret)).collect();
    let signatures = signatures.ok_or(unbuildable("a secret can't be read"))?.join(" ");
    let value = |text: &str| {
        HeaderValue::from_str(text).map_err(|_not_a_header| unbuildable("a header can't be written"))
    };
    let mut headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (ID, value(outgoing.id)?),
        (TIMESTAMP, HeaderValue::from(now.timestamp())),
    ]);
    if !signatures.is_empty() {
        headers.insert(SIGNATURE, value(&signatures)?);
    }
    Ok(headers)
}
