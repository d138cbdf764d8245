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
/// Plans one tenant's monthly credits into batches, or issues them itself where members are few.
pub const MONTHLY_CREDITS_TENANT: JobKind =
    JobKind { service: "credits", task: "monthly-credits-tenant", input: "tradeup.v1.MonthlyCreditsTenant" };
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

/// Asks each shop what has changed, and takes what was never told.
pub const GAP_SEARCH: JobKind =
    JobKind { service: "scheduler", task: "gap-search", input: "tradeup.v1.GapSearch" };
/// Asks one shop.
pub const GAP_SEARCH_TENANT: JobKind =
    JobKind { service: "credits", task: "gap-search-tenant", input: "tradeup.v1.GapSearchTenant" };
/// Proves each tenant's ledger.
pub const LEDGER_VERIFICATION: JobKind =
    JobKind { service: "scheduler", task: "ledger-verification", input: "tradeup.v1.LedgerVerification" };
/// Proves one tenant's ledger.
pub const LEDGER_VERIFICATION_TENANT: JobKind = JobKind {
    service: "credits",
    task: "ledger-verification-tenant",
    input: "tradeup.v1.LedgerVerificationTenant",
};
/// Asks a shop for an order that was edited.
pub const HANDLE_ORDER_EDITED: JobKind =
    JobKind { service: "credits", task: "handle-order-edited", input: "tradeup.v1.HandleEvent" };
/// Notes an order of before the shop came.
pub const HANDLE_ORDER_HISTORY: JobKind =
    JobKind { service: "webhooks", task: "handle-order-history", input: "tradeup.v1.HandleEvent" };
/// Sends events of a shop through their tasks again.
pub const REPLAY_EVENTS: JobKind =
    JobKind { service: "webhooks", task: "replay-events", input: "tradeup.v1.ReplayEvents" };
/// Notes an order that was made at a shop.
pub const HANDLE_ORDER_CREATED: JobKind =
    JobKind { service: "webhooks", task: "handle-order-created", input: "tradeup.v1.HandleEvent" };
/// Settles what an order earns that was paid at a shop, and the memberships in it.
pub const HANDLE_ORDER_PAID: JobKind =
    JobKind { service: "webhooks", task: "handle-order-paid", input: "tradeup.v1.HandleEvent" };
/// Settles an order that was changed at a shop.
pub const HANDLE_ORDER_UPDATED: JobKind =
    JobKind { service: "webhooks", task: "handle-order-updated", input: "tradeup.v1.HandleEvent" };
/// Begins the return window of an order that a shop has fulfilled.
pub const HANDLE_ORDER_FULFILLED: JobKind =
    JobKind { service: "webhooks", task: "handle-order-fulfilled", input: "tradeup.v1.HandleEvent" };
/// Takes back what a cancelled order has earned.
pub const HANDLE_ORDER_CANCELLED: JobKind =
    JobKind { service: "webhooks", task: "handle-order-cancelled", input: "tradeup.v1.HandleEvent" };
/// Notes how an order was paid.
pub const HANDLE_ORDER_TRANSACTION: JobKind =
    JobKind { service: "webhooks", task: "handle-order-transaction", input: "tradeup.v1.HandleEvent" };
/// Takes back what a refunded part of an order has earned.
pub const HANDLE_REFUND_CREATED: JobKind =
    JobKind { service: "webhooks", task: "handle-refund-created", input: "tradeup.v1.HandleEvent" };
/// Enrols a shop's new customer, if its rules say so.
pub const HANDLE_CUSTOMER_CREATED: JobKind =
    JobKind { service: "webhooks", task: "handle-customer-created", input: "tradeup.v1.HandleEvent" };
/// Notes what has changed about a shop's customer.
pub const HANDLE_CUSTOMER_UPDATED: JobKind =
    JobKind { service: "webhooks", task: "handle-customer-updated", input: "tradeup.v1.HandleEvent" };
/// Notes a customer's tags, and what follows from them.
pub const HANDLE_CUSTOMER_TAGS_CHANGED: JobKind =
    JobKind { service: "webhooks", task: "handle-customer-tags-changed", input: "tradeup.v1.HandleEvent" };
