//! What is asked for when listing. Every document asks for an order, a line, a refund in the same words, so
//! that one and the same body comes of each way of reading.
//!
//! Costs, by what was seen of other documents: an object is 1 point, amounts and texts are none, a list is 1
//! and a connection 2, and what is in a connection counts about 1, 3, 4, 5, 7, 9 and 11 times for 1, 5, 10,
//! 20, 50, 100 and 250 entries. A page of orders asks for about 600 of the 1,000 that one call may have.

/// Orders asked for at once.
pub(super) const ORDERS_PAGE: usize = 25;
/// Customers asked for at once.
pub(super) const CUSTOMERS_PAGE: usize = 100;
/// Refunds of an order asked for in a page of orders. It is a list without a cursor: an order that fills it
/// is read again on its own.
pub(super) const REFUNDS_PAGE: usize = 10;
/// Refunds of an order asked for when it is read on its own: the most that Shopify gives of anything.
pub(super) const REFUNDS_MAX: usize = 250;
/// Lines of an order or of a refund asked for when they are paged on.
pub(super) const LINES_PAGE: usize = 100;
/// Payments, adjustments and shipping lines of one refund: the `20` below.
pub(super) const REFUND_PARTS_MAX: usize = 20;

macro_rules! money {
    () => {
        "{ shopMoney { amount currencyCode } }"
    };
}

macro_rules! line {
    () => {
        concat!(
            "id quantity currentQuantity sku vendor isGiftCard requiresShipping product { id } variant { id } \
originalUnitPriceSet ",
            money!(),
            " discountAllocations { allocatedAmountSet ",
            money!(),
            " } taxLines { priceSet ",
            money!(),
            " }"
        )
    };
}

macro_rules! refund_line {
    () => {
        concat!(
            "quantity subtotalSet ",
            money!(),
            " totalTaxSet ",
            money!(),
            " lineItem { id sku vendor isGiftCard product { id } variant { id } }"
        )
    };
}

// A payment has no amount of its own in the currency it was made in but that of the buyer's side (§4.2).
macro_rules! refund {
    () => {
        concat!(
            "id createdAt processedAt refundLineItems(first: 50) { nodes { ",
            refund_line!(),
            " } pageInfo { hasNextPage endCursor } } refundShippingLines(first: 20) { nodes { \
subtotalAmountSet ",
            money!(),
            " } pageInfo { hasNextPage } } orderAdjustments(first: 20) { nodes { reason amountSet ",
            money!(),
            " } pageInfo { hasNextPage } } transactions(first: 20) { nodes { id kind status gateway test \
createdAt processedAt amountSet { presentmentMoney { amount currencyCode } } parentTransaction { id } } \
pageInfo { hasNextPage } }"
        )
    };
}

// All but lines and refunds.
macro_rules! head {
    () => {
        concat!(
            "id name email phone customerLocale currencyCode test confirmed displayFinancialStatus \
displayFulfillmentStatus cancelledAt createdAt processedAt updatedAt taxesIncluded paymentGatewayNames tags \
sourceName totalPriceSet ",
            money!(),
            " totalOutstandingSet ",
            money!(),
            " shippingAddress { countryCodeV2 } billingAddress { countryCodeV2 } customer { id firstName \
lastName defaultEmailAddress { emailAddress } defaultPhoneNumber { phoneNumber } defaultAddress { \
countryCodeV2 } } fulfillments { status createdAt }"
        )
    };
}

macro_rules! order {
    () => {
        concat!(
            head!(),
            " lineItems(first: 50) { nodes { ",
            line!(),
            " } pageInfo { hasNextPage endCursor } } refunds(first: $refunds) { ",
            refund!(),
            " }"
        )
    };
}

// Neither tags nor consent: the webhook has none either since 2025-01 (§1).
macro_rules! customer {
    () => {
        "id firstName lastName state verifiedEmail createdAt updatedAt defaultEmailAddress { emailAddress } \
defaultPhoneNumber { phoneNumber } defaultAddress { countryCodeV2 }"
    };
}

pub(crate) const CHANGED_ORDERS: &str = concat!(
    "query TradeUpChangedOrders($first: Int!, $after: String, $query: String!, $refunds: Int!) { \
orders(first: $first, after: $after, sortKey: UPDATED_AT, query: $query) { nodes { ",
    order!(),
    " } pageInfo { hasNextPage endCursor } } }"
);

pub(crate) const CHANGED_CUSTOMERS: &str = concat!(
    "query TradeUpChangedCustomers($first: Int!, $after: String, $query: String!) { \
customers(first: $first, after: $after, sortKey: UPDATED_AT, query: $query) { nodes { ",
    customer!(),
    " } pageInfo { hasNextPage endCursor } } }"
);

pub(crate) const ORDER: &str =
    concat!("query TradeUpOrder($id: ID!, $refunds: Int!) { order(id: $id) { ", order!(), " } }");

pub(crate) const ORDER_LINES: &str = concat!(
    "query TradeUpOrderLines($id: ID!, $first: Int!, $after: String) { order(id: $id) { id \
lineItems(first: $first, after: $after) { nodes { ",
    line!(),
    " } pageInfo { hasNextPage endCursor } } } }"
);

pub(crate) const REFUND_LINES: &str = concat!(
    "query TradeUpRefundLines($id: ID!, $first: Int!, $after: String) { refund(id: $id) { id \
refundLineItems(first: $first, after: $after) { nodes { ",
    refund_line!(),
    " } pageInfo { hasNextPage endCursor } } } }"
);

// Grouped: each order's lines follow it, so that one order at a time has to be kept.
pub(crate) const START_BULK: &str = "mutation TradeUpStartBulk($query: String!) { \
bulkOperationRunQuery(query: $query, groupObjects: true) { bulkOperation { id status } \
userErrors { field message code } } }";

pub(crate) const BULK: &str = "query TradeUpBulk($id: ID!) { bulkOperation(id: $id) { id status errorCode \
objectCount url partialDataUrl } }";

// A refund's lines and payments are connections, and those are refused inside of a list in bulk: only whether
// there are refunds is asked for, and such an order is read on its own.
/// The order as a bulk query asks for it.
pub(super) const BULK_ORDER: &str =
    concat!(head!(), " refunds(first: 1) { id } lineItems { edges { node { ", line!(), " } } }");

/// The customer as a bulk query asks for them.
pub(super) const BULK_CUSTOMER: &str = customer!();
