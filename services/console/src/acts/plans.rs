//! What is decided of what the agents propose.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use tradeup_store::campaigns::{self, CampaignId, Stopped};
use tradeup_store::plans::{self, Decided};
use tradeup_store::schedules::now;
use tradeup_store::{TenantRef, Tx};
use tradeup_worker::Relay;
use tradeup_worker::trigger::decide_campaign;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Nothing, Operator, Said, done};
use crate::Console;
use crate::api::document::{CampaignPath, PlanPath, Problems};
use crate::failure::Failure;
use crate::views::run::id;
use crate::views::tenants;

/// What becomes of a campaign.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CampaignVerdict {
    /// It is carried out.
    Approve,
    /// It is not.
    Reject,
}

/// A decision on one campaign of a plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CampaignDecision {
    /// The campaign's key.
    campaign: String,
    /// Its hash, as it was shown: what has changed since is not decided on.
    hash: String,
    verdict: CampaignVerdict,
}

/// Approves or rejects a campaign that a plan proposes, once, and for exactly what was shown. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/shops/{handle}/plans/{run}/decide", operation_id = "decide_campaign",
    params(PlanPath), request_body = Said<CampaignDecision>,
    responses((status = 200, description = "It is decided.", body = Object), Problems))]
pub(crate) async fn decide(
    State(console): State<Console>,
    Path((handle, given)): Path<(String, String)>,
    operator: Operator<CampaignDecision>,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let pool = console.worker.pool();
    let shop = tenants::one(pool, &operator.who, &handle).await?;
    let run = id(&given)?;
    let what = &operator.what;
    let verdict = match what.verdict {
        CampaignVerdict::Approve => plans::Verdict::Approved,
        CampaignVerdict::Reject => plans::Verdict::Rejected,
    };
    let of = (what.campaign.as_str(), what.hash.as_str());
    let mut tx = Tx::of_tenant(pool, shop.id).await?;
    let tenant = TenantRef { id: shop.id, handle: shop.handle.clone() };
    let at = now(&mut tx).await?;
    let (decided, message) = decide_campaign(&mut tx, &tenant, run, of, verdict, &actor, at).await?;
    tx.commit().await?;
    // Without NATS the scheduler's sweep publishes it.
    Relay::new(console.worker.broker().clone()).publish_jobs(message.as_slice()).await;
    let refused = |why: &str| Err(Failure::Conflict(why.to_owned()));
    let is_new = match decided {
        Decided::Done => true,
        Decided::Already(_) => false,
        Decided::NotFound => return Err(Failure::NotFound),
        Decided::Changed => return refused("It is not what was shown: it has changed. Look at it again."),
        Decided::Closed(state) => return refused(&format!("It is {state} already.")),
        Decided::NotApprovable => {
            return refused("Something about it is not proven: it can only be rejected.");
        }
        Decided::Offline => {
            return refused("It was made offline, and the shop's settings do not let that be approved.");
        }
        Decided::BeyondLimit(passed) => {
            return refused(&format!("Not approved: {passed}. Ask for a new plan, or raise the limit."));
        }
        Decided::Outdated => {
            return refused(
                "It was planned before campaigns could be carried out: what is to be done is not all written down. Ask for \
                 a new plan.",
            );
        }
    };
    let value = json!({ "campaign": what.campaign, "state": verdict.as_str(), "new": is_new });
    Ok(done(&format!("/shops/{}/plans/{run}", shop.handle), value))
}

/// Stops a campaign: nobody whom it has not reached is reached any more, and what is done stays done. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/shops/{handle}/campaigns/{campaign}/stop", operation_id = "stop_campaign",
    params(CampaignPath), request_body = Said<Nothing>,
    responses((status = 200, description = "It is stopped.", body = Object), Problems))]
pub(crate) async fn stop(
    State(console): State<Console>,
    Path((handle, given)): Path<(String, String)>,
    operator: Operator,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let pool = console.worker.pool();
    let shop = tenants::one(pool, &operator.who, &handle).await?;
    let campaign = Uuid::parse_str(&given).map(CampaignId).map_err(|_malformed| Failure::NotFound)?;
    let mut tx = Tx::of_tenant(pool, shop.id).await?;
    let found = campaigns::get(&mut tx, shop.id, campaign).await?.ok_or(Failure::NotFound)?;
    let stopped = campaigns::stop(&mut tx, shop.id, campaign, &actor).await?;
    tx.commit().await?;
    let is_new = match stopped {
        Stopped::Done => true,
        Stopped::Already(_) => false,
        Stopped::NotFound => return Err(Failure::NotFound),
        Stopped::Ended => {
            let why = "It has reached everybody already: what is done stays done.";
            return Err(Failure::Conflict(why.to_owned()));
        }
    };
    let value = json!({ "campaign": campaign.to_string(), "state": "stopped", "new": is_new });
    Ok(done(&format!("/shops/{}/plans/{}", shop.handle, found.run_id), value))
}
