//! Orders and customers are listed as their webhooks would have told them.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tradeup_domain::{Class, Classify as _};
use tradeup_fakes::shopify::{Fault, SettingsChange, samples};
use tradeup_shopify::webhook::{Customer, Order, Refs};
use tradeup_shopify::{Listed, NotListed, OrderId, Page, Recorder, ShopifyError};

use crate::setting::{SHOP, Setting, setting, setting_with, start};

/// A body of the samples.
pub(crate) fn sample(file: &str) -> Value {
    let (samples, _, _) = samples();
    let found = samples.into_iter().find(|sample| sample.file == file).unwrap();
    serde_json::from_slice(&found.webhook.body).unwrap()
}

/// The body of a plain order with this number, changed so many minutes after the start.
pub(crate) fn order(number: u64, minutes: i64) -> Value {
    let mut body = sample("orders-paid.json");
    body["id"] = json!(number);
    body["updated_at"] = json!((start() + TimeDelta::minutes(minutes)).to_rfc3339());
    body
}

/// A shop whose bucket holds enough: the stand-in's clock stands, so nothing comes back into it.
pub(crate) async fn rich() -> Setting {
    let world = setting().await;
    let change = SettingsChange { restore_rate: Some(100_000.0), ..SettingsChange::default() };
    world.fake.with_shop(SHOP, |shop| shop.change(change, start()));
    world
}

impl Setting {
    pub(crate) fn plant_order(&self, body: &Value) {
        let planted =
            |shop: &mut tradeup_fakes::shopify::Shop| shop.bodies.plant_order(body.to_string().as_bytes());
        assert_eq!(self.fake.with_shop(SHOP, planted), Some(true));
    }

    pub(crate) fn plant_customer(&self, body: &Value) {
        let planted =
            |shop: &mut tradeup_fakes::shopify::Shop| shop.bodies.plant_customer(body.to_string().as_bytes());
        assert_eq!(self.fake.with_shop(SHOP, planted), Some(true));
    }

    async fn all_orders(&self, since: DateTime<Utc>) -> Vec<Page<Listed>> {
        let mut pages: Vec<Page<Listed>> = Vec::new();
        loop {
            let after = pages.last().and_then(|page| page.next.clone());
            if !pages.is_empty() && after.is_none() {
                return pages;
            }
            pages.push(self.shop.changed_orders(since, None, after.as_ref()).await.unwrap());
        }
    }
}

/// What the decoder reads of a body.
pub(crate) fn decoded(body: &Value) -> Order {
    Order::decode(body.to_string().as_bytes()).unwrap()
}

fn long_ago() -> DateTime<Utc> {
    start() - TimeDelta::days(3_650)
}

/// Lists `body` in a page and alone; both have to say what its webhook says.
async fn same(world: &Setting, what: &str, body: &Value) {
    world.fake.with_shop(SHOP, |shop| shop.bodies = tradeup_fakes::shopify::Bodies::default());
    world.plant_order(body);
    let expected = decoded(body);
    let page = world.shop.changed_orders(long_ago(), None, None).await.unwrap();
    assert_eq!((page.left_out.len(), page.next, page.items.len()), (0, None, 1), "{what}");
    let listed = &page.items[0];
    assert_eq!(Order::decode(&listed.body).unwrap(), expected, "{what}");
    assert_eq!((&listed.id, listed.updated_at), (&expected.id, expected.updated_at), "{what}");
    let refs = |body: &[u8]| Refs::read("orders/updated", body).unwrap();
    assert_eq!(refs(&listed.body), refs(body.to_string().as_bytes()), "{what}");
    let id = OrderId::from_number(&expected.id).unwrap();
    assert_eq!(world.shop.order(&id).await.unwrap().as_ref(), Some(listed), "{what}");
}

