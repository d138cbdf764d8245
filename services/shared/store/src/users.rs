//! Users of the console: who may sign in, as what, and of whose staff they are.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, TenantId};

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// Id.
    pub id: Uuid,
    /// By which they sign in.
    pub name: String,
    /// `viewer`, `operator`, `admin` or `shop`.
    pub role: String,
    /// Whose staff they are; set for the role `shop` alone.
    pub tenant_id: Option<TenantId>,
    /// Its handle.
    pub tenant_handle: Option<String>,
    /// Who made them.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Since when they can't sign in.
    pub disabled_at: Option<DateTime<Utc>>,
}

/// A new user.
#[derive(Clone, Debug)]
pub struct NewUser<'a> {
    /// By which they sign in: small letters, digits and `._@+-`.
    pub name: &'a str,
    /// Their role.
    pub role: &'a str,
    /// Whose staff they are.
    pub tenant: Option<TenantId>,
    /// Their password's PHC string.
    pub password_hash: Option<&'a str>,
    /// Who makes them.
    pub by: &'a str,
}

/// Adds a user. `None` if there is one with this name.
///
/// # Errors
/// As any statement.
pub async fn add(db: &mut Connection, new: &NewUser<'_>) -> Result<Option<Uuid>, StoreError> {
    sqlx::query_scalar!(
        "insert into users (id, name, role, tenant_id, password_hash, created_by) values ($1, $2, $3, $4, $5, $6)
         on conflict do nothing returning id",
        Uuid::now_v7(),
        new.name,
        new.role,
        new.tenant as Option<TenantId>,
        new.password_hash,
        new.by,
    )
    .fetch_optional(db)
    .await
    .doing("adding a user")
}

/// Changes a user: what is `None` stays. All their sessions end. `false` if there is no such user.
///
/// # Errors
/// As any statement.
pub async fn change(
    db: &mut Connection,
    name: &str,
    role: Option<(&str, Option<TenantId>)>,
    password_hash: Option<&str>,
    disabled: Option<bool>,
) -> Result<bool, StoreError> {
    let (role, tenant) = role.map_or((None, None), |(role, tenant)| (Some(role), tenant));
    sqlx::query_file_scalar!(
        "src/users/change.sql",
        name,
        role,
        tenant as Option<TenantId>,
        password_hash,
        disabled,
    )
    .fetch_one(db)
    .await
    .doing("changing a user")
}

/// All users, by name.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool) -> Result<Vec<User>, StoreError> {
    sqlx::query_as!(
        User,
        r#"select u.id, u.name, u.role, u.tenant_id as "tenant_id: TenantId", t.handle as "tenant_handle?",
               u.created_by, u.created_at, u.disabled_at
           from users u left join tenants t on t.id = u.tenant_id order by u.name"#
    )
    .fetch_all(pool)
    .await
    .doing("listing users")
}

/// The password's PHC string of a user who may sign in, with their id.
///
/// # Errors
/// As any statement.
pub async fn password(pool: &Pool, name: &str) -> Result<Option<(Uuid, String)>, StoreError> {
    let row = sqlx::query!(
        r#"select id, password_hash as "password_hash!" from users
           where name = $1 and disabled_at is null and password_hash is not null"#,
        name
    )
    .fetch_optional(pool)
    .await
    .doing("looking for a user")?;
    Ok(row.map(|row| (row.id, row.password_hash)))
}
