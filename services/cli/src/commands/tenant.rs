//! `tradeup tenant`.

mod set;
mod state;

use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{anyhow, bail, ensure};
use clap::{Args, Subcommand};
use serde_json::json;
use tradeup_domain::amount_text as money;
use tradeup_domain::cashback::BPS_MAX;
use tradeup_domain::tier_rules::{self, Threshold};
use tradeup_domain::zone::parse_zone;
use tradeup_domain::{Currency, Handle, Money, Validity};
use tradeup_store::tenants::{self, NewTenant};
use tradeup_store::{Tx, members, tiers};

use super::{id, tenant_by_handle};
use crate::Context;
use crate::output::{instant, table};

/// Add, list and show shops and their tiers.
#[derive(Subcommand)]
pub(crate) enum Tenant {
    /// Add a shop with its tiers.
    Add(Add),
    /// List the shops.
    List,
    /// Show a shop with its tiers.
    Show(Show),
    /// Change what a shop's mails say of it, whether they are sent, and which spend counts for tiers.
    Set(Box<set::Set>),
    /// Set what a tier gives, and what has to be spent to reach it, from now on.
    Tier(SetTier),
    /// Suspend a shop: nothing is granted or sent; credit goes on ending, and what the shop tells is written down.
    Suspend(state::Suspend),
    /// End a suspension, and settle what the shop has told meanwhile.
    Resume(state::Resume),
}

/// Add a shop with its tiers.
#[derive(Args)]
pub(crate) struct Add {
    /// Name for commands and subjects: a-z, 0-9 and '-'.
    handle: Handle,
    /// The shop's name; its handle, if not given.
    #[arg(long, value_parser = shop_name)]
    name: Option<String>,
    /// IANA time zone in which its credits expire.
    #[arg(long, default_value = "UTC", value_parser = parse_zone)]
    zone: chrono_tz::Tz,
    /// Currency of its ledger: ISO 4217.
    #[arg(long)]
    currency: Currency,
    /// How long monthly credits are valid: months like P3M, to the end of a
    /// month like P3M/month-end, days like P90D, through a day like 2027-12-31, or never.
    #[arg(long, default_value = "P3M")]
    credit_validity: Validity,
    /// How many local days a credit can still be spent after the date that its member is told.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=365))]
    grace_days: u16,
    /// A tier, highest first: handle=amount, or handle=amount:tag if the customers' tag differs from
    /// the handle. Without an amount (handle=) the tier has none, and its members can't be credited.
    #[arg(long = "tier", value_name = "HANDLE=AMOUNT[:TAG]", required = true)]
    tiers: Vec<TierArgument>,
}

/// Show a shop with its tiers.
#[derive(Args)]
pub(crate) struct Show {
    /// The shop's handle.
    handle: String,
}

/// Set what a tier gives, and what has to be spent to reach it, from now on. Periods that have begun keep what
/// they had.
#[derive(Args)]
pub(crate) struct SetTier {
    /// The shop's handle.
    handle: String,
    /// The tier's handle.
    tier: String,
    /// Amount in the shop's currency, like 10.00; 0 for none. What it is now, if it is not said.
    #[arg(required_unless_present_any = ["cashback", "threshold"])]
    amount: Option<String>,
    /// What its members get back of an order, like 5% or 2.5%.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    cashback: Option<i32>,
    /// What has to be spent to reach it, like 500.00; 0 for everybody, none if spend is not to reach it. Which
    /// spend counts: tradeup tenant set --tier-window.
    #[arg(long, value_name = "AMOUNT")]
    threshold: Option<String>,
}

/// A percentage as basis points.
fn percent(text: &str) -> Result<i32, String> {
    let wrong = || "write a percentage from 0% to 100% with at most two decimals, like 2.5%".to_owned();
    let number = text.strip_suffix('%').ok_or_else(wrong)?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) || decimals.len() > 2 || number.ends_with('.')
    {
        return Err(wrong());
    }
    let bps = format!("{whole}{decimals:0<2}").parse::<i32>().map_err(|_too_large| wrong())?;
    if bps <= BPS_MAX { Ok(bps) } else { Err(wrong()) }
}

/// Basis points as a percentage.
pub(super) fn shown_percent(bps: i32) -> String {
    match bps % 100 {
        0 => format!("{}%", bps / 100),
        rest if rest % 10 == 0 => format!("{}.{}%", bps / 100, rest / 10),
        rest => format!("{}.{rest:02}%", bps / 100),
    }
}

/// A name that fits a line.
fn shop_name(text: &str) -> Result<String, String> {
    let good = !text.trim().is_empty() && text.chars().count() <= 100 && !text.chars().any(char::is_control);
    good.then(|| text.trim().to_owned()).ok_or_else(|| "use 1 to 100 characters, on one line".to_owned())
}

