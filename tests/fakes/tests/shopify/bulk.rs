//! Bulk operations: started, waited for, and their files read.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tradeup_domain::{Class, Classify as _};
use tradeup_fakes::shopify::{BulkEnd, Fault, SettingsChange};
use tradeup_shopify::webhook::{Customer, Order};
use tradeup_shopify::{
    BulkFile, BulkId, BulkKind, BulkStart, BulkState, Download, Listed, NotListed, ShopifyError,
};

use crate::listing::{decoded, order, rich, sample};
use crate::setting::{SHOP, Setting, start};

impl Setting {
    async fn started(&self, kind: BulkKind) -> BulkId {
        match self.shop.start_bulk(kind, Some(start())).await.unwrap() {
            BulkStart::Started(id) => id,
            BulkStart::AlreadyRunning => panic!("another is running"),
        }
    }

    /// How it has ended, with the number of times it was seen to run.
    async fn ended(&self, id: &BulkId) -> (BulkState, usize) {
        let mut ran = 0;
        loop {
            match self.shop.bulk(id).await.unwrap() {
                BulkState::Running { .. } => ran += 1,
                ended => return (ended, ran),
            }
        }
    }

    async fn file(&self, kind: BulkKind) -> BulkFile {
        let id = self.started(kind).await;
        match self.ended(&id).await {
            (BulkState::Done { file: Some(file), .. }, _) => file,
            (other, _) => panic!("{other:?}"),
        }
    }

    fn bulk(&self, change: SettingsChange) {
        self.fake.with_shop(SHOP, |shop| shop.change(change, start()));
    }

    fn calls(&self) -> u64 {
        self.fake.with_shop(SHOP, |shop| shop.calls).unwrap()
    }
}

async fn rest(download: &mut Download) -> Vec<Listed> {
    let mut found = Vec::new();
    while let Some(listed) = download.next().await.unwrap() {
        found.push(listed);
    }
    found
}

#[tokio::test]
async fn five_hundred_orders_come_as_their_webhooks_tell_them() {
    let world = rich().await;
    let mut expected: BTreeMap<String, Value> = BTreeMap::new();
    for number in 0..500_u64 {
        let mut body = order(40_000 + number, i64::try_from(number).unwrap());
        // Every tenth has a refund, which a bulk file can't hold.
        if number % 10 == 0 {
            let mut refund = sample("refunds-create-line-items.json");
            refund["order_id"] = body["id"].clone();
            refund["transactions"][0]["order_id"] = body["id"].clone();
            body["refunds"] = json!([refund]);
        }
        if number % 7 == 0 {
            body["line_items"] = json!([]);
        }
        world.plant_order(&body);
        expected.insert(body["id"].to_string(), body);
    }
    world.plant_order(&order(1, -5));
    let id = world.started(BulkKind::Orders).await;
    let (state, ran) = world.ended(&id).await;
    let BulkState::Done { file: Some(file), objects } = state else { panic!("{state:?}") };
    assert_eq!(ran, 2);
    let calls = world.calls();
    let mut download = world.shop.download(&file).await.unwrap();
    let listed = rest(&mut download).await;
    assert_eq!((listed.len(), download.left_out().len(), download.objects()), (500, 0, objects));
    // Only orders with refunds cost a call each.
    assert_eq!(world.calls() - calls, 50);
    for listed in listed {
        let body = expected.remove(&listed.id).unwrap();
        assert_eq!(Order::decode(&listed.body).unwrap(), decoded(&body), "{}", listed.id);
    }
    assert!(expected.is_empty());
}

#[tokio::test]
async fn customers_come_the_same_way() {
    let world = rich().await;
    for number in 1..=20_u64 {
        let mut body = sample("customers-update-unicode.json");
        body["id"] = json!(number);
        body["updated_at"] = json!((start() + TimeDelta::minutes(1)).to_rfc3339());
        world.plant_customer(&body);
    }
    let file = world.file(BulkKind::Customers).await;
    let mut download = world.shop.download(&file).await.unwrap();
    let listed = rest(&mut download).await;
    assert_eq!(listed.len(), 20);
    for listed in &listed {
        assert_eq!(Customer::decode(&listed.body).unwrap().email.unwrap().as_str(), "ZOE@Example.com");
    }
    assert!(!format!("{download:?} {listed:?}").contains("Zo"));
}

#[tokio::test]
async fn nothing_found_is_no_file() {
    let world = rich().await;
    let id = world.started(BulkKind::Orders).await;
    let (state, _) = world.ended(&id).await;
    assert!(matches!(state, BulkState::Done { file: None, objects: 0 }), "{state:?}");
}

#[tokio::test]
async fn other_ends_are_told() {
    let world = rich().await;
    world.plant_order(&order(3, 1));
    for end in [BulkEnd::Failed, BulkEnd::Canceled, BulkEnd::Expired] {
        world.bulk(SettingsChange { bulk_end: Some(end), bulk_polls: Some(1), ..SettingsChange::default() });
        let id = world.started(BulkKind::Orders).await;
        let (state, ran) = world.ended(&id).await;
        assert_eq!(ran, 1);
        match (end, &state) {
            (BulkEnd::Failed, BulkState::Failed { code, partial: Some(_) }) => {
                assert_eq!(code, "INTERNAL_SERVER_ERROR");
            }
            (BulkEnd::Canceled, BulkState::Canceled) | (BulkEnd::Expired, BulkState::Expired) => {}
            other => panic!("{other:?}"),
        }
        assert!(!format!("{state:?}").contains("http"), "{state:?}");
    }
    let unknown = "gid://shopify/BulkOperation/1".parse().unwrap();
    assert!(matches!(world.shop.bulk(&unknown).await.unwrap(), BulkState::Expired));
}

