//! A shop has uninstalled the app (`app/uninstalled`). A late word of it, from before the shop's latest install, changes
//! nothing.
//!
//! Effect: the shop's runs are cancelled, its tokens are not used any more, no schedule fires for it. The ledger stays.

use std::time::Duration;

use serde_json::json;
use tradeup_proto::job_kind::HANDLE_APP_UNINSTALLED;
use tradeup_proto::{JobKind, v1};
use tradeup_shopify::webhook::Uninstalled;
use tradeup_store::audit::{self, Actor};
use tradeup_store::{runs, tenants};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{self, privacy};

/// The task.
pub(crate) struct HandleAppUninstalled;

impl Task for HandleAppUninstalled {
    const KIND: JobKind = HANDLE_APP_UNINSTALLED;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(120);
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let mut told = shop::told(context, &input).await?;
        let body = Uninstalled::decode(&told.body).map_err(|error| shop::unreadable(&error))?;
        privacy::check_shop(&told, &body.domain)?;
        let (tenant, at) = (told.tenant.id, told.at);
        if told.tenant.installed_at.is_some_and(|installed| installed > at) {
            return Ok(told.nothing("older_than_install"));
        }
        if told.is_uninstalled() {
            return Ok(told.nothing("already_uninstalled"));
        }
        tenants::uninstall(&mut told.tx, tenant, at).await?;
        let actor = Actor {
            name: context.claim.task.clone(),
            reason: Some("the shop has uninstalled the app".to_owned()),
        };
        let subject = json!({ "tenant": told.tenant.handle, "event_id": told.event.to_string() });
        audit::record(&mut told.tx, &actor, "tenant.uninstall", &subject).await?;
        // Each in a transaction of its own, and again if this one does not commit: nothing is lost by it.
        let unfinished = runs::unfinished_of(&context.pool, tenant, context.claim.run_id).await?;
        let cancelled = runs::cancel(&context.pool, &unfinished, &actor).await?;
        let result = json!({ "outcome": "uninstalled", "runs_cancelled": cancelled.runs.len() });
        Ok(Applied::done(told.tx).with_result(result))
    }
}
