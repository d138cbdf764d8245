//! Shops, members and orders, found by what people have in hand.

use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, TenantId, Tx};

/// Shops that are asked for their members and orders by [`in_shops`], at most: about a tenth of a second.
const SHOPS_MAX: i32 = 10_000;

/// `member` or `order`, and the shop's own id of it.
pub type OfShop = (String, String);

/// Handles of shops whose handle or domain begins so.
///
/// # Errors
/// As any statement.
pub async fn shops(pool: &Pool, beginning: &str, limit: i64) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        "select handle from tenants
         where starts_with(handle, lower($1)) or starts_with(shop_domain, lower($1)) order by handle limit $2",
        beginning,
        limit,
    )
    .fetch_all(pool)
    .await
    .doing("looking for shops")
}

/// A shop's member and order of this id.
///
/// # Errors
/// As any statement.
pub async fn in_shop(db: &mut Connection, tenant: TenantId, wanted: &str) -> Result<Vec<OfShop>, StoreError> {
    let rows = sqlx::query!(
        r#"select 'member' as "kind!", external_id as "external_id!" from members where tenant_id = $1 and external_id = $2
           union all
           select 'order', external_id from orders where tenant_id = $1 and external_id = $2"#,
        tenant as TenantId,
        wanted,
    )
    .fetch_all(db)
    .await
    .doing("looking in a shop")?;
    Ok(rows.into_iter().map(|row| (row.kind, row.external_id)).collect())
}

/// Members and orders of this id, with the handles of the shops that have them; and whether all shops were asked.
///
/// # Errors
/// As any statement.
pub async fn in_shops(pool: &Pool, wanted: &str) -> Result<(Vec<(String, OfShop)>, bool), StoreError> {
    // The shop that is asked is set within it, and is not to outlast it.
    let mut tx = Tx::of_engine(pool).await?;
    let rows = sqlx::query!(
        r#"select tenant_handle as "tenant_handle!", kind as "kind!", external_id as "external_id!"
           from find_in_shops($1, $2)"#,
        wanted,
        SHOPS_MAX,
    )
    .fetch_all(&mut *tx)
    .await
    .doing("looking in all shops")?;
    let all = sqlx::query_scalar!(r#"select count(*) <= $1 as "all!" from tenants"#, i64::from(SHOPS_MAX))
        .fetch_one(&mut *tx)
        .await
        .doing("counting shops")?;
    tx.rollback().await?;
    Ok((rows.into_iter().map(|row| (row.tenant_handle, (row.kind, row.external_id))).collect(), all))
}
