//! A shop comes, goes and comes back.

use serde_json::json;
use tradeup_fakes::shopify::Webhook;
use tradeup_harness::eventually;

use super::{SETTLED_WITHIN, told};

const OTHER: &str = "late-comer.myshopify.com";

#[tokio::test]
async fn an_event_of_a_shop_that_is_not_known_yet_waits_for_it() {
    let told = told("USD").await;
    let body = told.sample("orders-paid.json").body;
    let early = Webhook::new(&told.secret, OTHER, "orders/paid", &body);
    told.accept(&early).await;
    told.accept(&early).await;
    eventually("it is kept", SETTLED_WITHIN, || async {
        (told.number("select count(*) from unclaimed_events").await == 1).then_some(())
    })
    .await;
    told.world.tradeup_ok(&["tenant", "add", "late", "--currency", "USD", "--tier", "gold=0:gold"]);
    told.world.tradeup_ok(&["tenant", "set", "late", "--shop", OTHER]);
    eventually("it is taken", SETTLED_WITHIN, || async {
        let taken =
            "select count(*) from events e join tenants t on t.id = e.tenant_id where t.handle = 'late'";
        (told.number(taken).await == 1 && told.number("select count(*) from unclaimed_events").await == 0)
            .then_some(())
    })
    .await;
    told.settled().await;
    // Nobody's member there, and nothing for the other shop.
    assert_eq!(told.balance().await, 0);
    let taken = told.world.tradeup(&["tenant", "set", "harbour", "--shop", OTHER]);
    assert!(taken.code != 0 && taken.stderr.contains("another tenant"), "{}", taken.stderr);

    // One that nobody claims is set aside, and can be replayed when somebody has.
    told.accept(&Webhook::new(&told.secret, "nobody-here.myshopify.com", "orders/paid", &body)).await;
    eventually("it is kept", SETTLED_WITHIN, || async {
        (told.number("select count(*) from unclaimed_events").await == 1).then_some(())
    })
    .await;
    sqlx::query("update unclaimed_events set received_at = received_at - interval '16 minutes'")
        .execute(&told.world.database.admin)
        .await
        .unwrap();
    eventually("it is set aside", SETTLED_WITHIN, || async {
        (told.number("select count(*) from dead_letters").await == 1).then_some(())
    })
    .await;
    let dead = told.world.tradeup_json(&["dead", "list"]);
    assert_eq!(dead[0]["code"], "TU0204");
}

#[tokio::test]
async fn an_uninstalled_shop_stands_still_and_a_late_word_of_it_changes_nothing() {
    let told = told("USD").await;
    told.accept_sample("orders-paid.json").await;
    told.settled().await;
    assert_eq!(told.balance().await, 488);
    // A word of an uninstall before the install that is known.
    let gone = told.sample("app-uninstalled.json");
    told.accept(
        &gone
            .clone()
            .with("X-Shopify-Triggered-At", "2020-01-01T00:00:00Z")
            .with("X-Shopify-Webhook-Id", "late")
            .with("X-Shopify-Event-Id", "late"),
    )
    .await;
    assert_eq!(told.result("app/uninstalled").await["outcome"], "older_than_install");
    let now = told.world.instant_in("0 seconds").await;
    told.accept(&gone.clone().with("X-Shopify-Triggered-At", &now)).await;
    assert_eq!(told.result("app/uninstalled").await["outcome"], "uninstalled");
    told.accept_sample("refunds-create-line-items.json").await;
    assert_eq!(told.result("refunds/create").await["outcome"], "uninstalled");
    assert_eq!(told.balance().await, 488, "the ledger stands still");
    let state = told.world.tradeup_json(&["tenant", "show", "harbour"]);
    assert_eq!(state["state"], "uninstalled", "{state}");
    told.assert_proved();
}

#[tokio::test]
async fn a_scope_that_is_lost_holds_back_what_needs_it() {
    let told = told("USD").await;
    sqlx::query("update tenants set wallet = 'ledger'").execute(&told.world.database.admin).await.unwrap();
    told.accept_sample("app-scopes-update.json").await;
    assert_eq!(told.result("app/scopes_update").await["outcome"], "paused");
    let holds = told.world.tradeup_json(&["holds"]).to_string();
    assert!(
        holds.contains("push-store-credit") && holds.contains("write_store_credit_account_transactions"),
        "{holds}"
    );
    let now = told.world.instant_in("0 seconds").await;
    let back = json!({ "id": 1, "shop_id": "gid://shopify/Shop/61234567891", "previous": [],
        "current": ["read_orders", "write_store_credit_account_transactions"], "updated_at": now });
    told.accept(&told.webhook("app/scopes_update", &back)).await;
    assert_eq!(told.result("app/scopes_update").await["outcome"], "noted");
    assert_eq!(told.number("select count(*) from pauses").await, 0);
}
