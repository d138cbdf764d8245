//! What a shop is: tokens, plan, customers, accounts, and what is to go wrong.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradeup_domain::{Currency, Money, MoneyError};

use super::bucket::Bucket;
use super::bulk::{BulkEnd, BulkPlan, Operation};
use super::fault::Scheduled;
use super::ledger::{Account, Transaction};
use super::listing::Bodies;
use super::money::printed;

/// The scope for crediting and debiting.
pub const WRITE_SCOPE: &str = "write_store_credit_account_transactions";

/// How a shop begins. All but the first two have a default.
#[derive(Clone, Debug, Deserialize)]
pub struct ShopSetup {
    /// `my-shop.myshopify.com`.
    pub shop: String,
    /// The access token it takes.
    pub token: String,
    /// Points a second that come back: 100 is the standard plan.
    #[serde(default = "standard")]
    pub restore_rate: f64,
    /// Its currency.
    #[serde(default = "usd")]
    pub currency: String,
    /// Its IANA time zone.
    #[serde(default = "zone")]
    pub zone: String,
    /// Its customers.
    #[serde(default)]
    pub customers: Vec<CustomerSetup>,
    /// The app's id, for renewals.
    #[serde(default)]
    pub client_id: String,
    /// The app's secret, for renewals.
    #[serde(default)]
    pub client_secret: String,
    /// The refresh token it takes.
    #[serde(default)]
    pub refresh_token: String,
}

fn standard() -> f64 {
    100.0
}

fn usd() -> String {
    "USD".to_owned()
}

fn zone() -> String {
    "America/New_York".to_owned()
}

impl ShopSetup {
    /// A shop of the standard plan with dollars and the customers of these numbers.
    #[must_use]
    pub fn new(shop: &str, token: &str, customers: &[&str]) -> Self {
        let customer = |id: &&str| CustomerSetup { id: (*id).to_owned(), ..CustomerSetup::default() };
        Self {
            shop: shop.to_owned(),
            token: token.to_owned(),
            restore_rate: standard(),
            currency: usd(),
            zone: zone(),
            customers: customers.iter().map(customer).collect(),
            client_id: String::new(),
            client_secret: String::new(),
            refresh_token: String::new(),
        }
    }
}

/// A customer to be added.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CustomerSetup {
    /// The number at the end of the global id.
    pub id: String,
    /// E-mail address, if there is one.
    #[serde(default)]
    pub email: Option<String>,
    /// What they are called.
    #[serde(default)]
    pub name: String,
    /// The merchant's tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A customer.
#[derive(Clone, Debug)]
pub struct Customer {
    /// As it was added.
    pub setup: CustomerSetup,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Settings to change; what is not given stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SettingsChange {
    /// 402 from now on.
    pub frozen: Option<bool>,
    /// 423 from now on.
    pub locked: Option<bool>,
    /// Points a second; the bucket is full then.
    pub restore_rate: Option<f64>,
    /// The scopes granted.
    pub scopes: Option<BTreeSet<String>>,
    /// Largest balance of an account in minor units.
    pub ceiling_minor: Option<i64>,
    /// Currencies that are refused for store credit.
    pub unsupported_currencies: Option<BTreeSet<String>>,
    /// History hides what is younger.
    pub history_lag_seconds: Option<u32>,
    /// Whether check-out offers store credit.
    pub store_credit_enabled: Option<bool>,
    /// The access token is not taken any more.
    pub expire_token_now: Option<bool>,
    /// How often a bulk operation is seen to run before it has ended.
    pub bulk_polls: Option<u32>,
    /// How bulk operations end.
    pub bulk_end: Option<BulkEnd>,
    /// After so many lines the connection breaks when a bulk file is read.
    pub bulk_breaks_after: Option<usize>,
}

/// A shop. Public for tests that look at it and change it directly.
#[derive(Clone, Debug)]
pub struct Shop {
    /// Its domain.
    pub domain: String,
    /// The number at the end of its global id.
    pub number: u64,
    /// Its currency.
    pub currency: Currency,
    /// Its time zone.
    pub zone: String,
    /// The access token it takes.
    pub token: String,
    /// When that expires, if it does.
    pub token_expires_at: Option<DateTime<Utc>>,
    /// The app's id.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: String,
    /// The refresh token to use next.
    pub refresh_token: String,
    /// The one before: taken until `refresh_token` is used, at most 30 days (reference §8).
    pub previous_refresh: Option<(String, DateTime<Utc>)>,
    /// The scopes granted.
    pub scopes: BTreeSet<String>,
    /// 402.
    pub frozen: bool,
    /// 423.
    pub locked: bool,
    /// Largest balance in minor units.
    pub ceiling_minor: i64,
    /// Refused for store credit.
    pub unsupported_currencies: BTreeSet<String>,
    /// History hides what is younger.
    pub history_lag: TimeDelta,
    /// Whether check-out offers store credit.
    pub store_credit_enabled: bool,
    /// Customers by global id.
    pub customers: HashMap<String, Customer>,
    /// Accounts in the order they were opened.
    pub accounts: Vec<Account>,
    /// Orders and customers, as they are listed.
    pub bodies: Bodies,
    /// How bulk operations go.
    pub bulk_plan: BulkPlan,
    /// What is to go wrong.
    pub faults: Vec<Scheduled>,
    /// Calls to the Admin API that came.
    pub calls: u64,
    /// Those that were throttled.
    pub throttled: u64,
    pub(crate) bucket: Bucket,
    pub(crate) bulk: Vec<Operation>,
    /// Where the files of bulk operations are.
    pub(crate) files: String,
}

/// What can be seen of a shop from outside the process.
#[derive(Debug, Serialize)]
pub struct ShopState {
    /// Calls to the Admin API that came.
    pub calls: u64,
    /// Those that were throttled.
    pub throttled: u64,
    /// The lowest that the bucket has been, in points.
    pub bucket_lowest: f64,
    /// The accounts.
    pub accounts: Vec<AccountState>,
}

/// One account as seen from outside the process.
#[derive(Debug, Serialize)]
pub struct AccountState {
    /// Global id.
    pub id: String,
    /// The owner's global id.
    pub owner: String,
    /// Currency code.
    pub currency: &'static str,
    /// In minor units.
    pub balance_minor: i64,
    /// Oldest first.
    pub transactions: Vec<Transaction>,
}

impl Shop {
    pub(crate) fn new(setup: ShopSetup, number: u64, now: DateTime<Utc>) -> Result<Self, MoneyError> {
        let scopes = [
            "read_customers",
            "read_orders",
            "read_store_credit_accounts",
            "read_store_credit_account_transactions",
        ];
        let mut shop = Self {
            number,
            currency: setup.currency.parse()?,
            zone: setup.zone,
            token: setup.token,
            token_expires_at: None,
            client_id: setup.client_id,
            client_secret: setup.client_secret,
            refresh_token: setup.refresh_token,
            previous_refresh: None,
            scopes: scopes.into_iter().chain([WRITE_SCOPE]).map(str::to_owned).collect(),
            frozen: false,
            locked: false,
            // "Balance ceiling": the real one is not known (reference, end of §14).
            ceiling_minor: 1_000_000,
            unsupported_currencies: BTreeSet::new(),
            history_lag: TimeDelta::zero(),
            store_credit_enabled: true,
            customers: HashMap::new(),
            accounts: Vec::new(),
            bodies: Bodies::default(),
            bulk_plan: BulkPlan::default(),
            faults: Vec::new(),
            calls: 0,
            throttled: 0,
            bucket: Bucket::full(setup.restore_rate, now),
            bulk: Vec::new(),
            files: String::new(),
            domain: setup.shop,
        };
        for customer in setup.customers {
            shop.add_customer(customer, now);
        }
        Ok(shop)
    }

