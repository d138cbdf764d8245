//! Runs that share a transaction: each is still a run of its own, and what hits one of them costs the others nothing.

use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Postgres, Transaction};
use tradeup_harness::{BATCHES, Jobs, Shop, World, eventually};

use crate::blocked::{Blocked, is_stuck};

pub(crate) const SOON: Duration = Duration::from_secs(60);
const SUBJECT: &str = "events.aurora.till.credit=2Erequested";

/// So many wishes for a credit of one dollar, all of them runs before anybody works on them.
pub(crate) async fn wished(world: &World, wishes: usize, of: impl Fn(usize, &mut Value)) -> Jobs {
    wished_later(world, 0..wishes, of).await
}

/// As [`wished`], those of these numbers, when the others are runs already.
pub(crate) async fn wished_later(
    world: &World,
    wishes: Range<usize>,
    of: impl Fn(usize, &mut Value),
) -> Jobs {
    let members: Vec<String> = sqlx::query_scalar("select external_id from members order by id")
        .fetch_all(&world.database.admin)
        .await
        .unwrap();
    let jobs = world.jobs().await;
    let webhooks = world.start("webhooks").await;
    for n in wishes.clone() {
        let mut wish = json!({ "member_external_id": members[n % members.len()], "reason": "Thanks",
            "amount": { "amount_minor": 100, "currency": "USD" } });
        of(n, &mut wish);
        jobs.publish_event(SUBJECT, &[("ce-id", &n.to_string())], wish.to_string().as_bytes()).await;
    }
    let wishes = i64::try_from(wishes.end).unwrap();
    eventually("all are runs", SOON, || async {
        (world.number("select count(*) from runs").await == wishes).then_some(())
    })
    .await;
    assert!(webhooks.terminate(Duration::from_secs(25)).await.success());
    jobs
}

pub(crate) async fn ended(world: &World) {
    eventually("every run has ended", SOON, || async {
        (world.number("select count(*) from runs where finished_at is null").await == 0).then_some(())
    })
    .await;
    let proof = world.tradeup(&["verify"]);
    assert_eq!(proof.code, 0, "{}{}", proof.stdout, proof.stderr);
}

#[tokio::test]
async fn many_share_a_commit_and_who_is_refused_fails_alone() {
    let world = World::with_aurora(50, 131).await;
    let _scheduler = world.start("scheduler").await;
    let _jobs = wished(&world, 240, |n, wish| match n {
        17 => wish["member_external_id"] = "nobody".into(),
        60 => wish["amount"]["currency"] = "EUR".into(),
        _ => {}
    })
    .await;
    let _credits = world.start("credits").await;
    ended(&world).await;
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 23_800);
    let refused: Vec<(String, String)> =
        sqlx::query_as("select key, error_code from runs where state = 'dead' order by key")
            .fetch_all(&world.database.admin)
            .await
            .unwrap();
    let refused: Vec<(&str, &str)> =
        refused.iter().map(|(key, code)| (key.as_str(), code.as_str())).collect();
    assert_eq!(refused, [("event:till:17", "TU0305"), ("event:till:60", "TU0306")]);
    assert_eq!(world.number("select count(*) from dead_letters").await, 2);
    assert_eq!(world.number("select count(*) from attempts_made").await, 240, "one for each");
    assert_eq!(world.number("select count(*) from runs where result ->> 'outcome' = 'granted'").await, 238);
    let commits = world.number("select count(distinct xmin::text) from lots").await;
    assert!(commits < 60, "{commits} transactions for 238 credits");
}

#[tokio::test]
async fn killed_in_the_middle_of_a_group() {
    let world = World::with_aurora(50, 132).await;
    let _scheduler = world.start("scheduler").await;
    let _jobs = wished(&world, 120, |_, _| {}).await;
    let blocked = Blocked::table(&world, "accounts").await;
    let credits = world.start("credits").await;
    blocked.catches(&world, "credits").await;
    assert_eq!(
        world.number("select count(*) from attempts_made").await,
        0,
        "nothing is written before it is done"
    );
    credits.kill();
    // One of them may be what kills: the next to be killed is on record.
    let credits = world.start("credits").await;
    eventually("some are claimed, each by itself", SOON, || async {
        (world.number("select count(*) from attempts").await > 0).then_some(())
    })
    .await;
    credits.kill();
    blocked.release().await;
    let _credits = world.start("credits").await;
    ended(&world).await;
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 12_000);
    assert_eq!(world.number("select count(*) from ledger_entries").await, 120);
    let lost = world.number("select count(*) from attempts where outcome = 'lost'").await;
    // A place each, of either lane: whoever waited for a turn behind one of them has lost nothing.
    assert!(0 < lost && lost <= 10, "{lost} of 120 were at work");
    assert_eq!(world.number("select count(*) from attempts_made where outcome = 'succeeded'").await, 120);
}

