//! Reading: accounts, history, customers, the shop.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tradeup_domain::{Currency, Money};

use crate::client::ShopClient;
use crate::decimal::{AmountError, WireMoney};
use crate::error::ShopifyError;
use crate::ids::{AccountId, CustomerId, ShopId, TransactionId};
use crate::mutate::instant_text;
use crate::operation::{ACCOUNTS_PAGE, HISTORY_PAGE, Operation};
use crate::privacy::scrub;
use crate::transaction::{Account, Transaction, TransactionKind, WireAccount, WireTransaction};

/// A customer, without name or address: those are never asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Their id.
    pub id: CustomerId,
    /// `ENABLED`, `DISABLED`, `INVITED`, `DECLINED`: whether they can sign in.
    pub state: String,
    /// The merchant's tags.
    pub tags: Vec<String>,
    /// Their store credit accounts.
    pub accounts: Vec<Account>,
}

/// By what a customer is looked up. E-mail addresses match without regard to case
/// (Shopify reference §6.4).
#[derive(Clone)]
pub enum CustomerKey {
    /// By id.
    Id(CustomerId),
    /// By e-mail address; never shown by `Debug`.
    Email(String),
}

impl std::fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "Id({id})"),
            Self::Email(_) => f.write_str("Email([removed])"),
        }
    }
}

/// The shop's own settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopInfo {
    /// Its id: what a tenant is known by, as its domain can change (§9.5).
    pub id: ShopId,
    /// The currency it keeps its books in.
    pub currency: Currency,
    /// IANA name of its time zone.
    pub zone: String,
}

/// Which transactions are wanted; all that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Only of this kind.
    pub kind: Option<TransactionKind>,
    /// Only newer than this one.
    pub newer_than: Option<TransactionId>,
    /// Only credits that expire at this very second: the fingerprint of a credit whose answer was lost
    /// (§6.3).
    pub expires_at: Option<DateTime<Utc>>,
}

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub(crate) String);

/// A page of an account's history, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The account with its balance.
    pub account: Account,
    /// Up to 50 transactions.
    pub transactions: Vec<Transaction>,
    /// Where the next page begins; none if this is the last.
    pub next: Option<Cursor>,
}

