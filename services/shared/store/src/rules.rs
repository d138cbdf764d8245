//! Each shop's rules: documents with versions. A version is never changed; the one in force at an instant is the
//! latest that began by then.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tradeup_domain::rules::{CashbackRule, EnrolmentRule, RuleKind, TradeInRule};

use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Connection, TenantId};

/// A version of a shop's rules, as it is shown.
#[derive(Clone, Debug)]
pub struct RuleVersion {
    /// What they are about.
    pub kind: String,
    /// Counts the versions of the kind, from 1.
    pub version: i32,
    /// The document.
    pub document: Value,
    /// From when it is in force.
    pub valid_from: DateTime<Utc>,
    /// Who set it.
    pub set_by: String,
    /// Why.
    pub reason: Option<String>,
}

/// A version to be added.
#[derive(Clone, Copy, Debug)]
pub struct NewVersion<'a> {
    /// What it is about.
    pub kind: RuleKind,
    /// The document, which was checked.
    pub document: &'a Value,
    /// From when it is to be in force; `None` for at once.
    pub valid_from: Option<DateTime<Utc>>,
    /// Who sets it.
    pub set_by: &'a str,
    /// Why.
    pub reason: Option<&'a str>,
}

/// What came of adding a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It has this number.
    Version(i32),
    /// It says what the latest one says.
    Same(i32),
    /// It would begin before the latest one, or before now: what was decided since then would change.
    TooEarly,
}

/// The rules in force at an instant, each with its version; `None` for the product's own.
#[derive(Clone, Debug, Default)]
pub struct InForce {
    /// What orders earn.
    pub cashback: (CashbackRule, Option<i32>),
    /// Who becomes a member.
    pub enrolment: (EnrolmentRule, Option<i32>),
    /// What is given for goods; `None`: the shop takes none.
    pub trade_in: Option<(TradeInRule, i32)>,
}

/// The enrolment rule in force at `at` with its version; `None` for the product's own.
///
/// # Errors
/// As [`in_force`].
pub async fn enrolment_in_force(
    db: &mut Connection,
    tenant: TenantId,
    at: DateTime<Utc>,
) -> Result<(EnrolmentRule, Option<i32>), StoreError> {
    let row = sqlx::query!(
        r#"select version, document::text as "document!" from rules
           where tenant_id = $1 and kind = 'enrolment' and valid_from <= $2
           order by valid_from desc, version desc limit 1"#,
        tenant as TenantId,
        at,
    )
    .fetch_optional(db)
    .await
    .doing("reading a shop's rules")?;
    let Some(row) = row else { return Ok((EnrolmentRule::default(), None)) };
    let rule = EnrolmentRule::parse(&row.document)
        .map_err(|_wrong| StoreError::of_kind(ErrorKind::Corrupt, "reading a shop's rules"))?;
    Ok((rule, Some(row.version)))
}

/// Every version of the enrolment rule with the instant from which it is in force, the latest first.
///
/// # Errors
/// As [`in_force`].
pub(crate) async fn enrolment_versions(
    db: &mut Connection,
    tenant: TenantId,
) -> Result<Vec<(DateTime<Utc>, EnrolmentRule)>, StoreError> {
    let mut versions = versions(db, tenant, Some(RuleKind::Enrolment)).await?;
    versions.sort_by_key(|version| Reverse((version.valid_from, version.version)));
    let read = |version: RuleVersion| {
        let rule = EnrolmentRule::parse(&version.document.to_string());
        let rule =
            rule.map_err(|_wrong| StoreError::of_kind(ErrorKind::Corrupt, "reading a shop's rules"))?;
        Ok((version.valid_from, rule))
    };
    versions.into_iter().map(read).collect()
}

