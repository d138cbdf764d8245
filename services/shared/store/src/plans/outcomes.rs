//! What became of a plan, in one piece.

use tradeup_domain::outcomes::{CarriedOut, Outcomes, ProposalOutcome};

use super::items;
use crate::error::StoreError;
use crate::{Connection, RunId, TenantId, campaigns, kpi_follow_ups};

/// What was decided on each proposal of a plan, what campaigns did and brought, and what KPIs have come to.
///
/// # Errors
/// As any statement.
pub async fn outcomes(db: &mut Connection, tenant: TenantId, run_id: RunId) -> Result<Outcomes, StoreError> {
    let mut carried_out = Vec::new();
    for campaign in campaigns::of_plan(db, tenant, run_id).await? {
        let carried = CarriedOut {
            limit_minor: campaign.limit_minor(),
            members: campaigns::outcomes(db, tenant, campaign.id).await?,
            results: campaigns::results(db, tenant, campaign.id).await?,
            state: campaign.state,
            currency: campaign.currency,
            spent_minor: campaign.spent_minor,
            started_at: campaign.started_at,
            ended_at: campaign.ended_at,
            stopped_by: campaign.stopped_by,
            stop_reason: campaign.stop_reason,
            horizon_days: campaign.horizon_days,
            measured_at: campaign.measured_at,
        };
        carried_out.push((campaign.key, carried));
    }
    let decided = items(db, tenant, run_id).await?.into_iter().map(|item| {
        let at = carried_out.iter().position(|(key, _)| *key == item.key);
        ProposalOutcome {
            carried_out: at.map(|at| carried_out.swap_remove(at).1),
            key: item.key,
            state: item.state,
            decided_by: item.decided_by,
            reason: item.reason,
            decided_at: item.decided_at,
        }
    });
    Ok(Outcomes { campaigns: decided.collect(), kpis: kpi_follow_ups::of_plan(db, tenant, run_id).await? })
}
