//! Following: what Shopify has booked by itself happens in the ledger too, each booking once.

use chrono::{DateTime, Utc};
use tradeup_domain::ValueClass;
use tradeup_domain::ledger::{EntryKind, Lot, Part, allocate, spendable_minor};
use uuid::Uuid;

use crate::accounts::{self, Booking, DebtKind, DebtMovement, NewLot, book};
use crate::credits::{Asked, Reverted, revert_key, revert_spend};
use crate::error::{Doing, ErrorKind, StoreError};
use crate::operations::{self, Begun, Operation, OperationKind};
use crate::tenants::Settings;
use crate::{Connection, RunId, TenantId};

/// What kind of booking at the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookingKind {
    /// Credit was given: by the merchant, or for a refund.
    Credit,
    /// Credit was used at check-out.
    Use,
    /// Credit was taken by the merchant, or by another app.
    Take,
    /// A use was undone.
    UseReverted,
}

impl BookingKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Use => "use",
            Self::Take => "take",
            Self::UseReverted => "use_reverted",
        }
    }
}

/// A booking at the shop that is not ours.
#[derive(Clone, Debug)]
pub struct ShopBooking {
    /// Its id there; what tells it apart, if it has none.
    pub key: String,
    /// What kind.
    pub kind: BookingKind,
    /// Shopify's word for what caused it.
    pub event: String,
    /// How much, above 0, in minor units.
    pub amount_minor: i64,
    /// When, by Shopify's clock.
    pub booked_at: DateTime<Utc>,
    /// When a credit ends, if it does.
    pub ends_at: Option<DateTime<Utc>>,
}

/// What the ledger made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Whether it was followed now, not before.
    pub is_new: bool,
    /// What the ledger could not follow, since it has no such credit, in minor units. Of a use it is owed.
    pub uncovered_minor: i64,
}

/// Follows one booking of a member's account. Bookings have to come in their order.
///
/// # Errors
/// As any statement.
pub async fn follow(
    db: &mut Connection,
    tenant: TenantId,
    settings: &Settings,
    member_id: Uuid,
    run_id: RunId,
    booking: &ShopBooking,
) -> Result<Followed, StoreError> {
    let currency = settings.currency.code();
    accounts::open(db, tenant, member_id, currency).await?;
    let before = sqlx::query_scalar!(
        r#"select exists (select from shop_bookings where tenant_id = $1 and key = $2) as "followed!""#,
        tenant as TenantId,
        booking.key,
    )
    .fetch_one(&mut *db)
    .await
    .doing("looking whether a booking was followed")?;
    if before {
        return Ok(Followed { is_new: false, uncovered_minor: 0 });
    }
    let follower = Follower { tenant, settings, member_id, currency, run_id, booking };
    let key = format!("shop:{}", booking.key);
    let uncovered_minor = match booking.kind {
        BookingKind::Credit => follower.credit(db, &key).await?,
        BookingKind::Use => follower.use_or_take(db, &key, OperationKind::Spend).await?,
        BookingKind::Take => follower.use_or_take(db, &key, OperationKind::Adjust).await?,
        BookingKind::UseReverted => follower.revert(db, &key).await?,
    };
    let operation = operations::by_key(db, tenant, &key).await?.map(|operation| operation.key);
    sqlx::query!(
        "insert into shop_bookings (tenant_id, key, member_id, currency, kind, event, amount_minor, booked_at,
             operation)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tenant as TenantId,
        booking.key,
        member_id,
        currency,
        booking.kind.as_str(),
        booking.event,
        booking.amount_minor,
        booking.booked_at,
        operation,
    )
    .execute(db)
    .await
    .doing("noting a booking of the shop")?;
    Ok(Followed { is_new: true, uncovered_minor })
}

struct Follower<'a> {
    tenant: TenantId,
    settings: &'a Settings,
    member_id: Uuid,
    currency: &'a str,
    run_id: RunId,
    booking: &'a ShopBooking,
}

