//! Whom no mail of a kind goes to, and why.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// Which mails. Whoever wants no more of the one kind still gets the other; an address that does not work, and whoever
/// has complained, gets none of any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Warnings of credit that is about to end.
    CreditExpiry,
    /// What campaigns say.
    Campaign,
}

impl Kind {
    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreditExpiry => "credit_expiry",
            Self::Campaign => "campaign",
        }
    }
}

/// A member to whom no mails of a kind go.
#[derive(Clone, Debug)]
pub struct Suppression {
    /// The member.
    pub member_id: Uuid,
    /// The shop system's id of the member.
    pub external_id: String,
    /// `credit_expiry` or `campaign`: what they do not want, if they have said so; else all mails are meant.
    pub kind: String,
    /// `opt_out`, `bounce` or `complaint`.
    pub reason: String,
    /// Whether it holds: a bounce does not for an address that came after it.
    pub in_force: bool,
    /// Who said so.
    pub source: String,
    /// Since when.
    pub recorded_at: DateTime<Utc>,
}

/// Why a member does not want to be written to. A bounce is about an address: see [`add_bounce`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwanted {
    /// They said so.
    OptOut,
    /// They complained to their provider.
    Complaint,
}

impl Unwanted {
    fn as_str(self) -> &'static str {
        match self {
            Self::OptOut => "opt_out",
            Self::Complaint => "complaint",
        }
    }
}

/// Ends mails of a kind for a member, whatever their address. `None` if the tenant has no such member;
/// otherwise whether that is new.
///
/// # Errors
/// As any statement.
pub async fn add(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
    (kind, reason): (Kind, Unwanted),
    source: &str,
) -> Result<Option<bool>, StoreError> {
    let row = sqlx::query!(
        r#"with found as (
               select id from members where tenant_id = $1 and id = $2
           ), added as (
               insert into suppressions (tenant_id, member_id, kind, reason, source)
               select $1, id, $5, $3, $4 from found
               on conflict (tenant_id, member_id, kind, reason) do nothing
               returning member_id
           )
           select exists (select from found) as "found!", exists (select from added) as "added!""#,
        tenant as TenantId,
        member,
        reason.as_str(),
        source,
        kind.as_str(),
    )
    .fetch_one(db)
    .await
    .doing("suppressing mails")?;
    Ok(row.found.then_some(row.added))
}

/// Ends all mails for a member as long as they have this address. Only its hash is kept.
///
/// # Errors
/// As any statement.
pub async fn add_bounce(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
    address: &str,
    source: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into suppressions (tenant_id, member_id, kind, reason, address_hash, source)
         values ($1, $2, 'credit_expiry', 'bounce', mail_address_hash($3), $4)
         on conflict (tenant_id, member_id, kind, reason) do update
         set address_hash = excluded.address_hash, source = excluded.source, recorded_at = now()",
        tenant as TenantId,
        member,
        address,
        source,
    )
    .execute(db)
    .await
    .doing("suppressing mails")
    .map(drop)
}

/// The bounce of a member's present address, told by a person. `false` if the member has none.
///
/// # Errors
/// As any statement.
pub async fn add_bounce_of_present(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
    source: &str,
) -> Result<bool, StoreError> {
    let address = sqlx::query_scalar!(
        "select email from members where tenant_id = $1 and id = $2",
        tenant as TenantId,
        member
    )
    .fetch_optional(&mut *db)
    .await
    .doing("looking up a member's address")?
    .flatten();
    match address {
        Some(address) => add_bounce(db, tenant, member, &address, source).await.map(|()| true),
        None => Ok(false),
    }
}

/// Lets mails of a kind go to a member again. Returns the reasons for which they did not: what was said about the other
/// kind stays, but for what ends both.
///
/// # Errors
/// As any statement.
pub async fn remove(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
    kind: Kind,
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        "delete from suppressions where tenant_id = $1 and member_id = $2 and (kind = $3 or reason in ('bounce', 'complaint'))
         returning reason",
        tenant as TenantId,
        member,
        kind.as_str()
    )
    .fetch_all(db)
    .await
    .doing("lifting a suppression")
}

/// A tenant's suppressions, newest first.
///
/// # Errors
/// As any statement.
pub async fn list(db: &mut Connection, tenant: TenantId, limit: i64) -> Result<Vec<Suppression>, StoreError> {
    sqlx::query_as!(
        Suppression,
        r#"select s.member_id, m.external_id, s.kind, s.reason,
               s.address_hash is null or coalesce(s.address_hash = mail_address_hash(m.email), false) as "in_force!",
               s.source, s.recorded_at
           from suppressions s join members m on m.tenant_id = s.tenant_id and m.id = s.member_id
           where s.tenant_id = $1
           order by s.recorded_at desc, s.member_id, s.kind, s.reason limit $2"#,
        tenant as TenantId,
        limit
    )
    .fetch_all(db)
    .await
    .doing("listing suppressions")
}

/// Who follows a link that unsubscribes.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Their shop's name.
    pub shop_name: String,
    /// Their language.
    pub locale: String,
    /// Whether they have done so before, for this kind.
    pub has_opted_out: bool,
}

/// The member for whom a link was made, if there still is one.
///
/// # Errors
/// As any statement.
pub async fn reader(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
    kind: Kind,
) -> Result<Option<Reader>, StoreError> {
    sqlx::query_as!(
        Reader,
        r#"select t.name as shop_name, coalesce(m.locale, t.locale) as "locale!",
               exists (select from suppressions s where s.tenant_id = $1 and s.member_id = $2
                   and s.kind = $3 and s.reason = 'opt_out') as "has_opted_out!"
           from members m join tenants t on t.id = m.tenant_id
           where m.tenant_id = $1 and m.id = $2"#,
        tenant as TenantId,
        member,
        kind.as_str()
    )
    .fetch_optional(db)
    .await
    .doing("looking up who unsubscribes")
}
