//! Members as their shop tells of them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// A customer as the shop tells of it. What is `None` was not told, or is not there.
#[derive(Clone, Debug, Default)]
pub struct Customer {
    /// The shop's id.
    pub external_id: String,
    /// E-mail address.
    pub email: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// Two letters of ISO 3166.
    pub country: Option<String>,
    /// Tags; `None` if they were not told.
    pub tags: Option<Vec<String>>,
    /// Whether marketing by e-mail is agreed to; `None` if it was not told.
    pub accepts_email_marketing: Option<bool>,
    /// Which version of the customer this is, by the shop's clock.
    pub version_at: Option<DateTime<Utc>>,
}

/// A member as far as the shop's events are concerned.
#[derive(Clone, Debug)]
pub struct Known {
    /// The member.
    pub member_id: Uuid,
    /// The tags that were told last.
    pub tags: Option<Vec<String>>,
    /// Whether marketing is agreed to.
    pub accepts_email_marketing: bool,
    /// The country.
    pub country: Option<String>,
    /// The customer is to be forgotten.
    pub is_redacted: bool,
    /// The customer is gone at the shop.
    pub is_deleted: bool,
    /// It has become a part of another member.
    pub is_merged: bool,
    /// State of the latest membership: `active`, `paused` or `cancelled`; `None` if there never was one.
    pub membership: Option<String>,
}

/// What came of what the shop told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// There is no such member.
    NoMember,
    /// Nothing new, or older than what is known.
    Nothing,
    /// It is known now.
    Changed,
    /// The customer is to be forgotten: nothing is taken.
    Redacted,
}

/// The member with this customer id, itself, whatever has become of it. Its row stays locked.
///
/// # Errors
/// As any statement.
pub async fn known(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
) -> Result<Option<Known>, StoreError> {
    sqlx::query_as!(
        Known,
        r#"select m.id as member_id, m.tags, m.accepts_email_marketing, m.country,
               m.redacted_at is not null as "is_redacted!", m.deleted_at is not null as "is_deleted!",
               m.merged_into is not null as "is_merged!",
               (select ms.status from memberships ms where ms.tenant_id = $1 and ms.member_id = m.id
                order by ms.valid_from desc limit 1) as "membership?"
           from members m where m.tenant_id = $1 and m.external_id = $2
           for no key update of m"#,
        tenant as TenantId,
        external_id,
    )
    .fetch_optional(db)
    .await
    .doing("looking up a member")
}

/// When the customer became a member; `None` if it is none.
///
/// # Errors
/// As any statement.
pub async fn member_since(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    sqlx::query_scalar!(
        "select created_at from members where tenant_id = $1 and external_id = $2",
        tenant as TenantId,
        external_id,
    )
    .fetch_optional(db)
    .await
    .doing("looking up a member")
}

/// Notes what the shop tells of a member. What was not told stays as it is.
///
/// # Errors
/// As any statement.
pub async fn note(db: &mut Connection, tenant: TenantId, customer: &Customer) -> Result<Noted, StoreError> {
    let Some(known) = known(db, tenant, &customer.external_id).await? else { return Ok(Noted::NoMember) };
    if known.is_redacted {
        return Ok(Noted::Redacted);
    }
    let changed = sqlx::query_file!(
        "src/members/note.sql",
        tenant as TenantId,
        known.member_id,
        customer.email,
        customer.first_name,
        customer.last_name,
        customer.phone,
        customer.country,
        customer.tags.as_deref(),
        customer.accepts_email_marketing,
        customer.version_at,
    )
    .execute(db)
    .await
    .doing("noting what a shop tells of a member")?;
    Ok(if changed.rows_affected() == 1 { Noted::Changed } else { Noted::Nothing })
}

/// Adds and removes tags of a member. Returns all that it has then; `None` if there is no such member that tags may be
/// noted of.
///
/// # Errors
/// As any statement.
pub async fn change_tags(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
    added: &[String],
    removed: &[String],
) -> Result<Option<Vec<String>>, StoreError> {
    let tags = sqlx::query_file_scalar!(
        "src/members/change_tags.sql",
        tenant as TenantId,
        external_id,
        added,
        removed,
    )
    .fetch_optional(db)
    .await
    .doing("noting a member's tags")?;
    Ok(tags.flatten())
}

/// Notes that the customer is gone at the shop. `None` if there is no such member; otherwise whether that is new.
///
/// # Errors
/// As any statement.
pub async fn delete(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
    at: DateTime<Utc>,
) -> Result<Option<bool>, StoreError> {
    sqlx::query_scalar!(
        r#"update members m set deleted_at = coalesce(m.deleted_at, $3), updated_at = now()
           from members before
           where m.tenant_id = $1 and m.external_id = $2 and before.tenant_id = $1 and before.id = m.id
           returning before.deleted_at is null as "is_new!""#,
        tenant as TenantId,
        external_id,
        at,
    )
    .fetch_optional(db)
    .await
    .doing("noting that a customer is gone")
}
