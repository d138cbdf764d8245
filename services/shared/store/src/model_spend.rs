//! What models cost, by shop, day and month, in billionths of a US dollar. A reservation is one conditional update of
//! each purse: it fails where spent, reserved and wanted go beyond the limit, however many ask at once.

use chrono::NaiveDate;

use crate::agent_runs::{Cap, Caps};
use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId, Tx};

/// Reserves an amount in every purse, or none: the limit that would be passed. The caller rolls back or writes nothing
/// more then.
pub(crate) async fn reserve(
    tx: &mut Tx,
    tenant: TenantId,
    day: NaiveDate,
    nano: i64,
    caps: &Caps,
) -> Result<Option<Cap>, StoreError> {
    // In one order for everybody: the shop's before the one that all share.
    let purses = [
        (Cap::Month, day.format("%Y-%m").to_string(), caps.month_nano),
        (Cap::Day, day.to_string(), caps.day_nano),
    ];
    let mut taken = Vec::new();
    for (cap, period, cap_nano) in purses {
        let granted = sqlx::query_scalar!(
            r#"insert into model_spend as purse (tenant_id, period, reserved_nano)
               select $1, $2, $3::bigint where $3::bigint <= $4
               on conflict (tenant_id, period) do update set reserved_nano = purse.reserved_nano + $3
                   where purse.spent_nano + purse.reserved_nano + $3 <= $4
               returning true as "granted!""#,
            tenant as TenantId,
            period,
            nano,
            cap_nano,
        )
        .fetch_optional(&mut **tx)
        .await
        .doing("reserving for a shop")?;
        if granted.is_none() {
            give_back(tx, tenant, &taken, nano).await?;
            return Ok(Some(cap));
        }
        taken.push(period);
    }
    let granted = sqlx::query_scalar!(
        r#"insert into model_spend_days as purse (day, reserved_nano)
           select $1, $2::bigint where $2::bigint <= $3
           on conflict (day) do update set reserved_nano = purse.reserved_nano + $2
               where purse.spent_nano + purse.reserved_nano + $2 <= $3
           returning true as "granted!""#,
        day,
        nano,
        caps.all_day_nano,
    )
    .fetch_optional(&mut **tx)
    .await
    .doing("reserving for all shops")?;
    if granted.is_none() {
        give_back(tx, tenant, &taken, nano).await?;
        return Ok(Some(Cap::AllDay));
    }
    Ok(None)
}

async fn give_back(tx: &mut Tx, tenant: TenantId, periods: &[String], nano: i64) -> Result<(), StoreError> {
    sqlx::query!(
        "update model_spend set reserved_nano = reserved_nano - $3 where tenant_id = $1 and period = any ($2)",
        tenant as TenantId,
        periods,
        nano,
    )
    .execute(&mut **tx)
    .await
    .doing("giving a reservation back")
    .map(drop)
}

/// Turns a reservation of a day into what was spent.
pub(crate) async fn settle(
    tx: &mut Tx,
    tenant: TenantId,
    day: NaiveDate,
    reserved_nano: i64,
    spent_nano: i64,
) -> Result<(), StoreError> {
    // In the order of `reserve`: the month before the day.
    for period in [day.format("%Y-%m").to_string(), day.to_string()] {
        sqlx::query!(
            "update model_spend set reserved_nano = reserved_nano - $3, spent_nano = spent_nano + $4
             where tenant_id = $1 and period = $2",
            tenant as TenantId,
            period,
            reserved_nano,
            spent_nano,
        )
        .execute(&mut **tx)
        .await
        .doing("settling for a shop")?;
    }
    sqlx::query!(
        "update model_spend_days set reserved_nano = reserved_nano - $2, spent_nano = spent_nano + $3 where day = $1",
        day,
        reserved_nano,
        spent_nano,
    )
    .execute(&mut **tx)
    .await
    .doing("settling for all shops")
    .map(drop)
}

/// What a shop's models cost in a period.
#[derive(Clone, Debug)]
pub struct Spend {
    /// A month like `2026-11`, or a day like `2026-11-29`, of UTC.
    pub period: String,
    /// Spent.
    pub spent_nano: i64,
    /// Reserved for calls under way.
    pub reserved_nano: i64,
}

/// A shop's months and days, newest first.
///
/// # Errors
/// As any statement.
pub async fn of_tenant(db: &mut Connection, tenant: TenantId, limit: i64) -> Result<Vec<Spend>, StoreError> {
    sqlx::query_as!(
        Spend,
        "select period, spent_nano, reserved_nano from model_spend where tenant_id = $1
         order by length(period), period desc limit $2",
        tenant as TenantId,
        limit,
    )
    .fetch_all(db)
    .await
    .doing("reading what models cost a shop")
}
