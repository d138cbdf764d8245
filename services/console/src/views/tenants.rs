//! Shops.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use tradeup_store::Pool;
use tradeup_store::tenants::{self, ShopFilter, Tenant};
use utoipa::{IntoParams, ToSchema};

use super::when::When;
use super::{cut, query, said};
use crate::Console;
use crate::access::Who;
use crate::failure::Failure;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Shop {
    pub(crate) handle: String,
    pub(crate) state: String,
    pub(crate) shop_domain: Option<String>,
    pub(crate) wallet: String,
    pub(crate) created: When,
    pub(crate) installed: Option<When>,
    /// In shadow since then: what is decided is reckoned, and not done.
    pub(crate) shadow: Option<When>,
    /// Its cut-over from another system.
    pub(crate) live: Option<When>,
    #[serde(skip)]
    pub(crate) id: tradeup_store::TenantId,
    /// ISO 4217 code of its ledger's currency.
    #[serde(skip)]
    pub(crate) currency: String,
}

impl Shop {
    fn of(tenant: Tenant) -> Self {
        Self {
            id: tenant.id,
            currency: tenant.currency,
            handle: tenant.handle,
            state: tenant.state,
            shop_domain: tenant.shop_domain,
            wallet: tenant.wallet,
            created: When(tenant.created_at),
            installed: tenant.installed_at.map(When),
            shadow: tenant.shadow_since.map(When),
            live: tenant.live_since.map(When),
        }
    }
}

/// Shops of a page.
const PAGE: u8 = 100;
/// Every state that a shop may be in.
pub(crate) const STATES: [&str; 3] = ["active", "suspended", "uninstalled"];

/// What a list of shops is narrowed by, as the address has it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ShopsAsked {
    /// The beginning of a handle or a domain.
    pub(crate) begins: String,
    /// `active`, `suspended` or `uninstalled`.
    pub(crate) state: String,
    /// The handle that the page before ended with.
    pub(crate) after: String,
}

impl ShopsAsked {
    /// Whether it is narrowed at all.
    pub(crate) fn narrows(&self) -> bool {
        [&self.begins, &self.state].into_iter().any(|field| !field.trim().is_empty())
    }

    /// The address of the page behind this handle, without its path.
    pub(crate) fn next(&self, after: &str) -> Result<String, Failure> {
        query(&Self { after: after.to_owned(), ..self.clone() })
    }
}

/// A page of shops, by handle.
pub(crate) struct Shops {
    pub(crate) shops: Vec<Shop>,
    /// What the next page's address asks, if there is one.
    pub(crate) next: Option<String>,
}

impl Shops {
    /// Those that may be seen.
    pub(crate) async fn read(pool: &Pool, who: &Who, asked: &ShopsAsked) -> Result<Self, Failure> {
        let filter = ShopFilter {
            id: who.tenant.as_ref().map(|(own, _)| *own),
            beginning: said(&asked.begins),
            state: said(&asked.state),
            after: said(&asked.after),
        };
        let mut shops: Vec<Shop> =
            tenants::page(pool, &filter, i64::from(PAGE) + 1).await?.into_iter().map(Shop::of).collect();
        let more = cut(&mut shops, usize::from(PAGE));
        let next = shops.last().filter(|_| more).map(|last| asked.next(&last.handle)).transpose()?;
        Ok(Self { shops, next })
    }
}

/// The shop that a path names, with whoever asks, who may see it.
pub(crate) struct Seen {
    pub(crate) who: Who,
    pub(crate) shop: Shop,
}

impl FromRequestParts<Console> for Seen {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Failure> {
        let who = Who::from_request_parts(parts, console).await?;
        let path =
            RawPathParams::from_request_parts(parts, console).await.map_err(|_none| Failure::NotFound)?;
        let (_, handle) = path.iter().find(|(name, _)| *name == "handle").ok_or(Failure::NotFound)?;
        let shop = one(console.worker.pool(), &who, handle).await?;
        Ok(Self { who, shop })
    }
}

async fn row(pool: &Pool, who: &Who, handle: &str) -> Result<Tenant, Failure> {
    let tenant = tenants::by_handle(pool, handle).await?.ok_or(Failure::NotFound)?;
    who.sees(Some(tenant.id))?;
    Ok(tenant)
}

/// One of them.
pub(crate) async fn one(pool: &Pool, who: &Who, handle: &str) -> Result<Shop, Failure> {
    row(pool, who, handle).await.map(Shop::of)
}

/// One that an act names in its field `tenant`.
pub(crate) async fn named(pool: &Pool, who: &Who, handle: &str) -> Result<Tenant, Failure> {
    row(pool, who, handle).await.map_err(|error| match error {
        Failure::NotFound => {
            Failure::Invalid { field: "tenant", why: format!("there is no shop {handle:?}") }
        }
        other => other,
    })
}
