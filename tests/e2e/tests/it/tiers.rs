//! An order brings a higher tier at once and the next month its credit; the yearly date takes it away, after
//! notice, by the daily review; and people see why.

use std::time::Duration;

use serde_json::{Value, json};
use tradeup_harness::{Jobs, Process, World, eventually};

const SOON: Duration = Duration::from_secs(60);

async fn publish(jobs: &Jobs, topic: &str, id: &str, body: &Value) {
    let subject = format!("events.aurora.shop.{}", topic.replace('.', "=2E"));
    jobs.publish_event(&subject, &[("ce-id", id)], body.to_string().as_bytes()).await;
}

async fn settled(world: &World, jobs: &Jobs) {
    eventually("all is settled", SOON, || async {
        let left = jobs.events_left().await;
        let unfinished = world.number("select count(*) from runs where finished_at is null").await;
        (left == 0 && unfinished == 0).then_some(())
    })
    .await;
}

async fn sql(world: &World, statement: &'static str) {
    sqlx::raw_sql(statement).execute(&world.database.admin).await.unwrap();
}

/// A shop whose tiers are reached by 1000.00, 500.00 and nothing, and one of its bronze members.
async fn shop(seed: u64) -> (World, Vec<Process>, Jobs, String) {
    let world = World::with_aurora(60, seed).await;
    let (scheduler, credits) = world.start_both().await;
    let services = vec![scheduler, credits, world.start("webhooks").await];
    let jobs = world.jobs().await;
    for (tier, threshold) in [("gold", "1000.00"), ("silver", "500.00"), ("bronze", "0")] {
        world.tradeup_ok(&["tenant", "tier", "aurora", tier, "--threshold", threshold]);
    }
    world.tradeup_ok(&["tenant", "set", "aurora", "--tier-window", "lifetime"]);
    // In force for long, so that a review of this morning knows them.
    sql(&world, "update tier_thresholds set valid_from = '2026-01-01'").await;
    let member: String = sqlx::query_scalar(
        "select m.external_id from members m join memberships s on s.member_id = m.id
         join tiers on tiers.id = s.tier_id where tiers.handle = 'bronze' order by m.id limit 1",
    )
    .fetch_one(&world.database.admin)
    .await
    .unwrap();
    (world, services, jobs, member)
}

fn paid(member: &str, id: &str, minor: i64) -> Value {
    json!({ "order_external_id": id, "member_external_id": member, "currency": "USD",
        "lines": [{ "price_minor": minor, "quantity": 1 }], "paid_at": "2026-10-15T00:00:00Z",
        "updated_at": "2026-10-15T00:00:00Z" })
}

/// What the member was granted for a month, in minor units.
async fn granted(world: &World, member: &str, period: &str) -> i64 {
    sqlx::query_scalar(
        "select coalesce(sum(granted_minor), 0)::bigint from lots l join members m on m.id = l.member_id
         where m.external_id = $1 and l.reason = 'monthly' and l.source_key = $2",
    )
    .bind(member)
    .bind(period)
    .fetch_one(&world.database.admin)
    .await
    .unwrap()
}

