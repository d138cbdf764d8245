//! Statuses that say that nothing ran: what the caller may do is in the error.

use std::time::Duration;

use tradeup_domain::{Class, Classify as _, ErrorCode};
use tradeup_fakes::shopify::Fault;
use tradeup_shopify::{Client, ShopifyError};

use crate::setting::{SHOP, customer, owner, setting, setting_with, settings, usd};

fn status(code: u16) -> Fault {
    Fault::Status { code, retry_after: None, applied: false }
}

#[tokio::test]
async fn each_status_has_its_error() {
    let world = setting().await;
    let hour = Class::Transient { retry_after: Some(Duration::from_secs(3600)) };
    let told = || "told to fail".to_owned();
    let cases = [
        (
            400,
            ShopifyError::InvalidRequest { code: "400".to_owned(), message: told() },
            Class::Permanent,
            "TU0408",
        ),
        (401, ShopifyError::Unauthorized, Class::Permanent, "TU0403"),
        (402, ShopifyError::Frozen, hour, "TU0404"),
        (403, ShopifyError::Forbidden { message: told() }, Class::Permanent, "TU0406"),
        (404, ShopifyError::Gone, Class::Permanent, "TU0409"),
        (302, ShopifyError::Gone, Class::Permanent, "TU0409"),
        (423, ShopifyError::Locked, hour, "TU0404"),
        (
            430,
            ShopifyError::Blocked,
            Class::Transient { retry_after: Some(Duration::from_secs(900)) },
            "TU0402",
        ),
    ];
    for (code, expected, class, page) in cases {
        world.fake.fault(SHOP, status(code));
        let error = world.shop.credit(&owner(), usd("1"), None, false).await.unwrap_err();
        assert_eq!(error, expected, "{code}");
        assert_eq!((error.class(), error.code().as_str()), (class, page), "{code}");
        assert!(error.certainly_not_applied());
        // The one after goes well: nothing is remembered against the shop.
        world.shop.credit(&owner(), usd("1"), None, false).await.unwrap();
    }
    assert_eq!(world.bookings(), 8);
}

#[tokio::test]
async fn tokens_and_shops_that_are_not_taken() {
    let world = setting().await;
    let stranger = world.client.shop(world.shop.domain(), "shpat_other".into());
    assert_eq!(stranger.shop_info().await.unwrap_err(), ShopifyError::Unauthorized);
    let broken = world.client.shop(world.shop.domain(), "line\nbreak".into());
    assert!(matches!(broken.shop_info().await.unwrap_err(), ShopifyError::InvalidRequest { .. }));
    let nowhere = world.client.shop(&"nowhere.myshopify.com".parse().unwrap(), "x".into());
    assert_eq!(nowhere.shop_info().await.unwrap_err(), ShopifyError::Gone);
    world.fake.with_shop(SHOP, |shop| shop.frozen = true);
    assert_eq!(world.shop.shop_info().await.unwrap_err(), ShopifyError::Frozen);
    world.fake.with_shop(SHOP, |shop| (shop.frozen, shop.locked) = (false, true));
    assert_eq!(world.shop.shop_info().await.unwrap_err(), ShopifyError::Locked);
}

#[tokio::test]
async fn retry_after_is_obeyed_by_the_next_call_too() {
    let world = setting_with(|mut settings| {
        settings.budget_wait_max = Duration::from_millis(100);
        settings
    })
    .await;
    let slow = Fault::Status { code: 429, retry_after: Some("7.0".to_owned()), applied: false };
    world.fake.fault(SHOP, slow);
    let error = world.shop.credit(&owner(), usd("1"), None, false).await.unwrap_err();
    assert_eq!(error, ShopifyError::TooManyRequests { retry_after: Some(Duration::from_secs(7)) });
    assert_eq!(error.code(), ErrorCode::ShopThrottled);
    // Not sent at all: it waits out the pause, and gives up before that.
    let error = world.shop.credit(&owner(), usd("1"), None, false).await.unwrap_err();
    let ShopifyError::Throttled { wait } = error else { panic!("{error}") };
    assert!(wait > Duration::from_secs(6) && wait <= Duration::from_secs(7), "{wait:?}");
    assert_eq!(world.fake.with_shop(SHOP, |shop| shop.calls), Some(1));
}

#[tokio::test]
async fn a_server_that_is_not_there_was_sent_nothing() {
    // A port that was free a moment ago and that nobody listens on.
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let client = Client::new(settings(format!("http://127.0.0.1:{port}"))).unwrap();
    let shop = client.shop(&SHOP.parse().unwrap(), "x".into());
    for error in [
        shop.credit(&owner(), usd("1"), None, false).await.unwrap_err(),
        shop.accounts(&customer()).await.unwrap_err(),
    ] {
        assert!(matches!(error, ShopifyError::NotSent { .. }), "{error}");
        assert!(error.certainly_not_applied());
        assert_eq!((error.class(), error.code()), (Class::TRANSIENT, ErrorCode::ShopUnreachable));
    }
}

#[tokio::test]
async fn no_such_name_was_sent_nothing() {
    // `.invalid` never has an address (RFC 6761 §6.4).
    let client = Client::new(settings("http://shops.invalid".to_owned())).unwrap();
    let shop = client.shop(&SHOP.parse().unwrap(), "x".into());
    let error = shop.debit(&owner(), usd("1")).await.unwrap_err();
    assert!(matches!(error, ShopifyError::NotSent { .. }), "{error}");
}

#[tokio::test]
async fn a_handshake_that_fails_was_sent_nothing() {
    let world = setting().await;
    let client = Client::new(settings(world.fake.base().replace("http:", "https:"))).unwrap();
    let error = client.shop(&SHOP.parse().unwrap(), "x".into()).debit(&owner(), usd("1")).await.unwrap_err();
    assert!(matches!(error, ShopifyError::NotSent { .. }), "{error}");
}

#[test]
fn a_base_that_is_no_address_is_refused() {
    assert!(Client::new(settings("shops.example".to_owned())).is_err());
}
