//! The stand-in as a process: ready when it says so, set up from outside, ended by SIGTERM.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tradeup_shopify::{Client, ShopifyError};

use crate::setting::{CUSTOMER, SHOP, TOKEN, owner, settings, usd};

/// Killed when the test is over, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn a_process_is_set_up_looked_at_and_ended() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fake-shopify")).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut running = Running(child);
    let ready: Value = serde_json::from_str(&line).unwrap();
    let base = ready["base"].as_str().unwrap().to_owned();

    let setup = json!({"shop": SHOP, "token": TOKEN, "customers": [{"id": CUSTOMER}]});
    assert_eq!(control(&base, "POST", "/_control/shops", &setup).await.0, 201);
    let client = Client::new(settings(base.clone())).unwrap();
    let shop = client.shop(&SHOP.parse().unwrap(), TOKEN.into());
    let path = |rest: &str| format!("/_control/shops/{SHOP}{rest}");
    let expires =
        shop.credit(&owner(), usd("5"), None, false).await.unwrap().created_at + chrono::TimeDelta::days(1);
    shop.credit(&owner(), usd("2"), Some(expires), false).await.unwrap();
    assert_eq!(control(&base, "POST", &path("/faults"), &json!({"fault": "drop_after"})).await.0, 204);
    let error = shop.credit(&owner(), usd("1"), None, false).await.unwrap_err();
    assert!(matches!(error, ShopifyError::OutcomeUnknown { .. }));
    let spend = json!({"customer": CUSTOMER, "amount": "1.50", "currency": "USD"});
    assert_eq!(control(&base, "POST", &path("/spend"), &spend).await.0, 204);
    control(&base, "POST", "/_control/clock", &json!({"advance_seconds": 90_000})).await;
    let (status, state) = control(&base, "GET", &path(""), &Value::Null).await;
    assert_eq!(status, 200);
    let account = &state["accounts"][0];
    assert_eq!(account["balance_minor"], 600);
    let kinds: Vec<_> = account["transactions"].as_array().unwrap().iter().map(|t| &t["kind"]).collect();
    assert_eq!(kinds, ["credit", "credit", "credit", "debit", "expiration"]);
    let order = crate::listing::sample("orders-paid.json");
    assert_eq!(control(&base, "POST", &path("/listed/orders"), &order).await.0, 204);
    assert_eq!(control(&base, "POST", &path("/listed/customers"), &order["customer"]).await.0, 204);
    assert_eq!(control(&base, "POST", &path("/listed/products"), &order).await.0, 404);
    assert_eq!(control(&base, "POST", &path("/listed/orders"), &json!({})).await.0, 422);
    let since = "2020-01-01T00:00:00Z".parse().unwrap();
    let orders = shop.changed_orders(since, None, None).await.unwrap();
    let customers = shop.changed_customers(since, None, None).await.unwrap();
    assert_eq!((orders.items.len(), customers.items.len()), (1, 1));
    let bulk = json!({"bulk_polls": 0, "bulk_end": "failed", "bulk_breaks_after": 1});
    assert_eq!(control(&base, "POST", &path("/settings"), &bulk).await.0, 204);
    assert_eq!(control(&base, "POST", &path("/settings"), &json!({"frozen": true})).await.0, 204);
    assert_eq!(shop.shop_info().await.unwrap_err(), ShopifyError::Frozen);
    assert_eq!(control(&base, "POST", &path("/settings"), &json!({"frosen": true})).await.0, 422);

    let ended = Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
    assert!(ended.success());
    let waiting = tokio::task::spawn_blocking(move || running.0.wait().unwrap());
    let ended = tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap();
    assert!(ended.success(), "{ended}");
}

/// A control call with `curl`-like plainness: one connection, one request.
async fn control(base: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let host = base.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let body = body.to_string();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or_default())
}
