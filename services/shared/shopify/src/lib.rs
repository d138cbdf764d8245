//! Shopify's Admin API for store credit.
//!
//! Credits and debits customers' store credit accounts, reads them back, lists the orders and customers that
//! changed, keeps within each shop's rate, renews and seals tokens. It holds no state but each shop's
//! [`Budget`]; what has been asked and answered is for the caller to write down. The rules, with their
//! sources, are the project's Shopify reference.
//!
//! What matters most: store credit has no idempotency key. [`ShopifyError::certainly_not_applied`] tells
//! whether a credit may be sent again; after [`ShopifyError::OutcomeUnknown`] the account's history has
//! to be read first ([`ShopClient::transactions`] with [`HistoryFilter::expires_at`]).

mod answer;
mod budget;
mod client;
mod decimal;
mod error;
mod ids;
mod listing;
mod mutate;
mod oauth;
mod operation;
mod privacy;
mod query;
mod record;
mod seal;
mod transaction;
pub mod webhook;

pub use budget::{Budget, BudgetView};
pub use client::{API_VERSION, Client, Settings, SetupError, ShopClient};
pub use decimal::{AmountError, amount_text, parse_amount};
pub use error::{OUTCOME_SETTLES_AFTER, RefusalCode, ShopifyError};
pub use ids::{
    AccountId, BulkId, CompanyLocationId, CustomerId, InvalidId, OrderId, Owner, ShopDomain, ShopId,
    TransactionId,
};
pub use listing::{BulkFile, BulkKind, BulkStart, BulkState, Download, LeftOut, Listed, NotListed, Page};
pub use oauth::{AppCredentials, EXPIRES_IN_DEFAULT, NoTokenGrant, RefreshError, TokenGrant, TokenPair};
pub use operation::Operation;
pub use query::{Cursor, Customer, CustomerKey, History, HistoryFilter, ShopInfo};
pub use record::Recorder;
pub use seal::{ACCESS_TOKEN, KeyRing, KeyRingError, REFRESH_TOKEN, SealError, SealedToken};
pub use transaction::{Account, Event, Transaction, TransactionKind};
