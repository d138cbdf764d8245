//! Shops of few members: their month is one run, which is its own batch, and whatever is in its way makes it go on in batches.

use std::time::Duration;

use tradeup_harness::{Shop, World, eventually};

use crate::blocked::{Blocked, is_stuck};
use crate::together::{SOON, ended, fill_a_purse, month_of_shops, writing_memberships};

const BATCH_RUNS: &str = "select count(*) from runs where task = 'monthly-credits-batch'";
/// Shops whose run was its own batch.
const OWN: &str = "select count(*) from batches where run_id = parent_run_id";

#[tokio::test]
async fn a_month_of_few_members_is_one_run_that_tells_what_batches_tell() {
    let world = World::with_aurora(300, 141).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    let story = world.ended(&run).await;
    assert_eq!(story["state"], "succeeded", "{story:#}");
    world.assert_exact(&["2026-11"]);
    assert_eq!((world.number(BATCH_RUNS).await, world.number(OWN).await), (0, 1));
    let (credits, minor) = world.due["aurora"];
    let progress = &story["progress"];
    assert_eq!((&progress["batches"], &progress["batches_done"]), (&1.into(), &1.into()), "{story:#}");
    assert_eq!((progress["affected"].as_i64(), progress["failed"].as_i64()), (Some(credits), Some(0)));
    assert_eq!(story["children"].as_array().unwrap().len(), 1);

    let shop = story["children"][0]["run_id"].as_str().unwrap();
    let told = world.tradeup_json(&["run", shop]);
    assert_eq!((&told["state"], &told["attempt"]), (&"succeeded".into(), &1.into()), "{told:#}");
    let result = &told["result"];
    let counted = (&result["children"], &result["affected"], &result["affected_minor"], &result["currency"]);
    assert_eq!(counted, (&0.into(), &credits.into(), &minor.into(), &"USD".into()), "{told:#}");
    let member: String =
        sqlx::query_scalar("select external_id from members m join lots l on l.member_id = m.id limit 1")
            .fetch_one(&world.database.admin)
            .await
            .unwrap();
    let why = world.tradeup_ok(&["explain", "aurora", "--member", &member, "--period", "2026-11"]);
    assert!(why.contains(shop), "{why}");

    // The same month again moves nothing, and it can be taken back as any other.
    let again = world.trigger("2026-11");
    assert_eq!(again, run);
    world.assert_exact(&["2026-11"]);
    ended(&world).await;
    let total = format!("{}.{:02}", minor / 100, minor % 100);
    world.tradeup_ok(&["reverse", shop, "--confirm", &total, "--reason", "a wrong month", "--follow"]);
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 0);
    ended(&world).await;
}

#[tokio::test]
async fn more_members_than_that_are_cut_into_batches_and_so_are_all_if_it_is_said() {
    let mut world = World::new().await;
    for n in 0..2 {
        world.add_shop(&Shop::new(&format!("shop-{n}"), 120 + n, 142 + n));
    }
    let planned = world.number("select min(n) from (select count(*) as n from memberships where status = 'active' group by tenant_id) as s").await;
    world.environment.insert("TRADEUP_ONE_RUN_MEMBERS".to_owned(), planned.to_string());
    let services = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    assert_eq!(world.number(OWN).await, 1, "the smaller one");
    assert!(world.number(BATCH_RUNS).await > 0);
    drop(services);

    world.environment.insert("TRADEUP_ONE_RUN_MEMBERS".to_owned(), "0".to_owned());
    let _services = world.start_both().await;
    let run = world.trigger("2026-10");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    assert_eq!(world.number(OWN).await, 1, "of the month before");
    world.assert_exact(&["2026-10", "2026-11"]);
}

#[tokio::test]
async fn what_is_said_of_batches_holds_for_those_who_would_not_be_cut() {
    let mut world = World::new().await;
    for n in 0..3 {
        world.add_shop(&Shop::new(&format!("shop-{n}"), 60, 145 + n));
    }
    let _services = world.start_both().await;
    world.tradeup_ok(&["limit", "--task", "monthly-credits-batch", "--running-max", "1"]);
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    assert_eq!((world.number(BATCH_RUNS).await, world.number(OWN).await), (3, 0), "a limit");
    world.tradeup_ok(&["limit", "--task", "monthly-credits-batch", "--remove"]);

    world.tradeup_ok(&["pause", "--task", "monthly-credits-batch", "--reason", "wait"]);
    let run = world.trigger("2026-10");
    eventually("they wait", SOON, || async { (world.number(BATCH_RUNS).await == 6).then_some(()) }).await;
    assert_eq!(world.number("select count(*) from lots where source_key = '2026-10'").await, 0);
    world.tradeup_ok(&["resume", "--task", "monthly-credits-batch", "--reason", "go"]);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-10", "2026-11"]);
}

