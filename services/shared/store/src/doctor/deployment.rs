//! What the server says of itself, of who may see what, and of what is kept for a restore.

use crate::Pool;
use crate::error::{Doing, StoreError};

/// The server as part of a deployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Connections that it gives to those who are not superusers.
    pub connections_max: i32,
    /// Connections that are in use.
    pub connections: i64,
    /// The role that asks.
    pub role: String,
    /// Whether that role sees rows of every tenant.
    pub bypasses: bool,
    /// Other roles of ours that do.
    pub wide_roles: Vec<String>,
    /// Tables whose policy is not enforced for everybody.
    pub unprotected: Vec<String>,
    /// How many tables have an enforced one.
    pub protected: i64,
    /// The oldest schema whose builds may work with this one.
    pub floor: i64,
    /// It only follows another server.
    pub is_standby: bool,
    /// Size of the database, in bytes.
    pub bytes: i64,
    /// Transactions since the oldest row was frozen; at 2,000 million the server stops.
    pub xid_age: i64,
    /// Replication slots that nobody reads, for which more than 1 GiB of WAL is kept.
    pub idle_slots: Vec<String>,
    /// Whether WAL is archived.
    pub archives: bool,
    /// Segments that were archived since statistics began.
    pub archived: i64,
    /// The last attempt to archive has failed.
    pub archive_fails: bool,
    /// Seconds since a segment was archived.
    pub archived_seconds: Option<f64>,
    /// Seconds since one could not be.
    pub failed_seconds: Option<f64>,
    /// After how many seconds a segment is archived that is not full; 0 for never.
    pub archive_timeout: f64,
}

/// Looks at the server.
///
/// # Errors
/// As any statement.
pub async fn deployment(pool: &Pool) -> Result<Deployment, StoreError> {
    sqlx::query_file_as!(Deployment, "src/doctor/deployment.sql")
        .fetch_one(pool)
        .await
        .doing("looking at the deployment's database")
}

/// What shops need of services.
#[derive(Clone, Debug)]
pub struct Needs {
    /// Shops whose wallets at Shopify are kept, that are not uninstalled.
    pub wallets: i64,
    /// Shops that have a domain at Shopify.
    pub at_shopify: i64,
}

/// What shops need of services.
///
/// # Errors
/// As any statement.
pub async fn needs(pool: &Pool) -> Result<Needs, StoreError> {
    sqlx::query_file_as!(Needs, "src/doctor/needs.sql")
        .fetch_one(pool)
        .await
        .doing("looking at what shops need")
}
