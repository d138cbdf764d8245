//! `tradeup wallet connect` and `reseal`: a shop's tokens. They come by standard input, are sealed at once, and
//! are never shown.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use secrecy::SecretString;
use serde_json::json;
use tradeup_shopify::{
    ACCESS_TOKEN, Client, EXPIRES_IN_DEFAULT, KeyRing, REFRESH_TOKEN, SealedToken, Settings, ShopDomain,
    TokenGrant,
};
use tradeup_store::audit::{self, Actor};
use tradeup_store::shops::{self, Connected, Sealed, SealedPair};
use tradeup_store::{Tx, tenants};

use super::super::doctor::keys::shops_by_key;
use super::super::{now, tenant_by_handle};
use crate::Context;

/// Longest answer that is read from standard input.
const ANSWER_LEN_MAX: u64 = 64 * 1024;

/// The keys that seal tokens.
#[derive(Args)]
struct Keys {
    /// Keys that seal the shops' tokens, the current one first, like 2:KEY,1:KEY; those of the service `credits`.
    #[arg(long, env = "TRADEUP_TOKEN_KEYS", hide_env_values = true, value_name = "KEYS")]
    token_keys: String,
}

impl Keys {
    fn ring(&self) -> anyhow::Result<KeyRing> {
        KeyRing::parse(&self.token_keys.clone().into()).context("TRADEUP_TOKEN_KEYS")
    }
}

/// Connect a tenant to its shop.
#[derive(Args)]
pub(crate) struct Connect {
    /// The tenant's handle.
    tenant: String,
    /// The shop's permanent domain, like my-shop.myshopify.com.
    #[arg(long, value_name = "DOMAIN")]
    shop: ShopDomain,
    #[command(flatten)]
    keys: Keys,
    /// Where shops are, instead of at Shopify: a stand-in's address.
    #[arg(long, env = "TRADEUP_SHOPIFY_BASE", value_name = "URL")]
    shopify_base: Option<String>,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

impl Connect {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let keys = self.keys.ring()?;
        let mut text = String::new();
        std::io::stdin().take(ANSWER_LEN_MAX).read_to_string(&mut text).context("standard input")?;
        let grant = TokenGrant::parse(&SecretString::from(text)).context("standard input")?;
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let settings = tenant.settings()?;

        // The token is tried before it is stored: a wrong one is found here and not at night.
        let base = self.shopify_base.filter(|base| !base.trim().is_empty());
        let client = Client::new(Settings { base, ..Settings::default() }).context("TRADEUP_SHOPIFY_BASE")?;
        let client = client.shop(&self.shop, grant.access_token.clone());
        let shop = client.shop_info().await.with_context(|| format!("asking {} for its name", self.shop))?;
        ensure!(
            shop.currency == settings.currency,
            "{} keeps its books in {}, the ledger of {} is in {}; they have to be the same",
            self.shop,
            shop.currency.code(),
            tenant.handle,
            settings.currency.code()
        );
        let offers = client.store_credit_enabled().await.context("asking whether check-out takes credit")?;

