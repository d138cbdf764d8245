//! Settling: the difference between what an order earns by all that is known and what has been posted.

use chrono::{DateTime, TimeDelta, Utc};
use tradeup_domain::ValueClass;
use tradeup_domain::cashback::Earning;
use tradeup_domain::ledger::{ClawLot, Clawed, EntryKind, claw_back};
use tradeup_domain::monthly::LEAST_VALID_DAYS;
use tradeup_domain::rules::{CashbackRule, RuleKind, RuleRef};
use uuid::Uuid;

use super::rate::rate;
use crate::accounts::{self, Booking, DebtKind, DebtMovement, NewLot, book};
use crate::credits::{Asked, recover_into};
use crate::error::{Doing, StoreError};
use crate::operations::{self, Begun, Operation, OperationKind};
use crate::schedules;
use crate::tenants::Settings;
use crate::{Connection, TenantId};

/// What came of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Only something that follows from the order is known, not the order itself: nothing is posted.
    OrderUnknown,
    /// The order is a guest's, or of a customer who is no member.
    NoMember,
    /// The order's currency is not that of the tenant's ledger.
    OtherCurrency,
    /// It was paid with credit or gift cards, and how much of it is not known yet.
    AwaitsPayments,
    /// Nothing changes.
    Same {
        /// What the order earns, in minor units.
        target_minor: i64,
    },
    /// The difference was posted.
    Posted {
        /// What the order earns now, in minor units.
        target_minor: i64,
        /// A new lot of this much.
        granted_minor: i64,
        /// Taken back.
        clawed_minor: i64,
        /// Given up, since the member never had the use of it.
        forgone_minor: i64,
        /// Owed from now on, or written off, since the member had the use of it.
        owed_minor: i64,
    },
}

/// What is known of an order.
struct Order {
    member_id: Uuid,
    currency: String,
    earning: Earning,
    posted_minor: i64,
    forgone_minor: i64,
    lots: i32,
    /// How often it was settled.
    settlements: i32,
    /// From when its cashback can be spent.
    available_at: Option<DateTime<Utc>>,
    /// The rule that it is settled by.
    rule: Option<RuleRef>,
}

/// Posts what an order earns by all that is known of it, less what has been posted. The order is locked:
/// [`super::record`] has done so.
///
/// # Errors
/// As any statement.
pub async fn settle(
    db: &mut Connection,
    asked: &Asked<'_>,
    settings: &Settings,
    external_id: &str,
) -> Result<Settled, StoreError> {
    let order = match load(db, asked.tenant, external_id, settings).await? {
        Ok(order) => order,
        Err(why) => return Ok(why),
    };
    let target_minor = order.earning.target_minor();
    let delta = target_minor - order.posted_minor;
    let releases = order.available_at.is_some() && order.lots > 0;
    if delta == 0 && !releases {
        return Ok(Settled::Same { target_minor });
    }
    let account = accounts::open(db, asked.tenant, order.member_id, &order.currency).await?;
    let now = schedules::now(db).await?;
    if releases {
        release(db, asked.tenant, external_id, &order, settings, now).await?;
    }
    if delta == 0 {
        return Ok(Settled::Same { target_minor });
    }
    let rule = order.rule.map(|rule| rule.to_string());
    let seq = order.settlements + 1;
    let key = format!("settle:{external_id}:{seq}");
    let operation = Operation {
        tenant: asked.tenant,
        key: &key,
        kind: OperationKind::Settle,
        member_id: order.member_id,
        currency: &order.currency,
        amount_minor: delta,
        of_key: None,
        reason: asked.reason,
        actor: asked.actor,
        run_id: asked.run_id,
        effective_at: asked.at.unwrap_or(now),
        at_shop: asked.at_shop,
        rule: rule.as_deref(),
    };
    // The order's lock gives each settlement a number of its own.
    if operations::begin(db, &operation).await? != Begun::New {
        return Err(StoreError::of_kind(crate::ErrorKind::Corrupt, "settling an order"));
    }
    let mut booking = Booking::of(&operation);
    let mut clawed = Clawed::default();
    if delta > 0 {
        let lot = order.new_lot(external_id, delta, settings, now);
        recover_into(&mut booking, account.debt_minor, &lot);
        booking.new_lots.push(lot);
    } else {
        let lots = claw_lots(db, asked.tenant, order.member_id, external_id).await?;
        clawed = claw_back(&lots, -delta, order.forgone_minor);
        order.take(&mut booking, &clawed, settings.writes_off);
    }
    book(db, &booking).await?;
    let settlement = Settlement { seq, operation: &key, target_minor, delta, clawed: &clawed };
    close(db, asked.tenant, external_id, &order, &settlement).await?;
    Ok(Settled::Posted {
        target_minor,
        granted_minor: delta.max(0),
        clawed_minor: clawed.taken.iter().map(|part| part.amount_minor).sum(),
        forgone_minor: clawed.forgone_minor,
        owed_minor: clawed.owed_minor,
    })
}

