//! Tenants: the shops.

mod page;
mod standing;

pub use page::{ShopFilter, are_more_than, page};
pub use standing::{OwnSchedule, Stopped, own_schedules, stopped};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tradeup_domain::zone::{parse_zone, with_grace};
use tradeup_domain::{Class, Classify, Currency, ErrorCode, Handle, Validity};

use crate::error::{Doing, ErrorKind, StoreError};
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
    /// Local days for which a lot can be spent after the date that its member is told.
    pub grace_days: u16,
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
    /// Local days for which a lot can be spent after the date that its member is told.
    pub grace_days: i16,
    /// Days after fulfilment until cashback can be spent.
    pub pending_days: i16,
    /// What becomes of cashback that was used before its order was refunded: `debt` or `write_off`.
    pub shortfall: String,
    /// Language of its mails, where a member has none.
    pub locale: String,
    /// Where answers to its mails go.
    pub reply_to: Option<String>,
    /// Where its credit is spent.
    pub shop_url: Option<String>,
    /// Whether its members are warned of credit that is about to end.
    pub warns: bool,
    /// Who decides what of its members' credit can be spent: `none` (our ledger alone), `ledger` (ours, and
    /// the shop shows a copy) or `shopify`.
    pub wallet: String,
    /// `active`, `suspended` or `uninstalled`.
    pub state: String,
    /// Where its shop is: `name.myshopify.com`.
    pub shop_domain: Option<String>,
    /// When the shop last installed the app.
    pub installed_at: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Since when it is in shadow: all is reckoned, nothing booked. `None`: it is not.
    pub shadow_since: Option<DateTime<Utc>>,
    /// Its cut-over: what was due before was another system's. `None`: there was no other.
    pub live_since: Option<DateTime<Utc>>,
}

/// A tenant's settings, as rules understand them.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Its time zone.
    pub zone: Tz,
    /// The currency of its ledger.
    pub currency: Currency,
    /// How long its grants are valid.
    pub validity: Validity,
    /// Local days for which a lot can be spent after the date that its member is told.
    pub grace_days: u16,
    /// Days after fulfilment until cashback can be spent.
    pub pending_days: u16,
    /// Cashback that was used before its order was refunded is written off, not owed.
    pub writes_off: bool,
}

impl Settings {
    /// When what its member is told to end at `expires_at` really ends.
    #[must_use]
    pub fn ends_at(&self, expires_at: DateTime<Utc>) -> DateTime<Utc> {
        with_grace(self.zone, expires_at, self.grace_days)
    }
}

/// A setting that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

impl Classify for SettingsError {
    fn class(&self) -> Class {
        Class::Permanent
    }

    fn code(&self) -> ErrorCode {
        ErrorCode::TenantSettings
    }
}

impl Tenant {
    /// Whether what is decided for it is reckoned, and not booked.
    #[must_use]
    pub fn is_in_shadow(&self) -> bool {
        self.shadow_since.is_some()
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// [`SettingsError`] names what can't be read: an older build knew it, or somebody wrote it by hand.
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        fn read<T, E: ToString>(setting: Result<T, E>) -> Result<T, SettingsError> {
            setting.map_err(|error| SettingsError(error.to_string()))
        }
        Ok(Settings {
            zone: read(parse_zone(&self.zone))?,
            currency: read(self.currency.parse())?,
            validity: read(self.credit_validity.parse())?,
            grace_days: read(u16::try_from(self.grace_days))?,
            pending_days: read(u16::try_from(self.pending_days))?,
            writes_off: self.shortfall == "write_off",
        })
    }
}

/// A tenant's time zone.
///
/// # Errors
/// [`ErrorKind::Corrupt`] if it can't be read.
pub async fn zone(db: &mut Connection, tenant: TenantId) -> Result<Tz, StoreError> {
    let zone = sqlx::query_scalar!("select zone from tenants where id = $1", tenant as TenantId)
        .fetch_one(db)
        .await
        .doing("reading a shop's zone")?;
    parse_zone(&zone).map_err(|_unknown| StoreError::of_kind(ErrorKind::Corrupt, "reading a shop's zone"))
}

/// Adds a tenant. `None` if the handle is taken.
///
/// # Errors
/// As any statement.
pub async fn add(db: &mut Connection, new: &NewTenant) -> Result<Option<TenantId>, StoreError> {
    sqlx::query_scalar!(
        r#"insert into tenants (handle, name, zone, currency, credit_validity, grace_days) values ($1, $2, $3, $4, $5, $6)
           on conflict (handle) do nothing returning id as "id: TenantId""#,
        new.handle.as_str(),
        new.name,
        new.zone.name(),
        new.currency.code(),
        new.credit_validity.to_string(),
        i16::try_from(new.grace_days).unwrap_or(i16::MAX),
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
        r#"select id as "id: TenantId", handle, name, zone, currency, credit_validity, grace_days, pending_days, shortfall,
               locale, reply_to, shop_url, warns, wallet, state, shop_domain, installed_at, created_at,
               shadow_since, live_since
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
        r#"select id as "id: TenantId", handle, name, zone, currency, credit_validity, grace_days, pending_days, shortfall,
               locale, reply_to, shop_url, warns, wallet, state, shop_domain, installed_at, created_at,
               shadow_since, live_since
           from tenants where id = $1"#,
        id as TenantId
    )
    .fetch_optional(db)
    .await
    .doing("looking up a tenant")
}