impl<'a> Follower<'a> {
    fn operation(&self, key: &'a str, kind: OperationKind, amount_minor: i64) -> Operation<'a> {
        Operation {
            tenant: self.tenant,
            key,
            kind,
            member_id: self.member_id,
            currency: self.currency,
            amount_minor,
            of_key: None,
            reason: Some("booked at the shop"),
            actor: "shopify",
            run_id: Some(self.run_id),
            effective_at: self.booking.booked_at,
            at_shop: true,
            rule: None,
        }
    }

    /// A new lot. Whether it was a gift or paid for, nobody told: what a member paid for is what is never
    /// taken for debts, so it counts as that.
    async fn credit(&self, db: &mut Connection, key: &'a str) -> Result<i64, StoreError> {
        let amount_minor = self.booking.amount_minor;
        let operation = self.operation(key, OperationKind::Adjust, amount_minor);
        new_operation(operations::begin(db, &operation).await?)?;
        let mut booking = Booking::of(&operation);
        let at = self.booking.booked_at;
        booking.new_lots.push(NewLot {
            id: Uuid::now_v7(),
            value_class: ValueClass::Paid,
            reason: "adjusted",
            source_key: key.to_owned(),
            granted_minor: amount_minor,
            available_at: Some(at),
            expires_at: self.booking.ends_at,
            ends_at: self.booking.ends_at,
            anchor_on: Some(at.with_timezone(&self.settings.zone).date_naive()),
            note: Some(format!("given at the shop ({})", self.booking.event)),
        });
        book(db, &booking).await?;
        Ok(0)
    }

    /// From what was live then, as far as it goes. A use beyond it is owed: the member has had it.
    async fn use_or_take(
        &self,
        db: &mut Connection,
        key: &'a str,
        kind: OperationKind,
    ) -> Result<i64, StoreError> {
        let at = self.booking.booked_at;
        let (_now, lots) = accounts::lots(db, self.tenant, self.member_id, self.currency).await?;
        let covered_minor = self.booking.amount_minor.min(spendable_minor(&lots, at));
        let uncovered_minor = self.booking.amount_minor - covered_minor;
        let signed = if kind == OperationKind::Spend { covered_minor } else { -covered_minor };
        let operation = self.operation(key, kind, signed);
        new_operation(operations::begin(db, &operation).await?)?;
        let mut booking = Booking::of(&operation);
        let entry = if kind == OperationKind::Spend { EntryKind::Spend } else { EntryKind::Adjust };
        booking.move_parts(entry, -1, &parts_of(&lots, covered_minor, at)?);
        if kind == OperationKind::Spend && uncovered_minor > 0 {
            booking.debts.push(DebtMovement {
                kind: DebtKind::Open,
                amount_minor: uncovered_minor,
                key: key.to_owned(),
            });
        }
        book(db, &booking).await?;
        Ok(uncovered_minor)
    }

    /// Gives back what was used last first. What no use is left for is a new credit.
    async fn revert(&self, db: &mut Connection, key: &'a str) -> Result<i64, StoreError> {
        let uses = sqlx::query!(
            r#"select o.key, o.amount_minor - coalesce((
                   select sum(r.amount_minor) from operations r
                   where r.tenant_id = o.tenant_id and r.of_key = o.key), 0)::bigint as "left_minor!"
               from operations o
               where o.tenant_id = $1 and o.member_id = $2 and o.currency = $3 and o.kind = 'spend' and o.at_shop
                   and o.effective_at <= $4
               order by o.effective_at desc, o.key desc"#,
            self.tenant as TenantId,
            self.member_id,
            self.currency,
            self.booking.booked_at,
        )
        .fetch_all(&mut *db)
        .await
        .doing("looking for uses at the shop")?;
        let mut left = self.booking.amount_minor;
        for used in uses.iter().filter(|used| used.left_minor > 0) {
            let part = left.min(used.left_minor);
            if part == 0 {
                break;
            }
            let part_key = revert_key(&format!("{key}:{}", used.key));
            let asked = Asked {
                tenant: self.tenant,
                key: &part_key,
                actor: "shopify",
                reason: Some("booked at the shop"),
                run_id: Some(self.run_id),
                at: Some(self.booking.booked_at),
                at_shop: true,
            };
            match revert_spend(db, &asked, self.settings, &used.key, Some(part)).await? {
                Reverted::Done { .. } => left -= part,
                _ => return Err(StoreError::of_kind(ErrorKind::Unexpected, "giving back a use at the shop")),
            }
        }
        if left > 0 {
            let rest = ShopBooking { amount_minor: left, ..self.booking.clone() };
            Follower { booking: &rest, ..*self }.credit(db, key).await?;
        }
        Ok(0)
    }
}

fn new_operation(begun: Begun) -> Result<(), StoreError> {
    match begun {
        Begun::New => Ok(()),
        // The booking's own row says that it was not followed; so somebody else has taken its key.
        Begun::Done | Begun::Other => {
            Err(StoreError::of_kind(ErrorKind::Corrupt, "following a booking of the shop"))
        }
    }
}

fn parts_of(lots: &[Lot], amount_minor: i64, at: DateTime<Utc>) -> Result<Vec<Part>, StoreError> {
    if amount_minor == 0 {
        return Ok(Vec::new());
    }
    allocate(lots, amount_minor, at)
        .map_err(|_short| StoreError::of_kind(ErrorKind::Unexpected, "following a use at the shop"))
}

/// Notes up to where a member's account was followed.
///
/// # Errors
/// As any statement.
pub async fn note_followed(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
    currency: &str,
    account_gid: &str,
    newest_gid: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into shop_accounts (tenant_id, member_id, currency, account_gid, followed_gid, followed_at)
         values ($1, $2, $3, $4, $5, clock_timestamp())
         on conflict (tenant_id, member_id, currency) do update
             set account_gid = excluded.account_gid, followed_at = excluded.followed_at,
                 followed_gid = coalesce(excluded.followed_gid, shop_accounts.followed_gid)",
        tenant as TenantId,
        member_id,
        currency,
        account_gid,
        newest_gid,
    )
    .execute(db)
    .await
    .doing("noting how far a wallet was followed")?;
    Ok(())
}
