//! A member's tiers, past and to come, with what decided them.

use chrono::{DateTime, NaiveDate, Utc};
use tradeup_domain::tier_rules::{Threshold, Window, lowered_by, next_above, next_yearly};
use uuid::Uuid;

use super::{local_day, spent, standings};
use crate::error::{Doing, StoreError};
use crate::tiers::rules_as_of;
use crate::{Connection, RunId, TenantId};

/// A time in a tier.
#[derive(Clone, Debug)]
pub struct TierLine {
    /// The tier; `None` for a time in none that a rule has decided.
    pub tier: Option<String>,
    /// `active`, `paused` or `cancelled`.
    pub status: Option<String>,
    /// `import`, `manual`, `spend` or `purchase`.
    pub source: Option<String>,
    /// No rule changes it.
    pub pinned: bool,
    /// What is left when what was reached or bought no longer holds.
    pub under: Option<String>,
    /// From when.
    pub valid_from: DateTime<Utc>,
    /// Until when.
    pub valid_to: Option<DateTime<Utc>>,
    /// When it ends by itself, if it was bought.
    pub until_at: Option<DateTime<Utc>>,
    /// `raised`, `lowered` or `undone`, if a rule has decided it.
    pub kind: Option<String>,
    /// What was spent then, in minor units.
    pub spend_minor: Option<i64>,
    /// What was asked for then, in minor units.
    pub threshold_minor: Option<i64>,
    /// Currency of both.
    pub currency: Option<String>,
    /// Which spend counted.
    pub time_window: Option<String>,
    /// The order by which it happened.
    pub order: Option<String>,
    /// The yearly date on which it happened.
    pub review_on: Option<NaiveDate>,
    /// The run that did it.
    pub run_id: Option<RunId>,
}

/// A member's tiers, oldest first.
///
/// # Errors
/// As any statement.
pub async fn history(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
) -> Result<Vec<TierLine>, StoreError> {
    sqlx::query_file_as!(TierLine, "src/tier_moves/history.sql", tenant as TenantId, member)
        .fetch_all(db)
        .await
        .doing("reading a member's tiers")
}

/// A notice that a tier will be lowered.
#[derive(Clone, Debug)]
pub struct NoticeLine {
    /// The customer id.
    pub external_id: String,
    /// The yearly date.
    pub review_on: NaiveDate,
    /// The tier that is lost.
    pub from_tier: String,
    /// What would be left; `None`: none.
    pub tier: Option<String>,
    /// What counted when it was given, in minor units.
    pub spend_minor: i64,
    /// What it takes to keep the tier, in minor units.
    pub threshold_minor: i64,
    /// Currency of both.
    pub currency: String,
    /// When it was given.
    pub given_at: DateTime<Utc>,
    /// What came of it: `lowered`, `kept`, `late`, `overtaken`; `None` before its date.
    pub outcome: Option<String>,
}

/// The tenant's notices by date, or one member's; with `open`, those whose date has not come.
///
/// # Errors
/// As any statement.
pub async fn notices(
    db: &mut Connection,
    tenant: TenantId,
    member: Option<Uuid>,
    open: bool,
    limit: i64,
) -> Result<Vec<NoticeLine>, StoreError> {
    sqlx::query_as!(
        NoticeLine,
        r#"select m.external_id, n.review_on, lost.handle as from_tier, next.handle as "tier?", n.spend_minor,
               n.threshold_minor, n.currency, n.given_at, n.outcome
           from tier_notices n
           join members m on m.tenant_id = n.tenant_id and m.id = n.member_id
           join tiers lost on lost.tenant_id = n.tenant_id and lost.id = n.from_tier_id
           left join tiers next on next.tenant_id = n.tenant_id and next.id = n.tier_id
           where n.tenant_id = $1 and ($2::uuid is null or n.member_id = $2) and (not $3 or n.outcome is null)
           order by n.review_on, n.member_id
           limit $4"#,
        tenant as TenantId,
        member,
        open,
        limit,
    )
    .fetch_all(db)
    .await
    .doing("listing notices")
}

/// What a member has spent, what is missing, and what is to come.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// Which spend counts.
    pub window: Window,
    /// Since when; `None`: ever.
    pub counts_from: Option<DateTime<Utc>>,
    /// What was spent since, in minor units.
    pub spend_minor: i64,
    /// The next tier above.
    pub next: Option<Threshold>,
    /// The next yearly date on which the tier may be lowered; `None` if no rule may.
    pub review_on: Option<NaiveDate>,
    /// Currency of amounts.
    pub currency: String,
}

/// How it looks for a member at `now`.
///
/// # Errors
/// As any statement.
pub async fn outlook(
    db: &mut Connection,
    tenant: TenantId,
    member: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Outlook>, StoreError> {
    let rules = rules_as_of(db, tenant, now).await?;
    if rules.thresholds.is_empty() {
        return Ok(None);
    }
    let Some(standing) = standings(db, tenant, &[member], now).await?.pop() else { return Ok(None) };
    let (zone, currency) = (rules.zone, rules.currency.code());
    let (today, joined) = (local_day(now, zone), standing.joined_on(zone));
    let span = rules.window.current(today, zone, joined);
    let spends = spent(db, tenant, currency, None, &[(member, span)]).await?;
    let held = standing.held.filter(|held| held.active);
    let ruled = held.filter(|held| lowered_by(held, &rules.thresholds, rules.terms).is_some());
    Ok(Some(Outlook {
        window: rules.window,
        counts_from: span.from,
        spend_minor: spends.first().copied().unwrap_or(0),
        next: next_above(&rules.thresholds, held.map(|held| held.place.rank)),
        review_on: joined.filter(|_| ruled.is_some()).map(|joined| next_yearly(joined, today)),
        currency: currency.to_owned(),
    }))
}
