//! The rules of TradeUp Jobs, pure: no I/O, no clock, no randomness.
//!
//! Everything here is a function of its arguments. Instants, periods and seeds are given by the
//! caller, who has them from a message; so a rule gives the same answer today, in a retry and in
//! a back-fill a year later. The rules' source is the loyalty reference of the design
//! (monthly credits §1.5, expiry §1.3, tiers §1.8, money §2).

pub mod api_token;
pub mod cashback;
pub mod dependency;
pub mod error;
pub mod figure;
pub mod grant;
pub mod handle;
pub mod ledger;
pub mod merge;
pub mod money;
pub mod monthly;
pub mod order;
pub mod outcomes;
pub mod period;
pub mod replay;
pub mod rules;
pub mod schedule;
pub mod signing;
pub mod spend;
pub mod spreadsheet;
pub mod tier;
pub mod tier_rules;
pub mod trade_in;
pub mod validity;
pub mod zone;

pub use dependency::{Dependency, UnknownDependency};
pub use error::{Class, Classify, ErrorCode};
pub use grant::{Grant, GrantError, ValueClass};
pub use handle::{Handle, InvalidHandle};
pub use money::{AMOUNT_MINOR_MAX, Currency, Money, MoneyError, amount_text, decimal_text};
pub use period::{InvalidPeriod, Period};
pub use validity::{InvalidValidity, Validity};
