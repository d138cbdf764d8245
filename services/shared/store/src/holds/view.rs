//! Holds, for people.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// A hold of a member's.
#[derive(Clone, Debug)]
pub struct HoldLine {
    /// What makes it unique within its tenant.
    pub key: String,
    /// The system that asked.
    pub source: String,
    /// What that system calls it.
    pub reference: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Authorised, in minor units.
    pub amount_minor: i64,
    /// Why, in words for people.
    pub reason: Option<String>,
    /// Who asked.
    pub actor: String,
    /// When it began.
    pub authorised_at: DateTime<Utc>,
    /// Until when it can be captured, or could.
    pub capture_until: DateTime<Utc>,
    /// `authorised`, `captured`, `released` or `expired`, now.
    pub state: String,
    /// Captured, in minor units.
    pub captured_minor: Option<i64>,
    /// When it ended; not known for one whose time is over, until somebody books that.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// Why, in words for people.
    pub end_reason: Option<String>,
}

/// A member's holds, newest first: all of them, or those that hold something now.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
    only_open: bool,
) -> Result<Vec<HoldLine>, StoreError> {
    sqlx::query_file_as!(HoldLine, "src/holds/list.sql", tenant as TenantId, member_id, only_open)
        .fetch_all(db)
        .await
        .doing("listing a member's holds")
}
