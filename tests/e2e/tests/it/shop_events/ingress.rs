//! Who is let in: whoever signs, and nobody else; and what is answered.

use serde_json::json;
use tradeup_fakes::shopify::{Webhook, signature};

use super::told;
use crate::http::send;

#[tokio::test]
async fn nothing_that_is_not_signed_leaves_a_trace() {
    let told = told("USD").await;
    let good = told.sample("orders-paid.json");
    let hex: String = good.body.iter().take(32).map(|byte| format!("{byte:02x}")).collect();
    let mut reencoded = good.clone();
    reencoded.body =
        serde_json::to_vec(&serde_json::from_slice::<serde_json::Value>(&good.body).unwrap()).unwrap();
    let mut longer = good.clone();
    longer.body.push(b' ');
    let mut shorter = good.clone();
    shorter.body.pop();
    let signed = |secret: &str| signature(secret, &good.body);
    let forged: Vec<Webhook> = vec![
        good.clone().with("X-Shopify-Hmac-Sha256", ""),
        good.clone().with("X-Shopify-Hmac-Sha256", "AAAA"),
        good.clone().with("X-Shopify-Hmac-Sha256", &hex),
        good.clone().with("X-Shopify-Hmac-Sha256", &signed("another secret")),
        good.clone().with("X-Shopify-Hmac-Sha256", &signed("")),
        good.clone().with("X-Shopify-Hmac-Sha256", signed(&told.secret).trim_end_matches('=')),
        reencoded,
        longer,
        shorter,
    ];
    for (n, webhook) in forged.iter().enumerate() {
        assert_eq!(told.send(webhook).await, 401, "forgery {n}");
    }
    let mut twice = good.clone();
    twice.headers.push(("X-Shopify-Hmac-Sha256".to_owned(), signed(&told.secret)));
    assert_eq!(told.send(&twice).await, 401);
    // The topics that app review tries unsigned.
    for topic in ["customers/data_request", "customers/redact", "shop/redact"] {
        let webhook = told.webhook(topic, &json!({})).with("X-Shopify-Hmac-Sha256", "");
        assert_eq!(told.send(&webhook).await, 401, "{topic}");
    }
    told.settled().await;
    for table in
        ["select count(*) from events", "select count(*) from unclaimed_events", "select count(*) from runs"]
    {
        assert_eq!(told.number(table).await, 0, "{table}");
    }
    assert_eq!(told.world.jobs().await.count("EVENTS").await, 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said() {
    let told = told("USD").await;
    let good = told.sample("customers-create.json");
    for (webhook, status, named) in [
        (good.clone().with("X-Shopify-Topic", ""), 400, "topic"),
        (good.clone().with("X-Shopify-Shop-Domain", ""), 400, "shop-domain"),
        (good.clone().with("X-Shopify-Shop-Domain", "evil.example.com"), 400, "shop-domain"),
        (good.clone().with("X-Shopify-Webhook-Id", ""), 400, "webhook-id"),
        (good.clone().with("Content-Type", "text/plain"), 415, "application/json"),
        (good.clone().with("Content-Encoding", "gzip"), 415, "Content-Encoding"),
    ] {
        let (answered, text) =
            send(told.port, "POST", "/webhooks/shopify", &webhook.headers, &webhook.body).await;
        assert_eq!(answered, status, "{text}");
        assert!(text.to_lowercase().contains(&named.to_lowercase()), "{text}");
        assert!(!text.contains("evil"), "{text}");
    }
    let large = vec![b' '; 5 * 1024 * 1024 + 1];
    let large = Webhook::new(&told.secret, &told.shop, "orders/paid", &large);
    assert!(matches!(told.send(&large).await, 0 | 413), "too large, and maybe cut off while it was sent");
    assert_eq!(send(told.port, "GET", "/webhooks/shopify", &[], b"").await.0, 405);
    told.settled().await;
    assert_eq!(told.number("select count(*) from events").await, 0);

    // Too large for the stream, and a webhook all the same: kept as its row.
    let note = "x".repeat(600 * 1024);
    told.accept(&told.webhook("customers/create", &json!({ "id": 9, "note": note }))).await;
    assert_eq!(told.number("select count(*) from events").await, 1, "at once");
    assert_eq!(told.world.jobs().await.count("EVENTS").await, 0);
    assert_eq!(told.result("customers/create").await["outcome"], "no_member");
}

#[tokio::test]
async fn an_old_secret_is_taken_until_its_end() {
    let mut told = told("USD").await;
    let secrets = format!("brand-new,{}@2099-01-01T00:00:00Z,gone@2020-01-01T00:00:00Z", told.secret);
    told.world.environment.insert("TRADEUP_SHOPIFY_WEBHOOK_SECRETS".to_owned(), secrets);
    let webhooks = told.world.start("webhooks").await;
    told.port = crate::http::port(&webhooks).await;
    let good = told.sample("customers-create.json");
    let signed = |secret: &str| good.clone().with("X-Shopify-Hmac-Sha256", &signature(secret, &good.body));
    assert_eq!(told.send(&good).await, 200);
    assert_eq!(told.send(&signed("brand-new")).await, 200);
    assert_eq!(told.send(&signed("gone")).await, 401);
    let log = webhooks.log();
    assert!(
        log.contains("older secret") && !log.contains("brand-new") && !log.contains(&told.secret),
        "{log}"
    );
}

#[tokio::test]
async fn what_can_not_be_read_is_a_dead_letter_that_says_where() {
    let told = told("USD").await;
    let mut cut = told.sample("orders-paid.json").body;
    cut.truncate(cut.len() / 2);
    told.accept(&Webhook::new(&told.secret, &told.shop, "orders/paid", &cut)).await;
    told.settled().await;
    let dead = told.world.tradeup_json(&["dead", "list", "--task", "intake"]);
    assert_eq!(dead[0]["code"], "TU0203");
    assert!(dead[0]["errors"][0].as_str().unwrap().contains("line "), "{dead}");

    let mut odd: serde_json::Value = serde_json::from_slice(&told.sample("orders-paid.json").body).unwrap();
    odd["line_items"][1]["price"] = json!("12,50");
    odd["line_items"][1]["price_set"] = json!(null);
    told.accept(&told.webhook("orders/paid", &odd)).await;
    told.settled().await;
    let dead = told.world.tradeup_json(&["dead", "list", "--task", "handle-order-paid"]);
    assert_eq!(dead[0]["code"], "TU0203");
    let error = dead[0]["errors"][0].as_str().unwrap();
    assert!(error.contains("line_items[1].price") && !error.contains("12,50"), "{error}");
    assert_eq!(told.balance().await, 0);

    // A topic that nobody handles is kept.
    told.accept_sample("products-update.json").await;
    told.accept_sample("customers-purchasing-summary.json").await;
    told.settled().await;
    assert_eq!(told.number("select count(*) from events where state = 'unhandled'").await, 2);
    told.assert_proved();
}
