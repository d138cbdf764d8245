//! Orders: `orders/create`, `orders/updated`, `orders/paid` and `orders/cancelled` (Shopify reference §4.1).
//!
//! These topics of one order come in any order and more than once; [`Order::updated_at`] tells which body is
//! the newest. `orders/edited` has another body, without amounts: [`super::Refs`] tells its order.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use tradeup_domain::Currency;
use tradeup_domain::cashback::{OrderLine, eligible_base_minor};

use super::error::read;
use super::line::{Line, LineWire};
use super::refund::{Refund, RefundWire};
use super::wire::{
    AMOUNT, Amount, CURRENCY, Flag, Id, Leaf as _, MoneySet, Obj, Stamp, Text, list, shop_minor, tags,
};
use super::{Personal, WebhookError};

/// An order. Amounts are minor units of `currency`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its id: the key that cashback is counted by.
    pub id: String,
    /// What people call it, like `#1042`; merchants change how it looks.
    pub name: Option<String>,
    /// Whose it is; none for guests and counter sales, to whom it may be attached later.
    pub customer: Option<CustomerRef>,
    /// The shop's currency, not the buyer's.
    pub currency: Currency,
    /// A test order must never earn.
    pub test: bool,
    /// False while its inventory is not confirmed.
    pub confirmed: bool,
    /// How far it is paid.
    pub financial_status: FinancialStatus,
    /// Whether it was sent.
    pub fulfilment: Fulfilment,
    /// Whether anything that counts is sent to the customer.
    pub requires_shipping: bool,
    /// When it was cancelled as a whole.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// When Shopify made it; for imported orders long after `processed_at`.
    pub created_at: DateTime<Utc>,
    /// When the customer ordered.
    pub processed_at: Option<DateTime<Utc>>,
    /// Which version of the order this body is.
    pub updated_at: DateTime<Utc>,
    /// Whether prices include tax.
    pub taxes_included: bool,
    /// What was ordered, also what edits took out.
    pub lines: Vec<Line>,
    /// By what it was paid, without how much of each: that is in its transactions.
    pub gateways: Vec<String>,
    /// Its refunds so far.
    pub refunds: Vec<Refund>,
    /// The order's tags, not the customer's.
    pub tags: Vec<String>,
    /// Where it was made: `web`, `pos`, `shopify_draft_order`, or the number of an app.
    pub source_name: Option<String>,
    /// What the customer had to pay in all when ordering.
    pub total_minor: i64,
    /// What is not paid yet; negative when too much was paid.
    pub outstanding_minor: i64,
    /// ISO 3166 code of the country it is sent to, else that of the bill or of the customer.
    pub country: Option<String>,
}

/// The customer as an order knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRef {
    /// Their id.
    pub id: String,
    /// Their e-mail address, or that of the order.
    pub email: Option<Personal>,
    /// First name.
    pub first_name: Option<Personal>,
    /// Last name.
    pub last_name: Option<Personal>,
    /// Phone number.
    pub phone: Option<Personal>,
    /// BCP 47 tag of the language of the checkout, like `fr-FR`.
    pub locale: Option<String>,
}

/// How far an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinancialStatus {
    /// Nothing is paid yet.
    Pending,
    /// Money is set aside.
    Authorized,
    /// A part is paid: also after an edit that made it dearer.
    PartiallyPaid,
    /// All is paid.
    Paid,
    /// A part was paid back.
    PartiallyRefunded,
    /// All was paid back.
    Refunded,
    /// The authorisation was given up.
    Voided,
    /// The authorisation is over.
    Expired,
    /// None is told, or one that is not known here.
    Other,
}

/// Whether an order was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fulfilment {
    /// All that has to be sent was.
    pub fulfilled: bool,
    /// When the last successful parcel was made; an order may be fulfilled without any.
    pub at: Option<DateTime<Utc>>,
}

impl FinancialStatus {
    /// Whether all was paid at some time, even if it was paid back since.
    #[must_use]
    pub fn was_paid(self) -> bool {
        matches!(self, Self::Paid | Self::PartiallyRefunded | Self::Refunded)
    }
}

