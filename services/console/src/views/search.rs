//! Whatever somebody has in hand, found: a run's id or key, a shop, a customer, an order.

use serde::{Deserialize, Serialize};
use tradeup_store::search::{self, SHOPS_MAX};
use tradeup_store::{Pool, TenantRef};
use utoipa::{IntoParams, ToSchema};

use super::tenants;
use crate::access::Who;
use crate::failure::Failure;

/// Of each kind.
const FOUND_MAX: i64 = 10;

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Sought {
    /// A run's id or the beginning of its key, a shop's handle or domain, a customer or an order by their shop's own
    /// id; with `SHOP:` before it, of this shop alone.
    pub(crate) q: String,
}

/// Something that it may be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Found {
    /// `run`, `shop`, `member` or `order`.
    pub(crate) kind: String,
    pub(crate) tenant: Option<String>,
    pub(crate) name: String,
    /// Where the console shows it: a path.
    pub(crate) page: String,
}

/// All that it may be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Search {
    pub(crate) found: Vec<Found>,
    /// Customers and orders were looked for in so many shops, and there are more: say which.
    pub(crate) of_shops: Option<i32>,
}

impl Found {
    fn of(found: search::Found) -> Self {
        let name = askama::filters::urlencode_strict(&found.name).map(|text| text.to_string());
        let name = name.unwrap_or_default();
        let shop = found.tenant_handle.as_deref().unwrap_or_default();
        let page = match (found.run_id, found.kind.as_str()) {
            (Some(run), _) => format!("/runs/{run}"),
            (None, "shop") => format!("/shops/{shop}"),
            (None, "member") => format!("/shops/{shop}/members/{name}"),
            (None, _) => format!("/shops/{shop}/events?about={name}"),
        };
        Self { kind: found.kind, tenant: found.tenant_handle, name: found.name, page }
    }
}

impl Search {
    pub(crate) async fn read(pool: &Pool, who: &Who, sought: &Sought) -> Result<Self, Failure> {
        let mut wanted = sought.q.trim();
        if wanted.is_empty() {
            return Ok(Self { found: Vec::new(), of_shops: None });
        }
        let mut within =
            who.tenant.as_ref().map(|(id, handle)| TenantRef { id: *id, handle: handle.clone() });
        // A shop's own ids may have colons; no handle has.
        if let Some((handle, rest)) = wanted.split_once(':')
            && let Ok(shop) = tenants::one(pool, who, handle).await
        {
            within = Some(TenantRef { id: shop.id, handle: shop.handle });
            wanted = rest.trim();
        }
        let search = search::find(pool, within.as_ref(), wanted, FOUND_MAX).await?;
        Ok(Self {
            found: search.found.into_iter().map(Found::of).collect(),
            of_shops: search.not_all_shops.then_some(SHOPS_MAX),
        })
    }
}
