//! Tries that nobody comes back to: whoever made them has lost the run, or the run has ended.

use super::{Lease, attempts};
use crate::error::{Doing, StoreError};
use crate::{RunId, TenantId, Tx};

/// Settles a run's tries that are open for so many minutes: it was cancelled, or nobody takes it up again.
pub(crate) async fn settle_left(
    tx: &mut Tx,
    tenant: TenantId,
    run_id: RunId,
    minutes: i32,
) -> Result<(), StoreError> {
    let epoch = sqlx::query_scalar!(
        "select epoch from agent_runs where tenant_id = $1 and run_id = $2 for update",
        tenant as TenantId,
        run_id as RunId,
    )
    .fetch_optional(&mut **tx)
    .await
    .doing("holding an agent run")?;
    match epoch {
        Some(epoch) => forsake(tx, &Lease { tenant, run_id, epoch }, minutes).await,
        None => Ok(()),
    }
}

/// Tries that are open for so many minutes and that nobody comes back to, whoever made them: what had not left is free
/// again, what had is unknown. Called with the run's row held.
pub(super) async fn forsake(tx: &mut Tx, lease: &Lease, minutes: i32) -> Result<(), StoreError> {
    let left = sqlx::query!(
        "update model_attempts set state = case state when 'sent' then 'unknown' else 'rejected' end,
             error_code = 'TU0706', error = 'whoever had the run before did not come to its end',
             ended_at = clock_timestamp()
         where tenant_id = $1 and run_id = $2 and state in ('reserved', 'sent')
             and reserved_at <= clock_timestamp() - make_interval(mins => $3)
         returning state, reserved_nano, day",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        minutes,
    )
    .fetch_all(&mut **tx)
    .await
    .doing("ending tries that were left")?;
    for try_left in left {
        let unknown_nano = if try_left.state == "unknown" { try_left.reserved_nano } else { 0 };
        attempts::settle(tx, lease, try_left.day, try_left.reserved_nano, unknown_nano, unknown_nano).await?;
    }
    Ok(())
}