#[tokio::test]
async fn every_order_of_the_samples_is_listed_as_its_webhook_tells_it() {
    let world = rich().await;
    let (samples, _, _) = samples();
    let orders = ["orders/create", "orders/updated", "orders/paid", "orders/cancelled"];
    let mut seen = 0;
    for sample in samples.iter().filter(|sample| orders.contains(&sample.topic.as_str())) {
        let body = serde_json::from_slice(&sample.webhook.body).unwrap();
        same(&world, &sample.file, &body).await;
        seen += 1;
    }
    assert!(seen >= 15, "{seen}");
}

#[tokio::test]
async fn every_refund_of_the_samples_is_listed_inside_its_order() {
    let world = rich().await;
    let (samples, _, _) = samples();
    let mut seen = 0;
    for found in samples.iter().filter(|sample| sample.topic == "refunds/create") {
        let mut refund: Value = serde_json::from_slice(&found.webhook.body).unwrap();
        let mut order = sample(match found.file.as_str() {
            "refunds-create-jpy.json" => "orders-paid-jpy.json",
            "refunds-create-kwd.json" => "orders-paid-kwd.json",
            "refunds-create-multicurrency.json" => "orders-paid-multicurrency.json",
            _ => "orders-paid.json",
        });
        refund["order_id"] = order["id"].clone();
        for payment in refund["transactions"].as_array_mut().unwrap() {
            payment["order_id"] = order["id"].clone();
        }
        order["refunds"] = json!([refund]);
        same(&world, &found.file, &order).await;
        seen += 1;
    }
    assert_eq!(seen, 10);
}

#[tokio::test]
async fn parcels_and_where_an_order_goes_are_listed() {
    let world = rich().await;
    let mut body = sample("orders-paid.json");
    body["fulfillment_status"] = json!("fulfilled");
    body["fulfillments"] = json!([
        { "status": "success", "created_at": "2026-11-22T08:00:00-05:00" },
        { "status": "cancelled", "created_at": "2026-11-23T08:00:00-05:00" },
    ]);
    body["shipping_address"] = Value::Null;
    body["billing_address"]["country_code"] = json!("FR");
    same(&world, "sent", &body).await;
    assert_eq!(decoded(&body).country.as_deref(), Some("FR"));
}

