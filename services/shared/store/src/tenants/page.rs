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
    // In the order of the index of handles: without narrowing no more is read than is shown.
    sqlx::query_as!(
        Tenant,
        r#"select id as "id: TenantId", handle, name, zone, currency, credit_validity, grace_days, pending_days, shortfall,
               locale, reply_to, shop_url, warns, wallet, state, shop_domain, installed_at, created_at
           from tenants
           where ($1::bigint is null or id = $1) and ($3::text is null or state = $3)
               and ($2::text is null or starts_with(handle, lower($2)) or starts_with(shop_domain, lower($2)))
               and ($4::text is null or handle > $4)
           order by handle limit $5"#,
        filter.id as Option<TenantId>,
        filter.beginning,
        filter.state,
        filter.after,
        limit,
    )
    .fetch_all(pool)
    .await
    .doing("listing shops")
}
