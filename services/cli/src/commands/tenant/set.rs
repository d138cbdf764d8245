//! `tradeup tenant set`.

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Args, ValueEnum};
use serde_json::json;
use tradeup_domain::tier_rules::Window;
use tradeup_mail::{Address, Locale, WebLink};
use tradeup_shopify::ShopDomain;
use tradeup_store::tenants::{self, MailChange};
use tradeup_store::tiers::{self, TierSettings};
use tradeup_store::{Tx, audit, schedules};

use super::{shop_name, tenant_by_handle};
use crate::Context;
use crate::commands::who::Who;

/// Change what a shop's mails say of it, whether they are sent, and which spend counts for tiers.
#[derive(Args)]
pub(crate) struct Set {
    /// The shop's handle.
    handle: String,
    /// The shop's name.
    #[arg(long, value_parser = shop_name)]
    name: Option<String>,
    /// Language of mails to members without one of their own, like de or de-CH.
    #[arg(long, value_name = "LANGUAGE", value_parser = crate::commands::mail::language)]
    locale: Option<Locale>,
    /// Where answers to mails go; empty for nowhere.
    #[arg(long, value_name = "ADDRESS", value_parser = or_none::<Address>)]
    reply_to: Option<String>,
    /// Where credit is spent: an address that begins with https; empty for no link.
    #[arg(long, value_name = "URL", value_parser = or_none::<WebLink>)]
    shop_url: Option<String>,
    /// Whether members are warned of credit that is about to end.
    #[arg(long, value_enum)]
    warnings: Option<Switch>,
    /// Which spend counts for tiers, from now on: lifetime, calendar-year, rolling-12-months or
    /// membership-year.
    #[arg(long, value_name = "WINDOW")]
    tier_window: Option<Window>,
    /// Whether the yearly date may lower tiers that an import decided. Off, what the tags say is the least
    /// that a member has; on, an import only places a member.
    #[arg(long, value_enum)]
    tier_review_imports: Option<Switch>,
    /// Whether a refund undoes at once a tier that spend within the window had reached.
    #[arg(long, value_enum)]
    tier_undo: Option<Switch>,
    /// Where its shop is: its permanent domain, like my-shop.myshopify.com. The shop's webhooks are its own from now on.
    #[arg(long, value_name = "DOMAIN")]
    shop: Option<ShopDomain>,
    #[command(flatten)]
    who: Who,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

fn shown(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// A text that can be read as `T`, or an empty one.
fn or_none<T: std::str::FromStr>(text: &str) -> Result<String, T::Err> {
    let text = text.trim();
    if !text.is_empty() {
        text.parse::<T>()?;
    }
    Ok(text.to_owned())
}

impl Set {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let change = MailChange {
            name: self.name,
            locale: self.locale.map(|locale| locale.tag()),
            reply_to: self.reply_to,
            shop_url: self.shop_url,
            warns: self.warnings.map(|switch| switch == Switch::On),
        };
        let on = |switch: Switch| switch == Switch::On;
        let choices = TierSettings {
            reviews_imports: self.tier_review_imports.map(on),
            undoes: self.tier_undo.map(on),
        };
        let says_something = change.name.is_some()
            || change.locale.is_some()
            || change.reply_to.is_some()
            || change.shop_url.is_some()
            || change.warns.is_some()
            || self.tier_window.is_some()
            || self.shop.is_some()
            || choices != TierSettings::default();
        ensure!(says_something, "say what to change; --help lists it");
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.handle).await?;
        let actor = self.who.actor();
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        tenants::change_mail(&mut tx, tenant.id, &change).await?;
        tiers::change_settings(&mut tx, tenant.id, choices).await?;
        if let Some(window) = self.tier_window {
            tiers::set_window(&mut tx, tenant.id, window).await?;
        }
        if let Some(shop) = &self.shop {
            ensure!(
                tenants::link_shop(&mut tx, tenant.id, shop.as_str()).await?,
                "{shop} is the shop of another tenant"
            );
        }
        let subject = json!({ "tenant": tenant.handle, "shop": self.shop.as_ref().map(ToString::to_string), "name": change.name, "locale": change.locale,
            "reply_to": change.reply_to, "shop_url": change.shop_url, "warns": change.warns,
            "tier_window": self.tier_window.map(Window::as_str), "tier_reviews_imports": choices.reviews_imports,
            "tier_undoes": choices.undoes });
        audit::record(&mut tx, &actor, "tenant set", &subject).await?;
        tx.commit().await?;
        let now = tenant_by_handle(&pool, &self.handle).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let at = schedules::now(&mut tx).await?;
        let rules = tiers::rules_as_of(&mut tx, tenant.id, at).await?;
        tx.rollback().await?;
        let value = json!({ "tenant": now.handle, "shop": now.shop_domain, "name": now.name, "locale": now.locale,
            "reply_to": now.reply_to, "shop_url": now.shop_url, "warns": now.warns,
            "tier_window": rules.window.as_str(), "tier_reviews_imports": rules.terms.reviews_imports,
            "tier_undoes": rules.terms.undoes });
        context.output().show(&value, || {
            format!(
                "{} ({}): mails in {}, answers to {}, shop at {}, warnings {}\ntiers by spend: {}, review of imports {}, undone by refunds {}",
                now.handle,
                now.name,
                now.locale,
                now.reply_to.as_deref().unwrap_or("nobody"),
                now.shop_url.as_deref().unwrap_or("no address"),
                shown(now.warns),
                rules.window,
                shown(rules.terms.reviews_imports),
                shown(rules.terms.undoes)
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
