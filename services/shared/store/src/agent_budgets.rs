//! What models cost shops, and how much is left of what they may, as it is shown. Money is in billionths of a US dollar.

use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, TenantId, Tx};

/// From this share of a budget on it is said to be used up, or nearly: the next call may not fit into what is left.
const NEARLY_PERCENT: i32 = 95;
/// Most of a kind that are told, the fullest first: of the day and of the month, with a limit of their own and with that of all.
const USED_UP_MAX: i64 = 50;

/// What one model took for a shop in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopSpend {
    /// The shop's handle.
    pub tenant_handle: String,
    /// The month of UTC, like `2026-11`.
    pub month: String,
    /// The model.
    pub model: String,
    /// Answered turns.
    pub turns: i64,
    /// Tokens read that no cache had.
    pub input_tokens: i64,
    /// Tokens written to the cache.
    pub cache_write_tokens: i64,
    /// Tokens read from the cache.
    pub cache_read_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
    /// What answered turns cost.
    pub cost_nano: i64,
    /// Answers that were lost.
    pub unknown: i64,
    /// What those may have cost at most.
    pub unknown_nano: i64,
}

/// What models took within so many months, of one shop or of each in its turn: newest month first, by shop and model.
///
/// # Errors
/// As any statement.
pub async fn by_shop(pool: &Pool, tenant: Option<&str>, months: i32) -> Result<Vec<ShopSpend>, StoreError> {
    // The shop that is asked is set within it, and is not to outlast it.
    let mut tx = Tx::of_engine(pool).await?;
    let lines = sqlx::query_file_as!(ShopSpend, "src/agent_budgets/by_shop.sql", tenant, months)
        .fetch_all(&mut *tx)
        .await
        .doing("reading what models cost shops")?;
    tx.rollback().await?;
    Ok(lines)
}

/// A budget that is used up, or nearly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedUp {
    /// Whose; of all shops together, if it is none's.
    pub tenant_handle: Option<String>,
    /// The day or the month of UTC, like `2026-11-29` or `2026-11`.
    pub period: String,
    /// Spent, or reserved for calls under way.
    pub used_nano: i64,
    /// What may be.
    pub cap_nano: i64,
}

/// Budgets of this day and month of which nearly nothing is left: that of all shops, and the fullest of active shops, or that
/// of one of them.
///
/// # Errors
/// As any statement.
pub async fn used_up(pool: &Pool, tenant: Option<TenantId>) -> Result<Vec<UsedUp>, StoreError> {
    sqlx::query_file_as!(
        UsedUp,
        "src/agent_budgets/used_up.sql",
        NEARLY_PERCENT,
        USED_UP_MAX,
        tenant as Option<TenantId>
    )
    .fetch_all(pool)
    .await
    .doing("reading which budgets of agents are used up")
}

/// What was used of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// Spent, or reserved for calls under way.
    pub used_nano: i64,
    /// What may be.
    pub cap_nano: i64,
}

/// What all shops together have used of today's budget.
///
/// # Errors
/// As any statement.
pub async fn today(db: &mut Connection) -> Result<Used, StoreError> {
    sqlx::query_as!(
        Used,
        r#"select coalesce((select d.spent_nano + d.reserved_nano from model_spend_days d
                   where d.day = (clock_timestamp() at time zone 'UTC')::date), 0) as "used_nano!",
               day_cap_nano as "cap_nano!"
           from agent_limits"#,
    )
    .fetch_one(db)
    .await
    .doing("reading what all shops have used today")
}

/// What a shop has used in this day and this month, of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedByShop {
    /// In billionths of a US dollar.
    pub day_nano: i64,
    /// The same.
    pub month_nano: i64,
}

/// What a shop has used in this day and this month.
///
/// # Errors
/// As any statement.
pub async fn of_shop(db: &mut Connection, tenant: TenantId) -> Result<UsedByShop, StoreError> {
    sqlx::query_file_as!(UsedByShop, "src/agent_budgets/of_shop.sql", tenant as TenantId)
        .fetch_one(db)
        .await
        .doing("reading what a shop's agents have used")
}
