//! What has ended is booked: by itself, once, each as of its own end; and the reports add up to it.

use serde_json::Value;
use tradeup_harness::World;

/// A month is credited; then every other member's credit has ended, on the 20th.
async fn half_ended() -> (World, (tradeup_harness::Process, tradeup_harness::Process), i64) {
    let world = World::with_aurora(500, 211).await;
    let services = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    sqlx::query(
        "update lots set expires_at = '2026-11-19 05:00+00', ends_at = '2026-11-20 05:00+00'
         where get_byte(uuid_send(member_id), 15) % 2 = 0",
    )
    .execute(&world.database.admin)
    .await
    .unwrap();
    let ended = world
        .number("select sum(remaining_minor)::bigint from lots where ends_at = '2026-11-20 05:00+00'")
        .await;
    assert!(ended > 0);
    (world, services, ended)
}

fn line<'a>(preview: &'a Value, outcome: &str) -> &'a Value {
    let totals = preview["totals"].as_array().unwrap();
    totals.iter().find(|total| total["outcome"] == outcome).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn what_has_ended_expires_once_and_the_preview_said_so() {
    let (world, _services, ended) = half_ended().await;
    let preview = world.tradeup_json(&["preview", "credit-expiration", "--as-of", "2026-11-20T05:00:00Z"]);
    assert_eq!(line(&preview, "to_expire")["amount_minor"].as_i64(), Some(ended));
    let before =
        world.tradeup(&["preview", "credit-expiration", "--as-of", "2026-11-20T05:00:00Z", "--diff"]);
    assert_eq!(before.code, 1, "it has not happened yet: {}", before.stdout);

    // Half-open: at the instant before its end nothing has ended.
    let early = world.tradeup_json(&["preview", "credit-expiration", "--as-of", "2026-11-20T04:59:59Z"]);
    assert_eq!(line(&early, "to_expire"), &Value::Null);
    let expire = ["trigger", "credit-expiration", "--as-of", "2026-11-20T05:00:00Z", "--follow"];
    world.tradeup_ok(&expire);
    let again = world.tradeup_ok(&["trigger", "credit-expiration", "--as-of", "2026-11-20T05:00:00Z"]);
    assert!(again.contains("Exists already"), "{again}");
    world.tradeup_ok(&["trigger", "credit-expiration", "--follow"]);

    let expired = "select -sum(amount_minor)::bigint from ledger_entries where kind = 'expire'";
    assert_eq!(world.number(expired).await, ended);
    let own =
        "select count(*) from ledger_entries where kind = 'expire' and effective_at <> '2026-11-20 05:00+00'";
    assert_eq!(world.number(own).await, 0, "each as of its own end");
    world.tradeup_ok(&["preview", "credit-expiration", "--as-of", "2026-11-20T05:00:00Z", "--diff"]);
    world.tradeup_ok(&["verify"]);
    let ahead = world.tradeup(&["trigger", "credit-expiration", "--as-of", "2999-01-01T00:00:00Z"]);
    assert!(ahead.code == 1 && ahead.stderr.contains("has not come"), "{}", ahead.stderr);
}

#[tokio::test]
async fn reports_add_up_to_the_ledger() {
    let (world, _services, ended) = half_ended().await;
    world.tradeup_ok(&["trigger", "credit-expiration", "--follow"]);
    let balances = world.number("select sum(balance_minor)::bigint from accounts").await;

    let sum = |lines: &Value, field: &str| -> i64 {
        lines.as_array().unwrap().iter().map(|line| line[field].as_i64().unwrap()).sum()
    };
    assert_eq!(sum(&world.tradeup_json(&["report", "liability"]), "amount_minor"), balances);
    let before = world.tradeup_json(&["report", "liability", "--at", "2026-11-15T00:00:00Z"]);
    assert_eq!(sum(&before, "amount_minor"), balances + ended);

    let months = world.tradeup_json(&["report", "activity"]);
    let november = &months.as_array().unwrap()[0];
    assert_eq!((november["month"].as_str(), november["opening_minor"].as_i64()), (Some("2026-11"), Some(0)));
    assert_eq!(november["expired_minor"].as_i64(), Some(-ended));
    assert_eq!(november["granted_minor"].as_i64(), Some(balances + ended));
    assert_eq!(november["closing_minor"].as_i64(), Some(balances));

    let breakage = world.tradeup_json(&["report", "breakage"]);
    assert_eq!(sum(&breakage, "expired_minor"), ended);
    let parts = sum(&breakage, "spent_minor")
        + sum(&breakage, "expired_minor")
        + sum(&breakage, "taken_back_minor")
        + sum(&breakage, "left_minor");
    assert_eq!(parts, sum(&breakage, "granted_minor"));

    let csv = world.tradeup_ok(&["report", "activity", "--csv"]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let row = reader.records().next().unwrap().unwrap();
    let cents: i64 = row[12].replace('.', "").parse().unwrap();
    assert_eq!(cents, balances, "{csv}");
}
