//! The end of a hold: captured or released.

use chrono::{DateTime, Utc};
use tradeup_domain::ledger::{self, CaptureError, EntryKind};

use super::{AskedHold, Hold, HoldState, find, parts};
use crate::accounts::{self, Booking, book};
use crate::error::{Doing, ErrorKind, StoreError};
use crate::operations::{self, Begun, Operation, OperationKind};
use crate::{Connection, TenantId, schedules};

/// What came of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Captured {
    /// It is spent; `is_new` if by this call.
    Done {
        /// Whether it was captured now.
        is_new: bool,
        /// How much was spent, in minor units.
        amount_minor: i64,
        /// What of the hold is free again, in minor units.
        released_minor: i64,
        /// ISO 4217 code.
        currency: String,
    },
    /// There is no such hold.
    UnknownHold,
    /// Less is authorised. Nothing was taken.
    TooMuch(CaptureError),
    /// It was released, or its time is over.
    Over(HoldState),
    /// It was captured already, with another amount; or there is a spend of its name.
    OtherOperation,
}

/// Spends what was authorised, or `amount_minor` of it, on the lots that hold it; the rest is free again. A
/// spend comes of it, of the hold's key, which can be taken back like any other.
///
/// # Errors
/// As any statement. The caller rolls back what is not [`Captured::Done`].
pub async fn capture(
    db: &mut Connection,
    asked: &AskedHold<'_>,
    amount_minor: Option<i64>,
) -> Result<Captured, StoreError> {
    let key = asked.key();
    let Some((hold, now)) = locked(db, asked.tenant, &key).await? else { return Ok(Captured::UnknownHold) };
    let asked_minor = amount_minor.unwrap_or(hold.amount_minor);
    match hold.state {
        HoldState::Authorised => {}
        HoldState::Captured if hold.captured_minor == Some(asked_minor) => {
            return Ok(done(&hold, asked_minor, false));
        }
        HoldState::Captured => return Ok(Captured::OtherOperation),
        over => return Ok(Captured::Over(over)),
    }
    let taken = match ledger::capture(&parts(db, asked.tenant, &key).await?, asked_minor) {
        Ok(taken) => taken,
        Err(too_much) => return Ok(Captured::TooMuch(too_much)),
    };
    let operation = Operation {
        tenant: asked.tenant,
        key: &key,
        kind: OperationKind::Spend,
        member_id: hold.member_id,
        currency: &hold.currency,
        amount_minor: asked_minor,
        of_key: None,
        reason: asked.reason,
        actor: asked.actor,
        run_id: None,
        effective_at: now,
        at_shop: false,
        rule: None,
    };
    if operations::begin(db, &operation).await? != Begun::New {
        return Ok(Captured::OtherOperation);
    }
    // First what is held goes down, then what is left: never is more held of a lot than is left of it.
    close(db, asked, &key, HoldState::Captured, Some(asked_minor)).await?;
    let mut booking = Booking::of(&operation);
    booking.move_parts(EntryKind::Spend, -1, &taken);
    book(db, &booking).await?;
    Ok(done(&hold, asked_minor, true))
}

fn done(hold: &Hold, amount_minor: i64, is_new: bool) -> Captured {
    let released_minor = hold.amount_minor - amount_minor;
    Captured::Done { is_new, amount_minor, released_minor, currency: hold.currency.clone() }
}

/// What came of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Released {
    /// Nothing is held any more; `is_new` if by this call.
    Done {
        /// Whether it was released now.
        is_new: bool,
        /// Released, or expired: its time was over before.
        state: HoldState,
        /// What the hold was about, in minor units.
        amount_minor: i64,
        /// ISO 4217 code.
        currency: String,
    },
    /// There is no such hold.
    UnknownHold,
    /// A spend was made of it, which can be taken back.
    Captured,
}

/// Gives a hold up. What of it is in lots that have ended meanwhile expires with the next expiration, as of
/// its own end, like all that has ended.
///
/// # Errors
/// As any statement.
pub async fn release(db: &mut Connection, asked: &AskedHold<'_>) -> Result<Released, StoreError> {
    let key = asked.key();
    let Some((hold, _now)) = locked(db, asked.tenant, &key).await? else { return Ok(Released::UnknownHold) };
    let (amount_minor, currency) = (hold.amount_minor, hold.currency);
    match hold.state {
        HoldState::Captured => Ok(Released::Captured),
        HoldState::Authorised => {
            close(db, asked, &key, HoldState::Released, None).await?;
            Ok(Released::Done { is_new: true, state: HoldState::Released, amount_minor, currency })
        }
        state => Ok(Released::Done { is_new: false, state, amount_minor, currency }),
    }
}

/// Looks a hold up and locks its account, if there is one; and the instant at which it stands so. A member of whom
/// something is held does not become a part of another; one whose hold has ended may have, and is not locked
/// for it.
async fn locked(
    db: &mut Connection,
    tenant: TenantId,
    key: &str,
) -> Result<Option<(Hold, DateTime<Utc>)>, StoreError> {
    let now = schedules::now(db).await?;
    let Some(hold) = find(db, tenant, key, now).await? else { return Ok(None) };
    if hold.state != HoldState::Authorised {
        return Ok(Some((hold, now)));
    }
    accounts::lock(db, tenant, hold.member_id, &hold.currency).await?;
    // Only what is seen under the lock counts.
    let now = schedules::now(db).await?;
    Ok(find(db, tenant, key, now).await?.map(|hold| (hold, now)))
}

async fn close(
    db: &mut Connection,
    asked: &AskedHold<'_>,
    key: &str,
    state: HoldState,
    captured_minor: Option<i64>,
) -> Result<(), StoreError> {
    let closed = sqlx::query_file_scalar!(
        "src/holds/close.sql",
        asked.tenant as TenantId,
        key,
        state.as_str(),
        captured_minor,
        asked.actor,
        asked.reason,
    )
    .fetch_one(db)
    .await
    .doing("ending a hold")?;
    if closed == 1 { Ok(()) } else { Err(StoreError::of_kind(ErrorKind::Corrupt, "ending a hold")) }
}
