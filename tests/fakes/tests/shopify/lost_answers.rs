//! A credit whose answer was lost is found again by its fingerprint, and paid once.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tradeup_fakes::shopify::{Fault, Scheduled, SettingsChange};
use tradeup_shopify::{HistoryFilter, ShopifyError, Transaction, TransactionKind};

use crate::setting::{SHOP, Setting, customer, owner, setting, start, usd};

/// What a caller does with an unknown outcome (reference §6.3): reads the customer's account in that currency
/// and looks for the credit that expires at that very second.
async fn look_up(world: &Setting, expires_at: DateTime<Utc>) -> Option<Transaction> {
    let accounts = world.shop.accounts(&customer()).await.unwrap().unwrap();
    let account = accounts.into_iter().find(|account| account.balance.currency == usd("1").currency)?;
    let fingerprint = HistoryFilter {
        kind: Some(TransactionKind::Credit),
        expires_at: Some(expires_at),
        ..HistoryFilter::default()
    };
    let history = world.shop.transactions(&account.id, &fingerprint, None).await.unwrap().unwrap();
    assert!(history.transactions.len() <= 1, "a fingerprint is of one credit");
    history.transactions.into_iter().next()
}

#[tokio::test]
async fn booked_or_not_is_found_by_the_second_of_its_expiry() {
    let day = start() + TimeDelta::days(90);
    for (fault, applied) in [
        (Fault::DropAfter, true),
        (Fault::DropBefore, false),
        (Fault::Status { code: 520, retry_after: None, applied: true }, true),
        (Fault::Status { code: 503, retry_after: None, applied: false }, false),
        (Fault::TruncatedJson, true),
    ] {
        let world = setting().await;
        // Two others of the same amount, on the same day.
        for second in [1, 2] {
            let at = day + TimeDelta::seconds(second);
            world.shop.credit(&owner(), usd("4.88"), Some(at), false).await.unwrap();
        }
        let fingerprint = day + TimeDelta::seconds(3);
        world.fake.fault(SHOP, fault.clone());
        let error = world.shop.credit(&owner(), usd("4.88"), Some(fingerprint), false).await.unwrap_err();
        assert!(matches!(error, ShopifyError::OutcomeUnknown { .. }));
        let found = look_up(&world, fingerprint).await;
        assert_eq!(found.is_some(), applied, "{fault:?}");
        match found {
            Some(found) => assert_eq!((found.amount, found.balance_after), (usd("4.88"), usd("14.64"))),
            None => drop(world.shop.credit(&owner(), usd("4.88"), Some(fingerprint), false).await.unwrap()),
        }
        assert_eq!((world.balance(), world.bookings()), (3 * 488, 3), "{fault:?}");
    }
}

#[tokio::test]
async fn the_first_credit_of_all_is_found_without_knowing_its_account() {
    let world = setting().await;
    let fingerprint = start() + TimeDelta::days(1);
    assert!(look_up(&world, fingerprint).await.is_none());
    world.fake.fault(SHOP, Fault::DropAfter);
    world.shop.credit(&owner(), usd("1"), Some(fingerprint), false).await.unwrap_err();
    assert!(look_up(&world, fingerprint).await.is_some());
}

#[tokio::test]
async fn history_that_lags_shows_it_later() {
    let world = setting().await;
    world.fake.with_shop(SHOP, |shop| shop.history_lag = TimeDelta::seconds(20));
    let fingerprint = start() + TimeDelta::days(1);
    world.fake.fault(SHOP, Fault::DropAfter);
    world.shop.credit(&owner(), usd("1"), Some(fingerprint), false).await.unwrap_err();
    assert!(look_up(&world, fingerprint).await.is_none(), "not to be taken for 'not booked'");
    world.fake.clock().advance(Duration::from_secs(30));
    assert!(look_up(&world, fingerprint).await.is_some());
}

