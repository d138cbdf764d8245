//! From one run to many: one for each tenant.

use tradeup_store::runs::{self, Spawn};
use tradeup_worker::{Applied, TaskContext, TaskError};

/// Ends a run over all tenants: one child run for each.
pub(crate) async fn to_tenants(context: &TaskContext, spawn: &Spawn<'_>) -> Result<Applied, TaskError> {
    let mut tx = context.begin().await?;
    let (tenants, due) = runs::spawn_for_tenants(&mut tx, &context.claim, spawn).await?;
    tracing::info!(run_id = %context.claim.run_id, tenants, "{} {}: {tenants} tenants", spawn.task, spawn.key);
    Ok(Applied::waiting(tx).publishing(due))
}
