//! Orders: facts first, stored in whatever order and however often they come; then the settlement of what
//! the order earns by all that is known of it.

mod rate;
mod settle;
mod trial;

pub(crate) use rate::moved_refunds;
pub use rate::{Rated, rate};
pub use settle::{Settled, settle};
pub use trial::{TrialOrder, try_cashback};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tradeup_domain::order::{Fact, PaidOrder, RefundContent, RefundState};

use crate::credits::Asked;
use crate::error::{Doing, ErrorKind, StoreError};
use crate::purchases::{self, Memberships};
use crate::tenants::Settings;
use crate::tier_moves::{self, Moved};
use crate::{Connection, TenantId};

/// What came of a fact about an order.
#[derive(Clone, Debug)]
pub struct Told {
    /// What of it is a membership that was bought.
    pub memberships: Memberships,
    /// What was posted.
    pub settled: Settled,
    /// The tier that its member has reached.
    pub moved: Option<Moved>,
}

impl Told {
    /// What the run shows of it that the order was told to.
    #[must_use]
    pub fn shown(&self, order: &str) -> Value {
        let mut shown = json!({ "outcome": self.settled.outcome(), "order": order });
        match self.settled {
            Settled::Same { target_minor } => shown["target_minor"] = target_minor.into(),
            Settled::Posted { target_minor, granted_minor, clawed_minor, forgone_minor, owed_minor } => {
                shown["target_minor"] = target_minor.into();
                shown["granted_minor"] = granted_minor.into();
                shown["clawed_minor"] = clawed_minor.into();
                shown["forgone_minor"] = forgone_minor.into();
                shown["owed_minor"] = owed_minor.into();
            }
            Settled::OrderUnknown | Settled::NoMember | Settled::OtherCurrency | Settled::AwaitsPayments => {}
        }
        if let Some(memberships) = self.memberships.shown() {
            shown["memberships"] = memberships;
        }
        if let Some(moved) = self.moved {
            shown["tier"] = json!({ "raised": moved.raised, "from_tier_id": moved.from_tier, "tier_id": moved.tier,
                "spend_minor": moved.spend_minor, "threshold_minor": moved.threshold_minor });
        }
        shown
    }
}

/// Stores facts about an order, and settles what follows from all that is known then: the memberships that it buys,
/// what it earns, and the tier of its member.
///
/// # Errors
/// As [`record`] and [`purchases::settle`].
pub async fn tell(
    db: &mut Connection,
    asked: &Asked<'_>,
    settings: &Settings,
    external_id: &str,
    facts: &[Fact],
) -> Result<Told, StoreError> {
    lock(db, asked.tenant, external_id).await?;
    for fact in facts {
        note(db, asked.tenant, external_id, fact).await?;
    }
    // First who its member is.
    let memberships = purchases::settle(db, asked, settings, external_id).await?;
    let settled = settle(db, asked, settings, external_id).await?;
    let moved = tier_moves::after_order(db, asked, external_id).await?;
    Ok(Told { memberships, settled, moved })
}

/// Stores a fact about an order and locks the order until the transaction ends. What is known of it
/// already, or was overtaken by a later version, changes nothing.
///
/// # Errors
/// [`ErrorKind::Refused`] if the database refuses it, for instance a refund of another amount under the
/// id of one that is known.
pub async fn record(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
    fact: &Fact,
) -> Result<(), StoreError> {
    lock(db, tenant, external_id).await?;
    note(db, tenant, external_id, fact).await
}

/// Stores a fact about an order that is locked.
async fn note(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
    fact: &Fact,
) -> Result<(), StoreError> {
    let none = Happened::default();
    match fact {
        Fact::Paid(order) => record_order(db, tenant, external_id, order).await,
        Fact::Payment { external_id: payment, gateway, amount, paid_at } => sqlx::query!(
            "insert into order_payments (tenant_id, order_external_id, external_id, gateway, amount_minor, currency,
                 paid_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (tenant_id, order_external_id, external_id) do nothing",
            tenant as TenantId,
            external_id,
            payment,
            gateway,
            amount.amount_minor,
            amount.currency.code(),
            *paid_at,
        )
        .execute(db)
        .await
        .doing("recording how an order was paid")
        .map(drop),
        Fact::Refunded { external_id: refund, content, state, refunded_at } => {
            record_refund(db, tenant, external_id, refund, content, *state, *refunded_at).await
        }
        Fact::Fulfilled(at) => {
            happened(db, tenant, external_id, Happened { fulfilled: Some(*at), ..none }).await
        }
        Fact::Cancelled(at) => {
            happened(db, tenant, external_id, Happened { cancelled: Some(*at), ..none }).await
        }
        Fact::Disputed(at) => {
            happened(db, tenant, external_id, Happened { disputed: Some(*at), ..none }).await
        }
        Fact::DisputeWon(at) => {
            happened(db, tenant, external_id, Happened { dispute_won: Some(*at), ..none }).await
        }
    }
}

