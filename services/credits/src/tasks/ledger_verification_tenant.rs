//! Proves one tenant's ledger, row by row, in one snapshot.
//!
//! Triggered by the daily schedule, for each tenant alone, or by hand. Effect: none but the run's result; a ledger that
//! does not add up ends the run as dead, for somebody to look at.

use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tradeup_domain::ErrorCode;
use tradeup_proto::job_kind::LEDGER_VERIFICATION_TENANT;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::verify::{self, Figures};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

/// Who has not had their turn by then comes again.
const TURN_WITHIN: Duration = Duration::from_secs(60);
/// After so long.
const TURN_AGAIN: Duration = Duration::from_secs(30);

/// The task.
pub(crate) struct LedgerVerificationTenant {
    /// One proof at a time in a process: all shops come at once, and each reads whole tables, beside runs that move money.
    turn: Semaphore,
}

impl LedgerVerificationTenant {
    pub(crate) fn new() -> Self {
        Self { turn: Semaphore::new(1) }
    }
}

impl Task for LedgerVerificationTenant {
    const KIND: JobKind = LEDGER_VERIFICATION_TENANT;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    // Long enough for the largest shop; whoever waits for their turn for long comes again.
    const TIME_LIMIT: Duration = Duration::from_secs(3600);
    // It needs nothing: whoever stops a shop's money to look at its ledger wants it proved all the same.
    type Input = v1::LedgerVerificationTenant;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let tenant = context.tenant()?;
        // Whoever waits has no connection yet, and uses up no attempt.
        let Ok(turn) = timeout(TURN_WITHIN, self.turn.acquire()).await else {
            return Ok(Applied::snoozed(context.begin().await?, TURN_AGAIN));
        };
        let (examined, checks) = verify::tenant_beside_work(&context.pool, tenant.id).await?;
        drop(turn);
        let figures = Figures::of(&examined, &checks);
        tracing::info!(
            run_id = %context.claim.run_id, violations = figures.violations,
            "ledger of {} as of {as_of}: {} members, {} lots, {} entries, {} checks, {} violations",
            tenant.handle, figures.members, figures.lots, figures.entries, figures.checks, figures.violations
        );
        if !figures.hold() {
            // No rows: what breaks a rule may be named by another system. `tradeup verify` lists them.
            let error = TaskError::permanent(ErrorCode::ProofFailed, figures.found());
            return Err(error.with_result(json!(figures)));
        }
        let tx = context.begin().await?;
        Ok(Applied::done(tx).with_result(json!(figures)))
    }
}
