//! One claimed run: execute, commit, acknowledge, or decide what follows from the failure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};
use tradeup_broker::{AckError, Delivery};
use tradeup_domain::{Classify as _, Dependency, ErrorCode};
use tradeup_signals::metrics::runs as counted;
use tradeup_signals::trace;
use tradeup_store::runs::{self, Claim, Ending};
use tradeup_store::{ErrorKind, RunId, StoreError, TenantRef, Tx, batches, breakers, outbox, within};

use crate::bury::{self, Buried, Original};
use crate::registry::Registered;
use crate::retry::Verdict;
use crate::runner::Worker;
use crate::{Applied, TaskContext, TaskError, faultpoint, preview};

/// A delayed nak holds its place in the consumer's pending window, so longer waits are parked in
/// the database and acknowledged; the sweep brings the run back.
const NAK_WAIT_MAX: Duration = Duration::from_secs(30);
/// Wait before a delivery comes again whose fate could not be recorded.
const UNRECORDED_WAIT: Duration = Duration::from_secs(2);

/// A statement of ours that takes longer is given up: its connection may be dead without anybody
/// having noticed. Whether it took effect is unknown then, and the run's row knows.
pub(crate) const STATEMENT_WITHIN: Duration = Duration::from_secs(15);
/// As above, for what has to be quick or is of no use.
const EXTEND_WITHIN: Duration = Duration::from_secs(3);
/// A task whose run was cancelled has this long to end by itself.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

/// How an attempt came out.
pub(crate) enum Attempted {
    /// Done, to be committed.
    Applied(Applied),
    /// Failed.
    Failed(TaskError),
    /// The run is not ours any more: cancelled, or another worker's after a pause of ours.
    Lost,
}

/// Logs an answer that could not be sent: the delivery comes again, and the run's row decides.
pub(crate) fn answered(result: Result<(), AckError>) {
    if let Err(error) = result {
        tracing::warn!(%error, "the delivery comes again");
    }
}

impl Worker {
    /// Executes a run that this worker holds, and answers for its delivery. What is logged meanwhile is
    /// kept beside the attempt.
    pub(crate) async fn execute(&self, task: &Registered, claim: Claim, delivery: &Delivery) {
        // ATTEMPT_SPAN; the macro wants the word itself.
        let span = tracing::info_span!(
            "attempt", run_id = %claim.run_id, attempt = claim.attempt,
            tenant = claim.tenant.as_ref().map_or("", |tenant| tenant.handle.as_str())
        );
        let traced = traced(&span, task, &claim);
        self.execute_within(task, claim, delivery).instrument(traced).instrument(span).await;
    }

    async fn execute_within(&self, task: &Registered, claim: Claim, delivery: &Delivery) {
        let place = claim.limited.then(|| claim.tenant.clone()).flatten();
        count_claimed(task, &claim);
        let (_at_work, begun) = (counted::AT_WORK.held([task.kind.task]), Instant::now());
        let attempted = match (claim.is_preview(), task.previews) {
            (false, _) => self.attempt(task, &claim, delivery).await,
            (true, true) => preview::shown(&self.pool, self.attempt(task, &claim, delivery).await).await,
            (true, false) => preview::shown(&self.pool, preview::impossible()).await,
        };
        let outcome = match attempted {
            Attempted::Applied(applied) => self.commit(task, &claim, applied, delivery).await,
            Attempted::Failed(error) => self.failed(task, &claim, &error, delivery).await,
            // The run's row says whether it was cancelled or is another worker's.
            Attempted::Lost => {
                answered(delivery.nak(UNRECORDED_WAIT).await);
                "lost"
            }
        };
        count_ended(task, begun, outcome, &Span::current());
        if let Some(tenant) = place {
            self.make_room(&tenant, task).await;
        }
    }

    /// Lets in whoever has waited longest for the place that has become free.
    async fn make_room(&self, tenant: &TenantRef, task: &Registered) {
        match outbox::take_waiting_for_place(&self.pool, tenant.id, task.kind.task, 1).await {
            Ok(jobs) => self.publish(Buried { dead: Vec::new(), jobs }),
            Err(error) => tracing::warn!(%error, "the sweep will let in whoever waits"),
        }
    }

