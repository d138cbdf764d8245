//! A stand-in for Shopify: the Admin GraphQL API as far as store credit needs it, and the renewal of tokens.
//!
//! Wire, order of checks, texts and costs are those of the project's Shopify reference, §12; what it marks as
//! remembered or assumed is no better known here. Differences: only the root fields that the product calls are
//! known, and answers hold every field of them, whether selected or not.

mod bucket;
mod clock;
mod connection;
mod control;
mod credit;
mod fault;
mod graphql;
mod ledger;
mod merchant;
mod money;
mod oauth;
mod read;
mod sender;
mod server;
mod shop;

pub use clock::Clock;
pub use fault::{Fault, Scheduled};
pub use ledger::{Account, Kind, Transaction};
pub use sender::{Sample, Webhook, samples, signature};
pub use server::FakeShopify;
pub use shop::{Customer, CustomerSetup, SettingsChange, Shop, ShopSetup, ShopState, WRITE_SCOPE};
