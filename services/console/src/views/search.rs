//! Whatever somebody has in hand, found: a run's id or key, a shop, a customer, an order.

use serde::{Deserialize, Serialize};
use tradeup_store::search::{self, OfShop};
use tradeup_store::{Pool, RunId, TenantId, Tx};
use utoipa::{IntoParams, ToSchema};

use super::run::seen;
use super::runs::{Asked, latest};
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
    /// There are more shops than were asked for their customers and orders: say which.
    pub(crate) not_all_shops: bool,
}

fn encoded(text: &str) -> String {
    askama::filters::urlencode_strict(text).map(|text| text.to_string()).unwrap_or_default()
}

fn of_shop(tenant: String, (kind, name): OfShop) -> Found {
    let page = match kind.as_str() {
        "member" => format!("/shops/{tenant}/members/{}", encoded(&name)),
        _ => format!("/shops/{tenant}/events?about={}", encoded(&name)),
    };
    Found { kind, tenant: Some(tenant), name, page }
}

async fn in_shop(pool: &Pool, id: TenantId, handle: &str, wanted: &str) -> Result<Vec<Found>, Failure> {
    let mut tx = Tx::of_tenant(pool, id).await?;
    let found = search::in_shop(&mut tx, id, wanted).await?;
    tx.rollback().await?;
    Ok(found.into_iter().map(|found| of_shop(handle.to_owned(), found)).collect())
}

impl Search {
    pub(crate) async fn read(pool: &Pool, who: &Who, sought: &Sought) -> Result<Self, Failure> {
        let wanted = sought.q.trim();
        let mut all = Self { found: Vec::new(), not_all_shops: false };
        if wanted.is_empty() {
            return Ok(all);
        }
        if let Ok(id) = wanted.parse::<RunId>()
            && let Ok(run) = seen(pool, who, id).await
        {
            let page = format!("/runs/{}", run.run_id);
            all.found.push(Found { kind: "run".to_owned(), tenant: run.tenant_handle, name: run.key, page });
        }
        // A shop's own ids may have colons; no handle has.
        let of_one = match wanted.split_once(':') {
            Some((handle, rest)) => {
                tenants::one(pool, who, handle).await.ok().map(|shop| (shop, rest.trim()))
            }
            None => None,
        };
        match (&who.tenant, of_one) {
            (_, Some((shop, rest))) => {
                all.found.extend(in_shop(pool, shop.id, &shop.handle, rest).await?);
            }
            (Some((own, handle)), None) => all.found.extend(in_shop(pool, *own, handle, wanted).await?),
            (None, None) => {
                for tenant in search::shops(pool, wanted, FOUND_MAX).await? {
                    let page = format!("/shops/{tenant}");
                    all.found.push(Found {
                        kind: "shop".to_owned(),
                        name: tenant.clone(),
                        tenant: Some(tenant),
                        page,
                    });
                }
                let (found, of_all) = search::in_shops(pool, wanted).await?;
                all.found.extend(found.into_iter().map(|(tenant, found)| of_shop(tenant, found)));
                all.not_all_shops = !of_all;
            }
        }
        let asked = Asked { key: wanted.to_owned(), ..Asked::default() }.narrowed(who);
        for run in latest(pool, &asked, FOUND_MAX).await? {
            let page = format!("/runs/{}", run.id);
            all.found.push(Found {
                kind: "run".to_owned(),
                tenant: run.tenant,
                name: format!("{} {}", run.task, run.key),
                page,
            });
        }
        Ok(all)
    }
}
