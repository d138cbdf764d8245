//! Booking: entries, lots and balance of one account change together.

use chrono::{DateTime, NaiveDate, Utc};
use tradeup_domain::ValueClass;
use tradeup_domain::ledger::{EntryKind, Part};
use uuid::Uuid;

use crate::error::{Doing, ErrorKind, StoreError};
use crate::ids::new_ids;
use crate::{Connection, RunId, TenantId};

/// A movement on one lot.
#[derive(Clone, Debug)]
pub struct Movement {
    /// The lot; one of the booking's new ones, or one that there is.
    pub lot_id: Uuid,
    /// What kind.
    pub kind: EntryKind,
    /// Signed, in minor units.
    pub amount_minor: i64,
    /// What makes it unique within its lot.
    pub key: String,
    /// When it takes effect.
    pub effective_at: DateTime<Utc>,
}

/// A lot that a booking begins. Its first entry, a grant of the whole amount, is made with it.
#[derive(Clone, Debug)]
pub struct NewLot {
    /// Its id.
    pub id: Uuid,
    /// Where its value comes from.
    pub value_class: ValueClass,
    /// Why it is granted, as the schema names it.
    pub reason: &'static str,
    /// With the reason, what makes it unique for its member.
    pub source_key: String,
    /// How much, in minor units.
    pub granted_minor: i64,
    /// From when it can be spent; `None` while that is not known.
    pub available_at: Option<DateTime<Utc>>,
    /// The end that the member is told.
    pub expires_at: Option<DateTime<Utc>>,
    /// The end with the days of grace.
    pub ends_at: Option<DateTime<Utc>>,
    /// The date from which its validity counts.
    pub anchor_on: Option<NaiveDate>,
    /// Why, in words for people.
    pub note: Option<String>,
}

/// The lot of another member that a new one goes on from. Its first entry is no grant, but a transfer.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The new lot.
    pub lot_id: Uuid,
    /// The other member's lot.
    pub from: Uuid,
    /// The run that has granted it, which can be reversed.
    pub run_id: Option<RunId>,
    /// When it was granted: its place in the order of use.
    pub created_at: DateTime<Utc>,
}

/// What happens to a debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebtKind {
    /// Used, and no longer earned.
    Open,
    /// Taken from a lot.
    Recover,
    /// Given up.
    WriteOff,
    /// Moved to another member, when two become one.
    TransferOut,
    /// Come from another member.
    TransferIn,
}

impl DebtKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "debt_open",
            Self::Recover => "debt_recover",
            Self::WriteOff => "debt_write_off",
            Self::TransferOut => "debt_transfer_out",
            Self::TransferIn => "debt_transfer_in",
        }
    }
}

/// A movement of what a member owes.
#[derive(Clone, Debug)]
pub struct DebtMovement {
    /// What kind.
    pub kind: DebtKind,
    /// Signed, in minor units: above 0 if the member owes more.
    pub amount_minor: i64,
    /// What makes it unique within its account.
    pub key: String,
}

/// Movements on one account, which is locked.
#[derive(Clone, Debug)]
pub struct Booking<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// The member.
    pub member_id: Uuid,
    /// ISO 4217 code.
    pub currency: &'a str,
    /// The run that books, if one does.
    pub run_id: Option<RunId>,
    /// The operation that it is.
    pub operation: &'a str,
    /// When it takes effect.
    pub effective_at: DateTime<Utc>,
    /// Lots that begin.
    pub new_lots: Vec<NewLot>,
    /// Those of them that come from another member.
    pub origins: Vec<Origin>,
    /// Movements on lots, in order.
    pub movements: Vec<Movement>,
    /// Movements of the debt.
    pub debts: Vec<DebtMovement>,
}

impl<'a> Booking<'a> {
    /// A booking without movements.
    #[must_use]
    pub fn of(operation: &crate::operations::Operation<'a>) -> Self {
        Self {
            tenant: operation.tenant,
            member_id: operation.member_id,
            currency: operation.currency,
            run_id: operation.run_id,
            operation: operation.key,
            effective_at: operation.effective_at,
            new_lots: Vec::new(),
            origins: Vec::new(),
            movements: Vec::new(),
            debts: Vec::new(),
        }
    }

    /// Adds the parts as movements of the operation's own key: `sign` is 1 or -1.
    pub fn move_parts(&mut self, kind: EntryKind, sign: i64, parts: &[Part]) {
        let (key, effective_at) = (self.operation, self.effective_at);
        self.movements.extend(parts.iter().map(|part| Movement {
            lot_id: part.lot_id,
            kind,
            amount_minor: sign * part.amount_minor,
            key: key.to_owned(),
            effective_at,
        }));
    }

    /// Adds a lot that goes on from another member's.
    pub fn receive(&mut self, lot: NewLot, origin: Origin) {
        self.new_lots.push(lot);
        self.origins.push(origin);
    }

    /// The lot of another member that this new one goes on from.
    fn origin(&self, lot_id: Uuid) -> Option<&Origin> {
        self.origins.iter().find(|origin| origin.lot_id == lot_id)
    }

