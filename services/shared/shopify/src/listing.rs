//! Reading what has changed at a shop since an instant, so that events whose webhooks never arrived can be
//! made up for (Shopify reference §2.5).
//!
//! Whatever is read comes as the body of the webhook that should have told it: `orders/updated` or
//! `customers/update`, in their own shape, for the decoders in [`crate::webhook`]. Nothing behind them has to
//! know where a body came from.
//!
//! - A page at a time: [`ShopClient::changed_orders`], [`ShopClient::changed_customers`]; Shopify pages
//!   through 25,000 entries at most. One order: [`ShopClient::order`].
//! - All at once, made by Shopify as a file: [`ShopClient::start_bulk`], [`ShopClient::bulk`],
//!   [`ShopClient::download`].
//!
//! Nothing is ever cut silently: what does not fit into its page is read on, and an order that can't be read
//! whole is named in what was left out.
//!
//! Orders older than 60 days are only told to apps with the scope `read_all_orders`. Addresses and names need
//! Shopify's approval for protected customer data.

mod body;
mod bulk;
pub(crate) mod document;
mod download;
mod group;
mod node;
#[cfg(test)]
mod tests;
mod whole;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

pub use bulk::{BulkFile, BulkKind, BulkStart, BulkState};
pub use download::Download;

use crate::client::ShopClient;
use crate::error::ShopifyError;
use crate::ids::OrderId;
use crate::mutate::instant_text;
use crate::operation::Operation;
use crate::query::{Cursor, Nodes};
use document::{CUSTOMERS_PAGE, ORDERS_PAGE, REFUNDS_MAX, REFUNDS_PAGE};

/// An order or a customer as it is now. `Debug` does not show the body, which has people in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its number as text, as the decoders of webhooks give it.
    pub id: String,
    /// Which version of it this is.
    pub updated_at: DateTime<Utc>,
    /// JSON, as the body of `orders/updated` or `customers/update`.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Listed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, updated_at, body } = self;
        write!(f, "Listed({id}, {updated_at}, {} bytes)", body.len())
    }
}

/// What was found and could not be given: a person should look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its number as text.
    pub id: String,
    /// Why.
    pub why: NotListed,
}

/// Why an order or a customer is not given. None says anything of what is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotListed {
    /// A part of it is longer than can be read, and half of it would be wrong.
    #[error("{what}: more than the {max} that can be read")]
    TooLong {
        /// Of what there are too many.
        what: &'static str,
        /// How many could be read.
        max: usize,
    },
    /// Not in the shape that is known here.
    #[error("it is not as expected at {path}")]
    Shape {
        /// Where.
        path: String,
    },
}

impl From<NotListed> for ShopifyError {
    fn from(why: NotListed) -> Self {
        match why {
            NotListed::TooLong { what, max } => Self::TooLong { what, max },
            NotListed::Shape { .. } => Self::UnexpectedAnswer { reason: why.to_string() },
        }
    }
}

/// A page of what has changed, the longest unchanged first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What was found.
    pub items: Vec<T>,
    /// What was found and could not be read.
    pub left_out: Vec<LeftOut>,
    /// Where the next page begins; none if this is the last.
    pub next: Option<Cursor>,
}

impl ShopClient {
    /// A page of up to 25 orders that were changed at `since` or later and before `until`, beginning `after` an
    /// earlier page's cursor. Both are taken in whole seconds, so that they hold rather more than less.
    ///
    /// What changes while it is paged through moves to the end and comes again. The index that is searched
    /// may lag a little: let `since` overlap with what was read before.
    ///
    /// # Errors
    /// [`ShopifyError`], never `OutcomeUnknown`: reading changes nothing.
    pub async fn changed_orders(
        &self,
        since: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
        after: Option<&Cursor>,
    ) -> Result<Page<Listed>, ShopifyError> {
        let mut variables = page_of(ORDERS_PAGE, since, until, after);
        variables["refunds"] = json!(REFUNDS_PAGE);
        let (nodes, next) = self.page(Operation::ChangedOrders, variables).await?;
        let mut page = Page { items: Vec::with_capacity(nodes.len()), left_out: Vec::new(), next };
        for node in &nodes {
            let id: OrderId = gid_of(node)?.parse().map_err(|_other_kind| no_id())?;
            let refunds = node.get("refunds").and_then(Value::as_array).map_or(0, Vec::len);
            let read = if refunds < REFUNDS_PAGE {
                Some(self.read_order(node, REFUNDS_PAGE).await?)
            } else {
                self.read_alone(&id).await?
            };
            page.take(id.number(), read);
        }
        Ok(page)
    }

