//! What the headers of a webhook say (Shopify reference §2.2). The signature does not cover them.

use chrono::{DateTime, Utc};

use crate::ids::ShopDomain;

/// What the webhook is about, like `orders/paid`.
pub const TOPIC_HEADER: &str = "x-shopify-topic";
/// The signature over the body.
pub const SIGNATURE_HEADER: &str = "x-shopify-hmac-sha256";
/// The shop's permanent domain.
pub const SHOP_HEADER: &str = "x-shopify-shop-domain";
/// The delivery's id, the same over its retries.
pub const WEBHOOK_ID_HEADER: &str = "x-shopify-webhook-id";
/// The id that all deliveries of one merchant's action share.
pub const EVENT_ID_HEADER: &str = "x-shopify-event-id";
/// When the event fired, not when it was sent.
pub const TRIGGERED_AT_HEADER: &str = "x-shopify-triggered-at";
/// The API version that the body was built with.
pub const API_VERSION_HEADER: &str = "x-shopify-api-version";
/// The subscription's own name.
pub const NAME_HEADER: &str = "x-shopify-name";
/// Seen on test notifications.
pub const TEST_HEADER: &str = "x-shopify-test";

/// Longest topic.
const TOPIC_LEN_MAX: usize = 100;
/// Longest id, version or name, in characters.
const ID_LEN_MAX: usize = 200;

/// The headers of a webhook, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What it is about, like `orders/paid` or `customer.tags_added`.
    pub topic: String,
    /// Whose it is.
    pub shop: ShopDomain,
    /// The delivery's id, the same over its retries: the first key against duplicates, never enough for money.
    pub webhook_id: String,
    /// What all deliveries of one merchant's action share.
    pub event_id: Option<String>,
    /// When the event fired: a hint for order and age; `None` also when it can't be read.
    pub triggered_at: Option<DateTime<Utc>>,
    /// The API version that the body was built with.
    pub api_version: Option<String>,
    /// The subscription's own name.
    pub name: Option<String>,
    /// Whether it is a test notification: nothing may come of it.
    pub test: bool,
}

/// Which header is missing or wrong. The answer is 400. None repeats what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// Not there, or empty.
    #[error("header {header} is missing; Shopify sends it with every webhook")]
    Missing {
        /// Which header.
        header: &'static str,
    },
    /// Not what it has to be.
    #[error("header {header} is wrong; it has to be {expected}")]
    Wrong {
        /// Which header.
        header: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
}

impl Delivery {
    /// Reads the headers by `get`, which is asked for names in lower case: they may arrive in any case.
    ///
    /// # Errors
    /// [`DeliveryError`], naming the first header that is missing or wrong.
    pub fn from_headers<S: AsRef<str>>(get: impl Fn(&str) -> Option<S>) -> Result<Self, DeliveryError> {
        let value = |header: &'static str| {
            get(header).map(|value| value.as_ref().to_owned()).filter(|value| !value.is_empty())
        };
        let needed = |header| value(header).ok_or(DeliveryError::Missing { header });
        let id = |header| value(header).map(|value| checked_id(header, value)).transpose();
        let shop = needed(SHOP_HEADER)?.parse().map_err(|_shows_it| DeliveryError::Wrong {
            header: SHOP_HEADER,
            expected: "the domain of a shop, like my-shop.myshopify.com in lower case",
        })?;
        let triggered_at = value(TRIGGERED_AT_HEADER)
            .and_then(|value| DateTime::parse_from_rfc3339(&value).ok())
            .map(|at| at.to_utc());
        Ok(Self {
            topic: checked_topic(needed(TOPIC_HEADER)?)?,
            shop,
            webhook_id: checked_id(WEBHOOK_ID_HEADER, needed(WEBHOOK_ID_HEADER)?)?,
            event_id: id(EVENT_ID_HEADER)?,
            triggered_at,
            api_version: id(API_VERSION_HEADER)?,
            name: id(NAME_HEADER)?,
            test: value(TEST_HEADER).is_some_and(|value| value.eq_ignore_ascii_case("true")),
        })
    }
}