#[derive(Deserialize)]
pub(crate) struct Nodes<T> {
    pub(crate) nodes: Vec<T>,
    #[serde(rename = "pageInfo")]
    pub(crate) page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageInfo {
    pub(crate) has_next_page: bool,
    #[serde(default)]
    pub(crate) end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCustomer {
    id: CustomerId,
    state: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    store_credit_accounts: Nodes<WireAccount>,
}

#[derive(Deserialize)]
struct WireHistory {
    id: AccountId,
    balance: WireMoney,
    transactions: Nodes<WireTransaction>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireShop {
    id: ShopId,
    currency_code: String,
    iana_timezone: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireConfiguration {
    store_credit_enabled: bool,
}

impl HistoryFilter {
    /// The text of the search, as Shopify reads it (§6.1); none if everything is wanted.
    fn search(&self) -> Option<String> {
        let terms: Vec<String> = [
            self.kind.as_ref().and_then(TransactionKind::search_word).map(|word| format!("type:{word}")),
            self.newer_than.as_ref().map(|id| format!("id:>{}", id.number())),
            self.expires_at.map(|at| format!("expires_at:'{}'", instant_text(at))),
        ]
        .into_iter()
        .flatten()
        .collect();
        if terms.is_empty() { None } else { Some(terms.join(" AND ")) }
    }

    /// Whether `transaction` is one of those wanted, as far as it tells. A search that Shopify does not
    /// understand finds everything, so what came is looked at again.
    fn wants(&self, transaction: &Transaction) -> bool {
        let newer = |than: &TransactionId| match &transaction.id {
            Some(id) => place(id) > place(than),
            // Reverts and expirations have none to compare.
            None => true,
        };
        self.kind.as_ref().is_none_or(|kind| *kind == transaction.kind)
            && self.newer_than.as_ref().is_none_or(newer)
            && self
                .expires_at
                .is_none_or(|at| transaction.expires_at.is_some_and(|is| is.timestamp() == at.timestamp()))
    }
}

/// By which ids are ordered: the number at the end, of any length, without reading it as one.
fn place(id: &TransactionId) -> (usize, &str) {
    let digits = id.number().trim_start_matches('0');
    (digits.len(), digits)
}

impl ShopClient {
    /// An account with its balance; `None` if there is none.
    ///
    /// # Errors
    /// [`ShopifyError`], never `OutcomeUnknown`: reading changes nothing.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, ShopifyError> {
        let value = self.call(Operation::Account, json!({ "id": id.as_str() })).await?;
        let wire: Option<WireAccount> = decode(value)?;
        wire.map(Account::try_from).transpose().map_err(unexpected)
    }

    /// A customer's accounts, one for each currency they have been credited in; `None` if there is no
    /// such customer.
    ///
    /// # Errors
    /// As [`Self::account`].
    pub async fn accounts(&self, customer: &CustomerId) -> Result<Option<Vec<Account>>, ShopifyError> {
        let variables = json!({ "id": customer.as_str(), "first": ACCOUNTS_PAGE });
        let wire: Option<WireCustomer> = decode(self.call(Operation::Accounts, variables).await?)?;
        Ok(wire.map(customer_of).transpose()?.map(|customer| customer.accounts))
    }

    /// A customer; `None` if there is none. It reads the customer itself and no search index, so one that
    /// was made a moment ago is found (§6.4).
    ///
    /// # Errors
    /// As [`Self::account`].
    pub async fn customer(&self, key: &CustomerKey) -> Result<Option<Customer>, ShopifyError> {
        let identifier = match key {
            CustomerKey::Id(id) => json!({ "id": id.as_str() }),
            CustomerKey::Email(email) => json!({ "emailAddress": email }),
        };
        let variables = json!({ "identifier": identifier, "first": ACCOUNTS_PAGE });
        let wire: Option<WireCustomer> = decode(self.call(Operation::Customer, variables).await?)?;
        wire.map(customer_of).transpose()
    }

    /// A page of an account's transactions, newest first, beginning `after` an earlier page's cursor;
    /// `None` if there is no such account. History may lag behind what was just booked.
    ///
    /// # Errors
    /// As [`Self::account`]. A filter for a kind that has no name in searches is
    /// [`ShopifyError::InvalidRequest`].
    pub async fn transactions(
        &self,
        account: &AccountId,
        filter: &HistoryFilter,
        after: Option<&Cursor>,
    ) -> Result<Option<History>, ShopifyError> {
        if filter.kind.as_ref().is_some_and(|kind| kind.search_word().is_none()) {
            return Err(ShopifyError::InvalidRequest {
                code: "FILTER".to_owned(),
                message: "this kind of transaction can't be searched for".to_owned(),
            });
        }
        let variables = json!({
            "id": account.as_str(),
            "first": HISTORY_PAGE,
            "after": after.map(|cursor| &cursor.0),
            "query": filter.search(),
        });
        let Some(wire) = decode::<Option<WireHistory>>(self.call(Operation::History, variables).await?)?
        else {
            return Ok(None);
        };
        let mut transactions = Vec::with_capacity(wire.transactions.nodes.len());
        for node in wire.transactions.nodes {
            let transaction =
                node.into_transaction(TransactionKind::Other(String::new())).map_err(unexpected)?;
            if filter.wants(&transaction) {
                transactions.push(transaction);
            }
        }
        let page = wire.transactions.page_info;
        Ok(Some(History {
            account: Account { balance: Money::try_from(&wire.balance).map_err(unexpected)?, id: wire.id },
            transactions,
            next: page.end_cursor.filter(|_| page.has_next_page).map(Cursor),
        }))
    }

    /// The shop's id, currency and time zone.
    ///
    /// # Errors
    /// As [`Self::account`].
    pub async fn shop_info(&self) -> Result<ShopInfo, ShopifyError> {
        let wire: WireShop = decode(self.call(Operation::Shop, json!({})).await?)?;
        let currency = wire.currency_code.parse().map_err(unexpected)?;
        Ok(ShopInfo { id: wire.id, currency, zone: wire.iana_timezone })
    }

    /// Whether check-out offers store credit to buyers at all.
    ///
    /// # Errors
    /// As [`Self::account`].
    pub async fn store_credit_enabled(&self) -> Result<bool, ShopifyError> {
        let wire: WireConfiguration = decode(self.call(Operation::Configuration, json!({})).await?)?;
        Ok(wire.store_credit_enabled)
    }
}

fn customer_of(wire: WireCustomer) -> Result<Customer, ShopifyError> {
    if wire.store_credit_accounts.page_info.has_next_page {
        return Err(unexpected(format!("a customer with more than {ACCOUNTS_PAGE} accounts")));
    }
    let accounts = wire.store_credit_accounts.nodes.into_iter().map(Account::try_from);
    Ok(Customer {
        id: wire.id,
        state: wire.state.unwrap_or_default(),
        tags: wire.tags,
        accounts: accounts.collect::<Result<_, AmountError>>().map_err(unexpected)?,
    })
}

fn decode<T: DeserializeOwned>(value: Value) -> Result<T, ShopifyError> {
    serde_json::from_value(value).map_err(unexpected)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn unexpected(error: impl ToString) -> ShopifyError {
    ShopifyError::UnexpectedAnswer { reason: scrub(&error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_joined_and_instants_have_whole_seconds() {
        assert_eq!(HistoryFilter::default().search(), None);
        let filter = HistoryFilter {
            kind: Some(TransactionKind::Credit),
            newer_than: Some("gid://shopify/StoreCreditAccountCreditTransaction/9900001".parse().unwrap()),
            expires_at: Some("2027-11-20T00:00:41.250Z".parse().unwrap()),
        };
        assert_eq!(
            filter.search().unwrap(),
            "type:credit AND id:>9900001 AND expires_at:'2027-11-20T00:00:41Z'"
        );
    }

    #[test]
    fn ids_are_ordered_as_numbers() {
        let id = |number: &str| -> TransactionId {
            format!("gid://shopify/StoreCreditAccountDebitTransaction/{number}").parse().unwrap()
        };
        assert!(place(&id("10")) > place(&id("9")));
        assert!(place(&id("820982911946154509")) > place(&id("820982911946154508")));
        assert_eq!(place(&id("007")), place(&id("7")));
    }

    #[test]
    fn an_address_is_not_shown() {
        assert_eq!(format!("{:?}", CustomerKey::Email("a@b.example".to_owned())), "Email([removed])");
    }
}
