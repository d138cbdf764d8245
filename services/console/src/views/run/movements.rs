//! What a run wrote into the ledger.

use serde::Serialize;
use tradeup_domain::amount_text;
use tradeup_store::ledger::{self, Written, WrittenBy};
use tradeup_store::runs::{AttemptView, RunView};
use tradeup_store::{TenantId, Tx, schedules};
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::views::when::When;

/// Movements that are shown.
pub(super) const MOVEMENTS_MAX: u8 = 50;

/// A movement in the ledger that a run wrote.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunMovement {
    /// The member's id at the shop.
    pub(crate) customer: String,
    /// `grant`, `spend`, `expire` and so on.
    pub(crate) kind: String,
    pub(crate) amount: String,
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
    pub(crate) reason: String,
    /// With the reason, what for.
    pub(crate) source_key: String,
    /// When what was granted ends.
    pub(crate) expires: Option<When>,
}

impl RunMovement {
    pub(super) fn of(written: Written) -> Self {
        Self {
            amount: amount_text(written.amount_minor, &written.currency),
            customer: written.external_id,
            kind: written.kind,
            amount_minor: written.amount_minor,
            currency: written.currency,
            reason: written.reason,
            source_key: written.source_key,
            expires: written.expires_at.map(When),
        }
    }
}

/// What a run wrote into the ledger by itself; one more than are shown, if there are more.
pub(super) async fn movements(
    tx: &mut Tx,
    tenant: TenantId,
    run: &RunView,
    tries: &[AttemptView],
) -> Result<Vec<Written>, Failure> {
    let Some(last) = tries.last() else { return Ok(Vec::new()) };
    // What waits for runs below it has left the writing to them.
    if last.outcome.as_deref() == Some("waiting") {
        return Ok(Vec::new());
    }
    let most = i64::from(MOVEMENTS_MAX) + 1;
    let of_batch = ledger::written_by(tx, tenant, run.run_id, WrittenBy::Batch, most).await?;
    if !of_batch.is_empty() {
        return Ok(of_batch);
    }
    let ended = match last.finished_at {
        Some(ended) => ended,
        None => schedules::now(tx).await?,
    };
    let by = WrittenBy::Between(last.started_at, ended);
    Ok(ledger::written_by(tx, tenant, run.run_id, by, most).await?)
}
