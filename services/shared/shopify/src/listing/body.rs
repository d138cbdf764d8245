//! From what the Admin API says to the body of a webhook: the keys and forms that the decoders of
//! [`crate::webhook`] read, and no others.

use serde_json::{Map, Value, json};

use super::node::{
    Address, Adjustment, Bag, Buyer, Customer, Line, Named, Order, Payment, Refund, RefundLine, Shipping,
};
use crate::decimal::WireMoney;

/// The body of `customers/update`.
pub(super) fn customer(customer: &Customer) -> Value {
    let mut body = buyer(&customer.buyer);
    body.insert("admin_graphql_api_id".to_owned(), json!(customer.buyer.id));
    body.insert("state".to_owned(), json!(customer.state.to_ascii_lowercase()));
    body.insert("verified_email".to_owned(), json!(customer.verified_email));
    body.insert("created_at".to_owned(), json!(customer.created_at));
    body.insert("updated_at".to_owned(), json!(customer.updated_at));
    Value::Object(body)
}

/// The body of `orders/updated`.
pub(super) fn order(order: &Order) -> Value {
    let refunds: Vec<Value> = order.refunds.iter().map(|refund| self::refund(refund, &order.id)).collect();
    let parcels: Vec<Value> = order
        .fulfillments
        .iter()
        .map(|parcel| json!({ "status": lower(&parcel.status), "created_at": parcel.created_at }))
        .collect();
    json!({
        "id": number(&order.id),
        "admin_graphql_api_id": order.id,
        "name": order.name,
        "email": order.email,
        "phone": order.phone,
        "customer_locale": order.customer_locale,
        "currency": order.currency_code,
        "test": order.test,
        "confirmed": order.confirmed,
        "financial_status": order.display_financial_status.as_deref().map(lower),
        "fulfillment_status": order.display_fulfillment_status.as_deref().and_then(fulfilment),
        "fulfillments": parcels,
        "cancelled_at": order.cancelled_at,
        "created_at": order.created_at,
        "processed_at": order.processed_at,
        "updated_at": order.updated_at,
        "taxes_included": order.taxes_included,
        "payment_gateway_names": order.payment_gateway_names,
        "tags": order.tags.join(", "),
        "source_name": order.source_name,
        "total_price": order.total_price_set.shop_money.amount,
        "total_price_set": set(&order.total_price_set),
        "total_outstanding": order.total_outstanding_set.shop_money.amount,
        "shipping_address": address(order.shipping_address.as_ref()),
        "billing_address": address(order.billing_address.as_ref()),
        "customer": order.customer.as_ref().map(|customer| Value::Object(buyer(customer))),
        "line_items": order.line_items.nodes.iter().map(line).collect::<Vec<_>>(),
        "refunds": refunds,
    })
}

