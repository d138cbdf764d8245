//! Making a node whole: what did not fit into its page is read on, until there is all of it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::document::{LINES_PAGE, REFUND_PARTS_MAX};
use super::node::{Customer, Line, Order, Refund, RefundLine, parse};
use super::{Listed, NotListed, body};
use crate::client::ShopClient;
use crate::error::ShopifyError;
use crate::operation::Operation;
use crate::query::{Nodes, PageInfo};

/// Lines of an order or a refund that are read on to: far above what a checkout takes.
const LINES_MAX: usize = 5_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoreLines {
    line_items: Nodes<Line>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoreRefundLines {
    refund_line_items: Nodes<RefundLine>,
}

/// The customer of a node.
pub(super) fn customer(node: &Value) -> Result<Listed, NotListed> {
    let customer: Customer = parse(node)?;
    listed(&customer.buyer.id, &customer.updated_at, &body::customer(&customer))
}

/// The order of a node that has all of its lines and no refund.
pub(super) fn order(node: &Value) -> Result<Listed, NotListed> {
    let order: Order = parse(node)?;
    listed(&order.id, &order.updated_at, &body::order(&order))
}

fn listed(gid: &str, updated_at: &str, body: &Value) -> Result<Listed, NotListed> {
    let at: DateTime<Utc> =
        updated_at.parse().map_err(|_no_instant| NotListed::Shape { path: "updatedAt".to_owned() })?;
    Ok(Listed { id: body::bare(gid).to_owned(), updated_at: at, body: body.to_string().into_bytes() })
}

impl ShopClient {
    /// The order of a node that was asked for with up to `refunds_max` refunds.
    pub(super) async fn read_order(
        &self,
        node: &Value,
        refunds_max: usize,
    ) -> Result<Result<Listed, NotListed>, ShopifyError> {
        let mut order: Order = match parse(node) {
            Ok(order) => order,
            Err(why) => return Ok(Err(why)),
        };
        // There may be as many or more: a list does not tell that it was cut.
        if order.refunds.len() >= refunds_max {
            return Ok(Err(NotListed::TooLong { what: "refunds of an order", max: refunds_max - 1 }));
        }
        if let Some(why) = order.refunds.iter().find_map(cut) {
            return Ok(Err(why));
        }
        let more = |found: MoreLines| found.line_items;
        let lines = &mut order.line_items;
        if let Err(why) = self.read_on(Operation::OrderLines, &order.id, lines, more).await? {
            return Ok(Err(why));
        }
        for refund in &mut order.refunds {
            let more = |found: MoreRefundLines| found.refund_line_items;
            let lines = &mut refund.refund_line_items;
            if let Err(why) = self.read_on(Operation::RefundLines, &refund.id, lines, more).await? {
                return Ok(Err(why));
            }
        }
        Ok(listed(&order.id, &order.updated_at, &body::order(&order)))
    }

    /// Adds what comes after `lines` to them, until nothing does.
    async fn read_on<L, M: DeserializeOwned>(
        &self,
        operation: Operation,
        gid: &str,
        lines: &mut Nodes<L>,
        more: impl Fn(M) -> Nodes<L>,
    ) -> Result<Result<(), NotListed>, ShopifyError> {
        while lines.page_info.has_next_page {
            if lines.nodes.len() >= LINES_MAX {
                return Ok(Err(NotListed::TooLong { what: "lines of an order", max: LINES_MAX }));
            }
            // Without one, the same page would come for ever.
            let Some(after) = lines.page_info.end_cursor.take() else {
                return Ok(Err(NotListed::Shape { path: "pageInfo.endCursor".to_owned() }));
            };
            let variables = json!({ "id": gid, "first": LINES_PAGE, "after": after });
            let found: Option<M> = match parse(&self.call(operation, variables).await?) {
                Ok(found) => found,
                Err(why) => return Ok(Err(why)),
            };
            let nothing = || Nodes {
                nodes: Vec::new(),
                page_info: PageInfo { has_next_page: false, end_cursor: None },
            };
            let Nodes { nodes, page_info } = found.map_or_else(nothing, &more);
            lines.nodes.extend(nodes);
            lines.page_info = page_info;
        }
        Ok(Ok(()))
    }
}

/// Which part of a refund there is more of than was asked for.
fn cut(refund: &Refund) -> Option<NotListed> {
    let parts = [
        (refund.transactions.page_info.has_next_page, "payments of a refund"),
        (refund.order_adjustments.page_info.has_next_page, "adjustments of a refund"),
        (refund.refund_shipping_lines.page_info.has_next_page, "shipping lines of a refund"),
    ];
    let (_, what) = parts.into_iter().find(|(more, _)| *more)?;
    Some(NotListed::TooLong { what, max: REFUND_PARTS_MAX })
}
