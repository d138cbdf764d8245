//! Whatever people have in hand, found: runs, shops, members, orders.

use crate::error::{Doing, StoreError};
use crate::runs::{self, RunFilter};
use crate::tenants::{self, ShopFilter};
use crate::{Pool, RunId, TenantRef, Tx};

/// Shops that are asked for their members and orders, at most: about a tenth of a second.
pub const SHOPS_MAX: i32 = 10_000;

/// Something that it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// `run`, `shop`, `member` or `order`.
    pub kind: String,
    /// The handle of the shop whose it is.
    pub tenant_handle: Option<String>,
    /// Task and key of a run, a shop's handle, a member's or an order's id at its shop.
    pub name: String,
    /// The run.
    pub run_id: Option<RunId>,
}

/// All that it may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Of each kind some, at most.
    pub found: Vec<Found>,
    /// There are more than [`SHOPS_MAX`] shops, and not all were asked for their members and orders.
    pub not_all_shops: bool,
}

/// Finds a run by its id or the beginning of its key, a shop by the beginning of its handle or domain, a member or an
/// order by its id at its shop: `limit` of each, of all shops or within one.
///
/// # Errors
/// As any statement.
pub async fn find(
    pool: &Pool,
    within: Option<&TenantRef>,
    wanted: &str,
    limit: i64,
) -> Result<Search, StoreError> {
    let mut search = Search::default();
    let filter = RunFilter {
        tenant: within.map(|tenant| tenant.handle.clone()),
        with_children: true,
        ..RunFilter::default()
    };
    if let Ok(id) = wanted.parse() {
        add_runs(pool, RunFilter { run_id: Some(id), ..filter.clone() }, limit, &mut search).await?;
    }
    match within {
        Some(tenant) => search.found.extend(in_shop(pool, tenant, wanted).await?),
        None => {
            search.found.extend(shops(pool, wanted, limit).await?);
            in_shops(pool, wanted, limit, &mut search).await?;
        }
    }
    add_runs(pool, RunFilter { key_prefix: Some(wanted.to_owned()), ..filter }, limit, &mut search).await?;
    Ok(search)
}

async fn add_runs(pool: &Pool, filter: RunFilter, limit: i64, search: &mut Search) -> Result<(), StoreError> {
    search.found.extend(runs::list(pool, &filter, limit).await?.into_iter().map(|run| Found {
        kind: "run".to_owned(),
        tenant_handle: run.tenant_handle,
        name: format!("{} {}", run.task, run.key),
        run_id: Some(run.run_id),
    }));
    Ok(())
}

async fn shops(pool: &Pool, beginning: &str, limit: i64) -> Result<Vec<Found>, StoreError> {
    let filter = ShopFilter { beginning: Some(beginning.to_owned()), ..ShopFilter::default() };
    let found = tenants::page(pool, &filter, limit).await?.into_iter().map(|shop| Found {
        kind: "shop".to_owned(),
        tenant_handle: Some(shop.handle.clone()),
        name: shop.handle,
        run_id: None,
    });
    Ok(found.collect())
}

async fn in_shop(pool: &Pool, tenant: &TenantRef, wanted: &str) -> Result<Vec<Found>, StoreError> {
    let mut tx = Tx::of_tenant(pool, tenant.id).await?;
    let rows = sqlx::query!(
        r#"select 'member' as "kind!", external_id as "external_id!" from members where tenant_id = $1 and external_id = $2
           union all
           select 'order', external_id from orders where tenant_id = $1 and external_id = $2"#,
        tenant.id as crate::TenantId,
        wanted,
    )
    .fetch_all(&mut *tx)
    .await
    .doing("looking in a shop")?;
    tx.rollback().await?;
    let found = rows.into_iter().map(|row| Found {
        kind: row.kind,
        tenant_handle: Some(tenant.handle.clone()),
        name: row.external_id,
        run_id: None,
    });
    Ok(found.collect())
}

async fn in_shops(pool: &Pool, wanted: &str, limit: i64, search: &mut Search) -> Result<(), StoreError> {
    // The shop that is asked is set within it, and is not to outlast it.
    let mut tx = Tx::of_engine(pool).await?;
    let rows = sqlx::query!(
        r#"select tenant_handle as "tenant_handle!", kind as "kind!", external_id as "external_id!"
           from find_in_shops($1, $2, $3)"#,
        wanted,
        SHOPS_MAX,
        limit,
    )
    .fetch_all(&mut *tx)
    .await
    .doing("looking in all shops")?;
    search.not_all_shops = sqlx::query_scalar!(
        r#"select count(*) > $1::bigint as "more!" from (select from tenants limit $1::bigint + 1) as t"#,
        i64::from(SHOPS_MAX)
    )
    .fetch_one(&mut *tx)
    .await
    .doing("counting shops")?;
    tx.rollback().await?;
    search.found.extend(rows.into_iter().map(|row| Found {
        kind: row.kind,
        tenant_handle: Some(row.tenant_handle),
        name: row.external_id,
        run_id: None,
    }));
    Ok(())
}
