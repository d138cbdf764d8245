//! The review: notices before the yearly date, what the date lowers, and raises that no order brings.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use tradeup_domain::tier_rules::{
    Held, Place, Source, Span, lowered, lowered_by, notice_for, notice_in_time, raised, under_raised,
};
use tradeup_domain::zone::start_of_day;
use uuid::Uuid;

use super::bought::place_all_bought;
use super::{Change, Counted, Standing, Why, change, local_day, lock, spent, standings};
use crate::batches::BatchCounts;
use crate::credits::{MemberBatch, Scope};
use crate::error::{Doing, StoreError};
use crate::runs::BatchRange;
use crate::tiers::{TierRules, rules_as_of};
use crate::{Connection, RunId, TenantId, schedules};

/// What a batch of a review is about.
#[derive(Clone, Copy, Debug)]
pub struct TierReviewBatch {
    /// The tenant.
    pub tenant: TenantId,
    /// The run that executes the batch.
    pub run_id: RunId,
    /// The instant of the review: spend and rules as of then.
    pub as_of: DateTime<Utc>,
    /// Since when what could raise somebody is looked at: [`raises_since`](super::raises_since).
    pub since: Option<DateTime<Utc>>,
    /// Which members.
    pub range: BatchRange,
}

impl MemberBatch for TierReviewBatch {
    fn scope(&self) -> Scope {
        Scope { tenant: self.tenant, run_id: self.run_id, range: self.range }
    }

    /// Raises, gives notice, and lowers whose date has come. What was done for a date is not done again.
    async fn apply(&self, db: &mut Connection, range: BatchRange) -> Result<BatchCounts, StoreError> {
        let due = self.due(db, range).await?;
        let rules = rules_as_of(db, self.tenant, self.as_of).await?;
        lock(db, self.tenant, &due).await?;
        let now = schedules::now(db).await?;
        // First what was bought and has begun or ended; then the rules look at what is held.
        let before = standings(db, self.tenant, &due, now).await?;
        let bought = place_all_bought(db, self.tenant, &before, now).await?;
        let standings = if bought == 0 { before } else { standings(db, self.tenant, &due, now).await? };
        let notices = self.notices(db, &due).await?;
        let review = Review { rules: &rules, as_of: self.as_of, now };

        let cases: Vec<Case<'_>> = standings
            .iter()
            .map(|standing| {
                review.case(standing, notices.get(&standing.member_id).map_or(&[], Vec::as_slice))
            })
            .collect();
        let asked: Vec<(Uuid, Span)> = cases
            .iter()
            .flat_map(|case| case.spans.iter().map(|span| (case.standing.member_id, *span)))
            .collect();
        let currency = rules.currency.code();
        let mut spends = spent(db, self.tenant, currency, Some(self.as_of), &asked).await?.into_iter();

        let mut outcome = Outcome::default();
        for case in &cases {
            let spent: Vec<i64> = spends.by_ref().take(case.spans.len()).collect();
            review.decide(case, &spent, &mut outcome);
        }
        change(db, self.tenant, currency, Some(self.run_id), &outcome.changes).await?;
        self.give(db, &rules, &outcome.given).await?;
        self.settle(db, &outcome.settled).await?;

        let count = |n| i32::try_from(n).unwrap_or(i32::MAX);
        // What was bought is no decision of a rule.
        let affected = count(outcome.changes.len() + outcome.given.len());
        let members = range.members.max(count(due.len()));
        Ok(BatchCounts {
            members,
            affected,
            already_done: members - count(due.len()),
            exempt: count(due.len()) - affected,
            ..BatchCounts::default()
        })
    }

    async fn members(&self, db: &mut Connection) -> Result<Vec<Uuid>, StoreError> {
        self.due(db, self.range).await
    }
}

/// A notice whose date has come.
#[derive(Clone, Debug)]
struct Notice {
    review_on: NaiveDate,
    from_tier_id: i32,
    /// What its member was told to be left with.
    told: Option<Place>,
    given_at: DateTime<Utc>,
}

impl TierReviewBatch {
    async fn due(&self, db: &mut Connection, range: BatchRange) -> Result<Vec<Uuid>, StoreError> {
        sqlx::query_scalar!(
            r#"select member_id as "member_id!" from tier_review_due($1, $2, $3)
               where member_id between $4 and $5 order by member_id"#,
            self.tenant as TenantId,
            self.as_of,
            self.since,
            range.first,
            range.last,
        )
        .fetch_all(db)
        .await
        .doing("listing whom a review looks at")
    }

