//! A shop's tokens: opened for a run, renewed in time by one process at a time, and told apart when they are
//! not taken any more.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tradeup_domain::{Classify as _, Dependency, ErrorCode};
use tradeup_shopify::{
    ACCESS_TOKEN, AppCredentials, Client, KeyRing, REFRESH_TOKEN, RefreshError, SealedToken, ShopClient,
    ShopDomain, TokenPair,
};
use tradeup_store::shops::{self, Sealed, SealedPair, Shop};
use tradeup_worker::{TaskContext, TaskError};

use super::not_configured;

/// Tokens are renewed this long before they end.
const RENEW_BEFORE: TimeDelta = TimeDelta::minutes(5);
/// Whoever renews has this long, by the client's time-out and more.
const RENEW_WITHIN: Duration = Duration::from_secs(90);

/// How bookings of lost answers are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looks {
    /// How long a booking may take to be seen.
    pub(crate) after: Duration,
    /// How far two looks are apart.
    pub(crate) again: Duration,
}

/// What is needed to reach shops.
pub(super) struct Ready {
    pub(super) client: Client,
    pub(super) keys: KeyRing,
    pub(super) app: Option<AppCredentials>,
}

/// All shops, for this service. Clones share connections and budgets.
#[derive(Clone)]
pub(crate) struct Shops {
    ready: Option<Arc<Ready>>,
    pub(crate) looks: Looks,
    pub(crate) stopping: CancellationToken,
}

/// A shop that can be called.
pub(crate) struct OpenShop {
    pub(crate) client: ShopClient,
    /// Of the tokens that it is called with.
    pub(crate) generation: i32,
}

impl Shops {
    pub(super) fn new(ready: Ready, looks: Looks, stopping: CancellationToken) -> Self {
        Self { ready: Some(Arc::new(ready)), looks, stopping }
    }

    /// Of a service that was given no keys.
    pub(super) fn without_keys(looks: Looks, stopping: CancellationToken) -> Self {
        Self { ready: None, looks, stopping }
    }

    fn ready(&self) -> Result<&Ready, TaskError> {
        self.ready
            .as_deref()
            .ok_or_else(|| not_configured("keys for tokens of shops; start credits with TRADEUP_TOKEN_KEYS"))
    }

    /// The run's shop, with a token that is good for minutes at least.
    pub(crate) async fn open(&self, context: &TaskContext) -> Result<OpenShop, TaskError> {
        let ready = self.ready()?;
        let shop = connected(context).await?;
        let ends = shop.pair.access_expires_at;
        if ends.is_none_or(|at| at - shop.now > RENEW_BEFORE) {
            return ready.opened(&shop);
        }
        match self.renew(context, &shop).await {
            Ok(renewed) => ready.opened(&renewed),
            // It may still do; the next run tries again to renew it.
            Err(error) if shop.is_connected && ends.is_some_and(|at| at > shop.now) => {
                tracing::warn!("a shop's tokens are not renewed yet: {error}");
                ready.opened(&shop)
            }
            Err(error) => Err(error),
        }
    }

    /// The run's shop again, after its token was not taken: renewed once. If there is nothing to renew it
    /// with, or the merchant has to open the app, the shop is disconnected, and what it is to be told waits.
    pub(crate) async fn open_again(
        &self,
        context: &TaskContext,
        refused: i32,
    ) -> Result<OpenShop, TaskError> {
        let shop = connected(context).await?;
        let renewed = match shop.generation == refused {
            true => self.renew(context, &shop).await?,
            false => shop,
        };
        self.ready()?.opened(&renewed)
    }

    /// Says that a shop's token is not taken, although it was renewed just now.
    pub(crate) async fn disconnect(
        &self,
        context: &TaskContext,
        generation: i32,
    ) -> Result<TaskError, TaskError> {
        disconnected(
            context,
            generation,
            ErrorCode::ShopUnauthorized,
            "the shop does not take a token that was renewed just now; the app may be uninstalled",
        )
        .await
    }

