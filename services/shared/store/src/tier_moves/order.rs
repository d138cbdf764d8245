//! What an order does to its member's tier.

use chrono::{DateTime, Utc};
use tradeup_domain::tier_rules::{Held, Place, Source, Span, lowered, raised, under_raised};
use uuid::Uuid;

use super::{Change, Counted, Standing, Why, change, local_day, lock, spent, standings};
use crate::credits::Asked;
use crate::error::{Doing, ErrorKind, StoreError};
use crate::schedules;
use crate::tiers::{TierRules, rules_as_of};
use crate::{Connection, TenantId};

/// A tier that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The tier before.
    pub from_tier: Option<i32>,
    /// The tier from now on.
    pub tier: Option<i32>,
    /// What was spent within the window, in minor units.
    pub spend_minor: i64,
    /// What the rule asks for that decided, in minor units.
    pub threshold_minor: i64,
    /// Raised; otherwise a raise was undone.
    pub raised: bool,
}

/// Looks at the tier of an order's member once the order is settled: raises it at once to what is reached,
/// or undoes what is no longer reached, if the tenant has chosen that. Says what has changed.
///
/// # Errors
/// As any statement.
pub async fn after_order(
    db: &mut Connection,
    asked: &Asked<'_>,
    external_id: &str,
) -> Result<Option<Moved>, StoreError> {
    let tenant = asked.tenant;
    // Most shops have no tiers by spend: for them this is all.
    let member = sqlx::query_scalar!(
        r#"select o.member_id as "member_id!" from orders o
           where o.tenant_id = $1 and o.external_id = $2 and o.member_id is not null
               and exists (select from tier_thresholds th where th.tenant_id = $1 and th.valid_to is null)"#,
        tenant as TenantId,
        external_id,
    )
    .fetch_optional(&mut *db)
    .await
    .doing("reading whose order it is")?;
    let Some(member) = member else { return Ok(None) };
    // Under the lock, and all of it read after it: two orders of one member are looked at one after the other.
    lock(db, tenant, &[member]).await?;
    let now = schedules::now(db).await?;
    let rules = rules_as_of(db, tenant, now).await?;
    let standing = standings(db, tenant, &[member], now).await?.pop();
    let standing =
        standing.ok_or_else(|| StoreError::of_kind(ErrorKind::Corrupt, "reading where a member stands"))?;
    if standing.left_alone {
        return Ok(None);
    }
    let zone = rules.zone;
    let span = rules.window.current(local_day(now, zone), zone, standing.joined_on(zone));
    let case = Case { tenant, standing: &standing, rules: &rules, now, span, order: external_id };
    let spend_minor = case.spent(db, &[span]).await?.first().copied().unwrap_or(0);
    let decided = match case.raise(spend_minor) {
        Some(up) => Some(up),
        None => case.undo(db, spend_minor).await?,
    };
    let Some(decided) = decided else { return Ok(None) };
    change(db, tenant, rules.currency.code(), asked.run_id, std::slice::from_ref(&decided)).await?;
    Ok(Some(Moved {
        from_tier: decided.from.map(|place| place.tier_id),
        tier: decided.to.map(|place| place.tier_id),
        spend_minor,
        threshold_minor: decided.counted.rule.threshold.threshold_minor,
        raised: matches!(decided.why, Why::Raised(_)),
    }))
}

/// A member whose order was settled.
struct Case<'a> {
    tenant: TenantId,
    standing: &'a Standing,
    rules: &'a TierRules,
    now: DateTime<Utc>,
    /// What counts now.
    span: Span,
    order: &'a str,
}

impl<'a> Case<'a> {
    async fn spent(&self, db: &mut Connection, spans: &[Span]) -> Result<Vec<i64>, StoreError> {
        let member = self.standing.member_id;
        let asked: Vec<(Uuid, Span)> = spans.iter().map(|span| (member, *span)).collect();
        spent(db, self.tenant, self.rules.currency.code(), None, &asked).await
    }

    fn change(
        &self,
        to: Option<Place>,
        under: Option<Place>,
        why: Why,
        rule_tier: i32,
        spend_minor: i64,
    ) -> Option<Change<'a>> {
        let rule = self.rules.rule_of(rule_tier)?;
        Some(Change {
            member_id: self.standing.member_id,
            at: self.standing.changes_at(self.now),
            from: self.standing.held.map(|held| held.place),
            to,
            under,
            until: self.standing.until(to),
            why,
            counted: Counted {
                window: self.rules.window,
                span: self.span,
                spend_minor,
                rule,
                as_of: self.now,
            },
        })
    }

    fn raise(&self, spend_minor: i64) -> Option<Change<'a>> {
        let held = self.standing.held.as_ref();
        let up = raised(held, &self.rules.thresholds, spend_minor)?;
        let under = under_raised(held, self.rules.terms);
        let why = Why::Raised(Some(self.order.to_owned()));
        self.change(Some(up.into()), under, why, up.tier_id, spend_minor)
    }

    /// Undoes raises that would not have happened by what is known today.
    async fn undo(&self, db: &mut Connection, spend_minor: i64) -> Result<Option<Change<'a>>, StoreError> {
        let Some(held) = self.standing.held.filter(|held| self.may_be_undone(held)) else { return Ok(None) };
        let rows = sqlx::query_file!(
            "src/tier_moves/raises.sql",
            self.tenant as TenantId,
            self.standing.member_id,
            self.span.from,
        )
        .fetch_all(&mut *db)
        .await
        .doing("reading what raised a member")?;
        // What counted then, by what is known today.
        let spans: Vec<Span> =
            rows.iter().map(|row| Span { from: row.window_from, until: Some(row.valid_from) }).collect();
        let then = self.spent(db, &spans).await?;
        let undone = rows
            .iter()
            .zip(then)
            .take_while(|(row, then)| row.raised && row.threshold_minor.is_some_and(|asked| *then < asked))
            .count();
        if undone == 0 {
            return Ok(None);
        }
        // What was held before the first raise that falls.
        let before =
            rows.get(undone).map(|row| Place { tier_id: row.tier_id, rank: row.rank, source: Source::Spend });
        let floors = self.standing.floors(before);
        let Some(down) = lowered(&held, &self.rules.thresholds, spend_minor, self.rules.terms, &floors)
        else {
            return Ok(None);
        };
        let why = Why::Undone(self.order.to_owned());
        Ok(self.change(down.to, down.under, why, held.place.tier_id, spend_minor))
    }

    fn may_be_undone(&self, held: &Held) -> bool {
        self.rules.terms.undoes && held.place.source == Source::Spend
    }
}
