//! Breakers: what is down is left alone for a while, for the tenant whose it is, or for all who share
//! it, and for nobody else.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tradeup_domain::{Dependency, ErrorCode};

use crate::error::{Doing, StoreError};
use crate::outbox::{self, HeldBy};
use crate::{Connection, Pool, TenantId, Tx};

/// Failures in a row that trip a breaker.
pub const TRIPS_AFTER: i32 = 5;

/// A breaker as it is shown.
#[derive(Clone, Debug)]
pub struct Breaker {
    /// What failed.
    pub dependency: String,
    /// The tenant's handle; `None` for what all share.
    pub tenant_handle: Option<String>,
    /// Failures in a row.
    pub failures: i32,
    /// While that instant has not come, nothing is tried. `None`: it is closed.
    pub open_until: Option<DateTime<Utc>>,
    /// Code of the last error.
    pub error_code: String,
    /// The last error.
    pub error: String,
    /// When it failed last.
    pub failed_at: DateTime<Utc>,
}

/// Records a failure of `dependency`. From [`TRIPS_AFTER`] in a row on, each less than a minute after
/// the one before, nothing more is sent its way for 30 seconds, then for twice as long each time a
/// trial fails, up to 10 minutes. Returns for how long, when this failure has opened it.
///
/// # Errors
/// As any statement.
pub async fn failed(
    db: &mut Connection,
    dependency: Dependency,
    tenant: Option<TenantId>,
    code: ErrorCode,
    error: &str,
) -> Result<Option<Duration>, StoreError> {
    let tenant = tenant.filter(|_| dependency.is_per_tenant());
    let opened = sqlx::query_file_scalar!(
        "src/breakers/failed.sql",
        dependency.as_str(),
        tenant as Option<TenantId>,
        code.as_str(),
        error,
        TRIPS_AFTER,
    )
    .fetch_one(db)
    .await
    .doing("recording a failure of a dependency")?;
    Ok(opened.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
}

/// Closes the breakers of what a run needed and found in order, and lets go of the runs that waited,
/// spread over time.
///
/// # Errors
/// As any statement.
pub async fn succeeded(tx: &mut Tx, needs: &[String], tenant: Option<TenantId>) -> Result<(), StoreError> {
    let closed = sqlx::query!(
        r#"delete from breakers where dependency = any($1) and (tenant_id is null or tenant_id = $2)
           returning tenant_id as "tenant: TenantId", open_until is not null as "was_open!""#,
        needs,
        tenant as Option<TenantId>,
    )
    .fetch_all(&mut **tx)
    .await
    .doing("closing breakers")?;
    for breaker in closed.iter().filter(|b| b.was_open) {
        outbox::let_go(tx, HeldBy::Breaker, breaker.tenant).await?;
    }
    Ok(())
}

/// Every breaker that has seen a failure, those that are open first.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool) -> Result<Vec<Breaker>, StoreError> {
    sqlx::query_as!(
        Breaker,
        r#"select b.dependency, t.handle as "tenant_handle?", b.failures, b.open_until, b.error_code, b.error, b.failed_at
           from breakers b left join tenants t on t.id = b.tenant_id
           order by b.open_until nulls last, b.dependency, b.tenant_id"#
    )
    .fetch_all(pool)
    .await
    .doing("listing the breakers")
}

/// Lets a run through, as the one that tries whether what it needs is back; or says what is down and
/// for how long to wait.
pub(crate) async fn admit(
    db: &mut Connection,
    tenant: Option<TenantId>,
    needs: &[String],
    lease: Duration,
) -> Result<Option<(String, Duration)>, StoreError> {
    let open = sqlx::query!(
        r#"select dependency, error_code, error, tenant_id as "tenant: TenantId",
               extract(epoch from greatest(open_until, trial_until) - now())::float8 as "left!"
           from breakers
           where dependency = any($1) and (tenant_id is null or tenant_id = $2) and open_until is not null
           order by dependency, tenant_id
           for update"#,
        needs,
        tenant as Option<TenantId>,
    )
    .fetch_all(&mut *db)
    .await
    .doing("looking for open breakers")?;
    if let Some(down) = open.iter().find(|breaker| breaker.left > 0.0) {
        let left = Duration::try_from_secs_f64(down.left).unwrap_or_default();
        return Ok(Some((format!("{} is down: {} {}", down.dependency, down.error_code, down.error), left)));
    }
    for breaker in open {
        sqlx::query!(
            "update breakers set trial_until = now() + make_interval(secs => $3)
             where dependency = $1 and tenant_id is not distinct from $2",
            breaker.dependency,
            breaker.tenant as Option<TenantId>,
            lease.as_secs_f64(),
        )
        .execute(&mut *db)
        .await
        .doing("trying what was down")?;
    }
    Ok(None)
}