    async fn renew(&self, context: &TaskContext, shop: &Shop) -> Result<Shop, TaskError> {
        let ready = self.ready()?;
        let Some(refresh) = &shop.pair.refresh else {
            let why = "the shop's token is not taken, and there is none to renew it with";
            return Err(disconnected(context, shop.generation, ErrorCode::ShopUnauthorized, why).await?);
        };
        let app = ready.app.as_ref().ok_or_else(|| {
            not_configured("name at Shopify to renew tokens with; set TRADEUP_SHOPIFY_CLIENT_ID and _SECRET")
        })?;
        let tenant = context.tenant()?.id;
        let mut tx = context.begin().await?;
        let ours = shops::begin_renewal(&mut tx, tenant, shop.generation, RENEW_WITHIN).await?;
        tx.commit().await?;
        if !ours {
            let now = connected(context).await?;
            if now.generation != shop.generation {
                return Ok(now);
            }
            return Err(TaskError::transient(
                ErrorCode::ShopUnauthorized,
                "another process is renewing the shop's tokens",
            ));
        }
        let domain = domain(shop)?;
        let token = ready.open_token(&domain, REFRESH_TOKEN, refresh)?;
        match ready.client.refresh(&domain, app, &token).await {
            Ok(pair) => {
                let pair = ready.seal(&domain, &pair, shop.now)?;
                let mut tx = context.begin().await?;
                shops::store_renewed(&mut tx, tenant, shop.generation, &pair).await?;
                tx.commit().await?;
                tracing::info!("renewed the tokens of {domain}");
                connected(context).await
            }
            Err(error @ RefreshError::NeedsReauthorization { .. }) => {
                Err(disconnected(context, shop.generation, error.code(), &error.to_string()).await?)
            }
            Err(error) => {
                let mut tx = context.begin().await?;
                shops::end_renewal(&mut tx, tenant, shop.generation).await?;
                tx.commit().await?;
                Err(TaskError::classified(&error).of_dependency(Dependency::Shopify))
            }
        }
    }
}

impl Ready {
    fn opened(&self, shop: &Shop) -> Result<OpenShop, TaskError> {
        let domain = domain(shop)?;
        let token = self.open_token(&domain, ACCESS_TOKEN, &shop.pair.access)?;
        Ok(OpenShop { client: self.client.shop(&domain, token), generation: shop.generation })
    }

    fn open_token(
        &self,
        domain: &ShopDomain,
        column: &str,
        sealed: &Sealed,
    ) -> Result<SecretString, TaskError> {
        let sealed = SealedToken { key_id: sealed.key_id.clone(), bytes: sealed.bytes.clone() };
        self.keys.open(domain, column, &sealed).map_err(|error| TaskError::classified(&error))
    }

    fn seal(
        &self,
        domain: &ShopDomain,
        pair: &TokenPair,
        now: DateTime<Utc>,
    ) -> Result<SealedPair, TaskError> {
        let seal = |column: &str, token: &SecretString| {
            let sealed = self.keys.seal(domain, column, token);
            let sealed = sealed.map_err(|error| TaskError::classified(&error))?;
            Ok::<_, TaskError>(Sealed { key_id: sealed.key_id, bytes: sealed.bytes })
        };
        let after =
            |within: Duration| TimeDelta::from_std(within).ok().and_then(|d| now.checked_add_signed(d));
        Ok(SealedPair {
            access: seal(ACCESS_TOKEN, &pair.access_token)?,
            access_expires_at: after(pair.expires_in),
            refresh: Some(seal(REFRESH_TOKEN, &pair.refresh_token)?),
            refresh_expires_at: pair.refresh_expires_in.and_then(after),
        })
    }
}

fn domain(shop: &Shop) -> Result<ShopDomain, TaskError> {
    shop.domain.parse().map_err(|error| {
        TaskError::permanent(ErrorCode::ShopNotConnected, format!("the stored shop: {error}"))
    })
}

async fn connected(context: &TaskContext) -> Result<Shop, TaskError> {
    let mut tx = context.begin().await?;
    let shop = shops::get(&mut tx, context.tenant()?.id).await?;
    tx.rollback().await?;
    let shop = shop.ok_or_else(|| not_connected("the tenant is connected to no shop"))?;
    match &shop.error {
        Some(error) if !shop.is_connected => {
            Err(not_connected(&format!("the shop is disconnected: {error}")))
        }
        _ => Ok(shop),
    }
}

fn not_connected(what: &str) -> TaskError {
    TaskError::permanent(
        ErrorCode::ShopNotConnected,
        format!("{what}; let the merchant open the app, then `tradeup wallet connect`"),
    )
}

/// Disconnects the shop; the answer is what the run has to say.
async fn disconnected(
    context: &TaskContext,
    generation: i32,
    code: ErrorCode,
    why: &str,
) -> Result<TaskError, TaskError> {
    let mut tx = context.begin().await?;
    shops::disconnect(&mut tx, context.tenant()?.id, generation, code, why).await?;
    tx.commit().await?;
    tracing::error!("the shop is disconnected: {why}");
    Ok(not_connected(&format!("the shop is disconnected: {why}")))
}
