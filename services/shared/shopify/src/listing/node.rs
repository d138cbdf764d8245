//! An order, a refund, a customer as the Admin API writes them.
//!
//! There are people in here: nothing has a `Debug`, and what can't be read is told by its path alone.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::NotListed;
use crate::decimal::WireMoney;
use crate::query::Nodes;

/// Reads a node; the error says where it is not as expected and shows nothing of it.
pub(super) fn parse<T: DeserializeOwned>(node: &Value) -> Result<T, NotListed> {
    serde_path_to_error::deserialize(node)
        .map_err(|error| NotListed::Shape { path: error.path().to_string() })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bag {
    pub(super) shop_money: WireMoney,
}

/// The buyer's side of an amount.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BuyersBag {
    pub(super) presentment_money: WireMoney,
}

#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Address {
    pub(super) country_code_v2: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Email {
    pub(super) email_address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Phone {
    pub(super) phone_number: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Buyer {
    pub(super) id: String,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) default_email_address: Option<Email>,
    pub(super) default_phone_number: Option<Phone>,
    pub(super) default_address: Option<Address>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Customer {
    #[serde(flatten)]
    pub(super) buyer: Buyer,
    pub(super) state: String,
    pub(super) verified_email: bool,
    pub(super) created_at: String,
    pub(super) updated_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) customer_locale: Option<String>,
    pub(super) currency_code: String,
    pub(super) test: bool,
    pub(super) confirmed: bool,
    pub(super) display_financial_status: Option<String>,
    pub(super) display_fulfillment_status: Option<String>,
    pub(super) fulfillments: Vec<Parcel>,
    pub(super) cancelled_at: Option<String>,
    pub(super) created_at: String,
    pub(super) processed_at: Option<String>,
    pub(super) updated_at: String,
    pub(super) taxes_included: bool,
    pub(super) payment_gateway_names: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) source_name: Option<String>,
    pub(super) total_price_set: Bag,
    pub(super) total_outstanding_set: Bag,
    pub(super) shipping_address: Option<Address>,
    pub(super) billing_address: Option<Address>,
    pub(super) customer: Option<Buyer>,
    pub(super) line_items: Nodes<Line>,
    pub(super) refunds: Vec<Refund>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parcel {
    pub(super) status: String,
    pub(super) created_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) quantity: i64,
    pub(super) current_quantity: i64,
    pub(super) sku: Option<String>,
    pub(super) vendor: Option<String>,
    pub(super) is_gift_card: bool,
    pub(super) requires_shipping: bool,
    pub(super) product: Option<Named>,
    pub(super) variant: Option<Named>,
    pub(super) original_unit_price_set: Bag,
    pub(super) discount_allocations: Vec<Discount>,
    pub(super) tax_lines: Vec<Tax>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Discount {
    pub(super) allocated_amount_set: Bag,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tax {
    pub(super) price_set: Bag,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) created_at: Option<String>,
    pub(super) processed_at: Option<String>,
    pub(super) refund_line_items: Nodes<RefundLine>,
    pub(super) refund_shipping_lines: Nodes<Shipping>,
    pub(super) order_adjustments: Nodes<Adjustment>,
    pub(super) transactions: Nodes<Payment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundLine {
    pub(super) quantity: i64,
    pub(super) subtotal_set: Bag,
    pub(super) total_tax_set: Bag,
    pub(super) line_item: Sold,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sold {
    pub(super) id: String,
    pub(super) sku: Option<String>,
    pub(super) vendor: Option<String>,
    pub(super) is_gift_card: bool,
    pub(super) product: Option<Named>,
    pub(super) variant: Option<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shipping {
    pub(super) subtotal_amount_set: Bag,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Adjustment {
    pub(super) reason: Option<String>,
    pub(super) amount_set: Bag,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payment {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) gateway: Option<String>,
    pub(super) test: bool,
    pub(super) created_at: Option<String>,
    pub(super) processed_at: Option<String>,
    pub(super) amount_set: BuyersBag,
    pub(super) parent_transaction: Option<Named>,
}