/// Notes that a customer is gone.
pub const HANDLE_CUSTOMER_DELETED: JobKind =
    JobKind { service: "webhooks", task: "handle-customer-deleted", input: "tradeup.v1.HandleEvent" };
/// Makes the members of two customers one.
pub const HANDLE_CUSTOMER_MERGED: JobKind =
    JobKind { service: "webhooks", task: "handle-customer-merged", input: "tradeup.v1.HandleEvent" };
/// Values what a member has to trade in.
pub const HANDLE_TRADE_IN_SUBMITTED: JobKind =
    JobKind { service: "webhooks", task: "handle-trade-in-submitted", input: "tradeup.v1.TradeInSubmitted" };
/// Stops everything for a shop that has uninstalled the app.
pub const HANDLE_APP_UNINSTALLED: JobKind =
    JobKind { service: "webhooks", task: "handle-app-uninstalled", input: "tradeup.v1.HandleEvent" };
/// Notes what the app may do in a shop.
pub const HANDLE_SCOPES_UPDATED: JobKind =
    JobKind { service: "webhooks", task: "handle-scopes-updated", input: "tradeup.v1.HandleEvent" };
/// Opens a customer's request to see their data.
pub const HANDLE_DATA_REQUEST: JobKind =
    JobKind { service: "webhooks", task: "handle-data-request", input: "tradeup.v1.HandleEvent" };
/// Forgets a customer's personal data.
pub const REDACT_CUSTOMER: JobKind =
    JobKind { service: "webhooks", task: "redact-customer", input: "tradeup.v1.HandleEvent" };
/// Forgets the personal data of a shop that has gone.
pub const REDACT_SHOP: JobKind =
    JobKind { service: "webhooks", task: "redact-shop", input: "tradeup.v1.HandleEvent" };

/// Fires one plan against churn for each tenant.
pub const WEEKLY_CHURN_PREVENTION_SCAN: JobKind =
    JobKind { service: "scheduler", task: "weekly-churn-prevention-scan", input: "tradeup.v1.AgentScan" };
/// Plans what brings one tenant's members back who are about to stay away.
pub const WEEKLY_CHURN_PREVENTION_SCAN_TENANT: JobKind = JobKind {
    service: "agents",
    task: "weekly-churn-prevention-scan-tenant",
    input: "tradeup.v1.AgentScanTenant",
};
/// Fires one plan against expiring credit for each tenant.
pub const DAILY_EXPIRATION_RESCUE: JobKind =
    JobKind { service: "scheduler", task: "daily-expiration-rescue", input: "tradeup.v1.AgentScan" };
/// Plans what has one tenant's members use credit that is about to end.
pub const DAILY_EXPIRATION_RESCUE_TENANT: JobKind = JobKind {
    service: "agents",
    task: "daily-expiration-rescue-tenant",
    input: "tradeup.v1.AgentScanTenant",
};
/// Fires one strategic review for each tenant.
pub const MONTHLY_STRATEGIC_REVIEW: JobKind =
    JobKind { service: "scheduler", task: "monthly-strategic-review", input: "tradeup.v1.AgentScan" };
/// Reviews one tenant's programme and plans its next quarter.
pub const MONTHLY_STRATEGIC_REVIEW_TENANT: JobKind = JobKind {
    service: "agents",
    task: "monthly-strategic-review-tenant",
    input: "tradeup.v1.AgentScanTenant",
};
/// Answers a question about a tenant's members.
pub const ANALYZE_MEMBER_INSIGHTS: JobKind =
    JobKind { service: "agents", task: "analyze-member-insights", input: "tradeup.v1.AnalyzeMemberInsights" };
/// Answers a question about some of a tenant's members.
pub const ANALYZE_SEGMENT: JobKind =
    JobKind { service: "agents", task: "analyze-segment", input: "tradeup.v1.AnalyzeSegment" };
/// Plans one campaign.
pub const PLAN_CAMPAIGN: JobKind =
    JobKind { service: "agents", task: "plan-campaign", input: "tradeup.v1.PlanCampaign" };