/// `gold=10.00:vip-gold`.
#[derive(Clone, Debug)]
struct TierArgument {
    handle: Handle,
    amount: Option<String>,
    tag: String,
}

impl FromStr for TierArgument {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (handle, rest) = text
            .split_once('=')
            .ok_or_else(|| anyhow!("write a tier as handle=amount, for example gold=10.00:vip-gold"))?;
        let (amount, tag) = rest.split_once(':').unwrap_or((rest, handle));
        if tag.trim().is_empty() || tag.contains(',') {
            bail!("the tag of tier {handle} is empty or holds a comma");
        }
        let amount = (!amount.is_empty()).then(|| amount.to_owned());
        Ok(Self { handle: handle.parse()?, amount, tag: tag.trim().to_owned() })
    }
}

impl Tenant {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(add) => add.run(context).await,
            Self::List => list(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Set(set) => set.run(context).await,
            Self::Suspend(suspend) => suspend.run(context).await,
            Self::Resume(resume) => resume.run(context).await,
            Self::Tier(tier) => tier.run(context).await,
        }
    }
}

impl Add {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let amounts: Vec<Option<Money>> = self
            .tiers
            .iter()
            .map(|tier| tier.amount.as_deref().map(|amount| Money::parse(amount, self.currency)).transpose())
            .collect::<Result<_, _>>()?;
        for (n, tier) in self.tiers.iter().enumerate() {
            let others = self.tiers.iter().take(n);
            ensure!(
                !others.clone().any(|other| other.handle == tier.handle),
                "tier {} is given twice",
                tier.handle
            );
            let same_tag = |other: &TierArgument| other.tag.to_lowercase() == tier.tag.to_lowercase();
            ensure!(
                !others.clone().any(same_tag),
                "tag {:?} means two tiers; a tag decides for one",
                tier.tag
            );
        }
        let pool = context.pool().await?;
        let new = NewTenant {
            name: self.name.unwrap_or_else(|| self.handle.to_string()),
            handle: self.handle.clone(),
            zone: self.zone,
            currency: self.currency,
            credit_validity: self.credit_validity,
            grace_days: self.grace_days,
        };
        // The tenant's number is needed to see its rows: two transactions. A shop left without tiers
        // by a crash between them gets them when the command is given again.
        let mut tx = Tx::of_engine(&pool).await?;
        let added = tenants::add(&mut tx, &new).await?;
        tx.commit().await?;
        let tenant = tenant_by_handle(&pool, self.handle.as_str()).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        if added.is_none() && !tiers::list(&mut tx, tenant.id).await?.is_empty() {
            bail!(
                "there is a tenant {} already; `tradeup tenant show {}` shows it",
                self.handle,
                self.handle
            );
        }
        for (tier, amount) in self.tiers.iter().zip(amounts) {
            let Some(tier_id) = tiers::add(&mut tx, tenant.id, &tier.handle, &tier.tag).await? else {
                bail!("tier {} is given twice", tier.handle);
            };
            if let Some(amount) = amount {
                tiers::set_amount(&mut tx, tenant.id, tier_id, amount).await?;
            }
        }
        tx.commit().await?;
        context.output().show(&json!({ "tenant_id": id(tenant.id), "handle": tenant.handle }), || {
            format!("Added tenant {} (number {}) with {} tiers.", tenant.handle, tenant.id, self.tiers.len())
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(context: &Context) -> anyhow::Result<ExitCode> {
    let pool = context.pool().await?;
    let all = tenants::list(&pool).await?;
    let rows: Vec<_> = all
        .iter()
        .map(|t| {
            json!({ "tenant_id": id(t.id), "handle": t.handle, "name": t.name, "zone": t.zone, "currency": t.currency,
                "credit_validity": t.credit_validity, "state": t.state, "created_at": instant(t.created_at) })
        })
        .collect();
    context.output().show(&json!(rows), || {
        if all.is_empty() {
            return "No tenants yet. Add one: tradeup tenant add aurora-cards --currency USD --tier gold=10.00".to_owned();
        }
        let mut shown = table(&["handle", "name", "state", "currency", "zone", "validity", "number"], &[6]);
        for t in &all {
            let state = if t.shadow_since.is_some() { "in shadow" } else { t.state.as_str() };
            shown.add_row([t.handle.as_str(), &t.name, state, &t.currency, &t.zone, &t.credit_validity, &t.id.to_string()]);
        }
        shown.to_string()
    })?;
    Ok(ExitCode::SUCCESS)
}

impl Show {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let t = tenant_by_handle(&pool, &self.handle).await?;
        let mut tx = Tx::of_tenant(&pool, t.id).await?;
        let listed = tiers::list(&mut tx, t.id).await?;
        let (count, active) = members::count(&mut tx, t.id).await?;
        tx.rollback().await?;
        let value = json!({
            "tenant_id": id(t.id), "handle": t.handle, "name": t.name, "zone": t.zone, "currency": t.currency,
            "credit_validity": t.credit_validity, "grace_days": t.grace_days, "locale": t.locale,
            "reply_to": t.reply_to, "shop_url": t.shop_url, "warns": t.warns,
            "state": t.state, "members": count, "members_in_a_tier": active,
            "tiers": listed.iter().map(|tier| json!({ "handle": tier.handle, "rank": tier.rank, "tag": tier.tag,
                "amount_minor": tier.amount_minor, "currency": tier.currency, "rate_bps": tier.rate_bps,
                "threshold_minor": tier.threshold_minor })).collect::<Vec<_>>(),
        });
        context.output().show(&value, || {
            let mut shown = table(&["tier", "monthly", "cashback", "tag"], &[1, 2]);
            for tier in &listed {
                let amount = tier.amount_minor.zip(tier.currency.as_deref());
                let amount =
                    amount.map_or_else(|| "not set".to_owned(), |(minor, currency)| money(minor, currency));
                let back = tier.rate_bps.map_or_else(|| "not set".to_owned(), shown_percent);
                shown.add_row([&tier.handle, &amount, &back, &tier.tag]);
            }
            format!(
                "{} ({}), {}, zone {}, credits valid {}\n{count} members, {active} in a tier\n\n{shown}",
                t.handle, t.name, t.state, t.zone, t.credit_validity
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What is to be spent; `None` if spend is not to reach the tier.
fn threshold(text: &str, currency: &str) -> anyhow::Result<Option<Money>> {
    Ok(if text == "none" { None } else { Some(Money::parse(text, currency.parse()?)?) })
}

/// A higher tier asks for more than each one below it, or nobody would ever be in the lower one.
fn check_order(listed: &[tiers::Tier], changed: &tiers::Tier, threshold: Money) -> anyhow::Result<()> {
    let asks = |tier: &tiers::Tier| {
        if tier.id == changed.id { Some(threshold.amount_minor) } else { tier.threshold_minor }
    };
    let rules: Vec<Threshold> = listed
        .iter()
        .filter_map(|tier| {
            let threshold_minor = asks(tier)?;
            Some(Threshold { tier_id: tier.id, rank: tier.rank, threshold_minor })
        })
        .collect();
    tier_rules::check_order(&rules).map_err(|wrong| {
        let name = |id| listed.iter().find(|tier| tier.id == id).map_or("", |tier| tier.handle.as_str());
        let (higher, lower) = (name(wrong.higher), name(wrong.lower));
        anyhow!("{higher} is above {lower} and would ask for no more, so that nobody would be in {lower}; set {higher} higher first, or {lower} lower")
    })
}

impl SetTier {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.handle).await?;
        let amount = self.amount.map(|amount| Money::parse(&amount, tenant.currency.parse()?)).transpose()?;
        let threshold =
            self.threshold.as_deref().map(|text| threshold(text, &tenant.currency)).transpose()?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let listed = tiers::list(&mut tx, tenant.id).await?;
        let Some(tier) = listed.iter().find(|tier| tier.handle == self.tier) else {
            let names: Vec<&str> = listed.iter().map(|tier| tier.handle.as_str()).collect();
            bail!("tenant {} has no tier {:?}; it has {}", tenant.handle, self.tier, names.join(", "));
        };
        if let Some(amount) = amount {
            tiers::set_amount(&mut tx, tenant.id, tier.id, amount).await?;
        }
        if let Some(bps) = self.cashback {
            tiers::set_rate(&mut tx, tenant.id, tier.id, bps).await?;
        }
        match threshold {
            Some(Some(threshold)) => {
                check_order(&listed, tier, threshold)?;
                tiers::set_threshold(&mut tx, tenant.id, tier.id, threshold).await?;
            }
            Some(None) => tiers::end_threshold(&mut tx, tenant.id, tier.id).await?,
            None => {}
        }
        tx.commit().await?;
        let value = json!({ "tenant": tenant.handle, "tier": tier.handle,
            "amount_minor": amount.map(|amount| amount.amount_minor), "currency": tenant.currency,
            "rate_bps": self.cashback, "threshold_minor": threshold.flatten().map(|t| t.amount_minor) });
        context.output().show(&value, || {
            let monthly = amount.map(|amount| format!("{amount} a month"));
            let back = self.cashback.map(|bps| format!("{} back of an order", shown_percent(bps)));
            let gives: Vec<String> = monthly.into_iter().chain(back).collect();
            let gives = (!gives.is_empty()).then(|| format!("gives {}", gives.join(" and ")));
            let asks = threshold.map(|threshold| match threshold {
                Some(threshold) => format!("is reached by spending {threshold}"),
                None => "is not reached by spending".to_owned(),
            });
            let says: Vec<String> = gives.into_iter().chain(asks).collect();
            format!("Tier {} of {} {} from now on.", tier.handle, tenant.handle, says.join(" and "))
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
