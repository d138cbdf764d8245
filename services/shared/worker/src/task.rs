//! What a task is.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tradeup_broker::Broker;
use tradeup_domain::monthly::PlanError;
use tradeup_domain::{Class, Classify, Dependency, ErrorCode};
use tradeup_proto::{ConvertError, JobKind, Message, Name, v1};
use tradeup_store::batches::{BatchCounts, Cut};
use tradeup_store::outbox::JobMessage;
use tradeup_store::runs::{self, Claim, Ending};
use tradeup_store::tenants::SettingsError;
use tradeup_store::{Pool, StoreError, TenantRef, Tx};

use crate::{RetryPolicy, live};

/// Something that can be executed: one file, one line in its service's registry.
///
/// A task loads, decides (a pure function), and applies, all in the transaction that it returns.
/// It commits nothing and acknowledges nothing: the runner does.
pub trait Task: Send + Sync + 'static {
    /// Service and name, as on the wire.
    const KIND: JobKind;
    /// How often and after which waits it is tried again.
    const RETRY: RetryPolicy;
    /// Longest time for one attempt.
    const TIME_LIMIT: Duration;
    /// What it depends on beside our database. While that is down, its runs wait and use up no attempt.
    const NEEDS: &'static [Dependency] = &[];
    /// Whether all that it does is in its transaction, so that a run can show what it would come to.
    const PREVIEWS: bool = false;
    /// Its input.
    type Input: Message + Default + Name;

    /// Does the work, once.
    fn run(
        &self,
        context: &TaskContext,
        input: Self::Input,
    ) -> impl Future<Output = Result<Applied, TaskError>> + Send;
}

/// What a task may use.
#[derive(Clone, Debug)]
pub struct TaskContext {
    /// The run that is being executed.
    pub claim: Claim,
    /// Connections.
    pub pool: Pool,
    /// Cancelled when the run is, or when another worker has taken it over. The transaction can't
    /// commit then; a task that has effects outside looks here before each of them.
    pub cancelled: CancellationToken,
    pub(crate) broker: Broker,
    /// When progress was noted last, so that a busy task does not write all the time.
    pub(crate) progress_noted: Arc<Mutex<Option<Instant>>>,
}

/// Progress is noted this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

impl TaskContext {
    /// The run's tenant.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`] if the run has none.
    pub fn tenant(&self) -> Result<&TenantRef, TaskError> {
        self.claim.tenant.as_ref().ok_or_else(|| {
            TaskError::permanent(ErrorCode::InvalidInput, "the run has no tenant, this task needs one")
        })
    }

    /// Says how far the task is: for people, at most twice a second, the last word always.
    ///
    /// # Errors
    /// As any statement.
    pub async fn progress(&self, done: i64, total: Option<i64>, note: Option<&str>) -> Result<(), TaskError> {
        {
            let mut noted = self.progress_noted.lock().unwrap_or_else(PoisonError::into_inner);
            if total != Some(done) && noted.is_some_and(|at| at.elapsed() < PROGRESS_EVERY) {
                return Ok(());
            }
            *noted = Some(Instant::now());
        }
        let Claim { run_id, attempt, .. } = self.claim;
        runs::note_progress(&self.pool, run_id, attempt, done, total, note).await?;
        let what = v1::live::What::Progress(v1::Progress {
            done,
            total: total.unwrap_or(0),
            note: note.unwrap_or_default().to_owned(),
        });
        let tenant = self.claim.tenant.as_ref().map(|tenant| tenant.handle.as_str());
        live::publish(&self.broker, tenant, run_id, attempt, live::shown_now(), what).await;
        Ok(())
    }

    /// Saves something for this attempt or a later one to find, committed at once, apart from the
    /// task's transaction: what was done outside, or how far a long task has come.
    ///
    /// # Errors
    /// [`ErrorCode::Superseded`] if the run is not ours any more.
    pub async fn save_checkpoint(&self, name: &str, value: &[u8]) -> Result<(), TaskError> {
        Ok(runs::save_checkpoint(&self.pool, self.claim.run_id, self.claim.attempt, name, value).await?)
    }

    /// What an attempt of this run saved last under this name.
    ///
    /// # Errors
    /// As any statement.
    pub async fn checkpoint(&self, name: &str) -> Result<Option<Vec<u8>>, TaskError> {
        Ok(runs::checkpoint(&self.pool, self.claim.run_id, name).await?)
    }

    /// Begins the task's transaction, which sees the rows of the run's tenant and no others.
    ///
    /// # Errors
    /// As any statement.
    pub async fn begin(&self) -> Result<Tx, TaskError> {
        Ok(match &self.claim.tenant {
            Some(tenant) => Tx::of_tenant(&self.pool, tenant.id).await?,
            None => Tx::of_engine(&self.pool).await?,
        })
    }
}

