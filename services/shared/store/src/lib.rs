//! PostgreSQL, the truth of TradeUp Jobs.
//!
//! One module for each noun, its longer statements beside it as `<noun>/<verb>.sql`. Statements are
//! checked against the schema when this crate is compiled, from the offline data in `.sqlx`.
//!
//! Functions take a connection, mostly that of a [`Tx`], so that the caller decides what commits
//! together. Nothing here knows the broker: what has to be published comes back as
//! [`outbox::JobMessage`] and is published after the commit.

pub mod accounts;
pub mod agent_budgets;
pub mod agent_runs;
pub mod agent_settings;
pub mod alerts;
pub mod api_calls;
pub mod api_tokens;
pub mod audit;
pub mod batches;
pub mod breakers;
pub mod bulk_acts;
pub mod campaigns;
pub mod credits;
pub mod dead_letters;
pub mod deliveries;
pub mod digests;
pub mod doctor;
pub mod endpoints;
pub mod engine_state;
pub mod error;
pub mod events;
pub mod explain;
pub mod gaps;
pub mod holds;
pub mod ids;
pub mod imports;
pub mod insights;
pub mod kpi_follow_ups;
pub mod ledger;
pub mod limits;
pub mod mail_templates;
pub mod marks;
pub mod members;
pub mod merges;
pub mod model_spend;
pub mod operations;
pub mod orders;
pub mod outbox;
pub mod overview;
pub mod pauses;
pub mod plans;
pub mod pool;
pub mod previews;
pub mod privacy;
pub mod purchases;
pub mod pushes;
pub mod reports;
pub mod retention;
pub mod rules;
pub mod run_logs;
pub mod runs;
pub mod schedules;
pub mod search;
pub mod sessions;
pub mod shadow;
pub mod shops;
pub mod sign_in_attempts;
pub mod snapshots;
pub mod suppressions;
pub mod tenants;
pub mod tier_moves;
pub mod tiers;
pub mod trade_ins;
pub mod tx;
pub mod user_tokens;
pub mod users;
pub mod verify;
pub mod wallets;
pub mod warnings;
pub mod workers;

pub use error::{ErrorKind, StoreError, within};
pub use ids::{RunId, TenantId, TenantRef};
pub use pool::{Durability, Pool, Purpose, connect, migrate};
pub use tx::Tx;

/// What statements run on: a connection, usually that of a [`Tx`].
pub use sqlx::PgConnection as Connection;
