//! The credit for a trade-in: what the goods are paid with, and on top what is given away.

use tradeup_domain::ValueClass;
use tradeup_domain::monthly::LEAST_VALID_DAYS;
use tradeup_domain::rules::{RuleKind, RuleRef, TradeInRule};
use uuid::Uuid;

use super::TradeIn;
use crate::accounts::{self, Booking, NewLot, book};
use crate::credits::{Asked, recover_into};
use crate::error::{ErrorKind, StoreError};
use crate::operations::{self, Begun, Operation, OperationKind};
use crate::tenants::Settings;
use crate::{Connection, schedules};

/// What was credited, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credited {
    /// Paid value, for the goods; it does not end.
    pub paid_minor: i64,
    /// Given away on top; it ends by the rule.
    pub bonus_minor: i64,
}

/// Credits a trade-in, which is locked, once for ever.
///
/// # Errors
/// As any statement; [`ErrorKind::Corrupt`] if it was credited before, which its state forbids.
pub async fn credit(
    db: &mut Connection,
    asked: &Asked<'_>,
    settings: &Settings,
    trade_in: &TradeIn,
    rule: &TradeInRule,
    member_id: Uuid,
) -> Result<Credited, StoreError> {
    let currency = trade_in.currency.code();
    let account = accounts::open(db, asked.tenant, member_id, currency).await?;
    let now = schedules::now(db).await?;
    let key = format!("tradein:{}", trade_in.id);
    let version = RuleRef { kind: RuleKind::TradeIn, version: trade_in.rule_version }.to_string();
    let credited = Credited { paid_minor: trade_in.cash_minor, bonus_minor: trade_in.bonus_minor };
    let operation = Operation {
        tenant: asked.tenant,
        key: &key,
        kind: OperationKind::Grant,
        member_id,
        currency,
        amount_minor: credited.paid_minor + credited.bonus_minor,
        of_key: None,
        reason: asked.reason,
        actor: asked.actor,
        run_id: asked.run_id,
        effective_at: asked.at.unwrap_or(now),
        at_shop: asked.at_shop,
        rule: Some(&version),
    };
    if operations::begin(db, &operation).await? != Begun::New {
        return Err(StoreError::of_kind(ErrorKind::Corrupt, "crediting a trade-in"));
    }
    let mut booking = Booking::of(&operation);
    let anchor = now.with_timezone(&settings.zone).date_naive();
    let lot = |reason, value_class, granted_minor| NewLot {
        id: Uuid::now_v7(),
        value_class,
        reason,
        source_key: key.clone(),
        granted_minor,
        available_at: Some(now),
        expires_at: None,
        ends_at: None,
        anchor_on: Some(anchor),
        note: None,
    };
    if credited.paid_minor > 0 {
        booking.new_lots.push(lot("trade_in", ValueClass::Paid, credited.paid_minor));
    }
    if credited.bonus_minor > 0 {
        let mut bonus = lot("trade_in_bonus", ValueClass::Promotional, credited.bonus_minor);
        bonus.expires_at = rule
            .bonus
            .and_then(|bonus| bonus.validity.expires_at(anchor, settings.zone, now, LEAST_VALID_DAYS));
        bonus.ends_at = bonus.expires_at.map(|at| settings.ends_at(at));
        recover_into(&mut booking, account.debt_minor, &bonus);
        booking.new_lots.push(bonus);
    }
    book(db, &booking).await?;
    Ok(credited)
}