    /// The notices that have come to their date, of each member the latest first.
    async fn notices(
        &self,
        db: &mut Connection,
        members: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<Notice>>, StoreError> {
        let rows = sqlx::query!(
            r#"select n.member_id, n.review_on, n.from_tier_id, n.tier_id, tiers.rank as "rank?", n.given_at
               from tier_notices n
               left join tiers on tiers.tenant_id = n.tenant_id and tiers.id = n.tier_id
               where n.tenant_id = $1 and n.member_id = any($2) and n.outcome is null and n.review_at <= $3
               order by n.member_id, n.review_on desc"#,
            self.tenant as TenantId,
            members,
            self.as_of,
        )
        .fetch_all(db)
        .await
        .doing("reading notices")?;
        let mut notices: HashMap<Uuid, Vec<Notice>> = HashMap::new();
        for row in rows {
            let told = row.tier_id.zip(row.rank).map(|(tier_id, rank)| Place {
                tier_id,
                rank,
                source: Source::Spend,
            });
            notices.entry(row.member_id).or_default().push(Notice {
                review_on: row.review_on,
                from_tier_id: row.from_tier_id,
                told,
                given_at: row.given_at,
            });
        }
        Ok(notices)
    }

    async fn give(&self, db: &mut Connection, rules: &TierRules, given: &[Given]) -> Result<(), StoreError> {
        if given.is_empty() {
            return Ok(());
        }
        let review_at: Vec<DateTime<Utc>> =
            given.iter().map(|g| start_of_day(rules.zone, g.review_on)).collect();
        sqlx::query!(
            "insert into tier_notices (tenant_id, member_id, review_on, review_at, from_tier_id, tier_id, currency,
                 spend_minor, threshold_minor, as_of, run_id)
             select $1, g.member_id, g.review_on, g.review_at, g.from_tier_id, g.tier_id, $2, g.spend_minor,
                 g.threshold_minor, $3, $4
             from unnest($5::uuid[], $6::date[], $7::timestamptz[], $8::integer[], $9::integer[], $10::bigint[],
                 $11::bigint[])
                 as g (member_id, review_on, review_at, from_tier_id, tier_id, spend_minor, threshold_minor)
             on conflict (tenant_id, member_id, review_on) do nothing",
            self.tenant as TenantId,
            rules.currency.code(),
            self.as_of,
            self.run_id as RunId,
            &given.iter().map(|g| g.member_id).collect::<Vec<_>>(),
            &given.iter().map(|g| g.review_on).collect::<Vec<_>>(),
            &review_at,
            &given.iter().map(|g| g.from_tier_id).collect::<Vec<_>>(),
            &given.iter().map(|g| g.tier_id).collect::<Vec<_>>() as &[Option<i32>],
            &given.iter().map(|g| g.spend_minor).collect::<Vec<_>>(),
            &given.iter().map(|g| g.threshold_minor).collect::<Vec<_>>(),
        )
        .execute(db)
        .await
        .doing("giving notice")
        .map(drop)
    }

    async fn settle(
        &self,
        db: &mut Connection,
        settled: &[(Uuid, NaiveDate, &'static str)],
    ) -> Result<(), StoreError> {
        if settled.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "update tier_notices n set outcome = s.outcome, settled_at = clock_timestamp()
             from unnest($2::uuid[], $3::date[], $4::text[]) as s (member_id, review_on, outcome)
             where n.tenant_id = $1 and n.member_id = s.member_id and n.review_on = s.review_on
                 and n.outcome is null",
            self.tenant as TenantId,
            &settled.iter().map(|s| s.0).collect::<Vec<_>>(),
            &settled.iter().map(|s| s.1).collect::<Vec<_>>(),
            &settled.iter().map(|s| s.2.to_owned()).collect::<Vec<_>>(),
        )
        .execute(db)
        .await
        .doing("settling notices")
        .map(drop)
    }
}

/// A notice to be given.
struct Given {
    member_id: Uuid,
    review_on: NaiveDate,
    from_tier_id: i32,
    tier_id: Option<i32>,
    spend_minor: i64,
    threshold_minor: i64,
}

/// What a review does.
#[derive(Default)]
struct Outcome<'a> {
    changes: Vec<Change<'a>>,
    given: Vec<Given>,
    settled: Vec<(Uuid, NaiveDate, &'static str)>,
}

/// What of a member is looked at.
struct Case<'a> {
    standing: &'a Standing,
    notices: &'a [Notice],
    /// The yearly date for which notice may be given now.
    ahead: Option<NaiveDate>,
    /// What counts: for being raised first, then for the date.
    spans: Vec<Span>,
}