    /// Runs the task in a task of its own, so that a panic is an error like others, keeping the
    /// lease and the delivery while it works.
    async fn attempt(&self, task: &Registered, claim: &Claim, delivery: &Delivery) -> Attempted {
        let cancelled = CancellationToken::new();
        let context = TaskContext {
            claim: claim.clone(),
            pool: self.pool.clone(),
            cancelled: cancelled.clone(),
            broker: self.broker.clone(),
            progress_noted: Arc::default(),
        };
        let mut work = tokio::spawn(timeout(task.time_limit, (task.run)(context)).in_current_span());
        let mut beat = interval(self.options.lease() / 3);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.tick().await;
        loop {
            tokio::select! {
                joined = &mut work => return match joined {
                    Ok(Ok(Ok(applied))) => Attempted::Applied(applied),
                    Ok(Ok(Err(error))) => Attempted::Failed(error),
                    Ok(Err(_elapsed)) => Attempted::Failed(TaskError::transient(
                        ErrorCode::TimedOut,
                        format!("the attempt took longer than {} s", task.time_limit.as_secs()),
                    )),
                    Err(panic) => {
                        Attempted::Failed(TaskError::transient(ErrorCode::Panicked, panic.to_string()))
                    }
                },
                _ = beat.tick() => {
                    answered(delivery.progress().await);
                    let lease = self.options.lease();
                    let extended = runs::extend_lease(&self.pool, claim.run_id, claim.attempt, lease);
                    match within("extending a lease", EXTEND_WITHIN, extended).await {
                        Ok(true) => {}
                        Ok(false) => {
                            tracing::warn!(
                                run_id = %claim.run_id, attempt = claim.attempt,
                                "run {} was cancelled or taken over; giving it up", claim.run_id
                            );
                            cancelled.cancel();
                            if timeout(CANCEL_GRACE, &mut work).await.is_err() {
                                work.abort();
                            }
                            return Attempted::Lost;
                        }
                        Err(error) => tracing::warn!(run_id = %claim.run_id, %error, "extending a lease"),
                    }
                }
            }
        }
    }

    /// What became of it, as it is counted.
    async fn commit(
        &self,
        task: &Registered,
        claim: &Claim,
        applied: Applied,
        delivery: &Delivery,
    ) -> &'static str {
        let Applied { mut tx, ending, batch, cut, mut messages } = applied;
        let ended = within("ending an attempt", STATEMENT_WITHIN, async {
            runs::finish(&mut tx, claim.run_id, claim.attempt, &ending).await?;
            // After the run, in the order in which whoever cancels them locks both.
            if let (Some(counts), Some(parent)) = (&batch, claim.parent_id) {
                messages
                    .extend(batches::complete(&mut tx, &[(parent, claim.run_id, counts)]).await?.released);
            }
            if let Some(cut) = &cut {
                messages.extend(batches::plan(&mut tx, &[(claim.run_id, &**cut)]).await?.released);
            }
            if claim.watched {
                breakers::succeeded(&mut tx, &task.needs, claim.tenant.as_ref().map(|t| t.id)).await?;
            }
            Ok(())
        })
        .await;
        faultpoint::reached("commit.before").await;
        let committed = match (ended, &ending) {
            (Err(error), _) => Err(error),
            (Ok(()), Ending::Snoozed { after }) => self.wait(tx, claim.run_id, *after, delivery).await,
            (Ok(()), _) => {
                match within("committing", STATEMENT_WITHIN, tx.commit()).instrument(committing()).await {
                    Ok(()) => {
                        faultpoint::reached("commit.after").await;
                        answered(delivery.ack().await);
                        faultpoint::reached("ack.after").await;
                        Ok(())
                    }
                    Err(error) => Err(error),
                }
            }
        };
        if let Err(error) = committed {
            return self.not_committed(task, claim, error, delivery).await;
        }
        let outcome = match ending {
            Ending::Snoozed { .. } => return "snoozed",
            Ending::Waiting => "waiting",
            _ => "succeeded",
        };
        let parent = match ending {
            // Whoever has released another batch in its place, or the first ones, knows that there is something to wait for.
            _ if !messages.is_empty() => None,
            Ending::Waiting => Some(claim.run_id),
            _ => claim.parent_id,
        };
        self.publish(Buried { dead: Vec::new(), jobs: messages });
        self.settle(parent.as_slice()).await;
        outcome
    }

    /// What PostgreSQL refused was rolled back: a failure as any other. Otherwise, whether the commit
    /// took effect is unknown, or the run is not ours any more; its row knows, and the delivery comes
    /// again and asks it.
    async fn not_committed(
        &self,
        task: &Registered,
        claim: &Claim,
        error: StoreError,
        delivery: &Delivery,
    ) -> &'static str {
        match error.kind() {
            kind @ (ErrorKind::Superseded | ErrorKind::Unavailable) => {
                self.unrecorded(claim.run_id, &error, delivery).await;
                if kind == ErrorKind::Superseded { "lost" } else { "unknown" }
            }
            _ => self.failed(task, claim, &TaskError::from(error), delivery).await,
        }
    }

    pub(crate) async fn failed(
        &self,
        task: &Registered,
        claim: &Claim,
        error: &TaskError,
        delivery: &Delivery,
    ) -> &'static str {
        counted::ERRORS.one([task.kind.task, error.code().as_str()]);
        trace::failed(error.code().as_str());
        match task.retry.verdict(claim.attempt, claim.max_attempts, error.class(), jitter()) {
            Verdict::Retry(after) => {
                let parked = self.park(claim, error, after, delivery);
                match within("parking a run", STATEMENT_WITHIN, parked).await {
                    Ok(()) => "retrying",
                    Err(error) => {
                        self.unrecorded(claim.run_id, &error, delivery).await;
                        "unknown"
                    }
                }
            }
            Verdict::GiveUp => self.give_up(task.kind.task, claim, error, delivery).await,
        }
    }

    async fn give_up(
        &self,
        name: &'static str,
        claim: &Claim,
        error: &TaskError,
        delivery: &Delivery,
    ) -> &'static str {
        let original = original(delivery);
        let buried = bury::run(&self.pool, claim, &original, error);
        match within("burying a run", STATEMENT_WITHIN, buried).await {
            Ok(buried) => {
                counted::DEAD.one([name, error.code().as_str()]);
                self.given_up(claim.parent_id, buried, delivery).await;
                "dead"
            }
            Err(error) => {
                self.unrecorded(claim.run_id, &error, delivery).await;
                "unknown"
            }
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
        if let Some(dependency) = error.dependency() {
            note_failure(&mut tx, claim, dependency, error).await?;
        }
        self.wait(tx, claim.run_id, after, delivery).await
    }

    /// Commits, and sees to it that the run is tried again after a wait.
    async fn wait(
        &self,
        mut tx: Tx,
        run_id: RunId,
        after: Duration,
        delivery: &Delivery,
    ) -> Result<(), StoreError> {
        if after <= NAK_WAIT_MAX {
            tx.commit().await?;
            answered(delivery.nak(after).await);
        } else {
            outbox::put_job(&mut tx, run_id, after).await?;
            tx.commit().await?;
            answered(delivery.ack().await);
        }
        Ok(())
    }

    /// After a burial: publish, let the next one in, tell the parent, remove the delivery.
    pub(crate) async fn given_up(&self, parent: Option<RunId>, buried: Buried, delivery: &Delivery) {
        answered(delivery.ack().await);
        self.publish(buried);
        self.settle(parent.as_slice()).await;
    }

    /// Nothing could be recorded: the lease runs out, the delivery comes again.
    pub(crate) async fn unrecorded(&self, run_id: RunId, error: &StoreError, delivery: &Delivery) {
        tracing::warn!(%run_id, code = %error.code(), "run {run_id} will be looked at again: {error}");
        answered(delivery.nak(UNRECORDED_WAIT.mul_f64(0.5 + jitter())).await);
    }

    pub(crate) async fn settle(&self, parents: &[RunId]) {
        if let Err(error) = runs::settle_parents(&self.pool, parents).await {
            tracing::warn!(%error, "the sweep will end the parent runs");
        }
    }
}

