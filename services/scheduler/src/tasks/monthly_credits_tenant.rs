//! One tenant's part of a monthly run: decides the terms, plans the members into batches, releases
//! the first window of them.
//!
//! A tenant whose rules can't say what its members are owed fails here, alone and before any money
//! has moved.

use tradeup_domain::ErrorCode;
use tradeup_domain::monthly::{self, GrantTerms};
use tradeup_proto::job_kind::{MONTHLY_CREDITS_BATCH, MONTHLY_CREDITS_TENANT};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::batches::Members;
use tradeup_store::{imports, tiers};
use tradeup_worker::TaskError;

use crate::fan_out::{self, ACTIVE, Planned, PlansBatches, TenantRun};

/// The task.
pub(crate) struct MonthlyCreditsTenant;

impl PlansBatches for MonthlyCreditsTenant {
    const KIND: JobKind = MONTHLY_CREDITS_TENANT;
    // Who was known when it was planned is promised: nobody may become known meanwhile.
    const HOLDS_MEMBERSHIPS: bool = true;
    type Input = v1::MonthlyCreditsTenant;

    async fn plan(&self, mut run: TenantRun<'_>, input: &Self::Input) -> Result<Planned, TaskError> {
        let period = convert::period(&input.period)?;
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let issued_at = convert::instant("issued_at", input.issued_at.as_ref())?;

        let tenant = run.tenant(ACTIVE).await?;
        let shadow = fan_out::is_in_shadow(&tenant);
        let theirs = !shadow && tenant.live_since.is_some_and(|live| as_of < live);
        if theirs && !imports::is_complete(run.tx, tenant.id, &input.period).await? {
            return Err(TaskError::permanent(
                ErrorCode::BeforeCutOver,
                format!(
                    "{} was due before the shop's cut-over, and what the former system issued of it was not brought \
                     over in full; use `tradeup import credits` first, or members get it twice",
                    input.period
                ),
            ));
        }
        let settings = tenant.settings()?;
        let without = tiers::without_amount(run.tx, tenant.id, &tenant.currency, as_of).await?;

        let GrantTerms { expires_at, ends_at } = monthly::decide_terms(
            period,
            issued_at,
            settings.currency.code(),
            settings.zone,
            settings.validity,
            settings.grace_days,
            &without,
        )?;

        run.note_shadow(&tenant).await?;
        let payload = v1::MonthlyCreditsBatch {
            period: input.period.clone(),
            as_of: input.as_of,
            expires_at: expires_at.map(convert::timestamp),
            ends_at: ends_at.map(convert::timestamp),
            shadow,
        }
        .encode_to_vec();
        let members = Members::Active { as_of };
        run.in_batches(members, MONTHLY_CREDITS_BATCH.task, payload).await
    }
}