#[tokio::test]
async fn every_customer_of_the_samples_is_listed_as_its_webhook_tells_them() {
    let world = rich().await;
    let (samples, _, _) = samples();
    let mut seen = 0;
    for found in
        samples.iter().filter(|s| ["customers/create", "customers/update"].contains(&s.topic.as_str()))
    {
        let mut body: Value = serde_json::from_slice(&found.webhook.body).unwrap();
        // Before 2025-01 the webhook had these, too.
        for old in ["tags", "accepts_marketing", "email_marketing_consent"] {
            body.as_object_mut().unwrap().remove(old);
        }
        // Test notifications leave instants out; the API never does.
        for at in ["created_at", "updated_at"] {
            if body[at].is_null() {
                body[at] = json!("2026-11-20T10:00:00-05:00");
            }
        }
        world.fake.with_shop(SHOP, |shop| shop.bodies = tradeup_fakes::shopify::Bodies::default());
        world.plant_customer(&body);
        let page = world.shop.changed_customers(long_ago(), None, None).await.unwrap();
        assert_eq!((page.items.len(), page.left_out.len()), (1, 0), "{}", found.file);
        let expected = Customer::decode(body.to_string().as_bytes()).unwrap();
        let listed = Customer::decode(&page.items[0].body).unwrap();
        assert_eq!(listed, expected, "{}", found.file);
        assert_eq!((&page.items[0].id, Some(page.items[0].updated_at)), (&expected.id, expected.updated_at));
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[tokio::test]
async fn pages_come_in_the_order_of_change_and_hold_everything_once() {
    let world = rich().await;
    for at in 0..60_u64 {
        // Numbers run against the order of change, and pairs share their instant.
        world.plant_order(&order(9_000 - at, i64::try_from(at / 2).unwrap()));
    }
    world.plant_order(&order(7, -1));
    let pages = world.all_orders(start()).await;
    assert_eq!(pages.iter().map(|page| page.items.len()).collect::<Vec<_>>(), [25, 25, 10]);
    let items: Vec<&Listed> = pages.iter().flat_map(|page| &page.items).collect();
    assert!(items.is_sorted_by_key(|listed| listed.updated_at));
    let mut ids: Vec<u64> = items.iter().map(|listed| listed.id.parse().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (8_941..=9_000).collect::<Vec<_>>());
    // Up to an instant, and not with it: the orders of minutes 3 and 4.
    let (from, to) = (start() + TimeDelta::minutes(3), start() + TimeDelta::minutes(5));
    assert_eq!(world.shop.changed_orders(from, Some(to), None).await.unwrap().items.len(), 4);
    let to = to + TimeDelta::milliseconds(1);
    assert_eq!(world.shop.changed_orders(from, Some(to), None).await.unwrap().items.len(), 6);
}

#[tokio::test]
async fn what_changes_while_it_is_paged_through_comes_again() {
    let world = rich().await;
    for at in 0..30_u64 {
        world.plant_order(&order(100 + at, i64::try_from(at).unwrap()));
    }
    let first = world.shop.changed_orders(start(), None, None).await.unwrap();
    world.plant_order(&order(100, 90));
    let second = world.shop.changed_orders(start(), None, first.next.as_ref()).await.unwrap();
    let ids: Vec<&str> = second.items.iter().map(|listed| listed.id.as_str()).collect();
    assert_eq!((ids, second.next), (vec!["125", "126", "127", "128", "129", "100"], None));
}

#[tokio::test]
async fn customers_are_paged_through() {
    let world = rich().await;
    for number in 1..=130_u64 {
        let mut body = sample("customers-create.json");
        body["id"] = json!(number);
        world.plant_customer(&body);
    }
    let first = world.shop.changed_customers(long_ago(), None, None).await.unwrap();
    let rest = world.shop.changed_customers(long_ago(), None, first.next.as_ref()).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (100, 30, None));
}

#[tokio::test]
async fn long_orders_and_refunds_are_read_to_their_end() {
    let world = rich().await;
    let mut body = sample("orders-updated-partially-refunded.json");
    let (line, back) = (body["line_items"][0].clone(), body["refunds"][0]["refund_line_items"][0].clone());
    let numbered = |mut entry: Value, key: &str, at: u64| {
        entry[key] = json!(14_300_000_000_000 + at);
        entry
    };
    body["line_items"] = (0..170).map(|at| numbered(line.clone(), "id", at)).collect();
    body["refunds"][0]["refund_line_items"] =
        (0..160).map(|at| numbered(back.clone(), "line_item_id", at)).collect();
    // More refunds than a page of orders holds.
    let mut small = body["refunds"][0].clone();
    small["refund_line_items"] = json!([]);
    for at in 0..14_u64 {
        small["id"] = json!(9_100_000_000_500 + at);
        body["refunds"].as_array_mut().unwrap().push(small.clone());
    }
    same(&world, "long", &body).await;
    let order = decoded(&body);
    assert_eq!((order.lines.len(), order.refunds.len(), order.refunds[0].lines.len()), (170, 15, 160));
}

#[tokio::test]
async fn what_can_t_be_read_whole_is_named_and_the_rest_comes() {
    let world = rich().await;
    let mut long = order(11, 1);
    let mut refund = sample("refunds-create-line-items.json");
    let payment = refund["transactions"][0].clone();
    refund["transactions"] = (0..21).map(|_| payment.clone()).collect();
    long["refunds"] = json!([refund]);
    world.plant_order(&long);
    world.plant_order(&order(12, 2));
    let page = world.shop.changed_orders(start(), None, None).await.unwrap();
    assert_eq!(page.items.iter().map(|listed| listed.id.as_str()).collect::<Vec<_>>(), ["12"]);
    let why = NotListed::TooLong { what: "payments of a refund", max: 20 };
    assert_eq!((page.left_out[0].id.as_str(), &page.left_out[0].why), ("11", &why));
    let error = world.shop.order(&"gid://shopify/Order/11".parse().unwrap()).await.unwrap_err();
    assert_eq!(error, ShopifyError::TooLong { what: "payments of a refund", max: 20 });
    assert_eq!(error.class(), Class::Permanent);
}

#[tokio::test]
async fn there_is_no_order_or_no_leave_to_read_it() {
    let world = setting().await;
    assert_eq!(world.shop.order(&OrderId::from_number("1").unwrap()).await.unwrap(), None);
    assert_eq!(world.shop.changed_orders(start(), None, None).await.unwrap().items, []);
    world.fake.with_shop(SHOP, |shop| shop.scopes.clear());
    for (error, scope) in [
        (world.shop.changed_orders(start(), None, None).await.unwrap_err(), "read_orders"),
        (world.shop.changed_customers(start(), None, None).await.unwrap_err(), "read_customers"),
        (world.shop.order(&OrderId::from_number("1").unwrap()).await.unwrap_err(), "read_orders"),
    ] {
        assert!(
            matches!(&error, ShopifyError::AccessDenied { required } if required.contains(scope)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_order_in_another_shape_is_left_out_and_never_shown() {
    let world = rich().await;
    // The answers below tell no cost: the client has to know before that there is enough.
    world.shop.changed_orders(start(), None, None).await.unwrap();
    let body = json!({ "data": { "orders": {
        "nodes": [{ "id": "gid://shopify/Order/5", "name": { "secret": "Alma" } }],
        "pageInfo": { "hasNextPage": false, "endCursor": null },
    }}});
    world.fake.fault(SHOP, Fault::Answer { code: 200, body: body.to_string(), retry_after: None });
    let page = world.shop.changed_orders(start(), None, None).await.unwrap();
    assert_eq!(page.left_out[0].why, NotListed::Shape { path: "name".to_owned() });
    assert!(!format!("{page:?}").contains("Alma"));
    for nodes in [json!([{ "name": "Alma" }]), json!(["Alma"]), json!({ "Alma": 1 })] {
        let page_info = json!({ "hasNextPage": false });
        let body = json!({ "data": { "orders": { "nodes": nodes, "pageInfo": page_info } } }).to_string();
        world.fake.fault(SHOP, Fault::Answer { code: 200, body, retry_after: None });
        let error = world.shop.changed_orders(start(), None, None).await.unwrap_err();
        assert!(matches!(error, ShopifyError::UnexpectedAnswer { .. }), "{error}");
        assert!(!format!("{error:?}").contains("Alma"), "{error:?}");
    }
}

#[tokio::test]
async fn recordings_and_what_is_shown_name_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(folder.path()).unwrap();
    let world =
        setting_with(|settings| tradeup_shopify::Settings { recorder: Some(recorder), ..settings }).await;
    world.plant_order(&order(21, 1));
    world.plant_customer(&sample("customers-create.json"));
    let orders = world.shop.changed_orders(start(), None, None).await.unwrap();
    let customers = world.shop.changed_customers(long_ago(), None, None).await.unwrap();
    assert_eq!((orders.items.len(), customers.items.len()), (1, 1));
    let recorded = std::fs::read_to_string(folder.path().join(format!("{SHOP}.jsonl"))).unwrap();
    assert_eq!(recorded.lines().count(), 2);
    for name in ["@example.com", "Alma", "Reyes", "+1555", "HARBOUR"] {
        assert!(!recorded.contains(name), "{name}");
        assert!(!format!("{orders:?} {customers:?}").contains(name), "{name}");
    }
}
