//! The nightly proof: each shop's ledger is proved for itself, what came of it is kept, and what does not add up is a
//! dead letter of that shop until it does.

use std::time::Duration;

use serde_json::Value;
use tradeup_harness::{Process, Shop, World, eventually};
use tradeup_proto::{Message as _, v1};

const SOON: Duration = Duration::from_secs(30);

/// Two shops whose members have had a month's credit.
async fn credited() -> (World, (Process, Process)) {
    let mut world = World::with_aurora(200, 151).await;
    world.add_shop(&Shop::new("borealis", 100, 152));
    let services = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    (world, services)
}

fn triggered(world: &World, more: &[&str]) -> String {
    let created = world.tradeup_json(&[&["trigger", "ledger-verification"][..], more].concat());
    created["run_id"].as_str().unwrap().to_owned()
}

fn child<'a>(story: &'a Value, shop: &str) -> &'a Value {
    story["children"].as_array().unwrap().iter().find(|child| child["tenant"] == shop).unwrap()
}

fn history(world: &World, shop: &str) -> Vec<Value> {
    world.tradeup_json(&["verify", "--history", "--tenant", shop]).as_array().unwrap().clone()
}

/// Changes the balance of one of aurora's members who have credit, past all that may change it.
async fn shift_a_balance(world: &World, by_minor: i64) {
    sqlx::query(
        "update accounts set balance_minor = balance_minor + $1
         where (tenant_id, member_id) = (
             select l.tenant_id, l.member_id from lots l join tenants t on t.id = l.tenant_id
             where t.handle = 'aurora' order by l.id limit 1)",
    )
    .bind(by_minor)
    .execute(&world.database.admin)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_ledger_that_adds_up_is_proved_with_its_figures() {
    let (world, _services) = credited().await;
    assert_eq!(history(&world, "aurora").len(), 0);
    let empty = world.tradeup(&["verify", "--history"]);
    assert!(empty.code == 0 && empty.stdout.contains("No proofs yet"), "{}", empty.stdout);

    // A shop that does not pay is proved, too.
    world.tradeup_ok(&["tenant", "suspend", "borealis", "--reason", "unpaid"]);
    let run = triggered(&world, &[]);
    let story = world.ended(&run).await;
    assert_eq!((&story["state"], &story["task"]), (&"succeeded".into(), &"ledger-verification".into()));
    assert_eq!(story["children"].as_array().unwrap().len(), 2);
    let members =
        "select count(*) from members m join tenants t on t.id = m.tenant_id where t.handle = 'aurora'";
    let (credits, minor) = world.due["aurora"];
    let proved = child(&story, "aurora");
    let result = &proved["result"];
    assert_eq!(result["members"], world.number(members).await, "{story:#}");
    assert_eq!((&result["lots"], &result["entries"]), (&credits.into(), &credits.into()));
    let balances = serde_json::json!([{ "currency": "USD", "balance_minor": minor }]);
    assert_eq!(result["balances"], balances);
    assert_eq!((&result["violations"], &result["violated"]), (&0.into(), &serde_json::json!([])));
    assert_eq!(child(&story, "borealis")["result"]["lots"], world.due["borealis"].0);

    let proofs = history(&world, "aurora");
    assert_eq!(proofs.len(), 1);
    assert_eq!((&proofs[0]["run_id"], &proofs[0]["result"]), (&proved["run_id"], &"holds".into()));
    assert_eq!(&proofs[0]["figures"], result);
    let shown = world.tradeup_ok(&["verify", "--history"]);
    assert!(shown.contains("aurora") && shown.contains("borealis") && shown.contains("holds"), "{shown}");
    assert_eq!(world.tradeup(&["verify", "--history", "--tenant", "nobody"]).code, 1);

    // One shop alone; and the proof at once is what it was.
    let one = world.ended(&triggered(&world, &["--tenant", "borealis"])).await;
    assert_eq!(
        (&one["state"], &one["task"], &one["tenant"]),
        (&"succeeded".into(), &"ledger-verification-tenant".into(), &"borealis".into())
    );
    assert_eq!((history(&world, "borealis").len(), history(&world, "aurora").len()), (2, 1));
    assert_eq!(world.tradeup(&["verify"]).code, 0);
}

#[tokio::test]
async fn a_wrong_balance_is_a_dead_letter_of_its_shop_until_it_is_put_right() {
    let (world, _services) = credited().await;
    shift_a_balance(&world, 1).await;
    // Money stands still while it is looked at; its ledger is proved all the same.
    let pause = ["--tenant", "aurora", "--needing", "ledger"];
    world.tradeup_ok(&[&["pause"][..], &pause, &["--reason", "somebody looks"]].concat());
    let run = triggered(&world, &[]);
    let story = world.ended(&run).await;
    assert_eq!((&story["state"], &story["error_code"]), (&"dead".into(), &"TU0004".into()));
    assert_eq!(story["error"], "1 of 2 child runs did not succeed");
    assert_eq!(child(&story, "borealis")["state"], "succeeded");
    let found = child(&story, "aurora");
    assert_eq!(
        (&found["state"], &found["error_code"], &found["attempt"]),
        (&"dead".into(), &"TU0309".into(), &1.into()),
        "a retry can't cure it: {found:#}"
    );
    assert_eq!(found["error"], "violations found: 1, of balance_is_sum_of_entries (1)");
    assert_eq!(found["result"]["violations"], 1, "the figures are there all the same");
    assert_eq!(found["result"]["lots"], world.due["aurora"].0);
    assert_eq!(history(&world, "aurora")[0]["result"], "1 WRONG");
    let shown = world.tradeup_ok(&["verify", "--history", "--tenant", "aurora"]);
    assert!(shown.contains("1 WRONG"), "{shown}");

    let letters = world.tradeup_json(&["dead", "list"]);
    assert_eq!(letters.as_array().unwrap().len(), 1, "{letters:#}");
    assert_eq!((&letters[0]["code"], &letters[0]["tenant"]), (&"TU0309".into(), &"aurora".into()));
    let jobs = world.jobs().await;
    let told = eventually("the dead letter is told", SOON, || async {
        let told = jobs.bodies("DEAD", "dead.credits.ledger-verification-tenant.aurora").await;
        (!told.is_empty()).then_some(told.len())
    })
    .await;
    assert_eq!(told, 1);

    // Still wrong, proved again: dead again. Put right: proved.
    let letter = letters[0]["dead_letter_id"].as_str().unwrap();
    world.tradeup_ok(&["dead", "replay", letter]);
    assert_eq!(world.ended(&run).await["state"], "dead");
    shift_a_balance(&world, -1).await;
    let letters = world.tradeup_json(&["dead", "list"]);
    let letter = letters[0]["dead_letter_id"].as_str().unwrap();
    world.tradeup_ok(&["dead", "replay", letter]);
    let story = world.ended(&run).await;
    assert_eq!(story["state"], "succeeded", "{story:#}");
    let healed = child(&story, "aurora");
    assert_eq!((&healed["state"], &healed["attempt"]), (&"succeeded".into(), &3.into()));
    assert_eq!((&healed["result"]["violations"], &healed["error"]), (&0.into(), &Value::Null));
    let proofs = history(&world, "aurora");
    assert_eq!((proofs.len(), &proofs[0]["result"]), (1, &"holds".into()), "one proof, that in the end held");
    assert_eq!(world.tradeup_json(&["dead", "list"]).as_array().unwrap().len(), 0);
    world.tradeup_ok(&[&["resume"][..], &pause].concat());
}

/// Lets the schedule fire for the latest 04:00 UTC, again if it has.
async fn due(world: &World) {
    sqlx::query(
        "update schedules set next_fire_at =
             (date_trunc('day', (now() at time zone 'UTC') - interval '4 hours') + interval '4 hours') at time zone 'UTC'
         where name = 'ledger-verification'",
    )
    .execute(&world.database.admin)
    .await
    .unwrap();
    eventually("the schedule has moved on", SOON, || async {
        let late =
            "select count(*) from schedules where name = 'ledger-verification' and next_fire_at <= now()";
        (world.number(late).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn four_oclock_is_one_run_however_often_it_fires_and_travels_in_its_messages() {
    let (world, _services) = credited().await;
    let cron: String = sqlx::query_scalar("select cron from schedules where name = 'ledger-verification'")
        .fetch_one(&world.database.admin)
        .await
        .unwrap();
    assert_eq!(cron, "0 4 * * *");
    due(&world).await;
    let (run, fire_at): (String, i64) = sqlx::query_as(
        "select d.run_id::text, extract(epoch from d.fire_at)::bigint from fire_decisions d
         join schedules s on s.id = d.schedule_id where s.name = 'ledger-verification' and d.run_id is not null
         order by d.fire_at limit 1",
    )
    .fetch_one(&world.database.admin)
    .await
    .unwrap();
    assert_eq!(fire_at % 86_400, 4 * 3600, "four in the morning");
    let story = world.ended(&run).await;
    assert_eq!(story["state"], "succeeded", "{story:#}");
    assert_eq!(
        (&story["trigger"], &story["triggered_by"]),
        (&"schedule".into(), &"ledger-verification".into())
    );

    let root: Vec<u8> = sqlx::query_scalar("select payload from runs where id = $1::uuid")
        .bind(&run)
        .fetch_one(&world.database.admin)
        .await
        .unwrap();
    let root = v1::LedgerVerification::decode(root.as_slice()).unwrap();
    assert_eq!(root.as_of.unwrap().seconds, fire_at);
    let tenants: Vec<Vec<u8>> = sqlx::query_scalar("select payload from runs where parent_id = $1::uuid")
        .bind(&run)
        .fetch_all(&world.database.admin)
        .await
        .unwrap();
    assert_eq!(tenants.len(), 2);
    for payload in tenants {
        let input = v1::LedgerVerificationTenant::decode(payload.as_slice()).unwrap();
        assert_eq!(input.as_of.unwrap().seconds, fire_at);
    }

    due(&world).await;
    let roots = "select count(*) from runs where task = 'ledger-verification'";
    let proofs = "select count(*) from runs where task = 'ledger-verification-tenant'";
    assert_eq!((world.number(roots).await, world.number(proofs).await), (1, 2));
    assert_eq!(history(&world, "aurora").len(), 1);
}