        let now = now(&pool).await?;
        let access_expires_at = match (&grant.expires_in, &grant.refresh_token) {
            (Some(within), _) => after(now, *within),
            // An answer without it never means that it is good for ever, if there is a token to renew it.
            (None, Some(_)) => after(now, EXPIRES_IN_DEFAULT),
            (None, None) => None,
        };
        let seal = |column: &str, token: &SecretString| -> anyhow::Result<Sealed> {
            let sealed = keys.seal(&self.shop, column, token)?;
            Ok(Sealed { key_id: sealed.key_id, bytes: sealed.bytes })
        };
        let pair = SealedPair {
            access: seal(ACCESS_TOKEN, &grant.access_token)?,
            access_expires_at,
            refresh: grant.refresh_token.as_ref().map(|token| seal(REFRESH_TOKEN, token)).transpose()?,
            refresh_expires_at: grant.refresh_expires_in.and_then(|within| after(now, within)),
        };
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let domain = self.shop.as_str();
        match shops::connect(&mut tx, tenant.id, domain, shop.id.as_str(), &pair).await? {
            Connected::Done => {}
            Connected::TakenByOther => bail!("{domain} is the shop of another tenant"),
            Connected::OtherShop => bail!(
                "{} is connected to another shop; a tenant's ledger belongs to one shop for ever",
                tenant.handle
            ),
        }
        ensure!(
            tenants::link_shop(&mut tx, tenant.id, domain).await?,
            "{domain} is the shop of another tenant"
        );
        tenants::install(&mut tx, tenant.id).await?;
        let actor = Actor { name: self.by, reason: None };
        let subject = json!({ "tenant": tenant.handle, "shop": domain });
        audit::record(&mut tx, &actor, "wallet.connect", &subject).await?;
        tx.commit().await?;
        let value = json!({ "tenant": tenant.handle, "shop": domain, "wallet": tenant.wallet,
            "renews": pair.refresh.is_some(), "store_credit_enabled": offers });
        context.output().show(&value, || {
            let mut text = format!("{} is connected to {domain}.", tenant.handle);
            if pair.refresh.is_none() {
                text.push_str("\nIts token can't be renewed: when it ends, connect it again.");
            }
            if !offers {
                text.push_str(
                    "\nIts check-out does not offer store credit: switch it on in the shop's settings.",
                );
            }
            if tenant.wallet == "none" {
                text.push_str("\nNothing is told to it yet: say who decides, with `tradeup wallet set`.");
            }
            text
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn after(now: DateTime<Utc>, within: Duration) -> Option<DateTime<Utc>> {
    TimeDelta::from_std(within).ok().and_then(|within| now.checked_add_signed(within))
}

fn show_sealed(
    context: &Context,
    keys: &KeyRing,
    sealed: &BTreeMap<String, u64>,
) -> anyhow::Result<ExitCode> {
    let of_old: u64 = sealed.iter().filter(|(id, _)| *id != keys.current()).map(|(_, shops)| shops).sum();
    let value = json!({ "shops_by_key": sealed, "under_old_keys": of_old, "key": keys.current() });
    context.output().show(&value, || {
        let by_key: Vec<String> = sealed.iter().map(|(id, shops)| format!("{shops} with {id:?}")).collect();
        format!(
            "The current key is {:?}. Shops whose tokens are sealed: {}. Under old keys: {of_old}.",
            keys.current(),
            if by_key.is_empty() { "none".to_owned() } else { by_key.join(", ") }
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Seal all tokens with the current key again. Says what older keys still seal; `tradeup doctor` says which can go.
#[derive(Args)]
pub(crate) struct Reseal {
    /// Change nothing, and say what there is to do.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    keys: Keys,
}

impl Reseal {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let keys = self.keys.ring()?;
        let pool = context.pool().await?;
        if self.dry_run {
            return show_sealed(context, &keys, &shops_by_key(&pool).await?);
        }
        let (mut resealed, mut current) = (0_u32, 0_u32);
        for tenant in tenants::list(&pool).await? {
            let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
            shops::lock(&mut tx, tenant.id).await?;
            let Some(shop) = shops::get(&mut tx, tenant.id).await? else { continue };
            let domain: ShopDomain = shop.domain.parse()?;
            let reseal = |column: &str, token: &Sealed| -> anyhow::Result<Option<Sealed>> {
                // Of a shop that is gone, tokens are erased: there is nothing that a key could open.
                if token.bytes.is_empty() {
                    return Ok(None);
                }
                let token = SealedToken { key_id: token.key_id.clone(), bytes: token.bytes.clone() };
                let again = keys
                    .reseal(&domain, column, &token)
                    .map_err(|error| anyhow!("the tokens of {}: {error}", tenant.handle))?;
                Ok(again.map(|again| Sealed { key_id: again.key_id, bytes: again.bytes }))
            };
            let access = reseal(ACCESS_TOKEN, &shop.pair.access)?;
            let refresh = match &shop.pair.refresh {
                Some(token) => reseal(REFRESH_TOKEN, token)?,
                None => None,
            };
            if access.is_none() && refresh.is_none() {
                current += 1;
                continue;
            }
            let pair = SealedPair {
                access: access.unwrap_or_else(|| shop.pair.access.clone()),
                refresh: refresh.or_else(|| shop.pair.refresh.clone()),
                ..shop.pair.clone()
            };
            shops::store_resealed(&mut tx, tenant.id, &pair).await?;
            tx.commit().await?;
            resealed += 1;
        }
        let value = json!({ "resealed": resealed, "current": current, "key": keys.current() });
        context.output().show(&value, || {
            format!("Sealed with key {:?}: {resealed} shops now, {current} before.", keys.current())
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
