//! What happens to the app itself: uninstalled, other access scopes, a bulk operation that is over
//! (Shopify reference §4.3, §9).

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::WebhookError;
use super::error::read;
use super::privacy::shop_of;
use super::wire::{Id, Leaf as _, Stamp, Text, list};
use crate::ids::ShopDomain;

/// The body of `app/uninstalled`. It may come minutes late, even after a new install: compare
/// [`super::Delivery::triggered_at`] with when the shop was installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uninstalled {
    /// The shop's number, which it is known by.
    pub shop_id: String,
    /// Its permanent domain; has to agree with the header's.
    pub domain: ShopDomain,
}

/// The body of `app/scopes_update`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopesChanged {
    /// The access scopes before.
    pub previous: Vec<String>,
    /// The access scopes now.
    pub current: Vec<String>,
    /// When.
    pub at: Option<DateTime<Utc>>,
}

/// The body of `bulk_operations/finish`. Where the result is has to be asked of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkFinished {
    /// The operation's global id, whole.
    pub id: String,
    /// How it ended, like `completed`, in lower case.
    pub status: String,
    /// `query` or `mutation`.
    pub kind: Option<String>,
    /// Why it failed, like `access_denied`.
    pub error_code: Option<String>,
}

impl Uninstalled {
    /// Reads the body of `app/uninstalled`.
    ///
    /// # Errors
    /// [`WebhookError`], naming the path that is not as expected.
    pub fn decode(body: &[u8]) -> Result<Self, WebhookError> {
        let wire: ShopWire = read(body)?;
        Ok(Self {
            shop_id: wire.id.needed("id")?,
            domain: shop_of(wire.myshopify_domain, "myshopify_domain")?,
        })
    }
}

impl ScopesChanged {
    /// Reads the body of `app/scopes_update`.
    ///
    /// # Errors
    /// [`WebhookError`], naming the path that is not as expected.
    pub fn decode(body: &[u8]) -> Result<Self, WebhookError> {
        let wire: ScopesWire = read(body)?;
        let current = wire.current.ok_or_else(|| WebhookError::field("current", super::wire::LIST))?;
        Ok(Self { previous: texts(wire.previous), current: texts(current), at: wire.updated_at.0 })
    }
}

impl BulkFinished {
    /// Reads the body of `bulk_operations/finish`.
    ///
    /// # Errors
    /// [`WebhookError`], naming the path that is not as expected.
    pub fn decode(body: &[u8]) -> Result<Self, WebhookError> {
        let wire: BulkWire = read(body)?;
        Ok(Self {
            id: wire.admin_graphql_api_id.needed("admin_graphql_api_id")?,
            status: wire.status.needed("status")?.to_ascii_lowercase(),
            kind: wire.kind.0.map(|kind| kind.to_ascii_lowercase()),
            error_code: wire.error_code.0.map(|code| code.to_ascii_lowercase()),
        })
    }
}

fn texts(list: Vec<Text>) -> Vec<String> {
    list.into_iter().filter_map(|text| text.0).collect()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ShopWire {
    id: Id,
    myshopify_domain: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ScopesWire {
    #[serde(deserialize_with = "list")]
    previous: Vec<Text>,
    // A body without it must not look like one that lost every scope.
    current: Option<Vec<Text>>,
    updated_at: Stamp,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BulkWire {
    admin_graphql_api_id: Text,
    status: Text,
    #[serde(rename = "type")]
    kind: Text,
    error_code: Text,
}