/// Counts an attempt that begins, and for how long its run was due.
pub(crate) fn count_claimed(task: &Registered, claim: &Claim) {
    counted::CLAIMED.one([task.kind.task]);
    if let Some(waited) = claim.waited {
        counted::WAIT_SECONDS.took(waited, [task.kind.task]);
    }
}

/// Counts an attempt by how it came out, which its span says as well.
pub(crate) fn count_ended(task: &Registered, begun: Instant, outcome: &'static str, span: &Span) {
    counted::ATTEMPT_SECONDS.took(begun.elapsed(), [task.kind.task]);
    counted::ENDED.one([task.kind.task, outcome]);
    trace::says(span, "tradeup.outcome", outcome);
}

/// An attempt's part of its run's trace. Within the span of what it logs, which it does not appear in.
pub(crate) fn traced(attempt: &Span, task: &Registered, claim: &Claim) -> Span {
    let span = tracing::info_span!(
        target: trace::TARGET, parent: attempt, "process", otel.name = %format_args!("process {}", task.kind.task),
        otel.kind = "consumer", messaging.system = "nats", messaging.operation.name = "process",
        messaging.operation.type = "process", messaging.destination.name = "JOBS", tradeup.task = task.kind.task,
        tradeup.run_id = %claim.run_id, tradeup.attempt = claim.attempt
    );
    if !span.is_disabled() {
        trace::continues(&span, Some(&claim.trace()));
    }
    span
}

/// The commit of what an attempt has done: from here on it is so.
pub(crate) fn committing() -> Span {
    tracing::info_span!(
        target: trace::TARGET, "commit", otel.name = "COMMIT", otel.kind = "client", db.system.name = "postgresql",
        db.operation.name = "COMMIT"
    )
}

/// Counts a failure of what the run needs, in the commit that parks it.
async fn note_failure(
    tx: &mut Tx,
    claim: &Claim,
    dependency: Dependency,
    error: &TaskError,
) -> Result<(), StoreError> {
    let tenant = claim.tenant.as_ref();
    let opened =
        breakers::failed(tx, dependency, tenant.map(|t| t.id), error.code(), &error.to_string()).await?;
    if let Some(opened) = opened {
        let whose = tenant.filter(|_| dependency.is_per_tenant()).map_or("all tenants", |t| &t.handle);
        tracing::error!(
            %dependency, tenant = whose, code = %error.code(),
            "{dependency} of {whose} is down, nothing is sent its way for {} s: {error}", opened.as_secs()
        );
    }
    Ok(())
}

pub(crate) fn original(delivery: &Delivery) -> Original {
    Original { subject: delivery.subject().to_owned(), body: delivery.body().to_vec() }
}

/// Random in 0..1.
fn jitter() -> f64 {
    rand::random_range(0.0..1.0)
}