#[tokio::test]
async fn one_that_is_cancelled_meanwhile_costs_the_others_nothing() {
    let world = World::with_aurora(50, 133).await;
    let _scheduler = world.start("scheduler").await;
    let _jobs = wished(&world, 30, |_, _| {}).await;
    let blocked = Blocked::table(&world, "accounts").await;
    let _credits = world.start("credits").await;
    blocked.catches(&world, "credits").await;
    let run: String =
        sqlx::query_scalar("select id::text from runs where state = 'queued' order by id limit 1")
            .fetch_one(&world.database.admin)
            .await
            .unwrap();
    let cancelled = world.tradeup(&["cancel", &run]);
    assert_eq!(cancelled.code, 0, "{}", cancelled.stderr);
    blocked.release().await;
    ended(&world).await;
    assert_eq!(world.tradeup_json(&["run", &run])["state"], "cancelled");
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 2_900);
    assert_eq!(world.number("select count(*) from runs where state = 'succeeded'").await, 29);
    assert_eq!(world.number("select max(attempt)::bigint from runs").await, 1, "it cost nobody an attempt");
}

#[tokio::test]
async fn one_that_hangs_holds_up_nobody_who_comes_after_it() {
    let world = World::with_aurora(50, 136).await;
    let (_scheduler, _credits) = world.start_both().await;
    let _jobs = wished(&world, 5, |_, _| {}).await;
    ended(&world).await;
    let members: Vec<String> = sqlx::query_scalar(
        "select m.external_id from accounts a join members m on m.id = a.member_id order by m.id",
    )
    .fetch_all(&world.database.admin)
    .await
    .unwrap();
    let (hangs, others) = members.split_first().unwrap();
    let mut holder = world.database.admin.begin().await.unwrap();
    sqlx::query(
        "select from accounts a join members m on m.id = a.member_id where m.external_id = $1 for update of a",
    )
    .bind(hangs)
    .execute(&mut *holder)
    .await
    .unwrap();
    let grant = |member: &str, key: &str| {
        let who = ["--tenant", "aurora", "--member", member, "--amount", "2.00"];
        world.tradeup_ok(&[["grant"].as_slice(), &who, &["--reason", "Thanks", "--key", key]].concat());
    };
    grant(hangs, "hangs");
    is_stuck(&world, "credits").await;
    for (n, member) in others.iter().enumerate() {
        grant(member, &format!("other-{n}"));
    }
    eventually("all others have theirs", SOON, || async {
        (world.number("select sum(balance_minor)::bigint from accounts").await == 500 + 800).then_some(())
    })
    .await;
    assert_eq!(
        world.number("select count(*) from runs where finished_at is null").await,
        1,
        "it hangs still"
    );
    holder.rollback().await.unwrap();
    ended(&world).await;
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 1_500);
}

#[tokio::test]
async fn batches_of_a_shop_share_transactions() {
    let world = World::with_aurora(2_000, 134).await;
    let jobs = world.jobs().await;
    jobs.hold(BATCHES).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    let released = "select count(*) from runs where task = 'monthly-credits-batch'";
    let batches = eventually("all batches are at hand", SOON, || async {
        let planned = world.number("select count(*) from batches").await;
        (planned > 0 && world.number(released).await == planned).then_some(planned)
    })
    .await;
    jobs.let_go(BATCHES).await;
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    let commits = world.number("select count(distinct xmin::text) from lots").await;
    assert!(commits < batches, "{commits} transactions for {batches} batches");
    let own = "select count(distinct (run_id, attempt)) from attempts_made where outcome = 'succeeded'";
    assert_eq!(world.number(own).await, batches, "each is a run with an attempt of its own");
}

