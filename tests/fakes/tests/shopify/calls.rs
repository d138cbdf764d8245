//! Calls that go well, and calls that the shop refuses.

use std::time::Duration;

use chrono::TimeDelta;
use tradeup_domain::{Class, Classify as _, ErrorCode};
use tradeup_fakes::shopify::SettingsChange;
use tradeup_shopify::{
    AccountId, CustomerId, CustomerKey, Event, HistoryFilter, Owner, RefusalCode, ShopifyError,
    TransactionKind,
};

use crate::setting::{CUSTOMER, SHOP, customer, money, owner, setting, start, usd};

#[tokio::test]
async fn credit_debit_and_what_is_read_back_agree() {
    let world = setting().await;
    let expires = start() + TimeDelta::days(90) + TimeDelta::seconds(41);
    let credit = world.shop.credit(&owner(), usd("50"), Some(expires), false).await.unwrap();
    assert_eq!((credit.amount, credit.balance_after), (usd("50"), usd("50")));
    assert_eq!((credit.kind.clone(), credit.event.clone()), (TransactionKind::Credit, Event::Adjustment));
    assert_eq!((credit.created_at, credit.expires_at), (start(), Some(expires)));
    let account = credit.account.clone().unwrap();
    assert_eq!(account.balance, usd("50"));

    let debit = world.shop.debit(&account.id.clone().into(), usd("7.25")).await.unwrap();
    assert_eq!(debit.amount.amount_minor, -725);
    assert_eq!(debit.balance_after, usd("42.75"));

    assert_eq!(world.shop.account(&account.id).await.unwrap().unwrap().balance, usd("42.75"));
    let accounts = world.shop.accounts(&customer()).await.unwrap().unwrap();
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0].id, account.id);
    let history =
        world.shop.transactions(&account.id, &HistoryFilter::default(), None).await.unwrap().unwrap();
    let ids: Vec<_> = history.transactions.iter().map(|t| t.id.clone()).collect();
    assert_eq!(ids, [debit.id, credit.id]);
    assert_eq!(history.transactions[1].remaining, Some(usd("42.75")));
    assert_eq!((history.account.balance, history.next), (usd("42.75"), None));
    assert_eq!(world.balance(), 4_275);
}

#[tokio::test]
async fn currencies_of_every_exponent_travel_exactly() {
    let world = setting().await;
    for (text, code) in [("16100", "JPY"), ("1.005", "KWD"), ("0.01", "EUR"), ("1234.5", "USD")] {
        let amount = money(text, code);
        assert_eq!(world.shop.credit(&owner(), amount, None, true).await.unwrap().amount, amount);
        let debit = world.shop.debit(&owner(), amount).await.unwrap();
        assert_eq!((debit.amount.amount_minor, debit.balance_after.amount_minor), (-amount.amount_minor, 0));
    }
    assert_eq!(world.shop.accounts(&customer()).await.unwrap().unwrap().len(), 4);
}

#[tokio::test]
async fn ids_above_two_to_the_53_reach_the_right_customer() {
    let world = setting().await;
    world.shop.credit(&owner(), usd("1"), None, false).await.unwrap();
    let neighbour = world.fake.with_shop(SHOP, |shop| shop.balance_minor("820982911946154508")).unwrap();
    assert_eq!((world.balance(), neighbour), (100, 0));
}

