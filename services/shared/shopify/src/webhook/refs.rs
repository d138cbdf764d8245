//! What a webhook is about, whatever its topic: enough to route it, to hold it back and to find it again.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::WebhookError;
use super::error::read;
use super::wire::Id;

/// Which thing and which customer a body is about, as numbers where Shopify has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refs {
    /// The order's id for orders, edits, refunds and payments; the customer's for topics about customers, the
    /// one who is kept for a merge; else the thing's own.
    pub resource: Option<String>,
    /// The customer's id, where the body tells it.
    pub customer: Option<String>,
}

impl Refs {
    /// Reads what the body of `topic` is about. What is there but is no id counts as absent: decoders complain.
    ///
    /// # Errors
    /// [`WebhookError`] when the body is no JSON object.
    pub fn read(topic: &str, body: &[u8]) -> Result<Self, WebhookError> {
        let wire: RefsWire<'_> = read(body)?;
        let own = || id(wire.id).or_else(|| id(wire.admin_graphql_api_id));
        let buyer = inside(wire.customer, |customer: &IdWire<'_>| id(customer.id));
        let (area, event) = topic.split_once(['/', '.']).unwrap_or((topic, ""));
        let refs = match (area, event) {
            ("orders", "edited") => Self {
                resource: inside(wire.order_edit, |edit: &EditWire<'_>| id(edit.order_id)),
                customer: None,
            },
            ("orders", _) => Self { resource: own(), customer: buyer },
            ("refunds" | "order_transactions", _) => Self { resource: id(wire.order_id), customer: buyer },
            ("customers" | "customer", "data_request" | "redact") => {
                Self { resource: buyer.clone(), customer: buyer }
            }
            ("customers" | "customer", "merge") => {
                let kept = id(wire.admin_graphql_api_customer_kept_id);
                Self { resource: kept.clone(), customer: kept }
            }
            ("customers" | "customer", _) => {
                let customer = id(wire.customer_id).or_else(own);
                Self { resource: customer.clone(), customer }
            }
            _ => Self { resource: own(), customer: buyer },
        };
        Ok(refs)
    }
}

/// Values are left as they stand, so that none of them can be wrong.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RefsWire<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    admin_graphql_api_id: Option<&'a RawValue>,
    #[serde(borrow)]
    order_id: Option<&'a RawValue>,
    #[serde(borrow)]
    order_edit: Option<&'a RawValue>,
    #[serde(borrow)]
    customer: Option<&'a RawValue>,
    #[serde(borrow, rename = "customerId")]
    customer_id: Option<&'a RawValue>,
    #[serde(borrow)]
    admin_graphql_api_customer_kept_id: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct IdWire<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EditWire<'a> {
    #[serde(borrow)]
    order_id: Option<&'a RawValue>,
}

fn id(raw: Option<&RawValue>) -> Option<String> {
    serde_json::from_str::<Id>(raw?.get()).ok()?.0
}

fn inside<'a, T: Deserialize<'a>>(
    raw: Option<&'a RawValue>,
    id: impl Fn(&T) -> Option<String>,
) -> Option<String> {
    id(&read(raw?.get().as_bytes()).ok()?)
}
