//! One claimed run: execute, commit, acknowledge, or decide what follows from the failure.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use tradeup_broker::{AckError, Delivery};
use tradeup_domain::{Class, Classify as _, ErrorCode};
use tradeup_store::runs::{self, Claim, Ending};
use tradeup_store::{ErrorKind, RunId, StoreError, Tx};

use crate::bury::{self, Buried, Original};
use crate::registry::Registered;
use crate::retry::Verdict;
use crate::runner::Worker;
use crate::{Applied, TaskContext, TaskError};

/// A delayed nak holds its place in the consumer's pending window, so longer waits are parked in
/// the database and acknowledged; the sweep brings the run back.
const NAK_WAIT_MAX: Duration = Duration::from_secs(30);
/// Wait before a delivery comes again whose fate could not be recorded.
const UNRECORDED_WAIT: Duration = Duration::from_secs(2);

/// Logs an answer that could not be sent: the delivery comes again, and the run's row decides.
pub(crate) fn answered(result: Result<(), AckError>) {
    if let Err(error) = result {
        tracing::warn!(%error, "the delivery comes again");
    }
}

impl Worker {
    /// Executes a run that this worker holds, and answers for its delivery.
    pub(crate) async fn execute(&self, task: &Registered, claim: Claim, delivery: &Delivery) {
        match self.attempt(task, &claim, delivery).await {
            Ok(applied) => self.commit(&claim, applied, delivery).await,
            Err(error) => self.failed(task, &claim, &error, delivery).await,
        }
    }

    /// Runs the task in a task of its own, so that a panic is an error like others, keeping the
    /// lease and the delivery while it works.
    async fn attempt(
        &self,
        task: &Registered,
        claim: &Claim,
        delivery: &Delivery,
    ) -> Result<Applied, TaskError> {
        let context = TaskContext { claim: claim.clone(), pool: self.pool.clone() };
        let mut work = tokio::spawn(timeout(task.time_limit, (task.run)(context)));
        let mut beat = interval(self.options.lease() / 3);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.tick().await;
        loop {
            tokio::select! {
                joined = &mut work => return match joined {
                    Ok(Ok(result)) => result,
                    Ok(Err(_elapsed)) => Err(TaskError::transient(
                        ErrorCode::TimedOut,
                        format!("the attempt took longer than {} s", task.time_limit.as_secs()),
                    )),
                    Err(panic) => Err(TaskError::transient(ErrorCode::Panicked, panic.to_string())),
                },
                _ = beat.tick() => {
                    answered(delivery.progress().await);
                    match runs::extend_lease(&self.pool, claim.run_id, claim.attempt, self.options.lease()).await {
                        Ok(true) => {}
                        Ok(false) => tracing::warn!(run_id = %claim.run_id, "lost the lease of run {}", claim.run_id),
                        Err(error) => tracing::warn!(run_id = %claim.run_id, %error, "extending a lease"),
                    }
                }
            }
        }
    }

    async fn commit(&self, claim: &Claim, applied: Applied, delivery: &Delivery) {
        let Applied { mut tx, ending, messages } = applied;
        let ended = match &ending {
            Some(ending) => runs::finish(&mut tx, claim.run_id, claim.attempt, ending).await,
            None => Ok(()),
        };
        let committed = match ended {
            Ok(()) => tx.commit().await,
            Err(error) => Err(error),
        };
        if let Err(error) = committed {
            return self.not_committed(claim, error, delivery).await;
        }
        answered(delivery.ack().await);
        let parent = match ending {
            Some(Ending::Waiting) => Some(claim.run_id),
            // Whoever released another batch in its place knows that the parent goes on.
            _ if messages.is_empty() => claim.parent_id,
            _ => None,
        };
        self.publish(Buried { dead: Vec::new(), jobs: messages });
        self.settle(parent).await;
    }

    /// Whether the commit took effect is unknown, or another attempt has taken over. Either way the
    /// run's row knows: the delivery comes again and asks it.
    async fn not_committed(&self, claim: &Claim, error: StoreError, delivery: &Delivery) {
        if matches!(error.class(), Class::Permanent) && error.kind() != ErrorKind::Superseded {
            self.give_up(claim, &TaskError::from(error), delivery).await;
        } else {
            self.unrecorded(claim.run_id, &error, delivery).await;
        }
    }

    async fn failed(&self, task: &Registered, claim: &Claim, error: &TaskError, delivery: &Delivery) {
        match task.retry.verdict(claim.attempt, claim.max_attempts, error.class(), jitter()) {
            Verdict::Retry(after) => {
                if let Err(error) = self.park(claim, error, after, delivery).await {
                    self.unrecorded(claim.run_id, &error, delivery).await;
                }
            }
            Verdict::GiveUp => self.give_up(claim, error, delivery).await,
        }
    }

    async fn give_up(&self, claim: &Claim, error: &TaskError, delivery: &Delivery) {
        match bury::run(&self.pool, claim, &original(delivery), error).await {
            Ok(buried) => self.given_up(claim.parent_id, buried, delivery).await,
            Err(error) => self.unrecorded(claim.run_id, &error, delivery).await,
        }
    }

    async fn park(
        &self,
        claim: &Claim,
        error: &TaskError,
        after: Duration,
        delivery: &Delivery,
    ) -> Result<(), StoreError> {
        tracing::warn!(
            run_id = %claim.run_id, attempt = claim.attempt, code = %error.code(), task = claim.task,
            "attempt {} of run {} failed, next in {} ms: {} {error}",
            claim.attempt, claim.run_id, after.as_millis(), error.code()
        );
        let mut tx = Tx::of_engine(&self.pool).await?;
        let ending = Ending::Retrying { after, code: error.code(), error: error.to_string() };
        runs::finish(&mut tx, claim.run_id, claim.attempt, &ending).await?;
        tx.commit().await?;
        answered(if after <= NAK_WAIT_MAX { delivery.nak(after).await } else { delivery.ack().await });
        Ok(())
    }

    /// After a burial: publish, let the next one in, tell the parent, remove the delivery.
    pub(crate) async fn given_up(&self, parent: Option<RunId>, buried: Buried, delivery: &Delivery) {
        answered(delivery.ack().await);
        self.publish(buried);
        self.settle(parent).await;
    }

    /// Nothing could be recorded: the lease runs out, the delivery comes again.
    pub(crate) async fn unrecorded(&self, run_id: RunId, error: &StoreError, delivery: &Delivery) {
        tracing::warn!(%run_id, code = %error.code(), "run {run_id} will be looked at again: {error}");
        answered(delivery.nak(UNRECORDED_WAIT.mul_f64(0.5 + jitter())).await);
    }

    async fn settle(&self, parent: Option<RunId>) {
        if let Err(error) = runs::settle_parents(&self.pool, parent).await {
            tracing::warn!(%error, "the sweep will end the parent run");
        }
    }
}

pub(crate) fn original(delivery: &Delivery) -> Original {
    Original { subject: delivery.subject().to_owned(), body: delivery.body().to_vec() }
}

/// Random in 0..1.
fn jitter() -> f64 {
    rand::random_range(0.0..1.0)
}
