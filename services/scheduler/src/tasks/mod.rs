//! The tasks of `scheduler`, one file each.

mod monthly_credits;
mod monthly_credits_tenant;

use tradeup_worker::{DuplicateTask, Registry};

/// All tasks that this service executes.
pub(crate) fn registry() -> Result<Registry, DuplicateTask> {
    Registry::new()
        .register(monthly_credits::MonthlyCredits)?
        .register(monthly_credits_tenant::MonthlyCreditsTenant)
}