#[tokio::test]
async fn an_order_brings_the_tier_at_once_and_its_credit_the_next_month() {
    let (world, _services, jobs, member) = shop(241).await;
    let october = world.trigger("2026-10");
    assert_eq!(world.ended(&october).await["state"], "succeeded");
    assert_eq!(granted(&world, &member, "2026-10").await, 125);

    // Two orders that reach gold together, published at once, and one of them twice.
    publish(&jobs, "order.paid", "e1", &paid(&member, "1001", 60_000)).await;
    publish(&jobs, "order.paid", "e2", &paid(&member, "1002", 40_000)).await;
    publish(&jobs, "order.paid", "e2-again", &paid(&member, "1002", 40_000)).await;
    settled(&world, &jobs).await;
    let shown = world.tradeup_json(&["member", "aurora", "--member", &member]);
    let times = shown["history"].as_array().unwrap();
    let last = times.last().unwrap();
    assert_eq!((&last["tier"], &last["source"]), (&"gold".into(), &"spend".into()), "{shown:#}");
    assert!(
        last["reason"].as_str().unwrap().starts_with("reached: 1000.00 USD of 1000.00 USD spent"),
        "{last}"
    );
    assert_eq!(shown["outlook"]["spend_minor"], 100_000);
    assert_eq!(shown["outlook"]["missing_minor"], Value::Null, "nothing is above gold");

    // Paid once: the month that is paid stays as it was (M4), also when it is filled in once more.
    world.tradeup_ok(&["backfill", "aurora", "--period", "2026-10", "--reason", "again"]);
    settled(&world, &jobs).await;
    assert_eq!(granted(&world, &member, "2026-10").await, 125);

    // All that in October: then November is gold's.
    sql(
        &world,
        "alter table tier_decisions disable trigger all;
         update tier_decisions set decided_at = decided_at - now() + timestamptz '2026-10-20';
         alter table tier_decisions enable trigger all;
         update memberships set valid_to = valid_to - now() + timestamptz '2026-10-20',
             valid_from = case when source = 'spend' then valid_from - now() + timestamptz '2026-10-20'
                 else valid_from end
         where valid_to is not null or source = 'spend'",
    )
    .await;
    let november = world.trigger("2026-11");
    assert_eq!(world.ended(&november).await["state"], "succeeded");
    assert_eq!(granted(&world, &member, "2026-11").await, 1000);

    // A refund does not take the tier back by itself; where the shop has chosen so, it does.
    let refund = |id: &str, minor: i64| {
        json!({ "order_external_id": "1001", "refund_external_id": id,
        "lines": [{ "price_minor": minor, "quantity": 1 }] })
    };
    publish(&jobs, "order.refunded", "r1", &refund("r1", 100)).await;
    settled(&world, &jobs).await;
    let tier = |world: &World| {
        let shown = world.tradeup_json(&["member", "aurora", "--member", &member]);
        shown["history"].as_array().unwrap().last().unwrap()["tier"].as_str().unwrap().to_owned()
    };
    assert_eq!(tier(&world), "gold");
    world.tradeup_ok(&["tenant", "set", "aurora", "--tier-undo", "on"]);
    publish(&jobs, "order.refunded", "r2", &refund("r2", 100)).await;
    settled(&world, &jobs).await;
    assert_eq!(tier(&world), "silver");
    assert_eq!(
        granted(&world, &member, "2026-11").await,
        1000,
        "a credit is never taken back with a tier (M5)"
    );
    world.tradeup_ok(&["verify"]);
}

