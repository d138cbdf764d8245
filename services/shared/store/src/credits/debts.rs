//! Debts: paid with what is given away later, never with what a member paid for (loyalty reference §1.7).

use chrono::{DateTime, Utc};
use tradeup_domain::ValueClass;
use tradeup_domain::ledger::{self, EntryKind};
use uuid::Uuid;

use crate::accounts::{Booking, DebtKind, DebtMovement, Movement, NewLot};
use crate::error::{Doing, StoreError};
use crate::ids::new_ids;
use crate::{Connection, RunId, TenantId};

/// Takes what their members owe from new promotional lots, at most one for each account.
pub(crate) async fn recover(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
    lots: &[Uuid],
    effective_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query_file!(
        "src/credits/recover_debts.sql",
        tenant as TenantId,
        run_id as RunId,
        lots,
        &new_ids(lots.len()),
        &new_ids(lots.len()),
        effective_at,
    )
    .execute(db)
    .await
    .doing("recovering debts")
    .map(drop)
}

/// Adds to a booking what a new lot of it pays of the member's debt: nothing, if its value was paid for.
pub(crate) fn recover_into(booking: &mut Booking<'_>, debt_minor: i64, lot: &NewLot) {
    let amount_minor = match lot.value_class {
        ValueClass::Promotional => ledger::recover(debt_minor, lot.granted_minor),
        ValueClass::Paid => 0,
    };
    if amount_minor == 0 {
        return;
    }
    booking.movements.push(Movement {
        lot_id: lot.id,
        kind: EntryKind::DebtRecover,
        amount_minor: -amount_minor,
        key: "debt_recover".to_owned(),
        effective_at: booking.effective_at,
    });
    booking.debts.push(DebtMovement {
        kind: DebtKind::Recover,
        amount_minor: -amount_minor,
        key: format!("debt_recover:{}", lot.id),
    });
}
