//! Previews of money runs: who gets or loses how much, who does not and why; and what of it then happened.

use chrono::{DateTime, Utc};
use tradeup_domain::Period;
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// Members of one outcome, added up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewLine {
    /// What a run would do for them, or why it would do nothing.
    pub outcome: String,
    /// Their tier, where it matters.
    pub tier: Option<String>,
    /// ISO 4217 code of the amount.
    pub currency: Option<String>,
    /// Members.
    pub members: i64,
    /// What they would get or lose together, in minor units.
    pub amount_minor: i64,
}

/// A member and the outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewMember {
    /// The member.
    pub member_id: Uuid,
    /// The customer id.
    pub external_id: String,
    /// What a run would do, or why it would do nothing.
    pub outcome: String,
    /// The tier, where it matters.
    pub tier: Option<String>,
    /// ISO 4217 code of the amount.
    pub currency: Option<String>,
    /// What the member would get or lose, in minor units.
    pub amount_minor: i64,
}

/// An outcome of a preview, for people; empty if it is none.
#[must_use]
pub fn in_words(outcome: &str) -> &'static str {
    match outcome {
        "to_grant" => "would get it",
        "already_granted" => "have it already",
        "zero_amount" => "nothing: their tier gives nothing",
        "no_amount" => "NOBODY OF THE SHOP CAN BE CREDITED: their tier has no amount",
        "not_active" => "nothing: paused or cancelled then",
        "no_tier" => "nothing: in no tier then",
        "as_promised" => "got what was promised",
        "missing" => "MISSING: promised, and not there",
        "other_amount" => "OTHER AMOUNT than was promised",
        "unexpected" => "UNEXPECTED: not promised, and there",
        "to_expire" => "would lose it",
        "authorised" => "keep it: authorised for a checkout",
        "expired" => "lost it",
        _ => "",
    }
}

/// What a monthly run of `period` would do as of `as_of`, by outcome: `to_grant`, `already_granted`,
/// `zero_amount`, `no_amount`, `not_active` (paused or cancelled), `no_tier`.
///
/// With `happened`, what a run has done is held against it: `as_promised`, `missing`, `other_amount`,
/// `unexpected`, and the reasons for nothing as before.
///
/// # Errors
/// As any statement.
pub async fn monthly(
    db: &mut Connection,
    tenant: TenantId,
    period: Period,
    as_of: DateTime<Utc>,
    happened: bool,
) -> Result<Vec<PreviewLine>, StoreError> {
    sqlx::query_file_as!(
        PreviewLine,
        "src/previews/monthly.sql",
        tenant as TenantId,
        period.to_string(),
        as_of,
        happened,
    )
    .fetch_all(db)
    .await
    .doing("previewing monthly credits")
}

/// The members of [`monthly`], by customer id: of one, if it is named; those of one outcome, if that is.
///
/// # Errors
/// As any statement.
pub async fn monthly_members(
    db: &mut Connection,
    tenant: TenantId,
    period: Period,
    as_of: DateTime<Utc>,
    happened: bool,
    outcome: Option<&str>,
    limit: i64,
) -> Result<Vec<PreviewMember>, StoreError> {
    sqlx::query_file_as!(
        PreviewMember,
        "src/previews/monthly_members.sql",
        tenant as TenantId,
        period.to_string(),
        as_of,
        happened,
        outcome,
        limit,
    )
    .fetch_all(db)
    .await
    .doing("previewing monthly credits")
}

/// What an expiration as of `as_of` would do, by outcome: `to_expire`, and `authorised` for what a checkout
/// holds. With `happened`, `expired` and `missing` of what had ended by then.
///
/// # Errors
/// As any statement.
pub async fn expiration(
    db: &mut Connection,
    tenant: TenantId,
    as_of: DateTime<Utc>,
    happened: bool,
) -> Result<Vec<PreviewLine>, StoreError> {
    sqlx::query_file_as!(PreviewLine, "src/previews/expiration.sql", tenant as TenantId, as_of, happened)
        .fetch_all(db)
        .await
        .doing("previewing an expiration")
}
