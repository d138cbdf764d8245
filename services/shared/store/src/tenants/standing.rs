//! How a shop stands: since when it is stopped, and the schedules of its own.

use chrono::{DateTime, Utc};

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// Since when a tenant is stopped.
#[derive(Clone, Debug, Default)]
pub struct Stopped {
    /// Suspended since then.
    pub suspended_at: Option<DateTime<Utc>>,
    /// Its shop has uninstalled the app then.
    pub uninstalled_at: Option<DateTime<Utc>>,
}

/// Since when a tenant is stopped, if it is.
///
/// # Errors
/// As any statement.
pub async fn stopped(db: &mut Connection, id: TenantId) -> Result<Stopped, StoreError> {
    let found = sqlx::query_as!(
        Stopped,
        "select suspended_at, uninstalled_at from tenants where id = $1",
        id as TenantId
    )
    .fetch_optional(db)
    .await
    .doing("reading since when a tenant is stopped")?;
    Ok(found.unwrap_or_default())
}

/// A schedule of a tenant's own.
#[derive(Clone, Debug)]
pub struct OwnSchedule {
    /// Name; it takes the place of the one over all tenants that is called so.
    pub name: String,
    /// What it does.
    pub task: String,
    /// When, as a cron expression.
    pub cron: String,
    /// In this zone.
    pub zone: String,
    /// When it fires next; `None` if that is to be computed anew.
    pub next_fire_at: Option<DateTime<Utc>>,
    /// Who has paused it.
    pub paused_by: Option<String>,
}

/// The schedules that a tenant has of its own, by name.
///
/// # Errors
/// As any statement.
pub async fn own_schedules(db: &mut Connection, id: TenantId) -> Result<Vec<OwnSchedule>, StoreError> {
    sqlx::query_as!(
        OwnSchedule,
        "select name, task, cron, zone, next_fire_at, paused_by from schedules where tenant_id = $1 order by name",
        id as TenantId
    )
    .fetch_all(db)
    .await
    .doing("listing a tenant's own schedules")
}