#[tokio::test]
async fn the_daily_review_gives_notice_and_lowers_on_the_date_also_when_days_are_missed() {
    let (world, services, jobs, member) = shop(242).await;
    publish(&jobs, "order.paid", "e1", &paid(&member, "1001", 100_000)).await;
    settled(&world, &jobs).await;
    // Joined a year ago but 33 days, as gold; and the shop counts the last 12 months.
    world.tradeup_ok(&["tenant", "set", "aurora", "--tier-window", "rolling-12-months"]);
    sql(
        &world,
        "update memberships set valid_from = (current_date + 33 - interval '4 years')::date + time '12:00'
         where valid_to is not null;
         update orders set paid_at = paid_at - interval '2 years'",
    )
    .await;

    world.tradeup_ok(&["trigger", "tier-review", "--follow"]);
    world.tradeup_ok(&["trigger", "tier-review", "--follow"]);
    let notices = world.tradeup_json(&["tiers", "notices", "aurora", "--open"]);
    let notice = &notices.as_array().unwrap()[..];
    assert_eq!(notice.len(), 1, "{notices:#}");
    assert_eq!(notice[0]["customer"], member.as_str());
    assert_eq!((&notice[0]["from_tier"], &notice[0]["to_tier"]), (&"gold".into(), &"bronze".into()));
    assert_eq!(notice[0]["missing_minor"], 100_000);
    let preview = world.tradeup_json(&["tiers", "preview", "aurora"]);
    let down = preview["totals"].as_array().unwrap().iter().find(|total| total["move"] == "down").unwrap();
    assert_eq!(down["members"], 1, "{preview:#}");
    let csv = world.tradeup_ok(&["tiers", "preview", "aurora", "--csv"]);
    assert!(
        csv.lines().any(|line| line.starts_with(&member) && line.contains(",down,gold,bronze,")),
        "{csv}"
    );

    // The date came three days ago, and nobody was there to look.
    drop(services);
    sql(
        &world,
        "update tier_notices set given_at = given_at - interval '36 days', review_on = review_on - 36,
            review_at = review_at - interval '36 days';
         update schedules set next_fire_at = date_trunc('day', now()) - interval '3 days' + interval '2 hours'
         where name = 'tier-review'",
    )
    .await;
    let _services = world.start_both().await;
    eventually("the missed reviews are made up for", SOON, || async {
        let lowered = "select count(*) from tier_notices where outcome = 'lowered'";
        (world.number(lowered).await == 1).then_some(())
    })
    .await;
    let one = "select count(*) from runs where task = 'tier-review' and trigger = 'schedule'";
    assert_eq!(world.number(one).await, 1, "one run for all the days");
    world.tradeup_ok(&["trigger", "tier-review", "--follow"]);
    let shown = world.tradeup_json(&["member", "aurora", "--member", &member]);
    let last = shown["history"].as_array().unwrap().last().unwrap();
    assert_eq!(last["tier"], "bronze");
    let tiers = world.tradeup_json(&["tiers", "aurora"]);
    let members: i64 = tiers.as_array().unwrap().iter().map(|tier| tier["members"].as_i64().unwrap()).sum();
    assert_eq!(members, 60, "bronze asks for nothing: everybody is in a tier");
    world.tradeup_ok(&["verify"]);
}

#[tokio::test]
async fn what_people_set_is_checked_and_what_is_pinned_stays() {
    let (world, _services, jobs, member) = shop(243).await;
    let wrong = world.tradeup(&["tenant", "tier", "aurora", "gold", "--threshold", "500.00"]);
    assert!(wrong.code == 1 && wrong.stderr.contains("gold is above silver"), "{}", wrong.stderr);
    let wrong = world.tradeup(&["tenant", "set", "aurora", "--tier-window", "weekly"]);
    assert!(wrong.code != 0 && wrong.stderr.contains("rolling-12-months"), "{}", wrong.stderr);
    let place = ["tiers", "place", "aurora", "--member", &member, "--tier", "silver", "--pin"];
    assert_eq!(world.tradeup(&place).code, 1, "without a reason");
    let because = [&place[..], &["--reason", "a friend of the house"]].concat();
    world.tradeup_ok(&because);
    assert!(world.tradeup_ok(&because).contains("already"));
    publish(&jobs, "order.paid", "e1", &paid(&member, "1001", 500_000)).await;
    settled(&world, &jobs).await;
    let shown = world.tradeup_ok(&["member", "aurora", "--member", &member]);
    assert!(shown.contains("by hand, pinned") && !shown.contains("reached"), "{shown}");
    // Spend does not reach gold any more: nobody is raised to it.
    world.tradeup_ok(&["tenant", "tier", "aurora", "gold", "--threshold", "none"]);
    let shown = world.tradeup_json(&["tiers", "aurora"]);
    let gold = shown.as_array().unwrap().iter().find(|tier| tier["tier"] == "gold").unwrap();
    assert_eq!(gold["threshold_minor"], Value::Null);
    world.tradeup_ok(&["verify"]);
}
