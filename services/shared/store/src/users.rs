//! Users of the console: who may sign in, as what, and of whose staff they are.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::audit::{self, Actor};
use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, TenantId, TenantRef};

/// The role that says who may do what.
const ADMIN: &str = "admin";

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
    /// Whether they have a password.
    pub has_password: bool,
    /// Whether they may sign in by OpenID Connect.
    pub oidc: bool,
    /// Whether they have, so that it is known who they are at the provider.
    pub is_linked: bool,
}

impl User {
    /// How they sign in, in words.
    #[must_use]
    pub fn signs_in_by(&self) -> &'static str {
        match (self.has_password, self.oidc, self.is_linked) {
            (true, false, _) => "password",
            (false, true, true) => "OpenID Connect",
            (false, true, false) => "OpenID Connect, not linked yet",
            (true, true, true) => "password or OpenID Connect",
            (true, true, false) => "password or OpenID Connect, not linked yet",
            (false, false, _) => "nothing",
        }
    }
}

/// A new user.
#[derive(Clone, Debug)]
pub struct NewUser<'a> {
    /// By which they sign in: small letters, digits and `._@+-`.
    pub name: &'a str,
    /// Their role.
    pub role: &'a str,
    /// Whose staff they are.
    pub tenant: Option<&'a TenantRef>,
    /// Their password's PHC string.
    pub password_hash: Option<&'a str>,
    /// Whether they may sign in by OpenID Connect; their name is the address that the provider vouches for.
    pub oidc: bool,
}

/// What changes of a user; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Change<'a> {
    /// Their role, and whose staff they are.
    pub role: Option<(&'a str, Option<&'a TenantRef>)>,
    /// Their password's PHC string.
    pub password_hash: Option<&'a str>,
    /// Whether they are kept from signing in.
    pub disabled: Option<bool>,
    /// Whether they may sign in by OpenID Connect. If not, who they are at the provider is forgotten.
    pub oidc: Option<bool>,
}

/// What came of changing a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// They are changed.
    Done,
    /// There is no such user.
    NoUser,
    /// Nobody would be left who may say who may do what: nothing was done.
    LastAdmin,
}

/// A user who has shown who they are.
#[derive(Clone, Debug)]
pub struct Known {
    /// Id.
    pub id: Uuid,
    /// Name.
    pub name: String,
}

/// Adds a user, on record. `None` if there is one with this name.
///
/// # Errors
/// As any statement.
pub async fn add(db: &mut Connection, new: &NewUser<'_>, actor: &Actor) -> Result<Option<Uuid>, StoreError> {
    let tenant = new.tenant.map(|tenant| tenant.id);
    let added = sqlx::query_scalar!(
        "insert into users (id, name, role, tenant_id, password_hash, created_by, oidc)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning id",
        Uuid::now_v7(),
        new.name,
        new.role,
        tenant as Option<TenantId>,
        new.password_hash,
        actor.name,
        new.oidc,
    )
    .fetch_optional(&mut *db)
    .await
    .doing("adding a user")?;
    if added.is_some() {
        let tenant = new.tenant.map(|tenant| &tenant.handle);
        let subject = json!({ "user": new.name, "role": new.role, "tenant": tenant, "oidc": new.oidc });
        audit::record(db, actor, "users.add", &subject).await?;
    }
    Ok(added)
}

/// Whether somebody is left after a change who may sign in and say who may do what; or nobody was before. Whoever else
/// would take that from an admin waits until this transaction has ended.
async fn leaves_an_admin(db: &mut Connection, name: &str, change: &Change<'_>) -> Result<bool, StoreError> {
    let is_lowered = change.role.is_some_and(|(role, _)| role != ADMIN) || change.disabled == Some(true);
    if !is_lowered && change.oidc != Some(false) {
        return Ok(true);
    }
    let admins = sqlx::query!(
        r#"select name, password_hash is not null as "has_password!" from users
           where role = 'admin' and disabled_at is null and (password_hash is not null or oidc)
           order by name for update"#
    )
    .fetch_all(db)
    .await
    .doing("looking for admins")?;
    let [last] = admins.as_slice() else { return Ok(true) };
    let has_a_way = change.oidc != Some(false) || last.has_password || change.password_hash.is_some();
    Ok(last.name != name || (!is_lowered && has_a_way))
}

/// Changes a user, on record. All their sessions end.
///
/// # Errors
/// As any statement.
pub async fn change(
    db: &mut Connection,
    name: &str,
    change: &Change<'_>,
    actor: &Actor,
) -> Result<Changed, StoreError> {
    if !leaves_an_admin(db, name, change).await? {
        return Ok(Changed::LastAdmin);
    }
    let (role, shop) = change.role.map_or((None, None), |(role, shop)| (Some(role), shop));
    let tenant = shop.map(|shop| shop.id);
    let is_there = sqlx::query_file_scalar!(
        "src/users/change.sql",
        name,
        role,
        tenant as Option<TenantId>,
        change.password_hash,
        change.disabled,
        change.oidc,
    )
    .fetch_one(&mut *db)
    .await
    .doing("changing a user")?;
    if !is_there {
        return Ok(Changed::NoUser);
    }
    let subject = json!({ "user": name, "role": role, "tenant": shop.map(|shop| &shop.handle),
        "new_password": change.password_hash.is_some(), "disabled": change.disabled, "oidc": change.oidc });
    audit::record(db, actor, "users.change", &subject).await?;
    Ok(Changed::Done)
}

/// All users, by name.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool) -> Result<Vec<User>, StoreError> {
    sqlx::query_as!(
        User,
        r#"select u.id, u.name, u.role, u.tenant_id as "tenant_id: TenantId", t.handle as "tenant_handle?",
               u.created_by, u.created_at, u.disabled_at, u.password_hash is not null as "has_password!",
               u.oidc, u.oidc_subject is not null as "is_linked!"
           from users u left join tenants t on t.id = u.tenant_id order by u.name"#
    )
    .fetch_all(pool)
    .await
    .doing("listing users")
}

/// The role of a user who may sign in.
///
/// # Errors
/// As any statement.
pub async fn role(pool: &Pool, name: &str) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar!("select role from users where name = $1 and disabled_at is null", name)
        .fetch_optional(pool)
        .await
        .doing("looking for a user's role")
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

/// Who a subject of an OpenID Connect provider is here, if they have signed in before and may.
///
/// # Errors
/// As any statement.
pub async fn by_subject(
    db: &mut Connection,
    issuer: &str,
    subject: &str,
) -> Result<Option<Known>, StoreError> {
    sqlx::query_as!(
        Known,
        "select id, name from users
         where oidc_issuer = $1 and oidc_subject = $2 and oidc and disabled_at is null",
        issuer,
        subject,
    )
    .fetch_optional(db)
    .await
    .doing("looking for a user of the provider")
}

/// Links a subject of an OpenID Connect provider with the user who has this address for a name, may sign in so and has
/// not yet. `None` if there is no such user, or the subject is somebody's already.
///
/// # Errors
/// As any statement.
pub async fn link(
    db: &mut Connection,
    issuer: &str,
    subject: &str,
    address: &str,
) -> Result<Option<Known>, StoreError> {
    sqlx::query_file_as!(Known, "src/users/link.sql", issuer, subject, address)
        .fetch_optional(db)
        .await
        .doing("linking a user")
}
