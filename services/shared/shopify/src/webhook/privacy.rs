//! The topics that the law asks for: what is kept of a customer, and that it be erased (Shopify reference
//! §3). They may come while the app is uninstalled, and have to be done within 30 days.

use serde::Deserialize;

use super::error::read;
use super::wire::{Id, Leaf as _, Obj, SHOP, Text, list};
use super::{Personal, WebhookError};
use crate::ids::ShopDomain;

/// The body of `customers/data_request`: a customer asks what is kept of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataRequest {
    /// The shop; has to agree with the header's.
    pub shop_domain: ShopDomain,
    /// The shop's number, which it is known by.
    pub shop_id: String,
    /// Who asks.
    pub customer: Option<PrivacySubject>,
    /// Ids of the orders that are asked for; may be none.
    pub orders: Vec<String>,
    /// The request's number.
    pub request_id: Option<String>,
}

/// The body of `customers/redact`: a customer is to be erased. It also comes for the one who is no more
/// after a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRedact {
    /// The shop; has to agree with the header's.
    pub shop_domain: ShopDomain,
    /// The shop's number, which it is known by.
    pub shop_id: String,
    /// Who is to be erased.
    pub customer: Option<PrivacySubject>,
    /// Ids of the orders that are to be erased; may be none.
    pub orders: Vec<String>,
}

/// The body of `shop/redact`, 48 hours after an uninstall: look for a new install first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopRedact {
    /// The shop; has to agree with the header's.
    pub shop_domain: ShopDomain,
    /// The shop's number, which it is known by.
    pub shop_id: String,
}

/// Who it is about. Any of these may be missing: there are bodies with an e-mail address alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivacySubject {
    /// The customer's id.
    pub id: Option<String>,
    /// E-mail address; compare without regard to case.
    pub email: Option<Personal>,
    /// Phone number.
    pub phone: Option<Personal>,
}

impl DataRequest {
    /// Reads the body of `customers/data_request`.
    ///
    /// # Errors
    /// [`WebhookError`], naming the path that is not as expected.
    pub fn decode(body: &[u8]) -> Result<Self, WebhookError> {
        let wire: PrivacyWire = read(body)?;
        Ok(Self {
            shop_domain: shop_of(wire.shop_domain, "shop_domain")?,
            shop_id: wire.shop_id.needed("shop_id")?,
            customer: wire.customer.subject(),
            orders: ids(wire.orders_requested),
            request_id: wire.data_request.0.and_then(|request| request.id.0),
        })
    }
}

impl CustomerRedact {
    /// Reads the body of `customers/redact`.
    ///
    /// # Errors
    /// [`WebhookError`], naming the path that is not as expected.
    pub fn decode(body: &[u8]) -> Result<Self, WebhookError> {
        let wire: PrivacyWire = read(body)?;
        Ok(Self {
            shop_domain: shop_of(wire.shop_domain, "shop_domain")?,
            shop_id: wire.shop_id.needed("shop_id")?,
            customer: wire.customer.subject(),
            orders: ids(wire.orders_to_redact),
        })
    }
}

impl ShopRedact {
    /// Reads the body of `shop/redact`.
    ///
    /// # Errors
    /// [`WebhookError`], naming the path that is not as expected.
    pub fn decode(body: &[u8]) -> Result<Self, WebhookError> {
        let wire: PrivacyWire = read(body)?;
        Ok(Self {
            shop_domain: shop_of(wire.shop_domain, "shop_domain")?,
            shop_id: wire.shop_id.needed("shop_id")?,
        })
    }
}

/// The shop that a body names.
pub(super) fn shop_of(domain: Text, field: &str) -> Result<ShopDomain, WebhookError> {
    let domain = domain.0.and_then(|domain| domain.parse().ok());
    domain.ok_or_else(|| WebhookError::field(field, SHOP))
}

fn ids(list: Vec<Id>) -> Vec<String> {
    list.into_iter().filter_map(|id| id.0).collect()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PrivacyWire {
    shop_id: Id,
    shop_domain: Text,
    customer: Obj<SubjectWire>,
    #[serde(deserialize_with = "list")]
    orders_requested: Vec<Id>,
    #[serde(deserialize_with = "list")]
    orders_to_redact: Vec<Id>,
    data_request: Obj<RequestWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SubjectWire {
    id: Id,
    email: Text,
    phone: Text,
}

impl Obj<SubjectWire> {
    /// The customer, if the body says anything of them.
    fn subject(self) -> Option<PrivacySubject> {
        let wire = self.0?;
        let subject =
            PrivacySubject { id: wire.id.0, email: wire.email.personal(), phone: wire.phone.personal() };
        let known = subject.id.is_some() || subject.email.is_some() || subject.phone.is_some();
        known.then_some(subject)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RequestWire {
    id: Id,
}
