//! `POST /webhooks/shopify`: what happens in shops at Shopify.
//!
//! The signature is over the raw bytes, so nothing is parsed before it is checked. 200 means that the event is kept;
//! what it means is found out later (decision 0014).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, StatusCode, header as http_header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use tokio::time::timeout;
use tradeup_domain::{Classify as _, ErrorCode};
use tradeup_proto::header;
use tradeup_proto::subject::event::EventSubject;
use tradeup_shopify::webhook::{Delivery, Secrets, TOPIC_HEADER};
use tradeup_signals::metrics::outside::{TOPICS, WEBHOOKS};
use tradeup_signals::trace;
use tradeup_worker::intake::Received;

use super::api::Problem;
use super::keep::{Keeper, Kept};
use super::now;
use super::places::Places;

/// What such events' subjects call their source; nobody else may have it.
pub(crate) const SOURCE: &str = "shopify";
/// Largest body: a large order with many lines is hundreds of KiB.
const BODY_BYTES_MAX: usize = 5 * 1024 * 1024;
/// The body has to be here within this time.
const BODY_WITHIN: Duration = Duration::from_secs(3);
/// The header with the signature.
const SIGNATURE: &str = "x-shopify-hmac-sha256";

struct Ingress {
    secrets: Secrets,
    keeper: Keeper,
    places: Places,
}

/// The route.
pub(super) fn routes(secrets: Secrets, keeper: Keeper) -> Router {
    let ingress = Arc::new(Ingress { secrets, keeper, places: Places::default() });
    Router::new().route("/webhooks/shopify", post(receive)).with_state(ingress)
}

async fn receive(State(ingress): State<Arc<Ingress>>, request: Request<Body>) -> Response {
    let topic = area(request.headers());
    let response = match ingress.receive(request).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(problem) => problem.into_response(),
    };
    let answer = match response.status() {
        StatusCode::OK => "taken",
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        _ => "refused",
    };
    WEBHOOKS.one([topic, answer]);
    response
}

/// What a webhook is about, in the words of this code.
fn area(headers: &HeaderMap) -> &'static str {
    let topic = headers.get(TOPIC_HEADER).and_then(|topic| topic.to_str().ok()).unwrap_or_default();
    let said = topic.split(['/', '.']).next().unwrap_or_default();
    TOPICS.into_iter().find(|area| *area == said).unwrap_or("other")
}

fn refused(status: StatusCode, detail: impl Into<String>) -> Problem {
    Problem::new(status, None, detail)
}

fn busy(detail: &str) -> Problem {
    refused(StatusCode::SERVICE_UNAVAILABLE, detail)
}

impl Ingress {
    async fn receive(&self, request: Request<Body>) -> Result<(), Problem> {
        let (parts, body) = request.into_parts();
        let signature = signature(&parts.headers)?;
        let body = match timeout(BODY_WITHIN, to_bytes(body, BODY_BYTES_MAX)).await {
            Ok(Ok(body)) => body,
            Ok(Err(_too_large_or_broken)) => {
                let detail = format!("the body is larger than {BODY_BYTES_MAX} bytes, or broke off");
                return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, detail));
            }
            Err(_elapsed) => {
                return Err(refused(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"));
            }
        };
        let matched = self.secrets.verify(signature, &body, now()).map_err(|_forged| {
            refused(StatusCode::UNAUTHORIZED, "the signature is not that of this body with the app's secret")
        })?;
        if matched.secret > 0 {
            tracing::info!("a webhook was signed with an older secret");
        }
        check_media(&parts)?;
        let value =
            |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let delivery = Delivery::from_headers(value).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, Some(ErrorCode::EventHeader), error.to_string())
        })?;
        let Some(_place) = self.places.take(delivery.shop.as_str()).await else {
            return Err(busy("too many of this shop's events are on their way; send it again"));
        };
        let (event, identity) = event(&delivery, body.to_vec())?;
        match self.keeper.keep(event, &identity).await {
            Ok(Kept::Stream | Kept::Row | Kept::SetAside) => Ok(()),
            Err(error) => {
                tracing::warn!(code = %error.code(), "a webhook is kept nowhere, and is to be sent again: {error}");
                Err(busy("the event can't be kept now; send it again"))
            }
        }
    }
}

/// The one signature of a request.
fn signature(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut all = headers.get_all(SIGNATURE).iter();
    match (all.next().and_then(|value| value.to_str().ok()), all.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(refused(StatusCode::UNAUTHORIZED, "header X-Shopify-Hmac-Sha256 has to be there once")),
    }
}

/// Only JSON as it is: what is packed would have to be unpacked before it is known to be the shop's.
fn check_media(parts: &Parts) -> Result<(), Problem> {
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let encoding = text(http_header::CONTENT_ENCODING);
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body without Content-Encoding"));
    }
    let media = text(http_header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case(header::JSON) {
        Ok(())
    } else {
        Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body as application/json"))
    }
}

/// The event as it is kept, and what makes it one of a kind.
fn event(delivery: &Delivery, body: Vec<u8>) -> Result<(Received, String), Problem> {
    let shop = delivery.shop.as_str();
    let subject = EventSubject::build(shop, SOURCE, &delivery.topic).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, Some(ErrorCode::EventSubject), error.to_string())
    })?;
    let mut headers = vec![
        (header::EVENT_ID.to_owned(), delivery.webhook_id.clone()),
        (header::CONTENT_TYPE.to_owned(), header::JSON.to_owned()),
    ];
    let mut also =
        |name: &str, value: Option<String>| headers.extend(value.map(|value| (name.to_owned(), value)));
    also(header::EVENT_TIME, delivery.triggered_at.map(|at| at.to_rfc3339()));
    also(header::ACTION_ID, delivery.event_id.clone());
    also(header::API_VERSION, delivery.api_version.clone());
    // Also where it is kept as a row, and taken later.
    also(trace::TRACEPARENT, trace::current());
    let identity = format!("{shop}/{}", delivery.webhook_id);
    Ok((Received { subject, headers, body, stored_at: now() }, identity))
}
