//! Monthly credits: who is promised what for a period (loyalty reference §1.5).

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::zone::with_grace;
use crate::{Period, Validity};

/// A late run still gives at least this many days, since Shopify refuses an expiry in the past.
pub const LEAST_VALID_DAYS: u64 = 30;

/// The key that makes the monthly run of a period unique, for the root and for each tenant.
#[must_use]
pub fn run_key(period: Period) -> String {
    period.to_string()
}

/// A tier that active members of the tenant hold at the as-of instant, and that has no monthly amount in the tenant's
/// currency at that instant. Zero is an amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierWithoutAmount {
    /// The tier's handle.
    pub tier: String,
    /// How many active members hold it.
    pub members: i64,
}

/// Why a tenant's monthly run can't be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Members hold tiers that have no amount in the tenant's currency: nobody can say what they
    /// are owed, and paying only the others would hide that.
    #[error(
        "no monthly amount in {currency} for tier {tiers}, held by {members} active members; \
         set one with `tradeup tenant tier`, then trigger the period again with --retry"
    )]
    NoAmount {
        /// The tenant's currency.
        currency: String,
        /// The tiers, comma-separated.
        tiers: String,
        /// Active members in these tiers.
        members: i64,
    },
}

/// What each grant of a tenant's monthly run has in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantTerms {
    /// The end that members are told; `None` for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the credit stops being spendable, with the days of grace; `None` for never.
    pub ends_at: Option<DateTime<Utc>>,
}

/// Decides the terms of a tenant's monthly run, or why it can't be planned.
///
/// `issued_at` is when the run was triggered; it travels in the message, so a retry decides the
/// same.
///
/// # Errors
/// [`PlanError::NoAmount`] when there is a tier without an amount.
pub fn decide_terms(
    period: Period,
    issued_at: DateTime<Utc>,
    currency: &str,
    zone: Tz,
    validity: Validity,
    grace_days: u16,
    without: &[TierWithoutAmount],
) -> Result<GrantTerms, PlanError> {
    if !without.is_empty() {
        return Err(PlanError::NoAmount {
            currency: currency.to_owned(),
            tiers: without.iter().map(|t| t.tier.as_str()).collect::<Vec<_>>().join(", "),
            members: without.iter().map(|t| t.members).sum(),
        });
    }
    let expires_at = validity.expires_at(period.first_day(), zone, issued_at, LEAST_VALID_DAYS);
    Ok(GrantTerms { expires_at, ends_at: expires_at.map(|at| with_grace(zone, at, grace_days)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(without: &[TierWithoutAmount]) -> Result<GrantTerms, PlanError> {
        let issued_at = "2026-12-01T06:00:00Z".parse().unwrap();
        decide_terms("2026-12".parse().unwrap(), issued_at, "USD", Tz::UTC, Validity::Months(3), 2, without)
    }

    #[test]
    fn tiers_without_an_amount_stop_the_tenant_and_are_named() {
        let tier = |tier: &str, members| TierWithoutAmount { tier: tier.to_owned(), members };
        let error = decide(&[tier("silver", 7), tier("gold", 3)]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("silver, gold") && text.contains("10 active members"), "{text}");
    }

    #[test]
    fn credit_ends_after_its_validity_and_the_days_of_grace() {
        let terms = decide(&[]).unwrap();
        assert_eq!(terms.expires_at, Some("2027-03-02T00:00:00Z".parse().unwrap()));
        assert_eq!(terms.ends_at, Some("2027-03-04T00:00:00Z".parse().unwrap()));
    }
}
