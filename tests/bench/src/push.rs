//! Telling a shop of credit: how much of the shop's rate is used, beside a plain loop over the same client.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use clap::Args;
use futures::StreamExt as _;
use serde_json::json;
use tradeup_domain::Money;
use tradeup_fakes::shopify::{Clock, FakeShopify, ShopSetup};
use tradeup_harness::{Shop, World};
use tradeup_shopify::{Client, CustomerId, Owner, Settings};

use crate::figures::Figure;
use crate::procfs;

/// What a credit costs (Shopify reference §7.1).
const POINTS: f64 = 18.0;
/// A full bucket holds the points of so many seconds.
const BUCKET_SECONDS: f64 = 20.0;
const LOOK_EVERY: Duration = Duration::from_millis(250);
const ENDS_WITHIN: Duration = Duration::from_secs(3600);
const SHOP: &str = "aurora.myshopify.com";
const FLOOR: &str = "floor.myshopify.com";
const TOKEN: &str = "shpat_bench";

/// A month's credits told to a stand-in that keeps to a rate, and the same calls in a plain loop.
#[derive(Args)]
pub(crate) struct Push {
    /// Members, each with one credit. The first ones find a full bucket.
    #[arg(long, default_value_t = 1000)]
    pub(crate) members: u64,
    /// Points a second that the shop's plan gives back: 100, 200, 1000 or 2000.
    #[arg(long, default_value_t = 200.0)]
    pub(crate) rate: f64,
    /// Calls at once of the plain loop.
    #[arg(long, default_value_t = 24)]
    pub(crate) at_once: usize,
}

impl Push {
    pub(crate) async fn measure(&self) -> anyhow::Result<Vec<Figure>> {
        let mut world = World::new().await;
        let tiers = ["gold=10.00:vip-gold", "silver=10.00:vip-silver", "bronze=10.00:vip"];
        world.add_shop(&Shop { tiers, ..Shop::new("aurora", self.members, 1) });
        let fake = FakeShopify::start(Clock::real(), 0).await?;
        let customers: Vec<String> = sqlx::query_scalar("select external_id from members order by id")
            .fetch_all(&world.database.admin)
            .await?;
        for shop in [SHOP, FLOOR] {
            let ids: Vec<&str> = customers.iter().map(String::as_str).collect();
            let mut setup = ShopSetup::new(shop, TOKEN, &ids);
            setup.restore_rate = self.rate;
            fake.add_shop(setup)?;
        }
        world.environment.insert("TRADEUP_SHOPIFY_BASE".to_owned(), fake.base());
        let keys = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        world.environment.insert("TRADEUP_TOKEN_KEYS".to_owned(), keys.to_owned());
        let connect = ["wallet", "connect", "aurora", "--shop", SHOP];
        let connected = world.tradeup_fed(&connect, &json!({ "access_token": TOKEN }).to_string());
        ensure!(connected.code == 0, "not connected: {}", connected.stderr);
        world.tradeup_ok(&["wallet", "set", "aurora", "shopify"]);

        let _scheduler = world.start("scheduler").await;
        let credits = world.start("credits").await;
        let run = world.trigger("2026-11");
        ensure!(world.ended(&run).await["state"] == "succeeded", "the month has not succeeded");
        let told = "select count(*) from pushes where state not in ('sent', 'folded', 'void')";
        tradeup_harness::eventually_at(LOOK_EVERY, "all is told", ENDS_WITHIN, || async {
            (world.number(told).await == 0).then_some(())
        })
        .await;
        let system = self.figures(&fake, SHOP)?;
        self.plain_loop(&fake, &customers).await?;
        let floor = self.figures(&fake, FLOOR)?;
        let named = |figure: &str| format!("a shop is told at {} points a second: {figure}", self.rate);
        Ok(vec![
            Figure::rate(&named("bookings"), "bookings/s", vec![system.0]).beside(vec![floor.0]),
            Figure::rate(&named("part of the shop's rate that is used"), "", vec![system.1])
                .beside(vec![floor.1]),
            Figure::cost(&named("memory of credits"), "MiB", vec![procfs::peak_mib(credits.id())?]),
        ])
    }

    /// The same calls, nothing written down.
    async fn plain_loop(&self, fake: &FakeShopify, customers: &[String]) -> anyhow::Result<()> {
        let settings = Settings { base: Some(fake.base()), ..Settings::default() };
        let shop = Client::new(settings)?.shop(&FLOOR.parse()?, TOKEN.to_owned().into());
        let bookings = fake.with_shop(SHOP, |shop| shop.accounts.len()).context("no shop")?;
        let amount = Money { amount_minor: 1000, currency: "USD".parse()? };
        let calls = customers.iter().take(bookings).map(|customer| {
            let shop = shop.clone();
            async move {
                let owner = Owner::from(CustomerId::from_number(customer)?);
                loop {
                    match shop.credit(&owner, amount, None, false).await {
                        Ok(_) => return anyhow::Ok(()),
                        Err(tradeup_shopify::ShopifyError::Throttled { .. }) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        });
        let calls: Vec<_> = calls.collect();
        let mut under_way = futures::stream::iter(calls).buffer_unordered(self.at_once);
        while let Some(call) = under_way.next().await {
            call?;
        }
        Ok(())
    }

    /// Bookings a second from the first to the last, and how that compares with the shop's rate: what the full bucket
    /// gave at the beginning is taken off.
    fn figures(&self, fake: &FakeShopify, shop: &str) -> anyhow::Result<(f64, f64)> {
        let seen = fake.with_shop(shop, |shop| {
            let booked = shop.accounts.iter().flat_map(|account| &account.transactions);
            let at: Vec<DateTime<Utc>> = booked.map(|booking| booking.created_at).collect();
            (at.len(), at.iter().min().copied(), at.iter().max().copied())
        });
        let (bookings, first, last) = seen.context("no shop")?;
        let (first, last) = first.zip(last).context("nothing was booked")?;
        let seconds = (last - first).as_seconds_f64();
        let points = f64::from(u32::try_from(bookings)?) * POINTS;
        // What the full bucket gives at once beyond what is left to others; the rest comes back at the rate.
        let burst = self.rate * BUCKET_SECONDS * (1.0 - Settings::default().left_for_others);
        let at_least = ((points - burst) / self.rate).max(0.0);
        Ok((f64::from(u32::try_from(bookings)?) / seconds, at_least / seconds))
    }
}
