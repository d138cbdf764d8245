//! One tenant's part of a monthly run: decides the terms, plans the members into batches, releases
//! the first window of them.
//!
//! A tenant whose rules can't say what its members are owed fails here, alone and before any money
//! has moved.

use std::time::Duration;

use tradeup_domain::monthly::{self, GrantTerms, TierInForce};
use tradeup_domain::zone::parse_zone;
use tradeup_domain::{Currency, ErrorCode, Money, Validity};
use tradeup_proto::job_kind::{MONTHLY_CREDITS_BATCH, MONTHLY_CREDITS_TENANT};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::batches::{self, BatchPlan};
use tradeup_store::{tenants, tiers};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

/// The task.
pub(crate) struct MonthlyCreditsTenant;

impl Task for MonthlyCreditsTenant {
    const KIND: JobKind = MONTHLY_CREDITS_TENANT;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::MonthlyCreditsTenant;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let period = convert::period(&input.period)?;
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let issued_at = convert::instant("issued_at", input.issued_at.as_ref())?;
        let tenant_id = context.tenant()?.id;

        let mut tx = context.begin().await?;
        let tenant = tenants::by_id(&mut tx, tenant_id)
            .await?
            .filter(|tenant| tenant.state == "active")
            .ok_or_else(|| TaskError::permanent(ErrorCode::TenantNotActive, "the tenant is not active"))?;
        let settings = Settings::read(&tenant)?;
        let in_force = tiers::as_of(&mut tx, tenant_id, &tenant.currency, as_of).await?;
        let in_force: Vec<TierInForce> = in_force
            .into_iter()
            .map(|tier| TierInForce {
                tier: tier.handle,
                members: tier.members,
                amount: tier
                    .amount_minor
                    .map(|amount_minor| Money { amount_minor, currency: settings.currency }),
            })
            .collect();

        let GrantTerms { expires_at } = monthly::decide_terms(
            period,
            issued_at,
            settings.currency.code(),
            settings.zone,
            settings.validity,
            &in_force,
        )?;

        let payload = v1::MonthlyCreditsBatch {
            period: input.period,
            as_of: input.as_of,
            expires_at: expires_at.map(convert::timestamp),
        }
        .encode_to_vec();
        let plan = BatchPlan {
            task: MONTHLY_CREDITS_BATCH.task,
            payload: &payload,
            release_window: monthly::RELEASE_WINDOW,
        };
        batches::plan_monthly(&mut tx, &context.claim, tenant_id, as_of, monthly::BATCH_MEMBERS, &plan)
            .await?;
        let window = usize::try_from(monthly::RELEASE_WINDOW).unwrap_or(1);
        let released = batches::release(&mut tx, context.claim.run_id, window).await?;
        Ok(Applied::waiting(tx).publishing(released))
    }
}

/// The tenant's settings, as rules understand them.
struct Settings {
    zone: chrono_tz::Tz,
    currency: Currency,
    validity: Validity,
}

impl Settings {
    fn read(tenant: &tenants::Tenant) -> Result<Self, TaskError> {
        let wrong = |error: String| TaskError::permanent(ErrorCode::TenantSettings, error);
        Ok(Self {
            zone: parse_zone(&tenant.zone).map_err(|error| wrong(error.to_string()))?,
            currency: tenant.currency.parse::<Currency>().map_err(|error| wrong(error.to_string()))?,
            validity: tenant.credit_validity.parse::<Validity>().map_err(|error| wrong(error.to_string()))?,
        })
    }
}
