//! Batches of members: all in one statement, or member by member when somebody's data is refused.

use sqlx::Connection as _;
use tradeup_domain::ErrorCode;
use uuid::Uuid;

use super::failures::record;
use crate::batches::BatchCounts;
use crate::error::{Doing, ErrorKind, StoreError};
use crate::runs::BatchRange;
use crate::{Connection, RunId, TenantId};

/// What each batch has.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The tenant.
    pub tenant: TenantId,
    /// The run that executes the batch.
    pub run_id: RunId,
    /// Which members.
    pub range: BatchRange,
}

/// A movement of money for a range of members.
pub trait MemberBatch: Sync {
    /// Which kind of movement it is, if `affected_minor` of its counts is money.
    const MOVES: Option<&'static str> = None;

    /// What it is about.
    fn scope(&self) -> Scope;

    /// Moves the money of the members in `range`, set-based. Doing it again moves nothing new.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if the database refuses somebody's data. Nothing is moved then, and the
    /// transaction is of no more use: begin another and call [`apply_singly`].
    fn apply(
        &self,
        db: &mut Connection,
        range: BatchRange,
    ) -> impl Future<Output = Result<BatchCounts, StoreError>> + Send;

    /// Moves the money of several batches of one tenant, which are in the order of their members. What became of each.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); then nothing of any of them is moved.
    fn apply_together(
        db: &mut Connection,
        batches: &[Self],
    ) -> impl Future<Output = Result<Vec<BatchCounts>, StoreError>> + Send
    where
        Self: Sized,
    {
        apply_one_by_one(db, batches)
    }

    /// The members of the batch's range.
    ///
    /// # Errors
    /// As any statement.
    fn members(&self, db: &mut Connection) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send;
}

/// Applies batches in turn.
pub(super) async fn apply_one_by_one<B: MemberBatch>(
    db: &mut Connection,
    batches: &[B],
) -> Result<Vec<BatchCounts>, StoreError> {
    let mut counts = Vec::with_capacity(batches.len());
    for batch in batches {
        counts.push(batch.apply(db, batch.scope().range).await?);
    }
    Ok(counts)
}

/// Applies a batch member by member, so that one bad row costs one member's money and not a hundred's:
/// it is recorded as that member's failure.
///
/// # Errors
/// As any statement, except what can be pinned on a member.
pub async fn apply_singly<B: MemberBatch>(db: &mut Connection, batch: &B) -> Result<BatchCounts, StoreError> {
    let Scope { tenant, run_id, .. } = batch.scope();
    let mut total = BatchCounts::default();
    for member in batch.members(db).await? {
        let alone = BatchRange { first: member, last: member, members: 1 };
        let mut savepoint = db.begin().await.doing("setting a savepoint")?;
        match batch.apply(&mut savepoint, alone).await {
            Ok(counts) => {
                savepoint.commit().await.doing("releasing a savepoint")?;
                total.add(&counts);
            }
            Err(error) if error.kind() == ErrorKind::Refused => {
                savepoint.rollback().await.doing("rolling back to a savepoint")?;
                record(db, tenant, run_id, member, ErrorCode::MemberRefused, &error.to_string()).await?;
                total.add(&BatchCounts { members: 1, failed: 1, ..BatchCounts::default() });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}
