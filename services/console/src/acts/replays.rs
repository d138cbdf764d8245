//! Events of a shop that go through their tasks again: a preview first, which changes nothing.

use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use tradeup_domain::replay::Mode;
use tradeup_store::runs::{self, Trigger};
use tradeup_store::{TenantRef, Tx, audit, schedules};
use tradeup_worker::Relay;
use tradeup_worker::trigger::replay_events;
use utoipa::ToSchema;
use uuid::Uuid;

use super::operator::Counted;
use super::{Operator, Said, done};
use crate::Console;
use crate::access::Who;
use crate::api::document::{Problems, ReplayPath, ShopPath};
use crate::failure::Failure;
use crate::views::replay::{Which, begun};
use crate::views::runs::instant;
use crate::views::said;
use crate::views::tenants::{self, Shop};
use crate::views::when::When;

/// Which events of a shop: one, or all that match.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    /// This event.
    #[serde(default)]
    event: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    topic: String,
    /// An order or a customer, by the shop's own id.
    #[serde(default)]
    about: String,
    /// Received from then on.
    #[serde(default)]
    from: String,
    /// Received before then; now, if it is not said.
    #[serde(default)]
    until: String,
}

impl Told {
    fn which(&self, now: DateTime<Utc>) -> Result<Which, Failure> {
        let event = said(&self.event).map(|id| {
            id.parse::<Uuid>().map_err(|_no_id| Failure::Invalid {
                field: "event",
                why: format!("{id:?} is no event's id"),
            })
        });
        let which = Which {
            from: instant("from", &self.from)?.unwrap_or(DateTime::UNIX_EPOCH),
            until: instant("until", &self.until)?.unwrap_or(now).min(now),
            source: said(&self.source),
            topic: said(&self.topic),
            about: said(&self.about),
            ids: event.transpose()?.into_iter().collect(),
        };
        let narrows = [&self.event, &self.source, &self.topic, &self.about, &self.from];
        if narrows.into_iter().all(|field| said(field).is_none()) {
            let why = "say which events: event, source, topic, about or from".to_owned();
            return Err(Failure::Invalid { field: "event", why });
        }
        if which.from >= which.until {
            return Err(Failure::Invalid { field: "from", why: "it is not before until, or now".to_owned() });
        }
        Ok(which)
    }
}

/// A shop whose events can be replayed.
async fn replayable(console: &Console, who: &Who, handle: &str) -> Result<Shop, Failure> {
    let shop = tenants::one(console.worker.pool(), who, handle).await?;
    if shop.state == "uninstalled" {
        let why = "The shop has uninstalled the app: its ledger stands still, and no event changes it.";
        return Err(Failure::Conflict(why.to_owned()));
    }
    Ok(shop)
}

/// Shows what a replay of events would change: each goes through its task, and nothing of it is kept. The answer names
/// the run.
#[utoipa::path(post, path = "/api/v1/shops/{handle}/replays", params(ShopPath), request_body = Said<Told>,
    responses((status = 200, description = "It has begun.", body = Object), Problems))]
pub(crate) async fn preview_replay(
    State(console): State<Console>,
    Path(handle): Path<String>,
    operator: Operator<Told>,
) -> Result<Response, Failure> {
    let shop = replayable(&console, &operator.who, &handle).await?;
    let mut tx = Tx::of_tenant(console.worker.pool(), shop.id).await?;
    let now = schedules::now(&mut tx).await?;
    let which = operator.what.which(now)?;
    let events = which.count(&mut tx, shop.id).await?;
    if events == 0 {
        return Err(Failure::Conflict("No such event can be replayed.".to_owned()));
    }
    let of = TenantRef { id: shop.id, handle: shop.handle.clone() };
    let by = Trigger::Manual(operator.who.name.clone());
    let created = runs::create(&mut tx, replay_events(of, &which.input(true), now, by)).await?;
    tx.commit().await?;
    // Without NATS the scheduler's sweep publishes it.
    Relay::new(console.worker.broker().clone()).publish_jobs(created.message.as_slice()).await;
    let value = json!({ "run_id": created.run_id.to_string(), "events": events, "preview": true });
    Ok(done(&format!("/shops/{}/replays/{}", shop.handle, created.run_id), value))
}

/// Replays the events of a preview that has ended. What was done is found done, and nothing takes effect twice. Needs
/// `reason` and `count`, the number of events.
#[utoipa::path(post, path = "/api/v1/shops/{handle}/replays/{id}/start", params(ReplayPath),
    request_body = Said<Counted>,
    responses((status = 200, description = "It has begun.", body = Object), Problems))]
pub(crate) async fn start_replay(
    State(console): State<Console>,
    Path((handle, given)): Path<(String, String)>,
    operator: Operator<Counted>,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let pool = console.worker.pool();
    let shop = replayable(&console, &operator.who, &handle).await?;
    let (previewed, mode, which) = begun(pool, &operator.who, &shop, &given).await?;
    if mode != Mode::Preview {
        return Err(Failure::Conflict("This is a replay already, and no preview of one.".to_owned()));
    }
    if previewed.finished_at.is_none() {
        return Err(Failure::Conflict("The preview has not ended: wait for what it shows.".to_owned()));
    }
    let mut tx = Tx::of_tenant(pool, shop.id).await?;
    let events = which.count(&mut tx, shop.id).await?;
    operator.counts(&operator.what.count, events)?;
    if events == 0 {
        return Err(Failure::Conflict("No such event is there any more.".to_owned()));
    }
    let now = schedules::now(&mut tx).await?;
    let of = TenantRef { id: shop.id, handle: shop.handle.clone() };
    let new = replay_events(of, &which.input(false), now, Trigger::Manual(operator.who.name.clone()));
    let ids: Vec<String> = which.ids.iter().map(Uuid::to_string).collect();
    let subject = json!({ "tenant": shop.handle, "key": new.key, "events": events,
        "from": When(which.from).machine(), "until": When(which.until).machine(), "source": which.source,
        "topic": which.topic, "about": which.about, "ids": ids, "preview": previewed.run_id.to_string() });
    let created = runs::create(&mut tx, new).await?;
    audit::record(&mut tx, &actor, "replay", &subject).await?;
    tx.commit().await?;
    // Without NATS the scheduler's sweep publishes it.
    Relay::new(console.worker.broker().clone()).publish_jobs(created.message.as_slice()).await;
    let value = json!({ "run_id": created.run_id.to_string(), "events": events, "preview": false });
    Ok(done(&format!("/shops/{}/replays/{}", shop.handle, created.run_id), value))
}
