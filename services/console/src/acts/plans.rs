//! What is decided of what the agents propose.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use tradeup_store::Tx;
use tradeup_store::plans::{self, Decided};
use utoipa::ToSchema;

use super::{Operator, Said, done};
use crate::Console;
use crate::api::document::{PlanPath, Problems};
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
    let decided = plans::decide(&mut tx, shop.id, run, of, verdict, &actor).await?;
    tx.commit().await?;
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
    };
    let value = json!({ "campaign": what.campaign, "state": verdict.as_str(), "new": is_new });
    Ok(done(&format!("/shops/{}/plans/{run}", shop.handle), value))
}
