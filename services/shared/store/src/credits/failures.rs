//! Members for whom something failed, while the others of their batch got what was theirs.

use tradeup_domain::ErrorCode;
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// Records a member's failure; the first of a run counts.
///
/// # Errors
/// As any statement.
pub async fn record(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
    member: Uuid,
    code: ErrorCode,
    reason: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into member_failures (tenant_id, run_id, member_id, code, reason) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, run_id, member_id) do nothing",
        tenant as TenantId,
        run_id as RunId,
        member,
        code.as_str(),
        reason,
    )
    .execute(db)
    .await
    .doing("recording a member's failure")
    .map(drop)
}

/// A member whose credit failed, and why.
#[derive(Clone, Debug)]
pub struct MemberFailure {
    /// The member.
    pub member_id: Uuid,
    /// The member's Shopify customer id.
    pub external_id: String,
    /// The run of the batch.
    pub run_id: RunId,
    /// Error code.
    pub code: String,
    /// What happened.
    pub reason: String,
}

/// Members of the tenant whose credit failed below `run_id`, at most `limit`.
///
/// # Errors
/// As any statement.
pub async fn member_failures(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
    limit: i64,
) -> Result<Vec<MemberFailure>, StoreError> {
    sqlx::query_as!(
        MemberFailure,
        r#"select f.member_id, m.external_id, f.run_id as "run_id: RunId", f.code, f.reason
           from member_failures f
           join runs r on r.id = f.run_id
           join members m on m.tenant_id = f.tenant_id and m.id = f.member_id
           where f.tenant_id = $1 and (r.id = $2 or r.parent_id = $2 or r.root_id = $2)
           order by f.member_id limit $3"#,
        tenant as TenantId,
        run_id as RunId,
        limit,
    )
    .fetch_all(db)
    .await
    .doing("listing failures of members")
}
