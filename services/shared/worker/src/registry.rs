//! The tasks that a service executes.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tradeup_domain::ErrorCode;
use tradeup_proto::{JobKind, Message as _, Name as _};
use tradeup_store::runs::Claim;
use tradeup_store::{TenantRef, Tx};

use crate::together::{self, Each, GroupTask};
use crate::{Applied, RetryPolicy, Task, TaskContext, TaskError};

type TaskFuture = Pin<Box<dyn Future<Output = Result<Applied, TaskError>> + Send>>;
type RunFn = Arc<dyn Fn(TaskContext) -> TaskFuture + Send + Sync>;
type SharedFuture = Pin<Box<dyn Future<Output = Result<(Tx, Vec<Each>), TaskError>> + Send>>;
pub(crate) type SharedFn = Arc<dyn Fn(Tx, TenantRef, Vec<Claim>, i32) -> SharedFuture + Send + Sync>;

/// How many runs of a task are done in one transaction.
#[derive(Clone)]
pub(crate) struct Shared {
    /// Most of them.
    pub(crate) runs_max: usize,
    pub(crate) run: SharedFn,
    /// Whether they may be begun at their messages' word.
    pub(crate) by_message: bool,
}

/// A task as the runner sees it.
#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) kind: JobKind,
    pub(crate) retry: RetryPolicy,
    pub(crate) time_limit: Duration,
    /// Names of what it depends on.
    pub(crate) needs: Arc<[String]>,
    /// Whether a run can show what it would come to.
    pub(crate) previews: bool,
    pub(crate) run: RunFn,
    /// For a task of which many can be done in one transaction.
    pub(crate) shared: Option<Shared>,
}

/// The tasks of one service, by name.
#[derive(Clone, Default)]
pub struct Registry {
    tasks: BTreeMap<&'static str, Registered>,
}

/// A fault in the wiring, found at start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two tasks of one name.
    #[error("two tasks are named {0}")]
    Duplicate(&'static str),
    /// A task reads another message than its kind says.
    #[error("task {task} reads {reads}, its kind says {said}")]
    Input {
        /// The task.
        task: &'static str,
        /// What it reads.
        reads: String,
        /// What its kind says.
        said: &'static str,
    },
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a task.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn register<T: Task>(self, task: T) -> Result<Self, RegistryError> {
        self.add(Arc::new(task), None)
    }

    /// Adds a task of which many runs can be done in one transaction.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn register_group<T: GroupTask>(self, task: T) -> Result<Self, RegistryError> {
        let task = Arc::new(task);
        let shared = together::shared(Arc::clone(&task));
        self.add(task, Some(shared))
    }

    fn add<T: Task>(mut self, task: Arc<T>, shared: Option<Shared>) -> Result<Self, RegistryError> {
        let reads = T::Input::full_name();
        if reads != T::KIND.input {
            return Err(RegistryError::Input { task: T::KIND.task, reads, said: T::KIND.input });
        }
        let run: RunFn = Arc::new(move |context: TaskContext| {
            let task = Arc::clone(&task);
            Box::pin(async move {
                let input = T::Input::decode(context.claim.payload.as_slice())
                    .map_err(|error| TaskError::permanent(ErrorCode::InvalidInput, error.to_string()))?;
                task.run(&context, input).await
            })
        });
        let needs = T::NEEDS.iter().map(|dependency| dependency.to_string()).collect();
        let registered = Registered {
            kind: T::KIND,
            retry: T::RETRY,
            time_limit: T::TIME_LIMIT,
            needs,
            previews: T::PREVIEWS,
            run,
            shared,
        };
        match self.tasks.insert(T::KIND.task, registered) {
            None => Ok(self),
            Some(_) => Err(RegistryError::Duplicate(T::KIND.task)),
        }
    }

    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Registered> {
        self.tasks.values()
    }
}
