//! Customers: made, changed, tagged, merged, deleted (Shopify reference §4.3).

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::error::read;
use super::order::AddressWire;
use super::wire::{Flag, Id, Leaf as _, Obj, Stamp, Text, list, tags};
use super::{Personal, WebhookError};

/// The body of `customers/create` and `customers/update`.
///
/// Since API 2025-01 it has neither tags nor consent; subscriptions of older versions still have both. What
/// a body does not say is `None`, which is not the same as "no tags".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Their id.
    pub id: String,
    /// E-mail address, in the case it was typed in; compare without regard to case.
    pub email: Option<Personal>,
    /// Phone number.
    pub phone: Option<Personal>,
    /// First name.
    pub first_name: Option<Personal>,
    /// Last name.
    pub last_name: Option<Personal>,
    /// Whether they can sign in.
    pub state: CustomerState,
    /// Whether the e-mail address is known to be theirs.
    pub verified_email: bool,
    /// ISO 3166 code of the country of their default address.
    pub country: Option<String>,
    /// The merchant's tags, where the body tells them.
    pub tags: Option<Vec<String>>,
    /// Whether they want marketing mails, where the body tells it.
    pub accepts_marketing: Option<bool>,
    /// When they were made; test notifications leave it out.
    pub created_at: Option<DateTime<Utc>>,
    /// Which version of the customer this body is.
    pub updated_at: Option<DateTime<Utc>>,
}

/// Whether a customer can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerState {
    /// Has no account that could be signed in to.
    Disabled,
    /// Was asked to open one.
    Invited,
    /// Can sign in.
    Enabled,
    /// Did not want one.
    Declined,
    /// None is told, or one that is not known here.
    Other,
}

/// The body of `customer.tags_added` and `customer.tags_removed`: only what changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagsChanged {
    /// The customer's id as a number, as other topics give it.
    pub customer_id: String,
    /// The tags that were added or removed.
    pub tags: Vec<String>,
    /// When.
    pub at: Option<DateTime<Utc>>,
}

/// The body of `customers/merge`: two customers became one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The customer who is kept.
    pub kept_id: String,
    /// The customer who is no more.
    pub deleted_id: String,
    /// How the merge went, like `completed`, in lower case.
    pub status: Option<String>,
}

/// The body of `customers/delete`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// The customer who is no more.
    pub id: String,
}

impl Customer {
    /// Reads the body of `customers/create` or `customers/update`.
    ///
    /// # Errors
    /// [`WebhookError`], naming the path that is not as expected.
    pub fn decode(body: &[u8]) -> Result<Self, WebhookError> {
        let wire: CustomerWire = read(body)?;
        let consent = wire.email_marketing_consent.0.and_then(|consent| consent.state.0);
        let first = wire.addresses.first().and_then(Obj::country);
        Ok(Self {
            id: wire.id.needed("id")?,
            email: wire.email.personal(),
            phone: wire.phone.personal(),
            first_name: wire.first_name.personal(),
            last_name: wire.last_name.personal(),
            state: state_of(wire.state.0.as_deref()),
            verified_email: wire.verified_email.0.unwrap_or_default(),
            country: wire.default_address.country().or(first),
            tags: wire.tags.0,
            // The consent has replaced the flag, which older versions carry beside it.
            accepts_marketing: consent
                .map(|state| state.eq_ignore_ascii_case("subscribed"))
                .or(wire.accepts_marketing.0),
            created_at: wire.created_at.0,
            updated_at: wire.updated_at.0,
        })
    }
}

impl TagsChanged {
    /// Reads the body of `customer.tags_added` or `customer.tags_removed`.
    ///
    /// # Errors
    /// [`WebhookError`], naming the path that is not as expected.
    pub fn decode(body: &[u8]) -> Result<Self, WebhookError> {
        let wire: TagsWire = read(body)?;
        Ok(Self {
            customer_id: wire.customer_id.needed("customerId")?,
            tags: wire.tags.into_iter().filter_map(|tag| tag.0).collect(),
            at: wire.occurred_at.0,
        })
    }
}

impl Merged {
    /// Reads the body of `customers/merge`.
    ///
    /// # Errors
    /// [`WebhookError`], naming the path that is not as expected.
    pub fn decode(body: &[u8]) -> Result<Self, WebhookError> {
        let wire: MergedWire = read(body)?;
        Ok(Self {
            kept_id: wire.admin_graphql_api_customer_kept_id.needed("admin_graphql_api_customer_kept_id")?,
            deleted_id: wire
                .admin_graphql_api_customer_deleted_id
                .needed("admin_graphql_api_customer_deleted_id")?,
            status: wire.status.0.map(|status| status.to_ascii_lowercase()),
        })
    }
}

impl Deleted {
    /// Reads the body of `customers/delete`.
    ///
    /// # Errors
    /// [`WebhookError`], naming the path that is not as expected.
    pub fn decode(body: &[u8]) -> Result<Self, WebhookError> {
        let wire: DeletedWire = read(body)?;
        Ok(Self { id: wire.id.needed("id")? })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CustomerWire {
    id: Id,
    email: Text,
    phone: Text,
    first_name: Text,
    last_name: Text,
    state: Text,
    verified_email: Flag,
    default_address: Obj<AddressWire>,
    #[serde(deserialize_with = "list")]
    addresses: Vec<Obj<AddressWire>>,
    tags: TagText,
    accepts_marketing: Flag,
    email_marketing_consent: Obj<ConsentWire>,
    created_at: Stamp,
    updated_at: Stamp,
}

/// Tags as one text, where an empty one means that there are none.
#[derive(Debug, Default)]
struct TagText(Option<Vec<String>>);

impl<'de> Deserialize<'de> for TagText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<Text>::deserialize(deserializer)?;
        Ok(Self(text.map(|text| tags(text.0.as_deref().unwrap_or_default()))))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConsentWire {
    state: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TagsWire {
    #[serde(rename = "customerId")]
    customer_id: Id,
    #[serde(deserialize_with = "list")]
    tags: Vec<Text>,
    #[serde(rename = "occurredAt")]
    occurred_at: Stamp,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MergedWire {
    admin_graphql_api_customer_kept_id: Id,
    admin_graphql_api_customer_deleted_id: Id,
    status: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DeletedWire {
    id: Id,
}

fn state_of(text: Option<&str>) -> CustomerState {
    match text.map(str::to_ascii_lowercase).as_deref() {
        Some("disabled") => CustomerState::Disabled,
        Some("invited") => CustomerState::Invited,
        Some("enabled") => CustomerState::Enabled,
        Some("declined") => CustomerState::Declined,
        _ => CustomerState::Other,
    }
}
