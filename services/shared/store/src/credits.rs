//! Credits: every movement of money, each by a key that makes it happen once.

mod adjust;
mod batch;
mod debts;
mod expire;
mod failures;
mod grant;
mod monthly;
mod reverse;
mod spend;

pub use adjust::{Adjusted, Adjustment, adjust};
pub use batch::{MemberBatch, Scope, apply_singly};
pub(crate) use debts::{recover, recover_into};
pub use expire::ExpirationBatch;
pub use failures::{MemberFailure, member_failures, record as record_failure};
pub use grant::{Granted, GroupGrant, grant, grant_together, was_asked_for};
pub use monthly::{MonthlyBatch, MonthlyPreview, preview_monthly};
pub use reverse::{ReversalBatch, ReversalPreview, preview_reversal};
pub use spend::{Asked, REINSTATED_DAYS, Reverted, Spent, revert_key, revert_spend, spend, spend_key};