#[tokio::test]
async fn as_many_run_as_there_are_places() {
    let world = rich().await;
    world.fake.with_shop(SHOP, |shop| shop.bulk_plan.places = 1);
    let id = world.started(BulkKind::Orders).await;
    assert_eq!(world.shop.start_bulk(BulkKind::Orders, None).await.unwrap(), BulkStart::AlreadyRunning);
    world.ended(&id).await;
    world.started(BulkKind::Customers).await;
}

#[tokio::test]
async fn a_file_that_breaks_off_gives_nothing_that_is_not_whole() {
    let world = rich().await;
    for number in 0..10_u64 {
        world.plant_order(&order(70 + number, i64::try_from(number).unwrap()));
    }
    // Each order has two lines: the break comes after one of them.
    world.bulk(SettingsChange { bulk_breaks_after: Some(3 * 4 + 2), ..SettingsChange::default() });
    let file = world.file(BulkKind::Orders).await;
    let mut download = world.shop.download(&file).await.unwrap();
    let mut found = Vec::new();
    let error = loop {
        match download.next().await {
            Ok(Some(listed)) => found.push(listed.id),
            Ok(None) => panic!("it ended"),
            Err(error) => break error,
        }
    };
    assert!(found.len() <= 4, "{found:?}");
    assert!(matches!(error, ShopifyError::Unanswered { .. }), "{error}");
    assert_eq!(error.class(), Class::TRANSIENT);
    assert_eq!(download.next().await.unwrap_err(), error);
}

#[tokio::test]
async fn an_order_is_not_lost_when_it_can_t_be_read_on_its_own() {
    let world = rich().await;
    let mut refunded = order(80, 1);
    refunded["refunds"] = json!([sample("refunds-create-line-items.json")]);
    world.plant_order(&refunded);
    let mut gone = refunded.clone();
    gone["id"] = json!(81);
    world.plant_order(&gone);
    let mut long = refunded.clone();
    let payment = long["refunds"][0]["transactions"][0].clone();
    long["refunds"][0]["transactions"] = (0..21).map(|_| payment.clone()).collect();
    long["id"] = json!(82);
    world.plant_order(&long);
    world.plant_order(&order(83, 2));
    let file = world.file(BulkKind::Orders).await;
    world.fake.with_shop(SHOP, |shop| shop.bodies.orders.remove("81"));
    let mut download = world.shop.download(&file).await.unwrap();
    world.fake.fault(SHOP, Fault::Status { code: 503, retry_after: None, applied: false });
    assert!(matches!(download.next().await, Err(ShopifyError::Unanswered { .. })));
    let ids: Vec<String> = rest(&mut download).await.into_iter().map(|listed| listed.id).collect();
    assert_eq!(ids, ["80", "83"]);
    assert_eq!(download.left_out().len(), 1);
    let left_out = &download.left_out()[0];
    assert_eq!(left_out.id, "82");
    assert!(matches!(left_out.why, NotListed::TooLong { .. }));
}

/// Has the shop say that a file is at `url`.
async fn file_at(world: &Setting, url: &str) -> BulkFile {
    let bulk = json!({ "id": "gid://shopify/BulkOperation/1", "status": "COMPLETED", "errorCode": null,
        "objectCount": "1", "url": url, "partialDataUrl": null });
    let body = json!({ "data": { "bulkOperation": bulk } }).to_string();
    world.fake.fault(SHOP, Fault::Answer { code: 200, body, retry_after: None });
    match world.shop.bulk(&"gid://shopify/BulkOperation/1".parse().unwrap()).await.unwrap() {
        BulkState::Done { file: Some(file), .. } => file,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn files_elsewhere_than_expected_are_not_fetched() {
    let world = rich().await;
    for url in ["http://files.example/secret", "ftp://files.example/secret", "secret"] {
        let file = file_at(&world, url).await;
        let error = world.shop.download(&file).await.unwrap_err();
        assert!(matches!(error, ShopifyError::UnexpectedAnswer { .. }), "{error}");
        assert!(!format!("{error:?} {file:?}").contains("secret"));
    }
    let gone = file_at(&world, &format!("{}/_files/{SHOP}/none", world.fake.base())).await;
    let error = world.shop.download(&gone).await.unwrap_err();
    assert_eq!(error, ShopifyError::Unanswered { reason: "status 404 for a bulk file".to_owned() });
}

#[tokio::test]
async fn no_redirect_is_followed_and_no_token_sent() {
    let world = rich().await;
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = elsewhere.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = elsewhere.accept().await.unwrap();
        let mut request = [0; 4_096];
        let length = stream.read(&mut request).await.unwrap();
        let answer =
            format!("HTTP/1.1 302 Found\r\nlocation: http://{address}/on\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&request[..length]).to_lowercase()
    });
    let file = file_at(&world, &format!("http://{address}/file")).await;
    let error = world.shop.download(&file).await.unwrap_err();
    assert_eq!(error, ShopifyError::Unanswered { reason: "status 302 for a bulk file".to_owned() });
    let request = asked.await.unwrap();
    assert!(request.starts_with("get /file "), "{request}");
    assert!(!request.contains("token") && !request.contains("authorization"), "{request}");
}
