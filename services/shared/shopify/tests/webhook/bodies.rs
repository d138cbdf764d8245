//! What else is in the samples.

use serde_json::json;
use tradeup_shopify::webhook::{
    BulkFinished, Customer, CustomerRedact, CustomerState, DataRequest, Deleted, FinancialStatus, Merged,
    Order, Refs, ScopesChanged, ShopRedact, TagsChanged, Uninstalled,
};

use crate::samples::{self, body, order};

fn refs(file: &str) -> (Option<String>, Option<String>) {
    let samples = samples::all();
    let sample = samples.iter().find(|sample| sample.file == file).unwrap();
    let refs = Refs::read(&sample.topic, &sample.body).unwrap();
    (refs.resource, refs.customer)
}

#[test]
fn every_sample_is_read_and_shows_nobody() {
    for sample in samples::all() {
        let shown = samples::decode(&sample.topic, &sample.body).unwrap().unwrap_or_default();
        for name in ["@example.com", "Alma", "Reyes", "+1555"] {
            assert!(!shown.contains(name), "{}: {shown}", sample.file);
        }
    }
}

#[test]
fn orders_without_a_customer_are_ordinary() {
    for file in ["orders-paid-guest-null-customer.json", "orders-paid-guest-missing-customer-key.json"] {
        assert_eq!(order(file).customer, None, "{file}");
    }
    let phone_only = order("orders-paid-null-email.json").customer.unwrap();
    assert!(phone_only.email.is_none() && phone_only.first_name.is_none() && phone_only.phone.is_some());
}

