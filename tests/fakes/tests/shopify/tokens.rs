//! Renewing tokens, and what is recorded.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use tradeup_domain::{Classify as _, ErrorCode};
use tradeup_fakes::shopify::{Fault, Scheduled};
use tradeup_shopify::{
    AppCredentials, CustomerKey, EXPIRES_IN_DEFAULT, Recorder, RefreshError, ShopifyError, TokenPair,
};

use crate::setting::{SHOP, Setting, TOKEN, domain, owner, setting, setting_with, usd};

fn app() -> AppCredentials {
    AppCredentials { client_id: "app".to_owned(), client_secret: "hush".into() }
}

async fn refresh(world: &Setting, token: &str) -> Result<TokenPair, RefreshError> {
    world.client.refresh(&domain(), &app(), &token.into()).await
}

#[tokio::test]
async fn both_halves_rotate() {
    let world = setting().await;
    let pair = refresh(&world, "shprt_first").await.unwrap();
    assert_eq!(pair.expires_in, Duration::from_secs(3600));
    assert_eq!(pair.refresh_expires_in, Some(Duration::from_secs(7_776_000)));
    assert!(pair.scopes.iter().any(|scope| scope == "write_store_credit_account_transactions"));
    assert_eq!(world.shop.shop_info().await.unwrap_err(), ShopifyError::Unauthorized);
    let renewed = world.client.shop(&domain(), pair.access_token.clone());
    renewed.shop_info().await.unwrap();
    world.fake.clock().advance(Duration::from_secs(3601));
    assert_eq!(renewed.shop_info().await.unwrap_err(), ShopifyError::Unauthorized);
    refresh(&world, pair.refresh_token.expose_secret()).await.unwrap();
}

#[tokio::test]
async fn after_a_lost_rotation_the_old_token_is_good_until_the_new_one_is_used() {
    let world = setting().await;
    world.fake.fault(SHOP, Fault::RefreshLost);
    let error = refresh(&world, "shprt_first").await.unwrap_err();
    assert!(matches!(error, RefreshError::TryAgain { .. }), "{error}");
    assert_eq!(error.code(), ErrorCode::ShopUnreachable);
    let second = refresh(&world, "shprt_first").await.unwrap();
    let third = refresh(&world, second.refresh_token.expose_secret()).await.unwrap();
    let error = refresh(&world, "shprt_first").await.unwrap_err();
    assert_eq!(error, RefreshError::NeedsReauthorization { code: "invalid_request".to_owned() });
    assert_eq!(error.code(), ErrorCode::ReauthorizationNeeded);
    refresh(&world, third.refresh_token.expose_secret()).await.unwrap();
}

#[tokio::test]
async fn without_a_lifetime_it_is_an_hour() {
    let world = setting().await;
    world.fake.fault(SHOP, Fault::RefreshWithoutExpiresIn);
    let pair = refresh(&world, "shprt_first").await.unwrap();
    assert_eq!((pair.expires_in, pair.refresh_expires_in), (EXPIRES_IN_DEFAULT, None));
}

#[tokio::test]
async fn edge_failures_are_tried_again_with_the_same_token() {
    let world = setting().await;
    let renewal = |fault| Scheduled { only: Some("refresh".to_owned()), ..Scheduled::from(fault) };
    let status = |code| Fault::Status { code, retry_after: Some("3".to_owned()), applied: false };
    for fault in [status(520), status(503), status(429), Fault::TruncatedJson, Fault::DropBefore] {
        world.fake.fault(SHOP, renewal(fault.clone()));
        let error = refresh(&world, "shprt_first").await.unwrap_err();
        assert!(matches!(error, RefreshError::TryAgain { .. }), "{fault:?}: {error}");
    }
    refresh(&world, "shprt_first").await.unwrap();
}

