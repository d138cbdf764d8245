//! Runs that plan a tenant's members into batches; those of few members may do their one batch themselves.

use std::time::Duration;

use tradeup_domain::{Class, Classify as _, Dependency, ErrorCode};
use tradeup_proto::{JobKind, Message, Name};
use tradeup_store::batches::{self, BatchPlan, Cut, Members, OwnBatch};
use tradeup_store::runs::{BatchRange, Claim};
use tradeup_store::tenants::{self, Tenant};
use tradeup_store::{TenantId, Tx, members, shadow, tiers};

use crate::{Applied, Each, GroupTask, RetryPolicy, RunGroup, Task, TaskContext, TaskError};

/// States of tenants whose members may get something.
pub const ACTIVE: &[&str] = &["active"];
/// States of tenants whose time goes on: an uninstalled shop's ledger stands still.
pub const NOT_UNINSTALLED: &[&str] = &["active", "suspended"];

/// Members in one batch: one message, one run.
const BATCH_MEMBERS: i32 = 100;
/// Batches of one tenant that may be in the stream at once, so that a shop with a million members does
/// not hold up one with ten.
const RELEASE_WINDOW: i32 = 64;

/// A tenant of more members is planned in a transaction of its own, in which that many more take a tenth of a second and more.
const SMALL_MAX: i64 = 10_000;

/// Most members of all tenants of a transaction on whom it has an effect, which are locked until its end: twice as many as eight
/// batches have. Tenants for whom there is no room go on in batches.
const ROOM: i32 = 1_600;

/// A tenant's run that plans its members into batches.
pub trait PlansBatches: Send + Sync + 'static {
    /// Service and name, as on the wire.
    const KIND: JobKind;
    /// Whether all memberships have to be seen that were written before it began: those who are writing some are waited for.
    const AWAITS_MEMBERSHIPS: bool = false;
    /// Its input.
    type Input: Message + Default + Name;

    /// Decides and plans. What is refused for good is refused before anything is written, but for what the database refuses of what
    /// the run does itself ([`TenantRun::few`]).
    fn plan(
        &self,
        run: TenantRun<'_>,
        input: &Self::Input,
    ) -> impl Future<Output = Result<Planned, TaskError>> + Send;
}

/// Such a run, in a transaction that sees its tenant's rows.
pub struct TenantRun<'a> {
    /// The transaction.
    pub tx: &'a mut Tx,
    /// The tenant.
    pub tenant: TenantId,
    /// The run.
    pub claim: &'a Claim,
    /// On how many members it may have its effect itself.
    room: i32,
    /// Whether it does.
    has_effects: &'a mut bool,
}

impl TenantRun<'_> {
    /// Reads the tenant, which has to be in one of these states.
    ///
    /// # Errors
    /// [`ErrorCode::TenantNotActive`] if it is in another; and as any statement.
    pub async fn tenant(&mut self, states: &[&str]) -> Result<Tenant, TaskError> {
        tenants::by_id(self.tx, self.tenant)
            .await?
            .filter(|tenant| states.contains(&tenant.state.as_str()))
            .ok_or_else(|| TaskError::permanent(ErrorCode::TenantNotActive, "the tenant is not active"))
    }

    /// Has it on record that the run is planned in shadow, if it is: all below it reckons, whenever it is executed.
    ///
    /// # Errors
    /// As any statement.
    pub async fn note_shadow(&mut self, tenant: &Tenant) -> Result<(), TaskError> {
        if tenant.is_in_shadow() {
            shadow::note_run(self.tx, self.tenant, self.claim).await?;
        }
        Ok(())
    }

    /// The members whom the run is about, if they are at most `most`, there is room for them in the transaction, and nothing holds
    /// back `task`, whose batches they would be: no limit, and what it `needs` works. The run may have its effect on them itself then, as its
    /// one batch ([`Planned::OwnBatch`]).
    ///
    /// # Errors
    /// As any statement.
    pub async fn few(
        &mut self,
        members: Members,
        task: &str,
        needs: Dependency,
        most: i32,
    ) -> Result<Option<BatchRange>, TaskError> {
        let found = match most.min(self.room) {
            ..=0 => None,
            most => batches::few(self.tx, self.tenant, members, task, needs, most).await?,
        };
        *self.has_effects = found.is_some();
        Ok(found)
    }

    /// How batches of `task` are executed.
    #[must_use]
    pub fn batches_of(&self, task: &'static str, payload: Vec<u8>) -> BatchPlan {
        BatchPlan { tenant: self.tenant, task, payload, release_window: RELEASE_WINDOW }
    }

    /// Cuts the tenant's members into batches of `task`.
    ///
    /// # Errors
    /// As any statement.
    pub async fn in_batches(
        self,
        members: Members,
        task: &'static str,
        payload: Vec<u8>,
    ) -> Result<Planned, TaskError> {
        let plan = self.batches_of(task, payload);
        let cut = batches::cut(self.tx, self.claim.run_id, members, BATCH_MEMBERS, plan).await?;
        Ok(Planned::Batches(cut))
    }
}

