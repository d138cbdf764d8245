//! What every route of the API has in common: who asks, and how it is answered when it can't be done.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tradeup_domain::ErrorCode;
use tradeup_domain::api_token::TokenHash;
use tradeup_store::tenants::{self, Settings};
use tradeup_store::{ErrorKind, Pool, StoreError, TenantId, Tx, api_tokens};

use crate::routes::body::BodyError;

/// Another system of a shop, which its token has let in.
pub(super) struct Caller {
    pub(super) pool: Pool,
    pub(super) tenant: TenantId,
    pub(super) settings: Settings,
    /// What the system is called.
    pub(super) source: String,
}

/// Why it can't be done: `application/problem+json` (RFC 9457).
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: Option<ErrorCode>,
    detail: String,
    more: Value,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: Option<ErrorCode>, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), more: json!({}) }
    }

    /// Says more than words, for programs.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more[name] = value.into();
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({ "type": "about:blank", "title": self.status.canonical_reason(),
            "status": self.status.as_u16(), "detail": self.detail });
        if let Some(code) = self.code {
            body["code"] = code.as_str().into();
        }
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), self.more) {
            body.extend(more);
        }
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Conflict => {
                tracing::warn!("a request can't be answered now: {error}");
                let detail = "the ledger can't be reached; whether it was done is not known. Ask again with the \
                              same reference: it is done once";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Some(ErrorCode::DatabaseUnavailable), detail)
            }
            ErrorKind::Refused => {
                tracing::warn!("a request was refused by the database: {error}");
                let detail = "the ledger refuses it: a balance would leave its range. Nothing was done";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, Some(ErrorCode::DatabaseRefused), detail)
            }
            ErrorKind::Shadow => {
                let detail = "the shop is in shadow: its credit is moved by another system. Nothing was done";
                Self::new(StatusCode::CONFLICT, Some(ErrorCode::TenantInShadow), detail)
            }
            ErrorKind::Corrupt | ErrorKind::Settings | ErrorKind::Superseded | ErrorKind::Unexpected => {
                tracing::error!("a request failed: {error}");
                let detail = "an error of ours; nothing was done";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, Some(ErrorCode::DatabaseUnexpected), detail)
            }
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Some(ErrorCode::EventBody), error.to_string())
    }
}

/// The token of `Authorization: Bearer …`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// Whoever asks is not let in.
pub(super) fn not_let_in() -> Problem {
    let detail = "give a token of this shop as `Authorization: Bearer …`; `tradeup token add` makes one";
    Problem::new(StatusCode::UNAUTHORIZED, None, detail)
}

impl FromRequestParts<Arc<Pool>> for Caller {
    type Rejection = Problem;

    /// Lets in whoever has a token of the shop in the path. A shop that there is not and a token that there
    /// is not are answered alike.
    async fn from_request_parts(parts: &mut Parts, pool: &Arc<Pool>) -> Result<Self, Problem> {
        let hash = bearer(&parts.headers).map(TokenHash::of).ok_or_else(not_let_in)?;
        let Path(path) = Path::<std::collections::HashMap<String, String>>::from_request_parts(parts, pool)
            .await
            .map_err(|_unreadable| not_let_in())?;
        let handle = path.get("tenant").ok_or_else(not_let_in)?;
        let Some(tenant) = tenants::by_handle(pool, handle).await? else { return Err(not_let_in()) };
        let mut tx = Tx::of_tenant(pool, tenant.id).await?;
        let source = api_tokens::source_of(&mut tx, tenant.id, &hash).await?;
        tx.rollback().await?;
        let Some(source) = source else { return Err(not_let_in()) };
        if tenant.state == "uninstalled" {
            let detail = "the shop has uninstalled the app: its ledger stands still";
            return Err(Problem::new(StatusCode::CONFLICT, Some(ErrorCode::TenantNotActive), detail));
        }
        let settings = tenant.settings().map_err(|error| {
            Problem::new(StatusCode::CONFLICT, Some(ErrorCode::TenantSettings), error.to_string())
        })?;
        Ok(Self { pool: Pool::clone(pool), tenant: tenant.id, settings, source })
    }
}
