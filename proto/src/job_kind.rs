//! The kinds of job: which service executes which task. The one list behind subjects, consumers
//! and `tradeup trigger`.

/// A task as the wire knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JobKind {
    /// Service whose workers execute it.
    pub service: &'static str,
    /// Task name: lower case, with hyphens.
    pub task: &'static str,
    /// Full name of the message that is its input.
    pub input: &'static str,
}

/// Fires one run of monthly credits for each active tenant.
pub const MONTHLY_CREDITS: JobKind =
    JobKind { service: "scheduler", task: "monthly-credits", input: "tradeup.v1.MonthlyCredits" };
/// Plans one tenant's monthly credits into batches.
pub const MONTHLY_CREDITS_TENANT: JobKind = JobKind {
    service: "scheduler",
    task: "monthly-credits-tenant",
    input: "tradeup.v1.MonthlyCreditsTenant",
};
/// Issues the monthly credits of one batch.
pub const MONTHLY_CREDITS_BATCH: JobKind =
    JobKind { service: "credits", task: "monthly-credits-batch", input: "tradeup.v1.MonthlyCreditsBatch" };

/// Books what has ended of each tenant's lots.
pub const CREDIT_EXPIRATION: JobKind =
    JobKind { service: "scheduler", task: "credit-expiration", input: "tradeup.v1.CreditExpiration" };
/// Plans one tenant's expiration into batches.
pub const CREDIT_EXPIRATION_TENANT: JobKind = JobKind {
    service: "scheduler",
    task: "credit-expiration-tenant",
    input: "tradeup.v1.CreditExpirationTenant",
};
/// Books the ended lots of one batch.
pub const CREDIT_EXPIRATION_BATCH: JobKind = JobKind {
    service: "credits",
    task: "credit-expiration-batch",
    input: "tradeup.v1.CreditExpirationBatch",
};

/// Warns each tenant's members of credit that is about to end.
pub const EXPIRATION_WARNING: JobKind =
    JobKind { service: "scheduler", task: "expiration-warning", input: "tradeup.v1.ExpirationWarning" };
/// Plans one tenant's warnings into batches.
pub const EXPIRATION_WARNING_TENANT: JobKind = JobKind {
    service: "scheduler",
    task: "expiration-warning-tenant",
    input: "tradeup.v1.ExpirationWarningTenant",
};
/// Claims and sends the warnings of one batch.
pub const EXPIRATION_WARNING_BATCH: JobKind = JobKind {
    service: "credits",
    task: "expiration-warning-batch",
    input: "tradeup.v1.ExpirationWarningBatch",
};
/// Sends one mail once more.
pub const SEND_DIGEST: JobKind =
    JobKind { service: "credits", task: "send-digest", input: "tradeup.v1.SendDigest" };

/// Gives one credit to one member.
pub const GRANT_CREDIT: JobKind =
    JobKind { service: "credits", task: "grant-credit", input: "tradeup.v1.GrantCredit" };

/// Uses a member's credit.
pub const SPEND_CREDIT: JobKind =
    JobKind { service: "credits", task: "spend-credit", input: "tradeup.v1.SpendCredit" };
/// Takes a spend back.
pub const REVERT_SPEND: JobKind =
    JobKind { service: "credits", task: "revert-spend", input: "tradeup.v1.RevertSpend" };
/// Settles what an order earns.
pub const SETTLE_ORDER: JobKind =
    JobKind { service: "credits", task: "settle-order", input: "tradeup.v1.SettleOrder" };

/// Makes two members one.
pub const MERGE_MEMBERS: JobKind =
    JobKind { service: "credits", task: "merge-members", input: "tradeup.v1.MergeMembers" };
/// Looks at each tenant's tiers: notices, and what has come to its date.
pub const TIER_REVIEW: JobKind =
    JobKind { service: "scheduler", task: "tier-review", input: "tradeup.v1.TierReview" };
/// Plans one tenant's review of tiers into batches.
pub const TIER_REVIEW_TENANT: JobKind =
    JobKind { service: "scheduler", task: "tier-review-tenant", input: "tradeup.v1.TierReviewTenant" };
/// Looks at the tiers of one batch.
pub const TIER_REVIEW_BATCH: JobKind =
    JobKind { service: "credits", task: "tier-review-batch", input: "tradeup.v1.TierReviewBatch" };

/// Takes back what a run has granted, over all tenants.
pub const REVERSAL: JobKind =
    JobKind { service: "scheduler", task: "reversal", input: "tradeup.v1.Reversal" };
/// Plans one tenant's part of a reversal into batches.
pub const REVERSAL_TENANT: JobKind =
    JobKind { service: "scheduler", task: "reversal-tenant", input: "tradeup.v1.Reversal" };
/// Takes back what a run has granted to the members of one batch.
pub const REVERSAL_BATCH: JobKind =
    JobKind { service: "credits", task: "reversal-batch", input: "tradeup.v1.Reversal" };

/// Tells a tenant's shop of its members' credit.
pub const PUSH_STORE_CREDIT: JobKind =
    JobKind { service: "credits", task: "push-store-credit", input: "tradeup.v1.PushStoreCredit" };
/// Compares each tenant's ledger with what its shop says.
pub const WALLET_RECONCILIATION: JobKind =
    JobKind { service: "scheduler", task: "wallet-reconciliation", input: "tradeup.v1.WalletReconciliation" };
/// Plans one tenant's part of the comparison into batches.
pub const WALLET_RECONCILIATION_TENANT: JobKind = JobKind {
    service: "scheduler",
    task: "wallet-reconciliation-tenant",
    input: "tradeup.v1.WalletReconciliationTenant",
};
/// Compares the wallets of one batch's members.
pub const WALLET_RECONCILIATION_BATCH: JobKind = JobKind {
    service: "credits",
    task: "wallet-reconciliation-batch",
    input: "tradeup.v1.WalletReconciliationBatch",
};

/// Goes the whole way through the scheduler and does nothing.
pub const PROBE_SCHEDULER: JobKind =
    JobKind { service: "scheduler", task: "probe-scheduler", input: "tradeup.v1.Probe" };
/// Goes the whole way through credits and does nothing.
pub const PROBE_CREDITS: JobKind =
    JobKind { service: "credits", task: "probe-credits", input: "tradeup.v1.Probe" };

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 27] = [
        MONTHLY_CREDITS,
        MONTHLY_CREDITS_TENANT,
        MONTHLY_CREDITS_BATCH,
        CREDIT_EXPIRATION,
        CREDIT_EXPIRATION_TENANT,
        CREDIT_EXPIRATION_BATCH,
        EXPIRATION_WARNING,
        EXPIRATION_WARNING_TENANT,
        EXPIRATION_WARNING_BATCH,
        SEND_DIGEST,
        GRANT_CREDIT,
        SPEND_CREDIT,
        REVERT_SPEND,
        SETTLE_ORDER,
        MERGE_MEMBERS,
        TIER_REVIEW,
        TIER_REVIEW_TENANT,
        TIER_REVIEW_BATCH,
        REVERSAL,
        REVERSAL_TENANT,
        REVERSAL_BATCH,
        PUSH_STORE_CREDIT,
        WALLET_RECONCILIATION,
        WALLET_RECONCILIATION_TENANT,
        WALLET_RECONCILIATION_BATCH,
        PROBE_SCHEDULER,
        PROBE_CREDITS,
    ];

    /// The kind with this task name, if there is one.
    #[must_use]
    pub fn by_task(task: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.task == task)
    }
}
