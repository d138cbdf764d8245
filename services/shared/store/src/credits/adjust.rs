//! Adjusting: a person puts a member's credit right, with a reason.

use chrono::{DateTime, Utc};
use tradeup_domain::ledger::{EntryKind, Insufficient, Lot, Part, order_of_use};
use tradeup_domain::{Money, ValueClass};
use uuid::Uuid;

use super::debts::recover_into;
use super::spend::Asked;
use crate::Connection;
use crate::accounts::{self, Booking, NewLot, book};
use crate::error::StoreError;
use crate::operations::{self, Begun, Operation, OperationKind};
use crate::tenants::Settings;

/// Which way an adjustment goes.
#[derive(Clone, Copy, Debug)]
pub enum Adjustment {
    /// A new lot of this class; `None` for an expiry by the shop's rule for grants.
    Add {
        /// Where its value comes from.
        value_class: ValueClass,
        /// The end that the member is told, if it is not the rule's.
        expires_at: Option<DateTime<Utc>>,
    },
    /// Less of this lot; of what ends soonest if none is named.
    Take {
        /// The lot.
        lot_id: Option<Uuid>,
    },
}

/// What came of an adjustment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adjusted {
    /// It is done; `is_new` if by this call.
    Done {
        /// Whether it was done now.
        is_new: bool,
    },
    /// There is less than was to be taken. Nothing was taken.
    Insufficient(Insufficient),
    /// The credit would end before it begins.
    Ended,
    /// The key is that of another operation.
    OtherOperation,
}

/// Adjusts a member's credit by `amount`, which is above 0.
///
/// # Errors
/// As any statement. The caller rolls back what is not [`Adjusted::Done`].
pub async fn adjust(
    db: &mut Connection,
    asked: &Asked<'_>,
    settings: &Settings,
    member_id: Uuid,
    amount: Money,
    adjustment: Adjustment,
) -> Result<Adjusted, StoreError> {
    let currency = amount.currency.code();
    let account = accounts::open(db, asked.tenant, member_id, currency).await?;
    let (now, mut lots) = accounts::lots(db, asked.tenant, member_id, currency).await?;
    let sign = if matches!(adjustment, Adjustment::Add { .. }) { 1 } else { -1 };
    let operation = Operation {
        tenant: asked.tenant,
        key: asked.key,
        kind: OperationKind::Adjust,
        member_id,
        currency,
        amount_minor: sign * amount.amount_minor,
        of_key: None,
        reason: asked.reason,
        actor: asked.actor,
        run_id: asked.run_id,
        effective_at: asked.at.unwrap_or(now),
        at_shop: asked.at_shop,
        rule: None,
    };
    match operations::begin(db, &operation).await? {
        Begun::New => {}
        Begun::Done => return Ok(Adjusted::Done { is_new: false }),
        Begun::Other => return Ok(Adjusted::OtherOperation),
    }
    let mut booking = Booking::of(&operation);
    match adjustment {
        Adjustment::Add { value_class, expires_at } => {
            let anchor = now.with_timezone(&settings.zone).date_naive();
            let expires_at =
                expires_at.or_else(|| settings.validity.expires_at(anchor, settings.zone, now, 0));
            if expires_at.is_some_and(|at| at <= now) {
                return Ok(Adjusted::Ended);
            }
            let lot = NewLot {
                id: Uuid::now_v7(),
                value_class,
                reason: "adjusted",
                source_key: asked.key.to_owned(),
                granted_minor: amount.amount_minor,
                available_at: Some(now),
                expires_at,
                ends_at: expires_at.map(|at| settings.ends_at(at)),
                anchor_on: Some(anchor),
                note: asked.reason.map(str::to_owned),
            };
            recover_into(&mut booking, account.debt_minor, &lot);
            booking.new_lots.push(lot);
        }
        Adjustment::Take { lot_id } => {
            lots.retain(|lot| lot_id.is_none_or(|id| id == lot.id));
            match take(&mut lots, amount.amount_minor) {
                Ok(parts) => booking.move_parts(EntryKind::Adjust, -1, &parts),
                Err(insufficient) => return Ok(Adjusted::Insufficient(insufficient)),
            }
        }
    }
    book(db, &booking).await?;
    Ok(Adjusted::Done { is_new: true })
}

/// Takes from lots in the order of use, whether they are live or not: a wrong grant is taken back while
/// it is pending, too. What is authorised stays.
fn take(lots: &mut [Lot], amount_minor: i64) -> Result<Vec<Part>, Insufficient> {
    order_of_use(lots);
    let free = |lot: &Lot| lot.remaining_minor - lot.held_minor;
    let there: i64 = lots.iter().map(free).sum();
    if there < amount_minor {
        return Err(Insufficient { asked_minor: amount_minor, spendable_minor: there });
    }
    let mut due = amount_minor;
    let mut parts = Vec::new();
    for lot in lots.iter() {
        let taken = free(lot).min(due);
        if taken > 0 {
            parts.push(Part { lot_id: lot.id, amount_minor: taken });
            due -= taken;
        }
    }
    Ok(parts)
}