#[tokio::test]
async fn a_search_that_finds_everything_is_not_believed() {
    let world = setting().await;
    let other = start() + TimeDelta::days(2);
    let credit = world.shop.credit(&owner(), usd("1"), Some(other), false).await.unwrap();
    let account = credit.account.unwrap().id;
    let everything =
        world.shop.transactions(&account, &HistoryFilter::default(), None).await.unwrap().unwrap();
    assert_eq!(everything.transactions.len(), 1);
    // As if Shopify did not understand the search: all rows come back.
    let body = format!(
        r#"{{"data":{{"storeCreditAccount":{{"id":"{account}","balance":{{"amount":"1.0","currencyCode":"USD"}},
        "transactions":{{"nodes":[{{"__typename":"StoreCreditAccountCreditTransaction",
        "id":"gid://shopify/StoreCreditAccountCreditTransaction/1","amount":{{"amount":"1.0","currencyCode":"USD"}},
        "balanceAfterTransaction":{{"amount":"1.0","currencyCode":"USD"}},"createdAt":"2026-11-21T14:00:09Z",
        "event":"ADJUSTMENT","expiresAt":"2026-11-23T14:00:09Z"}}],
        "pageInfo":{{"hasNextPage":false,"endCursor":null}}}}}}}}}}"#
    );
    let same = "gid://shopify/StoreCreditAccountCreditTransaction/1".parse().unwrap();
    for filter in [
        HistoryFilter { expires_at: Some(start() + TimeDelta::days(1)), ..HistoryFilter::default() },
        HistoryFilter { newer_than: Some(same), ..HistoryFilter::default() },
        HistoryFilter { kind: Some(TransactionKind::Debit), ..HistoryFilter::default() },
    ] {
        world.fake.fault(SHOP, Fault::Answer { code: 200, body: body.clone(), retry_after: None });
        let history = world.shop.transactions(&account, &filter, None).await.unwrap().unwrap();
        assert_eq!(history.transactions, [], "{filter:?}");
    }
}

/// Asks until a clear answer comes; a reading call may be asked again.
async fn look_up_until_clear(world: &Setting, expires_at: DateTime<Utc>) -> Option<Transaction> {
    let account = loop {
        match world.shop.accounts(&customer()).await {
            Ok(accounts) => break accounts.unwrap().into_iter().next()?,
            Err(error) => assert!(error.certainly_not_applied(), "{error}"),
        }
    };
    let fingerprint = HistoryFilter { expires_at: Some(expires_at), ..HistoryFilter::default() };
    loop {
        match world.shop.transactions(&account.id, &fingerprint, None).await {
            Ok(history) => break history.unwrap().transactions.into_iter().next(),
            Err(error) => assert!(error.certainly_not_applied(), "{error}"),
        }
    }
}

#[tokio::test]
async fn whatever_goes_wrong_each_credit_is_booked_once() {
    let spoilt = |code, applied| Fault::Status { code, retry_after: None, applied };
    for seed in 0..8 {
        let mut random = StdRng::seed_from_u64(seed);
        let world = setting().await;
        let change = SettingsChange { restore_rate: Some(10_000.0), ..SettingsChange::default() };
        world.fake.with_shop(SHOP, |shop| shop.change(change, start()));
        for _ in 0..60 {
            let applied = random.random_bool(0.5);
            let fault = match random.random_range(0..9) {
                0 => Fault::DropBefore,
                1 => Fault::DropAfter,
                2 => Fault::TruncatedJson,
                3 => Fault::HtmlBody { applied },
                4 => Fault::InternalError { applied },
                5 => spoilt(520, applied),
                6 => spoilt(503, applied),
                7 => spoilt(401, false),
                _ => Fault::Throttle,
            };
            let scheduled = Scheduled { after: random.random_range(0..120), ..fault.into() };
            world.fake.fault(SHOP, scheduled);
        }
        for second in 0..40_i64 {
            let fingerprint = start() + TimeDelta::days(30) + TimeDelta::seconds(second);
            loop {
                match world.shop.credit(&owner(), usd("1.25"), Some(fingerprint), false).await {
                    Ok(_) => break,
                    Err(error) if error.certainly_not_applied() => {}
                    Err(_) if look_up_until_clear(&world, fingerprint).await.is_some() => break,
                    Err(_) => {}
                }
            }
        }
        assert_eq!((world.balance(), world.bookings()), (40 * 125, 40), "seed {seed}");
    }
}
