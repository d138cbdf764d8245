//! Holds: credit that a checkout authorises first and captures later, all of it or less. Until then nobody
//! else can spend it, and nothing of it expires.
//!
//! Each is about one account and done under its lock ([`crate::accounts`]), which also ends holds whose time
//! is over: nobody has to come by for them to be free.

mod end;
mod view;

pub use end::{Captured, Released, capture, release};
pub use view::{HoldLine, list};

use chrono::{DateTime, TimeDelta, Utc};
use tradeup_domain::Money;
use tradeup_domain::ledger::{Insufficient, Part, allocate, capture_until, spendable_minor};
use uuid::Uuid;

use crate::accounts;
use crate::credits::spend_key;
use crate::error::{Doing, StoreError};
use crate::operations;
use crate::{Connection, TenantId};

/// Who authorises, captures or releases, and what they call the hold.
#[derive(Clone, Copy, Debug)]
pub struct AskedHold<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// The system whose hold it is.
    pub source: &'a str,
    /// What that system calls it: the spend that comes of it has the same name.
    pub reference: &'a str,
    /// Who asks: a person, a system.
    pub actor: &'a str,
    /// Why, in words for people.
    pub reason: Option<&'a str>,
}

impl AskedHold<'_> {
    /// What makes the hold unique within its tenant, and the spend that comes of it.
    #[must_use]
    pub fn key(&self) -> String {
        spend_key(self.source, self.reference)
    }
}

/// How a hold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    /// It can be captured.
    Authorised,
    /// A spend was made of it.
    Captured,
    /// It was given up.
    Released,
    /// Its time is over.
    Expired,
}

impl HoldState {
    /// The name that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authorised => "authorised",
            Self::Captured => "captured",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }

    /// A stored state; the schema allows no other.
    fn of(stored: &str) -> Self {
        match stored {
            "captured" => Self::Captured,
            "released" => Self::Released,
            "expired" => Self::Expired,
            _ => Self::Authorised,
        }
    }
}

/// What came of an authorisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorised {
    /// It is authorised; `is_new` if by this call.
    Done {
        /// Whether it was authorised now.
        is_new: bool,
        /// How it stands: another than authorised only if it was authorised before.
        state: HoldState,
        /// Until when it can be captured.
        capture_until: DateTime<Utc>,
        /// What can be spent beside it, in minor units.
        left_minor: i64,
    },
    /// There is not enough. Nothing is held.
    Insufficient(Insufficient),
    /// The key is that of another hold, or of a spend.
    OtherOperation,
}