fn checked_topic(topic: String) -> Result<String, DeliveryError> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'/' | b'-');
    if topic.len() > TOPIC_LEN_MAX || !topic.bytes().all(good) {
        return Err(DeliveryError::Wrong {
            header: TOPIC_HEADER,
            expected: "1 to 100 characters of a-z, 0-9, '_', '.', '/' and '-', like orders/paid",
        });
    }
    Ok(topic)
}

fn checked_id(header: &'static str, id: String) -> Result<String, DeliveryError> {
    if id.chars().count() > ID_LEN_MAX || id.chars().any(char::is_control) {
        let expected = "1 to 200 characters without control characters";
        return Err(DeliveryError::Wrong { header, expected });
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 7] = [
        (TOPIC_HEADER, "customer.tags_added"),
        (SHOP_HEADER, "harbour-trade-den.myshopify.com"),
        (WEBHOOK_ID_HEADER, "5bc6d49b-f6a5-43a1-8570-2c0d21df33a5"),
        (EVENT_ID_HEADER, "58d2c6f3-e8c2-4bae-8df9-868fdd70e91e"),
        (TRIGGERED_AT_HEADER, "2026-11-21T14:00:04.118220123Z"),
        (API_VERSION_HEADER, "2026-10"),
        (TEST_HEADER, "True"),
    ];

    /// The good headers, with one of them set to something else.
    fn with(header: &str, value: Option<&str>) -> Result<Delivery, DeliveryError> {
        Delivery::from_headers(|name| {
            if name == header {
                return value;
            }
            GOOD.into_iter().find(|(good, _)| *good == name).map(|(_, value)| value)
        })
    }

    #[test]
    fn headers_are_read() {
        let delivery = with("", None).unwrap();
        assert_eq!(delivery.topic, "customer.tags_added");
        assert_eq!(delivery.shop.as_str(), "harbour-trade-den.myshopify.com");
        assert_eq!(delivery.triggered_at, "2026-11-21T14:00:04.118220123Z".parse().ok());
        assert_eq!(delivery.name, None);
        assert!(delivery.test);
        for header in [EVENT_ID_HEADER, API_VERSION_HEADER, TEST_HEADER, NAME_HEADER] {
            assert!(with(header, Some("")).is_ok() && with(header, None).is_ok(), "{header}");
        }
        assert_eq!(with(TRIGGERED_AT_HEADER, Some("yesterday")).unwrap().triggered_at, None);
        assert!(!with(TEST_HEADER, Some("false")).unwrap().test);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_and_not_shown() {
        for header in [TOPIC_HEADER, SHOP_HEADER, WEBHOOK_ID_HEADER] {
            assert_eq!(with(header, None), Err(DeliveryError::Missing { header }));
            assert_eq!(with(header, Some("")), Err(DeliveryError::Missing { header }));
        }
        let long = "y".repeat(201);
        for (header, bad) in [
            (TOPIC_HEADER, "Orders/PAID"),
            (TOPIC_HEADER, "orders paid"),
            (TOPIC_HEADER, &long[..101]),
            (SHOP_HEADER, "Harbour.myshopify.com"),
            (SHOP_HEADER, "evil.example.com"),
            (WEBHOOK_ID_HEADER, "a\nb"),
            (WEBHOOK_ID_HEADER, &long),
            (EVENT_ID_HEADER, "a\u{7f}b"),
            (API_VERSION_HEADER, &long),
            (NAME_HEADER, "a\tb"),
        ] {
            let error = with(header, Some(bad)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("header {header} is wrong")), "{error}");
            assert!(!error.contains(bad), "{error}");
        }
        assert!(with(WEBHOOK_ID_HEADER, Some(&"ä".repeat(200))).is_ok());
    }
}
