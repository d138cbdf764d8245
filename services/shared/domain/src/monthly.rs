//! Monthly credits: who is promised what for a period (loyalty reference §1.5).

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::zone::with_grace;
use crate::{Money, Period, Validity};

/// A late run still gives at least this many days, since Shopify refuses an expiry in the past.
pub const LEAST_VALID_DAYS: u64 = 30;

/// The key that makes the monthly run of a period unique, for the root and for each tenant.
#[must_use]
pub fn run_key(period: Period) -> String {
    period.to_string()
}

/// A tier that members of the tenant hold at the as-of instant, with its monthly amount in the
/// tenant's currency at that instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierInForce {
    /// The tier's handle.
    pub tier: String,
    /// How many active members hold it.
    pub members: i64,
    /// Its amount; `None` if no amount is recorded in the tenant's currency.
    pub amount: Option<Money>,
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
/// [`PlanError::NoAmount`] when a tier that members hold has no amount in the tenant's currency.
pub fn decide_terms(
    period: Period,
    issued_at: DateTime<Utc>,
    currency: &str,
    zone: Tz,
    validity: Validity,
    grace_days: u16,
    tiers: &[TierInForce],
) -> Result<GrantTerms, PlanError> {
    let without: Vec<&TierInForce> = tiers.iter().filter(|t| t.members > 0 && t.amount.is_none()).collect();
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

    fn tier(name: &str, members: i64, amount_minor: Option<i64>) -> TierInForce {
        let currency = "USD".parse().unwrap();
        let amount = amount_minor.map(|amount_minor| Money { amount_minor, currency });
        TierInForce { tier: name.to_owned(), members, amount }
    }

    fn decide(tiers: &[TierInForce]) -> Result<GrantTerms, PlanError> {
        let issued_at = "2026-12-01T06:00:00Z".parse().unwrap();
        decide_terms("2026-12".parse().unwrap(), issued_at, "USD", Tz::UTC, Validity::Months(3), 2, tiers)
    }

    #[test]
    fn a_tier_with_members_but_no_amount_stops_the_tenant_and_is_named() {
        let error = decide(&[tier("gold", 3, Some(1000)), tier("silver", 7, None), tier("bronze", 0, None)])
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains("silver") && text.contains('7') && !text.contains("bronze"), "{text}");
    }

    #[test]
    fn zero_is_an_amount_and_unused_tiers_need_none() {
        let terms = decide(&[tier("gold", 3, Some(0)), tier("bronze", 0, None)]).unwrap();
        assert_eq!(terms.expires_at, Some("2027-03-02T00:00:00Z".parse().unwrap()));
        assert_eq!(terms.ends_at, Some("2027-03-04T00:00:00Z".parse().unwrap()));
    }
}
