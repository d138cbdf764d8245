//! Answers of the API say which version they are, and whoever has it already gets nothing more.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, ETAG, HeaderValue, IF_NONE_MATCH, LINK};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use crate::failure::Failure;

/// Larger than any answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Adds `ETag` to what the API answers, and answers 304 to whoever shows the same.
pub(crate) async fn tagged(request: Request, next: Next) -> Response {
    let is_read = request.method() == Method::GET && request.uri().path().starts_with("/api/");
    let shown = request.headers().get(IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    if !is_read || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, ANSWER_BYTES_MAX).await else { return Failure::Internal.into_response() };
    // Whether there is a next page is part of what is answered.
    let link = parts.headers.get(LINK).map(HeaderValue::as_bytes).unwrap_or_default();
    let digest = Sha256::new().chain_update(&body).chain_update(link).finalize();
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let Ok(tag) = HeaderValue::from_str(&format!("\"{hex}\"")) else {
        return Failure::Internal.into_response();
    };
    // It may be kept, and has to be asked for again.
    let headers = [(ETAG, tag), (CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))];
    if shown.is_some_and(|shown| matches(&shown, &hex)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    parts.headers.extend(headers);
    Response::from_parts(parts, Body::from(body))
}

/// Whether one of the tags that were shown is this one (RFC 9110 §13.1.2: compared weakly).
fn matches(shown: &HeaderValue, hex: &str) -> bool {
    shown.to_str().is_ok_and(|shown| {
        shown
            .split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == hex)
    })
}
