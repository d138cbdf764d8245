//! Tenants: the shops.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tradeup_domain::{Currency, Handle, Validity};

use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, TenantId};

/// A tenant to be added.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// The name by which commands and subjects call it.
    pub handle: Handle,
    /// The shop's name.
    pub name: String,
    /// Its time zone.
    pub zone: Tz,
    /// The currency of its ledger.
    pub currency: Currency,
    /// How long its monthly credits are valid.
    pub credit_validity: Validity,
}

/// A tenant as it is stored.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Number.
    pub id: TenantId,
    /// Handle.
    pub handle: String,
    /// The shop's name.
    pub name: String,
    /// IANA name of its time zone.
    pub zone: String,
    /// ISO 4217 code of its ledger's currency.
    pub currency: String,
    /// How long its monthly credits are valid: `P3M`, `P90D`, `never`.
    pub credit_validity: String,
    /// `active`, `suspended` or `uninstalled`.
    pub state: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// Adds a tenant. `None` if the handle is taken.
///
/// # Errors
/// As any statement.
pub async fn add(db: &mut Connection, new: &NewTenant) -> Result<Option<TenantId>, StoreError> {
    sqlx::query_scalar!(
        r#"insert into tenants (handle, name, zone, currency, credit_validity) values ($1, $2, $3, $4, $5)
           on conflict (handle) do nothing returning id as "id: TenantId""#,
        new.handle.as_str(),
        new.name,
        new.zone.name(),
        new.currency.code(),
        new.credit_validity.to_string(),
    )
    .fetch_optional(db)
    .await
    .doing("adding a tenant")
}

/// Looks a tenant up by its handle.
///
/// # Errors
/// As any statement.
pub async fn by_handle(pool: &Pool, handle: &str) -> Result<Option<Tenant>, StoreError> {
    sqlx::query_as!(
        Tenant,
        r#"select id as "id: TenantId", handle, name, zone, currency, credit_validity, state, created_at
           from tenants where handle = $1"#,
        handle
    )
    .fetch_optional(pool)
    .await
    .doing("looking up a tenant")
}

/// Looks a tenant up by its number.
///
/// # Errors
/// As any statement.
pub async fn by_id(db: &mut Connection, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    sqlx::query_as!(
        Tenant,
        r#"select id as "id: TenantId", handle, name, zone, currency, credit_validity, state, created_at
           from tenants where id = $1"#,
        id as TenantId
    )
    .fetch_optional(db)
    .await
    .doing("looking up a tenant")
}

/// All tenants, by handle.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool) -> Result<Vec<Tenant>, StoreError> {
    sqlx::query_as!(
        Tenant,
        r#"select id as "id: TenantId", handle, name, zone, currency, credit_validity, state, created_at
           from tenants order by handle"#
    )
    .fetch_all(pool)
    .await
    .doing("listing tenants")
}
