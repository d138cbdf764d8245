//! A stand-in for Shopify: the Admin GraphQL API as far as store credit and the listing of orders and customers
//! need it, bulk operations among it, and the renewal of tokens.
//!
//! Wire, order of checks, texts and costs are those of the project's Shopify reference, §12; what it marks as
//! remembered or assumed is no better known here. Differences: only the root fields that the product calls are
//! known, and answers hold every field of them, whether selected or not. Only listing cuts them down to what a
//! document selects.

mod bucket;
mod bulk;
mod clock;
pub(crate) mod connection;
mod control;
mod credit;
mod fault;
mod graph;
mod graphql;
mod ledger;
mod listing;
mod merchant;
mod money;
mod oauth;
mod read;
mod selection;
mod sender;
mod server;
mod shop;

pub use bulk::{BulkEnd, BulkPlan};
pub use clock::Clock;
pub use fault::{Fault, Scheduled};
pub use ledger::{Account, Kind, Transaction};
pub use listing::Bodies;
pub use sender::{Sample, Webhook, samples, signature};
pub use server::FakeShopify;
pub use shop::{Customer, CustomerSetup, SettingsChange, Shop, ShopSetup, ShopState, WRITE_SCOPE};
