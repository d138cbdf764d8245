//! Spending, and taking a spend back.

use chrono::{DateTime, Days, Utc};
use tradeup_domain::Money;
use tradeup_domain::ledger::{
    EntryKind, Insufficient, Lot, Part, RevertError, SpentPart, allocate, revert, spendable_minor,
};
use tradeup_domain::zone::end_of_day;
use uuid::Uuid;

use crate::accounts::{self, Booking, Movement, NewLot, book};
use crate::error::{Doing, StoreError};
use crate::operations::{self, Begun, Operation, OperationKind, OperationView};
use crate::tenants::Settings;
use crate::{Connection, RunId, TenantId, holds, members};

/// A lot that takes the place of one which ended before its spend was taken back is valid for this many
/// days (loyalty reference, C5).
pub const REINSTATED_DAYS: u64 = 30;

/// Who asks for an operation, and by which key.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// What makes it unique within its tenant.
    pub key: &'a str,
    /// Who: a person, a system, a task.
    pub actor: &'a str,
    /// Why, in words for people.
    pub reason: Option<&'a str>,
    /// The run that executes it, if one does.
    pub run_id: Option<RunId>,
    /// When it happened; `None` for now, by the database's clock.
    pub at: Option<DateTime<Utc>>,
    /// Whether it has happened at the shop already, and the ledger follows: then the shop is not told of it.
    pub at_shop: bool,
}

/// The key of a spend: what another system calls it, within that system.
#[must_use]
pub fn spend_key(source: &str, reference: &str) -> String {
    // Without a colon in the source no two sources and references read alike.
    let source = source.replace('%', "%25").replace(':', "%3A");
    format!("spend:{source}:{reference}")
}

/// The key of taking a spend back: of the run or request that asks for it.
#[must_use]
pub fn revert_key(key: &str) -> String {
    format!("spend_revert:{key}")
}

/// What came of a spend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It is spent; `is_new` if by this call.
    Done {
        /// Whether it was spent now.
        is_new: bool,
        /// What can be spent after it, in minor units.
        left_minor: i64,
    },
    /// There is not enough. Nothing was taken.
    Insufficient(Insufficient),
    /// The key is that of another operation, or of a hold.
    OtherOperation,
}

/// Spends `amount` of a member's credit, what ends soonest first. Two calls of one key spend once.
///
/// # Errors
/// As any statement. The caller rolls back what is not [`Spent::Done`].
pub async fn spend(
    db: &mut Connection,
    asked: &Asked<'_>,
    member_id: Uuid,
    amount: Money,
) -> Result<Spent, StoreError> {
    let currency = amount.currency.code();
    let asked_minor = amount.amount_minor;
    if accounts::lock(db, asked.tenant, member_id, currency).await?.is_none() {
        return Ok(Spent::Insufficient(Insufficient { asked_minor, spendable_minor: 0 }));
    }
    let (now, lots) = accounts::lots(db, asked.tenant, member_id, currency).await?;
    let at = asked.at.unwrap_or(now);
    let operation = Operation {
        tenant: asked.tenant,
        key: asked.key,
        kind: OperationKind::Spend,
        member_id,
        currency,
        amount_minor: asked_minor,
        of_key: None,
        reason: asked.reason,
        actor: asked.actor,
        run_id: asked.run_id,
        effective_at: at,
        at_shop: asked.at_shop,
        rule: None,
    };
    match operations::begin(db, &operation).await? {
        Begun::New => {}
        Begun::Done => return Ok(Spent::Done { is_new: false, left_minor: spendable_minor(&lots, at) }),
        Begun::Other => return Ok(Spent::OtherOperation),
    }
    // What a checkout has authorised under this name is captured, not spent beside it.
    if holds::is_taken(db, asked.tenant, asked.key).await? {
        return Ok(Spent::OtherOperation);
    }
    let parts = match allocate(&lots, asked_minor, at) {
        Ok(parts) => parts,
        Err(insufficient) => return Ok(Spent::Insufficient(insufficient)),
    };
    let mut booking = Booking::of(&operation);
    booking.move_parts(EntryKind::Spend, -1, &parts);
    book(db, &booking).await?;
    Ok(Spent::Done { is_new: true, left_minor: spendable_minor(&lots, at) - asked_minor })
}

