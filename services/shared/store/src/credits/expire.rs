//! What is left of lots that have ended.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::batch::{MemberBatch, Scope};
use crate::batches::BatchCounts;
use crate::error::{Doing, StoreError};
use crate::ids::new_ids;
use crate::runs::BatchRange;
use crate::{Connection, RunId, TenantId, accounts};

/// What a batch of the expiration is about. It is of one currency, which its row has.
#[derive(Clone, Copy, Debug)]
pub struct ExpirationBatch {
    /// The tenant.
    pub tenant: TenantId,
    /// The run that executes the batch.
    pub run_id: RunId,
    /// Lots that have ended by then.
    pub as_of: DateTime<Utc>,
    /// Which members.
    pub range: BatchRange,
}

impl MemberBatch for ExpirationBatch {
    const MOVES: Option<&'static str> = Some("expiration");

    fn scope(&self) -> Scope {
        Scope { tenant: self.tenant, run_id: self.run_id, range: self.range }
    }

    /// Books what is left of ended lots as expired, each as of its own end: nothing of a lot that is
    /// authorised for a checkout. The accounts are locked in a statement of their own, so that the next
    /// one sees what a spend that was under way has left (loyalty reference §2.4, E8).
    async fn apply(&self, db: &mut Connection, range: BatchRange) -> Result<BatchCounts, StoreError> {
        let locked = sqlx::query_file!(
            "src/credits/lock_ended.sql",
            self.tenant as TenantId,
            self.run_id as RunId,
            range.first,
            range.last,
            self.as_of,
        )
        .fetch_one(&mut *db)
        .await
        .doing("locking accounts with ended lots")?;
        if let Some(currency) = locked.currency {
            accounts::guard(db, self.tenant, &locked.members, &currency).await?;
        }
        let row = sqlx::query_file!(
            "src/credits/expire.sql",
            self.tenant as TenantId,
            self.run_id as RunId,
            &locked.members,
            self.as_of,
            &new_ids(usize::try_from(locked.lots).unwrap_or(0)),
        )
        .fetch_one(db)
        .await
        .doing("expiring lots")?;
        Ok(BatchCounts::of_affected(range.members, row.members, row.expired_minor, row.currency))
    }

    async fn members(&self, db: &mut Connection) -> Result<Vec<Uuid>, StoreError> {
        sqlx::query_scalar!(
            "select distinct member_id from lots
             where tenant_id = $1 and member_id between $2 and $3 and ends_at <= $4 and remaining_minor > 0
                 and remaining_minor > held_at(held_minor, tenant_id, id, clock_timestamp())
             order by member_id",
            self.tenant as TenantId,
            self.range.first,
            self.range.last,
            self.as_of
        )
        .fetch_all(db)
        .await
        .doing("listing members with ended lots")
    }
}
