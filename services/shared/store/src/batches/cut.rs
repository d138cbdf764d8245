//! Cutting a run's members into batches.

use chrono::{DateTime, Utc};

use super::BatchPlan;
use crate::campaigns::CampaignId;
use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// Whom a run is about.
#[derive(Clone, Copy, Debug)]
pub enum Members {
    /// Those who are in a tier.
    Active {
        /// As of then.
        as_of: DateTime<Utc>,
    },
    /// Those with credit left in lots that have ended.
    WithEndedLots {
        /// By then.
        as_of: DateTime<Utc>,
    },
    /// Those with credit left in lots that are about to end, and who were not warned of it.
    ToBeWarned {
        /// Within so many days from then as the warning is ahead.
        as_of: DateTime<Utc>,
    },
    /// Those with an account, whose wallet at the shop is looked at.
    WithAccounts,
    /// Those whose tier has to be looked at.
    TierReview {
        /// As of then.
        as_of: DateTime<Utc>,
        /// Since when what could raise somebody is looked at.
        since: Option<DateTime<Utc>>,
    },
    /// Those for whom a campaign does something, and has not yet.
    Campaign {
        /// The campaign.
        id: CampaignId,
    },
    /// Those whom a run has granted something, by itself or by what is below it.
    GrantedBy {
        /// The run.
        run_id: RunId,
    },
}

/// Batches of a run that were cut, which [`super::plan`] has to follow: in the same transaction, or they are nobody's.
#[derive(Clone, Debug)]
#[must_use]
pub struct Cut {
    /// How they are executed.
    pub plan: BatchPlan,
    /// How many were cut now; none of those that were cut before.
    pub batches: u64,
}

/// Cuts the members whom the run `run_id` is about into batches of so many. Doing it twice cuts nothing new.
///
/// # Errors
/// As any statement.
pub async fn cut(
    db: &mut Connection,
    run_id: RunId,
    members: Members,
    batch_members: i32,
    plan: BatchPlan,
) -> Result<Cut, StoreError> {
    let (tenant, size) = (plan.tenant, i64::from(batch_members));
    let query = match members {
        Members::Active { as_of } => {
            sqlx::query_file!("src/batches/cut_monthly.sql", tenant as TenantId, run_id as RunId, as_of, size)
        }
        Members::WithEndedLots { as_of } => sqlx::query_file!(
            "src/batches/cut_expiration.sql",
            tenant as TenantId,
            run_id as RunId,
            as_of,
            size
        ),
        Members::ToBeWarned { as_of } => sqlx::query_file!(
            "src/batches/cut_warnings.sql",
            tenant as TenantId,
            run_id as RunId,
            as_of,
            size
        ),
        Members::WithAccounts => {
            sqlx::query_file!("src/batches/cut_wallets.sql", tenant as TenantId, run_id as RunId, size)
        }
        Members::TierReview { as_of, since } => sqlx::query_file!(
            "src/batches/cut_tier_review.sql",
            tenant as TenantId,
            run_id as RunId,
            as_of,
            since,
            size
        ),
        Members::Campaign { id } => sqlx::query_file!(
            "src/batches/cut_campaign.sql",
            tenant as TenantId,
            run_id as RunId,
            id as CampaignId,
            size
        ),
        Members::GrantedBy { run_id: granting } => sqlx::query_file!(
            "src/batches/cut_reversal.sql",
            tenant as TenantId,
            run_id as RunId,
            granting as RunId,
            size
        ),
    };
    let batches = query.execute(db).await.doing("cutting members into batches")?.rows_affected();
    Ok(Cut { plan, batches })
}