#[tokio::test]
async fn every_refusal_has_its_code_and_books_nothing() {
    let world = setting().await;
    let account = world.shop.credit(&owner(), usd("5"), None, false).await.unwrap().account.unwrap().id;
    world.fake.with_shop(SHOP, |shop| {
        shop.change(
            SettingsChange {
                unsupported_currencies: Some(["KPW".to_owned()].into()),
                ceiling_minor: Some(10_000),
                ..SettingsChange::default()
            },
            start(),
        );
    });
    let nobody: Owner = CustomerId::from_number("999999999999999").unwrap().into();
    let no_account: Owner = "gid://shopify/StoreCreditAccount/1".parse::<AccountId>().unwrap().into();
    let past = Some(start() - TimeDelta::seconds(1));
    let (own, shop) = (owner(), &world.shop);
    let refusals = [
        (shop.credit(&no_account, usd("1"), None, false).await, RefusalCode::AccountNotFound, "id"),
        (shop.credit(&nobody, usd("1"), None, false).await, RefusalCode::OwnerNotFound, "id"),
        (
            shop.credit(&own, usd("0"), None, false).await,
            RefusalCode::NegativeOrZeroAmount,
            "creditInput.creditAmount.amount",
        ),
        (
            shop.credit(&account.clone().into(), money("1", "CAD"), None, false).await,
            RefusalCode::MismatchingCurrency,
            "creditInput.creditAmount.currencyCode",
        ),
        (
            shop.credit(&own, money("1", "KPW"), None, false).await,
            RefusalCode::UnsupportedCurrency,
            "creditInput.creditAmount.currencyCode",
        ),
        (
            shop.credit(&own, usd("0"), past, false).await,
            RefusalCode::ExpiresAtInPast,
            "creditInput.expiresAt",
        ),
        (
            shop.credit(&own, usd("95.01"), None, false).await,
            RefusalCode::CreditLimitExceeded,
            "creditInput.creditAmount.amount",
        ),
        (shop.debit(&nobody, usd("1")).await, RefusalCode::AccountNotFound, "id"),
        (shop.debit(&own, money("1", "EUR")).await, RefusalCode::AccountNotFound, "id"),
        (
            shop.debit(&own, usd("0")).await,
            RefusalCode::NegativeOrZeroAmount,
            "debitInput.debitAmount.amount",
        ),
        (
            shop.debit(&account.into(), money("1", "CAD")).await,
            RefusalCode::MismatchingCurrency,
            "debitInput.debitAmount.currencyCode",
        ),
        (
            shop.debit(&own, usd("5.01")).await,
            RefusalCode::InsufficientFunds,
            "debitInput.debitAmount.amount",
        ),
    ];
    for (result, expected, path) in refusals {
        let error = result.unwrap_err();
        assert_eq!(error.refusal(), Some(&expected), "{error}");
        assert!(matches!(&error, ShopifyError::Refused { field, .. } if field == path), "{error:?}");
        assert!(error.certainly_not_applied());
        assert_eq!((error.class(), error.code()), (Class::Permanent, ErrorCode::ShopRefused));
    }
    assert_eq!((world.balance(), world.bookings()), (500, 1));
}

#[tokio::test]
async fn a_currency_for_results_only_is_our_bug() {
    let world = setting().await;
    // The domain has no such currency, so it is put into the shop's mouth.
    let body = include_str!("../../samples/graphql-credit-invalid-currency-code.json");
    let sample: serde_json::Value = serde_json::from_str(body).unwrap();
    let body = sample.pointer("/response/body").unwrap().to_string();
    world.fake.fault(SHOP, tradeup_fakes::shopify::Fault::Answer { code: 200, body, retry_after: None });
    let error = world.shop.credit(&owner(), usd("1"), None, false).await.unwrap_err();
    assert!(matches!(&error, ShopifyError::InvalidRequest { code, .. } if code == "CURRENCY_CODE_INVALID"));
}

#[tokio::test]
async fn a_missing_scope_names_itself() {
    let world = setting().await;
    world.fake.with_shop(SHOP, |shop| shop.scopes.clear());
    let account = "gid://shopify/StoreCreditAccount/1".parse().unwrap();
    let errors = [
        (
            world.shop.credit(&owner(), usd("1"), None, false).await.unwrap_err(),
            "write_store_credit_account_transactions",
        ),
        (world.shop.debit(&owner(), usd("1")).await.unwrap_err(), "write_store_credit_account_transactions"),
        (world.shop.accounts(&customer()).await.unwrap_err(), "read_customers"),
        (world.shop.account(&account).await.unwrap_err(), "read_store_credit_accounts"),
        (
            world.shop.transactions(&account, &HistoryFilter::default(), None).await.unwrap_err(),
            "read_store_credit_account_transactions",
        ),
    ];
    for (error, scope) in errors {
        assert!(
            matches!(&error, ShopifyError::AccessDenied { required } if required.contains(scope)),
            "{error}"
        );
        assert_eq!(error.code(), ErrorCode::ShopForbidden);
    }
    assert_eq!(world.bookings(), 0);
}

