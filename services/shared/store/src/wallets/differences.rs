//! Where ledger and shop differ.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// What a member's wallet at the shop should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What can be spent by the ledger, in minor units.
    pub spendable_minor: i64,
    /// What the shop is not told of yet, signed.
    pub untold_minor: i64,
    /// Pushes that the shop may hear of at this moment, or that nobody knows about.
    pub under_way: i64,
    /// Pushes that the shop has refused.
    pub failed: i64,
    /// Changes with each push that is told.
    pub version: i64,
}

impl Standing {
    /// What the shop should say, in minor units.
    #[must_use]
    pub fn expected_minor(&self) -> i64 {
        self.spendable_minor - self.untold_minor
    }
}

/// What a member's wallet at the shop should hold at this moment.
///
/// # Errors
/// As any statement.
pub async fn standing(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
    currency: &str,
) -> Result<Standing, StoreError> {
    sqlx::query_file_as!(Standing, "src/wallets/standing.sql", tenant as TenantId, member_id, currency)
        .fetch_one(db)
        .await
        .doing("adding up a wallet")
}

/// A difference to be noted.
#[derive(Clone, Copy, Debug)]
pub struct Difference<'a> {
    /// The member.
    pub member_id: Uuid,
    /// ISO 4217 code.
    pub currency: &'a str,
    /// What the shop should say, in minor units.
    pub ledger_minor: i64,
    /// What it says.
    pub shop_minor: i64,
    /// What is known of why.
    pub cause: &'a str,
}

/// Notes that ledger and shop differ. One that was there already keeps the time when it was found; one that was
/// repaired and is there again is found again.
///
/// # Errors
/// As any statement.
pub async fn note_difference(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
    difference: &Difference<'_>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into wallet_differences as d (tenant_id, member_id, currency, ledger_minor, shop_minor, cause, run_id)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant_id, member_id, currency) do update
             set ledger_minor = excluded.ledger_minor, shop_minor = excluded.shop_minor, cause = excluded.cause,
                 run_id = excluded.run_id, looked_at = clock_timestamp(),
                 found_at = case when d.repaired_at is null then d.found_at else clock_timestamp() end,
                 repaired_by = null, repaired_at = null, repair = null",
        tenant as TenantId,
        difference.member_id,
        difference.currency,
        difference.ledger_minor,
        difference.shop_minor,
        difference.cause,
        run_id as RunId,
    )
    .execute(db)
    .await
    .doing("noting a difference")?;
    Ok(())
}

/// Notes that ledger and shop agree. Returns whether they did not before.
///
/// # Errors
/// As any statement.
pub async fn agree(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
    currency: &str,
) -> Result<bool, StoreError> {
    let gone = sqlx::query!(
        "delete from wallet_differences where tenant_id = $1 and member_id = $2 and currency = $3",
        tenant as TenantId,
        member_id,
        currency,
    )
    .execute(db)
    .await
    .doing("noting that a wallet agrees")?;
    Ok(gone.rows_affected() == 1)
}

/// A difference as it is shown.
#[derive(Clone, Debug)]
pub struct DifferenceView {
    /// The member.
    pub member_id: Uuid,
    /// The customer id.
    pub external_id: String,
    /// ISO 4217 code.
    pub currency: String,
    /// What the shop should say, in minor units.
    pub ledger_minor: i64,
    /// What it said.
    pub shop_minor: i64,
    /// What is known of why.
    pub cause: String,
    /// When it was found first.
    pub found_at: DateTime<Utc>,
    /// When it was looked at last.
    pub looked_at: DateTime<Utc>,
    /// Who has repaired it since.
    pub repaired_by: Option<String>,
    /// How: `told_shop` or `booked`.
    pub repair: Option<String>,
}

/// The differences of a tenant, the largest first.
///
/// # Errors
/// As any statement.
pub async fn differences(
    db: &mut Connection,
    tenant: TenantId,
    member: Option<&str>,
) -> Result<Vec<DifferenceView>, StoreError> {
    sqlx::query_as!(
        DifferenceView,
        "select d.member_id, m.external_id, d.currency, d.ledger_minor, d.shop_minor, d.cause, d.found_at,
             d.looked_at, d.repaired_by, d.repair
         from wallet_differences d join members m on m.tenant_id = d.tenant_id and m.id = d.member_id
         where d.tenant_id = $1 and ($2::text is null or m.external_id = $2)
         order by abs(d.shop_minor - d.ledger_minor) desc, m.external_id",
        tenant as TenantId,
        member,
    )
    .fetch_all(db)
    .await
    .doing("listing differences")
}

/// How many differences of a tenant nobody has repaired.
///
/// # Errors
/// As any statement.
pub async fn count_differences(db: &mut Connection, tenant: TenantId) -> Result<i64, StoreError> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from wallet_differences where tenant_id = $1 and repair is null"#,
        tenant as TenantId
    )
    .fetch_one(db)
    .await
    .doing("counting differences")
}

/// Marks a difference as repaired, if it is still the one that was shown. `false` if it is not.
///
/// # Errors
/// As any statement.
pub async fn mark_repaired(
    db: &mut Connection,
    tenant: TenantId,
    shown: &DifferenceView,
    repair: &str,
    actor: &str,
) -> Result<bool, StoreError> {
    let marked = sqlx::query!(
        "update wallet_differences set repair = $6, repaired_by = $7, repaired_at = clock_timestamp()
         where tenant_id = $1 and member_id = $2 and currency = $3 and ledger_minor = $4 and shop_minor = $5
             and repaired_at is null",
        tenant as TenantId,
        shown.member_id,
        shown.currency,
        shown.ledger_minor,
        shown.shop_minor,
        repair,
        actor,
    )
    .execute(db)
    .await
    .doing("marking a difference as repaired")?;
    Ok(marked.rows_affected() == 1)
}
