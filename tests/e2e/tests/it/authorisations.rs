//! A checkout authorises first and captures later: nobody else spends that meanwhile, and what is not captured
//! in time is free by itself.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tradeup_harness::World;

use crate::checkout::{call, token};
use crate::http::port;

async fn some_member(world: &World) -> String {
    sqlx::query_scalar("select external_id from members order by id limit 1")
        .fetch_one(&world.database.admin)
        .await
        .unwrap()
}

fn add(world: &World, member: &str, amount: &str, key: &str, more: &[&str]) {
    let mut adjust = vec!["adjust", "--tenant", "aurora", "--member", member, "--add", amount, "--key", key];
    adjust.extend(["--reason", "a start"]);
    adjust.extend(more);
    world.tradeup_ok(&adjust);
}

/// So many hours pass for what there is of lots, movements and holds.
async fn pass(world: &World, hours: i64) {
    let mut passed = "set session_replication_role = replica;".to_owned();
    for (table, columns) in [
        ("lots", vec!["available_at", "expires_at", "ends_at"]),
        ("holds", vec!["authorised_at", "capture_until", "ended_at"]),
        ("ledger_entries", vec!["effective_at", "recorded_at"]),
        ("operations", vec!["effective_at", "recorded_at"]),
    ] {
        let set: Vec<String> =
            columns.iter().map(|c| format!("{c} = {c} - interval '{hours} hours'")).collect();
        passed.push_str(&format!("update {table} set {};", set.join(", ")));
    }
    passed.push_str("set session_replication_role = origin");
    sqlx::raw_sql(AssertSqlSafe(passed)).execute(&world.database.admin).await.unwrap();
}

#[tokio::test]
async fn a_checkout_authorises_captures_and_releases_once() {
    let mut world = World::with_aurora(20, 251).await;
    world.environment.insert("TRADEUP_HTTP".to_owned(), "127.0.0.1:0".to_owned());
    let webhooks = world.start("webhooks").await;
    let port = port(&webhooks).await;
    let member = some_member(&world).await;
    add(&world, &member, "10.00", "a", &[]);
    let token = token(&world, "aurora");
    let post = async |path: &str, body: &Value| {
        call(port, "POST", &format!("/v1/tenants/aurora/{path}"), &token, body).await
    };
    let hold = |minor: i64, reference: &str| json!({ "member_external_id": member, "amount": { "amount_minor": minor, "currency": "USD" }, "reference": reference });

    let (status, first) = post("holds", &hold(400, "order 1")).await;
    assert_eq!((status, &first["outcome"], &first["left_minor"]), (201, &"authorised".into(), &600.into()));
    let (status, again) = post("holds", &hold(400, "order 1")).await;
    assert_eq!(
        (status, &again["outcome"], &again["state"]),
        (200, &"already_authorised".into(), &"authorised".into())
    );
    assert_eq!(again["capture_until"], first["capture_until"]);
    let (status, other) = post("holds", &hold(401, "order 1")).await;
    assert_eq!((status, &other["code"]), (409, &"TU0006".into()));
    let balance = format!("/v1/tenants/aurora/members/{member}/balance");
    let (_, shown) = call(port, "GET", &balance, &token, &Value::Null).await;
    assert_eq!((&shown["spendable_minor"], &shown["held_minor"]), (&600.into(), &400.into()));
    // Above what is left: as a spend.
    for path in ["holds", "spends"] {
        let (status, short) = post(path, &hold(601, "order 2")).await;
        assert_eq!(
            (status, &short["code"], &short["spendable_minor"]),
            (422, &"TU0307".into(), &600.into()),
            "{path}"
        );
    }
    assert_eq!(post("spends", &hold(400, "order 1")).await.0, 409, "it is held under this name");
    for (seconds, named) in
        [(json!(0), "valid_seconds"), (json!(604_801), "7 days"), (json!("1 h"), "seconds")]
    {
        let mut body = hold(1, "order 3");
        body["valid_seconds"] = seconds;
        let (status, problem) = post("holds", &body).await;
        assert!(status == 400 && problem["detail"].as_str().unwrap().contains(named), "{problem}");
    }

    let part = json!({ "amount": { "amount_minor": 250, "currency": "USD" } });
    let too_much = json!({ "amount": { "amount_minor": 401, "currency": "USD" } });
    let (status, more) = post("holds/order%201/capture", &too_much).await;
    assert_eq!((status, &more["code"], &more["held_minor"]), (422, &"TU0307".into(), &400.into()));
    let (status, captured) = post("holds/order%201/capture", &part).await;
    assert_eq!(
        (status, &captured["amount_minor"], &captured["released_minor"]),
        (201, &250.into(), &150.into())
    );
    assert_eq!(post("holds/order%201/capture", &part).await.0, 200);
    let (status, whole) = post("holds/order%201/capture", &Value::Null).await;
    assert_eq!((status, &whole["code"]), (409, &"TU0006".into()));
    let (status, released) = post("holds/order%201/release", &Value::Null).await;
    assert_eq!((status, &released["code"], &released["state"]), (409, &"TU0322".into(), &"captured".into()));
    assert_eq!(post("holds/none/capture", &Value::Null).await.1["code"], "TU0321");

    // Taken back like any spend.
    let revert = json!({ "spend_reference": "order 1", "reference": "refund 1" });
    assert_eq!(post("reverts", &revert).await.1["amount_minor"], 250);
    post("holds", &hold(1000, "order 4")).await;
    assert_eq!(
        post("holds/order%204/release", &json!({ "reason": "given up" })).await.1["outcome"],
        "released"
    );
    assert_eq!(post("holds/order%204/release", &Value::Null).await.1["outcome"], "already_released");
    let (status, over) = post("holds/order%204/capture", &Value::Null).await;
    assert_eq!((status, &over["code"], &over["state"]), (409, &"TU0322".into(), &"released".into()));

    // Whose time is over blocks nobody, and says so.
    let mut short = hold(1000, "order 5");
    short["valid_seconds"] = 60.into();
    assert_eq!(post("holds", &short).await.0, 201);
    pass(&world, 1).await;
    let (_, shown) = call(port, "GET", &balance, &token, &Value::Null).await;
    assert_eq!((&shown["spendable_minor"], &shown["held_minor"]), (&1000.into(), &0.into()));
    assert_eq!(post("holds/order%205/capture", &Value::Null).await.1["state"], "expired");
    assert_eq!(post("spends", &hold(1000, "order 6")).await.0, 201);
    world.tradeup_ok(&["verify"]);
}

