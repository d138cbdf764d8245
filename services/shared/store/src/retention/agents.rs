//! What agents leave behind: what they were told and answered, tries that nobody comes back to, plans nobody decides on.

use super::Keep;
use crate::agent_runs;
use crate::error::{Doing, StoreError};
use crate::{Pool, RunId, TenantId, Tx, plans};

/// Runs that one call sees to at most.
const RUNS_MAX: i64 = 50;
/// No request is waited for as long as this, in minutes: whoever made an older try is gone.
const TRY_MINUTES: i32 = 60;

/// Settles tries that nobody comes back to, expires plans on which nobody has decided, and erases what agents were told
/// and answered in runs that began that long ago. Returns how many runs that was.
pub(super) async fn keep(pool: &Pool, tenant: TenantId, keep: Keep) -> Result<u64, StoreError> {
    settle_left(pool, tenant).await?;
    let mut tx = Tx::of_tenant(pool, tenant).await?;
    plans::expire(&mut tx, tenant).await?;
    let erased = sqlx::query_file_scalar!(
        "src/retention/erase_agent_bodies.sql",
        tenant as TenantId,
        keep.body_days,
        RUNS_MAX,
    )
    .fetch_one(&mut *tx)
    .await
    .doing("erasing what agents were told")?;
    tx.commit().await?;
    Ok(u64::try_from(erased).unwrap_or(0))
}

/// A run that was cancelled, or that nobody resumes, leaves tries open: what they have reserved would lessen what the
/// shop may spend until the month is over.
async fn settle_left(pool: &Pool, tenant: TenantId) -> Result<(), StoreError> {
    let mut tx = Tx::of_tenant(pool, tenant).await?;
    let left =
        sqlx::query_file_scalar!("src/retention/tries_left.sql", tenant as TenantId, TRY_MINUTES, RUNS_MAX,)
            .fetch_all(&mut *tx)
            .await
            .doing("looking for tries that were left")?;
    tx.commit().await?;
    for run_id in left {
        let mut tx = Tx::of_tenant(pool, tenant).await?;
        agent_runs::settle_left(&mut tx, tenant, run_id, TRY_MINUTES).await?;
        tx.commit().await?;
    }
    Ok(())
}
