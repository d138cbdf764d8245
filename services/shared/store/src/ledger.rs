//! The ledger as it is shown.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::ids::first_id;
use crate::{Connection, RunId, TenantId};

/// A ledger entry with its lot.
#[derive(Clone, Debug)]
pub struct EntryView {
    /// Id.
    pub id: Uuid,
    /// The member's id.
    pub member_id: Uuid,
    /// The member's Shopify customer id.
    pub external_id: String,
    /// What kind of movement.
    pub kind: String,
    /// Signed amount in minor units.
    pub amount_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Why the lot was granted: with the source key.
    pub reason: String,
    /// For monthly credits, the period; for granted ones the key of their run.
    pub source_key: String,
    /// Why, in words for people, where the reason does not say it.
    pub note: Option<String>,
    /// Business time.
    pub effective_at: DateTime<Utc>,
    /// When it was booked.
    pub recorded_at: DateTime<Utc>,
    /// When the lot expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// Run that wrote it.
    pub run_id: Option<RunId>,
}

/// Entries of a tenant, newest first; of one member if asked; before an entry for the next page.
///
/// # Errors
/// As any statement.
pub async fn entries(
    db: &mut Connection,
    tenant: TenantId,
    member_external_id: Option<&str>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<EntryView>, StoreError> {
    sqlx::query_file_as!(
        EntryView,
        "src/ledger/entries.sql",
        tenant as TenantId,
        member_external_id,
        before,
        limit
    )
    .fetch_all(db)
    .await
    .doing("reading the ledger")
}

/// One line of a tenant's ledger, added up.
#[derive(Clone, Debug)]
pub struct LedgerTotal {
    /// Why the lots were granted.
    pub reason: String,
    /// For monthly credits, the period; for granted ones where they come from: `event:<source>`,
    /// `manual`.
    pub source_key: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Lots.
    pub lots: i64,
    /// Granted together, in minor units.
    pub granted_minor: i64,
    /// What is left of it.
    pub remaining_minor: i64,
    /// Earliest expiry.
    pub first_expiry: Option<DateTime<Utc>>,
    /// Anchor date.
    pub anchor_on: NaiveDate,
}

/// A tenant's lots, added up by reason, source and currency.
///
/// # Errors
/// As any statement.
pub async fn totals(db: &mut Connection, tenant: TenantId) -> Result<Vec<LedgerTotal>, StoreError> {
    sqlx::query_file_as!(LedgerTotal, "src/ledger/totals.sql", tenant as TenantId)
        .fetch_all(db)
        .await
        .doing("adding up the ledger")
}

/// A movement that a run wrote.
#[derive(Clone, Debug)]
pub struct Written {
    /// The member's Shopify customer id.
    pub external_id: String,
    /// What kind of movement.
    pub kind: String,
    /// Signed amount in minor units.
    pub amount_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Why the lot was granted: with the source key.
    pub reason: String,
    /// With the reason, what for.
    pub source_key: String,
    /// When the lot expires.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Where what a run wrote is looked for. No index names an entry's run: it would cost each grant a write to a random page.
#[derive(Clone, Copy, Debug)]
pub enum WrittenBy {
    /// By a batch's run: among the lots of its members.
    Batch,
    /// By another run, which was at work from the first instant to the second: entries' ids begin with their time.
    Between(DateTime<Utc>, DateTime<Utc>),
}

/// Clocks of those who make ids differ from the database's by less than this.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);

/// What a run of the tenant wrote into the ledger by itself, at most `limit`.
///
/// # Errors
/// As any statement.
pub async fn written_by(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
    by: WrittenBy,
    limit: i64,
) -> Result<Vec<Written>, StoreError> {
    let found = match by {
        WrittenBy::Batch => {
            sqlx::query_file_as!(
                Written,
                "src/ledger/of_batch.sql",
                tenant as TenantId,
                run_id as RunId,
                limit
            )
            .fetch_all(db)
            .await
        }
        WrittenBy::Between(from, to) => {
            sqlx::query_file_as!(
                Written,
                "src/ledger/of_run.sql",
                tenant as TenantId,
                run_id as RunId,
                first_id(from - CLOCKS_DIFFER),
                first_id(to + CLOCKS_DIFFER),
                limit
            )
            .fetch_all(db)
            .await
        }
    };
    found.doing("reading what a run wrote")
}