#[tokio::test]
async fn by_hand_and_with_the_daily_expiration() {
    let world = World::with_aurora(20, 252).await;
    let _services = world.start_both().await;
    let member = some_member(&world).await;
    let soon: String = sqlx::query_scalar(
        "select to_char(now() at time zone 'UTC' + interval '2 hours', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
    )
    .fetch_one(&world.database.admin)
    .await
    .unwrap();
    add(&world, &member, "8.00", "soon", &["--expires", &soon]);
    let hold = [
        "hold",
        "--tenant",
        "aurora",
        "--member",
        &member,
        "--amount",
        "5.00",
        "--reference",
        "1001",
        "--valid-for",
        "604800",
    ];
    assert!(world.tradeup_ok(&hold).contains("Authorised: 5.00 USD"));
    assert!(world.tradeup_ok(&hold).contains("Authorised before, now authorised"));
    let list = ["hold", "list", "--tenant", "aurora", &member, "--open"];
    assert_eq!(world.tradeup_json(&list)[0]["amount_minor"], 500);
    let statement = world.tradeup_ok(&["statement", "aurora", "--member", &member]);
    assert!(statement.contains("Authorised by checkouts: 5.00 USD"), "{statement}");
    let liability = world.tradeup_json(&["report", "liability", "--tenant", "aurora"]);
    let of = |state: &str| -> i64 {
        let lines = liability.as_array().unwrap().iter().filter(|line| line["state"] == state);
        lines.map(|line| line["amount_minor"].as_i64().unwrap()).sum()
    };
    assert_eq!((of("live"), of("authorised")), (300, 500), "{liability:#}");

    // Ended three hours ago: what is not held expires, what is held can still be captured.
    pass(&world, 5).await;
    let preview = world.tradeup_json(&["preview", "credit-expiration"]);
    assert!(preview.to_string().contains("authorised"), "{preview:#}");
    world.tradeup_ok(&["trigger", "credit-expiration", "--follow"]);
    let balance = "select sum(balance_minor)::bigint from accounts";
    assert_eq!(world.number(balance).await, 500);
    world.tradeup_ok(&["verify"]);
    let capture = ["capture", "--tenant", "aurora", "--reference", "1001", "--amount", "2.00"];
    assert!(world.tradeup_ok(&capture).contains("Captured: 2.00 USD. 3.00 USD are free again."));
    assert!(world.tradeup_ok(&capture).contains("Captured before"));
    // What is free again has ended: it is the next expiration's, and nobody has to think of it.
    world.tradeup_ok(&["verify"]);
    assert_eq!(world.number(balance).await, 300);
    world.tradeup_ok(&["trigger", "credit-expiration", "--follow"]);
    assert_eq!(world.number(balance).await, 0);
    world.tradeup_ok(&["verify"]);

    let refused = |command: &[&str], said: &str| {
        let ran = world.tradeup(command);
        assert!(ran.code == 1 && ran.stderr.contains(said), "{command:?}: {}", ran.stderr);
    };
    refused(&["release", "--tenant", "aurora", "--reference", "1001"], "TU0322");
    refused(&["release", "--tenant", "aurora", "--reference", "1002"], "TU0321");
    refused(
        &["hold", "--tenant", "aurora", "--member", &member, "--amount", "0.01", "--reference", "1003"],
        "TU0307",
    );
    refused(
        &["hold", "--tenant", "aurora", "--member", &member, "--amount", "0.01", "--reference", "1001"],
        "another reference",
    );
    assert_eq!(world.tradeup(&["hold", "--tenant", "aurora"]).code, 2);
}
