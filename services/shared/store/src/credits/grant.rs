//! One credit for one member.

use chrono::{DateTime, Utc};
use tradeup_domain::Grant;
use uuid::Uuid;

use super::debts::recover;
use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId, members};

/// What came of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Granted {
    /// The member has it; `is_new` if this run gave it.
    Done {
        /// The member.
        member_id: Uuid,
        /// Whether it was given now.
        is_new: bool,
    },
    /// There is no such tenant, or it is not active.
    TenantNotActive,
    /// The tenant's ledger has another currency: this one.
    OtherCurrency(String),
    /// The tenant has no member with this customer id.
    UnknownMember,
    /// The key is that of another credit: of another member, or of another amount.
    OtherCredit,
}

/// Gives the member the credit, unless it was given before under this key: lot, entry and balance in
/// one statement. `ends_at` is its expiry with the shop's days of grace. What is given away pays the
/// member's debt first.
///
/// # Errors
/// [`crate::ErrorKind::Refused`] if the database refuses it, a balance above the largest for instance.
pub async fn grant(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
    grant: &Grant,
    available_at: DateTime<Utc>,
    ends_at: Option<DateTime<Utc>>,
) -> Result<Granted, StoreError> {
    let lot_id = Uuid::now_v7();
    let found = sqlx::query_file!(
        "src/credits/grant.sql",
        tenant as TenantId,
        run_id as RunId,
        grant.member_external_id,
        grant.amount.amount_minor,
        grant.amount.currency.code(),
        grant.value_class.as_str(),
        grant.source_key,
        grant.reason,
        available_at,
        grant.expires_at,
        lot_id,
        available_at.date_naive(),
        ends_at,
    )
    .fetch_optional(&mut *db)
    .await
    .doing("granting a credit")?;
    if let Some(member) = found.as_ref().filter(|found| found.is_new).and_then(|found| found.member_id) {
        members::refuse_merged(db, tenant, member, member, run_id).await?;
    }
    if found.as_ref().is_some_and(|found| found.owes) {
        recover(db, tenant, run_id, &[lot_id], available_at).await?;
    }
    Ok(match found {
        None => Granted::TenantNotActive,
        Some(found) if found.state != "active" => Granted::TenantNotActive,
        Some(found) if found.currency != grant.amount.currency.code() => {
            Granted::OtherCurrency(found.currency)
        }
        Some(found) => match (found.member_id, found.before_member_id.zip(found.before_minor)) {
            (None, _) => Granted::UnknownMember,
            (Some(member_id), Some(before)) if before != (member_id, grant.amount.amount_minor) => {
                Granted::OtherCredit
            }
            (Some(member_id), _) => Granted::Done { member_id, is_new: found.is_new },
        },
    })
}

/// Whether a run was created with exactly this input. A key that is used again for something else is a
/// mistake that nobody should take for success.
///
/// # Errors
/// As any statement.
pub async fn was_asked_for(db: &mut Connection, run_id: RunId, payload: &[u8]) -> Result<bool, StoreError> {
    sqlx::query_scalar!(r#"select payload = $2 as "same!" from runs where id = $1"#, run_id as RunId, payload)
        .fetch_one(db)
        .await
        .doing("comparing a run's input")
}
