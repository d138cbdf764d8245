//! An act that carries an `Idempotency-Key` is done once: sent again, it gets the answer that it got.
//!
//! As the draft of the IETF has it (httpapi-idempotency-key-header): the same key with anything else is refused, and
//! while the first is under way the second has to wait.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use tradeup_store::api_calls::{self, Begun};

use crate::access::Who;
use crate::failure::{Failure, Kept};
use crate::{BODY_BYTES_MAX, Console};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const KEY_LEN_MAX: usize = 255;

/// Does an act of the API once for each key of whoever sends it.
pub(crate) async fn once(State(console): State<Console>, request: Request, next: Next) -> Response {
    let is_act = request.method() == Method::POST && request.uri().path().starts_with("/api/");
    if !is_act || !request.headers().contains_key(&KEY) {
        return next.run(request).await;
    }
    match keyed(&console, request, next).await {
        Ok(response) => response,
        Err(failure) => failure.problem(),
    }
}

async fn keyed(console: &Console, request: Request, next: Next) -> Result<Response, Failure> {
    let (mut parts, body) = request.into_parts();
    let who = Who::from_request_parts(&mut parts, console).await?;
    let key = parts.headers.get(&KEY).and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
    if key.is_empty() || key.len() > KEY_LEN_MAX {
        let why = format!("it has to be 1 to {KEY_LEN_MAX} visible characters");
        return Err(Failure::Invalid { field: "Idempotency-Key", why });
    }
    let body = to_bytes(body, BODY_BYTES_MAX)
        .await
        .map_err(|_too_long| Failure::Invalid { field: "body", why: "it is too long".to_owned() })?;
    let asked =
        Sha256::new().chain_update(parts.uri.to_string()).chain_update([0]).chain_update(&body).finalize();
    let pool = console.worker.pool();
    match api_calls::begin(pool, &who.name, &key, &asked).await? {
        Begun::New => {}
        Begun::UnderWay => {
            return Err(Failure::Conflict(
                "The same act is under way; send it again in a moment.".to_owned(),
            ));
        }
        Begun::Different => {
            let why = "it was sent with something else before; give this act its own".to_owned();
            return Err(Failure::Invalid { field: "Idempotency-Key", why });
        }
        Begun::Answered { status, body } => return Ok(again(status, body)),
    }
    let (console, request) = (console.clone(), Request::from_parts(parts, Body::from(body)));
    // In a task of its own: whoever asks may go, and what is done is kept all the same.
    let done = tokio::spawn(async move {
        let pool = console.worker.pool();
        let (parts, body) = next.run(request).await.into_parts();
        let body = to_bytes(body, usize::MAX).await.map_err(|_broken| Failure::Internal)?;
        if parts.status.is_server_error() {
            // Nothing is known of it: the next one tries.
            api_calls::forget(pool, &who.name, &key).await?;
        } else {
            let status = i16::try_from(parts.status.as_u16()).unwrap_or(i16::MAX);
            let kept = parts.extensions.get::<Kept>().map(|Kept(value)| value.to_string());
            let kept: &[u8] = match &kept {
                Some(kept) => kept.as_bytes(),
                None => &body,
            };
            api_calls::answered(pool, &who.name, &key, status, kept).await?;
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    });
    done.await.unwrap_or(Err(Failure::Internal))
}

fn again(status: i16, body: Vec<u8>) -> Response {
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::OK);
    let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static(kind)), (REPLAYED, HeaderValue::from_static("true"))];
    (status, headers, body).into_response()
}
