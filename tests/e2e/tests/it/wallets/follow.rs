//! Where Shopify decides, the ledger follows it; where they differ, either side can be put right.

use serde_json::Value;
use tradeup_fakes::shopify::Kind;

use super::{SHOP, Wallets};

fn only(differences: &[Value]) -> &Value {
    assert_eq!(differences.len(), 1, "{differences:?}");
    &differences[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_follows_what_buyers_and_merchants_do() {
    let wallets = Wallets::new(20, 331, "shopify").await;
    let _services = wallets.world.start_both().await;
    wallets.month("2026-11").await;
    wallets.all_told().await;
    let (member, balance) = wallets.somebody().await;
    assert!(wallets.fake.pay(SHOP, &member, 250));
    wallets.fake.cancel_payment(SHOP, &member, 100);
    wallets.fake.give(SHOP, &member, 1_000, None);
    wallets.agrees().await;
    assert_eq!(wallets.at_shop(&member), balance - 150 + 1_000);
    let pushed = wallets.world.number("select count(*) from pushes").await;
    wallets.agrees().await;
    assert_eq!(
        wallets.world.number("select count(*) from pushes").await,
        pushed,
        "the shop is not told its own"
    );
    assert_eq!(wallets.world.number("select count(*) from shop_bookings").await, 3, "each once");
    let statement = wallets.world.tradeup_ok(&["statement", "aurora", "--member", &member]);
    assert!(statement.contains("spend"), "{statement}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_at_the_shop_ends_in_the_ledger_after_what_was_used_of_it() {
    let wallets = Wallets::new(20, 332, "shopify").await;
    let _services = wallets.world.start_both().await;
    wallets.month("2026-11").await;
    wallets.all_told().await;
    let (member, balance) = wallets.somebody().await;
    // Used a moment before it ended, and not followed yet.
    assert!(wallets.fake.pay(SHOP, &member, 200));
    wallets.end_all(&member).await;
    sqlx::query("update lots set ends_at = now(), expires_at = now() where ends_at < now()")
        .execute(&wallets.world.database.admin)
        .await
        .unwrap();
    wallets.world.tradeup_ok(&["trigger", "credit-expiration", "--follow"]);
    wallets.agrees().await;
    let expired = "select -sum(amount_minor)::bigint from ledger_entries where kind = 'expire'";
    assert_eq!(wallets.world.number(expired).await, balance - 200);
    assert_eq!(wallets.world.number("select coalesce(sum(debt_minor), 0)::bigint from accounts").await, 0);
    assert_eq!(wallets.bookings(Kind::Debit), 1, "no end is ever told as a debit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_ledger_as_authority_a_difference_is_shown_and_repaired_either_way() {
    let wallets = Wallets::new(20, 333, "ledger").await;
    let _services = wallets.world.start_both().await;
    wallets.month("2026-11").await;
    wallets.all_told().await;
    let (member, balance) = wallets.somebody().await;
    assert!(wallets.fake.pay(SHOP, &member, 125));
    wallets.reconcile().await;
    let differences = wallets.differences();
    let difference = only(&differences);
    assert_eq!(difference["difference_minor"].as_i64(), Some(-125));
    assert!(difference["cause"].as_str().unwrap().contains("ORDER_PAYMENT"), "{difference}");

    let repair = |way: &str, confirm: &str| {
        wallets.world.tradeup(&[
            "wallet",
            "repair",
            "aurora",
            "--member",
            &member,
            way,
            "--confirm",
            confirm,
            "--reason",
            "a test",
        ])
    };
    assert!(repair("--book", "-1.24").stderr.contains("look at it again"));
    assert_eq!(repair("--book", "-1.25").code, 0);
    assert_eq!(repair("--book", "-1.25").code, 1, "it is repaired");
    wallets.agrees().await;
    let booked = wallets.world.number("select sum(balance_minor)::bigint from accounts").await;
    let due = wallets.world.due["aurora"].1;
    assert_eq!(booked, due - 125);

    assert!(wallets.fake.pay(SHOP, &member, 75));
    wallets.reconcile().await;
    assert_eq!(repair("--tell-shop", "-0.75").code, 0);
    wallets.all_told().await;
    wallets.agrees().await;
    assert_eq!(wallets.at_shop(&member), balance - 125);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_debit_that_finds_less_takes_what_there_is() {
    let wallets = Wallets::new(20, 334, "shopify").await;
    let _services = wallets.world.start_both().await;
    wallets.month("2026-11").await;
    wallets.all_told().await;
    let (member, balance) = wallets.somebody().await;
    // The buyer is quicker than a correction.
    assert!(wallets.fake.pay(SHOP, &member, 200));
    let take = format!("{}.{:02}", balance / 100, balance % 100);
    wallets.world.tradeup_ok(&[
        "adjust", "--tenant", "aurora", "--member", &member, "--take", &take, "--key", "t-1", "--reason",
        "wrong",
    ]);
    wallets.all_told().await;
    assert_eq!(wallets.at_shop(&member), 0);
    wallets.agrees().await;
    let owed = wallets.world.number("select sum(debt_minor)::bigint from accounts").await;
    assert_eq!(owed, 200, "what was used and is not theirs any more is owed");
}
