//! Taking back what a run has granted: by entries that say so, never by deleting.

use uuid::Uuid;

use super::batch::{MemberBatch, Scope};
use crate::batches::BatchCounts;
use crate::error::{Doing, StoreError};
use crate::ids::new_ids;
use crate::runs::BatchRange;
use crate::{Connection, RunId, TenantId, accounts};

/// What a batch of a reversal is about. It is of one currency, which its row has.
#[derive(Clone, Copy, Debug)]
pub struct ReversalBatch {
    /// The tenant.
    pub tenant: TenantId,
    /// The run that executes the batch.
    pub run_id: RunId,
    /// The run whose grants are taken back.
    pub granting: RunId,
    /// Whether members owe what they have used of it.
    pub owe_used: bool,
    /// Which members.
    pub range: BatchRange,
}

impl MemberBatch for ReversalBatch {
    const MOVES: Option<&'static str> = Some("reversal");

    fn scope(&self) -> Scope {
        Scope { tenant: self.tenant, run_id: self.run_id, range: self.range }
    }

    /// Adjusts what is left of each lot to nothing, but for what is authorised. A lot is reversed once.
    async fn apply(&self, db: &mut Connection, range: BatchRange) -> Result<BatchCounts, StoreError> {
        let locked = sqlx::query_file!(
            "src/credits/lock_granted.sql",
            self.tenant as TenantId,
            self.run_id as RunId,
            range.first,
            range.last,
            self.granting as RunId,
        )
        .fetch_one(&mut *db)
        .await
        .doing("locking accounts with granted lots")?;
        if let Some(currency) = locked.currency {
            accounts::guard(db, self.tenant, &locked.members, &currency).await?;
        }
        let count = usize::try_from(locked.lots).unwrap_or(0);
        let row = sqlx::query_file!(
            "src/credits/reverse.sql",
            self.tenant as TenantId,
            self.run_id as RunId,
            &locked.members,
            self.granting as RunId,
            &new_ids(count),
            self.owe_used,
            &new_ids(count),
        )
        .fetch_one(db)
        .await
        .doing("reversing grants")?;
        Ok(BatchCounts::of_affected(range.members, row.members, row.reversed_minor, row.currency))
    }

    async fn members(&self, db: &mut Connection) -> Result<Vec<Uuid>, StoreError> {
        sqlx::query_scalar!(
            "select distinct l.member_id from lots l join runs r on r.id = l.run_id
             where l.tenant_id = $1 and l.member_id between $2 and $3
                 and (r.id = $4 or r.parent_id = $4 or r.root_id = $4)
             order by l.member_id",
            self.tenant as TenantId,
            self.range.first,
            self.range.last,
            self.granting as RunId,
        )
        .fetch_all(db)
        .await
        .doing("listing members with granted lots")
    }
}

/// What a reversal would do, for one currency. Amounts are minor units; granted is the sum of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReversalPreview {
    /// ISO 4217 code.
    pub currency: String,
    /// Lots.
    pub lots: i64,
    /// Members.
    pub members: i64,
    /// Granted.
    pub granted_minor: i64,
    /// Left, and to be taken back.
    pub to_reverse_minor: i64,
    /// Authorised for a checkout: stays.
    pub held_minor: i64,
    /// Used already.
    pub used_minor: i64,
    /// Expired, clawed back or adjusted before.
    pub gone_minor: i64,
}

/// What taking back the grants of `granting` would do to the tenant's members.
///
/// # Errors
/// As any statement.
pub async fn preview_reversal(
    db: &mut Connection,
    tenant: TenantId,
    granting: RunId,
) -> Result<Vec<ReversalPreview>, StoreError> {
    sqlx::query_file_as!(
        ReversalPreview,
        "src/credits/preview_reversal.sql",
        tenant as TenantId,
        granting as RunId
    )
    .fetch_all(db)
    .await
    .doing("previewing a reversal")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]
mod tests {
    /// What is previewed is what is planned: each is one statement, so both say which runs' lots it is about.
    #[test]
    fn a_reversal_is_planned_of_the_lots_that_were_previewed() {
        let chosen = |statement: &str, run: &str| {
            let (_, chosen) = statement.split_once("l.run_id in (").unwrap();
            let (chosen, _) = chosen.split_once(')').unwrap();
            chosen.replace(run, "$run").split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let previewed = chosen(include_str!("preview_reversal.sql"), "$2");
        assert!(previewed.starts_with("select id from runs where id = $run"), "{previewed}");
        assert_eq!(previewed, chosen(include_str!("../batches/cut_reversal.sql"), "$3"));
    }
}
