//! Shops.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use serde::Serialize;
use tradeup_store::Pool;
use tradeup_store::tenants::{self, Tenant};
use utoipa::ToSchema;

use super::when::When;
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
    #[serde(skip)]
    pub(crate) id: tradeup_store::TenantId,
}

impl Shop {
    fn of(tenant: Tenant) -> Self {
        Self {
            id: tenant.id,
            handle: tenant.handle,
            state: tenant.state,
            shop_domain: tenant.shop_domain,
            wallet: tenant.wallet,
            created: When(tenant.created_at),
            installed: tenant.installed_at.map(When),
        }
    }
}

/// Those that may be seen.
pub(crate) async fn list(pool: &Pool, who: &Who) -> Result<Vec<Shop>, Failure> {
    let all = tenants::list(pool).await?;
    Ok(all.into_iter().filter(|tenant| who.sees(Some(tenant.id)).is_ok()).map(Shop::of).collect())
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
