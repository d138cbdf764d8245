//! Names of things at Shopify: shops by domain, everything else by its global id.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest label of a domain name (RFC 1035 §2.3.4).
const LABEL_LEN_MAX: usize = 63;
/// Longest global id taken; real ones are below 80.
const GID_LEN_MAX: usize = 200;
/// The domain under which every shop has its permanent name.
const SHOPS: &str = ".myshopify.com";

/// A shop's permanent domain, `^[a-z0-9][a-z0-9-]*\.myshopify\.com$`.
///
/// It is part of addresses to which tokens are sent, so nothing else is ever taken for a shop
/// (Shopify reference §2.2). The storefront's own domain is no identity.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ShopDomain(String);

/// Why a text is no identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not the permanent domain of a shop.
    #[error("{given:?} is not the domain of a shop; it looks like my-shop.myshopify.com, lower case")]
    ShopDomain {
        /// What was given, cut to 80 characters.
        given: String,
    },
    /// Not a global id of the kind that is needed.
    #[error("{given:?} is not an id of a {kind}; it looks like gid://shopify/{kind}/1234")]
    Gid {
        /// What kind of thing was expected.
        kind: &'static str,
        /// What was given, cut to 80 characters.
        given: String,
    },
}

impl ShopDomain {
    /// The domain as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ShopDomain {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let good = |label: &str| {
            !label.is_empty()
                && label.len() <= LABEL_LEN_MAX
                && !label.starts_with('-')
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        match text.strip_suffix(SHOPS) {
            Some(label) if good(label) => Ok(Self(text.to_owned())),
            _ => Err(InvalidId::ShopDomain { given: cut(text) }),
        }
    }
}

impl fmt::Display for ShopDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ShopDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// `gid://shopify/<kind>/<rest>`, where `kind` satisfies `kind_ok` and the rest is plain.
fn gid(text: &str, kind_ok: impl Fn(&str) -> bool) -> bool {
    text.len() <= GID_LEN_MAX
        && text.strip_prefix("gid://shopify/").and_then(|rest| rest.split_once('/')).is_some_and(
            |(kind, id)| kind_ok(kind) && !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic()),
        )
}

macro_rules! gids {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:literal, $ok:expr;)+) => {$(
        $(#[doc = $doc])+
        ///
        /// Held as the text Shopify gave: ids reach 18 digits, above what other parsers keep exact.
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The whole global id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The number at its end, as text; the whole id if it ends otherwise.
            #[must_use]
            pub fn number(&self) -> &str {
                let number = self.0.rsplit('/').next().unwrap_or_default();
                if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) { number } else { &self.0 }
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                let kind_ok: fn(&str) -> bool = $ok;
                if gid(&text, kind_ok) {
                    Ok(Self(text))
                } else {
                    Err(InvalidId::Gid { kind: $kind, given: cut(&text) })
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

gids! {
    /// A customer of a shop.
    CustomerId: "Customer", |kind| kind == "Customer";
    /// A company's location, which can own store credit as a customer can.
    CompanyLocationId: "CompanyLocation", |kind| kind == "CompanyLocation";
    /// A store credit account: one owner, one currency.
    AccountId: "StoreCreditAccount", |kind| kind == "StoreCreditAccount";
    /// A transaction of a store credit account.
    ///
    /// The type's name inside the id is not documented, so any that begins as they do is taken.
    TransactionId: "StoreCreditAccountTransaction", |kind| kind.starts_with("StoreCredit");
    /// A shop.
    ShopId: "Shop", |kind| kind == "Shop";
    /// An order.
    OrderId: "Order", |kind| kind == "Order";
    /// A bulk operation.
    BulkId: "BulkOperation", |kind| kind == "BulkOperation";
}

impl CustomerId {
    /// The id of the customer with this number, as webhooks and exports give it.
    ///
    /// # Errors
    /// [`InvalidId`] when `number` is not made of 1 to 32 digits.
    pub fn from_number(number: &str) -> Result<Self, InvalidId> {
        numbered("Customer", number).map(Self)
    }
}

impl OrderId {
    /// The id of the order with this number, as webhooks give it.
    ///
    /// # Errors
    /// [`InvalidId`] when `number` is not made of 1 to 32 digits.
    pub fn from_number(number: &str) -> Result<Self, InvalidId> {
        numbered("Order", number).map(Self)
    }
}

fn numbered(kind: &'static str, number: &str) -> Result<String, InvalidId> {
    if number.is_empty() || number.len() > 32 || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidId::Gid { kind, given: cut(number) });
    }
    Ok(format!("gid://shopify/{kind}/{number}"))
}

/// Whose account a credit or debit is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A customer. A credit opens their account in that currency if there is none
    /// (Shopify reference §6.1).
    Customer(CustomerId),
    /// A company's location, likewise.
    CompanyLocation(CompanyLocationId),
    /// One account; another currency than its own is refused.
    Account(AccountId),
}

impl Owner {
    /// The global id that goes on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Customer(id) => id.as_str(),
            Self::CompanyLocation(id) => id.as_str(),
            Self::Account(id) => id.as_str(),
        }
    }
}

impl From<CustomerId> for Owner {
    fn from(id: CustomerId) -> Self {
        Self::Customer(id)
    }
}

impl From<CompanyLocationId> for Owner {
    fn from(id: CompanyLocationId) -> Self {
        Self::CompanyLocation(id)
    }
}

impl From<AccountId> for Owner {
    fn from(id: AccountId) -> Self {
        Self::Account(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_permanent_domains_are_shops() {
        for good in ["a.myshopify.com", "my-shop-2.myshopify.com", "0x.myshopify.com"] {
            assert_eq!(good.parse::<ShopDomain>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            ".myshopify.com",
            "-a.myshopify.com",
            "A.myshopify.com",
            "a.b.myshopify.com",
            "a.myshopify.com.evil.example",
            "evil.example/a.myshopify.com",
            "evil.example#.myshopify.com",
            "a@b.myshopify.com",
            "a.myshopify.com\n",
            "shop.example",
        ] {
            assert!(bad.parse::<ShopDomain>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ids_above_two_to_the_53_stay_exact() {
        let id: CustomerId = "gid://shopify/Customer/820982911946154508".parse().unwrap();
        assert_eq!(id.number(), "820982911946154508");
        assert_eq!(CustomerId::from_number("820982911946154508").unwrap(), id);
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"gid://shopify/Customer/820982911946154508\"");
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        assert!("gid://shopify/Order/1".parse::<CustomerId>().is_err());
        assert!("gid://shopify/Customer/".parse::<CustomerId>().is_err());
        assert!("7400112233445".parse::<CustomerId>().is_err());
        assert!("gid://shopify/Customer/1 OR 2".parse::<CustomerId>().is_err());
        assert!(CustomerId::from_number("12a").is_err());
        assert!(serde_json::from_str::<AccountId>("\"gid://shopify/Customer/1\"").is_err());
    }
}
