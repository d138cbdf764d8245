//! New members, by a rule of their shop.

use chrono::{DateTime, Utc};
use tradeup_domain::ValueClass;
use tradeup_domain::rules::Welcome;
use uuid::Uuid;

use super::Customer;
use crate::accounts::{self, Booking, NewLot, book};
use crate::credits::{Asked, recover_into};
use crate::error::{Doing, StoreError};
use crate::operations::{self, Begun, Operation, OperationKind};
use crate::tenants::Settings;
use crate::{Connection, TenantId};

/// Makes a customer a member. `None` if it is one: then nothing has changed.
///
/// # Errors
/// As any statement.
pub async fn enrol(
    db: &mut Connection,
    tenant: TenantId,
    customer: &Customer,
    enrolled_by: &str,
) -> Result<Option<Uuid>, StoreError> {
    sqlx::query_scalar!(
        "insert into members (tenant_id, id, external_id, email, first_name, last_name, phone, country, tags,
             accepts_email_marketing, version_at, enrolled_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10, false), $11, $12)
         on conflict (tenant_id, external_id) do nothing
         returning id",
        tenant as TenantId,
        Uuid::now_v7(),
        customer.external_id,
        customer.email,
        customer.first_name,
        customer.last_name,
        customer.phone,
        customer.country,
        customer.tags.as_deref(),
        customer.accepts_email_marketing,
        customer.version_at,
        enrolled_by,
    )
    .fetch_optional(db)
    .await
    .doing("making a customer a member")
}

/// What came of a welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcomed {
    /// It is new; otherwise it was given before.
    pub is_new: bool,
    /// How much, in minor units.
    pub amount_minor: i64,
}

/// Gives a new member the welcome credit, once for ever. `joined_at` is when the member joined: its end counts from
/// that day.
///
/// # Errors
/// As any statement.
pub async fn welcome(
    db: &mut Connection,
    asked: &Asked<'_>,
    settings: &Settings,
    member_id: Uuid,
    welcome: &Welcome,
    joined_at: DateTime<Utc>,
    rule: Option<&str>,
) -> Result<Welcomed, StoreError> {
    let currency = settings.currency.code();
    let amount_minor = welcome.amount_minor;
    let account = accounts::open(db, asked.tenant, member_id, currency).await?;
    let key = format!("welcome:{member_id}");
    let operation = Operation {
        tenant: asked.tenant,
        key: &key,
        kind: OperationKind::Grant,
        member_id,
        currency,
        amount_minor,
        of_key: None,
        reason: asked.reason,
        actor: asked.actor,
        run_id: asked.run_id,
        effective_at: joined_at,
        at_shop: false,
        rule,
    };
    // A later rule may name another amount; the first one was given.
    if operations::begin(db, &operation).await? != Begun::New {
        return Ok(Welcomed { is_new: false, amount_minor });
    }
    let anchor = joined_at.with_timezone(&settings.zone).date_naive();
    let now = crate::schedules::now(db).await?;
    let expires_at = welcome.validity.expires_at(
        anchor,
        settings.zone,
        joined_at.max(now),
        tradeup_domain::monthly::LEAST_VALID_DAYS,
    );
    let lot = NewLot {
        id: Uuid::now_v7(),
        value_class: ValueClass::Promotional,
        reason: "welcome",
        source_key: "1".to_owned(),
        granted_minor: amount_minor,
        available_at: Some(joined_at),
        expires_at,
        ends_at: expires_at.map(|at| settings.ends_at(at)),
        anchor_on: Some(anchor),
        note: None,
    };
    let mut booking = Booking::of(&operation);
    recover_into(&mut booking, account.debt_minor, &lot);
    booking.new_lots.push(lot);
    book(db, &booking).await?;
    Ok(Welcomed { is_new: true, amount_minor })
}
