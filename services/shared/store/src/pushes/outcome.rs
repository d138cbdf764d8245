//! What becomes of pushes.

use std::time::Duration;

use tradeup_domain::ErrorCode;

use super::Push;
use crate::error::{Doing, StoreError};
use crate::runs::Sender;
use crate::{Connection, RunId, TenantId};

/// What became of a push.
#[derive(Clone, Debug)]
pub enum Outcome<'a> {
    /// The shop has booked it.
    Sent {
        /// The booking's id.
        transaction_gid: &'a str,
        /// The account's id, if it was told.
        account_gid: Option<&'a str>,
        /// What was booked, signed, in minor units.
        sent_minor: i64,
        /// What is odd about it: that a debit found less, say.
        note: Option<&'a str>,
    },
    /// There is nothing that it could take.
    Void {
        /// Why.
        why: &'a str,
    },
    /// The shop has certainly not booked it, and may be told again.
    NotSent {
        /// Code.
        code: ErrorCode,
        /// Without personal data.
        error: &'a str,
    },
    /// The shop refuses it.
    Refused {
        /// Code.
        code: ErrorCode,
        /// Without personal data.
        error: &'a str,
    },
    /// Nobody knows. It is looked for after `look_after`.
    Unknown {
        /// Without personal data.
        error: &'a str,
        /// How long a booking may take to be seen in the account's history.
        look_after: Duration,
    },
}

/// Records what became of a push that this sender has marked. Returns whether it was still its own: an answer
/// that comes after somebody has looked it up and told the shop again counts for nothing any more.
///
/// # Errors
/// As any statement.
pub async fn record(
    db: &mut Connection,
    sender: Sender,
    push: &Push,
    outcome: &Outcome<'_>,
) -> Result<bool, StoreError> {
    let (state, due_after, gid, sent_minor, code, error) = match *outcome {
        Outcome::Sent { transaction_gid, sent_minor, note, .. } => {
            ("sent", None, Some(transaction_gid), Some(sent_minor), None, note)
        }
        Outcome::Void { why } => ("void", None, None, None, None, Some(why)),
        Outcome::NotSent { code, error } => {
            ("pending", Some(Duration::ZERO), None, None, Some(code), Some(error))
        }
        Outcome::Refused { code, error } => ("failed", None, None, None, Some(code), Some(error)),
        Outcome::Unknown { error, look_after } => {
            ("unknown", Some(look_after), None, None, Some(ErrorCode::ShopOutcomeUnknown), Some(error))
        }
    };
    let recorded = sqlx::query!(
        "update pushes set state = $5, due_at = clock_timestamp() + make_interval(secs => $6), transaction_gid = $7, sent_minor = $8,
             error_code = $9, error = $10,
             ended_at = case when $5 in ('sent', 'failed', 'void') then clock_timestamp() end
         where tenant_id = $1 and id = $2 and state in ('sending', 'unknown')
             and run_id = $3 and attempt = $4 and sends = $11",
        sender.tenant as TenantId,
        push.id,
        sender.run_id as RunId,
        sender.attempt,
        state,
        due_after.map(|wait| wait.as_secs_f64()),
        gid,
        sent_minor,
        code.map(ErrorCode::as_str),
        error,
        push.sends,
    )
    .execute(&mut *db)
    .await
    .doing("recording what became of a push")?;
    if let Outcome::Sent { transaction_gid, account_gid, .. } = *outcome
        && recorded.rows_affected() == 1
    {
        note_account(db, sender.tenant, push, account_gid, Some(transaction_gid)).await?;
    }
    Ok(recorded.rows_affected() == 1)
}