/// The rules in force at `at`.
///
/// # Errors
/// [`ErrorKind::Corrupt`] if a document can't be read: an older build knew it, or somebody wrote it by hand.
pub async fn in_force(
    db: &mut Connection,
    tenant: TenantId,
    at: DateTime<Utc>,
) -> Result<InForce, StoreError> {
    let rows = sqlx::query!(
        r#"select distinct on (kind) kind, version, document::text as "document!" from rules
           where tenant_id = $1 and valid_from <= $2
           order by kind, valid_from desc, version desc"#,
        tenant as TenantId,
        at,
    )
    .fetch_all(db)
    .await
    .doing("reading a shop's rules")?;
    let mut rules = InForce::default();
    for row in rows {
        let corrupt = || StoreError::of_kind(ErrorKind::Corrupt, "reading a shop's rules");
        match row.kind.parse::<RuleKind>().map_err(|_unknown| corrupt())? {
            RuleKind::Cashback => {
                let rule = CashbackRule::parse(&row.document).map_err(|_wrong| corrupt())?;
                rules.cashback = (rule, Some(row.version));
            }
            RuleKind::Enrolment => {
                let rule = EnrolmentRule::parse(&row.document).map_err(|_wrong| corrupt())?;
                rules.enrolment = (rule, Some(row.version));
            }
            RuleKind::TradeIn => {
                let rule = TradeInRule::parse(&row.document).map_err(|_wrong| corrupt())?;
                rules.trade_in = Some((rule, row.version));
            }
        }
    }
    Ok(rules)
}

/// A version of the trade-in rule, by which offers were made.
///
/// # Errors
/// [`ErrorKind::Corrupt`] if there is none, or it can't be read.
pub async fn trade_in_version(
    db: &mut Connection,
    tenant: TenantId,
    version: i32,
) -> Result<TradeInRule, StoreError> {
    let document = sqlx::query_scalar!(
        r#"select document::text as "document!" from rules
           where tenant_id = $1 and kind = 'trade-in' and version = $2"#,
        tenant as TenantId,
        version,
    )
    .fetch_optional(db)
    .await
    .doing("reading a shop's trade-in rule")?;
    document
        .and_then(|document| TradeInRule::parse(&document).ok())
        .ok_or_else(|| StoreError::of_kind(ErrorKind::Corrupt, "reading a shop's trade-in rule"))
}

/// Adds a version.
///
/// # Errors
/// As any statement.
pub async fn add(db: &mut Connection, tenant: TenantId, new: &NewVersion<'_>) -> Result<Added, StoreError> {
    // One after the other: each has a number of its own.
    sqlx::query!("select from tenants where id = $1 for no key update", tenant as TenantId)
        .execute(&mut *db)
        .await
        .doing("locking a shop's rules")?;
    let latest = versions(db, tenant, Some(new.kind)).await?.into_iter().next();
    if let Some(latest) = &latest
        && latest.document == *new.document
    {
        return Ok(Added::Same(latest.version));
    }
    let version = latest.as_ref().map_or(0, |latest| latest.version) + 1;
    let added = sqlx::query!(
        "insert into rules (tenant_id, kind, version, document, valid_from, set_by, reason)
         select $1, $2, $3, $4, coalesce($5, clock_timestamp()), $6, $7
         where coalesce($5, 'infinity') >= clock_timestamp()
             and ($8::timestamptz is null or coalesce($5, clock_timestamp()) > $8)",
        tenant as TenantId,
        new.kind.as_str(),
        version,
        new.document,
        new.valid_from,
        new.set_by,
        new.reason,
        latest.map(|latest| latest.valid_from),
    )
    .execute(db)
    .await
    .doing("adding a version of a shop's rules")?;
    Ok(if added.rows_affected() == 1 { Added::Version(version) } else { Added::TooEarly })
}

/// All versions of a shop's rules, newest first.
///
/// # Errors
/// As any statement.
pub async fn versions(
    db: &mut Connection,
    tenant: TenantId,
    kind: Option<RuleKind>,
) -> Result<Vec<RuleVersion>, StoreError> {
    sqlx::query_as!(
        RuleVersion,
        "select kind, version, document, valid_from, set_by, reason from rules
         where tenant_id = $1 and ($2::text is null or kind = $2)
         order by kind, version desc",
        tenant as TenantId,
        kind.map(RuleKind::as_str),
    )
    .fetch_all(db)
    .await
    .doing("listing a shop's rules")
}
