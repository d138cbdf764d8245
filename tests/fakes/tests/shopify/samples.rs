//! The samples of the wire: the client reads them as it should, and the stand-in answers as they do.

use serde_json::{Value, json};
use tradeup_domain::Money;
use tradeup_fakes::shopify::{FakeShopify, Fault};
use tradeup_shopify::{
    CustomerKey, Event, HistoryFilter, Operation, RefusalCode, ShopifyError, Transaction, TransactionKind,
};

use crate::setting::{SHOP, Setting, TOKEN, owner, setting, setting_with, usd};

fn sample(name: &str) -> Value {
    let path = format!("{}/samples/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The next call to the shop is answered by the sample.
fn answer_with(world: &Setting, name: &str) {
    let response = &sample(name)["response"];
    let body = &response["body"];
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    let code = u16::try_from(response["status"].as_u64().unwrap()).unwrap();
    let retry_after = response["headers"]["Retry-After"].as_str().map(str::to_owned);
    world.fake.fault(SHOP, Fault::Answer { code, body, retry_after });
}

async fn credit(world: &Setting, name: &str) -> Result<Transaction, ShopifyError> {
    answer_with(world, name);
    world.shop.credit(&owner(), usd("4.88"), None, false).await
}

async fn debit(world: &Setting, name: &str) -> Result<Transaction, ShopifyError> {
    answer_with(world, name);
    world.shop.debit(&owner(), usd("2.16")).await
}

#[tokio::test]
async fn bookings_are_read() {
    let world = setting().await;
    let booked = credit(&world, "graphql-credit-ok").await.unwrap();
    assert_eq!(booked.id.unwrap().number(), "9900001");
    assert_eq!((booked.amount, booked.balance_after), (usd("4.88"), usd("12.50")));
    assert_eq!(booked.expires_at, Some("2027-11-20T00:00:00Z".parse().unwrap()));
    assert_eq!(booked.account.unwrap().id.as_str(), "gid://shopify/StoreCreditAccount/1300100200");
    let booked = debit(&world, "graphql-debit-ok").await.unwrap();
    assert_eq!((booked.amount.amount_minor, booked.balance_after), (-216, usd("10.34")));
    assert_eq!((booked.kind, booked.event), (TransactionKind::Debit, Event::Adjustment));
}

#[tokio::test]
async fn refusals_are_read() {
    let world = setting().await;
    for (name, code) in [
        ("account-not-found", RefusalCode::AccountNotFound),
        ("expires-in-past", RefusalCode::ExpiresAtInPast),
        ("limit-exceeded", RefusalCode::CreditLimitExceeded),
        ("mismatching-currency", RefusalCode::MismatchingCurrency),
        ("owner-not-found", RefusalCode::OwnerNotFound),
        ("zero-amount", RefusalCode::NegativeOrZeroAmount),
    ] {
        let error = credit(&world, &format!("graphql-credit-{name}")).await.unwrap_err();
        assert_eq!(error.refusal(), Some(&code), "{name}");
    }
    for (name, code) in [
        ("account-not-found", RefusalCode::AccountNotFound),
        ("insufficient-funds", RefusalCode::InsufficientFunds),
    ] {
        let error = debit(&world, &format!("graphql-debit-{name}")).await.unwrap_err();
        assert_eq!(error.refusal(), Some(&code), "{name}");
    }
}

#[tokio::test]
async fn top_level_errors_and_statuses_are_read() {
    let world = setting_with(|mut settings| {
        settings.budget_wait_max = std::time::Duration::ZERO;
        settings
    })
    .await;
    let denied = credit(&world, "graphql-credit-access-denied").await.unwrap_err();
    let required = "`write_store_credit_account_transactions` access scope.".to_owned();
    assert_eq!(denied, ShopifyError::AccessDenied { required });
    for (name, expected) in
        [("invalid-variable", "INVALID_VARIABLE"), ("invalid-currency-code", "CURRENCY_CODE_INVALID")]
    {
        let error = credit(&world, &format!("graphql-credit-{name}")).await.unwrap_err();
        assert!(matches!(&error, ShopifyError::InvalidRequest { code, .. } if code == expected), "{error}");
    }
    assert_eq!(credit(&world, "http-401-invalid-token").await.unwrap_err(), ShopifyError::Unauthorized);
    assert_eq!(credit(&world, "http-402-frozen").await.unwrap_err(), ShopifyError::Frozen);
    assert_eq!(credit(&world, "http-423-locked").await.unwrap_err(), ShopifyError::Locked);
    let forbidden = credit(&world, "http-403-non-expiring-token").await.unwrap_err();
    assert!(matches!(&forbidden, ShopifyError::Forbidden { message } if message.starts_with("Non-expiring")));
    let unknown = credit(&world, "http-503").await.unwrap_err();
    assert!(matches!(unknown, ShopifyError::OutcomeUnknown { .. }));
    let throttled = credit(&world, "graphql-throttled").await.unwrap_err();
    assert!(matches!(throttled, ShopifyError::Throttled { .. }), "{throttled}");
    assert_eq!(world.bookings(), 0);

    let world = setting().await;
    let slow = credit(&world, "http-429").await.unwrap_err();
    let two_seconds = Some(std::time::Duration::from_secs(2));
    assert_eq!(slow, ShopifyError::TooManyRequests { retry_after: two_seconds });
}

#[tokio::test]
async fn history_and_customers_are_read() {
    let world = setting().await;
    let account = "gid://shopify/StoreCreditAccount/1300100200".parse().unwrap();
    answer_with(&world, "graphql-account-history");
    let history = world.shop.transactions(&account, &HistoryFilter::default(), None).await.unwrap().unwrap();
    let kinds: Vec<_> = history.transactions.iter().map(|t| t.kind.clone()).collect();
    assert_eq!(kinds, [TransactionKind::Debit, TransactionKind::Credit, TransactionKind::DebitRevert]);
    let credit = &history.transactions[1];
    assert_eq!((credit.amount, credit.remaining), (usd("4.88"), Some(usd("2.72"))));
    let revert = &history.transactions[2];
    assert_eq!((revert.id.clone(), revert.amount), (None, usd("5")));
    assert_eq!(revert.event, Event::Other("ORDER_CANCELLATION".to_owned()));
    assert_eq!((history.account.balance, history.next), (usd("10.34"), None));

    let key = CustomerKey::Email("alma.reyes@example.com".to_owned());
    answer_with(&world, "graphql-customer-lookup");
    let customer = world.shop.customer(&key).await.unwrap().unwrap();
    assert_eq!(customer.id.number(), "7400112233445");
    assert_eq!((customer.state.as_str(), customer.tags.len()), ("ENABLED", 2));
    let balances: Vec<Money> = customer.accounts.iter().map(|account| account.balance).collect();
    assert_eq!(balances, [usd("12.50"), crate::setting::money("2", "EUR")]);
    answer_with(&world, "graphql-customer-lookup-missing");
    assert_eq!(world.shop.customer(&key).await.unwrap(), None);
}

/// Sends a sample's request as it is and compares what comes with the sample's answer.
async fn compare(fake: &FakeShopify, name: &str, token: &str) {
    let sample = sample(name);
    let address = format!("{}/{SHOP}/admin/api/2026-10/graphql.json", fake.base());
    let request = plain_http().post(address).header("x-shopify-access-token", token);
    let response = request.body(sample["request"]["body"].to_string()).send().await.unwrap();
    assert_eq!(
        u64::from(response.status().as_u16()),
        sample["response"]["status"].as_u64().unwrap(),
        "{name}"
    );
    let mut body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    let mut expected = sample["response"]["body"].clone();
    // How much is left depends on what was called before.
    for side in [&mut body, &mut expected] {
        if let Some(status) = side.pointer_mut("/extensions/cost/throttleStatus/currentlyAvailable") {
            *status = json!("varies");
        }
    }
    assert_eq!(body, expected, "{name}");
}

fn plain_http() -> reqwest::Client {
    // Nothing here goes over TLS, and without a provider of it the library wants to be told.
    let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap()
}

/// The shop in the `Host` header instead of the path.
async fn by_host(fake: &FakeShopify) {
    let address = format!("{}/admin/api/2026-10/graphql.json", fake.base());
    let request = plain_http().post(address).header("host", SHOP).header("x-shopify-access-token", TOKEN);
    let response = request.body(json!({"query": "query { shop { id } }"}).to_string()).send().await.unwrap();
    assert_eq!(response.headers()["x-shopify-api-version"], "2026-10");
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(body["data"]["shop"]["myshopifyDomain"], SHOP);
}

#[tokio::test]
async fn the_stand_in_answers_as_recorded() {
    let world = setting().await;
    // The account of the samples: the customer's first, in dollars.
    let holder = tradeup_shopify::CustomerId::from_number("7400112233445").unwrap().into();
    let opened = world.shop.credit(&holder, usd("1"), None, false).await.unwrap().account.unwrap();
    assert_eq!(opened.id.as_str(), "gid://shopify/StoreCreditAccount/1300100200");
    for name in [
        "graphql-credit-account-not-found",
        "graphql-credit-expires-in-past",
        "graphql-credit-invalid-currency-code",
        "graphql-credit-invalid-variable",
        "graphql-credit-limit-exceeded",
        "graphql-credit-mismatching-currency",
        "graphql-credit-owner-not-found",
        "graphql-credit-zero-amount",
        "graphql-debit-account-not-found",
        "graphql-debit-insufficient-funds",
    ] {
        compare(&world.fake, name, TOKEN).await;
    }
    compare(&world.fake, "http-401-invalid-token", "shpat_other").await;
    by_host(&world.fake).await;
    world.fake.fault(SHOP, Fault::Throttle);
    compare(&world.fake, "graphql-throttled", TOKEN).await;
    world.fake.with_shop(SHOP, |shop| shop.frozen = true);
    compare(&world.fake, "http-402-frozen", TOKEN).await;
    world.fake.with_shop(SHOP, |shop| (shop.frozen, shop.locked) = (false, true));
    compare(&world.fake, "http-423-locked", TOKEN).await;
    world.fake.with_shop(SHOP, |shop| shop.locked = false);
    world.fake.with_shop(SHOP, |shop| shop.scopes.clear());
    compare(&world.fake, "graphql-credit-access-denied", TOKEN).await;
}

#[test]
fn only_two_operations_move_money() {
    assert!(Operation::Credit.moves_money() && Operation::Debit.moves_money());
    assert!(!Operation::History.moves_money() && !Operation::Accounts.moves_money());
}
