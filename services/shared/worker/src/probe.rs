//! Probes: runs that go the whole way, from trigger to commit, and do nothing at its end. They show
//! whether a service is alive, and make a drill for whoever is on call: a failure to order, with its
//! retries, its breaker, its dead letter.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;
use tradeup_domain::{Dependency, ErrorCode};
use tradeup_proto::job_kind::{PROBE_AGENTS, PROBE_CREDITS, PROBE_SCHEDULER, PROBE_WEBHOOKS};
use tradeup_proto::{JobKind, v1};

use crate::{Applied, RetryPolicy, Task, TaskContext, TaskError};

/// Under this name the steps that are done are found again.
const STEPS_DONE: &str = "steps";

macro_rules! probe {
    ($(#[$attribute:meta])* $name:ident, $kind:ident) => {
        $(#[$attribute])*
        pub struct $name;

        impl Task for $name {
            const KIND: JobKind = $kind;
            const RETRY: RetryPolicy = RetryPolicy::DATABASE;
            const TIME_LIMIT: Duration = Duration::from_secs(10);
            const NEEDS: &'static [Dependency] = &Dependency::ALL;
            type Input = v1::Probe;

            async fn run(&self, context: &TaskContext, input: v1::Probe) -> Result<Applied, TaskError> {
                run(context, &input).await
            }
        }
    };
}

probe! {
    /// A probe through the scheduler.
    ProbeScheduler, PROBE_SCHEDULER
}
probe! {
    /// A probe through credits.
    ProbeCredits, PROBE_CREDITS
}
probe! {
    /// A probe through webhooks.
    ProbeWebhooks, PROBE_WEBHOOKS
}
probe! {
    /// A probe through agents.
    ProbeAgents, PROBE_AGENTS
}

async fn run(context: &TaskContext, input: &v1::Probe) -> Result<Applied, TaskError> {
    let saved = context.checkpoint(STEPS_DONE).await?;
    let resumed_from = saved.and_then(|bytes| bytes.try_into().ok().map(u32::from_be_bytes)).unwrap_or(0);
    for step in resumed_from..input.steps {
        tracing::info!(step, "step {} of {}", step + 1, input.steps);
        sleep(Duration::from_millis(input.step_ms.into())).await;
        context.save_checkpoint(STEPS_DONE, &(step + 1).to_be_bytes()).await?;
        context.progress(i64::from(step) + 1, Some(input.steps.into()), None).await?;
    }
    if u32::try_from(context.claim.attempt).is_ok_and(|attempt| attempt <= input.failures) {
        return Err(fail(input).await);
    }
    let tx = context.begin().await?;
    Ok(Applied::done(tx).with_result(json!({ "steps": input.steps, "resumed_from": resumed_from })))
}

async fn fail(input: &v1::Probe) -> TaskError {
    let text = "a failure to order";
    let error = match input.failure() {
        v1::probe::Failure::Transient => TaskError::transient(ErrorCode::Probe, text),
        v1::probe::Failure::Permanent => TaskError::permanent(ErrorCode::Probe, text),
        #[expect(clippy::panic, reason = "that is what was ordered")]
        v1::probe::Failure::Panic => panic!("{text}"),
        v1::probe::Failure::Hang => std::future::pending().await,
    };
    match input.dependency.parse::<Dependency>() {
        Ok(dependency) => error.of_dependency(dependency),
        Err(_none) => error,
    }
}
