//! From one run to many: one for each tenant, and a tenant's members in batches.

use std::time::Duration;

use tradeup_domain::{Class, Classify as _, ErrorCode};
use tradeup_proto::{JobKind, Message, Name};
use tradeup_store::batches::{self, BatchPlan, Cut, Members};
use tradeup_store::runs::{self, Claim, Spawn};
use tradeup_store::tenants::{self, Tenant};
use tradeup_store::{TenantId, Tx, members, shadow, tiers};
use tradeup_worker::{Applied, Each, GroupTask, RetryPolicy, RunGroup, Task, TaskContext, TaskError};

/// States of tenants whose members may get something.
pub(crate) const ACTIVE: &[&str] = &["active"];
/// States of tenants whose time goes on: an uninstalled shop's ledger stands still.
pub(crate) const NOT_UNINSTALLED: &[&str] = &["active", "suspended"];

/// Members in one batch: one message, one transaction.
pub(crate) const BATCH_MEMBERS: i32 = 100;
/// Batches of one tenant that may be in the stream at once, so that a shop with a million members does
/// not hold up one with ten.
pub(crate) const RELEASE_WINDOW: i32 = 64;

/// A tenant of more members is planned in a transaction of its own, in which that many more take a tenth of a second and more.
const SMALL_MAX: i64 = 10_000;

/// Ends a run over all tenants: one child run for each.
pub(crate) async fn to_tenants(context: &TaskContext, spawn: &Spawn<'_>) -> Result<Applied, TaskError> {
    let mut tx = context.begin().await?;
    let (tenants, due) = runs::spawn_for_tenants(&mut tx, &context.claim, spawn).await?;
    tracing::info!(run_id = %context.claim.run_id, tenants, "{} {}: {tenants} tenants", spawn.task, spawn.key);
    Ok(Applied::waiting(tx).publishing(due))
}

/// A tenant's run that plans its members into batches.
pub(crate) trait PlansBatches: Send + Sync + 'static {
    /// Service and name, as on the wire.
    const KIND: JobKind;
    /// Whether nobody may write memberships of the tenant from before it plans until its end.
    const HOLDS_MEMBERSHIPS: bool = false;
    /// Its input.
    type Input: Message + Default + Name;

    /// Decides and plans. What is refused for good is refused before anything is written.
    fn plan(
        &self,
        run: TenantRun<'_>,
        input: &Self::Input,
    ) -> impl Future<Output = Result<Planned, TaskError>> + Send;
}

/// Such a run, in a transaction that sees its tenant's rows.
pub(crate) struct TenantRun<'a> {
    pub(crate) tx: &'a mut Tx,
    pub(crate) tenant: TenantId,
    claim: &'a Claim,
}

impl TenantRun<'_> {
    /// Reads the tenant, which has to be in one of these states.
    pub(crate) async fn tenant(&mut self, states: &[&str]) -> Result<Tenant, TaskError> {
        tenants::by_id(self.tx, self.tenant)
            .await?
            .filter(|tenant| states.contains(&tenant.state.as_str()))
            .ok_or_else(|| TaskError::permanent(ErrorCode::TenantNotActive, "the tenant is not active"))
    }

    /// Has it on record that the run is planned in shadow, if it is: all below it reckons, whenever it is executed.
    pub(crate) async fn note_shadow(&mut self, tenant: &Tenant) -> Result<(), TaskError> {
        if is_in_shadow(tenant) {
            shadow::note_run(self.tx, self.tenant, self.claim).await?;
        }
        Ok(())
    }

    /// Cuts the tenant's members into batches.
    pub(crate) async fn in_batches(
        self,
        members: Members,
        task: &'static str,
        payload: Vec<u8>,
    ) -> Result<Planned, TaskError> {
        let plan = BatchPlan { tenant: self.tenant, task, payload, release_window: RELEASE_WINDOW };
        let cut = batches::cut(self.tx, self.claim.run_id, members, BATCH_MEMBERS, plan).await?;
        Ok(Planned::Batches(cut))
    }
}

/// Whether what is planned for a tenant is reckoned, and not booked.
pub(crate) fn is_in_shadow(tenant: &Tenant) -> bool {
    tenant.shadow_since.is_some()
}

/// What became of a tenant's run.
pub(crate) enum Planned {
    /// It goes on in these batches.
    Batches(Cut),
    /// There is nothing to do, and this is to show of it.
    Nothing(serde_json::Value),
}

/// Such a run as a task. Runs of several small tenants share a transaction.
pub(crate) struct Planning<T>(pub(crate) T);

impl<T: PlansBatches> Task for Planning<T> {
    const KIND: JobKind = T::KIND;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = T::Input;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let tenant = context.tenant()?.id;
        let mut tx = context.begin().await?;
        if T::HOLDS_MEMBERSHIPS {
            tiers::hold(&mut tx, tenant).await?;
        }
        let run = TenantRun { tx: &mut tx, tenant, claim: &context.claim };
        Ok(match self.0.plan(run, &input).await? {
            Planned::Batches(cut) => Applied::in_batches(tx, cut),
            Planned::Nothing(result) => Applied::done(tx).with_result(result),
        })
    }
}

impl<T: PlansBatches> GroupTask for Planning<T> {
    const RUNS_MAX: usize = 8;

    async fn run_together(&self, tx: &mut Tx, group: &RunGroup<Self::Input>) -> Result<Vec<Each>, TaskError> {
        let tenant = group.tenant.id;
        // Others would wait for it.
        if members::are_more_than(tx, tenant, SMALL_MAX, T::HOLDS_MEMBERSHIPS).await? {
            return Ok(group.runs.iter().map(|_| Each::Alone).collect());
        }
        let mut each = Vec::with_capacity(group.runs.len());
        for (claim, input) in &group.runs {
            each.push(match self.0.plan(TenantRun { tx: &mut *tx, tenant, claim }, input).await {
                Ok(Planned::Batches(cut)) => Each::InBatches(cut),
                Ok(Planned::Nothing(result)) => Each::Done(result),
                // By itself it tells why.
                Err(error) if error.class() == Class::Permanent => Each::Alone,
                Err(error) => return Err(error),
            });
        }
        Ok(each)
    }
}
