//! A checkout spends by HTTP: once for each reference, never more than there is, and only its own shop's.

use serde_json::{Value, json};
use tradeup_harness::{Shop, World};

use crate::http::{ask, port};

/// One request of a system with this token; status and JSON body.
pub(crate) async fn call(port: u16, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, answer) = ask(port, method, path, &headers, &body).await;
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

pub(crate) fn token(world: &World, tenant: &str) -> String {
    let made = world.tradeup_json(&["token", "add", tenant, "--source", "checkout"]);
    made["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_checkout_spends_and_gives_back_once() {
    let mut world = World::with_aurora(20, 241).await;
    world.add_shop(&Shop::new("borealis", 5, 242));
    world.environment.insert("TRADEUP_HTTP".to_owned(), "127.0.0.1:0".to_owned());
    let webhooks = world.start("webhooks").await;
    let port = port(&webhooks).await;
    let member: String = sqlx::query_scalar(
        "select m.external_id from members m join tenants t on t.id = m.tenant_id where t.handle = 'aurora' limit 1",
    )
    .fetch_one(&world.database.admin)
    .await
    .unwrap();
    world.tradeup_ok(&[
        "adjust", "--tenant", "aurora", "--member", &member, "--add", "10.00", "--key", "a", "--reason",
        "a start",
    ]);
    let (own, foreign) = (token(&world, "aurora"), token(&world, "borealis"));
    let balance = format!("/v1/tenants/aurora/members/{member}/balance");
    let (status, shown) = call(port, "GET", &balance, &own, &Value::Null).await;
    assert_eq!((status, &shown["spendable_minor"], &shown["currency"]), (200, &1000.into(), &"USD".into()));

    let spends = "/v1/tenants/aurora/spends";
    let spend = |minor: i64, reference: &str| json!({ "member_external_id": member, "amount": { "amount_minor": minor, "currency": "USD" }, "reference": reference });
    let (status, first) = call(port, "POST", spends, &own, &spend(400, "order 1")).await;
    assert_eq!((status, &first["outcome"], &first["left_minor"]), (201, &"spent".into(), &600.into()));
    let (status, again) = call(port, "POST", spends, &own, &spend(400, "order 1")).await;
    assert_eq!((status, &again["outcome"]), (200, &"already_spent".into()));
    let (status, other) = call(port, "POST", spends, &own, &spend(401, "order 1")).await;
    assert_eq!((status, &other["code"]), (409, &"TU0006".into()));
    let (status, short) = call(port, "POST", spends, &own, &spend(601, "order 2")).await;
    assert_eq!((status, &short["code"], &short["spendable_minor"]), (422, &"TU0307".into(), &600.into()));

    // Nobody without a token of this shop, and a foreign one is as good as none.
    for wrong in ["", "tuk_00", foreign.as_str()] {
        assert_eq!(call(port, "POST", spends, wrong, &spend(1, "order 3")).await.0, 401);
    }
    let no_shop = "/v1/tenants/no-such-shop/spends";
    assert_eq!(call(port, "POST", no_shop, &own, &spend(1, "order 3")).await.0, 401);
    for (body, field) in [
        (
            json!({ "amount": { "amount_minor": 1, "currency": "USD" }, "reference": "x" }),
            "member_external_id",
        ),
        (spend(0, "x"), "amount.amount_minor"),
        (spend(1, ""), "reference"),
        (
            json!({ "member_external_id": member, "amount": { "amount_minor": 1, "currency": "EUR" }, "reference": "x" }),
            "amount.currency",
        ),
        (json!("text"), "an object"),
    ] {
        let (status, problem) = call(port, "POST", spends, &own, &body).await;
        assert!(status == 400 && problem["detail"].as_str().unwrap().contains(field), "{body}: {problem}");
    }
    let unknown = json!({ "member_external_id": "nobody", "amount": { "amount_minor": 1, "currency": "USD" }, "reference": "x" });
    assert_eq!(call(port, "POST", spends, &own, &unknown).await.0, 404);

    let reverts = "/v1/tenants/aurora/reverts";
    let revert = json!({ "spend_reference": "order 1", "reference": "refund 1", "amount": { "amount_minor": 150, "currency": "USD" } });
    let (status, back) = call(port, "POST", reverts, &own, &revert).await;
    assert_eq!((status, &back["outcome"], &back["amount_minor"]), (201, &"reverted".into(), &150.into()));
    assert_eq!(call(port, "POST", reverts, &own, &revert).await.0, 200);
    let rest = json!({ "spend_reference": "order 1", "reference": "refund 2" });
    assert_eq!(call(port, "POST", reverts, &own, &rest).await.1["amount_minor"], 250);
    let too_much = json!({ "spend_reference": "order 1", "reference": "refund 3", "amount": { "amount_minor": 1, "currency": "USD" } });
    assert_eq!(call(port, "POST", reverts, &own, &too_much).await.0, 422);
    let none = json!({ "spend_reference": "order 9", "reference": "refund 4" });
    assert_eq!(call(port, "POST", reverts, &own, &none).await.0, 404);
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 1000);

    // Revoked, it lets nobody in; and it was never kept as it is.
    let listed = world.tradeup_json(&["token", "list", "aurora"]);
    world.tradeup_ok(&["token", "revoke", "aurora", listed[0]["token_id"].as_str().unwrap()]);
    assert_eq!(call(port, "POST", spends, &own, &spend(1, "order 4")).await.0, 401);
    assert!(!webhooks.log().contains(&own[4..]) && !listed.to_string().contains(&own[4..]));
    world.tradeup_ok(&["verify"]);
}
