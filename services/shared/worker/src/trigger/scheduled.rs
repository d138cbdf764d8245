//! What schedules do, whether a schedule fires or a person asks for it instead: over all shops, or for one.

use chrono::{DateTime, Utc};
use tradeup_domain::Period;
use tradeup_proto::JobKind;
use tradeup_proto::job_kind::{
    CREDIT_EXPIRATION, EXPIRATION_WARNING, GAP_SEARCH, KPI_FOLLOW_UP, LEDGER_VERIFICATION, MONTHLY_CREDITS,
    TIER_REVIEW, WALLET_RECONCILIATION,
};
use tradeup_store::TenantRef;
use tradeup_store::runs::NewRun;

use super::{
    CHURN_SCAN, EXPIRATION_RESCUE, Fire, STRATEGIC_REVIEW, credit_expiration, credit_expiration_of_tenant,
    expiration_warning, expiration_warning_of_tenant, gap_search, gap_search_of_tenant, kpi_follow_up,
    kpi_follow_up_of_tenant, ledger_verification, ledger_verification_of_tenant, monthly_credits,
    monthly_credits_due, monthly_credits_of_tenant, tier_review, tier_review_of_tenant,
    wallet_reconciliation, wallet_reconciliation_of_tenant,
};

/// A task of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduled {
    /// Monthly credits of a period.
    MonthlyCredits,
    /// Booking what has ended.
    CreditExpiration,
    /// Warnings of what ends within seven days.
    ExpirationWarning,
    /// Looking at tiers.
    TierReview,
    /// Comparing ledger and wallets.
    WalletReconciliation,
    /// Asking shops what they never told.
    GapSearch,
    /// Planning against churn.
    ChurnScan,
    /// Planning against expiring credit.
    ExpirationRescue,
    /// Reviewing the month.
    StrategicReview,
    /// Looking at what plans have brought.
    KpiFollowUp,
    /// Proving ledgers.
    LedgerVerification,
}

/// It is about an instant that has not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at} has not come; {because}")]
pub struct NotYet {
    at: DateTime<Utc>,
    because: &'static str,
}

/// When a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// This month, for monthly credits.
    Period(Period),
    /// This instant.
    Instant(DateTime<Utc>),
    /// Now.
    Now,
}

