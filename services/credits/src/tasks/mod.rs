//! The tasks of `credits`, one file each.

mod grant_credit;
mod monthly_credits_batch;

use tradeup_worker::{ProbeCredits, Registry, RegistryError};

/// All tasks that this service executes.
pub(crate) fn registry() -> Result<Registry, RegistryError> {
    Registry::new()
        .register(grant_credit::GrantCredit)?
        .register(monthly_credits_batch::MonthlyCreditsBatch)?
        .register(ProbeCredits)
}
