//! Two customers of a shop are found to be one: told by event, or by hand.

use std::time::Duration;

use serde_json::{Value, json};
use tradeup_harness::{Jobs, World, eventually};

async fn publish(jobs: &Jobs, topic: &str, id: &str, body: &Value) {
    let subject = format!("events.aurora.shop.{}", topic.replace('.', "=2E"));
    jobs.publish_event(&subject, &[("ce-id", id)], body.to_string().as_bytes()).await;
}

/// Members in a tier, with the month's credit.
async fn members(world: &World) -> Vec<String> {
    sqlx::query_scalar(
        "select m.external_id from members m join lots l on l.member_id = m.id order by m.id limit 6",
    )
    .fetch_all(&world.database.admin)
    .await
    .unwrap()
}

fn balance(world: &World, member: &str) -> i64 {
    world.tradeup_json(&["statement", "aurora", "--member", member])["accounts"][0]["balance_minor"]
        .as_i64()
        .unwrap()
}

#[tokio::test]
async fn an_event_makes_two_members_one_and_later_events_find_the_one() {
    let world = World::with_aurora(60, 261).await;
    let _services = (world.start_both().await, world.start("webhooks").await);
    let jobs = world.jobs().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let members = members(&world).await;
    let (old, kept) = (members[0].as_str(), members[1].as_str());
    let both = balance(&world, old) + balance(&world, kept);
    let total = world.number("select sum(balance_minor)::bigint from accounts").await;
    let done = |state: &'static str| {
        let world = &world;
        async move {
            let query = match state {
                "dead" => "select count(*) from runs where task = 'merge-members' and state = 'dead'",
                "scheduled" => {
                    "select count(*) from runs where task = 'merge-members' and state = 'scheduled'"
                }
                _ => "select count(*) from runs where task = 'merge-members' and state = 'succeeded'",
            };
            world.number(query).await
        }
    };
    let waited = async |state: &'static str, count: i64| {
        eventually("the merges are done", Duration::from_secs(60), || async {
            (done(state).await == count).then_some(())
        })
        .await;
    };

    // A checkout holds some of it: the merge waits.
    world.tradeup_ok(&[
        "hold",
        "--tenant",
        "aurora",
        "--member",
        old,
        "--amount",
        "1.00",
        "--reference",
        "1",
    ]);
    let merged =
        json!({ "old_member_external_id": old, "kept_member_external_id": kept, "reason": "one person" });
    publish(&jobs, "customer.merged", "m1", &merged).await;
    waited("scheduled", 1).await;
    assert_eq!(world.number("select count(*) from merges").await, 0);
    world.tradeup_ok(&["release", "--tenant", "aurora", "--reference", "1"]);
    let waiting: String = sqlx::query_scalar("select id::text from runs where task = 'merge-members'")
        .fetch_one(&world.database.admin)
        .await
        .unwrap();
    world.tradeup_ok(&["retry", &waiting]);
    waited("succeeded", 1).await;
    assert_eq!((balance(&world, old), balance(&world, kept)), (both, both), "either id is the one member");
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, total);

    // The same again does nothing; the other way round is a dead letter; a stranger has nothing to move.
    publish(&jobs, "customer.merged", "m2", &merged).await;
    let stranger = json!({ "old_member_external_id": "999999", "kept_member_external_id": kept });
    publish(&jobs, "customer.merged", "m3", &stranger).await;
    waited("succeeded", 3).await;
    let other_way = json!({ "old_member_external_id": kept, "kept_member_external_id": old });
    publish(&jobs, "customer.merged", "m4", &other_way).await;
    waited("dead", 1).await;
    let dead = world.tradeup_json(&["dead", "list", "--task", "merge-members"]);
    assert_eq!(dead[0]["code"], "TU0331", "{dead:#}");
    assert_eq!(world.number("select count(*) from merges").await, 1);

    // What is told of the old customer reaches the kept one; and no month is paid twice.
    let request = json!({ "member_external_id": old, "amount": { "amount_minor": 300, "currency": "USD" }, "reason": "hello" });
    publish(&jobs, "credit.requested", "c1", &request).await;
    let spent = json!({ "member_external_id": old, "amount": { "amount_minor": both, "currency": "USD" }, "reference": "9" });
    publish(&jobs, "credit.spent", "s1", &spent).await;
    eventually("all is done", Duration::from_secs(60), || async {
        let runs = "select count(*) from runs where task in ('grant-credit', 'spend-credit') and state = 'succeeded'";
        (world.number(runs).await == 2).then_some(())
    })
    .await;
    assert_eq!(balance(&world, kept), 300);
    // A month that comes late, from before the merge, is paid to the one member once.
    let run = world.trigger("2026-10");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let paid = "select count(*) from lots where reason = 'monthly' and source_key = '2026-10'";
    assert_eq!(world.number(paid).await, world.due["aurora"].0 - 1);
    world.tradeup_ok(&["verify"]);
}

