//! Shops at Shopify: their tokens, telling them of credit, and reading what they have booked.

mod comparing;
mod connection;
mod finding;
mod gaps;
mod options;
mod telling;

pub(crate) use comparing::Comparison;
pub(crate) use connection::Shops;
pub(crate) use gaps::{Search, Searched, Wanted};
pub(crate) use options::ShopOptions;
pub(crate) use telling::{Told, tell_all};

use tradeup_domain::{Dependency, ErrorCode};
use tradeup_shopify::{Account, CustomerId, ShopClient, ShopifyError};
use tradeup_worker::TaskError;

/// The customer at Shopify that a member is.
fn customer(external_id: &str) -> Result<CustomerId, ShopifyError> {
    let id = if external_id.starts_with("gid:") {
        external_id.parse()
    } else {
        CustomerId::from_number(external_id)
    };
    id.map_err(|_the_text_may_be_personal| ShopifyError::Refused {
        code: tradeup_shopify::RefusalCode::OwnerNotFound,
        field: "id".to_owned(),
        message: "the member's customer id is none of Shopify's".to_owned(),
    })
}

/// The member's account in a currency, if there is one: a first credit opens it.
async fn account(
    client: &ShopClient,
    external_id: &str,
    currency: &str,
) -> Result<Option<Account>, ShopifyError> {
    let accounts = client.accounts(&customer(external_id)?).await?.unwrap_or_default();
    Ok(accounts.into_iter().find(|account| account.balance.currency.code() == currency))
}

/// What a run makes of an error of the shop's. A permanent one is about this shop, too.
fn failed(error: &ShopifyError) -> TaskError {
    TaskError::classified(error).of_dependency(Dependency::Shopify)
}

fn not_configured(what: &str) -> TaskError {
    TaskError::transient(ErrorCode::ShopNotConfigured, format!("this service was given no {what}"))
        .of_dependency(Dependency::Shopify)
}
