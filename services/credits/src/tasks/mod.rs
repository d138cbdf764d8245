//! The tasks of `credits`, one file each.

mod monthly_credits_batch;

use tradeup_worker::{DuplicateTask, Registry};

/// All tasks that this service executes.
pub(crate) fn registry() -> Result<Registry, DuplicateTask> {
    Registry::new().register(monthly_credits_batch::MonthlyCreditsBatch)
}
