//! Who does something, and why: for the record.

use clap::Args;
use tradeup_store::audit::Actor;

/// Who does it, and why.
#[derive(Args, Clone)]
pub(crate) struct Who {
    /// Why, for the record.
    #[arg(long)]
    reason: Option<String>,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

impl Who {
    /// Whether a reason was given that says something.
    pub(super) fn has_reason(&self) -> bool {
        self.reason.as_ref().is_some_and(|reason| !reason.trim().is_empty())
    }

    /// As the audit log has it.
    pub(super) fn actor(self) -> Actor {
        Actor { name: self.by, reason: self.reason }
    }
}
