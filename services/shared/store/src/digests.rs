//! Digests: the mails that warn members, one a day each, those of campaigns, and what became of them.
//!
//! At most once: a digest is `sending` in a committed row before the mail server hears of it. What a later
//! attempt finds so may have been sent and is `unknown`, until a person says what became of it
//! (decision 0010).

mod view;

use chrono::{DateTime, Utc};
use tradeup_domain::ErrorCode;
use uuid::Uuid;

pub use view::{DigestFilter, DigestView, Resolution, count_undecided, list, resolve};

use crate::batches::BatchCounts;
use crate::credits::record_failure;
use crate::error::{Doing, StoreError};
use crate::runs::Sender;
use crate::suppressions;
use crate::{Connection, RunId, TenantId};

/// A digest that is to be sent. Whose, only its number says.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The digest.
    pub id: Uuid,
    /// The member.
    pub member_id: Uuid,
    /// Language tag.
    pub locale: String,
    /// IANA name of the zone in which days end.
    pub zone: String,
    /// When it was claimed.
    pub written_at: DateTime<Utc>,
    /// Its lots.
    pub lots: Vec<LetterLot>,
    /// What it says, if it is a campaign's; else it warns of its lots.
    pub words: Option<Words>,
}

/// What a campaign's mail says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Its subject.
    pub subject: String,
    /// Its body, as plain text.
    pub body: String,
}

/// A lot in a digest.
#[derive(Clone, Debug)]
pub struct LetterLot {
    /// What was left of it when the warning was claimed, in minor units.
    pub amount_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// The end that its member is told.
    pub expires_at: DateTime<Utc>,
}

/// What came of taking a digest to the mail server.
pub enum Taken {
    /// It is marked; send it. Personal data; no `Debug`.
    ToSend {
        /// The member's address at this moment.
        to: String,
        /// For the greeting.
        first_name: Option<String>,
    },
    /// There is nothing to say any more, or nobody to say it to.
    Dropped,
    /// It is not pending, or the run is another attempt's.
    NotOurs,
}

/// What the mail server made of it.
#[derive(Clone, Debug)]
pub enum Outcome<'a> {
    /// It has it.
    Sent {
        /// Its words.
        answer: &'a str,
    },
    /// It certainly has it not, and may be asked again.
    NotSent {
        /// Code.
        code: ErrorCode,
        /// Without personal data.
        error: &'a str,
    },
    /// It will not have it: this member's failure.
    Refused {
        /// Code.
        code: ErrorCode,
        /// Without personal data.
        error: &'a str,
        /// The address that does not exist, if it is that.
        bounced: Option<&'a str>,
    },
    /// Nobody knows: this member's failure.
    Unknown {
        /// Code.
        code: ErrorCode,
        /// Without personal data.
        error: &'a str,
    },
}

/// Gives up on what earlier attempts of the sender's run were sending. Returns how many.
///
/// # Errors
/// As any statement.
pub async fn give_up_lost(db: &mut Connection, sender: Sender) -> Result<i64, StoreError> {
    sqlx::query_file_scalar!(
        "src/digests/give_up_lost.sql",
        sender.tenant as TenantId,
        sender.run_id as RunId,
        sender.attempt,
        ErrorCode::MailOutcomeUnknown.as_str(),
        "nobody knows whether the mail server took the mail: the process ended while it was sending",
    )
    .fetch_one(db)
    .await
    .doing("giving up on lost mails")
}

/// The digests of a batch's run that are to be sent, or that one digest.
///
/// # Errors
/// As any statement.
pub async fn pending(
    db: &mut Connection,
    tenant: TenantId,
    run_id: Option<RunId>,
    digest: Option<Uuid>,
) -> Result<Vec<Letter>, StoreError> {
    let rows = sqlx::query_file!(
        "src/digests/pending.sql",
        tenant as TenantId,
        run_id as Option<RunId>,
        digest as Option<Uuid>
    )
    .fetch_all(db)
    .await
    .doing("reading mails to be sent")?;
    let mut letters: Vec<Letter> = Vec::new();
    for row in rows {
        let lot = row.amount_minor.zip(row.currency).zip(row.expires_at);
        let lot = lot.map(|((amount_minor, currency), expires_at)| LetterLot {
            amount_minor,
            currency,
            expires_at,
        });
        match letters.last_mut() {
            Some(letter) if letter.id == row.id => letter.lots.extend(lot),
            _ => letters.push(Letter {
                id: row.id,
                member_id: row.member_id,
                locale: row.locale,
                zone: row.zone,
                written_at: row.written_at,
                lots: lot.into_iter().collect(),
                words: row.subject.zip(row.body).map(|(subject, body)| Words { subject, body }),
            }),
        }
    }
    Ok(letters)
}