/// A debit that found less is told again, for what there is. The push stays this sender's.
///
/// # Errors
/// As any statement; [`crate::ErrorKind::Corrupt`] if it is not this sender's any more.
pub async fn shorten(
    db: &mut Connection,
    sender: Sender,
    push: &Push,
    net_minor: i64,
) -> Result<Push, StoreError> {
    let marked = sqlx::query!(
        r#"update pushes set net_minor = $6, sends = sends + 1, sent_at = clock_timestamp()
           where tenant_id = $1 and id = $2 and state = 'sending' and run_id = $3 and attempt = $4 and sends = $5
           returning sent_at as "sent_at!", sends"#,
        sender.tenant as TenantId,
        push.id,
        sender.run_id as RunId,
        sender.attempt,
        push.sends,
        net_minor,
    )
    .fetch_optional(db)
    .await
    .doing("shortening a push")?
    .ok_or_else(|| StoreError::of_kind(crate::ErrorKind::Corrupt, "shortening a push"))?;
    Ok(Push { net_minor, sent_at: marked.sent_at, sends: marked.sends, ..push.clone() })
}

/// What a look into the account's history has found.
#[derive(Clone, Debug)]
pub enum Found<'a> {
    /// The booking.
    Booked {
        /// Its id.
        transaction_gid: &'a str,
        /// The account's.
        account_gid: &'a str,
    },
    /// Nothing that it could be.
    Nothing,
    /// More than one that it could be: a person has to say.
    Several,
}

/// Looks in vain until the shop is told again.
const LOOKS_IN_VAIN: i32 = 2;

/// Records what a look for an unknown push has found. Not found on two looks, `look_again` apart, it
/// was not booked, and the shop is told again; one look will do for what was perhaps booked in a time that a restore has lost,
/// since that is long over.
///
/// # Errors
/// As any statement.
pub async fn found(
    db: &mut Connection,
    tenant: TenantId,
    push: &Push,
    found: &Found<'_>,
    look_again: Duration,
) -> Result<(), StoreError> {
    let tell_again = push.looks + 1 >= LOOKS_IN_VAIN || push.lost_until.is_some();
    let (state, gid, error) = match *found {
        Found::Booked { transaction_gid, .. } => ("sent", Some(transaction_gid), None),
        Found::Nothing if tell_again => ("pending", None, None),
        Found::Nothing => ("unknown", None, Some("not found in the account's history so far")),
        Found::Several => (
            "unknown",
            None,
            Some("several bookings of the account's history could be it: a person has to say"),
        ),
    };
    let due_after = match *found {
        Found::Booked { .. } | Found::Several => None,
        Found::Nothing if tell_again => Some(Duration::ZERO),
        Found::Nothing => Some(look_again),
    };
    let recorded = sqlx::query!(
        "update pushes set state = $4, due_at = clock_timestamp() + make_interval(secs => $5), transaction_gid = $6,
             sent_minor = case when $4 = 'sent' then net_minor end, looks = looks + 1, looked_at = clock_timestamp(),
             error_code = case when $4 = 'unknown' then error_code end, error = $7,
             ended_at = case when $4 = 'sent' then clock_timestamp() end
         where tenant_id = $1 and id = $2 and state = 'unknown' and sends = $3 and looks = $8",
        tenant as TenantId,
        push.id,
        push.sends,
        state,
        due_after.map(|wait| wait.as_secs_f64()),
        gid,
        error,
        push.looks,
    )
    .execute(&mut *db)
    .await
    .doing("recording what was found of a push")?;
    if let Found::Booked { transaction_gid, account_gid } = *found
        && recorded.rows_affected() == 1
    {
        note_account(db, tenant, push, Some(account_gid), Some(transaction_gid)).await?;
    }
    Ok(())
}

/// Notes what is known of a member's account at the shop.
async fn note_account(
    db: &mut Connection,
    tenant: TenantId,
    push: &Push,
    account_gid: Option<&str>,
    newest_gid: Option<&str>,
) -> Result<(), StoreError> {
    let Some(account_gid) = account_gid.or(push.account_gid.as_deref()) else { return Ok(()) };
    sqlx::query!(
        "insert into shop_accounts (tenant_id, member_id, currency, account_gid, newest_gid)
         values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, member_id, currency) do update
             set account_gid = excluded.account_gid,
                 newest_gid = coalesce(excluded.newest_gid, shop_accounts.newest_gid)",
        tenant as TenantId,
        push.member_id,
        push.currency,
        account_gid,
        newest_gid,
    )
    .execute(db)
    .await
    .doing("noting an account at the shop")?;
    Ok(())
}
