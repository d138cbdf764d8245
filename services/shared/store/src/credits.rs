//! Credits: issuing grants to members.

mod grant;

pub use grant::{Granted, grant, was_asked_for};

use chrono::{DateTime, Utc};
use sqlx::Connection as _;
use tradeup_domain::{ErrorCode, Period};
use uuid::Uuid;

use crate::batches::BatchCounts;
use crate::error::{Doing, ErrorKind, StoreError};
use crate::ids::new_ids;
use crate::runs::BatchRange;
use crate::{Connection, RunId, TenantId};

/// What a batch of monthly credits is about.
#[derive(Clone, Copy, Debug)]
pub struct MonthlyBatch {
    /// The tenant.
    pub tenant: TenantId,
    /// The run that executes the batch.
    pub run_id: RunId,
    /// The period: part of each credit's key.
    pub period: Period,
    /// Tier and membership are read as of then.
    pub as_of: DateTime<Utc>,
    /// When the credits expire; `None` for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Which members.
    pub range: BatchRange,
}

/// Issues the batch's credits, all in one statement.
///
/// # Errors
/// [`ErrorKind::Refused`] if the database refuses somebody's data. Nothing is granted then, and the
/// transaction is of no more use: begin another and call [`issue_monthly_singly`].
pub async fn issue_monthly(db: &mut Connection, batch: &MonthlyBatch) -> Result<BatchCounts, StoreError> {
    let range = batch.range;
    let row = sqlx::query_file!(
        "src/credits/issue_monthly.sql",
        batch.tenant as TenantId,
        batch.run_id as RunId,
        range.first,
        range.last,
        batch.period.to_string(),
        batch.as_of,
        batch.expires_at,
        batch.period.first_day(),
        &new_ids(usize::try_from(range.members).unwrap_or(0)),
    )
    .fetch_one(&mut *db)
    .await
    .doing("issuing monthly credits")?;
    if row.no_amount > 0 {
        record_no_amount(db, batch).await?;
    }
    Ok(BatchCounts {
        members: row.candidates,
        granted: row.granted,
        granted_minor: row.granted_minor,
        currency: row.currency,
        already_granted: row.candidates - row.granted - row.zero_amount - row.no_amount,
        zero_amount: row.zero_amount,
        failed: row.no_amount,
    })
}

/// Issues the batch's credits member by member, so that one bad row costs one member's credit and
/// not a hundred: it is recorded as that member's failure.
///
/// # Errors
/// As any statement, except what can be pinned on a member.
pub async fn issue_monthly_singly(
    db: &mut Connection,
    batch: &MonthlyBatch,
) -> Result<BatchCounts, StoreError> {
    let members = sqlx::query_file_scalar!(
        "src/credits/candidates.sql",
        batch.tenant as TenantId,
        batch.range.first,
        batch.range.last,
        batch.as_of
    )
    .fetch_all(&mut *db)
    .await
    .doing("listing a batch's members")?;
    let mut total = BatchCounts::default();
    for member in members {
        let alone = MonthlyBatch { range: BatchRange { first: member, last: member, members: 1 }, ..*batch };
        let mut savepoint = db.begin().await.doing("setting a savepoint")?;
        match issue_monthly(&mut savepoint, &alone).await {
            Ok(counts) => {
                savepoint.commit().await.doing("releasing a savepoint")?;
                total.add(&counts);
            }
            Err(error) if error.kind() == ErrorKind::Refused => {
                savepoint.rollback().await.doing("rolling back to a savepoint")?;
                record_failure(db, batch, member, ErrorCode::MemberRefused, &error.to_string()).await?;
                total.add(&BatchCounts { members: 1, failed: 1, ..BatchCounts::default() });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

async fn record_failure(
    db: &mut Connection,
    batch: &MonthlyBatch,
    member: Uuid,
    code: ErrorCode,
    reason: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into member_failures (tenant_id, run_id, member_id, code, reason) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, run_id, member_id) do nothing",
        batch.tenant as TenantId,
        batch.run_id as RunId,
        member,
        code.as_str(),
        reason,
    )
    .execute(db)
    .await
    .doing("recording a member's failure")
    .map(drop)
}

async fn record_no_amount(db: &mut Connection, batch: &MonthlyBatch) -> Result<(), StoreError> {
    sqlx::query_file!(
        "src/credits/record_no_amount.sql",
        batch.tenant as TenantId,
        batch.run_id as RunId,
        batch.range.first,
        batch.range.last,
        batch.as_of,
        ErrorCode::NoMonthlyAmount.as_str(),
    )
    .execute(db)
    .await
    .doing("recording members without an amount")
    .map(drop)
}

/// What a batch of monthly credits would do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthlyPreview {
    /// Members in the range, as of the run.
    pub members: i32,
    /// Members who have the credit already.
    pub already_granted: i32,
    /// Members who would get it.
    pub to_grant: i32,
    /// What they would get together, in minor units.
    pub to_grant_minor: i64,
    /// Members whose tier has no amount in the tenant's currency.
    pub without_amount: i32,
    /// The tenant's currency.
    pub currency: String,
}

/// What [`issue_monthly`] would do now for these members.
///
/// # Errors
/// As any statement.
pub async fn preview_monthly(
    db: &mut Connection,
    tenant: TenantId,
    range: BatchRange,
    period: Period,
    as_of: DateTime<Utc>,
) -> Result<MonthlyPreview, StoreError> {
    sqlx::query_file_as!(
        MonthlyPreview,
        "src/credits/preview_monthly.sql",
        tenant as TenantId,
        range.first,
        range.last,
        period.to_string(),
        as_of,
    )
    .fetch_one(db)
    .await
    .doing("previewing monthly credits")
}

/// A member whose credit failed, and why.
#[derive(Clone, Debug)]
pub struct MemberFailure {
    /// The member.
    pub member_id: Uuid,
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
        r#"select f.member_id, f.run_id as "run_id: RunId", f.code, f.reason
           from member_failures f join runs r on r.id = f.run_id
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
