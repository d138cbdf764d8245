//! A shop whose rules can't say what its members are owed fails alone, visibly; so does one member.

use tradeup_harness::{Shop, World};

#[tokio::test]
async fn a_shop_without_an_amount_fails_alone() {
    let mut world = World::with_aurora(1_000, 21).await;
    world.add_shop(&Shop::new("corona", 1_000, 22));
    let broken = Shop {
        tiers: ["gold=10.00:vip-gold", "silver=:vip-silver", "bronze=1.25:vip"],
        ..Shop::new("borealis", 500, 23)
    };
    world.add_shop(&broken);
    world.due.remove("borealis");
    let healed = world.due_of(&Shop::new("borealis", 500, 23));
    let _services = world.start_both().await;

    let run = world.trigger("2026-11");
    let story = world.ended(&run).await;
    assert_eq!(story["state"], "dead");
    assert_eq!(story["error_code"], "TU0004");
    assert_eq!(story["error"], "1 of 3 child runs did not succeed");
    let child = |shop: &str| {
        let children = story["children"].as_array().unwrap();
        children.iter().find(|child| child["tenant"] == shop).unwrap().clone()
    };
    assert_eq!(child("aurora")["state"], "succeeded");
    assert_eq!(child("corona")["state"], "succeeded");
    assert_eq!(child("borealis")["state"], "dead");
    assert_eq!(child("borealis")["error_code"], "TU0301");
    let error = child("borealis")["error"].as_str().unwrap().to_owned();
    assert!(
        error.contains("silver") && error.contains("USD") && error.contains("tradeup tenant tier"),
        "{error}"
    );
    assert_eq!(child("borealis")["attempt"], 1, "a retry can't cure it");
    world.assert_exact(&["2026-11"]);

    // It is a dead letter, as a row and as a message, for whoever is on call.
    let letters = world.tradeup_json(&["dead", "list"]);
    assert_eq!(letters.as_array().unwrap().len(), 1);
    assert_eq!(letters[0]["code"], "TU0301");
    assert_eq!(letters[0]["tenant"], "borealis");
    let jobs = world.jobs().await;
    assert_eq!(jobs.bodies("DEAD", "dead.credits.monthly-credits-tenant.borealis").await.len(), 1);

    // Put right and tried again: only what failed runs, and the whole month is then done.
    world.tradeup_ok(&["tenant", "tier", "borealis", "silver", "5.00"]);
    let again = world.tradeup_json(&["trigger", "monthly-credits", "--period", "2026-11", "--retry"]);
    assert_eq!(
        (&again["run_id"], &again["new"], &again["retried"]),
        (&run.as_str().into(), &false.into(), &1.into())
    );
    let story = world.ended(&run).await;
    assert_eq!(story["state"], "succeeded", "{story:#}");
    world.due.insert("borealis".to_owned(), healed);
    world.assert_exact(&["2026-11"]);
}

#[tokio::test]
async fn a_member_whose_data_is_refused_costs_the_others_nothing() {
    let world = World::with_aurora(300, 24).await;
    // A purse that is all but full: one more credit would pass the largest balance there may be.
    sqlx::query(
        "insert into accounts (tenant_id, member_id, currency, balance_minor)
         select ms.tenant_id, ms.member_id, 'USD', 1000000000000 from memberships ms
         join tiers t on t.id = ms.tier_id and t.handle = 'gold' order by ms.member_id limit 1",
    )
    .execute(&world.database.admin)
    .await
    .unwrap();
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    let story = world.ended(&run).await;
    assert_eq!(story["state"], "succeeded");
    assert_eq!(story["progress"]["failed"], 1);
    assert_eq!(story["progress"]["affected"].as_i64(), Some(world.due["aurora"].0 - 1));

    let tenant_run = story["children"][0]["run_id"].as_str().unwrap();
    let failures = world.tradeup_json(&["run", tenant_run])["member_failures"].clone();
    assert_eq!(failures.as_array().unwrap().len(), 1);
    assert_eq!(failures[0]["code"], "TU0304");
    assert!(failures[0]["reason"].as_str().unwrap().contains("balance_minor"), "{failures:#}");

    // The purse was filled behind the ledger's back, and that is what the proof says.
    let proof = world.tradeup_json_any(&["verify"]);
    let wrong: Vec<_> =
        proof["tenants"][0]["checks"].as_array().unwrap().iter().filter(|c| c["violations"] != 0).collect();
    assert_eq!(wrong.len(), 1);
    assert_eq!(wrong[0]["check"], "balance_is_sum_of_entries");
}
