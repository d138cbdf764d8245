//! What moves in ledgers. Committed movements only; the ledger is the truth, these say how fast it grows.

use crate::{Counters, Describe};

/// Movements.
pub static COUNT: Counters<2> = Counters::new(
    "tradeup_credits_total",
    "Movements of credit that this process has committed, by kind and currency",
    ["kind", "currency"],
);
/// Their amounts.
pub static MINOR: Counters<2> = Counters::new(
    "tradeup_credits_minor_total",
    "Their amounts in minor units of the currency (cents)",
    ["kind", "currency"],
);

/// All of them.
pub static ALL: &[&dyn Describe] = &[&COUNT, &MINOR];