/// Marks a digest as being sent. Commit before the mail server hears of it.
///
/// # Errors
/// As any statement.
pub async fn take(db: &mut Connection, sender: Sender, digest: Uuid) -> Result<Taken, StoreError> {
    let row = sqlx::query_file!(
        "src/digests/take.sql",
        sender.tenant as TenantId,
        digest,
        sender.run_id as RunId,
        sender.attempt,
    )
    .fetch_optional(db)
    .await
    .doing("taking a mail")?;
    Ok(match row {
        None => Taken::NotOurs,
        Some(row) => match (row.dropped_because, row.email) {
            (None, Some(to)) => Taken::ToSend { to, first_name: row.first_name },
            _ => Taken::Dropped,
        },
    })
}

/// Records what came of a digest that this sender took, with the member's failure and suppression that
/// follow from it. An answer that comes after somebody has given it up still counts.
///
/// # Errors
/// As any statement.
pub async fn record(
    db: &mut Connection,
    sender: Sender,
    letter: &Letter,
    outcome: &Outcome<'_>,
) -> Result<(), StoreError> {
    let (state, answer, failure) = match outcome {
        Outcome::Sent { answer } => ("sent", Some(*answer), None),
        Outcome::NotSent { code, error } => ("pending", None, Some((code, error))),
        Outcome::Refused { code, error, .. } => ("refused", None, Some((code, error))),
        Outcome::Unknown { code, error } => ("unknown", None, Some((code, error))),
    };
    let recorded = sqlx::query!(
        "update digests set state = $5, answer = $6, error_code = $7, error = $8,
             ended_at = case when $5 <> 'pending' then now() end
         where tenant_id = $1 and id = $2 and sender_run_id = $3 and sender_attempt = $4
             and (state = 'sending' or (state = 'unknown' and resolved_by is null))",
        sender.tenant as TenantId,
        letter.id,
        sender.run_id as RunId,
        sender.attempt,
        state,
        answer,
        failure.map(|(code, _)| code.as_str()),
        failure.map(|(_, error)| *error),
    )
    .execute(&mut *db)
    .await
    .doing("recording what became of a mail")?;
    if recorded.rows_affected() == 0 || state == "pending" {
        return Ok(());
    }
    if let Some((code, error)) = failure {
        record_failure(db, sender.tenant, sender.run_id, letter.member_id, *code, error).await?;
    }
    if let Outcome::Refused { bounced: Some(address), .. } = outcome {
        suppressions::add_bounce(db, sender.tenant, letter.member_id, address, "mail server").await?;
    }
    Ok(())
}

/// What became of a batch's members.
///
/// # Errors
/// As any statement.
pub async fn tally(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
    planned: i32,
) -> Result<BatchCounts, StoreError> {
    let row = sqlx::query_file!("src/digests/tally.sql", tenant as TenantId, run_id as RunId)
        .fetch_one(db)
        .await
        .doing("counting warned members")?;
    let members = planned.max(row.warned + row.failed + row.exempt);
    let others = members - row.warned - row.failed - row.exempt;
    // Of a shop that wants no warnings any more, nobody was warned before either.
    let (exempt, already_done) =
        if row.switched_off { (row.exempt + others, 0) } else { (row.exempt, others) };
    Ok(BatchCounts {
        members,
        affected: row.warned,
        already_done,
        exempt,
        failed: row.failed,
        ..BatchCounts::default()
    })
}

/// The state of a digest, if there is one of this number.
///
/// # Errors
/// As any statement.
pub async fn state(
    db: &mut Connection,
    tenant: TenantId,
    digest: Uuid,
) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar!(
        "select state from digests where tenant_id = $1 and id = $2",
        tenant as TenantId,
        digest
    )
    .fetch_optional(db)
    .await
    .doing("looking up a mail")
}
