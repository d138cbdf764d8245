//! An order as its shop tells of it: the facts in its body, and what follows from them.
//!
//! Every topic about an order has the whole order as its body, so all of them say the same things: whether it was paid,
//! cancelled, fulfilled, and what was refunded of it. Whichever comes first, the others change nothing more.

use chrono::{DateTime, Utc};
use serde_json::Value;
use tradeup_domain::Money;
use tradeup_domain::order::{Fact, Line, OrderContent, PaidOrder, RefundContent, RefundState};
use tradeup_domain::rules::Occasion;
use tradeup_shopify::webhook::{self, Order, Refund, RefundMoney, Transaction};
use tradeup_store::members::Customer;
use tradeup_store::orders;
use tradeup_worker::{Applied, TaskContext, TaskError};

use super::customer::text;
use super::enrol::{self, Purchased};
use super::{Told, asked, unreadable};

/// Does what follows from an order's body.
pub(crate) async fn settle(context: &TaskContext, mut told: Told) -> Result<Applied, TaskError> {
    if told.is_uninstalled() {
        return Ok(told.uninstalled());
    }
    let order = Order::decode(&told.body).map_err(|error| unreadable(&error))?;
    let facts = facts(&order, &told);
    let enrolled = match (&order.customer, order.financial_status.was_paid() && !order.test) {
        (Some(customer), true) => {
            let bought = Purchased { order: &order.id, facts: &facts };
            let at = made_at(&order, &told);
            let customer = customer_of(&order, customer);
            Some(enrol::consider(context, &mut told, Occasion::OrderPaid, &customer, at, Some(bought)).await?)
        }
        _ => None,
    };
    finish(context, told, &order.id, &facts, enrolled).await
}

/// Notes an order of before the shop came: it counts as spent, and earns nothing. Nobody is enrolled by it.
pub(crate) async fn remember(context: &TaskContext, mut told: Told) -> Result<Applied, TaskError> {
    if told.is_uninstalled() {
        return Ok(told.uninstalled());
    }
    let order = Order::decode(&told.body).map_err(|error| unreadable(&error))?;
    let facts = facts(&order, &told);
    if !facts.is_empty() {
        orders::mark_history(&mut told.tx, told.tenant.id, &order.id).await?;
    }
    finish(context, told, &order.id, &facts, None).await
}

/// Does what follows from facts about an order.
pub(crate) async fn finish(
    context: &TaskContext,
    mut told: Told,
    order: &str,
    facts: &[Fact],
    enrolled: Option<Value>,
) -> Result<Applied, TaskError> {
    if facts.is_empty() {
        return Ok(told.nothing("nothing_to_settle"));
    }
    if told.tenant.state == "suspended" {
        // Facts are kept; what they come to is settled when the shop is back, by a replay.
        for fact in facts {
            orders::record(&mut told.tx, told.tenant.id, order, fact).await?;
        }
        return Ok(told.nothing("suspended"));
    }
    let asked = asked(context, &told);
    let posted = orders::tell(&mut told.tx, &asked, &told.settings, order, facts).await?;
    let mut result = posted.shown(order);
    if let Some(enrolled) = enrolled {
        result["enrolment"] = enrolled;
    }
    Ok(Applied::done(told.tx).with_result(result))
}

/// What an order's body says, in the order in which it is to be written down.
fn facts(order: &Order, told: &Told) -> Vec<Fact> {
    let mut facts = Vec::new();
    // One that is paid in part only, after an edit for instance, earns by its edit once the rest is paid.
    if order.financial_status.was_paid() {
        facts.push(Fact::Paid(PaidOrder {
            member_external_id: order.customer.as_ref().map(|customer| customer.id.clone()),
            currency: order.currency,
            content: content(order),
            created_at: Some(order.created_at),
            // The same in each body, so that no order of arrival matters; and an order that was imported, or is changed
            // years later, counts by when it was made.
            paid_at: made_at(order, told),
            version_at: order.updated_at,
            sent_at: told.at,
            needs_fulfilment: order.requires_shipping,
        }));
    }
    facts.extend(order.refunds.iter().map(refunded));
    if order.fulfilment.fulfilled {
        facts.push(Fact::Fulfilled(order.fulfilment.at.unwrap_or(order.updated_at)));
    }
    facts.extend(order.cancelled_at.map(Fact::Cancelled));
    facts
}

