//! `POST /events/{tenant}/{topic}`: events of other systems, by HTTP. The same as on NATS, for whoever has no client of it.
//!
//! Let in is who shows a token of the shop, or signs (Standard Webhooks). What is wrong with an event is answered, and
//! not kept: whoever sent it still has it. 202 means that it is kept.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header as http_header};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tradeup_domain::ErrorCode;
use tradeup_domain::api_token::TokenHash;
use tradeup_domain::signing::{Purpose, Signed, SigningKeys};
use tradeup_proto::header;
use tradeup_proto::subject::event::EventSubject;
use tradeup_signals::trace;
use tradeup_store::tenants::{self, Tenant};
use tradeup_store::{Pool, TenantRef, Tx, api_tokens};
use tradeup_worker::intake::Received;

use super::api::{Problem, bearer, not_let_in};
use super::keep::{Keeper, Kept};
use super::now;
use super::places::Places;
use super::shopify::SOURCE;
use crate::envelope::Opened;
use crate::routes;

/// Headers of Standard Webhooks.
const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

struct Published {
    pool: Pool,
    keeper: Keeper,
    keys: Option<SigningKeys>,
    places: Places,
}

/// The route.
pub(super) fn routes(pool: Pool, keeper: Keeper, keys: Option<SigningKeys>) -> Router {
    let published = Arc::new(Published { pool, keeper, keys, places: Places::default() });
    Router::new().route("/events/{tenant}/{topic}", post(publish)).with_state(published)
}

async fn publish(
    State(published): State<Arc<Published>>,
    Path((tenant, topic)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (tenant, source) = published.caller(&tenant, &headers, &body).await?;
    let event = received(&tenant.handle, &source, &topic, &headers, &body)?;
    let id = check(&tenant, &event)?;
    let Some(_place) = published.places.take(&tenant.handle).await else {
        let detail = "too many of this shop's events are on their way; send it again";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, None, detail));
    };
    let identity = format!("{}/{source}/{id}", tenant.handle);
    match published.keeper.keep(event, &identity).await {
        Ok(Kept::Stream | Kept::Row) => {
            Ok((StatusCode::ACCEPTED, Json(json!({ "id": id, "outcome": "kept" }))))
        }
        Ok(Kept::SetAside) => Ok((StatusCode::ACCEPTED, Json(json!({ "id": id, "outcome": "set_aside" })))),
        Err(error) => Err(error.into()),
    }
}

impl Published {
    /// Who asks: the shop in the path, and the system that its token or signature names. A shop that there is not, a
    /// token that there is not and a wrong signature are answered alike.
    async fn caller(
        &self,
        handle: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(Tenant, String), Problem> {
        let Some(tenant) = tenants::by_handle(&self.pool, handle).await? else { return Err(not_let_in()) };
        let mut tx = Tx::of_tenant(&self.pool, tenant.id).await?;
        let source = if headers.contains_key(SIGNATURE) {
            let signers = api_tokens::signers(&mut tx, tenant.id).await?;
            self.signer(&tenant, &signers, headers, body)
        } else {
            let hash = bearer(headers).map(TokenHash::of).ok_or_else(not_let_in)?;
            api_tokens::source_of(&mut tx, tenant.id, &hash).await?
        };
        tx.rollback().await?;
        // Whoever made it before the name was taken: nobody speaks for Shopify.
        let source = source.filter(|source| source != SOURCE).ok_or_else(not_let_in)?;
        if tenant.state == "uninstalled" {
            let detail = "the shop has uninstalled the app: its ledger stands still";
            return Err(Problem::new(StatusCode::CONFLICT, Some(ErrorCode::TenantNotActive), detail));
        }
        Ok((tenant, source))
    }

    /// The system whose secret signs this message.
    fn signer(
        &self,
        tenant: &Tenant,
        signers: &[(uuid::Uuid, String)],
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<String> {
        let keys = self.keys.as_ref()?;
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let signed = Signed { id: text(ID)?, timestamp: text(TIMESTAMP)?.parse().ok()?, body };
        let (signatures, now) = (text(SIGNATURE)?, now().timestamp());
        let is_theirs = |(id, _source): &&(uuid::Uuid, String)| {
            let secrets = keys.secrets(Purpose::Event, tenant.id.0, *id);
            signed.verify(signatures, &secrets, now).is_ok()
        };
        signers.iter().find(is_theirs).map(|(_id, source)| source.clone())
    }
}

/// The event as it would have come on NATS.
fn received(
    handle: &str,
    source: &str,
    topic: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Received, Problem> {
    let subject = EventSubject::build(handle, source, topic).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, Some(ErrorCode::EventSubject), error.to_string())
    })?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut kept = Vec::new();
    // Of the ids that there are the event's own goes first; each try has the same.
    let id = text(header::EVENT_ID).or_else(|| text(ID)).or_else(|| text("idempotency-key"));
    kept.extend(id.map(|id| (header::EVENT_ID.to_owned(), id)));
    kept.extend(text(header::EVENT_TIME).map(|at| (header::EVENT_TIME.to_owned(), at)));
    let media = text(http_header::CONTENT_TYPE.as_str());
    kept.extend(media.map(|media| (header::CONTENT_TYPE.to_owned(), media)));
    kept.extend(trace::current().map(|parent| (trace::TRACEPARENT.to_owned(), parent)));
    Ok(Received { subject, headers: kept, body: body.to_vec(), stored_at: now() })
}

/// Whether it will be taken; its id.
fn check(tenant: &Tenant, received: &Received) -> Result<String, Problem> {
    let wrong = |code, error: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, Some(code), error);
    let subject = EventSubject::parse(&received.subject)
        .map_err(|error| wrong(ErrorCode::EventSubject, error.to_string()))?;
    let opened =
        Opened::of(received, &subject.topic).map_err(|error| wrong(error.code(), error.to_string()))?;
    let tenant = TenantRef { id: tenant.id, handle: tenant.handle.clone() };
    let event = opened.event(&tenant, &subject, received.stored_at);
    routes::lead(&event).map_err(|error| wrong(error.code(), error.to_string()))?;
    Ok(opened.event_id.into_owned())
}
