//! One thing that a shop or another system told: what is kept of it, what followed, and its body for whoever may see it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradeup_access::Act;
use tradeup_proto::{JobKind, json as payload_json};
use tradeup_store::events::{self, EventFilter};
use tradeup_store::runs::{self, RunView};
use tradeup_store::{Pool, RunId, Tx, audit};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::body::Body;
use super::events::Event;
use super::run::seen;
use super::tenants::Shop;
use super::when::When;
use crate::access::Who;
use crate::failure::Failure;

/// Others of the same order or customer that are shown.
const RELATED: u8 = 20;

/// Whether the body is asked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventAsked {
    /// `yes` for the body, which may hold personal data: that somebody has looked is put on record.
    pub(crate) body: String,
}

/// An event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneEvent {
    #[serde(flatten)]
    pub(crate) event: Event,
    pub(crate) content_type: String,
    pub(crate) customer: Option<String>,
    /// The publisher's id of the act that led to it, which other events may share.
    pub(crate) action: Option<String>,
    /// The event that it repeats.
    pub(crate) duplicate_of: Option<String>,
    pub(crate) erased_at: Option<When>,
    /// How long its body is; none if it was erased.
    pub(crate) body_bytes: Option<i32>,
    /// SHA-256 of the body as it was received; it stays when the body goes.
    pub(crate) body_sha256: Option<String>,
    /// Whether whoever asks may see bodies.
    pub(crate) may_read: bool,
    /// The body, if it was asked for and is still there.
    pub(crate) body: Option<Body>,
    /// The task that it was given to.
    pub(crate) task: Option<String>,
    /// What it was decoded into: the run's input.
    pub(crate) input: Option<Value>,
    /// What came of it.
    pub(crate) result: Option<Value>,
    /// Others about the same order or customer, newest first.
    pub(crate) related: Vec<Event>,
}

/// The run that followed, unless it was cleared away by now.
async fn run_of(pool: &Pool, who: &Who, id: Option<RunId>) -> Result<Option<RunView>, Failure> {
    let Some(id) = id else { return Ok(None) };
    match seen(pool, who, id).await {
        Ok(run) => Ok(Some(run)),
        Err(Failure::NotFound) => Ok(None),
        Err(other) => Err(other),
    }
}

impl OneEvent {
    pub(crate) async fn read(
        pool: &Pool,
        who: &Who,
        shop: &Shop,
        given: &str,
        asked: &EventAsked,
    ) -> Result<Self, Failure> {
        let id = given.parse::<Uuid>().map_err(|_no_id| Failure::NotFound)?;
        let wants_body = asked.body == "yes";
        if wants_body {
            who.may(Act::ReadBodies)?;
        }
        let mut tx = Tx::of_tenant(pool, shop.id).await?;
        let this = EventFilter { id: Some(id), ..EventFilter::default() };
        let view = events::list(&mut tx, shop.id, &this, 1).await?.pop().ok_or(Failure::NotFound)?;
        let detail = events::detail(&mut tx, shop.id, id).await?.ok_or(Failure::NotFound)?;
        let mut body = None;
        if wants_body {
            body = events::get(&mut tx, shop.id, id).await?.and_then(|event| event.body);
        }
        if body.is_some() {
            let subject = json!({ "tenant": shop.handle, "event": id.to_string() });
            audit::record(&mut tx, &who.actor(""), "events.read", &subject).await?;
        }
        let mut related = Vec::new();
        if let Some(about) = view.resource.clone().or_else(|| detail.customer.clone()) {
            let same = EventFilter { resource: Some(about), ..EventFilter::default() };
            related = events::list(&mut tx, shop.id, &same, i64::from(RELATED) + 1).await?;
            related.retain(|event| event.id != id);
            related.truncate(RELATED.into());
        }
        // Nobody sees it before that is on record.
        tx.commit().await?;
        let run = run_of(pool, who, view.run_id).await?;
        let (mut task, mut input, mut result) = (None, None, None);
        if let Some(run) = run {
            let kind = JobKind::by_task(&run.task);
            let payload = runs::payload(pool, run.run_id).await?;
            input =
                kind.zip(payload).and_then(|(kind, bytes)| payload_json::from_bytes(kind.input, &bytes).ok());
            (task, result) = (Some(run.task), run.result);
        }
        Ok(Self {
            content_type: view.content_type.clone(),
            customer: detail.customer,
            action: detail.action_id,
            duplicate_of: view.duplicate_of.map(|other| other.to_string()),
            erased_at: view.erased_at.map(When),
            body_bytes: detail.body_bytes,
            body_sha256: detail.body_sha256,
            may_read: who.may(Act::ReadBodies).is_ok(),
            body: body.map(|bytes| Body::of(&bytes)),
            task,
            input,
            result,
            related: related.into_iter().map(Event::of).collect(),
            event: Event::of(view),
        })
    }
}