#[test]
fn an_order_is_read_as_a_whole() {
    let order = order("orders-paid.json");
    assert_eq!((order.id.as_str(), order.name.as_deref()), ("5600112233440", Some("#1042")));
    let customer = order.customer.unwrap();
    assert_eq!(customer.id, "7400112233445");
    assert_eq!(customer.email.unwrap().as_str(), "alma.reyes@example.com");
    assert_eq!(customer.first_name.unwrap().into_string(), "Alma");
    assert_eq!(customer.locale.as_deref(), Some("en-US"));
    assert_eq!(order.financial_status, FinancialStatus::Paid);
    assert!(order.financial_status.was_paid() && order.confirmed && !order.test && order.requires_shipping);
    assert_eq!(order.created_at, "2026-11-20T15:15:27Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap());
    assert_eq!(order.processed_at, Some(order.created_at));
    assert_eq!(order.tags, ["trade-in", "VIP"]);
    assert_eq!(order.gateways, ["Bank Deposit"]);
    assert_eq!((order.country.as_deref(), order.source_name.as_deref()), (Some("US"), Some("web")));
    assert!(!order.fulfilment.fulfilled && order.fulfilment.at.is_none());
    assert_eq!(order.lines[0].discounts_minor, 960);
}

#[test]
fn the_latest_parcel_that_went_out_tells_when_an_order_was_fulfilled() {
    let mut body: serde_json::Value = serde_json::from_slice(&body("orders-paid.json")).unwrap();
    body["fulfillment_status"] = json!("fulfilled");
    body["fulfillments"] = json!([
        { "status": "success", "created_at": "2026-11-22T08:00:00-05:00" },
        { "status": "success", "created_at": "2026-11-21T08:00:00-05:00" },
        { "status": "cancelled", "created_at": "2026-11-23T08:00:00-05:00" },
    ]);
    let order = Order::decode(&serde_json::to_vec(&body).unwrap()).unwrap();
    assert!(order.fulfilment.fulfilled);
    assert_eq!(order.fulfilment.at, "2026-11-22T13:00:00Z".parse().ok());
}

#[test]
fn what_must_not_earn_can_be_told() {
    assert_eq!(order("orders-create-pending.json").financial_status, FinancialStatus::Pending);
    assert!(order("orders-paid-test-order.json").test);
    assert_eq!(order("orders-paid-zero-total.json").base_minor(|_line| false), 0);
    assert!(!order("orders-create-draft-order-terms.json").financial_status.was_paid());
    assert_eq!(order("orders-cancelled-unpaid.json").financial_status, FinancialStatus::Voided);
}

#[test]
fn ids_above_two_to_the_53_stay_exact() {
    let order = order("orders-paid-huge-ids.json");
    assert_eq!(order.id, "922337203685477001");
    assert_eq!(order.customer.unwrap().id, "922337203685477123");
    let highest = format!("{{\"id\":{}}}", i64::MAX);
    assert_eq!(Deleted::decode(highest.as_bytes()).unwrap().id, "9223372036854775807");
    let text = Deleted::decode(br#"{"id":"gid://shopify/Customer/922337203685477123"}"#);
    assert_eq!(text.unwrap().id, "922337203685477123");
    for bad in ["9223372036854775808", "-1", "1.5", "1e3", "true", "\"a b\"", "\"a/b\"", "\"\"", "[]"] {
        assert!(Deleted::decode(format!("{{\"id\":{bad}}}").as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn customers_of_both_shapes_are_read() {
    let new = Customer::decode(&body("customers-create.json")).unwrap();
    assert_eq!((new.id.as_str(), new.country.as_deref()), ("7400112233460", Some("US")));
    assert_eq!((new.tags, new.accepts_marketing), (None, None));
    assert_eq!((new.state, new.verified_email), (CustomerState::Disabled, true));
    assert!(new.created_at.is_some() && new.updated_at.is_some());
    let old = Customer::decode(&body("customers-update-legacy-2024-10.json")).unwrap();
    assert_eq!(old.tags, Some(vec!["VIP".to_owned(), "wholesale".to_owned()]));
    assert_eq!(old.accepts_marketing, Some(true));
    let phone = Customer::decode(&body("customers-create-phone-only.json")).unwrap();
    assert!(phone.email.is_none() && phone.country.is_none() && phone.phone.is_some());
    for (rest, tags, accepts) in [
        (json!({ "tags": "" }), Some(0), None),
        (json!({ "tags": null, "accepts_marketing": false }), None, Some(false)),
        (
            json!({ "accepts_marketing": true, "email_marketing_consent": { "state": "unsubscribed" } }),
            None,
            Some(false),
        ),
    ] {
        let mut customer = json!({ "id": 7 });
        customer.as_object_mut().unwrap().append(&mut rest.as_object().unwrap().clone());
        let read = Customer::decode(customer.to_string().as_bytes()).unwrap();
        assert_eq!((read.tags.map(|tags| tags.len()), read.accepts_marketing), (tags, accepts), "{rest}");
    }
}

#[test]
fn smaller_bodies_are_read() {
    let tags = TagsChanged::decode(&body("customer-tags-added.json")).unwrap();
    assert_eq!((tags.customer_id.as_str(), tags.tags.len()), ("7400112233445", 2));
    let merged = Merged::decode(&body("customers-merge.json")).unwrap();
    assert_eq!((merged.kept_id.as_str(), merged.deleted_id.as_str()), ("7400112233445", "7400112233446"));
    assert_eq!(merged.status.as_deref(), Some("completed"));
    let gone = Uninstalled::decode(&body("app-uninstalled.json")).unwrap();
    assert_eq!(
        (gone.shop_id.as_str(), gone.domain.as_str()),
        ("61234567891", "harbour-trade-den.myshopify.com")
    );
    let scopes = ScopesChanged::decode(&body("app-scopes-update.json")).unwrap();
    assert_eq!((scopes.previous.len(), scopes.current.len()), (3, 2));
    assert!(ScopesChanged::decode(br#"{"previous":["a"]}"#).is_err(), "not every scope is lost");
    let bulk = BulkFinished::decode(&body("bulk-operations-finish-failed.json")).unwrap();
    assert_eq!(bulk.id, "gid://shopify/BulkOperation/4400000000002");
    assert_eq!((bulk.status.as_str(), bulk.error_code.as_deref()), ("failed", Some("access_denied")));
    assert_eq!(bulk.kind.as_deref(), Some("query"));
}

#[test]
fn privacy_requests_are_read() {
    let asked = DataRequest::decode(&body("customers-data-request.json")).unwrap();
    assert_eq!((asked.shop_id.as_str(), asked.request_id.as_deref()), ("61234567891", Some("9988776655")));
    assert_eq!(asked.orders, ["5600112233440", "5600112233450"]);
    assert_eq!(asked.customer.unwrap().id.as_deref(), Some("7400112233445"));
    let redact = CustomerRedact::decode(&body("customers-redact-email-only.json")).unwrap();
    let customer = redact.customer.unwrap();
    assert_eq!((customer.id, redact.orders.len()), (None, 0));
    assert_eq!(customer.email.unwrap().as_str(), "old.buyer@example.com");
    assert_eq!(ShopRedact::decode(&body("shop-redact.json")).unwrap().shop_id, "61234567891");
    let stranger = CustomerRedact::decode(br#"{"shop_id":1,"shop_domain":"evil.example.com"}"#);
    let error = stranger.unwrap_err().to_string();
    assert!(error.contains("path shop_domain ") && !error.contains("evil"), "{error}");
}

#[test]
fn what_a_body_is_about_is_found_for_every_topic() {
    let some = |text: &str| Some(text.to_owned());
    let order = some("5600112233440");
    let alma = some("7400112233445");
    for (file, resource, customer) in [
        ("orders-paid.json", &order, &alma),
        ("orders-edited.json", &order, &None),
        ("refunds-create-line-items.json", &order, &None),
        ("order-transactions-create-gift-card.json", &some("5600112233510"), &None),
        ("customers-create.json", &some("7400112233460"), &some("7400112233460")),
        ("customers-purchasing-summary.json", &alma, &alma),
        ("customer-tags-added.json", &alma, &alma),
        ("customers-merge.json", &alma, &alma),
        ("customers-redact.json", &alma, &alma),
        ("customers-redact-email-only.json", &None, &None),
        ("products-update.json", &some("7100200300400"), &None),
        ("bulk-operations-finish.json", &some("4400000000001"), &None),
        ("shop-redact.json", &None, &None),
    ] {
        assert_eq!(refs(file), (resource.clone(), customer.clone()), "{file}");
    }
    let strange = Refs::read("orders/paid", br#"{"id":[1],"customer":"me"}"#).unwrap();
    assert_eq!(strange, Refs::default());
    for bad in ["", "{", "[]", "7", "{}x", "\"a\""] {
        assert!(Refs::read("orders/paid", bad.as_bytes()).is_err(), "{bad}");
    }
}
