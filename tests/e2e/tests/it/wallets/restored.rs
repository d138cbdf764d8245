//! A database that was restored knows nothing of what its shop was told since: that is found at the shop, and is not told twice.

use std::time::Duration;

use tradeup_fakes::shopify::Kind;
use tradeup_harness::{Process, eventually};

use super::{SOON, Wallets};

const MARK: &str = "select coalesce(max(n), 0) from database_marks";

async fn stop(services: (Process, Process)) {
    for service in [services.1, services.0] {
        assert!(service.terminate(Duration::from_secs(25)).await.success());
    }
}

async fn grant(wallets: &Wallets, member: &str, amount: &str, key: &str) {
    let granted = wallets.world.tradeup_json(&[
        "grant", "--tenant", "aurora", "--member", member, "--amount", amount, "--key", key, "--reason",
        "a test",
    ]);
    let run = wallets.world.ended(granted["run_id"].as_str().unwrap()).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
}

/// What is done by hand after the moment: a month, and two credits of the same amount.
async fn work_on(wallets: &Wallets, member: &str) {
    wallets.world.tradeup_ok(&["resume", "--task", "push-store-credit", "--reason", "now"]);
    wallets.month("2026-11").await;
    grant(wallets, member, "5.00", "g-1").await;
    grant(wallets, member, "5.00", "g-2").await;
}

async fn restored(authority: &str, seed: u64) {
    let mut wallets = Wallets::new(40, seed, authority).await;
    let services = wallets.world.start_both().await;
    wallets.month("2026-10").await;
    wallets.all_told().await;
    let (member, _) = wallets.somebody().await;
    // Booked before the moment that is gone back to, told after it.
    wallets.world.tradeup_ok(&["pause", "--task", "push-store-credit", "--reason", "later"]);
    wallets.spend_one(&member);
    stop(services).await;
    let backup = wallets.world.copy_of_database().await;
    let moment = wallets.world.number(MARK).await;

    let services = wallets.world.start_both().await;
    work_on(&wallets, &member).await;
    wallets.all_told().await;
    wallets.agrees().await;
    eventually("NATS remembers more than the backup has", SOON, || async {
        (wallets.world.number(MARK).await > moment + 1).then_some(())
    })
    .await;
    stop(services).await;
    let (credits, debits) = (wallets.bookings(Kind::Credit), wallets.bookings(Kind::Debit));
    assert!(debits > 0, "the use was told");

    let _lost = std::mem::replace(&mut wallets.world.database, backup);
    for (name, url) in [
        ("TRADEUP_DATABASE_URL", wallets.world.database.app_url.clone()),
        ("TRADEUP_OWNER_DATABASE_URL", wallets.world.database.owner_url.clone()),
    ] {
        wallets.world.environment.insert(name.to_owned(), url);
    }
    let accepted = wallets.world.tradeup_json(&["restored", "--reason", "the disk is gone"]);
    assert!(accepted["accepted"]["lost_from"].is_string(), "{accepted:#}");
    let _services = wallets.world.start_both().await;
    work_on(&wallets, &member).await;
    // And one that nobody has been told of.
    grant(&wallets, &member, "5.00", "g-3").await;
    wallets.all_told().await;
    assert_eq!(wallets.bookings(Kind::Credit), credits + 1, "what was told is not told again");
    assert_eq!(wallets.bookings(Kind::Debit), debits, "what was told is not told again");
    wallets.agrees().await;

    // Where NATS has lost its memory, too, nothing is noticed, and somebody has to say it.
    let future = wallets.world.tradeup(&["restored", "--lost-from", "2999-01-01T00:00:00Z", "--reason", "x"]);
    assert!(future.code == 1 && future.stderr.contains("yet to come"), "{}", future.stderr);
    let said = ["restored", "--lost-from", "2026-01-01T00:00:00Z", "--reason", "both are gone"];
    let accepted = wallets.world.tradeup_json(&said);
    assert_eq!(accepted["accepted"]["lost_from"], "2026-01-01T00:00:00Z", "{accepted:#}");
    // What was told or looked for since the first is looked for once more, and told all the same if it is new.
    grant(&wallets, &member, "5.00", "g-4").await;
    wallets.all_told().await;
    wallets.agrees().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_the_shop_is_told_of_nothing_twice_where_credits_end_by_themselves() {
    restored("shopify", 316).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_the_shop_is_told_of_nothing_twice_where_the_ledger_ends_credit() {
    restored("ledger", 317).await;
}