impl Scheduled {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::MonthlyCredits,
        Self::CreditExpiration,
        Self::ExpirationWarning,
        Self::TierReview,
        Self::WalletReconciliation,
        Self::GapSearch,
        Self::ChurnScan,
        Self::ExpirationRescue,
        Self::StrategicReview,
        Self::KpiFollowUp,
        Self::LedgerVerification,
    ];

    /// The kind of its run over all tenants.
    #[must_use]
    pub fn kind(self) -> JobKind {
        match self {
            Self::MonthlyCredits => MONTHLY_CREDITS,
            Self::CreditExpiration => CREDIT_EXPIRATION,
            Self::ExpirationWarning => EXPIRATION_WARNING,
            Self::TierReview => TIER_REVIEW,
            Self::WalletReconciliation => WALLET_RECONCILIATION,
            Self::GapSearch => GAP_SEARCH,
            Self::ChurnScan => CHURN_SCAN.kind,
            Self::ExpirationRescue => EXPIRATION_RESCUE.kind,
            Self::StrategicReview => STRATEGIC_REVIEW.kind,
            Self::KpiFollowUp => KPI_FOLLOW_UP,
            Self::LedgerVerification => LEDGER_VERIFICATION,
        }
    }

    /// What it does, in a sentence.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::MonthlyCredits => {
                "Issues the credits of a month to the members of active shops. A month is issued once: again, it shows \
                 the run that there is."
            }
            Self::CreditExpiration => {
                "Books what has ended. Time has decided it already: this only writes it down."
            }
            Self::ExpirationWarning => {
                "Mails members about what ends within seven days. Who was warned of a credit is not warned of it again."
            }
            Self::TierReview => {
                "Looks at tiers: notices before one is lowered, and what has come to its date. What was done for a date \
                 is not done again."
            }
            Self::WalletReconciliation => "Compares the ledger with what Shopify says of wallets.",
            Self::GapSearch => "Asks connected shops what has changed, and takes what they never told.",
            Self::ChurnScan => {
                "Has agents plan, for each active shop, what brings back members who are about to stay away. Each plan \
                 costs money at the model's provider, within the shop's budget."
            }
            Self::ExpirationRescue => {
                "Has agents plan, for each active shop, what has members use credit that is about to end. Each plan costs \
                 money at the model's provider, within the shop's budget."
            }
            Self::StrategicReview => {
                "Has agents review each active shop's programme and plan its next quarter. Each review costs money at the \
                 model's provider, within the shop's budget."
            }
            Self::KpiFollowUp => {
                "Looks at campaigns and plans whose time has come: what each has brought, against who was held out and \
                 what was planned. What was looked at once stands."
            }
            Self::LedgerVerification => {
                "Proves each shop's ledger, row by row. A shop whose rows do not add up becomes a dead letter."
            }
        }
    }

    /// Why it can't be about what is to come.
    fn because(self) -> &'static str {
        match self {
            Self::MonthlyCredits => "who gets them is not known before",
            Self::CreditExpiration => "credits that are live then can't expire now",
            Self::ExpirationWarning => "members are warned 7 days ahead and no earlier",
            Self::TierReview => "what is spent until then is not known",
            Self::WalletReconciliation => "wallets are compared as they are now",
            Self::GapSearch => "what will have changed is not known",
            Self::ChurnScan | Self::ExpirationRescue | Self::StrategicReview | Self::KpiFollowUp => {
                "what members do until then is not known"
            }
            Self::LedgerVerification => "ledgers are proved as they are now",
        }
    }

    /// The run of a fire: over all tenants, or of one.
    #[must_use]
    pub fn run(self, tenant: Option<TenantRef>, fire: Fire) -> NewRun {
        match (self, tenant) {
            (Self::MonthlyCredits, None) => monthly_credits(fire),
            (Self::MonthlyCredits, Some(tenant)) => monthly_credits_of_tenant(tenant, fire),
            (Self::CreditExpiration, None) => credit_expiration(fire),
            (Self::CreditExpiration, Some(tenant)) => credit_expiration_of_tenant(tenant, fire),
            (Self::ExpirationWarning, None) => expiration_warning(fire),
            (Self::ExpirationWarning, Some(tenant)) => expiration_warning_of_tenant(tenant, fire),
            (Self::TierReview, None) => tier_review(fire),
            (Self::TierReview, Some(tenant)) => tier_review_of_tenant(tenant, fire),
            (Self::WalletReconciliation, None) => wallet_reconciliation(fire),
            (Self::WalletReconciliation, Some(tenant)) => wallet_reconciliation_of_tenant(tenant, fire),
            (Self::GapSearch, None) => gap_search(fire),
            (Self::GapSearch, Some(tenant)) => gap_search_of_tenant(tenant, fire),
            (Self::ChurnScan, tenant) => CHURN_SCAN.run(tenant, fire),
            (Self::ExpirationRescue, tenant) => EXPIRATION_RESCUE.run(tenant, fire),
            (Self::StrategicReview, tenant) => STRATEGIC_REVIEW.run(tenant, fire),
            (Self::KpiFollowUp, None) => kpi_follow_up(fire),
            (Self::KpiFollowUp, Some(tenant)) => kpi_follow_up_of_tenant(tenant, fire),
            (Self::LedgerVerification, None) => ledger_verification(fire),
            (Self::LedgerVerification, Some(tenant)) => ledger_verification_of_tenant(tenant, fire),
        }
    }

    /// The run that a person asks for, over all shops or for one; of the same key as the schedule's.
    ///
    /// # Errors
    /// [`NotYet`].
    pub fn by_hand(
        self,
        tenant: Option<TenantRef>,
        when: When,
        now: DateTime<Utc>,
        by: &str,
    ) -> Result<NewRun, NotYet> {
        let due = match when {
            When::Period(period) => monthly_credits_due(period),
            When::Instant(at) => at,
            When::Now => now,
        };
        if due > now {
            return Err(NotYet { at: due, because: self.because() });
        }
        Ok(self.run(tenant, Fire::by_hand(due, now, by)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use tradeup_store::runs::Trigger;

    #[test]
    fn a_month_by_hand_has_the_schedules_key_and_what_is_to_come_is_refused() {
        let now: DateTime<Utc> = "2026-11-28T10:00:00Z".parse().unwrap();
        let period: Period = "2026-11".parse().unwrap();
        let run = Scheduled::MonthlyCredits.by_hand(None, When::Period(period), now, "ann").unwrap();
        assert_eq!((run.task.as_str(), run.key.as_str()), ("monthly-credits", "2026-11"));
        assert_eq!(run.trigger, Trigger::Manual("ann".to_owned()));
        let next: Period = "2026-12".parse().unwrap();
        let refused = Scheduled::MonthlyCredits.by_hand(None, When::Period(next), now, "ann").unwrap_err();
        assert!(refused.to_string().contains("not known before"), "{refused}");
        for task in Scheduled::ALL {
            let at = When::Instant(now + TimeDelta::seconds(1));
            assert!(task.by_hand(None, at, now, "ann").is_err(), "{}", task.kind().task);
            assert_eq!(task.by_hand(None, When::Now, now, "ann").unwrap().task, task.kind().task);
        }
    }
}