/// Holds `amount` of a member's credit, what ends soonest first, for `seconds` at most
/// ([`tradeup_domain::spend::hold_seconds`]). Two calls of one key hold once.
///
/// # Errors
/// As any statement. The caller rolls back what is not [`Authorised::Done`].
pub async fn authorise(
    db: &mut Connection,
    asked: &AskedHold<'_>,
    member_id: Uuid,
    amount: Money,
    seconds: i64,
) -> Result<Authorised, StoreError> {
    let (tenant, currency) = (asked.tenant, amount.currency.code());
    let key = asked.key();
    let asked_minor = amount.amount_minor;
    if accounts::lock(db, tenant, member_id, currency).await?.is_none() {
        return Ok(Authorised::Insufficient(Insufficient { asked_minor, spendable_minor: 0 }));
    }
    let (now, lots) = accounts::lots(db, tenant, member_id, currency).await?;
    let left_minor = spendable_minor(&lots, now);
    if let Some(before) = find(db, tenant, &key, now).await? {
        let same = (before.current_member_id, before.currency.as_str(), before.amount_minor, before.seconds)
            == (member_id, currency, asked_minor, seconds);
        let (state, capture_until) = (before.state, before.capture_until);
        return Ok(match same {
            true => Authorised::Done { is_new: false, state, capture_until, left_minor },
            false => Authorised::OtherOperation,
        });
    }
    // A spend of this name is a spend already.
    if operations::by_key(db, tenant, &key).await?.is_some() {
        return Ok(Authorised::OtherOperation);
    }
    let parts = match allocate(&lots, asked_minor, now) {
        Ok(parts) => parts,
        Err(insufficient) => return Ok(Authorised::Insufficient(insufficient)),
    };
    let capture_until = capture_until(&lots, &parts, now, TimeDelta::seconds(seconds));
    let inserted = sqlx::query!(
        "insert into holds (tenant_id, key, source, reference, member_id, currency, amount_minor, valid_seconds,
            reason, actor, authorised_at, capture_until)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (tenant_id, key) do nothing",
        tenant as TenantId,
        key,
        asked.source,
        asked.reference,
        member_id,
        currency,
        asked_minor,
        i32::try_from(seconds).unwrap_or(i32::MAX),
        asked.reason,
        asked.actor,
        now,
        capture_until,
    )
    .execute(&mut *db)
    .await
    .doing("recording a hold")?;
    if inserted.rows_affected() == 0 {
        // Another account's hold took the name just now.
        return Ok(Authorised::OtherOperation);
    }
    sqlx::query_file!(
        "src/holds/open.sql",
        tenant as TenantId,
        key,
        member_id,
        currency,
        &parts.iter().map(|part| part.lot_id).collect::<Vec<_>>(),
        &parts.iter().map(|part| part.amount_minor).collect::<Vec<_>>(),
    )
    .execute(db)
    .await
    .doing("holding credit")?;
    let left_minor = left_minor - asked_minor;
    Ok(Authorised::Done { is_new: true, state: HoldState::Authorised, capture_until, left_minor })
}

/// A hold as it is stored, and as it stands now.
struct Hold {
    member_id: Uuid,
    /// The member, or the one that it has become a part of.
    current_member_id: Uuid,
    currency: String,
    amount_minor: i64,
    seconds: i64,
    state: HoldState,
    captured_minor: Option<i64>,
    capture_until: DateTime<Utc>,
}

/// Looks a hold up. Past its time it has expired, booked or not.
async fn find(
    db: &mut Connection,
    tenant: TenantId,
    key: &str,
    now: DateTime<Utc>,
) -> Result<Option<Hold>, StoreError> {
    let row = sqlx::query!(
        r#"select h.member_id, coalesce(m.merged_into, m.id) as "current_member_id!", h.currency, h.amount_minor,
               h.valid_seconds, h.state, h.captured_minor, h.capture_until
           from holds h join members m on m.tenant_id = $1 and m.id = h.member_id
           where h.tenant_id = $1 and h.key = $2"#,
        tenant as TenantId,
        key,
    )
    .fetch_optional(db)
    .await
    .doing("looking up a hold")?;
    Ok(row.map(|row| Hold {
        member_id: row.member_id,
        current_member_id: row.current_member_id,
        currency: row.currency,
        amount_minor: row.amount_minor,
        seconds: row.valid_seconds.into(),
        state: match HoldState::of(&row.state) {
            HoldState::Authorised if row.capture_until <= now => HoldState::Expired,
            state => state,
        },
        captured_minor: row.captured_minor,
        capture_until: row.capture_until,
    }))
}

/// The lots of a hold, in the order of use.
async fn parts(db: &mut Connection, tenant: TenantId, key: &str) -> Result<Vec<Part>, StoreError> {
    sqlx::query_as!(
        Part,
        "select lot_id, amount_minor from hold_parts where tenant_id = $1 and hold_key = $2 order by seq",
        tenant as TenantId,
        key,
    )
    .fetch_all(db)
    .await
    .doing("reading a hold")
}

/// Whether a spend of this key would take the name of a hold of which no spend was made.
pub(crate) async fn is_taken(db: &mut Connection, tenant: TenantId, key: &str) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"select exists (select from holds where tenant_id = $1 and key = $2 and state <> 'captured') as "taken!""#,
        tenant as TenantId,
        key,
    )
    .fetch_one(db)
    .await
    .doing("looking for a hold of a spend's name")
}
