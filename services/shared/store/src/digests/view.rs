//! Digests as people see them, and what people decide about them. Without addresses.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::campaigns::CampaignId;
use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// Which digests. Each narrows.
#[derive(Clone, Debug, Default)]
pub struct DigestFilter {
    /// That one.
    pub id: Option<Uuid>,
    /// In this state.
    pub state: Option<String>,
    /// Of this day, UTC.
    pub day: Option<NaiveDate>,
    /// To this member.
    pub member: Option<Uuid>,
    /// Of this campaign.
    pub campaign: Option<CampaignId>,
}

/// A digest as it is shown.
#[derive(Clone, Debug)]
pub struct DigestView {
    /// Its number.
    pub id: Uuid,
    /// The tenant's handle.
    pub tenant_handle: String,
    /// The member.
    pub member_id: Uuid,
    /// Its day, UTC.
    pub day: NaiveDate,
    /// `pending`, `sending`, `sent`, `dropped`, `refused` or `unknown`.
    pub state: String,
    /// Why it was not sent after all.
    pub dropped_because: Option<String>,
    /// Language tag.
    pub locale: String,
    /// When its warnings were claimed, or its campaign wrote it down.
    pub written_at: DateTime<Utc>,
    /// The batch that claimed them.
    pub run_id: RunId,
    /// The run that took it to the mail server last.
    pub sender_run_id: Option<RunId>,
    /// How often that was tried.
    pub tries: i32,
    /// When last.
    pub taken_at: Option<DateTime<Utc>>,
    /// When it came to its end.
    pub ended_at: Option<DateTime<Utc>>,
    /// What the mail server said when it took it.
    pub answer: Option<String>,
    /// What went wrong last.
    pub error_code: Option<String>,
    /// The same in words.
    pub error: Option<String>,
    /// Who decided what became of it.
    pub resolved_by: Option<String>,
    /// How many lots it warns of; none, if it is a campaign's.
    pub lots: i64,
    /// The campaign that it is of, if it is of one.
    pub campaign_id: Option<CampaignId>,
    /// That campaign's name.
    pub campaign: Option<String>,
}

impl DigestView {
    /// What there is to say about its state, in a few words; nothing of one that waits.
    #[must_use]
    pub fn because(&self) -> String {
        if let Some(by) = &self.resolved_by {
            return format!("decided by {by}");
        }
        match (&self.dropped_because, &self.error_code, &self.error, &self.answer) {
            (Some(because), ..) => because.clone(),
            (_, Some(code), error, _) => format!("{code} {}", error.as_deref().unwrap_or_default()),
            (.., Some(answer)) => answer.clone(),
            _ => String::new(),
        }
    }
}

/// A tenant's digests, newest first.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    filter: &DigestFilter,
    limit: i64,
) -> Result<Vec<DigestView>, StoreError> {
    sqlx::query_file_as!(
        DigestView,
        "src/digests/list.sql",
        tenant as TenantId,
        filter.id as Option<Uuid>,
        filter.state.as_deref() as Option<&str>,
        filter.day as Option<NaiveDate>,
        limit,
        filter.member as Option<Uuid>,
        filter.campaign as Option<CampaignId>,
    )
    .fetch_all(db)
    .await
    .doing("listing mails")
}

/// What a person decides about a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The member has it.
    Sent,
    /// The member has it not, or may have it twice: it is sent once more.
    SendAgain,
}

/// Carries out what a person decided. `None` if the digest is in no state for it: it was sent, somebody is
/// sending it, or a run has still to. Otherwise how often it was tried before.
///
/// # Errors
/// As any statement.
pub async fn resolve(
    db: &mut Connection,
    tenant: TenantId,
    digest: Uuid,
    resolution: Resolution,
    by: &str,
) -> Result<Option<i32>, StoreError> {
    let state = match resolution {
        Resolution::Sent => "sent",
        Resolution::SendAgain => "pending",
    };
    sqlx::query_file_scalar!("src/digests/resolve.sql", tenant as TenantId, digest, state, by)
        .fetch_optional(db)
        .await
        .doing("deciding what became of a mail")
}

/// How many of a tenant's digests wait for a person: nobody knows whether they were sent, or the run that
/// was to send them has ended.
///
/// # Errors
/// As any statement.
pub async fn count_undecided(db: &mut Connection, tenant: TenantId) -> Result<i64, StoreError> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from digests d
           where d.tenant_id = $1 and (d.state = 'unknown'
               or (d.state in ('pending', 'sending') and d.resolved_by is null and not exists (
                   select from runs r where r.id = coalesce(d.sender_run_id, d.run_id) and r.finished_at is null)))"#,
        tenant as TenantId
    )
    .fetch_one(db)
    .await
    .doing("counting undecided mails")
}
