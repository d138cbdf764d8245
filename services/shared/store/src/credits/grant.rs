//! One credit for one member.

use chrono::{DateTime, Utc};
use tradeup_domain::{Grant, Money};
use uuid::Uuid;

use super::debts::recover;
use crate::error::{Doing, StoreError};
use crate::ids::new_ids;
use crate::{Connection, RunId, TenantId};

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
    let found = sqlx::query_file_as!(
        Found,
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
    if found.as_ref().is_some_and(|found| found.owes) {
        recover(db, tenant, run_id, &[lot_id], available_at).await?;
    }
    Ok(found.map_or(Granted::TenantNotActive, |found| found.answer(&grant.amount)))
}

/// What the statement found for one credit.
struct Found {
    state: String,
    currency: String,
    member_id: Option<Uuid>,
    is_new: bool,
    before_member_id: Option<Uuid>,
    before_minor: Option<i64>,
    owes: bool,
}

impl Found {
    fn answer(self, amount: &Money) -> Granted {
        match (self.member_id, self.before_member_id.zip(self.before_minor)) {
            _ if self.state != "active" => Granted::TenantNotActive,
            _ if self.currency != amount.currency.code() => Granted::OtherCurrency(self.currency),
            (None, _) => Granted::UnknownMember,
            (Some(member_id), Some(before)) if before != (member_id, amount.amount_minor) => {
                Granted::OtherCredit
            }
            (Some(member_id), _) => Granted::Done { member_id, is_new: self.is_new },
        }
    }
}

/// One of several credits that are given together.
#[derive(Clone, Debug)]
pub struct GroupGrant {
    /// The run that gives it.
    pub run_id: RunId,
    /// The credit.
    pub grant: Grant,
    /// From when on it can be spent.
    pub available_at: DateTime<Utc>,
    /// Its expiry with the shop's days of grace.
    pub ends_at: Option<DateTime<Utc>>,
}

/// Gives these credits, each as [`grant`] gives it: lots, entries and balances in one statement. Answers in their
/// order. Each key may be there once.
///
/// # Errors
/// As [`grant`]; then none was given, and the transaction is of no more use.
pub async fn grant_together(
    db: &mut Connection,
    tenant: TenantId,
    grants: &[GroupGrant],
) -> Result<Vec<Granted>, StoreError> {
    fn each<'a, T>(grants: &'a [GroupGrant], of: impl Fn(&'a GroupGrant) -> T) -> Vec<T> {
        grants.iter().map(of).collect()
    }
    let lots = new_ids(grants.len());
    let found = sqlx::query_file_as!(
        Found,
        "src/credits/grant_together.sql",
        tenant as TenantId,
        &each(grants, |g| g.run_id.0),
        &each(grants, |g| g.grant.member_external_id.clone()),
        &each(grants, |g| g.grant.amount.amount_minor),
        &each(grants, |g| g.grant.amount.currency.code().to_owned()),
        &each(grants, |g| g.grant.value_class.as_str().to_owned()),
        &each(grants, |g| g.grant.source_key.clone()),
        &each(grants, |g| g.grant.reason.clone()),
        &each(grants, |g| g.available_at),
        &each(grants, |g| g.grant.expires_at) as &[Option<DateTime<Utc>>],
        &lots,
        &each(grants, |g| g.available_at.date_naive()),
        &each(grants, |g| g.ends_at) as &[Option<DateTime<Utc>>],
    )
    .fetch_all(&mut *db)
    .await
    .doing("granting credits")?;
    // Without the tenant there is no row at all.
    if found.is_empty() {
        return Ok(grants.iter().map(|_| Granted::TenantNotActive).collect());
    }
    // One after the other: two of them may pay the debt of one member.
    for ((found, one), lot) in found.iter().zip(grants).zip(&lots) {
        if found.owes {
            recover(db, tenant, one.run_id, &[*lot], one.available_at).await?;
        }
    }
    Ok(found.into_iter().zip(grants).map(|(found, one)| found.answer(&one.grant.amount)).collect())
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