/// A review's instant and rules.
struct Review<'r> {
    rules: &'r TierRules,
    as_of: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl<'r> Review<'r> {
    fn case<'a>(&self, standing: &'a Standing, notices: &'a [Notice]) -> Case<'a> {
        let mut case = Case { standing, notices, ahead: None, spans: Vec::new() };
        if standing.left_alone {
            return case;
        }
        let (zone, window) = (self.rules.zone, self.rules.window);
        let joined = standing.joined_on(zone);
        case.spans.push(window.current(local_day(self.as_of, zone), zone, joined));
        let Some((joined, held)) = joined.zip(standing.held) else { return case };
        if lowered_by(&held, &self.rules.thresholds, self.rules.terms).is_none() {
            return case;
        }
        let date = match notices.first() {
            Some(notice) => Some(notice.review_on),
            None => {
                // A run that is late gives no notice that would come too late.
                case.ahead = notice_for(joined, local_day(self.as_of, zone))
                    .filter(|on| notice_in_time(local_day(self.now, zone), *on));
                case.ahead
            }
        };
        if let Some(review_on) = date {
            case.spans.extend(window.reviewed(review_on, zone, joined));
        }
        case
    }

    fn decide<'a>(&self, case: &Case<'_>, spent: &[i64], outcome: &mut Outcome<'a>)
    where
        'r: 'a,
    {
        let standing = case.standing;
        let mut counted = case.spans.iter().copied().zip(spent.iter().copied());
        let now = counted.next();
        // Of what the date looks at, the best counts.
        let on_date = counted.max_by_key(|(_, spend)| *spend);
        let mut lowers = false;
        if let Some((notice, rest)) = case.notices.split_first() {
            let came = self.come_to_date(standing, notice, on_date, outcome);
            lowers = came == "lowered";
            outcome.settled.push((standing.member_id, notice.review_on, came));
            outcome.settled.extend(rest.iter().map(|n| (standing.member_id, n.review_on, "overtaken")));
        }
        if lowers || now.is_some_and(|(span, spend)| self.raise(standing, span, spend, outcome)) {
            return;
        }
        if let Some((review_on, (_, spend_minor))) = case.ahead.zip(on_date) {
            self.give(standing, review_on, spend_minor, outcome);
        }
    }

    fn change<'a>(
        &self,
        standing: &Standing,
        (to, under): (Option<Place>, Option<Place>),
        why: Why,
        rule_tier: i32,
        (span, spend_minor): (Span, i64),
    ) -> Option<Change<'a>>
    where
        'r: 'a,
    {
        let rules = self.rules;
        let rule = rules.rule_of(rule_tier)?;
        Some(Change {
            member_id: standing.member_id,
            at: standing.changes_at(self.now),
            from: standing.held.map(|held| held.place),
            to,
            under,
            until: standing.until(to),
            why,
            counted: Counted { window: rules.window, span, spend_minor, rule, as_of: self.as_of },
        })
    }

    /// What comes of a notice on its date.
    fn come_to_date<'a>(
        &self,
        standing: &Standing,
        notice: &Notice,
        on_date: Option<(Span, i64)>,
        outcome: &mut Outcome<'a>,
    ) -> &'static str
    where
        'r: 'a,
    {
        let same = |held: &Held| held.place.tier_id == notice.from_tier_id && !standing.left_alone;
        let Some(held) = standing.held.filter(same) else { return "overtaken" };
        // No rule may lower it any more.
        let Some(counted) = on_date else { return "kept" };
        if !notice_in_time(local_day(notice.given_at, self.rules.zone), notice.review_on) {
            return "late";
        }
        let (thresholds, terms) = (&self.rules.thresholds, self.rules.terms);
        // Nobody falls below what they were told.
        let Some(down) = lowered(&held, thresholds, counted.1, terms, &standing.floors(notice.told)) else {
            return "kept";
        };
        let why = Why::Lowered(notice.review_on);
        let Some(change) = self.change(standing, (down.to, down.under), why, held.place.tier_id, counted)
        else {
            return "kept";
        };
        outcome.changes.push(change);
        "lowered"
    }

    fn raise<'a>(&self, standing: &Standing, span: Span, spend: i64, outcome: &mut Outcome<'a>) -> bool
    where
        'r: 'a,
    {
        let held = standing.held.as_ref();
        let Some(up) = raised(held, &self.rules.thresholds, spend) else { return false };
        let under = under_raised(held, self.rules.terms);
        let to = (Some(up.into()), under);
        let change = self.change(standing, to, Why::Raised(None), up.tier_id, (span, spend));
        outcome.changes.extend(change);
        true
    }

    fn give(&self, standing: &Standing, review_on: NaiveDate, spend_minor: i64, outcome: &mut Outcome<'_>) {
        let Some(held) = standing.held else { return };
        let (thresholds, terms) = (&self.rules.thresholds, self.rules.terms);
        let Some(rule) = lowered_by(&held, thresholds, terms) else { return };
        let Some(down) = lowered(&held, thresholds, spend_minor, terms, &standing.floors(None)) else {
            return;
        };
        outcome.given.push(Given {
            member_id: standing.member_id,
            review_on,
            from_tier_id: held.place.tier_id,
            tier_id: down.to.map(|place| place.tier_id),
            spend_minor,
            threshold_minor: rule.threshold_minor,
        });
    }
}
