//! Which changes a review has to look at: those since the one before.

use chrono::{DateTime, Utc};

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// Since when what could raise somebody has to be looked at by the review as of `as_of`: a day before the one
/// before was due, for an import of that time may have been committed after it. `None` if there was none.
///
/// # Errors
/// As any statement.
pub async fn raises_since(
    db: &mut Connection,
    tenant: TenantId,
    as_of: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    // Those that planned their members: the others have looked at nobody.
    sqlx::query_scalar!(
        "select max(scheduled_for) - interval '1 day' from runs
         where task = 'tier-review-tenant' and tenant_id = $1 and scheduled_for < $2
             and state in ('waiting', 'succeeded')",
        tenant as TenantId,
        as_of,
    )
    .fetch_one(db)
    .await
    .doing("looking for the review before")
}