/// When an order was made. The shop does not say when it was paid.
fn made_at(order: &Order, told: &Told) -> DateTime<Utc> {
    told.by_then(Some(order.processed_at.unwrap_or(order.created_at)))
}

fn content(order: &Order) -> OrderContent {
    OrderContent {
        lines: order.lines.iter().map(line).collect(),
        tags: order.tags.clone(),
        source: order.source_name.clone(),
        total_minor: order.total_minor,
        paid_by_credit_minor: 0,
        gateways: order.gateways.clone(),
        test: order.test,
        taxes_included: order.taxes_included,
    }
}

fn line(line: &webhook::Line) -> Line {
    let earning = line.earning();
    Line {
        price_minor: earning.price_minor,
        quantity: earning.quantity,
        pieces_in_all: 0,
        discounts_minor: earning.discounts_minor,
        tax_included_minor: earning.tax_included_minor,
        gift_card: earning.gift_card,
        excluded: false,
        product_id: line.product_id.clone(),
        variant_id: line.variant_id.clone(),
        sku: line.sku.clone(),
        vendor: line.vendor.clone(),
    }
}

/// A refund as a fact about its order.
pub(crate) fn refunded(refund: &Refund) -> Fact {
    let line = |line: &webhook::RefundLine| Line {
        price_minor: line.subtotal_minor,
        quantity: 1,
        pieces_in_all: line.quantity,
        tax_included_minor: line.tax_minor,
        gift_card: line.gift_card,
        product_id: line.product_id.clone(),
        variant_id: line.variant_id.clone(),
        sku: line.sku.clone(),
        vendor: line.vendor.clone(),
        ..Line::default()
    };
    let lines: Vec<Line> = refund.lines.iter().map(line).collect();
    // Where lines came back, they say what is no longer earned; money beside them is a kindness or a fee.
    let money_minor = if lines.is_empty() { refund.discrepancy_minor } else { 0 };
    Fact::Refunded {
        external_id: refund.id.clone(),
        content: RefundContent { lines, money_minor, tax_as_order: true },
        state: match refund.money() {
            RefundMoney::Moved => RefundState::Moved,
            RefundMoney::Pending => RefundState::Pending,
            RefundMoney::Failed => RefundState::Failed,
            RefundMoney::None => RefundState::NoMoney,
        },
        refunded_at: refund.at,
    }
}

/// A payment as a fact about its order; `None` if it pays nothing that earns otherwise, or it can't be told how much.
pub(crate) fn payment(transaction: &Transaction, told: &Told) -> Option<Fact> {
    let gateway = transaction.gateway.clone()?;
    let amount: Money = transaction.amount?;
    (transaction.pays() && !transaction.test).then(|| Fact::Payment {
        external_id: transaction.id.clone(),
        gateway,
        amount,
        paid_at: transaction.at.unwrap_or(told.at),
    })
}

/// The customer of an order, as far as its body tells. Tags are the order's, not the customer's.
fn customer_of(order: &Order, customer: &webhook::CustomerRef) -> Customer {
    Customer {
        external_id: customer.id.clone(),
        email: text(customer.email.as_ref()),
        first_name: text(customer.first_name.as_ref()),
        last_name: text(customer.last_name.as_ref()),
        phone: text(customer.phone.as_ref()),
        country: order.country.clone(),
        tags: None,
        accepts_email_marketing: None,
        // An order is no version of its customer.
        version_at: None,
    }
}
