//! Orders: facts first, stored in whatever order and however often they come; then the settlement of what
//! the order earns by all that is known of it.

mod settle;

pub use settle::{Settled, settle};

use chrono::{DateTime, Utc};
use tradeup_domain::order::Fact;

use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Connection, TenantId};

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
    // Whatever comes first makes the row that the others wait for.
    sqlx::query!(
        "insert into orders (tenant_id, external_id) values ($1, $2) on conflict do nothing",
        tenant as TenantId,
        external_id
    )
    .execute(&mut *db)
    .await
    .doing("recording an order")?;
    sqlx::query!(
        "select from orders where tenant_id = $1 and external_id = $2 for update",
        tenant as TenantId,
        external_id
    )
    .execute(&mut *db)
    .await
    .doing("locking an order")?;
    let none = Happened::default();
    match fact {
        Fact::Paid(order) => sqlx::query_file!(
            "src/orders/record_order.sql",
            tenant as TenantId,
            external_id,
            order.member_external_id,
            order.currency.code(),
            order.base_minor,
            order.paid_at,
            order.version_at,
            order.needs_fulfilment,
            order.test,
        )
        .execute(db)
        .await
        .doing("recording an order")
        .map(drop),
        Fact::Refunded { external_id: refund, eligible_minor, refunded_at } => {
            record_refund(db, tenant, external_id, refund, *eligible_minor, *refunded_at).await
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

async fn record_refund(
    db: &mut Connection,
    tenant: TenantId,
    order: &str,
    refund: &str,
    eligible_minor: i64,
    refunded_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let inserted = sqlx::query!(
        "insert into order_refunds (tenant_id, order_external_id, external_id, eligible_minor, refunded_at)
         values ($1, $2, $3, $4, $5) on conflict (tenant_id, order_external_id, external_id) do nothing",
        tenant as TenantId,
        order,
        refund,
        eligible_minor,
        refunded_at,
    )
    .execute(&mut *db)
    .await
    .doing("recording a refund")?;
    if inserted.rows_affected() == 1 {
        return Ok(());
    }
    let same = sqlx::query_scalar!(
        r#"select eligible_minor = $4 as "same!" from order_refunds
           where tenant_id = $1 and order_external_id = $2 and external_id = $3"#,
        tenant as TenantId,
        order,
        refund,
        eligible_minor,
    )
    .fetch_one(db)
    .await
    .doing("comparing a refund with the one of its id")?;
    if same { Ok(()) } else { Err(StoreError::of_kind(ErrorKind::Refused, "recording a refund")) }
}
