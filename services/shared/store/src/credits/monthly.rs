//! The monthly credits of one batch.

use chrono::{DateTime, Utc};
use tradeup_domain::{ErrorCode, Period};
use uuid::Uuid;

use super::batch::{MemberBatch, Scope, apply_one_by_one};
use super::debts::recover;
use crate::batches::BatchCounts;
use crate::error::{Doing, StoreError};
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
    /// The end that members are told; `None` for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the credits really end, with the days of grace; `None` for never.
    pub ends_at: Option<DateTime<Utc>>,
    /// Which members.
    pub range: BatchRange,
}

impl MemberBatch for MonthlyBatch {
    const MOVES: Option<&'static str> = Some("grant");

    fn scope(&self) -> Scope {
        Scope { tenant: self.tenant, run_id: self.run_id, range: self.range }
    }

    /// Issues the credits of the range, all in one statement.
    async fn apply(&self, db: &mut Connection, range: BatchRange) -> Result<BatchCounts, StoreError> {
        let counts = self.issue(db, &[(self.run_id, range)]).await?;
        Ok(counts.into_iter().next().unwrap_or_default())
    }

    /// In one statement, if they are of one month and one set of terms: those of one plan are.
    async fn apply_together(db: &mut Connection, batches: &[Self]) -> Result<Vec<BatchCounts>, StoreError> {
        let Some(first) = batches.first() else { return Ok(Vec::new()) };
        if batches.iter().any(|other| !first.is_of_terms_of(other)) {
            return apply_one_by_one(db, batches).await;
        }
        let ranges: Vec<_> = batches.iter().map(|batch| (batch.run_id, batch.range)).collect();
        first.issue(db, &ranges).await
    }

    async fn members(&self, db: &mut Connection) -> Result<Vec<Uuid>, StoreError> {
        sqlx::query_file_scalar!(
            "src/credits/candidates.sql",
            self.tenant as TenantId,
            self.range.first,
            self.range.last,
            self.as_of
        )
        .fetch_all(db)
        .await
        .doing("listing a batch's members")
    }
}

impl MonthlyBatch {
    fn is_of_terms_of(&self, other: &Self) -> bool {
        let Self { tenant, run_id: _, period, as_of, expires_at, ends_at, range: _ } = *other;
        (tenant, period, as_of, expires_at, ends_at)
            == (self.tenant, self.period, self.as_of, self.expires_at, self.ends_at)
    }

    /// Issues the credits of some ranges, each in the name of a run, on the terms of this batch.
    async fn issue(
        &self,
        db: &mut Connection,
        ranges: &[(RunId, BatchRange)],
    ) -> Result<Vec<BatchCounts>, StoreError> {
        let planned: usize =
            ranges.iter().map(|(_, range)| usize::try_from(range.members).unwrap_or(0)).sum();
        let [runs, firsts, lasts] = BatchRange::columns(ranges);
        let rows = sqlx::query_file!(
            "src/credits/issue_monthly.sql",
            self.tenant as TenantId,
            &runs,
            &firsts,
            &lasts,
            self.period.to_string(),
            self.as_of,
            self.expires_at,
            self.period.first_day(),
            &new_ids(planned),
            self.ends_at,
        )
        .fetch_all(&mut *db)
        .await
        .doing("issuing monthly credits")?;
        let mut counts = Vec::with_capacity(ranges.len());
        for &(run_id, range) in ranges {
            let Some(row) = rows.iter().find(|row| row.run_id == run_id) else {
                counts.push(BatchCounts::default());
                continue;
            };
            if row.no_amount > 0 {
                record_no_amount(db, &Self { run_id, range, ..*self }).await?;
            }
            if let Some(lots) = &row.indebted {
                recover(db, self.tenant, run_id, lots, self.as_of).await?;
            }
            counts.push(BatchCounts {
                members: row.candidates,
                affected: row.granted,
                affected_minor: row.granted_minor,
                currency: row.currency.clone(),
                already_done: row.candidates - row.granted - row.zero_amount - row.no_amount,
                exempt: row.zero_amount,
                failed: row.no_amount,
            });
        }
        Ok(counts)
    }
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

/// What [`MonthlyBatch`] would do now for these members.
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
