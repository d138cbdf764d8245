//! Whatever is lost between us and the shop, no credit is paid twice and none is left out.

use tradeup_fakes::shopify::{Fault, Kind, Scheduled};
use tradeup_harness::eventually;

use super::{SHOP, SOON, Wallets};

fn credits(fault: Fault, after: u64, times: u64) -> Scheduled {
    Scheduled { fault, after, times, only: Some("storeCreditAccountCredit".to_owned()) }
}

/// Faults of the wire after which nobody knows, executed or not.
fn faults() -> Vec<Scheduled> {
    vec![
        credits(Fault::DropAfter, 2, 2),
        credits(Fault::DropBefore, 8, 2),
        credits(Fault::Status { code: 502, retry_after: None, applied: true }, 14, 1),
        credits(Fault::Status { code: 520, retry_after: None, applied: false }, 18, 1),
        credits(Fault::TruncatedJson, 22, 1),
        credits(Fault::InternalError { applied: true }, 26, 1),
        credits(Fault::HtmlBody { applied: false }, 30, 1),
        credits(Fault::Throttle, 34, 2),
        Scheduled {
            fault: Fault::DropBefore,
            after: 1,
            times: 1,
            only: Some("storeCreditAccount".to_owned()),
        },
    ]
}

async fn lost_answers(authority: &str, seed: u64) {
    let wallets = Wallets::new(60, seed, authority).await;
    for fault in faults() {
        assert!(wallets.fake.fault(SHOP, fault));
    }
    let _services = wallets.world.start_both().await;
    wallets.month("2026-11").await;
    wallets.all_told().await;
    let lots = wallets.world.number("select count(*) from lots").await;
    assert_eq!(wallets.bookings(Kind::Credit), usize::try_from(lots).unwrap(), "each once");
    let looked = wallets.world.number("select count(*) from pushes where looked_at is not null").await;
    let again = wallets.world.number("select count(*) from pushes where sends > 1").await;
    assert!(looked > 0 && again > 0, "{looked} looked up, {again} told again");
    wallets.agrees().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_are_looked_up_by_the_credits_own_end() {
    lost_answers("shopify", 311).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_are_looked_up_where_credits_have_no_end() {
    lost_answers("ledger", 312).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credits_killed_while_the_shop_is_told() {
    let mut wallets = Wallets::new(40, 313, "shopify").await;
    let folder = wallets.world.dir.path().join("faultpoints");
    std::fs::create_dir(&folder).unwrap();
    wallets.world.environment.insert("TRADEUP_FAULTPOINTS".to_owned(), folder.to_str().unwrap().to_owned());
    let _scheduler = wallets.world.start("scheduler").await;
    let mut credits = wallets.world.start("credits").await;
    wallets.month("2026-10").await;
    wallets.all_told().await;
    for (round, point) in ["push.marked", "push.told", "push.marked", "push.told"].into_iter().enumerate() {
        std::fs::write(folder.join(point), "").unwrap();
        wallets.world.tradeup_ok(&[
            "trigger",
            "monthly-credits",
            "--period",
            &format!("2026-0{}", 6 + round),
        ]);
        let taken = folder.join(format!("{point}.{}", credits.id()));
        eventually("it is in the middle", SOON, || async { taken.exists().then_some(()) }).await;
        credits.kill();
        std::fs::remove_file(taken).unwrap();
        credits = wallets.world.start("credits").await;
        wallets.all_told().await;
    }
    let lots = wallets.world.number("select count(*) from lots").await;
    assert_eq!(wallets.bookings(Kind::Credit), usize::try_from(lots).unwrap(), "each once");
    let lost = "select count(*) from pushes where looks > 0 or looked_at is not null";
    assert!(wallets.world.number(lost).await > 0);
    wallets.agrees().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_that_is_down_is_left_alone_and_told_when_it_is_back() {
    let wallets = Wallets::new(20, 314, "shopify").await;
    let _services = wallets.world.start_both().await;
    wallets.shop(|shop| shop.frozen = true);
    wallets.month("2026-11").await;
    eventually("it was tried", SOON, || async {
        let failed = "select count(*) from attempts a join runs r on r.id = a.run_id
            where r.task = 'push-store-credit' and a.error_code = 'TU0404'";
        (wallets.world.number(failed).await > 0).then_some(())
    })
    .await;
    assert_eq!(wallets.bookings(Kind::Credit), 0);
    wallets.shop(|shop| shop.frozen = false);
    let run: String = sqlx::query_scalar(
        "select id::text from runs where task = 'push-store-credit' and finished_at is null",
    )
    .fetch_one(&wallets.world.database.admin)
    .await
    .unwrap();
    // It would come back by itself, in an hour; a person need not wait.
    wallets.world.tradeup_ok(&["retry", &run, "--reason", "the shop has paid"]);
    wallets.all_told().await;
    wallets.agrees().await;
}