    /// A page of up to 100 customers who were changed at `since` or later and before `until`; otherwise as
    /// [`Self::changed_orders`].
    ///
    /// # Errors
    /// As [`Self::changed_orders`].
    pub async fn changed_customers(
        &self,
        since: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
        after: Option<&Cursor>,
    ) -> Result<Page<Listed>, ShopifyError> {
        let variables = page_of(CUSTOMERS_PAGE, since, until, after);
        let (nodes, next) = self.page(Operation::ChangedCustomers, variables).await?;
        let mut page = Page { items: Vec::with_capacity(nodes.len()), left_out: Vec::new(), next };
        for node in &nodes {
            page.take(body::bare(gid_of(node)?), Some(whole::customer(node)));
        }
        Ok(page)
    }

    /// One order; `None` if there is none, or none that may be read.
    ///
    /// # Errors
    /// As [`Self::changed_orders`]; [`ShopifyError::TooLong`] when it can't be read whole.
    pub async fn order(&self, id: &OrderId) -> Result<Option<Listed>, ShopifyError> {
        Ok(self.read_alone(id).await?.transpose()?)
    }

    async fn read_alone(&self, id: &OrderId) -> Result<Option<Result<Listed, NotListed>>, ShopifyError> {
        let variables = json!({ "id": id.as_str(), "refunds": REFUNDS_MAX });
        let node = self.call(Operation::Order, variables).await?;
        if node.is_null() {
            return Ok(None);
        }
        Ok(Some(self.read_order(&node, REFUNDS_MAX).await?))
    }

    async fn page(
        &self,
        operation: Operation,
        variables: Value,
    ) -> Result<(Vec<Value>, Option<Cursor>), ShopifyError> {
        let answer = self.call(operation, variables).await?;
        let Nodes { nodes, page_info } = node::parse(&answer)?;
        match page_info.end_cursor {
            _ if !page_info.has_next_page => Ok((nodes, None)),
            Some(cursor) => Ok((nodes, Some(Cursor(cursor)))),
            None => Err(NotListed::Shape { path: "pageInfo.endCursor".to_owned() }.into()),
        }
    }
}

impl Page<Listed> {
    /// Takes what was read of `id`: nothing if it is gone meanwhile.
    fn take(&mut self, id: &str, read: Option<Result<Listed, NotListed>>) {
        match read {
            Some(Ok(listed)) => self.items.push(listed),
            Some(Err(why)) => self.left_out.push(LeftOut { id: id.to_owned(), why }),
            None => {}
        }
    }
}

fn page_of(
    first: usize,
    since: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
    after: Option<&Cursor>,
) -> Value {
    json!({ "first": first, "after": after.map(|cursor| &cursor.0), "query": changed(since, until) })
}

/// The search for what was changed, as Shopify reads it.
fn changed(since: DateTime<Utc>, until: Option<DateTime<Utc>>) -> String {
    let since = format!("updated_at:>='{}'", instant_text(since));
    let Some(until) = until else { return since };
    let up = if until.timestamp_subsec_nanos() > 0 { TimeDelta::seconds(1) } else { TimeDelta::zero() };
    format!("{since} AND updated_at:<'{}'", instant_text(until + up))
}

/// The global id of a node. One without can't even be named, so that nothing of the answer is taken.
fn gid_of(node: &Value) -> Result<&str, ShopifyError> {
    node.get("id").and_then(Value::as_str).ok_or_else(no_id)
}

fn no_id() -> ShopifyError {
    ShopifyError::UnexpectedAnswer { reason: "something without an id of its kind in a list".to_owned() }
}
