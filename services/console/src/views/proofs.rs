//! The latest proofs of a shop's ledger.

use serde::Serialize;
use tradeup_domain::amount_text;
use tradeup_proto::job_kind::LEDGER_VERIFICATION_TENANT;
use tradeup_store::Pool;
use tradeup_store::verify::{self, Figures, PastProof};
use utoipa::ToSchema;

use super::when::When;
use crate::failure::Failure;

/// Proofs that are shown.
const PROOFS: i64 = 10;

/// A check that does not hold.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BrokenCheck {
    pub(crate) check: String,
    /// Rows that break it.
    pub(crate) violations: i64,
}

/// What a proof came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProofFigures {
    pub(crate) members: i64,
    pub(crate) lots: i64,
    pub(crate) entries: i64,
    /// Sums of balances, by currency.
    pub(crate) balances: Vec<String>,
    /// Checks that were made.
    pub(crate) checks: i64,
    /// Rows that break one of them.
    pub(crate) violations: i64,
    pub(crate) violated: Vec<BrokenCheck>,
}

/// A proof of a shop's ledger, by the run that made it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LedgerProof {
    pub(crate) run: String,
    pub(crate) state: String,
    /// When it was due; what it found is as of when it read.
    pub(crate) due: When,
    pub(crate) ended: Option<When>,
    /// None before it has ended, or if it could not be made.
    pub(crate) figures: Option<ProofFigures>,
    pub(crate) error_code: Option<String>,
}

impl ProofFigures {
    fn of(figures: Figures) -> Self {
        let violated = figures.violated.into_iter();
        Self {
            members: figures.members,
            lots: figures.lots,
            entries: figures.entries,
            balances: figures
                .balances
                .iter()
                .map(|balance| amount_text(balance.balance_minor, &balance.currency))
                .collect(),
            checks: figures.checks,
            violations: figures.violations,
            violated: violated
                .map(|broken| BrokenCheck { check: broken.check, violations: broken.violations })
                .collect(),
        }
    }
}

impl LedgerProof {
    fn of(proof: PastProof) -> Self {
        Self {
            run: proof.run.run_id.to_string(),
            state: proof.run.state,
            due: When(proof.run.scheduled_for),
            ended: proof.run.finished_at.map(When),
            figures: proof.figures.map(ProofFigures::of),
            error_code: proof.run.error_code,
        }
    }

    /// The latest of a shop, newest first.
    pub(crate) async fn latest(pool: &Pool, handle: &str) -> Result<Vec<Self>, Failure> {
        let found = verify::history(pool, LEDGER_VERIFICATION_TENANT.task, Some(handle), PROOFS).await?;
        Ok(found.into_iter().map(Self::of).collect())
    }
}