/// What came of taking a spend back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reverted {
    /// It is given back; `is_new` if by this call.
    Done {
        /// Whether it was given back now.
        is_new: bool,
        /// How much, in minor units.
        amount_minor: i64,
        /// How much of it went into new lots, since those it came from have ended, in minor units.
        reinstated_minor: i64,
    },
    /// There is no spend of this key.
    UnknownSpend,
    /// The spend took less, or was given back already.
    TooMuch(RevertError),
    /// The key is that of another operation.
    OtherOperation,
}

/// Gives back a spend, or `amount_minor` of it, on the lots that paid it: what was used last first. What
/// goes back to a lot that has ended goes on into a new one.
///
/// # Errors
/// As any statement. The caller rolls back what is not [`Reverted::Done`].
pub async fn revert_spend(
    db: &mut Connection,
    asked: &Asked<'_>,
    settings: &Settings,
    of_key: &str,
    amount_minor: Option<i64>,
) -> Result<Reverted, StoreError> {
    let spend = operations::by_key(db, asked.tenant, of_key).await?.filter(|found| found.kind == "spend");
    let Some(spend) = spend else { return Ok(Reverted::UnknownSpend) };
    if let Some(before) = operations::by_key(db, asked.tenant, asked.key).await?
        && amount_minor.is_none()
    {
        // All of it was asked for, which is less and less: what was done then counts.
        let same = before.kind == "spend_revert" && before.member_id == spend.member_id;
        let amount_minor = before.amount_minor;
        return Ok(match same {
            true => Reverted::Done { is_new: false, amount_minor, reinstated_minor: 0 },
            false => Reverted::OtherOperation,
        });
    }
    let member = lock_both(db, asked.tenant, &spend).await?;
    let (now, parts) = spent_parts(db, asked.tenant, of_key).await?;
    let at = asked.at.unwrap_or(now);
    let left: i64 = parts.iter().map(|part| part.spent_minor - part.reverted_minor).sum();
    let amount_minor = amount_minor.unwrap_or(left);
    let operation = Operation {
        tenant: asked.tenant,
        key: asked.key,
        kind: OperationKind::SpendRevert,
        member_id: spend.member_id,
        currency: &spend.currency,
        amount_minor,
        of_key: Some(of_key),
        reason: asked.reason,
        actor: asked.actor,
        run_id: asked.run_id,
        effective_at: at,
        at_shop: asked.at_shop,
        rule: None,
    };
    match operations::begin(db, &operation).await? {
        Begun::New => {}
        Begun::Done => return Ok(Reverted::Done { is_new: false, amount_minor, reinstated_minor: 0 }),
        Begun::Other => return Ok(Reverted::OtherOperation),
    }
    if amount_minor <= 0 {
        return Ok(Reverted::TooMuch(RevertError { asked_minor: amount_minor, left_minor: left }));
    }
    let reverted = match revert(&parts, amount_minor, now) {
        Ok(reverted) => reverted,
        Err(too_much) => return Ok(Reverted::TooMuch(too_much)),
    };

    let mut booking = Booking::of(&operation);
    let mut moved = Vec::new();
    let mut new_lots = Vec::new();
    for part in &reverted {
        let back = Part { lot_id: part.lot.id, amount_minor: part.amount_minor };
        booking.move_parts(EntryKind::SpendRevert, 1, &[back]);
        if part.ended {
            booking.movements.push(Movement {
                lot_id: part.lot.id,
                kind: EntryKind::Expire,
                amount_minor: -part.amount_minor,
                key: format!("expire:{}", operation.key),
                // What is told of late goes back as of then, and ends when its lot has.
                effective_at: part.lot.ends_at.unwrap_or(at).max(at),
            });
            new_lots.push(in_place_of(&part.lot, part.amount_minor, &operation, settings, now));
        } else if member != spend.member_id {
            booking.movements.push(Movement {
                lot_id: part.lot.id,
                kind: EntryKind::TransferOut,
                amount_minor: -part.amount_minor,
                key: format!("transfer_out:{}", operation.key),
                effective_at: at,
            });
            moved.push(back);
        }
    }
    let reinstated_minor = new_lots.iter().map(|lot: &NewLot| lot.granted_minor).sum();
    if member == spend.member_id {
        booking.new_lots = new_lots;
        book(db, &booking).await?;
    } else {
        // Whose credit it was has become a part of another member: what comes back goes on to that one.
        book(db, &booking).await?;
        let mut kept = Booking::of(&Operation { member_id: member, ..operation });
        kept.new_lots = new_lots;
        for (mut lot, origin) in accounts::continued(db, asked.tenant, &moved).await? {
            lot.source_key = format!("{}:{}", lot.source_key, operation.key);
            kept.receive(lot, origin);
        }
        book(db, &kept).await?;
    }
    Ok(Reverted::Done { is_new: true, amount_minor, reinstated_minor })
}