#[tokio::test]
async fn the_samples_are_read_as_they_should() {
    let world = setting().await;
    let cases = [
        (include_str!("../../samples/oauth-refresh-ok.json"), None),
        (include_str!("../../samples/oauth-refresh-missing-expires-in.json"), None),
        (include_str!("../../samples/oauth-refresh-520.json"), Some(ErrorCode::ShopUnreachable)),
        (include_str!("../../samples/oauth-refresh-inactive.json"), Some(ErrorCode::ReauthorizationNeeded)),
        (include_str!("../../samples/oauth-refresh-invalid.json"), Some(ErrorCode::ReauthorizationNeeded)),
    ];
    for (sample, expected) in cases {
        let sample: serde_json::Value = serde_json::from_str(sample).unwrap();
        let body = &sample["response"]["body"];
        let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        let code = u16::try_from(sample["response"]["status"].as_u64().unwrap()).unwrap();
        let answer = Fault::Answer { code, body, retry_after: None };
        world.fake.fault(SHOP, Scheduled { only: Some("refresh".to_owned()), ..answer.into() });
        let read = refresh(&world, "shprt_first").await;
        assert_eq!(read.as_ref().err().map(tradeup_domain::Classify::code), expected, "{}", sample["note"]);
        if let Ok(pair) = read {
            assert_eq!(pair.expires_in, Duration::from_secs(3600));
            assert_eq!(pair.access_token.expose_secret(), "{new_access_token}");
            assert_eq!(pair.refresh_token.expose_secret(), "{new_refresh_token}");
        }
    }
}

#[tokio::test]
async fn wrong_credentials_of_the_app_are_not_tried_again() {
    let world = setting().await;
    let wrong = AppCredentials { client_id: "app".to_owned(), client_secret: "other".into() };
    let error = world.client.refresh(&domain(), &wrong, &"shprt_first".into()).await.unwrap_err();
    assert_eq!(error, RefreshError::Refused { status: 401, code: "invalid_client".to_owned() });
    assert_eq!(error.code(), ErrorCode::ShopUnauthorized);
}

#[tokio::test]
async fn recordings_hold_no_token_address_or_name() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(folder.path()).unwrap();
    let world = setting_with(|mut settings| {
        settings.recorder = Some(recorder);
        settings
    })
    .await;
    world.shop.credit(&owner(), usd("4.88"), None, false).await.unwrap();
    let key = CustomerKey::Email("alma.reyes@example.com".to_owned());
    // The stand-in answers with name and address, though nobody asked for them.
    world.shop.customer(&key).await.unwrap().unwrap();
    world.fake.fault(SHOP, Fault::HtmlBody { applied: false });
    world.shop.shop_info().await.unwrap_err();
    world.fake.fault(SHOP, Fault::DropBefore);
    world.shop.shop_info().await.unwrap_err();
    let pair = refresh(&world, "shprt_first").await.unwrap();
    let text = std::fs::read_to_string(folder.path().join(format!("{SHOP}.jsonl"))).unwrap();
    let secrets = [
        TOKEN,
        "alma.reyes",
        "Reyes",
        "VIP",
        "hush",
        "shprt",
        "shpat",
        pair.access_token.expose_secret(),
        pair.refresh_token.expose_secret(),
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let named: Vec<_> = lines.iter().map(|line| line["operation"].as_str().unwrap()).collect();
    assert_eq!(named, ["credit", "customer", "shop", "shop", "refresh"]);
    assert_eq!(lines[0]["status"], 200);
    assert_eq!(lines[0].pointer("/request/variables/creditInput/creditAmount/amount").unwrap(), "4.88");
    let booked = "/response/data/storeCreditAccountCredit/storeCreditAccountTransaction/amount/amount";
    assert_eq!(lines[0].pointer(booked).unwrap(), "4.88");
    assert_eq!(lines[2]["response"]["not_json"], true);
    assert_eq!(lines[3]["failed"], "the connection ended before an answer");
    assert!(lines[0]["headers"]["x-request-id"].is_string());
}
