//! `/unsubscribe?token=…`: ends the mails of a kind for whom the link was made.
//!
//! GET asks, and changes nothing: scanners follow links. POST unsubscribes, by the page's button or by the
//! mail program itself (RFC 8058); there is no login, the token's signature is the proof.

mod page;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use serde::Deserialize;
use tradeup_mail::unsubscribe::{Claims, KeyRing, Notice, verify};
use tradeup_store::suppressions::{self, Kind, Reader, Unwanted};
use tradeup_store::{Pool, StoreError, TenantId, Tx};

use page::{Said, page};

/// What the routes need.
struct Links {
    pool: Pool,
    keys: KeyRing,
}

/// What stands in the link.
#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    token: String,
}

/// The routes.
pub(super) fn routes(pool: Pool, keys: KeyRing) -> Router {
    let links = Arc::new(Links { pool, keys });
    Router::new().route("/unsubscribe", get(ask).post(unsubscribe)).with_state(links)
}

async fn ask(State(links): State<Arc<Links>>, Query(link): Query<Link>) -> Response {
    let Ok(claims) = verify(&links.keys, &link.token) else { return not_valid() };
    match links.reader(claims).await {
        Ok(Some(reader)) => {
            let said = if reader.has_opted_out { Said::Done } else { Said::Question };
            shown(StatusCode::OK, said, Some((&reader, claims.notice)))
        }
        Ok(None) => not_valid(),
        Err(error) => later(&error),
    }
}

async fn unsubscribe(State(links): State<Arc<Links>>, Query(link): Query<Link>) -> Response {
    let Ok(claims) = verify(&links.keys, &link.token) else { return not_valid() };
    match links.suppress(claims).await {
        Ok(Some(reader)) => shown(StatusCode::OK, Said::Done, Some((&reader, claims.notice))),
        Ok(None) => not_valid(),
        Err(error) => later(&error),
    }
}

impl Links {
    async fn reader(&self, claims: Claims) -> Result<Option<Reader>, StoreError> {
        let tenant = TenantId(claims.tenant);
        let mut tx = Tx::of_tenant(&self.pool, tenant).await?;
        let reader = suppressions::reader(&mut tx, tenant, claims.member, kind(claims.notice)).await?;
        tx.rollback().await?;
        Ok(reader)
    }

    async fn suppress(&self, claims: Claims) -> Result<Option<Reader>, StoreError> {
        let tenant = TenantId(claims.tenant);
        let mut tx = Tx::of_tenant(&self.pool, tenant).await?;
        let kind = kind(claims.notice);
        let reader = suppressions::reader(&mut tx, tenant, claims.member, kind).await?;
        let unwanted = (kind, Unwanted::OptOut);
        let added = suppressions::add(&mut tx, tenant, claims.member, unwanted, "unsubscribe link").await?;
        tx.commit().await?;
        if added == Some(true) {
            tracing::info!(%tenant, kind = kind.as_str(), "a member wants no more mails");
        }
        Ok(reader)
    }
}

/// The mails that a link is about.
fn kind(notice: Notice) -> Kind {
    match notice {
        Notice::CreditExpiry => Kind::CreditExpiry,
        Notice::Campaign => Kind::Campaign,
    }
}

fn not_valid() -> Response {
    shown(StatusCode::NOT_FOUND, Said::NotValid, None)
}

/// The mail program tries again by itself; a person is asked to.
fn later(error: &StoreError) -> Response {
    tracing::warn!("a link that unsubscribes can't be followed: {error}");
    let mut response = shown(StatusCode::SERVICE_UNAVAILABLE, Said::Later, None);
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("60"));
    response
}

fn shown(status: StatusCode, said: Said, reader: Option<(&Reader, Notice)>) -> Response {
    // The address has the token in it: nobody else is to get it, and the page is in nobody's frame.
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ];
    (status, headers, Html(page(said, reader))).into_response()
}
