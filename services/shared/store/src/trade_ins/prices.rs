//! A shop's market prices, with history.

use chrono::{DateTime, Utc};
use tradeup_domain::Currency;

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// A price from an instant on.
#[derive(Clone, Debug)]
pub struct NewPrice {
    /// What it is of, as the shop calls it.
    pub item: String,
    /// The category of the rule.
    pub category: String,
    /// On the market, in minor units.
    pub market_minor: i64,
}

/// Adds prices in force from now on. One that says what is in force changes nothing. Returns how many are new.
///
/// # Errors
/// As any statement.
pub async fn add_prices(
    db: &mut Connection,
    tenant: TenantId,
    currency: Currency,
    source: &str,
    prices: &[NewPrice],
) -> Result<u64, StoreError> {
    let items: Vec<String> = prices.iter().map(|price| price.item.clone()).collect();
    let categories: Vec<String> = prices.iter().map(|price| price.category.clone()).collect();
    let amounts: Vec<i64> = prices.iter().map(|price| price.market_minor).collect();
    sqlx::query_file!(
        "src/trade_ins/add_prices.sql",
        tenant as TenantId,
        currency.code(),
        source,
        &items,
        &categories,
        &amounts,
    )
    .execute(db)
    .await
    .doing("adding market prices")
    .map(|done| done.rows_affected())
}

/// Category and market price of items at an instant, in their order; `None` for one that has none.
///
/// # Errors
/// As any statement.
pub async fn market(
    db: &mut Connection,
    tenant: TenantId,
    currency: Currency,
    items: &[String],
    at: DateTime<Utc>,
) -> Result<Vec<Option<(String, i64)>>, StoreError> {
    let rows = sqlx::query!(
        r#"select p.category as "category?", p.market_minor as "market_minor?"
           from unnest($3::text[]) with ordinality as i (item, n)
           left join lateral (
               select category, market_minor from trade_in_prices
               where tenant_id = $1 and item = i.item and currency = $2 and valid_from <= $4
               order by valid_from desc limit 1
           ) as p on true
           order by i.n"#,
        tenant as TenantId,
        currency.code(),
        items,
        at,
    )
    .fetch_all(db)
    .await
    .doing("reading market prices")?;
    Ok(rows.into_iter().map(|row| row.category.zip(row.market_minor)).collect())
}