    /// What the lot's movements add up to, in minor units.
    fn moved_minor(&self, lot_id: Uuid) -> i64 {
        self.movements.iter().filter(|m| m.lot_id == lot_id).map(|m| m.amount_minor).sum()
    }
}

/// Writes a booking: all of it in one statement. The schema refuses what would make a lot or a balance
/// negative.
///
/// # Errors
/// [`ErrorKind::Refused`] by a check or key, [`ErrorKind::Corrupt`] if a lot is not the account's.
pub async fn book(db: &mut Connection, booking: &Booking<'_>) -> Result<(), StoreError> {
    let new = &booking.new_lots;
    let is_new = |lot: Uuid| new.iter().any(|new| new.id == lot);
    let mut moved: Vec<(Uuid, i64)> = Vec::new();
    for movement in &booking.movements {
        if !is_new(movement.lot_id) && moved.iter().all(|(lot, _)| *lot != movement.lot_id) {
            moved.push((movement.lot_id, booking.moved_minor(movement.lot_id)));
        }
    }
    let (moved_lots, moved_minor): (Vec<Uuid>, Vec<i64>) = moved.into_iter().unzip();

    let origins: Vec<Option<&Origin>> = new.iter().map(|lot| booking.origin(lot.id)).collect();
    let grants = new.iter().zip(&origins).map(|(lot, origin)| {
        let kind = if origin.is_some() { EntryKind::TransferIn } else { EntryKind::Grant };
        Movement {
            lot_id: lot.id,
            kind,
            amount_minor: lot.granted_minor,
            key: kind.as_str().to_owned(),
            effective_at: booking.effective_at,
        }
    });
    let movements: Vec<Movement> = grants.chain(booking.movements.iter().cloned()).collect();
    let balance_minor: i64 = movements.iter().map(|m| m.amount_minor).sum();
    let debt_minor: i64 = booking.debts.iter().map(|d| d.amount_minor).sum();
    let row = sqlx::query_file!(
        "src/accounts/book.sql",
        booking.tenant as TenantId,
        booking.member_id,
        booking.currency,
        booking.run_id as Option<RunId>,
        booking.operation,
        booking.effective_at,
        &new.iter().map(|lot| lot.id).collect::<Vec<_>>(),
        &new.iter().map(|lot| lot.value_class.as_str().to_owned()).collect::<Vec<_>>(),
        &new.iter().map(|lot| lot.reason.to_owned()).collect::<Vec<_>>(),
        &new.iter().map(|lot| lot.source_key.clone()).collect::<Vec<_>>(),
        &new.iter().map(|lot| lot.granted_minor).collect::<Vec<_>>(),
        &new.iter().map(|lot| lot.granted_minor + booking.moved_minor(lot.id)).collect::<Vec<_>>(),
        &new.iter().map(|lot| lot.available_at).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &new.iter().map(|lot| lot.expires_at).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &new.iter().map(|lot| lot.ends_at).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &new.iter().map(|lot| lot.anchor_on).collect::<Vec<_>>() as &[Option<NaiveDate>],
        &new.iter().map(|lot| lot.note.clone()).collect::<Vec<_>>() as &[Option<String>],
        &moved_lots,
        &moved_minor,
        &new_ids(movements.len()),
        &movements.iter().map(|m| m.lot_id).collect::<Vec<_>>(),
        &movements.iter().map(|m| m.kind.as_str().to_owned()).collect::<Vec<_>>(),
        &movements.iter().map(|m| m.amount_minor).collect::<Vec<_>>(),
        &movements.iter().map(|m| m.key.clone()).collect::<Vec<_>>(),
        &movements.iter().map(|m| m.effective_at).collect::<Vec<_>>(),
        &new_ids(booking.debts.len()),
        &booking.debts.iter().map(|d| d.kind.as_str().to_owned()).collect::<Vec<_>>(),
        &booking.debts.iter().map(|d| d.amount_minor).collect::<Vec<_>>(),
        &booking.debts.iter().map(|d| d.key.clone()).collect::<Vec<_>>(),
        balance_minor,
        debt_minor,
        &origins.iter().map(|origin| origin.map(|o| o.from)).collect::<Vec<_>>() as &[Option<Uuid>],
        &origins.iter().map(|origin| origin.and_then(|o| o.run_id).map(|run| run.0)).collect::<Vec<_>>()
            as &[Option<Uuid>],
        &origins.iter().map(|origin| origin.map(|o| o.created_at)).collect::<Vec<_>>()
            as &[Option<DateTime<Utc>>],
    )
    .fetch_one(db)
    .await
    .doing("booking movements")?;
    let lots_expected = i64::try_from(moved_lots.len()).unwrap_or(i64::MAX);
    if row.lots != lots_expected || row.accounts != 1 {
        return Err(StoreError::of_kind(ErrorKind::Corrupt, "booking movements"));
    }
    Ok(())
}
