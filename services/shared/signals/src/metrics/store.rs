//! How this process gets on with the database.

use crate::{Counters, Describe, Gauges, Histograms};

/// Connections of the pool.
pub static CONNECTIONS: Gauges<1> =
    Gauges::new("tradeup_database_connections", "Connections of this process: in_use, idle", ["state"]);
/// Most connections of the pool.
pub static CONNECTIONS_MAX: Gauges<0> =
    Gauges::new("tradeup_database_connections_max", "Most connections that this process opens", []);
/// How long it takes to begin.
pub static BEGIN_SECONDS: Histograms<1> = Histograms::new(
    "tradeup_database_begin_duration_seconds",
    "Time to get a connection and begin a transaction on it, by outcome: begun, failed",
    ["outcome"],
    Histograms::<1>::QUICK,
);
/// How long transactions are open.
pub static TRANSACTION_SECONDS: Histograms<1> = Histograms::new(
    "tradeup_database_transaction_duration_seconds",
    "Time from begin to the end of a transaction: committed, rolled_back, failed (the commit)",
    ["outcome"],
    Histograms::<1>::QUICK,
);
/// What statements failed of.
pub static ERRORS: Counters<1> = Counters::new(
    "tradeup_database_errors_total",
    "Statements that failed, by kind: unavailable, conflict, refused, corrupt, settings, superseded, shadow, unexpected",
    ["kind"],
);

/// All of them.
pub static ALL: &[&dyn Describe] =
    &[&CONNECTIONS, &CONNECTIONS_MAX, &BEGIN_SECONDS, &TRANSACTION_SECONDS, &ERRORS];