    pub(crate) fn add_customer(&mut self, setup: CustomerSetup, now: DateTime<Utc>) {
        let gid = format!("gid://shopify/Customer/{}", setup.id);
        self.customers.insert(gid, Customer { setup, created_at: now });
    }

    /// Changes settings, as the control call does.
    pub fn change(&mut self, change: SettingsChange, now: DateTime<Utc>) {
        self.frozen = change.frozen.unwrap_or(self.frozen);
        self.locked = change.locked.unwrap_or(self.locked);
        self.scopes = change.scopes.unwrap_or(std::mem::take(&mut self.scopes));
        self.ceiling_minor = change.ceiling_minor.unwrap_or(self.ceiling_minor);
        self.store_credit_enabled = change.store_credit_enabled.unwrap_or(self.store_credit_enabled);
        if let Some(rate) = change.restore_rate {
            self.bucket.set_rate(rate, now);
        }
        if let Some(unsupported) = change.unsupported_currencies {
            self.unsupported_currencies = unsupported;
        }
        if let Some(seconds) = change.history_lag_seconds {
            self.history_lag = TimeDelta::seconds(seconds.into());
        }
        self.bulk_plan.polls = change.bulk_polls.unwrap_or(self.bulk_plan.polls);
        self.bulk_plan.end = change.bulk_end.unwrap_or(self.bulk_plan.end);
        self.bulk_plan.breaks_after = change.bulk_breaks_after.or(self.bulk_plan.breaks_after);
        if change.expire_token_now == Some(true) {
            self.token_expires_at = Some(now);
        }
    }

    /// The account of an owner in a currency, by its place in [`Self::accounts`].
    pub(crate) fn account_of(&self, owner: &str, currency: Currency) -> Option<usize> {
        self.accounts.iter().position(|account| account.owner == owner && account.currency == currency)
    }

    /// What the customer can spend in the shop's currency, in minor units.
    #[must_use]
    pub fn balance_minor(&self, customer: &str) -> i64 {
        let gid = format!("gid://shopify/Customer/{customer}");
        self.account_of(&gid, self.currency)
            .and_then(|at| self.accounts.get(at))
            .map_or(0, |a| a.balance_minor)
    }

    pub(crate) fn state(&self) -> ShopState {
        let account = |account: &Account| AccountState {
            id: account.gid(),
            owner: account.owner.clone(),
            currency: account.currency.code(),
            balance_minor: account.balance_minor,
            transactions: account.transactions.clone(),
        };
        ShopState {
            calls: self.calls,
            throttled: self.throttled,
            bucket_lowest: self.bucket.lowest,
            accounts: self.accounts.iter().map(account).collect(),
        }
    }
}

/// An account's balance on the wire.
pub(crate) fn balance(account: &Account) -> Value {
    printed(account.balance_minor, account.currency)
}

/// Parses an amount for the control calls.
pub(crate) fn money(amount: &str, currency: &str) -> Result<Money, MoneyError> {
    Money::parse(amount, currency.parse()?)
}
