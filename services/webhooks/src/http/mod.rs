//! What comes by HTTP. One file for each kind of route, put together here.

mod api;
mod checkout;
mod holds;
mod keep;
mod places;
mod published;
pub(crate) mod shopify;
mod trade_ins;
mod unsubscribe;

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use clap::Args;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use tradeup_domain::signing::SigningKeys;
use tradeup_http::serve;
use tradeup_mail::unsubscribe::KeyRing;
use tradeup_shopify::webhook::Secrets;
use tradeup_signals::metrics::outside::HTTP_SECONDS;
use tradeup_signals::trace;
use tradeup_store::Pool;
use tradeup_worker::Worker;

use crate::events::Events;
use keep::Keeper;

/// Connections at a time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 512;
/// Largest body, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// An answer that takes longer is given up: whoever asked has gone.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What is served by HTTP.
#[derive(Args)]
#[command(next_help_heading = "HTTP")]
pub(crate) struct HttpOptions {
    /// Address to listen on, like 127.0.0.1:8080. Without it nothing is served by HTTP.
    #[arg(long, env = "TRADEUP_HTTP", value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Keys of the links that unsubscribe: those that `credits` has.
    #[arg(long, env = "TRADEUP_UNSUBSCRIBE_KEYS", hide_env_values = true, value_name = "KEYS")]
    unsubscribe_keys: Option<String>,
    /// The app's client secrets at Shopify, by which webhooks are signed: the current one first, then those before it,
    /// each with the end of its time, like NEW,OLD@2026-12-01T12:00:00Z.
    #[arg(long, env = "TRADEUP_SHOPIFY_WEBHOOK_SECRETS", hide_env_values = true, value_name = "SECRETS")]
    shopify_webhook_secrets: Option<String>,
    /// Keys that secrets are made of: of other systems that sign the events that they send, and of the endpoints that we
    /// sign for. Base64, the current one first.
    #[arg(long, env = "TRADEUP_SIGNING_KEYS", hide_env_values = true, value_name = "KEYS")]
    signing_keys: Option<String>,
}

/// An address that is listened on.
pub(crate) struct Http {
    listener: TcpListener,
    keys: Option<KeyRing>,
    secrets: Option<Secrets>,
    signing: Option<SigningKeys>,
}

impl HttpOptions {
    /// The keys that secrets are made of.
    pub(crate) fn signing(&self) -> anyhow::Result<Option<SigningKeys>> {
        let keys = self.signing_keys.as_deref().filter(|keys| !keys.trim().is_empty());
        keys.map(SigningKeys::parse).transpose().context("TRADEUP_SIGNING_KEYS")
    }

    /// Listens, if an address was given: one that is taken is an error at start.
    pub(crate) async fn listen(self) -> anyhow::Result<Option<Http>> {
        let Some(address) = self.http else { return Ok(None) };
        let signing = self.signing()?;
        let keys = self.unsubscribe_keys.filter(|keys| !keys.trim().is_empty());
        let keys = keys.map(|keys| KeyRing::parse(&keys.into())).transpose();
        let keys = keys.context("TRADEUP_UNSUBSCRIBE_KEYS")?;
        let secrets = self.shopify_webhook_secrets.filter(|secrets| !secrets.trim().is_empty());
        let secrets = secrets.map(|secrets| Secrets::parse(&SecretString::from(secrets))).transpose();
        let secrets = secrets.context("TRADEUP_SHOPIFY_WEBHOOK_SECRETS")?;
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("{address} can't be listened on"))?;
        Ok(Some(Http { listener, keys, secrets, signing }))
    }
}

impl Http {
    /// Serves until `shutdown`; then what is under way comes to its end.
    pub(crate) async fn serve(self, worker: Worker, events: Events, shutdown: CancellationToken) {
        let Self { listener, keys, secrets, signing } = self;
        serve(listener, routes(&worker, events, keys, secrets, signing), CONNECTIONS_MAX, shutdown).await;
    }
}

/// Every route.
fn routes(
    worker: &Worker,
    events: Events,
    keys: Option<KeyRing>,
    secrets: Option<Secrets>,
    signing: Option<SigningKeys>,
) -> Router {
    let pool = Pool::clone(worker.pool());
    let keeper = Keeper::new(worker.clone(), events);
    let mut all = checkout::routes(pool.clone())
        .merge(holds::routes(pool.clone()))
        .merge(trade_ins::routes(pool.clone()))
        .merge(published::routes(pool.clone(), keeper.clone(), signing));
    match secrets {
        Some(secrets) => all = all.merge(shopify::routes(secrets, keeper)),
        None => {
            tracing::warn!("webhooks of Shopify are not served: TRADEUP_SHOPIFY_WEBHOOK_SECRETS is not set");
        }
    }
    match keys {
        Some(keys) => all = all.merge(unsubscribe::routes(pool, keys)),
        None => tracing::warn!("links that unsubscribe are not served: TRADEUP_UNSUBSCRIBE_KEYS is not set"),
    }
    all.layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).layer(from_fn(in_time)).layer(from_fn(seen))
}

/// Counts and traces a request. What a caller says of a trace is not taken: it is theirs, and whoever asks is not let in yet.
async fn seen(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let surface = surface(route);
    let span = tracing::info_span!(
        target: trace::TARGET, parent: None, "serve", otel.name = %format_args!("{} {route}", request.method()),
        otel.kind = "server", http.request.method = %request.method(), http.route = route
    );
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    trace::says(&span, "http.response.status_code", i64::from(status.as_u16()));
    let class = match status.as_u16() {
        100..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    HTTP_SECONDS.took(begun.elapsed(), [surface, class]);
    response
}

/// What a route belongs to, as it is counted.
fn surface(route: &str) -> &'static str {
    match route {
        "/webhooks/shopify" => "shopify",
        _ if route.starts_with("/events/") => "publish",
        _ if route.starts_with("/v1/") => "api",
        "" => "none",
        _ => "mail",
    }
}

async fn in_time(request: Request, next: Next) -> Response {
    match timeout(ANSWER_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Now, by this machine's clock: which secrets are in force, and when something was received. No run is about it.
#[expect(
    clippy::disallowed_methods,
    reason = "no run is about it, and the ingress does not need the database"
)]
fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}
