//! The tasks of `scheduler`, one file each.

mod monthly_credits;
mod monthly_credits_tenant;

use tradeup_worker::{ProbeScheduler, Registry, RegistryError};

/// All tasks that this service executes.
pub(crate) fn registry() -> Result<Registry, RegistryError> {
    Registry::new()
        .register(monthly_credits::MonthlyCredits)?
        .register(monthly_credits_tenant::MonthlyCreditsTenant)?
        .register(ProbeScheduler)
}
