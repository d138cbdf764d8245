//! Members' tiers as rules move them: by what they spend, and on the yearly date of their membership.
//!
//! A member's tier changes under the lock of the member's row, taken in a statement of its own, and from the
//! moment of the change on: what a month or an order has read of the past stays as it was read.

mod bought;
mod history;
mod order;
mod place;
mod preview;
mod review;
mod since;
mod tags;

pub use bought::{Bought, settle_bought};
pub use history::{NoticeLine, Outlook, TierLine, history, notices, outlook};
pub use order::{Moved, after_order};
pub use place::{Placed, begin_first, place};
pub use preview::{PreviewKind, PreviewMove, preview};
pub use review::TierReviewBatch;
pub use since::raises_since;
pub use tags::{Tagged, place_by_tags};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use tradeup_domain::tier_rules::{Held, Place, Source, Span, Window};
use uuid::Uuid;

use crate::error::{Doing, ErrorKind, StoreError};
use crate::tiers::DecidingRule;
use crate::{Connection, RunId, TenantId};

/// Where a member stands.
#[derive(Clone, Debug)]
struct Standing {
    member_id: Uuid,
    external_id: String,
    /// Begin of the first membership ever.
    joined_at: Option<DateTime<Utc>>,
    /// The membership that is in force; of one that was bought and has ended, what was under it.
    held: Option<Held>,
    /// The open membership was bought: until when it is written down.
    open_until: Option<DateTime<Utc>>,
    /// The highest of what was bought and runs.
    bought: Option<Running>,
    /// When the latest membership, open or not, began, and ended.
    latest: Option<(DateTime<Utc>, Option<DateTime<Utc>>)>,
    /// Cancelled for good, or about to begin: no rule has a say.
    left_alone: bool,
    /// Cancelled for good.
    cancelled: bool,
}

/// A tier that was bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Running {
    place: Place,
    /// When it ends by itself.
    until: DateTime<Utc>,
}

impl Standing {
    /// The local day of joining.
    fn joined_on(&self, zone: Tz) -> Option<NaiveDate> {
        self.joined_at.map(|at| local_day(at, zone))
    }

    /// When what a membership goes to ends by itself.
    fn until(&self, to: Option<Place>) -> Option<DateTime<Utc>> {
        to.filter(|to| to.source == Source::Purchase).and(self.bought).map(|bought| bought.until)
    }

    /// What a member who is lowered is left with at least: what was told, and what was bought.
    fn floors(&self, told: Option<Place>) -> Vec<Place> {
        told.into_iter().chain(self.bought.map(|bought| bought.place)).collect()
    }

    /// When a change that is decided now takes effect: after all that is there.
    fn changes_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let Some((from, to)) = self.latest else { return now };
        now.max(from + TimeDelta::microseconds(1)).max(to.unwrap_or(now))
    }
}

fn local_day(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// Locks the members until the transaction ends, in the order of their ids. Money does not wait for it: rows
/// that refer to a member are written beside it.
async fn lock(db: &mut Connection, tenant: TenantId, members: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!(
        "select from members where tenant_id = $1 and id = any($2) order by id for no key update",
        tenant as TenantId,
        members,
    )
    .execute(db)
    .await
    .doing("locking members")
    .map(drop)
}

/// Where the members stand at `now`, by member id.
async fn standings(
    db: &mut Connection,
    tenant: TenantId,
    members: &[Uuid],
    now: DateTime<Utc>,
) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query_file!("src/tier_moves/standings.sql", tenant as TenantId, members, now)
        .fetch_all(db)
        .await
        .doing("reading where members stand")?;
    let source = |text: &str| {
        text.parse::<Source>()
            .map_err(|_unknown| StoreError::of_kind(ErrorKind::Corrupt, "reading where members stand"))
    };
    rows.into_iter()
        .map(|row| {
            let latest = row.valid_from.map(|from| (from, row.valid_to));
            let begun = latest.is_none_or(|(from, _)| from <= now);
            let open = latest.is_some_and(|(_, to)| to.is_none());
            let over = latest.is_none_or(|(_, to)| to.is_none_or(|to| to <= now));
            let cancelled = !open && row.status.as_deref() == Some("cancelled");
            let under = match (row.under_tier_id, row.under_rank, row.under_source) {
                (Some(tier_id), Some(rank), Some(by)) => Some(Place { tier_id, rank, source: source(&by)? }),
                _ => None,
            };
            let bought = match (row.bought_tier_id, row.bought_rank, row.bought_until) {
                (Some(tier_id), Some(rank), Some(until)) => {
                    Some(Running { place: Place { tier_id, rank, source: Source::Purchase }, until })
                }
                _ => None,
            };
            let held = match (row.tier_id, row.rank, row.source) {
                (Some(tier_id), Some(rank), Some(by)) if open => Some(Held {
                    place: Place { tier_id, rank, source: source(&by)? },
                    active: row.status.as_deref() == Some("active"),
                    pinned: row.pinned.unwrap_or(false),
                    under,
                }),
                _ => None,
            };
            // What was bought and has ended, or was given back, holds no more; what is under it does.
            let held = match held {
                Some(held) if held.place.source == Source::Purchase && !row.backed => {
                    held.under.map(|under| Held { place: under, under: None, pinned: false, ..held })
                }
                held => held,
            };
            Ok(Standing {
                member_id: row.member_id,
                external_id: row.external_id,
                joined_at: row.joined_at,
                held,
                open_until: row.until_at.filter(|_| open),
                bought,
                latest,
                cancelled,
                left_alone: cancelled || !begun || !over,
            })
        })
        .collect()
}