#[tokio::test]
async fn by_hand_it_says_first_what_would_move() {
    let world = World::with_aurora(40, 262).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let members = members(&world).await;
    let (old, kept) = (members[0].as_str(), members[1].as_str());
    let (had, kept_had) = (balance(&world, old), balance(&world, kept));
    let merge = ["merge", "--tenant", "aurora", old, kept, "--reason", "one person"];
    let first = world.tradeup_json(&merge);
    assert_eq!(
        (&first["outcome"], &first["moving"][0]["amount_minor"]),
        (&"nothing_done".into(), &had.into())
    );
    assert!(world.tradeup_ok(&merge).contains("Nothing was done"));
    assert_eq!(world.number("select count(*) from merges").await, 0);

    let confirmed: Vec<&str> = merge.iter().copied().chain(["--yes"]).collect();
    world.tradeup_ok(&[
        "hold",
        "--tenant",
        "aurora",
        "--member",
        old,
        "--amount",
        "1.00",
        "--reference",
        "1",
    ]);
    let held = world.tradeup(&confirmed);
    assert!(held.code == 1 && held.stderr.contains("tradeup hold list"), "{}", held.stderr);
    world.tradeup_ok(&["release", "--tenant", "aurora", "--reference", "1"]);
    assert!(world.tradeup_ok(&confirmed).contains("Done: 1 credit moved"));
    assert!(world.tradeup_ok(&confirmed).contains("Done before"));
    assert_eq!(world.number("select count(*) from audit_log where act = 'merge'").await, 1);
    assert_eq!(balance(&world, old), had + kept_had);
    let statement = world.tradeup_ok(&["statement", "aurora", "--member", kept]);
    assert!(statement.contains(&format!("monthly 2026-11 of customer {old}")), "{statement}");
    let back = world.tradeup(&["merge", "--tenant", "aurora", kept, old, "--reason", "back", "--yes"]);
    assert!(back.code == 1 && back.stderr.contains("TU0331"), "{}", back.stderr);
    let itself = world.tradeup(&["merge", "--tenant", "aurora", kept, kept, "--reason", "x", "--yes"]);
    assert!(itself.code == 1 && itself.stderr.contains("the same"), "{}", itself.stderr);

    // A run that is reversed takes back what it gave, wherever it is.
    let preview = world.tradeup_json(&["reverse", &run]);
    let (_, minor) = world.due["aurora"];
    assert_eq!(preview["totals"][0]["amount_minor"].as_i64(), Some(minor));
    let total = format!("{}.{:02}", minor / 100, minor % 100);
    world.tradeup_ok(&["reverse", &run, "--confirm", &total, "--reason", "wrong month", "--follow"]);
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 0);
    world.tradeup_ok(&["ledger", "aurora", "--entries"]);
    world.tradeup_ok(&["verify"]);
}
