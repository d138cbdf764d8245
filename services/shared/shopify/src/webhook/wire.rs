//! The leaves of webhook bodies: lenient where Shopify varies, exact where money and ids are meant.
//!
//! Each leaf is absent when its key is missing, null or (for texts) empty, so no decoder tells these apart.
//! Every complaint is one of [`EXPECTATIONS`], so that nothing of a body ever gets into an error.

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tradeup_domain::Currency;

use super::WebhookError;
use crate::decimal::parse_amount;

/// An object is needed.
pub(super) const OBJECT: &str = "a JSON object";
/// A list is needed.
pub(super) const LIST: &str = "a list";
/// A text is needed.
pub(super) const TEXT: &str = "a text";
/// true or false is needed.
pub(super) const FLAG: &str = "true or false";
/// An id is needed.
pub(super) const ID: &str =
    "an id: a whole number of up to 63 bits, or 1 to 100 letters, digits, '.', '_' and '-', or a global id";
/// An instant is needed.
pub(super) const INSTANT: &str = "an instant like 2026-11-20T10:15:27-05:00";
/// An amount is needed.
pub(super) const AMOUNT: &str = "an amount: a decimal as a text or number, no finer than the minor unit of its currency and no larger than any amount may be";
/// A count is needed.
pub(super) const COUNT: &str = "a count: a whole number from 0 to 1000000000";
/// A currency is needed.
pub(super) const CURRENCY: &str = "an ISO 4217 currency with minor units, like USD";
/// Two currencies in one body.
pub(super) const SHOP_CURRENCY: &str = "the shop's currency, which the other amounts are in";
/// A shop is needed.
pub(super) const SHOP: &str = "the domain of a shop, like my-shop.myshopify.com";
/// A key stands twice in one object.
pub(super) const ONCE: &str = "each key only once";

/// Everything that may be said to be expected.
pub(super) const EXPECTATIONS: [&str; 12] =
    [OBJECT, LIST, TEXT, FLAG, ID, INSTANT, AMOUNT, COUNT, CURRENCY, SHOP_CURRENCY, SHOP, ONCE];

/// Longest id, as the domain takes it for orders.
const ID_LEN_MAX: usize = 100;
/// Highest count; far above any order, and small enough to be multiplied.
const COUNT_MAX: i64 = 1_000_000_000;

/// An object, or absent. A list is refused, which a derived reader would take field by field.
#[derive(Debug)]
pub(super) struct Obj<T>(pub(super) Option<T>);

impl<T> Default for Obj<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Obj<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
            type Value = Obj<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(OBJECT)
            }

            fn visit_unit<E>(self) -> Result<Obj<T>, E> {
                Ok(Obj(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Obj<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|object| Obj(Some(object)))
            }
        }
        deserializer.deserialize_any(Object(PhantomData))
    }
}

/// A list; empty when absent.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Option::<Vec<T>>::deserialize(from).map(Option::unwrap_or_default)
}

/// What a leaf is written as.
enum Written {
    /// null.
    Null,
    /// A text, its escapes resolved.
    Text(String),
    /// A number, as it stands there.
    Number(String),
    /// true or false.
    Flag(bool),
    /// A list or an object.
    Nested,
}

fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Written, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    Ok(match raw.get().as_bytes().first() {
        Some(b'"') => Written::Text(serde_json::from_str(raw.get()).map_err(|_text| D::Error::custom(TEXT))?),
        Some(b'-' | b'0'..=b'9') => Written::Number(raw.get().to_owned()),
        Some(b't') => Written::Flag(true),
        Some(b'f') => Written::Flag(false),
        Some(b'n') => Written::Null,
        _ => Written::Nested,
    })
}

/// A value without parts.
pub(super) trait Leaf: Sized {
    /// What it holds.
    type Of;
    /// What a body has to have in its place.
    const EXPECTED: &'static str;

    /// The value, unless it is absent.
    fn value(self) -> Option<Self::Of>;

    /// The value, which has to be there.
    fn needed(self, field: &str) -> Result<Self::Of, WebhookError> {
        self.value().ok_or_else(|| WebhookError::field(field, Self::EXPECTED))
    }
}

macro_rules! leaves {
    ($($(#[doc = $doc:literal])+ $name:ident($of:ty), $expected:ident, $read:expr;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub(super) struct $name(pub(super) Option<$of>);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let read: fn(Written) -> Option<$of> = $read;
                match written(deserializer)? {
                    Written::Null => Ok(Self(None)),
                    Written::Text(text) if text.chars().all(|c| c == '\0') => Ok(Self(None)),
                    other => match read(other) {
                        Some(value) => Ok(Self(Some(value))),
                        None => Err(D::Error::custom($expected)),
                    },
                }
            }
        }

        impl Leaf for $name {
            type Of = $of;
            const EXPECTED: &'static str = $expected;

            fn value(self) -> Option<$of> {
                self.0
            }
        }
    )+};
}

