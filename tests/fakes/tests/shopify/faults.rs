//! Answers that leave open whether money moved. For reading calls they only mean: ask again.

use std::time::Duration;

use tradeup_domain::{Class, Classify as _, ErrorCode};
use tradeup_fakes::shopify::{Fault, Scheduled};
use tradeup_shopify::ShopifyError;

use crate::setting::{SHOP, Setting, customer, owner, setting, setting_with, usd};

async fn impatient() -> Setting {
    setting_with(|mut settings| {
        settings.timeout = Duration::from_millis(200);
        settings
    })
    .await
}

/// The faults, and whether the call was executed with them.
fn unclear() -> Vec<(Fault, bool)> {
    let status = |code, applied| Fault::Status { code, retry_after: None, applied };
    let answer = |body: &str| Fault::Answer { code: 200, body: body.to_owned(), retry_after: None };
    vec![
        (Fault::DropBefore, false),
        (Fault::DropAfter, true),
        (Fault::TruncatedJson, true),
        (Fault::HtmlBody { applied: true }, true),
        (Fault::HtmlBody { applied: false }, false),
        (Fault::InternalError { applied: true }, true),
        (Fault::InternalError { applied: false }, false),
        (status(500, true), true),
        (status(502, false), false),
        (status(503, true), true),
        (status(504, true), true),
        (status(520, true), true),
        (answer(""), false),
        (answer("{}"), false),
        (answer("{\"data\":null}"), false),
        (answer("<html>"), false),
    ]
}

#[tokio::test]
async fn without_a_clear_answer_the_outcome_is_unknown() {
    for (fault, applied) in unclear() {
        let world = setting().await;
        world.fake.fault(SHOP, fault.clone());
        let error = world.shop.credit(&owner(), usd("1"), None, false).await.unwrap_err();
        assert!(matches!(error, ShopifyError::OutcomeUnknown { .. }), "{fault:?}: {error}");
        assert!(!error.certainly_not_applied());
        let waits = Class::Transient { retry_after: Some(Duration::from_secs(30)) };
        assert_eq!((error.class(), error.code()), (waits, ErrorCode::ShopOutcomeUnknown));
        // Executed or not, and never twice: nobody has sent it again.
        assert_eq!(world.bookings(), usize::from(applied), "{fault:?}");
        assert_eq!(world.fake.with_shop(SHOP, |shop| shop.calls), Some(1), "{fault:?}");
    }
}

#[tokio::test]
async fn reading_without_a_clear_answer_is_asked_again() {
    let world = setting().await;
    for (fault, _) in unclear() {
        world.fake.fault(SHOP, fault.clone());
        let error = world.shop.accounts(&customer()).await.unwrap_err();
        assert!(matches!(error, ShopifyError::Unanswered { .. }), "{fault:?}: {error}");
        assert_eq!((error.class(), error.code()), (Class::TRANSIENT, ErrorCode::ShopUnreachable));
        assert!(world.shop.accounts(&customer()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn too_late_is_unknown_whether_executed_or_not() {
    for applied in [true, false] {
        let world = impatient().await;
        world.fake.fault(SHOP, Fault::Delay { ms: 60_000, applied });
        let error = world.shop.credit(&owner(), usd("1"), None, false).await.unwrap_err();
        assert!(
            matches!(&error, ShopifyError::OutcomeUnknown { reason, .. } if reason == "no answer in time")
        );
        assert_eq!(world.bookings(), usize::from(applied));
    }
}

#[tokio::test]
async fn an_answer_in_another_shape_is_not_asked_again() {
    let world = setting().await;
    let body = r#"{"data":{"shop":{"id":"gid://shopify/Shop/1","currencyCode":"USDC","ianaTimezone":"x"}}}"#;
    world.fake.fault(SHOP, Fault::Answer { code: 200, body: body.to_owned(), retry_after: None });
    let error = world.shop.shop_info().await.unwrap_err();
    assert!(matches!(error, ShopifyError::UnexpectedAnswer { .. }), "{error}");
    assert_eq!((error.class(), error.code()), (Class::Permanent, ErrorCode::ShopProtocol));
}

#[tokio::test]
async fn throttled_is_waited_out_and_sent_again_once() {
    let world = setting().await;
    world.fake.fault(SHOP, Scheduled { times: 2, ..Fault::Throttle.into() });
    world.shop.credit(&owner(), usd("1"), None, false).await.unwrap();
    assert_eq!(world.fake.with_shop(SHOP, |shop| (shop.calls, shop.throttled)), Some((3, 2)));
    assert_eq!((world.balance(), world.bookings()), (100, 1));
}

#[tokio::test]
async fn throttled_for_too_long_is_given_back() {
    let world = setting_with(|mut settings| {
        settings.budget_wait_max = Duration::from_millis(50);
        settings
    })
    .await;
    world.fake.fault(SHOP, Scheduled { times: 1_000, ..Fault::Throttle.into() });
    let error = world.shop.credit(&owner(), usd("1"), None, false).await.unwrap_err();
    assert!(matches!(error, ShopifyError::Throttled { .. }), "{error}");
    assert!(error.certainly_not_applied());
    assert_eq!((error.code(), world.bookings()), (ErrorCode::ShopThrottled, 0));
}

#[tokio::test]
async fn a_double_booking_can_be_seen() {
    let world = setting().await;
    world.fake.fault(SHOP, Fault::DuplicateApply);
    let credit = world.shop.credit(&owner(), usd("1"), None, false).await.unwrap();
    // The answer is about the second of the two; the balance gives the first away.
    assert_eq!((credit.amount, credit.balance_after), (usd("1"), usd("2")));
    assert_eq!(world.bookings(), 2);
}

#[tokio::test]
async fn errors_hold_neither_address_nor_token() {
    let world = setting().await;
    let body = r#"{"errors":[{"message":"invalid value for alma.reyes@example.com with shpat_0123456789abcdef","extensions":{"code":"INVALID_VARIABLE"}}]}"#;
    for code in [200, 400, 403, 500] {
        world.fake.fault(SHOP, Fault::Answer { code, body: body.to_owned(), retry_after: None });
        let error = world.shop.credit(&owner(), usd("1"), None, false).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("alma") && !shown.contains("shpat"), "{shown}");
    }
    let shown = format!("{:?} {:?}", world.shop, world.client);
    assert!(!shown.contains("shpat"), "{shown}");
}