#[tokio::test]
async fn shops_share_transactions_and_no_more_members_than_there_is_room_for() {
    let mut world = World::new().await;
    for n in 0..8 {
        world.add_shop(&Shop::new(&format!("shop-{n}"), 390, 150 + n));
    }
    world.environment.insert("TRADEUP_CONCURRENCY".to_owned(), "1".to_owned());
    let run = month_of_shops(&world, 8).await;
    let _services = world.start_both().await;
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    let own = world.number(OWN).await;
    assert!(own >= 2, "{own} of 8 shops of 390 members");
    let most = "select max(members)::bigint from (
        select sum(members) as members from batches where run_id = parent_run_id group by xmin::text) as of_one";
    assert!(world.number(most).await <= 1_600, "members of all in one transaction");
    ended(&world).await;
}

#[tokio::test]
async fn a_worker_that_dies_at_it_leaves_nothing_and_it_is_done_once() {
    let mut world = World::new().await;
    for n in 0..3 {
        world.add_shop(&Shop::new(&format!("shop-{n}"), 200, 160 + n));
    }
    let run = month_of_shops(&world, 3).await;
    let blocked = Blocked::table(&world, "accounts").await;
    let (_scheduler, credits) = world.start_both().await;
    blocked.catches(&world, "credits").await;
    credits.kill();
    blocked.release().await;
    assert_eq!(world.number("select count(*) from lots").await, 0, "nothing of it was committed");
    let _credits = world.start("credits").await;
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    ended(&world).await;
}

#[tokio::test]
async fn a_shop_that_is_cancelled_while_it_is_done_gets_nothing_and_the_others_theirs() {
    let mut world = World::new().await;
    for n in 0..4 {
        world.add_shop(&Shop::new(&format!("shop-{n}"), 80, 170 + n));
    }
    world.environment.insert("TRADEUP_CONCURRENCY".to_owned(), "1".to_owned());
    // What they share may take half of it.
    world.environment.insert("TRADEUP_LEASE_SECONDS".to_owned(), "60".to_owned());
    let run = month_of_shops(&world, 4).await;
    let blocked = Blocked::table(&world, "accounts").await;
    let _services = world.start_both().await;
    blocked.catches(&world, "credits").await;
    let shops = world.tradeup_json(&["run", &run])["children"].clone();
    let shop = shops.as_array().unwrap().iter().find(|child| child["tenant"] == "shop-1").unwrap();
    assert_eq!(world.tradeup(&["cancel", shop["run_id"].as_str().unwrap()]).code, 0);
    blocked.release().await;
    world.ended(&run).await;
    let of_cancelled =
        "select count(*) from lots l join tenants t on t.id = l.tenant_id where t.handle = 'shop-1'";
    assert_eq!(world.number(of_cancelled).await, 0);
    assert_eq!(world.number("select count(distinct tenant_id) from lots").await, 3);
    assert_eq!(world.number("select max(attempt)::bigint from runs").await, 1, "it cost nobody an attempt");
    ended(&world).await;

    // Taken up again it is done like the others.
    world.tradeup_ok(&["retry", shop["run_id"].as_str().unwrap()]);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    assert!(world.number(OWN).await >= 3);
}