leaves! {
    /// An id, exactly as written; of a global id the number at its end.
    Id(String), ID, |written| match written {
        Written::Number(number) => number.parse::<i64>().ok().filter(|id| *id >= 0).map(|_fits| number),
        Written::Text(text) => id_of(&text),
        _ => None,
    };
    /// A text without zero characters, which no database keeps. A whole number is taken as its digits.
    Text(String), TEXT, |written| match written {
        Written::Number(number) => number.parse::<i64>().ok().map(|_whole| number),
        Written::Text(text) => Some(text.replace('\0', "")),
        _ => None,
    };
    /// A decimal in major units, as written and never through a float.
    Amount(String), AMOUNT, |written| match written {
        Written::Number(text) | Written::Text(text) => Some(text),
        _ => None,
    };
    /// An instant with any offset.
    Stamp(DateTime<Utc>), INSTANT, |written| match written {
        Written::Text(text) => DateTime::parse_from_rfc3339(&text).ok().map(|at| at.to_utc()),
        _ => None,
    };
    /// true or false.
    Flag(bool), FLAG, |written| match written {
        Written::Flag(flag) => Some(flag),
        _ => None,
    };
    /// How many.
    Count(i64), COUNT, |written| match written {
        Written::Number(text) | Written::Text(text) => {
            text.parse::<i64>().ok().filter(|count| (0..=COUNT_MAX).contains(count))
        }
        _ => None,
    };
}

/// The id in a text: itself, or the number at the end of a global id.
fn id_of(text: &str) -> Option<String> {
    let id = match text.strip_prefix("gid://shopify/") {
        Some(rest) => rest.split_once('/')?.1,
        None => text,
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (!id.is_empty() && id.len() <= ID_LEN_MAX && id.bytes().all(plain)).then(|| id.to_owned())
}

/// `*_set`: one amount in the shop's currency and in the buyer's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MoneySet {
    pub(super) shop_money: Obj<SetMoney>,
    pub(super) presentment_money: Obj<SetMoney>,
}

/// One side of a set. The reference's examples name the code `currency_code`, some older ones `currency`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SetMoney {
    amount: Amount,
    currency_code: Text,
    currency: Text,
}

impl SetMoney {
    /// The currency it names.
    pub(super) fn code(&self) -> Option<&str> {
        self.currency_code.0.as_deref().or(self.currency.0.as_deref())
    }
}

impl Obj<MoneySet> {
    fn shop(&self) -> Option<&SetMoney> {
        self.0.as_ref().and_then(|set| set.shop_money.0.as_ref())
    }

    /// The shop's currency, if the set names one that is known.
    pub(super) fn shop_currency(&self) -> Option<Currency> {
        self.shop()?.code()?.parse().ok()
    }

    /// The currency that both sides name: no conversion took place.
    pub(super) fn both_sides(&self) -> Option<Currency> {
        let buyer = self.0.as_ref()?.presentment_money.0.as_ref()?.code()?;
        self.shop_currency().filter(|currency| currency.code() == buyer)
    }
}

/// The amount named `field` in minor units of the shop's currency: of its set where there is one, else the
/// plain one (Shopify reference §4).
pub(super) fn shop_minor(
    set: &Obj<MoneySet>,
    plain: &Amount,
    currency: Currency,
    field: &str,
) -> Result<Option<i64>, WebhookError> {
    let Some((money, amount)) = set.shop().and_then(|money| Some((money, money.amount.0.as_ref()?))) else {
        return plain.0.as_ref().map(|amount| minor(amount, currency, field)).transpose();
    };
    if money.code().is_some_and(|code| code != currency.code()) {
        return Err(WebhookError::field(&format!("{field}_set.shop_money.currency_code"), SHOP_CURRENCY));
    }
    minor(amount, currency, &format!("{field}_set.shop_money.amount")).map(Some)
}

/// An amount in minor units of `currency`.
pub(super) fn minor(amount: &str, currency: Currency, field: &str) -> Result<i64, WebhookError> {
    let money = parse_amount(amount, currency).map_err(|_shows_it| WebhookError::field(field, AMOUNT))?;
    Ok(money.amount_minor)
}

/// The entries of a list of tags that is written as one text.
pub(super) fn tags(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}