impl Order {
    /// Reads the body of `orders/create`, `orders/updated`, `orders/paid` or `orders/cancelled`.
    ///
    /// # Errors
    /// [`WebhookError`], naming the path that is not as expected.
    pub fn decode(body: &[u8]) -> Result<Self, WebhookError> {
        read::<OrderWire>(body)?.into_order()
    }

    /// The lines as the domain computes cashback with them; `excluded` tells which ones the shop leaves out.
    pub fn earning_lines(&self, excluded: impl Fn(&Line) -> bool) -> Vec<OrderLine> {
        let earning = |line: &Line| OrderLine { excluded: excluded(line), ..line.earning() };
        self.lines.iter().map(earning).collect()
    }

    /// What of the order earns, in minor units of its currency, before what was paid with credit is taken
    /// off: gift cards are out and so is tax inside the prices; shipping, tips and tax on top are no lines.
    #[must_use]
    pub fn base_minor(&self, excluded: impl Fn(&Line) -> bool) -> i64 {
        eligible_base_minor(&self.earning_lines(excluded), 0)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OrderWire {
    id: Id,
    name: Text,
    customer: Obj<CustomerWire>,
    email: Text,
    phone: Text,
    customer_locale: Text,
    currency: Text,
    test: Flag,
    confirmed: Flag,
    financial_status: Text,
    fulfillment_status: Text,
    #[serde(deserialize_with = "list")]
    fulfillments: Vec<Obj<FulfillmentWire>>,
    cancelled_at: Stamp,
    created_at: Stamp,
    processed_at: Stamp,
    updated_at: Stamp,
    taxes_included: Flag,
    #[serde(deserialize_with = "list")]
    line_items: Vec<Obj<LineWire>>,
    #[serde(deserialize_with = "list")]
    payment_gateway_names: Vec<Text>,
    #[serde(deserialize_with = "list")]
    refunds: Vec<Obj<RefundWire>>,
    tags: Text,
    source_name: Text,
    total_price: Amount,
    total_price_set: Obj<MoneySet>,
    total_outstanding: Amount,
    shipping_address: Obj<AddressWire>,
    billing_address: Obj<AddressWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CustomerWire {
    id: Id,
    email: Text,
    first_name: Text,
    last_name: Text,
    phone: Text,
    default_address: Obj<AddressWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FulfillmentWire {
    status: Text,
    created_at: Stamp,
}

/// Of an address only the country is read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AddressWire {
    country_code: Text,
}

impl Obj<AddressWire> {
    /// ISO 3166 code of the country.
    pub(super) fn country(&self) -> Option<String> {
        self.0.as_ref().and_then(|address| address.country_code.0.clone())
    }
}

impl OrderWire {
    fn into_order(self) -> Result<Order, WebhookError> {
        let unknown = || WebhookError::field("currency", CURRENCY);
        let currency: Currency =
            self.currency.0.as_deref().and_then(|code| code.parse().ok()).ok_or_else(unknown)?;
        let taxes_included = self.taxes_included.0.unwrap_or_default();
        let total = shop_minor(&self.total_price_set, &self.total_price, currency, "total_price")?;
        let outstanding = shop_minor(&Obj(None), &self.total_outstanding, currency, "total_outstanding")?;
        let country = self.country();
        let fulfilment = self.fulfilment();
        let mut lines = Vec::with_capacity(self.line_items.len());
        for (line, at) in self.line_items.into_iter().zip(0_usize..) {
            let Some(line) = line.0 else { continue };
            let line = line.into_line(currency, taxes_included);
            lines.push(line.map_err(|e| e.within(&format!("line_items[{at}]")))?);
        }
        let mut refunds = Vec::with_capacity(self.refunds.len());
        for (refund, at) in self.refunds.into_iter().zip(0_usize..) {
            let Some(refund) = refund.0 else { continue };
            let refund = refund.into_refund(Some(currency));
            refunds.push(refund.map_err(|e| e.within(&format!("refunds[{at}]")))?);
        }
        join(&mut lines, &mut refunds);
        let customer = self.customer.0.filter(|customer| customer.id.0.is_some());
        let customer = customer.map(|c| c.into_ref(self.email, self.phone, self.customer_locale));
        Ok(Order {
            id: self.id.needed("id")?,
            name: self.name.0,
            customer: customer.transpose()?,
            currency,
            test: self.test.0.unwrap_or_default(),
            confirmed: self.confirmed.0.unwrap_or(true),
            financial_status: status_of(self.financial_status.0.as_deref()),
            fulfilment,
            requires_shipping: lines
                .iter()
                .any(|line| line.requires_shipping && line.effective_quantity() > 0),
            cancelled_at: self.cancelled_at.0,
            created_at: self.created_at.needed("created_at")?,
            processed_at: self.processed_at.0,
            updated_at: self.updated_at.needed("updated_at")?,
            taxes_included,
            lines,
            gateways: self.payment_gateway_names.into_iter().filter_map(|name| name.0).collect(),
            refunds,
            tags: tags(self.tags.0.as_deref().unwrap_or_default()),
            source_name: self.source_name.0,
            total_minor: total.ok_or_else(|| WebhookError::field("total_price", AMOUNT))?,
            outstanding_minor: outstanding.unwrap_or_default(),
            country,
        })
    }

    fn country(&self) -> Option<String> {
        let home = || self.customer.0.as_ref().and_then(|customer| customer.default_address.country());
        self.shipping_address.country().or_else(|| self.billing_address.country()).or_else(home)
    }

    fn fulfilment(&self) -> Fulfilment {
        let parcels = self.fulfillments.iter().filter_map(|parcel| parcel.0.as_ref());
        let sent = parcels.filter(|parcel| parcel.status.0.as_deref() == Some("success"));
        Fulfilment {
            fulfilled: self.fulfillment_status.0.as_deref() == Some("fulfilled"),
            // Tracking changes `updated_at` long after a parcel was sent.
            at: sent.filter_map(|parcel| parcel.created_at.0).max(),
        }
    }
}

impl CustomerWire {
    fn into_ref(self, email: Text, phone: Text, locale: Text) -> Result<CustomerRef, WebhookError> {
        Ok(CustomerRef {
            id: self.id.needed("customer.id")?,
            email: self.email.personal().or_else(|| email.personal()),
            first_name: self.first_name.personal(),
            last_name: self.last_name.personal(),
            phone: self.phone.personal().or_else(|| phone.personal()),
            locale: locale.0,
        })
    }
}

/// Tells each line how many of it were refunded, and each refunded line what it is where the refund does not.
fn join(lines: &mut [Line], refunds: &mut [Refund]) {
    for back in refunds.iter_mut().flat_map(|refund| &mut refund.lines) {
        let Some(line) = lines.iter_mut().find(|line| line.id == back.line_id) else { continue };
        line.refunded_quantity = line.refunded_quantity.saturating_add(back.quantity);
        back.gift_card |= line.gift_card;
        back.product_id = back.product_id.take().or_else(|| line.product_id.clone());
        back.sku = back.sku.take().or_else(|| line.sku.clone());
        back.vendor = back.vendor.take().or_else(|| line.vendor.clone());
    }
}

fn status_of(text: Option<&str>) -> FinancialStatus {
    match text.map(str::to_ascii_lowercase).as_deref() {
        Some("pending") => FinancialStatus::Pending,
        Some("authorized") => FinancialStatus::Authorized,
        Some("partially_paid") => FinancialStatus::PartiallyPaid,
        Some("paid") => FinancialStatus::Paid,
        Some("partially_refunded") => FinancialStatus::PartiallyRefunded,
        Some("refunded") => FinancialStatus::Refunded,
        Some("voided") => FinancialStatus::Voided,
        Some("expired") => FinancialStatus::Expired,
        _ => FinancialStatus::Other,
    }
}
