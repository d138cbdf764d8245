//! A shop's own words for the mail that warns of credit that is about to end.

use chrono::{DateTime, Utc};

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// A template as a shop wrote it.
#[derive(Clone, Debug)]
pub struct StoredTemplate {
    /// Language tag.
    pub locale: String,
    /// Counted from 1 for each language.
    pub version: i32,
    /// One line.
    pub subject: String,
    /// The plain text part.
    pub body_text: String,
    /// The HTML part.
    pub body_html: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
}

/// A template to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewTemplate<'a> {
    /// Language tag.
    pub locale: &'a str,
    /// One line.
    pub subject: &'a str,
    /// The plain text part.
    pub body_text: &'a str,
    /// The HTML part.
    pub body_html: &'a str,
    /// Who writes it.
    pub by: &'a str,
}

/// The templates in use, by language.
///
/// # Errors
/// As any statement.
pub async fn active(db: &mut Connection, tenant: TenantId) -> Result<Vec<StoredTemplate>, StoreError> {
    sqlx::query_as!(
        StoredTemplate,
        "select locale, version, subject, body_text, body_html, created_at, created_by from mail_templates
         where tenant_id = $1 and kind = 'credit_expiry' and active order by locale",
        tenant as TenantId
    )
    .fetch_all(db)
    .await
    .doing("reading mail templates")
}

/// Puts a template in use in place of the one that there is. Returns its version.
///
/// # Errors
/// As any statement.
pub async fn set(db: &mut Connection, tenant: TenantId, new: &NewTemplate<'_>) -> Result<i32, StoreError> {
    reset(db, tenant, new.locale).await?;
    sqlx::query_scalar!(
        "insert into mail_templates (tenant_id, kind, locale, version, subject, body_text, body_html, created_by)
         select $1, 'credit_expiry', $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6
         from mail_templates where tenant_id = $1 and kind = 'credit_expiry' and locale = $2
         returning version",
        tenant as TenantId,
        new.locale,
        new.subject,
        new.body_text,
        new.body_html,
        new.by,
    )
    .fetch_one(db)
    .await
    .doing("storing a mail template")
}

/// Puts the built-in words back in use. `false` if they were.
///
/// # Errors
/// As any statement.
pub async fn reset(db: &mut Connection, tenant: TenantId, locale: &str) -> Result<bool, StoreError> {
    sqlx::query!(
        "update mail_templates set active = false
         where tenant_id = $1 and kind = 'credit_expiry' and locale = $2 and active",
        tenant as TenantId,
        locale
    )
    .execute(db)
    .await
    .doing("resetting a mail template")
    .map(|done| done.rows_affected() > 0)
}
