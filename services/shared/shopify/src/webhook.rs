//! Webhooks of Shopify: whether a request is genuine, what its headers say, and what is in its body.
//!
//! Nothing here touches the network, a clock or a database. The order of use is: [`Secrets::verify`] over
//! the raw bytes, [`Delivery::from_headers`], then the decoder of the topic, such as [`Order::decode`].
//! Decoders take what they know and ignore the rest: a key that is missing, null or an empty text is absent.
//! Ids stay texts and no amount goes through a float. No error repeats anything of a body
//! (Shopify reference §2, §4, §5).

mod app;
mod customer;
mod delivery;
mod error;
mod line;
mod order;
mod privacy;
mod refs;
mod refund;
mod signature;
mod transaction;
mod wire;

pub use app::{BulkFinished, ScopesChanged, Uninstalled};
pub use customer::{Customer, CustomerState, Deleted, Merged, TagsChanged};
pub use delivery::{
    API_VERSION_HEADER, Delivery, DeliveryError, EVENT_ID_HEADER, NAME_HEADER, SHOP_HEADER, SIGNATURE_HEADER,
    TEST_HEADER, TOPIC_HEADER, TRIGGERED_AT_HEADER, WEBHOOK_ID_HEADER,
};
pub use error::WebhookError;
pub use line::Line;
pub use order::{CustomerRef, FinancialStatus, Fulfilment, Order};
pub use privacy::{CustomerRedact, DataRequest, PrivacySubject, ShopRedact};
pub use refs::Refs;
pub use refund::{Refund, RefundLine, RefundMoney};
pub use signature::{Matched, Secrets, SecretsError, SignatureError};
pub use transaction::{CreditPaid, Means, PaymentKind, PaymentStatus, Transaction, paid_with_credit};

/// What a person is known by: an e-mail address, a phone number, a name. `Debug` never shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Personal(String);

impl Personal {
    /// The text itself; it belongs into no log and no error.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself, owned.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl std::fmt::Debug for Personal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[removed]")
    }
}

impl wire::Text {
    fn personal(self) -> Option<Personal> {
        self.0.map(Personal)
    }
}
