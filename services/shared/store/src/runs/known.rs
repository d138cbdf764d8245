//! Runs that there are already.

use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// Which of these keys of a task have a run, and which.
///
/// # Errors
/// As any statement.
pub async fn known(
    db: &mut Connection,
    task: &str,
    tenant: Option<TenantId>,
    keys: &[String],
) -> Result<Vec<(String, RunId)>, StoreError> {
    let rows = sqlx::query!(
        r#"select key, id as "id: RunId" from runs
           where task = $1 and tenant_id is not distinct from $2 and key = any($3)"#,
        task,
        tenant as Option<TenantId>,
        keys
    )
    .fetch_all(db)
    .await
    .doing("looking up runs by their keys")?;
    Ok(rows.into_iter().map(|row| (row.key, row.id)).collect())
}
