//! Endpoints: where a shop wants to be told of what happens to its members' credit.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// An endpoint as it is shown.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its id, of which its secret is made.
    pub id: Uuid,
    /// Where it is.
    pub url: String,
    /// What it is told.
    pub events: Vec<String>,
    /// `active`, `disabled` or `removed`.
    pub state: String,
    /// Why it is not active.
    pub disabled_because: Option<String>,
    /// Since when every delivery has failed.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Deliveries that wait.
    pub pending: i64,
    /// Deliveries that were given up.
    pub failed: i64,
    /// Deliveries that arrived within the last day.
    pub delivered_today: i64,
}

/// What came of adding an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It has this id.
    New(Uuid),
    /// The shop has one of this address.
    Known(Uuid),
}

/// Adds an endpoint.
///
/// # Errors
/// As any statement.
pub async fn add(
    db: &mut Connection,
    tenant: TenantId,
    url: &str,
    events: &[String],
    by: &str,
) -> Result<Added, StoreError> {
    let id = Uuid::now_v7();
    let added = sqlx::query!(
        "insert into endpoints (tenant_id, id, url, events, created_by) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, url) where state <> 'removed' do nothing",
        tenant as TenantId,
        id,
        url,
        events,
        by,
    )
    .execute(&mut *db)
    .await
    .doing("adding an endpoint")?;
    if added.rows_affected() == 1 {
        return Ok(Added::New(id));
    }
    sqlx::query_scalar!(
        "select id from endpoints where tenant_id = $1 and url = $2 and state <> 'removed'",
        tenant as TenantId,
        url,
    )
    .fetch_one(db)
    .await
    .doing("looking up an endpoint")
    .map(Added::Known)
}

/// A shop's endpoints, the oldest first; without those that were removed.
///
/// # Errors
/// As any statement.
pub async fn list(db: &mut Connection, tenant: TenantId) -> Result<Vec<Endpoint>, StoreError> {
    sqlx::query_file_as!(Endpoint, "src/deliveries/endpoints.sql", tenant as TenantId)
        .fetch_all(db)
        .await
        .doing("listing endpoints")
}

/// Changes what an endpoint is told. `false` if there is none.
///
/// # Errors
/// As any statement.
pub async fn set_events(
    db: &mut Connection,
    tenant: TenantId,
    id: Uuid,
    events: &[String],
) -> Result<bool, StoreError> {
    sqlx::query!(
        "update endpoints set events = $3 where tenant_id = $1 and id = $2 and state <> 'removed'",
        tenant as TenantId,
        id,
        events,
    )
    .execute(db)
    .await
    .doing("changing what an endpoint is told")
    .map(|done| done.rows_affected() == 1)
}

/// Tells an endpoint again that was disabled. What it was not told meanwhile is not made up for by itself. `false` if
/// it is not disabled.
///
/// # Errors
/// As any statement.
pub async fn enable(db: &mut Connection, tenant: TenantId, id: Uuid) -> Result<bool, StoreError> {
    sqlx::query!(
        "update endpoints set state = 'active', disabled_because = null, disabled_at = null, failing_since = null,
             failures = 0
         where tenant_id = $1 and id = $2 and state = 'disabled'",
        tenant as TenantId,
        id,
    )
    .execute(db)
    .await
    .doing("enabling an endpoint")
    .map(|done| done.rows_affected() == 1)
}

/// Takes an endpoint out of use: `disabled`, and what waits for it is given up; or `removed` for good, and dropped.
/// `false` if it was so before.
///
/// # Errors
/// As any statement.
pub async fn stop(
    db: &mut Connection,
    tenant: TenantId,
    id: Uuid,
    because: &str,
    removed: bool,
) -> Result<bool, StoreError> {
    sqlx::query_file_scalar!("src/deliveries/stop_endpoint.sql", tenant as TenantId, id, because, removed)
        .fetch_one(db)
        .await
        .doing("taking an endpoint out of use")
}
