//! Shops by the page: there may be a hundred thousand.

use super::Tenant;
use crate::error::{Doing, StoreError};
use crate::{Pool, TenantId};

/// Which shops. Each that is set narrows.
#[derive(Clone, Debug, Default)]
pub struct ShopFilter {
    /// This one.
    pub id: Option<TenantId>,
    /// Whose handle or domain begins so.
    pub beginning: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// Only shops behind this handle: the next page.
    pub after: Option<String>,
}

/// Shops by handle, so many at most.
///
/// # Errors
/// As any statement.
pub async fn page(pool: &Pool, filter: &ShopFilter, limit: i64) -> Result<Vec<Tenant>, StoreError> {
    if let Some(beginning) = &filter.beginning {
        return sqlx::query_file_as!(
            Tenant,
            "src/tenants/begins.sql",
            filter.id as Option<TenantId>,
            beginning.to_lowercase(),
            filter.state,
            filter.after,
            limit,
        )
        .fetch_all(pool)
        .await
        .doing("looking for shops");
    }
    // In the order of the index of handles, or of that of states: no more is read than is shown.
    sqlx::query_as!(
        Tenant,
        r#"select id as "id: TenantId", handle, name, zone, currency, credit_validity, grace_days, pending_days, shortfall,
               locale, reply_to, shop_url, warns, wallet, state, shop_domain, installed_at, created_at,
               shadow_since, live_since
           from tenants
           where ($1::bigint is null or id = $1) and ($2::text is null or state = $2)
               and ($3::text is null or handle > $3)
           order by handle limit $4"#,
        filter.id as Option<TenantId>,
        filter.state,
        filter.after,
        limit,
    )
    .fetch_all(pool)
    .await
    .doing("listing shops")
}

/// Whether there are more shops than so many.
///
/// # Errors
/// As any statement.
pub async fn are_more_than(pool: &Pool, shops: i64) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"select count(*) > $1::bigint as "more!" from (select from tenants limit $1::bigint + 1) as t"#,
        shops
    )
    .fetch_one(pool)
    .await
    .doing("counting shops")
}