/// Looks up the tenant that has this shop.
///
/// # Errors
/// As any statement.
pub async fn by_shop_domain(pool: &Pool, domain: &str) -> Result<Option<Tenant>, StoreError> {
    sqlx::query_as!(
        Tenant,
        r#"select id as "id: TenantId", handle, name, zone, currency, credit_validity, grace_days, pending_days, shortfall,
               locale, reply_to, shop_url, warns, wallet, state, shop_domain, installed_at, created_at,
               shadow_since, live_since
           from tenants where shop_domain = $1"#,
        domain
    )
    .fetch_optional(pool)
    .await
    .doing("looking up the tenant of a shop")
}

/// Says where a tenant's shop is: its events are the tenant's from now on. `false` if another tenant has it.
///
/// # Errors
/// As any statement.
pub async fn link_shop(db: &mut Connection, id: TenantId, domain: &str) -> Result<bool, StoreError> {
    let linked = sqlx::query!(
        "update tenants set shop_domain = $2, installed_at = coalesce(installed_at, clock_timestamp())
         where id = $1 and not exists (select from tenants o where o.shop_domain = $2 and o.id <> $1)",
        id as TenantId,
        domain
    )
    .execute(db)
    .await
    .doing("linking a tenant to its shop")?;
    Ok(linked.rows_affected() == 1)
}

/// Stops a tenant whose shop has uninstalled the app: its ledger stands still, and its tokens are not used.
///
/// # Errors
/// As any statement.
pub async fn uninstall(db: &mut Connection, id: TenantId, at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "with stopped as (
             update tenants set state = 'uninstalled', uninstalled_at = $2, suspended_at = null where id = $1
         )
         update shops set state = 'disconnected', error_code = $3, error = 'the shop has uninstalled the app',
             renewing_until = null
         where tenant_id = $1",
        id as TenantId,
        at,
        ErrorCode::ShopUnauthorized.as_str(),
    )
    .execute(db)
    .await
    .doing("stopping a tenant whose shop has uninstalled the app")
    .map(drop)
}

/// Suspends a tenant: nothing is granted and no mail is sent, credit goes on ending, and what its shop tells is written
/// down. `false` if it is not active.
///
/// # Errors
/// As any statement.
pub async fn suspend(db: &mut Connection, id: TenantId) -> Result<bool, StoreError> {
    sqlx::query!(
        "update tenants set state = 'suspended', suspended_at = clock_timestamp() where id = $1 and state = 'active'",
        id as TenantId,
    )
    .execute(db)
    .await
    .doing("suspending a tenant")
    .map(|done| done.rows_affected() == 1)
}

/// Ends a suspension. Since when it was; `None` if it is not suspended.
///
/// # Errors
/// As any statement.
pub async fn resume(db: &mut Connection, id: TenantId) -> Result<Option<DateTime<Utc>>, StoreError> {
    sqlx::query_scalar!(
        r#"update tenants t set state = 'active', suspended_at = null
           from tenants before
           where t.id = $1 and t.state = 'suspended' and before.id = t.id
           returning coalesce(before.suspended_at, before.created_at) as "since!""#,
        id as TenantId,
    )
    .fetch_optional(db)
    .await
    .doing("ending a tenant's suspension")
}

/// Says that a tenant's shop has installed the app again: from now on its ledger moves.
///
/// # Errors
/// As any statement.
pub async fn install(db: &mut Connection, id: TenantId) -> Result<(), StoreError> {
    sqlx::query!(
        "update tenants set installed_at = clock_timestamp(), uninstalled_at = null, state = 'active'
         where id = $1 and state = 'uninstalled'",
        id as TenantId,
    )
    .execute(db)
    .await
    .doing("starting a tenant whose shop has installed the app again")
    .map(drop)
}

/// Notes what the app may do in a tenant's shop. `false` if something newer is known.
///
/// # Errors
/// As any statement.
pub async fn note_scopes(
    db: &mut Connection,
    id: TenantId,
    scopes: &[String],
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query!(
        "update tenants set scopes = $2, scopes_at = $3
         where id = $1 and (scopes_at is null or scopes_at <= $3)",
        id as TenantId,
        scopes,
        at,
    )
    .execute(db)
    .await
    .doing("noting what the app may do in a shop")
    .map(|done| done.rows_affected() == 1)
}

/// All tenants, by handle.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool) -> Result<Vec<Tenant>, StoreError> {
    sqlx::query_as!(
        Tenant,
        r#"select id as "id: TenantId", handle, name, zone, currency, credit_validity, grace_days, pending_days, shortfall,
               locale, reply_to, shop_url, warns, wallet, state, shop_domain, installed_at, created_at,
               shadow_since, live_since
           from tenants order by handle"#
    )
    .fetch_all(pool)
    .await
    .doing("listing tenants")
}

/// What a tenant's mails say of it; `None` leaves it as it is, an empty text takes it away.
#[derive(Clone, Debug, Default)]
pub struct MailChange {
    /// The shop's name.
    pub name: Option<String>,
    /// A language tag.
    pub locale: Option<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// Where its credit is spent.
    pub shop_url: Option<String>,
    /// Whether its members are warned of credit that is about to end.
    pub warns: Option<bool>,
}

/// Changes what a tenant's mails say, from the next one on.
///
/// # Errors
/// As any statement.
pub async fn change_mail(db: &mut Connection, id: TenantId, change: &MailChange) -> Result<(), StoreError> {
    sqlx::query!(
        "update tenants set name = coalesce($2, name), locale = coalesce($3, locale),
             reply_to = nullif(coalesce($4, reply_to), ''), shop_url = nullif(coalesce($5, shop_url), ''),
             warns = coalesce($6, warns)
         where id = $1",
        id as TenantId,
        change.name,
        change.locale,
        change.reply_to,
        change.shop_url,
        change.warns,
    )
    .execute(db)
    .await
    .doing("changing a tenant's mails")
    .map(drop)
}