impl Order {
    /// The lot of a settlement: its own for each, since the first may be used already.
    fn new_lot(
        &self,
        external_id: &str,
        granted_minor: i64,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> NewLot {
        let version = match self.lots {
            0 => String::new(),
            n => format!(":v{}", n + 1),
        };
        let terms = Terms::of(self.available_at, settings, now);
        NewLot {
            id: Uuid::now_v7(),
            value_class: ValueClass::Promotional,
            reason: "cashback",
            source_key: format!("order:{external_id}{version}"),
            granted_minor,
            available_at: self.available_at,
            expires_at: terms.expires_at,
            ends_at: terms.ends_at,
            anchor_on: terms.anchor_on,
            note: None,
        }
    }

    /// Books a claw-back: what is taken from lots, and what is owed.
    fn take(&self, booking: &mut Booking<'_>, clawed: &Clawed, writes_off: bool) {
        booking.move_parts(EntryKind::Clawback, -1, &clawed.taken);
        let key = booking.operation;
        if clawed.owed_minor > 0 {
            let owed = |kind, amount_minor, what: &str| DebtMovement {
                kind,
                amount_minor,
                key: format!("{what}:{key}"),
            };
            booking.debts.push(owed(DebtKind::Open, clawed.owed_minor, "debt_open"));
            if writes_off {
                booking.debts.push(owed(DebtKind::WriteOff, -clawed.owed_minor, "debt_write_off"));
            }
        }
    }
}

/// When a lot of cashback ends.
#[derive(Default)]
struct Terms {
    anchor_on: Option<chrono::NaiveDate>,
    expires_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
}

impl Terms {
    /// Counts from the local day on which the lot can first be spent, but at least so many days from now:
    /// an order that is told of late earns nothing that has ended already.
    fn of(available_at: Option<DateTime<Utc>>, settings: &Settings, now: DateTime<Utc>) -> Self {
        let Some(available_at) = available_at else { return Self::default() };
        let anchor = available_at.with_timezone(&settings.zone).date_naive();
        let expires_at =
            settings.validity.expires_at(anchor, settings.zone, available_at.max(now), LEAST_VALID_DAYS);
        Self { anchor_on: Some(anchor), expires_at, ends_at: expires_at.map(|at| settings.ends_at(at)) }
    }
}

/// Rates the order, reads it, and freezes its member and rate if that has not been done.
async fn load(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
    settings: &Settings,
) -> Result<Result<Order, Settled>, StoreError> {
    let Some(rated) = rate(db, tenant, external_id, settings).await? else {
        return Ok(Err(Settled::OrderUnknown));
    };
    if rated.awaits_payments {
        return Ok(Err(Settled::AwaitsPayments));
    }
    freeze(db, tenant, external_id, settings, &rated.rule).await?;
    let row = sqlx::query_file!("src/orders/load.sql", tenant as TenantId, external_id)
        .fetch_one(db)
        .await
        .doing("reading an order")?;
    let (Some(currency), Some(base_minor), Some(paid_at)) = (row.currency, row.base_minor, row.paid_at)
    else {
        return Ok(Err(Settled::OrderUnknown));
    };
    if currency != settings.currency.code() {
        return Ok(Err(Settled::OtherCurrency));
    }
    let Some((member_id, rate_bps)) = row.member_id.zip(row.rate_bps) else {
        return Ok(Err(Settled::NoMember));
    };
    let days_pending = rated.rule.days_pending.unwrap_or(settings.pending_days);
    let disputed = row.disputed_at.is_some() && row.dispute_won_at.is_none();
    let earned_at = if row.needs_fulfilment { row.fulfilled_at } else { Some(paid_at) };
    Ok(Ok(Order {
        member_id,
        currency,
        earning: Earning {
            base_minor,
            refunded_minor: row.refunded_minor,
            rate_bps,
            void: row.test || row.cancelled_at.is_some() || disputed,
        },
        posted_minor: row.posted_minor,
        forgone_minor: row.forgone_minor,
        lots: row.lots,
        settlements: row.settlements,
        available_at: earned_at.map(|at| at + TimeDelta::days(days_pending.into())),
        rule: rated.version.map(|version| RuleRef { kind: RuleKind::Cashback, version }),
    }))
}

/// Freezes an order's member, tier and rate, as they were when it was paid: once the order and its member are known.
async fn freeze(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
    settings: &Settings,
    rule: &CashbackRule,
) -> Result<(), StoreError> {
    let code = settings.currency.code();
    let found = sqlx::query_file!("src/orders/rate_of_member.sql", tenant as TenantId, external_id, code)
        .fetch_optional(&mut *db)
        .await
        .doing("looking for the rate of an order")?;
    let Some(found) = found else { return Ok(()) };
    // A member without a tier, or of a tier without a rate, earns nothing.
    let rate_bps = rule.rate_bps(found.tier_handle.as_deref(), found.rate_bps);
    sqlx::query!(
        // What was made before the cut-over, or is in shadow, is the other system's to reward.
        "update orders o set member_id = $3, tier_id = $4,
             history = o.history or t.shadow_since is not null or coalesce(o.paid_at < t.live_since, false),
             rate_bps = case when o.history or t.shadow_since is not null or coalesce(o.paid_at < t.live_since, false)
                 then 0 else $5 end
         from tenants t
         where t.id = $1 and o.tenant_id = $1 and o.external_id = $2",
        tenant as TenantId,
        external_id,
        found.member_id,
        found.tier_id,
        rate_bps,
    )
    .execute(db)
    .await
    .doing("freezing an order's rate")
    .map(drop)
}

/// Sets from when the order's pending lots can be spent, once that is known.
async fn release(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
    order: &Order,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let terms = Terms::of(order.available_at, settings, now);
    sqlx::query_file!(
        "src/orders/release.sql",
        tenant as TenantId,
        order.member_id,
        external_id,
        order.available_at,
        terms.expires_at,
        terms.ends_at,
        terms.anchor_on,
    )
    .execute(db)
    .await
    .doing("releasing an order's cashback")
    .map(drop)
}

/// The lots that an order has earned, oldest first.
async fn claw_lots(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
    external_id: &str,
) -> Result<Vec<ClawLot>, StoreError> {
    let rows = sqlx::query_file!("src/orders/claw_lots.sql", tenant as TenantId, member_id, external_id)
        .fetch_all(db)
        .await
        .doing("reading what an order has earned")?;
    Ok(rows
        .into_iter()
        .map(|row| ClawLot { id: row.id, free_minor: row.free_minor, lost_minor: row.lost_minor })
        .collect())
}

/// A settlement that has been booked.
struct Settlement<'a> {
    seq: i32,
    operation: &'a str,
    target_minor: i64,
    delta: i64,
    clawed: &'a Clawed,
}

/// Writes down what was posted, and that it was.
async fn close(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
    order: &Order,
    settlement: &Settlement<'_>,
) -> Result<(), StoreError> {
    let clawed = settlement.clawed;
    sqlx::query_file!(
        "src/orders/close.sql",
        tenant as TenantId,
        external_id,
        settlement.operation,
        settlement.target_minor,
        order.posted_minor,
        settlement.delta.max(0),
        clawed.taken.iter().map(|part| part.amount_minor).sum::<i64>(),
        clawed.forgone_minor,
        clawed.owed_minor,
        settlement.seq,
    )
    .execute(db)
    .await
    .doing("closing a settlement")
    .map(drop)
}

impl Settled {
    /// The run that the settlement belongs to says so, in a few words.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::OrderUnknown => "order_unknown",
            Self::NoMember => "no_member",
            Self::OtherCurrency => "other_currency",
            Self::AwaitsPayments => "awaits_payments",
            Self::Same { .. } => "same",
            Self::Posted { .. } => "posted",
        }
    }
}
