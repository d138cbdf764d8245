//! What shops at Shopify tell: an event opened for the task that handles it, and what several tasks do with it.

pub(crate) mod customer;
pub(crate) mod enrol;
pub(crate) mod order;
pub(crate) mod privacy;

use chrono::{DateTime, Utc};
use serde_json::json;
use tradeup_domain::ErrorCode;
use tradeup_proto::v1;
use tradeup_shopify::webhook::WebhookError;
use tradeup_store::Tx;
use tradeup_store::credits::Asked;
use tradeup_store::tenants::{self, Settings, Tenant};
use tradeup_worker::{Applied, TaskContext, TaskError, ToldEvent, told_event};
use uuid::Uuid;

/// An event under the hand of a task.
pub(crate) struct Told {
    pub(crate) tx: Tx,
    pub(crate) tenant: Tenant,
    pub(crate) settings: Settings,
    /// Our id of the event.
    pub(crate) event: Uuid,
    pub(crate) topic: String,
    /// When it happened, as the shop says, but not after it was received.
    pub(crate) at: DateTime<Utc>,
    pub(crate) body: Vec<u8>,
}

/// Opens the event that a task is to handle.
pub(crate) async fn told(context: &TaskContext, input: &v1::HandleEvent) -> Result<Told, TaskError> {
    let mut tx = context.begin().await?;
    let ToldEvent { id: event, topic, occurred_at, body } = told_event(context, &mut tx, input).await?;
    let tenant = tenants::by_id(&mut tx, context.tenant()?.id)
        .await?
        .ok_or_else(|| TaskError::permanent(ErrorCode::TenantNotActive, "there is no such tenant"))?;
    let settings = tenant.settings()?;
    let at = occurred_at.min(context.claim.scheduled_for);
    Ok(Told { tx, tenant, settings, event, topic, at, body })
}

impl Told {
    /// Whether the shop's ledger stands still, so that nothing of an event is done.
    pub(crate) fn is_uninstalled(&self) -> bool {
        self.tenant.state == "uninstalled"
    }

    /// An instant that a body tells. What is said to be after the event itself is at the event: nothing is decided by
    /// rules that are not in force yet.
    pub(crate) fn by_then(&self, told: Option<DateTime<Utc>>) -> DateTime<Utc> {
        told.map_or(self.at, |at| at.min(self.at))
    }

    /// Nothing is done, and why.
    pub(crate) fn nothing(self, outcome: &str) -> Applied {
        Applied::done(self.tx).with_result(json!({ "outcome": outcome }))
    }

    /// Nothing is done, since the shop has uninstalled the app.
    pub(crate) fn uninstalled(self) -> Applied {
        self.nothing("uninstalled")
    }
}

/// Who asks the ledger, on behalf of a task.
pub(crate) fn asked<'a>(context: &'a TaskContext, told: &Told) -> Asked<'a> {
    Asked {
        tenant: told.tenant.id,
        key: context.claim.effect_key(),
        actor: &context.claim.task,
        reason: None,
        run_id: Some(context.claim.run_id),
        at: Some(context.claim.scheduled_for),
        at_shop: false,
    }
}

/// A body that can't be read stays so.
pub(crate) fn unreadable(error: &WebhookError) -> TaskError {
    TaskError::classified(error)
}
