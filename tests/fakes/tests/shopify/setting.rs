//! A stand-in with one shop, and a client for it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tradeup_domain::Money;
use tradeup_fakes::shopify::{Clock, CustomerSetup, FakeShopify, ShopSetup};
use tradeup_shopify::{Client, CustomerId, Owner, Settings, ShopClient, ShopDomain};

pub(crate) const SHOP: &str = "alma-shop.myshopify.com";
pub(crate) const TOKEN: &str = "shpat_0123456789abcdef";
/// Above 2^53: what reads ids as floating point ends up at another customer.
pub(crate) const CUSTOMER: &str = "820982911946154509";

pub(crate) struct Setting {
    pub(crate) fake: FakeShopify,
    pub(crate) client: Client,
    pub(crate) shop: ShopClient,
}

/// Where the stand-in's clock stands.
pub(crate) fn start() -> DateTime<Utc> {
    "2026-11-21T14:00:09Z".parse().unwrap()
}

pub(crate) fn settings(base: String) -> Settings {
    Settings { base: Some(base), timeout: Duration::from_secs(10), ..Settings::default() }
}

pub(crate) async fn setting() -> Setting {
    setting_with(|settings| settings).await
}

pub(crate) async fn setting_with(change: impl FnOnce(Settings) -> Settings) -> Setting {
    let fake = FakeShopify::start(Clock::standing(start()), 0).await.unwrap();
    let mut setup = ShopSetup::new(SHOP, TOKEN, &["820982911946154508", "7400112233445"]);
    setup.customers.push(CustomerSetup {
        id: CUSTOMER.to_owned(),
        email: Some("alma.reyes@example.com".to_owned()),
        name: "Alma Reyes".to_owned(),
        tags: vec!["VIP".to_owned()],
    });
    setup.client_id = "app".to_owned();
    setup.client_secret = "hush".to_owned();
    setup.refresh_token = "shprt_first".to_owned();
    fake.add_shop(setup).unwrap();
    let client = Client::new(change(settings(fake.base()))).unwrap();
    let shop = client.shop(&domain(), TOKEN.into());
    Setting { fake, client, shop }
}

pub(crate) fn domain() -> ShopDomain {
    SHOP.parse().unwrap()
}

pub(crate) fn customer() -> CustomerId {
    CustomerId::from_number(CUSTOMER).unwrap()
}

pub(crate) fn owner() -> Owner {
    customer().into()
}

pub(crate) fn money(text: &str, currency: &str) -> Money {
    Money::parse(text, currency.parse().unwrap()).unwrap()
}

pub(crate) fn usd(text: &str) -> Money {
    money(text, "USD")
}

impl Setting {
    /// What the customer has at the shop, in cents.
    pub(crate) fn balance(&self) -> i64 {
        self.fake.with_shop(SHOP, |shop| shop.balance_minor(CUSTOMER)).unwrap()
    }

    /// How many bookings there are at the shop.
    pub(crate) fn bookings(&self) -> usize {
        let count = |shop: &mut tradeup_fakes::shopify::Shop| {
            shop.accounts.iter().map(|a| a.transactions.len()).sum()
        };
        self.fake.with_shop(SHOP, count).unwrap()
    }
}