/// What became of a tenant's run.
pub enum Planned {
    /// It goes on in these batches.
    Batches(Cut),
    /// It has had its effect on all of its members, who are few ([`TenantRun::few`]): they are its one batch, and it ends.
    OwnBatch(OwnBatch),
    /// There is nothing to do, and this is to show of it.
    Nothing(serde_json::Value),
}

/// Such a run as a task. Runs of several small tenants share a transaction.
pub struct Planning<T>(pub T);

impl<T: PlansBatches> Task for Planning<T> {
    const KIND: JobKind = T::KIND;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = T::Input;

    /// By itself it always goes on in batches: of what is refused there each finds out by itself whose it is.
    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let tenant = context.tenant()?.id;
        let mut tx = context.begin().await?;
        if T::AWAITS_MEMBERSHIPS {
            tiers::hold(&mut tx, tenant).await?;
        }
        let run = TenantRun { tx: &mut tx, tenant, claim: &context.claim, room: 0, has_effects: &mut false };
        Ok(match self.0.plan(run, &input).await? {
            Planned::Batches(cut) => Applied::in_batches(tx, cut),
            Planned::OwnBatch(_) => {
                return Err(TaskError::permanent(ErrorCode::InvalidInput, "the run had no room for members"));
            }
            Planned::Nothing(result) => Applied::done(tx).with_result(result),
        })
    }
}

impl<T: PlansBatches> GroupTask for Planning<T> {
    const RUNS_MAX: usize = 8;

    async fn run_together(&self, tx: &mut Tx, group: &RunGroup<Self::Input>) -> Result<Vec<Each>, TaskError> {
        let tenant = group.tenant.id;
        // Others would wait for it, or with it. Nobody who holds accounts waits for memberships: whoever writes those may hold accounts.
        if !members::are_few_and_at_rest(tx, tenant, SMALL_MAX, T::AWAITS_MEMBERSHIPS).await? {
            return Ok(group.runs.iter().map(|_| Each::Alone).collect());
        }
        let mut room = ROOM - group.members_locked;
        let mut each = Vec::with_capacity(group.runs.len());
        for (claim, input) in &group.runs {
            let mut has_effects = false;
            let run = TenantRun { tx: &mut *tx, tenant, claim, room, has_effects: &mut has_effects };
            each.push(match self.0.plan(run, input).await {
                Ok(Planned::Batches(cut)) => Each::InBatches(cut),
                Ok(Planned::OwnBatch(batch)) => {
                    // Another month of the same members would not lock them in the order in which others do.
                    room = 0;
                    Each::OwnBatch(batch)
                }
                Ok(Planned::Nothing(result)) => Each::Done(result),
                // By itself it tells why. What it has begun to write is nobody's: nothing of the transaction stays.
                Err(error) if error.class() == Class::Permanent && !has_effects => Each::Alone,
                Err(error) => return Err(error),
            });
        }
        Ok(each)
    }
}
