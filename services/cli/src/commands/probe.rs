//! `tradeup probe`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tokio::time::sleep;
use tradeup_domain::Dependency;
use tradeup_proto::job_kind::{PROBE_AGENTS, PROBE_CREDITS, PROBE_SCHEDULER, PROBE_WEBHOOKS};
use tradeup_proto::{JobKind, Message as _, v1};
use tradeup_store::runs::{self, NewRun, RunOptions, RunView, Trigger};
use tradeup_store::{Pool, TenantRef, schedules, workers};
use tradeup_worker::Relay;
use uuid::Uuid;

use super::{optional_tenant_ref, run};
use crate::Context;
use crate::output::{table, took};

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Send a run the whole way through each service, and say how long it took: trigger, outbox, NATS,
/// worker, commit. It does nothing at its end. With --failures it is a drill for whoever is on call.
/// Agents are looked at where some are run.
#[derive(Args)]
pub(crate) struct Probe {
    /// Through this service only.
    #[arg(long)]
    service: Option<ProbedService>,
    /// As a run of this shop.
    #[arg(long)]
    tenant: Option<String>,
    /// Steps, each with a checkpoint.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
    steps: u32,
    /// Milliseconds that each step takes.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=60_000))]
    step_ms: u32,
    /// So many attempts fail.
    #[arg(long, default_value_t = 0)]
    failures: u32,
    /// How they fail.
    #[arg(long, default_value = "transient")]
    failure: Failure,
    /// What they say has failed.
    #[arg(long)]
    dependency: Option<Dependency>,
    /// Do not wait for the end.
    #[arg(long)]
    no_wait: bool,
    /// Wait for so many seconds at most; exit code 1 if it has not succeeded by then.
    #[arg(long, default_value_t = 30)]
    within_seconds: u64,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProbedService {
    Scheduler,
    Credits,
    Webhooks,
    Agents,
}

#[derive(Clone, Copy, ValueEnum)]
enum Failure {
    Transient,
    Permanent,
    Panic,
    Hang,
}

impl Probe {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = optional_tenant_ref(&pool, self.tenant.as_deref()).await?;
        let kinds = match self.service {
            None => {
                let mut kinds = vec![PROBE_SCHEDULER, PROBE_CREDITS, PROBE_WEBHOOKS];
                // An installation may do without them: one that never ran or was stopped in order is not missed.
                let known = workers::list(&pool).await?;
                let is_run =
                    known.iter().any(|it| it.service == PROBE_AGENTS.service && it.stopped_at.is_none());
                kinds.extend(is_run.then_some(PROBE_AGENTS));
                kinds
            }
            Some(ProbedService::Scheduler) => vec![PROBE_SCHEDULER],
            Some(ProbedService::Credits) => vec![PROBE_CREDITS],
            Some(ProbedService::Webhooks) => vec![PROBE_WEBHOOKS],
            Some(ProbedService::Agents) => vec![PROBE_AGENTS],
        };
        let broker = context.broker.connect("tradeup probe").await?;
        let relay = Relay::new(broker.clone());
        let mut ended = Vec::new();
        for kind in kinds {
            let new = self.new_run(&pool, kind, tenant.clone()).await?;
            let created = runs::create_alone(&pool, new).await?;
            relay.publish_jobs(created.message.as_slice()).await;
            let begun = Instant::now();
            let seen = loop {
                let seen = run::read(&pool, created.run_id).await?;
                let waited_enough = begun.elapsed() > Duration::from_secs(self.within_seconds);
                if seen.finished_at.is_some() || self.no_wait || waited_enough {
                    break seen;
                }
                sleep(LOOK_EVERY).await;
            };
            ended.push((kind, seen));
        }
        broker.close().await;
        self.show(context, &ended)?;
        let all_well = self.no_wait || ended.iter().all(|(_, run)| run.state == "succeeded");
        Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn new_run(&self, pool: &Pool, kind: JobKind, tenant: Option<TenantRef>) -> anyhow::Result<NewRun> {
        let mut connection = pool.acquire().await.context("asking the database for the time")?;
        let input = v1::Probe {
            steps: self.steps,
            step_ms: self.step_ms,
            failures: self.failures,
            failure: match self.failure {
                Failure::Transient => v1::probe::Failure::Transient,
                Failure::Permanent => v1::probe::Failure::Permanent,
                Failure::Panic => v1::probe::Failure::Panic,
                Failure::Hang => v1::probe::Failure::Hang,
            }
            .into(),
            dependency: self.dependency.map(|dependency| dependency.to_string()).unwrap_or_default(),
        };
        Ok(NewRun {
            task: kind.task.to_owned(),
            tenant,
            key: format!("probe:{}", Uuid::now_v7()),
            payload: input.encode_to_vec(),
            scheduled_for: schedules::now(&mut connection).await?,
            trigger: Trigger::Manual(self.by.clone()),
            options: RunOptions { urgent: true, ..RunOptions::default() },
        })
    }

    fn show(&self, context: &Context, ended: &[(JobKind, RunView)]) -> anyhow::Result<()> {
        let value = |(kind, run): &(JobKind, RunView)| {
            json!({ "service": kind.service, "run_id": run.run_id.to_string(), "state": run.state,
                "attempts": run.attempt, "result": run.result, "error": run.error,
                "queued_ms": run.started_at.map(|at| (at - run.created_at).num_milliseconds()),
                "total_ms": run.finished_at.map(|at| (at - run.created_at).num_milliseconds()) })
        };
        context.output().show(&ended.iter().map(value).collect::<Value>(), || {
            let mut shown = table(&["service", "run", "state", "attempts", "waited", "in all"], &[3]);
            for (kind, run) in ended {
                let since = |at: Option<_>| at.map_or_else(|| "-".to_owned(), |at| took(at - run.created_at));
                shown.add_row([
                    kind.service.to_owned(),
                    run.run_id.to_string(),
                    run.state.clone(),
                    run.attempt.to_string(),
                    since(run.started_at),
                    since(run.finished_at),
                ]);
            }
            let slow = ended.iter().filter(|(_, run)| run.finished_at.is_none() && !self.no_wait);
            let hints = slow.map(|(kind, run)| {
                let because = run.held_because.clone();
                let because = because.unwrap_or_else(|| format!("is a {} running?", kind.service));
                format!("\n{} has not answered: {because}", kind.service)
            });
            format!("{shown}{}", hints.collect::<String>())
        })
    }
}
