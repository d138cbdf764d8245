//! Why a member did or did not get a period's credit: from the schedule's decision to the entry, or to the
//! rule that said no.

mod story;

use chrono::{DateTime, Utc};
use tradeup_domain::Period;
use uuid::Uuid;

pub use story::Story;

use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// What there is to say about a member and a period. Each step is there once it has been reached.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Whether the fire was decided about, and how: `fired`, `late`, `missed`, `paused` and so on.
    pub decision: Option<String>,
    /// The run over all tenants.
    pub root_run: Option<RunId>,
    /// Its state.
    pub root_state: Option<String>,
    /// The tenant's run.
    pub tenant_run: Option<RunId>,
    /// Its state.
    pub tenant_state: Option<String>,
    /// Its error.
    pub tenant_error: Option<String>,
    /// When it planned its members.
    pub planned_at: Option<DateTime<Utc>>,
    /// The batch that the member is in.
    pub batch_run: Option<RunId>,
    /// Its state.
    pub batch_state: Option<String>,
    /// Its error.
    pub batch_error: Option<String>,
    /// The member's tier as of the period.
    pub tier: Option<String>,
    /// `active`, `paused` or `cancelled`, as of the period.
    pub membership: Option<String>,
    /// What decided the tier: `import`, `manual` or `spend`.
    pub source: Option<String>,
    /// Since when.
    pub member_since: Option<DateTime<Utc>>,
    /// When we learnt of it.
    pub learnt_at: Option<DateTime<Utc>>,
    /// The tier's amount as of the period, in minor units.
    pub amount_minor: Option<i64>,
    /// The member's own failure in the batch.
    pub failure: Option<String>,
    /// The lot.
    pub lot_id: Option<Uuid>,
    /// What it was granted, in minor units.
    pub granted_minor: Option<i64>,
    /// What is left of it, in minor units.
    pub remaining_minor: Option<i64>,
    /// What the system that issued it calls it, if it was another.
    pub imported_as: Option<String>,
    /// What the run would have granted, in shadow, in minor units.
    pub shadow_minor: Option<i64>,
    /// The tenant's run was planned in shadow.
    pub in_shadow: bool,
    /// The run that granted it.
    pub granted_by: Option<RunId>,
    /// When it was booked.
    pub booked_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub ends_at: Option<DateTime<Utc>>,
}

/// Reads what there is about a member and a period, which is due at `as_of`.
///
/// # Errors
/// As any statement.
pub async fn monthly(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
    period: Period,
    as_of: DateTime<Utc>,
) -> Result<Explanation, StoreError> {
    sqlx::query_file_as!(
        Explanation,
        "src/explain/monthly.sql",
        tenant as TenantId,
        member_id,
        period.to_string(),
        as_of
    )
    .fetch_one(db)
    .await
    .doing("explaining a monthly credit")
}