#[tokio::test]
async fn a_month_in_shadow_is_reckoned_in_batches() {
    let mut world = World::new().await;
    world.add_shop(&Shop::new("aurora", 120, 180));
    world.tradeup_ok(&["shadow", "begin", "--tenant", "aurora", "--reason", "a rehearsal", "--by", "ann"]);
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    assert_eq!((world.number(OWN).await, world.number("select count(*) from lots").await), (0, 0));
    let reckoned = world.number("select count(*) from shadow_effects").await;
    assert_eq!(reckoned, world.due["aurora"].0);
    eventually("all is proved", Duration::from_secs(30), || async {
        (world.tradeup(&["verify"]).code == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_member_whose_data_is_refused_costs_its_shop_and_the_others_nothing() {
    let mut world = World::new().await;
    for n in 0..4 {
        world.add_shop(&Shop::new(&format!("shop-{n}"), 90, 190 + n));
    }
    fill_a_purse(&world).await;
    world.environment.insert("TRADEUP_CONCURRENCY".to_owned(), "1".to_owned());
    let run = month_of_shops(&world, 4).await;
    let _services = world.start_both().await;
    let story = world.ended(&run).await;
    assert_eq!(
        (&story["state"], &story["progress"]["failed"]),
        (&"succeeded".into(), &1.into()),
        "{story:#}"
    );
    let due: i64 = world.due.values().map(|(members, _)| members).sum();
    assert_eq!(story["progress"]["affected"], due - 1);
    assert_eq!((world.number(OWN).await, world.number(BATCH_RUNS).await), (3, 1), "it alone was cut");
    assert_eq!(world.number("select max(attempt)::bigint from runs").await, 1, "it cost nobody an attempt");
    assert_eq!(world.number("select count(*) from dead_letters").await, 0);
}

#[tokio::test]
async fn its_message_many_times_before_and_after_is_one_month() {
    let mut world = World::new().await;
    for n in 0..3 {
        world.add_shop(&Shop::new(&format!("shop-{n}"), 70, 200 + n));
    }
    let run = month_of_shops(&world, 3).await;
    let jobs = world.jobs().await;
    let messages = jobs.all().await;
    for (subject, body) in messages.iter().chain(messages.iter().rev()) {
        jobs.publish(subject, body.clone()).await;
    }
    let _services = (world.start_both().await, world.start("credits").await);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    for (subject, body) in &messages {
        jobs.publish(subject, body.clone()).await;
    }
    eventually("late ones are acknowledged", SOON, || async {
        (jobs.count("JOBS").await == 0).then_some(())
    })
    .await;
    world.assert_exact(&["2026-11"]);
    assert_eq!(world.number("select count(*) from attempts where attempt > 1").await, 0);
    ended(&world).await;
}

/// Whoever brings members into a small shop has it planned by itself when they are there, and no other waits.
#[tokio::test]
async fn nobody_waits_for_those_who_write_memberships_of_a_small_shop() {
    let mut world = World::new().await;
    for n in 0..4 {
        world.add_shop(&Shop::new(&format!("shop-{n}"), 50, 210 + n));
    }
    world.environment.insert("TRADEUP_CONCURRENCY".to_owned(), "1".to_owned());
    let run = month_of_shops(&world, 4).await;
    let import = writing_memberships(&world, "shop-1").await;
    let _services = world.start_both().await;
    eventually("the others have their month", SOON, || async {
        (world.number(OWN).await == 3).then_some(())
    })
    .await;
    import.rollback().await.unwrap();
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    assert_eq!(world.number("select max(attempt)::bigint from runs").await, 1, "it cost nobody an attempt");
}

/// Orders and merges take accounts first and write memberships then: a month that has accounts is not in their way.
#[tokio::test]
async fn a_month_and_whoever_raises_a_member_meanwhile_are_in_no_ring() {
    let mut world = World::new().await;
    world.add_shop(&Shop::new("aurora", 80, 220));
    world.environment.insert("TRADEUP_LEASE_SECONDS".to_owned(), "60".to_owned());
    let services = world.start_both().await;
    let run = world.trigger("2026-10");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    drop(services);

    let run = month_of_shops(&world, 1).await;
    let mut order = world.database.admin.begin().await.unwrap();
    sqlx::query("select from accounts order by member_id limit 1 for update")
        .execute(&mut *order)
        .await
        .unwrap();
    let _services = world.start_both().await;
    is_stuck(&world, "credits").await;
    // At once, or it is a ring, which PostgreSQL breaks after a second.
    sqlx::query("set local lock_timeout = '200ms'").execute(&mut *order).await.unwrap();
    sqlx::query("select pg_advisory_xact_lock_shared(hashtextextended('memberships', id)) from tenants")
        .execute(&mut *order)
        .await
        .unwrap();
    order.commit().await.unwrap();
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-10", "2026-11"]);
    assert_eq!(world.number(OWN).await, 2);
}

#[tokio::test]
async fn a_member_who_owes_pays_with_what_the_shops_run_gives() {
    let world = World::with_aurora(60, 230).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-10");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let (_, minor) = world.due["aurora"];
    let member = "select external_id from members m join lots l on l.member_id = m.id order by l.granted_minor desc, l.id limit 1";
    let member: String = sqlx::query_scalar(member).fetch_one(&world.database.admin).await.unwrap();
    let spend = ["--member", &member, "--amount", "1.00", "--reference", "1001"];
    world.tradeup_ok(&[&["spend", "--tenant", "aurora"][..], &spend].concat());
    let left = format!("{}.{:02}", (minor - 100) / 100, (minor - 100) % 100);
    let reverse =
        ["reverse", &run, "--confirm", &left, "--reason", "a wrong month", "--owe-used", "--follow"];
    world.tradeup_ok(&reverse);
    let owed = "select sum(debt_minor)::bigint from accounts";
    assert_eq!(world.number(owed).await, 100);

    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    assert_eq!(world.number(OWN).await, 2);
    assert_eq!(world.number(owed).await, 0);
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, minor - 100);
    ended(&world).await;
}
