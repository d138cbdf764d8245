//! Orders and customers, kept as bodies of webhooks, as the Admin API writes them (reference §4, §5).

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::selection::CONNECTION;

/// A global id of a body's number; null of none.
pub(crate) fn gid(kind: &str, id: &Value) -> Value {
    match id {
        Value::Number(number) => json!(format!("gid://shopify/{kind}/{number}")),
        Value::String(text) if !text.is_empty() => json!(format!("gid://shopify/{kind}/{text}")),
        _ => Value::Null,
    }
}

/// When a body's thing was changed last.
pub(crate) fn updated_at(body: &Value) -> Option<DateTime<Utc>> {
    let text = body.get("updated_at")?.as_str()?;
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}

/// A customer of the body of `customers/update`, or of an order's.
pub(crate) fn customer(body: &Value) -> Value {
    let email = text(body, "email").map(|email| json!({ "emailAddress": email }));
    let phone = text(body, "phone").map(|phone| json!({ "phoneNumber": phone }));
    json!({
        "id": gid("Customer", &body["id"]),
        "legacyResourceId": body["id"].to_string(),
        "firstName": body["first_name"],
        "lastName": body["last_name"],
        "defaultEmailAddress": email,
        "defaultPhoneNumber": phone,
        "defaultAddress": address(&body["default_address"]),
        "state": upper(body, "state").unwrap_or_else(|| "DISABLED".to_owned()),
        "verifiedEmail": body["verified_email"].as_bool().unwrap_or_default(),
        "tags": tags(body),
        "createdAt": instant(&body["created_at"]),
        "updatedAt": instant(&body["updated_at"]),
    })
}

/// An order of the body of `orders/updated`.
pub(crate) fn order(body: &Value) -> Value {
    let currency = text(body, "currency").unwrap_or_default();
    let lines: Vec<Value> = list(body, "line_items").map(|line| self::line(line, currency)).collect();
    let refunds: Vec<Value> = list(body, "refunds").map(|refund| self::refund(refund, body)).collect();
    let parcels = list(body, "fulfillments").map(
        |parcel| json!({ "status": upper(parcel, "status"), "createdAt": instant(&parcel["created_at"]) }),
    );
    let customer = &body["customer"];
    json!({
        "id": gid("Order", &body["id"]),
        "legacyResourceId": body["id"].to_string(),
        "name": body["name"],
        "email": text(body, "email"),
        "phone": text(body, "phone"),
        "customerLocale": text(body, "customer_locale"),
        "currencyCode": currency,
        "test": body["test"].as_bool().unwrap_or_default(),
        "confirmed": body["confirmed"].as_bool().unwrap_or(true),
        "displayFinancialStatus": upper(body, "financial_status"),
        "displayFulfillmentStatus": fulfilment(text(body, "fulfillment_status")),
        "fulfillments": parcels.collect::<Vec<_>>(),
        "cancelledAt": instant(&body["cancelled_at"]),
        "createdAt": instant(&body["created_at"]),
        "processedAt": instant(&body["processed_at"]),
        "updatedAt": instant(&body["updated_at"]),
        "taxesIncluded": body["taxes_included"].as_bool().unwrap_or_default(),
        "paymentGatewayNames": list(body, "payment_gateway_names").cloned().collect::<Vec<_>>(),
        "tags": tags(body),
        "sourceName": text(body, "source_name"),
        "totalPriceSet": bag(body, "total_price", currency),
        "totalOutstandingSet": bag(body, "total_outstanding", currency),
        "shippingAddress": address(&body["shipping_address"]),
        "billingAddress": address(&body["billing_address"]),
        "customer": if customer.is_object() { self::customer(customer) } else { Value::Null },
        "lineItems": { CONNECTION: lines },
        "refunds": refunds,
    })
}

fn line(body: &Value, currency: &str) -> Value {
    let discounts = list(body, "discount_allocations")
        .map(|discount| json!({ "allocatedAmountSet": bag(discount, "amount", currency) }));
    let taxes = list(body, "tax_lines").map(|tax| json!({ "priceSet": bag(tax, "price", currency) }));
    let quantity = &body["quantity"];
    let current = body.get("current_quantity").filter(|current| !current.is_null());
    json!({
        "id": gid("LineItem", &body["id"]),
        "quantity": quantity,
        "currentQuantity": current.unwrap_or(quantity),
        "sku": text(body, "sku"),
        "vendor": text(body, "vendor"),
        "isGiftCard": body["gift_card"].as_bool().unwrap_or_default(),
        "requiresShipping": body["requires_shipping"].as_bool().unwrap_or_default(),
        "product": named("Product", &body["product_id"]),
        "variant": named("ProductVariant", &body["variant_id"]),
        "originalUnitPriceSet": bag(body, "price", currency),
        "discountAllocations": discounts.collect::<Vec<_>>(),
        "taxLines": taxes.collect::<Vec<_>>(),
    })
}

