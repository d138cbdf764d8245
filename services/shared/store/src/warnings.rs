//! Warnings of credit that is about to end: which lot is in which mail. Each lot and end is claimed once.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::batches::BatchCounts;
use crate::credits::{MemberBatch, Scope};
use crate::error::{Doing, StoreError};
use crate::ids::new_ids;
use crate::runs::BatchRange;
use crate::{Connection, RunId, TenantId};

/// Most mails of one batch, for which ids are made ahead; any more get one from the database.
const IDS: usize = 128;

/// What a batch of warnings is about.
#[derive(Clone, Copy, Debug)]
pub struct WarningBatch {
    /// The tenant.
    pub tenant: TenantId,
    /// The run that executes the batch.
    pub run_id: RunId,
    /// Lots that end within 7 days from then, and have not ended yet.
    pub as_of: DateTime<Utc>,
    /// Which members.
    pub range: BatchRange,
}

impl MemberBatch for WarningBatch {
    fn scope(&self) -> Scope {
        Scope { tenant: self.tenant, run_id: self.run_id, range: self.range }
    }

    /// Claims the warnings and writes down the mails, to be sent once this has committed. Moves no money.
    /// The counts are those of the claims; what becomes of the mails, [`crate::digests::tally`] knows.
    async fn apply(&self, db: &mut Connection, range: BatchRange) -> Result<BatchCounts, StoreError> {
        let row = sqlx::query_file!(
            "src/warnings/claim.sql",
            self.tenant as TenantId,
            self.run_id as RunId,
            range.first,
            range.last,
            self.as_of,
            &new_ids(IDS),
        )
        .fetch_one(db)
        .await
        .doing("claiming warnings")?;
        let members = range.members.max(row.written + row.suppressed);
        Ok(BatchCounts {
            members,
            affected: row.written,
            exempt: row.suppressed,
            already_done: members - row.written - row.suppressed,
            ..BatchCounts::default()
        })
    }

    async fn members(&self, db: &mut Connection) -> Result<Vec<Uuid>, StoreError> {
        sqlx::query_scalar!(
            "select distinct member_id from lots
             where tenant_id = $1 and member_id between $2 and $3 and remaining_minor > held_minor
                 and remaining_minor > 0 and expires_at > now() and expires_at <= $4::timestamptz + interval '7 days'
             order by member_id",
            self.tenant as TenantId,
            self.range.first,
            self.range.last,
            self.as_of
        )
        .fetch_all(db)
        .await
        .doing("listing members with lots about to end")
    }
}