#[tokio::test]
async fn customers_are_found_by_id_and_by_address() {
    let world = setting().await;
    world.shop.credit(&owner(), usd("3"), None, false).await.unwrap();
    let by_id = world.shop.customer(&CustomerKey::Id(customer())).await.unwrap().unwrap();
    let by_email = CustomerKey::Email("ALMA.reyes@example.com".to_owned());
    assert_eq!(world.shop.customer(&by_email).await.unwrap().unwrap(), by_id);
    assert_eq!((by_id.id, by_id.tags, by_id.state.as_str()), (customer(), vec!["VIP".to_owned()], "ENABLED"));
    assert_eq!(by_id.accounts[0].balance, usd("3"));
    let nobody = CustomerKey::Email("nobody@example.com".to_owned());
    assert_eq!(world.shop.customer(&nobody).await.unwrap(), None);
    assert_eq!(world.shop.accounts(&CustomerId::from_number("1").unwrap()).await.unwrap(), None);
    let no_account = "gid://shopify/StoreCreditAccount/1".parse().unwrap();
    assert_eq!(world.shop.account(&no_account).await.unwrap(), None);
    assert_eq!(world.shop.transactions(&no_account, &HistoryFilter::default(), None).await.unwrap(), None);
}

#[tokio::test]
async fn the_shop_tells_its_currency_and_zone() {
    let world = setting().await;
    let info = world.shop.shop_info().await.unwrap();
    assert_eq!((info.currency.code(), info.zone.as_str()), ("USD", "America/New_York"));
    assert!(world.shop.store_credit_enabled().await.unwrap());
    world.fake.with_shop(SHOP, |shop| shop.store_credit_enabled = false);
    assert!(!world.shop.store_credit_enabled().await.unwrap());
}

#[tokio::test]
async fn history_is_paged_newest_first_and_filtered() {
    let world = setting().await;
    // The stand-in's clock stands, so nothing comes back into its bucket: it has to hold enough.
    let change = SettingsChange { restore_rate: Some(2_000.0), ..SettingsChange::default() };
    world.fake.with_shop(SHOP, |shop| shop.change(change, start()));
    let mut ids = Vec::new();
    let mut account = None;
    for at in 0..120_i64 {
        let expires = start() + TimeDelta::seconds(1_000 + at);
        let credit = world.shop.credit(&owner(), usd("1"), Some(expires), false).await.unwrap();
        ids.push(credit.id.unwrap());
        account = credit.account;
    }
    let account = account.unwrap().id;
    world.shop.debit(&owner(), usd("2")).await.unwrap();
    ids.reverse();
    let credits = HistoryFilter { kind: Some(TransactionKind::Credit), ..HistoryFilter::default() };
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = world.shop.transactions(&account, &credits, after.as_ref()).await.unwrap().unwrap();
        seen.extend(page.transactions.into_iter().map(|t| t.id.unwrap()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    let newer = HistoryFilter { newer_than: Some(ids[3].clone()), ..credits.clone() };
    let page = world.shop.transactions(&account, &newer, None).await.unwrap().unwrap();
    assert_eq!(page.transactions.len(), 3);
    let debits = HistoryFilter { kind: Some(TransactionKind::Debit), ..HistoryFilter::default() };
    let page = world.shop.transactions(&account, &debits, None).await.unwrap().unwrap();
    assert_eq!(page.transactions.iter().map(|t| t.amount.amount_minor).collect::<Vec<_>>(), [-200]);
    let odd = HistoryFilter { kind: Some(TransactionKind::Other("X".to_owned())), ..credits };
    let error = world.shop.transactions(&account, &odd, None).await.unwrap_err();
    assert!(matches!(error, ShopifyError::InvalidRequest { .. }));
}

#[tokio::test]
async fn what_is_left_expires_by_itself_and_debits_take_the_soonest() {
    let world = setting().await;
    let soon = start() + TimeDelta::days(10);
    let late = start() + TimeDelta::days(20);
    world.shop.credit(&owner(), usd("5"), Some(late), false).await.unwrap();
    let account = world.shop.credit(&owner(), usd("3"), Some(soon), false).await.unwrap().account.unwrap().id;
    world.shop.debit(&owner(), usd("1")).await.unwrap();
    world.fake.clock().advance(Duration::from_secs(11 * 86_400));
    assert_eq!(world.balance(), 500);
    let expired = HistoryFilter { kind: Some(TransactionKind::Expiration), ..HistoryFilter::default() };
    let page = world.shop.transactions(&account, &expired, None).await.unwrap().unwrap();
    let expiry = &page.transactions[0];
    assert_eq!((expiry.amount.amount_minor, expiry.created_at, expiry.id.clone()), (-200, soon, None));
    assert_eq!(page.account.balance, usd("5"));
    let error = world.shop.debit(&owner(), usd("5.01")).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&RefusalCode::InsufficientFunds));
    assert_eq!(world.fake.with_shop(SHOP, |shop| shop.balance_minor(CUSTOMER)), Some(500));
}