/// Plans the way to a goal.
pub const PLAN_STRATEGIC_GOAL: JobKind =
    JobKind { service: "agents", task: "plan-strategic-goal", input: "tradeup.v1.PlanStrategicGoal" };

/// Goes the whole way through the scheduler and does nothing.
pub const PROBE_SCHEDULER: JobKind =
    JobKind { service: "scheduler", task: "probe-scheduler", input: "tradeup.v1.Probe" };
/// Draws a campaign's members and plans them into batches.
pub const START_CAMPAIGN: JobKind =
    JobKind { service: "scheduler", task: "start-campaign", input: "tradeup.v1.StartCampaign" };
/// Carries a campaign out for one batch.
pub const CAMPAIGN_BATCH: JobKind =
    JobKind { service: "credits", task: "campaign-batch", input: "tradeup.v1.CampaignBatch" };
/// Looks at what each tenant's plans have brought.
pub const KPI_FOLLOW_UP: JobKind =
    JobKind { service: "scheduler", task: "kpi-follow-up", input: "tradeup.v1.KpiFollowUp" };
/// Looks at what one tenant's plans have brought.
pub const KPI_FOLLOW_UP_TENANT: JobKind =
    JobKind { service: "credits", task: "kpi-follow-up-tenant", input: "tradeup.v1.KpiFollowUpTenant" };

/// Goes the whole way through credits and does nothing.
pub const PROBE_CREDITS: JobKind =
    JobKind { service: "credits", task: "probe-credits", input: "tradeup.v1.Probe" };
/// Goes the whole way through webhooks and does nothing at its end.
pub const PROBE_WEBHOOKS: JobKind =
    JobKind { service: "webhooks", task: "probe-webhooks", input: "tradeup.v1.Probe" };
/// Goes the whole way through agents and asks no model.
pub const PROBE_AGENTS: JobKind =
    JobKind { service: "agents", task: "probe-agents", input: "tradeup.v1.Probe" };

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 68] = [
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
        GAP_SEARCH,
        GAP_SEARCH_TENANT,
        LEDGER_VERIFICATION,
        LEDGER_VERIFICATION_TENANT,
        HANDLE_ORDER_EDITED,
        HANDLE_ORDER_HISTORY,
        REPLAY_EVENTS,
        HANDLE_ORDER_CREATED,
        HANDLE_ORDER_PAID,
        HANDLE_ORDER_UPDATED,
        HANDLE_ORDER_FULFILLED,
        HANDLE_ORDER_CANCELLED,
        HANDLE_ORDER_TRANSACTION,
        HANDLE_REFUND_CREATED,
        HANDLE_CUSTOMER_CREATED,
        HANDLE_CUSTOMER_UPDATED,
        HANDLE_CUSTOMER_TAGS_CHANGED,
        HANDLE_CUSTOMER_DELETED,
        HANDLE_CUSTOMER_MERGED,
        HANDLE_TRADE_IN_SUBMITTED,
        HANDLE_APP_UNINSTALLED,
        HANDLE_SCOPES_UPDATED,
        HANDLE_DATA_REQUEST,
        REDACT_CUSTOMER,
        REDACT_SHOP,
        WEEKLY_CHURN_PREVENTION_SCAN,
        WEEKLY_CHURN_PREVENTION_SCAN_TENANT,
        DAILY_EXPIRATION_RESCUE,
        DAILY_EXPIRATION_RESCUE_TENANT,
        MONTHLY_STRATEGIC_REVIEW,
        MONTHLY_STRATEGIC_REVIEW_TENANT,
        ANALYZE_MEMBER_INSIGHTS,
        ANALYZE_SEGMENT,
        PLAN_CAMPAIGN,
        PLAN_STRATEGIC_GOAL,
        START_CAMPAIGN,
        CAMPAIGN_BATCH,
        KPI_FOLLOW_UP,
        KPI_FOLLOW_UP_TENANT,
        PROBE_SCHEDULER,
        PROBE_CREDITS,
        PROBE_WEBHOOKS,
        PROBE_AGENTS,
    ];

    /// The kind with this task name, if there is one.
    #[must_use]
    pub fn by_task(task: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.task == task)
    }
}
