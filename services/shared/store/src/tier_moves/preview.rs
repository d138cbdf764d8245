//! Who would move up or down, and why.

use chrono::{DateTime, NaiveDate, Utc};
use tradeup_domain::tier_rules::{
    Place, Source, Span, lowered, lowered_by, next_yearly, notice_in_time, raised,
};
use uuid::Uuid;

use super::{local_day, spent, standings};
use crate::error::{Doing, StoreError};
use crate::tiers::rules_as_of;
use crate::{Connection, TenantId, schedules};

/// Members looked at in one statement.
const AT_ONCE: i64 = 2000;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewKind {
    /// Up, at once: a review or the next order does it.
    Up,
    /// Down on the yearly date, unless enough is spent before.
    Down,
    /// Below what the tier asks for, but the yearly date is so near that there is no time for notice: kept for
    /// another year.
    Kept,
}

/// A member who would move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewMove {
    /// The customer id.
    pub external_id: String,
    /// Which way.
    pub kind: PreviewKind,
    /// The tier now.
    pub from_tier: Option<i32>,
    /// The tier then.
    pub tier: Option<i32>,
    /// What was spent within the window, in minor units.
    pub spend_minor: i64,
    /// What the tier asks for that is reached, or lost.
    pub threshold_minor: i64,
    /// Since when spend counts; `None`: ever.
    pub counts_from: Option<DateTime<Utc>>,
    /// The yearly date.
    pub review_on: Option<NaiveDate>,
    /// When notice was given for it.
    pub noticed_at: Option<DateTime<Utc>>,
}

/// Everybody of a tenant who would move, by what is known of spend and rules as of `as_of` and of memberships
/// now, by member.
///
/// # Errors
/// As any statement.
pub async fn preview(
    db: &mut Connection,
    tenant: TenantId,
    as_of: DateTime<Utc>,
) -> Result<Vec<PreviewMove>, StoreError> {
    let now = schedules::now(db).await?;
    let rules = rules_as_of(db, tenant, as_of).await?;
    let mut moves = Vec::new();
    if rules.thresholds.is_empty() {
        return Ok(moves);
    }
    let (zone, currency) = (rules.zone, rules.currency.code());
    let today = local_day(as_of, zone);
    let mut after = Uuid::nil();
    loop {
        let members = sqlx::query_scalar!(
            "select id from members where tenant_id = $1 and id > $2 order by id limit $3",
            tenant as TenantId,
            after,
            AT_ONCE,
        )
        .fetch_all(&mut *db)
        .await
        .doing("listing members")?;
        let Some(last) = members.last() else { return Ok(moves) };
        after = *last;
        let standings = standings(db, tenant, &members, now).await?;
        let dates = open_notices(db, tenant, &members).await?;
        let mut asked: Vec<(Uuid, Span)> = Vec::new();
        let mut cases = Vec::new();
        for standing in standings.iter().filter(|standing| !standing.left_alone) {
            let joined = standing.joined_on(zone);
            asked.push((standing.member_id, rules.window.current(today, zone, joined)));
            let notice = dates.iter().find(|date| date.0 == standing.member_id);
            let ruled =
                standing.held.filter(|held| lowered_by(held, &rules.thresholds, rules.terms).is_some());
            let review_on = joined
                .filter(|_| ruled.is_some())
                .map(|joined| notice.map_or_else(|| next_yearly(joined, today), |notice| notice.1));
            let spans = match (review_on, joined) {
                (Some(on), Some(joined)) => rules.window.reviewed(on, zone, joined),
                _ => Vec::new(),
            };
            cases.push((standing, review_on, notice, spans.len()));
            asked.extend(spans.into_iter().map(|span| (standing.member_id, span)));
        }
        let spends = spent(db, tenant, currency, Some(as_of), &asked).await?;
        let mut counted = asked.iter().map(|(_, span)| span.from).zip(spends);
        for (standing, review_on, notice, spans) in cases {
            let now_counted = counted.next();
            let on_date = counted.by_ref().take(spans).max_by_key(|(_, spend)| *spend);
            let held = standing.held.as_ref();
            let up = now_counted
                .and_then(|(from, spend)| Some((from, spend, raised(held, &rules.thresholds, spend)?)));
            if let Some((counts_from, spend_minor, up)) = up {
                moves.push(PreviewMove {
                    external_id: standing.external_id.clone(),
                    kind: PreviewKind::Up,
                    from_tier: held.map(|held| held.place.tier_id),
                    tier: Some(up.tier_id),
                    spend_minor,
                    threshold_minor: up.threshold_minor,
                    counts_from,
                    review_on: None,
                    noticed_at: None,
                });
                continue;
            }
            let Some(((held, review_on), (counts_from, spend_minor))) = held.zip(review_on).zip(on_date)
            else {
                continue;
            };
            let told = notice.and_then(|notice| notice.3);
            let down = lowered(held, &rules.thresholds, spend_minor, rules.terms, &standing.floors(told));
            let rule = lowered_by(held, &rules.thresholds, rules.terms);
            let Some((down, rule)) = down.zip(rule) else { continue };
            let in_time = notice.map_or(today, |notice| local_day(notice.2, zone));
            let kind = if notice_in_time(in_time, review_on) { PreviewKind::Down } else { PreviewKind::Kept };
            moves.push(PreviewMove {
                external_id: standing.external_id.clone(),
                kind,
                from_tier: Some(held.place.tier_id),
                tier: down.to.map(|place| place.tier_id),
                spend_minor,
                threshold_minor: rule.threshold_minor,
                counts_from,
                review_on: Some(review_on),
                noticed_at: notice.map(|notice| notice.2),
            });
        }
    }
}

/// The member, the date, when it was given, and what its member was told.
type OpenNotice = (Uuid, NaiveDate, DateTime<Utc>, Option<Place>);

async fn open_notices(
    db: &mut Connection,
    tenant: TenantId,
    members: &[Uuid],
) -> Result<Vec<OpenNotice>, StoreError> {
    let rows = sqlx::query!(
        r#"select distinct on (n.member_id) n.member_id, n.review_on, n.given_at, n.tier_id, tiers.rank as "rank?"
           from tier_notices n
           left join tiers on tiers.tenant_id = n.tenant_id and tiers.id = n.tier_id
           where n.tenant_id = $1 and n.member_id = any($2) and n.outcome is null
           order by n.member_id, n.review_on desc"#,
        tenant as TenantId,
        members,
    )
    .fetch_all(db)
    .await
    .doing("reading notices")?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let told = row.tier_id.zip(row.rank).map(|(tier_id, rank)| Place {
                tier_id,
                rank,
                source: Source::Spend,
            });
            (row.member_id, row.review_on, row.given_at, told)
        })
        .collect())
}
