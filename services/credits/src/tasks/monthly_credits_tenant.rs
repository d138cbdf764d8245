//! One tenant's part of a monthly run: decides the terms, plans the members into batches, releases
//! the first window of them. Where members are few, it issues their credits itself: they are its one batch.
//!
//! A tenant whose rules can't say what its members are owed fails here, alone and before any money
//! has moved.

use tradeup_domain::monthly::{self, GrantTerms};
use tradeup_domain::{Dependency, ErrorCode};
use tradeup_proto::job_kind::{MONTHLY_CREDITS_BATCH, MONTHLY_CREDITS_TENANT};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::batches::{Members, OwnBatch};
use tradeup_store::credits::{MemberBatch as _, MonthlyBatch};
use tradeup_store::{imports, tiers};
use tradeup_worker::TaskError;
use tradeup_worker::planning::{ACTIVE, Planned, PlansBatches, TenantRun};

use crate::batch;

/// The task.
pub(crate) struct MonthlyCreditsTenant {
    /// Most members to whom it issues their credits itself.
    pub(crate) few_max: i32,
}

impl PlansBatches for MonthlyCreditsTenant {
    const KIND: JobKind = MONTHLY_CREDITS_TENANT;
    // Who was known when it began is promised a credit.
    const AWAITS_MEMBERSHIPS: bool = true;
    type Input = v1::MonthlyCreditsTenant;

    async fn plan(&self, mut run: TenantRun<'_>, input: &Self::Input) -> Result<Planned, TaskError> {
        let period = convert::period(&input.period)?;
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let issued_at = convert::instant("issued_at", input.issued_at.as_ref())?;

        let tenant = run.tenant(ACTIVE).await?;
        let theirs = !tenant.is_in_shadow() && tenant.live_since.is_some_and(|live| as_of < live);
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
        let (members, task) = (Members::Active { as_of }, MONTHLY_CREDITS_BATCH.task);
        let payload = v1::MonthlyCreditsBatch {
            period: input.period.clone(),
            as_of: input.as_of,
            expires_at: expires_at.map(convert::timestamp),
            ends_at: ends_at.map(convert::timestamp),
            shadow: tenant.is_in_shadow(),
        }
        .encode_to_vec();
        let few_max = if tenant.is_in_shadow() { 0 } else { self.few_max };
        let Some(range) = run.few(members, task, Dependency::Ledger, few_max).await? else {
            return run.in_batches(members, task, payload).await;
        };
        let run_id = run.claim.run_id;
        let batch = MonthlyBatch { tenant: tenant.id, run_id, period, as_of, expires_at, ends_at, range };
        let counts = batch.apply(run.tx, range).await?;
        batch::count::<MonthlyBatch>(run.tx, &counts);
        Ok(Planned::OwnBatch(OwnBatch::new(run.batches_of(task, payload), range, counts)))
    }
}