fn buyer(buyer: &Buyer) -> Map<String, Value> {
    let fields = [
        ("id", number(&buyer.id)),
        ("email", json!(buyer.default_email_address.as_ref().map(|email| &email.email_address))),
        ("phone", json!(buyer.default_phone_number.as_ref().map(|phone| &phone.phone_number))),
        ("first_name", json!(buyer.first_name)),
        ("last_name", json!(buyer.last_name)),
        ("default_address", address(buyer.default_address.as_ref())),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn line(line: &Line) -> Value {
    let discounts = line.discount_allocations.iter().map(|discount| &discount.allocated_amount_set);
    let taxes = line.tax_lines.iter().map(|tax| &tax.price_set);
    json!({
        "id": number(&line.id),
        "product_id": named(line.product.as_ref()),
        "variant_id": named(line.variant.as_ref()),
        "sku": line.sku,
        "vendor": line.vendor,
        "quantity": line.quantity,
        "current_quantity": line.current_quantity,
        "price": line.original_unit_price_set.shop_money.amount,
        "price_set": set(&line.original_unit_price_set),
        "gift_card": line.is_gift_card,
        "requires_shipping": line.requires_shipping,
        "discount_allocations": discounts
            .map(|bag| json!({ "amount": bag.shop_money.amount, "amount_set": set(bag) }))
            .collect::<Vec<_>>(),
        "tax_lines": taxes
            .map(|bag| json!({ "price": bag.shop_money.amount, "price_set": set(bag) }))
            .collect::<Vec<_>>(),
    })
}

fn refund(refund: &Refund, order: &str) -> Value {
    json!({
        "id": number(&refund.id),
        "admin_graphql_api_id": refund.id,
        "order_id": number(order),
        "created_at": refund.created_at,
        "processed_at": refund.processed_at,
        "refund_line_items": refund.refund_line_items.nodes.iter().map(refund_line).collect::<Vec<_>>(),
        "refund_shipping_lines": refund.refund_shipping_lines.nodes.iter().map(shipping).collect::<Vec<_>>(),
        "order_adjustments": refund
            .order_adjustments
            .nodes
            .iter()
            .map(|adjustment| self::adjustment(adjustment, &refund.refund_shipping_lines.nodes))
            .collect::<Vec<_>>(),
        "transactions": refund
            .transactions
            .nodes
            .iter()
            .map(|payment| self::payment(payment, order))
            .collect::<Vec<_>>(),
    })
}

fn refund_line(line: &RefundLine) -> Value {
    let sold = &line.line_item;
    json!({
        "line_item_id": number(&sold.id),
        "quantity": line.quantity,
        "subtotal": line.subtotal_set.shop_money.amount,
        "subtotal_set": set(&line.subtotal_set),
        "total_tax": line.total_tax_set.shop_money.amount,
        "total_tax_set": set(&line.total_tax_set),
        "line_item": {
            "id": number(&sold.id),
            "gift_card": sold.is_gift_card,
            "product_id": named(sold.product.as_ref()),
            "variant_id": named(sold.variant.as_ref()),
            "sku": sold.sku,
            "vendor": sold.vendor,
        },
    })
}

fn shipping(line: &Shipping) -> Value {
    json!({
        "subtotal_amount": line.subtotal_amount_set.shop_money.amount,
        "subtotal_amount_set": set(&line.subtotal_amount_set),
    })
}

/// What is adjusted is a difference, negative when it is the customer's gain, as shipping has lines of its own.
/// The API does not say that it never tells of shipping here, too, as webhooks do: what has no reason and is
/// just what a shipping line pays back is taken for that.
fn adjustment(adjustment: &Adjustment, shipping: &[Shipping]) -> Value {
    let amount = &adjustment.amount_set.shop_money.amount;
    let of_line = |line: &Shipping| {
        amount.strip_prefix('-') == Some(line.subtotal_amount_set.shop_money.amount.as_str())
    };
    let shipped = adjustment.reason.is_none() && shipping.iter().any(of_line);
    json!({
        "kind": if shipped { "shipping_refund" } else { "refund_discrepancy" },
        "amount": amount,
        "amount_set": set(&adjustment.amount_set),
    })
}

/// The webhook has the amount in the currency that the payment was made in, which is the buyer's (§4.2).
fn payment(payment: &Payment, order: &str) -> Value {
    let money = &payment.amount_set.presentment_money;
    json!({
        "id": number(&payment.id),
        "order_id": number(order),
        "kind": lower(&payment.kind),
        "status": lower(&payment.status),
        "gateway": payment.gateway,
        "amount": money.amount,
        "currency": money.currency_code,
        "parent_id": named(payment.parent_transaction.as_ref()),
        "test": payment.test,
        "created_at": payment.created_at,
        "processed_at": payment.processed_at,
    })
}

fn set(bag: &Bag) -> Value {
    let WireMoney { amount, currency_code } = &bag.shop_money;
    json!({ "shop_money": { "amount": amount, "currency_code": currency_code } })
}

fn address(address: Option<&Address>) -> Value {
    address.map_or(Value::Null, |address| json!({ "country_code": address.country_code_v2 }))
}

fn named(named: Option<&Named>) -> Value {
    named.map_or(Value::Null, |named| number(&named.id))
}

fn lower(word: &str) -> String {
    word.to_ascii_lowercase()
}

/// The REST shape's words; what was not sent at all has none.
fn fulfilment(status: &str) -> Option<&'static str> {
    match status {
        "FULFILLED" => Some("fulfilled"),
        "PARTIALLY_FULFILLED" => Some("partial"),
        "RESTOCKED" => Some("restocked"),
        _ => None,
    }
}

/// The bare id of a global one, as text.
pub(super) fn bare(gid: &str) -> &str {
    gid.rsplit('/').next().unwrap_or(gid)
}

/// The bare id as a webhook writes it: a number where it is one that fits, which is exact here.
fn number(gid: &str) -> Value {
    let bare = bare(gid);
    bare.parse::<u64>().map_or_else(|_no_number| json!(bare), Value::from)
}