/// A task's work, done but not committed.
pub struct Applied {
    pub(crate) tx: Tx,
    pub(crate) ending: Ending,
    /// What became of the members, if the run is of a batch.
    pub(crate) batch: Option<BatchCounts>,
    /// The batches of the run, if it goes on in some.
    pub(crate) cut: Option<Box<Cut>>,
    pub(crate) messages: Vec<JobMessage>,
}

impl Applied {
    /// The work is complete.
    #[must_use]
    pub fn done(tx: Tx) -> Self {
        Self::ending(tx, Ending::Succeeded { result: None })
    }

    /// The batch of members is done, of whom this became: it ends with its run, and the next of its parent is released.
    #[must_use]
    pub fn batch(tx: Tx, counts: BatchCounts) -> Self {
        Self { batch: Some(counts), ..Self::done(tx) }
    }

    /// The work goes on in these batches: they are planned, the first are released, and the run ends when all have ended.
    #[must_use]
    pub fn in_batches(tx: Tx, cut: Cut) -> Self {
        Self { cut: Some(Box::new(cut)), ..Self::waiting(tx) }
    }

    /// What to show of the work that is complete.
    #[must_use]
    pub fn with_result(mut self, value: serde_json::Value) -> Self {
        if let Ending::Succeeded { result } = &mut self.ending {
            *result = Some(value);
        }
        self
    }

    /// The work goes on in child runs; this run ends when they have.
    #[must_use]
    pub fn waiting(tx: Tx) -> Self {
        Self::ending(tx, Ending::Waiting)
    }

    /// Nothing is to be done yet: call the task again after this long. It uses up no attempt.
    #[must_use]
    pub fn snoozed(tx: Tx, after: Duration) -> Self {
        Self::ending(tx, Ending::Snoozed { after })
    }

    fn ending(tx: Tx, ending: Ending) -> Self {
        Self { tx, ending, batch: None, cut: None, messages: Vec::new() }
    }

    /// Messages that the transaction wrote to the outbox, to be published after the commit.
    #[must_use]
    pub fn publishing(mut self, messages: impl IntoIterator<Item = JobMessage>) -> Self {
        self.messages.extend(messages);
        self
    }
}

/// Why an attempt failed.
#[derive(Debug)]
pub struct TaskError {
    class: Class,
    code: ErrorCode,
    chain: Vec<String>,
    dependency: Option<Dependency>,
    result: Option<Box<serde_json::Value>>,
}

impl TaskError {
    /// An error that a retry can't cure.
    pub fn permanent(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { class: Class::Permanent, code, chain: vec![message.into()], dependency: None, result: None }
    }

    /// An error that may pass.
    pub fn transient(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { class: Class::TRANSIENT, code, chain: vec![message.into()], dependency: None, result: None }
    }

    /// An error that knows its class and code, with its causes.
    pub fn classified(error: &(impl Classify + Error)) -> Self {
        Self::of(error.class(), error.code(), error)
    }

    fn of(class: Class, code: ErrorCode, error: &dyn Error) -> Self {
        let causes = std::iter::successors(Some(error), |&error| error.source());
        let chain = causes.map(ToString::to_string).collect();
        Self { class, code, chain, dependency: None, result: None }
    }

    /// Says that it is this dependency which failed. When it goes on failing, nothing more is sent its
    /// way for a while.
    #[must_use]
    pub fn of_dependency(mut self, dependency: Dependency) -> Self {
        self.dependency = Some(dependency);
        self
    }

    /// The dependency that failed.
    #[must_use]
    pub fn dependency(&self) -> Option<Dependency> {
        self.dependency
    }

    /// What to show of the work although it failed: it becomes the run's result when the run is given up.
    #[must_use]
    pub fn with_result(mut self, value: serde_json::Value) -> Self {
        self.result = Some(Box::new(value));
        self
    }

    /// What to show of the work.
    #[must_use]
    pub fn result(&self) -> Option<&serde_json::Value> {
        self.result.as_deref()
    }

    /// The error chain, outermost first.
    #[must_use]
    pub fn chain(&self) -> &[String] {
        &self.chain
    }
}

impl Classify for TaskError {
    fn class(&self) -> Class {
        self.class
    }

    fn code(&self) -> ErrorCode {
        self.code
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chain.join(": "))
    }
}

impl From<StoreError> for TaskError {
    fn from(error: StoreError) -> Self {
        Self::classified(&error)
    }
}

impl From<SettingsError> for TaskError {
    fn from(error: SettingsError) -> Self {
        Self::classified(&error)
    }
}

impl From<ConvertError> for TaskError {
    fn from(error: ConvertError) -> Self {
        Self::of(Class::Permanent, ErrorCode::InvalidInput, &error)
    }
}

impl From<PlanError> for TaskError {
    fn from(error: PlanError) -> Self {
        Self::of(Class::Permanent, ErrorCode::NoMonthlyAmount, &error)
    }
}
