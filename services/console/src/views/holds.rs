//! What holds runs back: pauses that people placed, breakers that tripped, limits, and who waits.

use serde::Serialize;
use tradeup_store::outbox;
use tradeup_store::{Pool, breakers, limits, pauses};
use utoipa::ToSchema;

use super::when::When;
use crate::failure::Failure;

/// Runs that match all that is said are held back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pause {
    pub(crate) tenant: Option<String>,
    pub(crate) task: Option<String>,
    pub(crate) dependency: Option<String>,
    pub(crate) reason: String,
    pub(crate) placed_by: String,
    pub(crate) placed: When,
    /// When it ends by itself.
    pub(crate) until: Option<When>,
}

/// What has failed often in a row is left alone while it is open.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Breaker {
    pub(crate) dependency: String,
    pub(crate) tenant: Option<String>,
    pub(crate) failures: i32,
    pub(crate) open_until: Option<When>,
    pub(crate) error_code: String,
    pub(crate) error: String,
    pub(crate) failed: When,
}

/// Most runs of a task that a shop may have.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Limit {
    pub(crate) task: String,
    /// The shop; each that has none of its own, if it is not said.
    pub(crate) tenant: Option<String>,
    /// At once.
    pub(crate) running_max: Option<i32>,
    /// Begun in a minute.
    pub(crate) per_minute: Option<i32>,
    pub(crate) set_by: String,
    pub(crate) set: When,
}

impl Limit {
    pub(super) fn of(limit: limits::LimitView) -> Self {
        Self {
            task: limit.task,
            tenant: limit.tenant_handle,
            running_max: limit.running_max,
            per_minute: limit.per_minute,
            set_by: limit.set_by,
            set: When(limit.set_at),
        }
    }
}

/// Runs that wait.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Waiting {
    pub(crate) tenant: Option<String>,
    pub(crate) task: String,
    /// `pause`, `breaker` or `limit`.
    pub(crate) held_by: String,
    pub(crate) runs: i64,
    pub(crate) since: When,
}

/// All of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Holds {
    pub(crate) pauses: Vec<Pause>,
    pub(crate) breakers: Vec<Breaker>,
    pub(crate) limits: Vec<Limit>,
    /// Most first.
    pub(crate) waiting: Vec<Waiting>,
}

impl Holds {
    pub(crate) async fn read(pool: &Pool) -> Result<Self, Failure> {
        let pauses = pauses::list(pool).await?.into_iter().map(|pause| Pause {
            tenant: pause.tenant_handle,
            task: pause.task,
            dependency: pause.dependency,
            reason: pause.reason,
            placed_by: pause.placed_by,
            placed: When(pause.placed_at),
            until: pause.until.map(When),
        });
        let breakers = breakers::list(pool).await?.into_iter().map(|breaker| Breaker {
            dependency: breaker.dependency,
            tenant: breaker.tenant_handle,
            failures: breaker.failures,
            open_until: breaker.open_until.map(When),
            error_code: breaker.error_code,
            error: breaker.error,
            failed: When(breaker.failed_at),
        });
        let limits = limits::list(pool).await?.into_iter().map(Limit::of);
        let waiting = outbox::held(pool).await?.into_iter().map(|held| Waiting {
            tenant: held.tenant_handle,
            task: held.task,
            held_by: held.held_by,
            runs: held.runs,
            since: When(held.since),
        });
        Ok(Self {
            pauses: pauses.collect(),
            breakers: breakers.collect(),
            limits: limits.collect(),
            waiting: waiting.collect(),
        })
    }
}