/// Shops of 150 members, two batches each, and a month of which all batches are at hand before anybody works on them.
async fn shops_at_hand(shops: usize, seed: u64, prepared: impl AsyncFn(&World)) -> (World, String) {
    let mut world = World::new().await;
    for n in 0..shops {
        world.add_shop(&Shop::new(&format!("shop-{n}"), 150, seed + n as u64));
    }
    // One place: whoever comes shares it.
    world.environment.insert("TRADEUP_CONCURRENCY".to_owned(), "1".to_owned());
    world.environment.insert("TRADEUP_ONE_RUN_MEMBERS".to_owned(), "0".to_owned());
    prepared(&world).await;
    let jobs = world.jobs().await;
    jobs.hold(BATCHES).await;
    let run = month_of_shops(&world, shops).await;
    let (scheduler, credits) = world.start_both().await;
    eventually("all batches are at hand", SOON, || async {
        let waiting = "select count(*) from runs where task = 'monthly-credits-tenant' and state <> 'waiting' and finished_at is null";
        let planned = "select count(*) from batches";
        (world.number(planned).await > 0 && world.number(waiting).await == 0).then_some(())
    })
    .await;
    assert!(credits.terminate(Duration::from_secs(25)).await.success());
    assert!(scheduler.terminate(Duration::from_secs(25)).await.success());
    jobs.let_go(BATCHES).await;
    (world, run)
}

/// A month of which all shops are at hand before anybody works on them.
pub(crate) async fn month_of_shops(world: &World, shops: usize) -> String {
    let run = world.trigger("2026-11");
    let scheduler = world.start("scheduler").await;
    let jobs = world.jobs().await;
    let shops = u64::try_from(shops).unwrap();
    eventually("all shops are at hand", SOON, || async { (jobs.count("JOBS").await == shops).then_some(()) })
        .await;
    assert!(scheduler.terminate(Duration::from_secs(25)).await.success());
    run
}

/// A purse of shop-2 that is all but full: one more credit would pass the largest balance there may be.
pub(crate) async fn fill_a_purse(world: &World) {
    sqlx::query(
        "insert into accounts (tenant_id, member_id, currency, balance_minor)
         select ms.tenant_id, ms.member_id, 'USD', 1000000000000 from memberships ms
         join tenants t on t.id = ms.tenant_id and t.handle = 'shop-2'
         join tiers on tiers.tenant_id = t.id and tiers.id = ms.tier_id and tiers.handle = 'gold'
         order by ms.member_id limit 1",
    )
    .execute(&world.database.admin)
    .await
    .unwrap();
}

/// As somebody who is writing memberships of a shop until the end of this transaction.
pub(crate) async fn writing_memberships(world: &World, shop: &str) -> Transaction<'static, Postgres> {
    let mut writing = world.database.admin.begin().await.unwrap();
    sqlx::query(
        "select pg_advisory_xact_lock_shared(hashtextextended('memberships', id)) from tenants where handle = $1",
    )
    .bind(shop)
    .execute(&mut *writing)
    .await
    .unwrap();
    writing
}

/// How many transactions have credited members of more than one shop.
async fn shared(world: &World) -> i64 {
    let shared = "select count(*) from (
        select xmin::text from lots group by 1 having count(distinct tenant_id) > 1) as shared";
    world.number(shared).await
}

#[tokio::test]
async fn shops_share_transactions_of_plans_and_of_credits() {
    let (world, run) = shops_at_hand(12, 1_350, async |_| {}).await;
    let plans = world.number("select count(distinct xmin::text) from batch_plans").await;
    assert!(plans < 12, "{plans} transactions for the plans of 12 shops");
    let _services = world.start_both().await;
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    assert!(shared(&world).await > 0);
    let attempts = "select count(*) from attempts_made a join runs r on r.id = a.run_id where a.outcome in ('waiting', 'succeeded')
        and a.attempt = 1 and r.attempt = 1";
    assert_eq!(world.number(attempts).await, 1 + 12 + 24, "each is a run with an attempt of its own");
    ended(&world).await;
}

#[tokio::test]
async fn a_shop_whose_data_is_refused_costs_the_others_of_its_transaction_nothing() {
    let (world, run) = shops_at_hand(6, 1_360, async |world| {
        fill_a_purse(world).await;
    })
    .await;
    let _services = world.start_both().await;
    let story = world.ended(&run).await;
    assert_eq!((&story["state"], &story["progress"]["failed"]), (&"succeeded".into(), &1.into()));
    let due: i64 = world.due.values().map(|(members, _)| members).sum();
    assert_eq!(story["progress"]["affected"], due - 1);
    assert!(shared(&world).await > 0, "the others still share");
    assert_eq!(world.number("select max(attempt)::bigint from runs").await, 1, "it cost nobody an attempt");
    assert_eq!(world.number("select count(*) from dead_letters").await, 0);
}

