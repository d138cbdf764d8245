//! Looks at what one tenant's plans have brought: campaigns against who was held out, KPIs against what was planned.
//!
//! Triggered by the daily schedule, for each tenant alone, or by hand. Effect: results of campaigns and follow-ups of KPIs,
//! each once; a snapshot for each instant that a KPI was due.

use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tradeup_proto::job_kind::KPI_FOLLOW_UP_TENANT;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::{campaigns, insights, kpi_follow_ups, snapshots};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

/// Who has not had their turn by then comes again.
const TURN_WITHIN: Duration = Duration::from_secs(60);
/// After so long.
const TURN_AGAIN: Duration = Duration::from_secs(30);

/// The task.
pub(crate) struct KpiFollowUpTenant {
    /// One tenant at a time in a process: snapshots read whole tables, beside runs that move money.
    turn: Semaphore,
}

impl KpiFollowUpTenant {
    pub(crate) fn new() -> Self {
        Self { turn: Semaphore::new(1) }
    }
}

impl Task for KpiFollowUpTenant {
    const KIND: JobKind = KPI_FOLLOW_UP_TENANT;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(3600);
    type Input = v1::KpiFollowUpTenant;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let tenant = context.tenant()?.id;
        let mut tx = context.begin().await?;
        let due = campaigns::due(&mut tx, tenant, as_of).await?;
        let kpis = kpi_follow_ups::due(&mut tx, tenant, as_of).await?;
        if due.is_empty() && kpis.is_empty() {
            return Ok(Applied::done(tx).with_result(json!({ "campaigns": 0, "kpis": 0 })));
        }
        tx.rollback().await?;
        // Whoever waits has no connection yet, and uses up no attempt.
        let Ok(_turn) = timeout(TURN_WITHIN, self.turn.acquire()).await else {
            return Ok(Applied::snoozed(context.begin().await?, TURN_AGAIN));
        };
        for campaign in &due {
            // Each for itself: what is measured stays so.
            let mut tx = context.begin().await?;
            campaigns::measure(&mut tx, tenant, *campaign).await?;
            tx.commit().await?;
        }
        for kpi in &kpis {
            // As of when it was due, however late this is: of the same instant one snapshot is made.
            let snapshot = snapshots::ensure(&context.pool, tenant, kpi.due_at).await?;
            let mut tx = context.begin().await?;
            let figure =
                insights::measure(&mut tx, tenant, snapshot, &kpi.measure, kpi.tier.as_deref()).await?;
            let actual = figure.map(|figure| figure.value);
            kpi_follow_ups::record(&mut tx, tenant, kpi, actual, as_of).await?;
            tx.commit().await?;
        }
        let result = json!({ "campaigns": due.len(), "kpis": kpis.len() });
        Ok(Applied::done(context.begin().await?).with_result(result))
    }
}