/// Marks an order as one of before the shop came, which earns nothing; unless it has been settled.
///
/// # Errors
/// As any statement.
pub async fn mark_history(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
) -> Result<(), StoreError> {
    lock(db, tenant, external_id).await?;
    sqlx::query!(
        "update orders set history = true where tenant_id = $1 and external_id = $2 and rate_bps is null",
        tenant as TenantId,
        external_id,
    )
    .execute(db)
    .await
    .doing("marking an order as history")
    .map(drop)
}

/// Locks an order until the transaction ends; its row is made if there is none.
async fn lock(db: &mut Connection, tenant: TenantId, external_id: &str) -> Result<(), StoreError> {
    // Whatever comes first makes the row that the others wait for, and has it to itself.
    let made = sqlx::query!(
        "insert into orders (tenant_id, external_id) values ($1, $2) on conflict do nothing",
        tenant as TenantId,
        external_id
    )
    .execute(&mut *db)
    .await
    .doing("recording an order")?;
    if made.rows_affected() > 0 {
        return Ok(());
    }
    sqlx::query!(
        "select from orders where tenant_id = $1 and external_id = $2 for update",
        tenant as TenantId,
        external_id
    )
    .execute(&mut *db)
    .await
    .doing("locking an order")
    .map(drop)
}

/// Orders of a customer who has become a member, paid at `from` or later, that are not settled for that reason: the
/// oldest first.
///
/// # Errors
/// As any statement.
pub async fn of_new_member(
    db: &mut Connection,
    tenant: TenantId,
    customer: &str,
    from: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        "select external_id from orders
         where tenant_id = $1 and member_external_id = $2 and rate_bps is null and paid_at >= $3
         order by paid_at, external_id limit $4",
        tenant as TenantId,
        customer,
        from,
        limit,
    )
    .fetch_all(db)
    .await
    .doing("looking for a new member's orders")
}

/// What a customer has spent, in minor units of the shop's currency: what was eligible of the orders that were told of,
/// less what was refunded of them. Whether the customer is a member does not matter.
///
/// # Errors
/// As any statement.
pub async fn spent_by_customer(
    db: &mut Connection,
    tenant: TenantId,
    customer: &str,
) -> Result<i64, StoreError> {
    sqlx::query_file_scalar!("src/orders/spent_by_customer.sql", tenant as TenantId, customer)
        .fetch_one(db)
        .await
        .doing("adding up what a customer has spent")
}

/// What happened to an order as a whole.
#[derive(Clone, Copy, Default)]
struct Happened {
    fulfilled: Option<DateTime<Utc>>,
    cancelled: Option<DateTime<Utc>>,
    disputed: Option<DateTime<Utc>>,
    dispute_won: Option<DateTime<Utc>>,
}

/// The first of each counts: of fulfilments and cancellations the earliest, of disputes the one that was
/// heard of first.
async fn happened(
    db: &mut Connection,
    tenant: TenantId,
    order: &str,
    what: Happened,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update orders set fulfilled_at = least(fulfilled_at, $3), cancelled_at = least(cancelled_at, $4),
             disputed_at = coalesce(disputed_at, $5), dispute_won_at = coalesce(dispute_won_at, $6)
         where tenant_id = $1 and external_id = $2",
        tenant as TenantId,
        order,
        what.fulfilled,
        what.cancelled,
        what.disputed,
        what.dispute_won,
    )
    .execute(db)
    .await
    .doing("recording what happened to an order")
    .map(drop)
}

async fn record_order(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
    order: &PaidOrder,
) -> Result<(), StoreError> {
    sqlx::query_file!(
        "src/orders/record_order.sql",
        tenant as TenantId,
        external_id,
        order.member_external_id,
        order.currency.code(),
        json!(order.content),
        order.paid_at,
        order.version_at,
        order.needs_fulfilment,
        order.content.test,
        order.sent_at,
        order.created_at,
    )
    .execute(db)
    .await
    .doing("recording an order")
    .map(drop)
}

/// A refund says the same for ever, but for its money, which moves once.
async fn record_refund(
    db: &mut Connection,
    tenant: TenantId,
    order: &str,
    refund: &str,
    content: &RefundContent,
    state: RefundState,
    refunded_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let same = sqlx::query_file_scalar!(
        "src/orders/record_refund.sql",
        tenant as TenantId,
        order,
        refund,
        json!(content),
        state.as_str(),
        refunded_at,
    )
    .fetch_one(db)
    .await
    .doing("recording a refund")?;
    if same { Ok(()) } else { Err(StoreError::of_kind(ErrorKind::Refused, "recording a refund")) }
}
