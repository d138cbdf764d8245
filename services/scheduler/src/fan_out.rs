//! From one run to many: one for each tenant, and a tenant's members in batches.

use tradeup_domain::ErrorCode;
use tradeup_store::batches::{self, BatchPlan, Members};
use tradeup_store::runs::{self, Spawn};
use tradeup_store::tenants::{self, Tenant};
use tradeup_store::{TenantId, Tx, shadow};
use tradeup_worker::{Applied, TaskContext, TaskError};

/// States of tenants whose members may get something.
pub(crate) const ACTIVE: &[&str] = &["active"];
/// States of tenants whose time goes on: an uninstalled shop's ledger stands still.
pub(crate) const NOT_UNINSTALLED: &[&str] = &["active", "suspended"];

/// Members in one batch: one message, one transaction.
pub(crate) const BATCH_MEMBERS: i32 = 100;
/// Batches of one tenant that may be in the stream at once, so that a shop with a million members does
/// not hold up one with ten.
pub(crate) const RELEASE_WINDOW: i32 = 64;

/// Ends a run over all tenants: one child run for each.
pub(crate) async fn to_tenants(context: &TaskContext, spawn: &Spawn<'_>) -> Result<Applied, TaskError> {
    let mut tx = context.begin().await?;
    let (tenants, due) = runs::spawn_for_tenants(&mut tx, &context.claim, spawn).await?;
    tracing::info!(run_id = %context.claim.run_id, tenants, "{} {}: {tenants} tenants", spawn.task, spawn.key);
    Ok(Applied::waiting(tx).publishing(due))
}

/// Reads the run's tenant, which has to be in one of these states.
pub(crate) async fn tenant(tx: &mut Tx, id: TenantId, states: &[&str]) -> Result<Tenant, TaskError> {
    tenants::by_id(tx, id)
        .await?
        .filter(|tenant| states.contains(&tenant.state.as_str()))
        .ok_or_else(|| TaskError::permanent(ErrorCode::TenantNotActive, "the tenant is not active"))
}

/// Whether a tenant's run is planned in shadow, which is then on record: all below it reckons, whenever it is executed.
pub(crate) async fn in_shadow(
    context: &TaskContext,
    tx: &mut Tx,
    tenant: &Tenant,
) -> Result<bool, TaskError> {
    if tenant.shadow_since.is_some() {
        shadow::note_run(tx, tenant.id, &context.claim).await?;
    }
    Ok(tenant.shadow_since.is_some())
}

/// Ends a tenant's run: its members in batches, the first window of them released.
pub(crate) async fn to_batches(
    context: &TaskContext,
    mut tx: Tx,
    members: Members,
    task: &str,
    payload: &[u8],
) -> Result<Applied, TaskError> {
    let tenant = context.tenant()?.id;
    let plan = BatchPlan { task, payload, batch_members: BATCH_MEMBERS, release_window: RELEASE_WINDOW };
    batches::plan(&mut tx, &context.claim, tenant, members, &plan).await?;
    let window = usize::try_from(RELEASE_WINDOW).unwrap_or(1);
    let released = batches::release(&mut tx, context.claim.run_id, window).await?;
    Ok(Applied::waiting(tx).publishing(released))
}
