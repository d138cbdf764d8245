//! A shop has changed what the app may do in it (`app/scopes_update`).
//!
//! Effect: what is told to the shop about credit waits while the app may not, and goes on when it may again.

use std::time::Duration;

use serde_json::json;
use tradeup_proto::job_kind::{HANDLE_SCOPES_UPDATED, PUSH_STORE_CREDIT};
use tradeup_proto::{JobKind, v1};
use tradeup_shopify::webhook::ScopesChanged;
use tradeup_store::audit::Actor;
use tradeup_store::pauses::{self, Scope};
use tradeup_store::tenants;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop;

/// Without it no credit can be told.
const CREDIT_SCOPE: &str = "write_store_credit_account_transactions";

/// The task.
pub(crate) struct HandleScopesUpdated;

impl Task for HandleScopesUpdated {
    const KIND: JobKind = HANDLE_SCOPES_UPDATED;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let mut told = shop::told(context, &input).await?;
        if told.is_uninstalled() {
            return Ok(told.uninstalled());
        }
        let body = ScopesChanged::decode(&told.body).map_err(|error| shop::unreadable(&error))?;
        let tenant = told.tenant.id;
        if !tenants::note_scopes(&mut told.tx, tenant, &body.current, body.at.unwrap_or(told.at)).await? {
            return Ok(told.nothing("older_than_known"));
        }
        let lacks = !body.current.iter().any(|scope| scope == CREDIT_SCOPE);
        let needs = lacks && told.tenant.wallet != "none";
        let scope =
            Scope { tenant: Some(tenant), task: Some(PUSH_STORE_CREDIT.task.to_owned()), dependency: None };
        let actor = Actor {
            name: context.claim.task.clone(),
            reason: Some(format!("the shop has taken the scope {CREDIT_SCOPE} from the app")),
        };
        if needs {
            pauses::place(&mut told.tx, &scope, None, &actor).await?;
        } else {
            pauses::lift_own(&mut told.tx, &scope, &actor).await?;
        }
        let outcome = if needs { "paused" } else { "noted" };
        let result = json!({ "outcome": outcome, "scopes": body.current });
        Ok(Applied::done(told.tx).with_result(result))
    }
}
