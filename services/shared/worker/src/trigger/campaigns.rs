//! Campaigns: a person's approval, and the run that carries out what it is about, in one transaction.

use chrono::{DateTime, Utc};
use tradeup_proto::job_kind::START_CAMPAIGN;
use tradeup_proto::{Message as _, v1};
use tradeup_store::audit::Actor;
use tradeup_store::campaigns::{self, CampaignId};
use tradeup_store::outbox::JobMessage;
use tradeup_store::plans::{self, Decided, Verdict};
use tradeup_store::runs::{self, Trigger};
use tradeup_store::{RunId, StoreError, TenantRef, Tx};

use super::told;

/// Decides on a proposal, and begins the campaign of one that is approved. The message, if there is one, is to be published
/// after the commit; whoever does not leaves it to the relay.
///
/// # Errors
/// As any statement.
pub async fn decide_campaign(
    tx: &mut Tx,
    tenant: &TenantRef,
    plan: RunId,
    (key, hash): (&str, &str),
    verdict: Verdict,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(Decided, Option<JobMessage>), StoreError> {
    let decided = plans::decide(tx, tenant.id, plan, (key, hash), verdict, actor).await?;
    if decided != Decided::Done || verdict != Verdict::Approved {
        return Ok((decided, None));
    }
    let id = CampaignId::of(plan, key);
    let input = v1::StartCampaign { campaign_id: id.0.as_bytes().to_vec() };
    let trigger = Trigger::Manual(actor.name.clone());
    let new = told(START_CAMPAIGN, tenant.clone(), id.to_string(), input.encode_to_vec(), now, trigger);
    let begun = runs::create(tx, new).await?;
    campaigns::approve(tx, tenant.id, (plan, key), begun.run_id, actor).await?;
    Ok((decided, begun.message))
}