/// A refund of the list in an order, or of the body of `refunds/create`.
fn refund(body: &Value, order: &Value) -> Value {
    let currency = text(order, "currency").unwrap_or_default();
    let of_order = |id: &Value| list(order, "line_items").find(|line| line["id"] == *id);
    let lines = list(body, "refund_line_items").map(|back| {
        // The API tells the order's own line, where the webhook has a copy.
        let sold = of_order(&back["line_item_id"]).unwrap_or(&back["line_item"]);
        json!({
            "quantity": back["quantity"],
            "subtotalSet": bag(back, "subtotal", currency),
            "totalTaxSet": bag(back, "total_tax", currency),
            "lineItem": line(sold, currency),
        })
    });
    let kind = |wanted: &'static str| {
        list(body, "order_adjustments").filter(move |adjustment| text(adjustment, "kind") == Some(wanted))
    };
    let adjustments = kind("refund_discrepancy").map(|adjustment| {
        json!({ "reason": "REFUND_DISCREPANCY", "amountSet": bag(adjustment, "amount", currency) })
    });
    let mut shipping: Vec<Value> = list(body, "refund_shipping_lines")
        .map(|line| json!({ "subtotalAmountSet": bag(line, "subtotal_amount", currency) }))
        .collect();
    if shipping.is_empty() {
        // Older bodies tell of shipping as an adjustment; the API has lines for it only.
        shipping.extend(kind("shipping_refund").map(|adjustment| {
            let mut amount = bag(adjustment, "amount", currency);
            for side in ["shopMoney", "presentmentMoney"] {
                let negative = amount[side]["amount"].as_str().unwrap_or_default();
                amount[side]["amount"] = json!(negative.trim_start_matches('-'));
            }
            json!({ "subtotalAmountSet": amount })
        }));
    }
    let payments = list(body, "transactions").map(|payment| self::payment(payment, currency));
    json!({
        "id": gid("Refund", &body["id"]),
        "createdAt": instant(&body["created_at"]),
        "processedAt": instant(&body["processed_at"]),
        "refundLineItems": { CONNECTION: lines.collect::<Vec<_>>() },
        "refundShippingLines": { CONNECTION: shipping },
        "orderAdjustments": { CONNECTION: adjustments.collect::<Vec<_>>() },
        "transactions": { CONNECTION: payments.collect::<Vec<_>>() },
    })
}

/// Its amount is in the buyer's currency; what it was in the shop's the body does not tell.
fn payment(body: &Value, currency: &str) -> Value {
    let money = json!({
        "amount": printed(&body["amount"]),
        "currencyCode": text(body, "currency").unwrap_or(currency),
    });
    json!({
        "id": gid("OrderTransaction", &body["id"]),
        "kind": upper(body, "kind"),
        "status": upper(body, "status"),
        "gateway": text(body, "gateway"),
        "test": body["test"].as_bool().unwrap_or_default(),
        "createdAt": instant(&body["created_at"]),
        "processedAt": instant(&body["processed_at"]),
        "amountSet": { "presentmentMoney": money },
        "parentTransaction": named("OrderTransaction", &body["parent_id"]),
    })
}

/// The amount of a field: its set, else the plain one in the shop's currency.
fn bag(body: &Value, field: &str, currency: &str) -> Value {
    let set = &body[format!("{field}_set").as_str()];
    let side = |name: &str| {
        let money = &set[name];
        if money.is_object() {
            json!({ "amount": printed(&money["amount"]), "currencyCode": money["currency_code"] })
        } else {
            json!({ "amount": printed(&body[field]), "currencyCode": currency })
        }
    };
    json!({ "shopMoney": side("shop_money"), "presentmentMoney": side("presentment_money") })
}

/// A decimal as GraphQL prints it: without zeros at the end, but with one decimal.
fn printed(amount: &Value) -> String {
    let text = match amount {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => "0".to_owned(),
    };
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    match decimals.trim_end_matches('0') {
        "" => format!("{whole}.0"),
        rest => format!("{whole}.{rest}"),
    }
}

fn address(body: &Value) -> Value {
    if body.is_object() { json!({ "countryCodeV2": text(body, "country_code") }) } else { Value::Null }
}

fn named(kind: &str, id: &Value) -> Value {
    let gid = gid(kind, id);
    if gid.is_null() { gid } else { json!({ "id": gid }) }
}

/// In UTC and whole seconds.
fn instant(at: &Value) -> Value {
    let at = at.as_str().and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    at.map_or(Value::Null, |at| json!(at.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true)))
}

fn fulfilment(status: Option<&str>) -> &'static str {
    match status {
        Some("fulfilled") => "FULFILLED",
        Some("partial") => "PARTIALLY_FULFILLED",
        Some("restocked") => "RESTOCKED",
        _ => "UNFULFILLED",
    }
}

fn tags(body: &Value) -> Vec<&str> {
    let text = text(body, "tags").unwrap_or_default();
    text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect()
}

fn text<'a>(body: &'a Value, field: &str) -> Option<&'a str> {
    body.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn upper(body: &Value, field: &str) -> Option<String> {
    text(body, field).map(str::to_ascii_uppercase)
}

fn list<'a>(body: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    body.get(field).and_then(Value::as_array).into_iter().flatten()
}