#[tokio::test]
async fn a_shop_that_is_cancelled_meanwhile_costs_the_others_of_its_transaction_nothing() {
    let (world, run) = shops_at_hand(4, 1_370, async |_| {}).await;
    let blocked = Blocked::table(&world, "accounts").await;
    let _services = world.start_both().await;
    blocked.catches(&world, "credits").await;
    let shops = world.tradeup_json(&["run", &run])["children"].clone();
    let shop = shops.as_array().unwrap().iter().find(|child| child["tenant"] == "shop-1").unwrap();
    let cancelled = world.tradeup(&["cancel", shop["run_id"].as_str().unwrap()]);
    assert_eq!(cancelled.code, 0, "{}", cancelled.stderr);
    blocked.release().await;
    world.ended(&run).await;
    let credited = "select count(distinct l.tenant_id) from lots l";
    assert_eq!(world.number(credited).await, 3);
    let of_cancelled =
        "select count(*) from lots l join tenants t on t.id = l.tenant_id where t.handle = 'shop-1'";
    assert_eq!(world.number(of_cancelled).await, 0);
    assert_eq!(world.number("select max(attempt)::bigint from runs").await, 1, "it cost nobody an attempt");
    ended(&world).await;
}

#[tokio::test]
async fn a_shop_that_cannot_be_planned_and_a_large_one_are_planned_by_themselves() {
    let mut world = World::new().await;
    for n in 0..4 {
        world.add_shop(&Shop::new(&format!("shop-{n}"), 50, 1_380 + n));
    }
    world.add_shop(&Shop::new("large", 10_001, 1_390));
    let broken = Shop {
        tiers: ["gold=10.00:vip-gold", "silver=:vip-silver", "bronze=1.25:vip"],
        ..Shop::new("broken", 50, 1_391)
    };
    world.add_shop(&broken);
    world.due.remove("broken");
    world.environment.insert("TRADEUP_CONCURRENCY".to_owned(), "1".to_owned());
    let run = month_of_shops(&world, 6).await;
    let _services = world.start_both().await;
    let story = world.ended(&run).await;
    assert_eq!(story["error"], "1 of 6 child runs did not succeed");
    world.assert_exact(&["2026-11"]);
    let plans = "select count(distinct p.xmin::text) from batch_plans p join tenants t on t.id = p.tenant_id where t.handle like 'shop-%'";
    assert_eq!(world.number(plans).await, 1, "the small ones share");
    let large = "select count(*) from batch_plans p join batch_plans o on o.xmin::text = p.xmin::text
        join tenants t on t.id = p.tenant_id where t.handle = 'large'";
    assert_eq!(world.number(large).await, 1, "nobody waits for the large one");
    assert_eq!(world.number("select count(*) from attempts where outcome = 'dead'").await, 1);
    assert_eq!(world.number("select max(attempt)::bigint from runs").await, 1, "it cost nobody an attempt");
}

/// Whoever brings members into a large shop keeps it from being planned, and no other.
#[tokio::test]
async fn nobody_waits_for_those_who_write_memberships_of_a_large_shop() {
    let mut world = World::new().await;
    for n in 0..4 {
        world.add_shop(&Shop::new(&format!("shop-{n}"), 50, 1_400 + n));
    }
    world.add_shop(&Shop::new("large", 10_001, 1_410));
    world.environment.insert("TRADEUP_CONCURRENCY".to_owned(), "1".to_owned());
    let run = month_of_shops(&world, 5).await;
    let import = writing_memberships(&world, "large").await;
    let _services = world.start_both().await;
    eventually("the small shops have their month", SOON, || async {
        (world.number("select count(distinct tenant_id) from lots").await == 4).then_some(())
    })
    .await;
    let plans = "select count(distinct xmin::text) from batch_plans";
    assert_eq!(
        world.number(plans).await,
        1,
        "they share a transaction, which did not wait until it was given up"
    );
    import.rollback().await.unwrap();
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
}
