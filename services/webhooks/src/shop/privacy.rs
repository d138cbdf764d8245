//! Requests by law: whom they are about.

use tradeup_domain::ErrorCode;
use tradeup_shopify::ShopDomain;
use tradeup_shopify::webhook::PrivacySubject;
use tradeup_store::privacy::Person;
use tradeup_worker::TaskError;

use super::Told;

/// The person whom a body names.
pub(crate) fn person(subject: Option<&PrivacySubject>) -> Person {
    let Some(subject) = subject else { return Person::default() };
    Person {
        external_id: subject.id.clone(),
        email: subject.email.as_ref().map(|email| email.as_str().to_owned()),
    }
}

/// The signature does not cover which shop a body came for: where the body says so, it has to be this one.
pub(crate) fn check_shop(told: &Told, domain: &ShopDomain) -> Result<(), TaskError> {
    if told.tenant.shop_domain.as_deref() == Some(domain.as_str()) {
        return Ok(());
    }
    Err(TaskError::permanent(
        ErrorCode::OtherShop,
        "the body is about another shop than the one that it came for; nothing was done",
    ))
}