/// What members have spent within spans, in minor units, in the order of the spans: what was eligible of
/// their orders, less what was refunded of these very orders, wherever in time that was. With `as_of`, only
/// what had happened by then.
async fn spent(
    db: &mut Connection,
    tenant: TenantId,
    currency: &str,
    as_of: Option<DateTime<Utc>>,
    asked: &[(Uuid, Span)],
) -> Result<Vec<i64>, StoreError> {
    let members: Vec<Uuid> = asked.iter().map(|(member, _)| *member).collect();
    let from: Vec<Option<DateTime<Utc>>> = asked.iter().map(|(_, span)| span.from).collect();
    let until: Vec<Option<DateTime<Utc>>> = asked.iter().map(|(_, span)| span.until).collect();
    sqlx::query_file_scalar!(
        "src/tier_moves/spent.sql",
        tenant as TenantId,
        &members,
        &from as &[Option<DateTime<Utc>>],
        &until as &[Option<DateTime<Utc>>],
        as_of,
        currency,
    )
    .fetch_all(db)
    .await
    .doing("adding up what members have spent")
}

/// Why a tier changes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    /// Spend has reached it, with this order if it was one.
    Raised(Option<String>),
    /// The yearly date has come.
    Lowered(NaiveDate),
    /// What had raised it was refunded: this order.
    Undone(String),
}

/// What counted when a rule decided.
#[derive(Clone, Copy, Debug)]
struct Counted<'a> {
    window: Window,
    span: Span,
    spend_minor: i64,
    rule: &'a DecidingRule,
    as_of: DateTime<Utc>,
}

/// A change of a member's tier that a rule has decided.
#[derive(Clone, Debug)]
struct Change<'a> {
    member_id: Uuid,
    at: DateTime<Utc>,
    from: Option<Place>,
    to: Option<Place>,
    under: Option<Place>,
    /// When it ends by itself, if it was bought.
    until: Option<DateTime<Utc>>,
    why: Why,
    counted: Counted<'a>,
}

/// Makes the changes of members who are locked: ends what is open, begins what follows, and says why.
async fn change(
    db: &mut Connection,
    tenant: TenantId,
    currency: &str,
    run_id: Option<RunId>,
    changes: &[Change<'_>],
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    fn each<'c, 'r, T>(changes: &'c [Change<'r>], of: impl Fn(&'c Change<'r>) -> T) -> Vec<T> {
        changes.iter().map(of).collect()
    }
    let members = each(changes, |c| c.member_id);
    let at = each(changes, |c| c.at);
    sqlx::query!(
        "update memberships ms set valid_to = c.at
         from unnest($2::uuid[], $3::timestamptz[]) as c (member_id, at)
         where ms.tenant_id = $1 and ms.member_id = c.member_id and ms.valid_to is null",
        tenant as TenantId,
        &members,
        &at,
    )
    .execute(&mut *db)
    .await
    .doing("ending memberships by rule")?;
    let kind = |c: &Change<'_>| match c.why {
        Why::Raised(_) => "raised",
        Why::Lowered(_) => "lowered",
        Why::Undone(_) => "undone",
    };
    let order = |c: &Change<'_>| match &c.why {
        Why::Raised(order) => order.clone(),
        Why::Lowered(_) => None,
        Why::Undone(order) => Some(order.clone()),
    };
    let review_on = |c: &Change<'_>| match c.why {
        Why::Lowered(on) => Some(on),
        Why::Raised(_) | Why::Undone(_) => None,
    };
    sqlx::query_file!(
        "src/tier_moves/begin.sql",
        tenant as TenantId,
        &members,
        &at,
        &each(changes, |c| kind(c).to_owned()),
        &each(changes, |c| c.from.map(|p| p.tier_id)) as &[Option<i32>],
        &each(changes, |c| c.to.map(|p| p.tier_id)) as &[Option<i32>],
        &each(changes, |c| c.to.map(|p| p.source.as_str())) as &[Option<&str>],
        &each(changes, |c| c.under.map(|p| p.tier_id)) as &[Option<i32>],
        &each(changes, |c| c.under.map(|p| p.source.as_str())) as &[Option<&str>],
        &each(changes, |c| c.counted.window.as_str().to_owned()),
        &each(changes, |c| c.counted.span.from) as &[Option<DateTime<Utc>>],
        &each(changes, |c| c.counted.span.until) as &[Option<DateTime<Utc>>],
        &each(changes, |c| c.counted.spend_minor),
        &each(changes, |c| c.counted.rule.threshold.tier_id),
        &each(changes, |c| c.counted.rule.valid_from),
        &each(changes, |c| c.counted.rule.threshold.threshold_minor),
        &each(changes, |c| c.counted.as_of),
        &each(changes, review_on) as &[Option<NaiveDate>],
        &each(changes, order) as &[Option<String>],
        currency,
        run_id as Option<RunId>,
        &each(changes, |c| c.until) as &[Option<DateTime<Utc>>],
    )
    .execute(db)
    .await
    .doing("beginning memberships by rule")
    .map(drop)
}