/// Locks the account that a spend was paid from and, if its member has become a part of another, that one's,
/// in the order of members as everybody does. Returns who the member is now.
async fn lock_both(db: &mut Connection, tenant: TenantId, spend: &OperationView) -> Result<Uuid, StoreError> {
    let member = members::current(db, tenant, spend.member_id).await?;
    let mut both = [spend.member_id, member];
    both.sort_unstable();
    for of in both {
        if of == member {
            accounts::open(db, tenant, of, &spend.currency).await?;
        } else {
            accounts::lock_any(db, tenant, of, &spend.currency).await?;
        }
    }
    Ok(member)
}

/// A new lot for what went back to one that has ended.
fn in_place_of(
    lot: &Lot,
    amount_minor: i64,
    operation: &Operation<'_>,
    settings: &Settings,
    now: DateTime<Utc>,
) -> NewLot {
    let today = now.with_timezone(&settings.zone).date_naive();
    let last_day = today.checked_add_days(Days::new(REINSTATED_DAYS)).unwrap_or(today);
    let expires_at = end_of_day(settings.zone, last_day);
    NewLot {
        id: Uuid::now_v7(),
        value_class: lot.value_class,
        reason: "reinstated",
        source_key: format!("{}:{}", operation.key, lot.id),
        granted_minor: amount_minor,
        available_at: Some(now),
        expires_at: Some(expires_at),
        ends_at: Some(settings.ends_at(expires_at)),
        anchor_on: Some(today),
        note: None,
    }
}

/// What a spend took from each lot, in the order of use, and what of it was given back; and the
/// database's clock.
async fn spent_parts(
    db: &mut Connection,
    tenant: TenantId,
    of_key: &str,
) -> Result<(DateTime<Utc>, Vec<SpentPart>), StoreError> {
    let rows = sqlx::query_file!("src/credits/spent_parts.sql", tenant as TenantId, of_key)
        .fetch_all(db)
        .await
        .doing("reading a spend")?;
    let now = rows.first().map_or_else(DateTime::<Utc>::default, |row| row.now);
    let parts = rows.into_iter().map(|row| SpentPart {
        lot: Lot {
            id: row.lot_id,
            value_class: accounts::value_class(&row.value_class),
            remaining_minor: row.remaining_minor,
            held_minor: row.held_minor,
            available_at: row.available_at,
            ends_at: row.ends_at,
            created_at: row.created_at,
        },
        spent_minor: row.spent_minor,
        reverted_minor: row.reverted_minor,
    });
    Ok((now, parts.collect()))
}
