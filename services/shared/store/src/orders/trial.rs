//! What a cashback rule would have done with orders that there are: nothing of it is kept.

use chrono::{DateTime, Utc};
use tradeup_domain::cashback::Earning;
use tradeup_domain::rules::{CashbackRule, EnrolmentRule};

use super::rate::{Kept, payments_of, refunds_of};
use crate::error::{Doing, ErrorKind, StoreError};
use crate::tenants::Settings;
use crate::{Connection, TenantId, rules};

/// An order with what it has earned, and what it would have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialOrder {
    /// The order.
    pub external_id: String,
    /// When it was paid.
    pub paid_at: DateTime<Utc>,
    /// The tier of its member then.
    pub tier: Option<String>,
    /// What is posted for it, in minor units.
    pub posted_minor: i64,
    /// What the rule gives for it, in minor units; `None` while it is not known how much of it was paid with credit.
    pub trial_minor: Option<i64>,
}

/// The next orders of members that were paid within a time, each as `rule` would have settled it by all that is known
/// today: at the member's tier when it was paid, less what was refunded since. Of a time before rules there is nothing
/// to look at.
///
/// # Errors
/// As any statement.
pub async fn try_cashback(
    db: &mut Connection,
    tenant: TenantId,
    settings: &Settings,
    rule: &CashbackRule,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    after: Option<(DateTime<Utc>, &str)>,
    limit: i64,
) -> Result<Vec<TrialOrder>, StoreError> {
    let rows = sqlx::query_file!(
        "src/orders/trial.sql",
        tenant as TenantId,
        from,
        until,
        after.map(|after| after.0),
        after.map(|after| after.1),
        settings.currency.code(),
        limit,
    )
    .fetch_all(&mut *db)
    .await
    .doing("reading orders for a trial")?;
    let ids: Vec<String> = rows.iter().map(|row| row.external_id.clone()).collect();
    let mut refunds = refunds_of(db, tenant, &ids).await?;
    let mut payments = payments_of(db, tenant, &ids).await?;
    let enrolment = rules::enrolment_versions(db, tenant).await?;
    let none = EnrolmentRule::default();
    let corrupt = || StoreError::of_kind(ErrorKind::Corrupt, "reading orders for a trial");
    let mut orders = Vec::with_capacity(rows.len());
    for row in rows {
        let kept = Kept {
            content: serde_json::from_value(row.facts).map_err(|_unreadable| corrupt())?,
            currency: settings.currency,
            created_at: row.created_at,
            refunds: refunds.remove(&row.external_id).unwrap_or_default(),
            payments: payments.remove(&row.external_id).unwrap_or_default(),
        };
        let sold = enrolment.iter().find(|(from, _)| *from <= row.paid_at).map_or(&none, |(_, rule)| rule);
        let (base_minor, refunded) = kept.reckon(rule, sold, settings.currency);
        let earning = Earning {
            base_minor,
            refunded_minor: refunded.iter().fold(0, |sum, (_, minor)| sum.saturating_add(*minor)),
            rate_bps: rule.rate_bps(row.tier.as_deref(), row.tier_rate_bps),
            void: row.void,
        };
        orders.push(TrialOrder {
            external_id: row.external_id,
            paid_at: row.paid_at,
            tier: row.tier,
            posted_minor: row.posted_minor,
            trial_minor: (!kept.awaits_payments(rule)).then(|| earning.target_minor()),
        });
    }
    Ok(orders)
}
