//! Begins a campaign that a person has approved: draws its members, plans them into batches, releases the first of them.
//!
//! Triggered by the approval, in its transaction. Effect: who is treated and who is held out, decided once; batches. Money
//! moves in the batches.

use chrono::TimeDelta;
use serde_json::json;
use tradeup_domain::{ErrorCode, zone};
use tradeup_proto::job_kind::{CAMPAIGN_BATCH, START_CAMPAIGN};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::batches::Members;
use tradeup_store::campaigns::{self, CampaignId, Started};
use tradeup_worker::TaskError;
use tradeup_worker::planning::{ACTIVE, Planned, PlansBatches, TenantRun};

/// The task.
pub(crate) struct StartCampaign;

impl PlansBatches for StartCampaign {
    const KIND: JobKind = START_CAMPAIGN;
    type Input = v1::StartCampaign;

    async fn plan(&self, mut run: TenantRun<'_>, input: &Self::Input) -> Result<Planned, TaskError> {
        let invalid = |text: String| TaskError::permanent(ErrorCode::InvalidInput, text);
        let id = CampaignId::from_bytes(&input.campaign_id)
            .ok_or_else(|| invalid("field campaign_id is no id of a campaign; it has 16 bytes".to_owned()))?;
        let tenant = run.tenant(ACTIVE).await?;
        let settings = tenant.settings()?;
        let (started_at, days) = match campaigns::start(run.tx, tenant.id, id).await? {
            Started::NotFound => {
                return Err(invalid(
                    "field campaign_id names a campaign that the tenant does not have".to_owned(),
                ));
            }
            Started::SnapshotGone => {
                return Err(invalid(
                    "the members that the plan looked at are not kept any more; ask for a new plan"
                        .to_owned(),
                ));
            }
            Started::OtherCurrency(shops) => {
                return Err(TaskError::permanent(
                    ErrorCode::TenantSettings,
                    format!(
                        "the shop's currency is {shops} now, the campaign's is another; ask for a new plan"
                    ),
                ));
            }
            Started::Stopped => {
                return Ok(Planned::Nothing(json!({ "outcome": "stopped" })));
            }
            Started::Begun { treated, held_out, started_at, credit_ends_within_days, .. } => {
                tracing::info!(campaign = %id, treated, held_out, "{treated} members, {held_out} held out");
                if treated == 0 {
                    let result = json!({ "outcome": "nobody", "treated": 0, "held_out": held_out });
                    return Ok(Planned::Nothing(result));
                }
                (started_at, credit_ends_within_days)
            }
        };
        // The end of the day in the shop's zone, as members are told it.
        let expires_at = (days > 0).then(|| {
            let last_day =
                (started_at + TimeDelta::days(i64::from(days))).with_timezone(&settings.zone).date_naive();
            zone::end_of_day(settings.zone, last_day)
        });
        let ends_at = expires_at.map(|at| zone::with_grace(settings.zone, at, settings.grace_days));
        let payload = v1::CampaignBatch {
            campaign_id: input.campaign_id.clone(),
            acts_at: Some(convert::timestamp(started_at)),
            expires_at: expires_at.map(convert::timestamp),
            ends_at: ends_at.map(convert::timestamp),
        }
        .encode_to_vec();
        run.in_batches(Members::Campaign { id }, CAMPAIGN_BATCH.task, payload).await
    }
}
