//! Any group of members, by what they have in common.

use tradeup_domain::figure::{Figure, Unit};

use super::cells::{Cells, topics};
use super::told::{SEGMENTS, Told, mean, row, share};
use super::{Answered, GROUP_MIN};
use crate::error::{Doing, StoreError};
use crate::snapshots::SnapshotId;
use crate::{Connection, TenantId};

/// What members have in common; what is `None` or empty may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Handles of tiers, of which they are in one; `none` for members without a tier.
    pub tiers: Vec<String>,
    /// Segments, of which they are in one; `expiring` and `all` are such, too.
    pub segments: Vec<String>,
    /// Risk of at least this, from 0 to 100.
    pub risk_min: Option<i32>,
    /// No order for at least so many days; who has never ordered counts from joining.
    pub inactive_days_min: Option<i32>,
    /// At least so much credit that can be spent, in minor units.
    pub balance_min_minor: Option<i64>,
    /// At least so much spent in 365 days, in minor units.
    pub spent_365d_min_minor: Option<i64>,
    /// Credit that ends within so many days: 7 at most counts as 7, more as 30.
    pub expiring_within_days: Option<i32>,
}

/// Sums of a group's members in one segment.
#[derive(Clone, Debug, Default)]
struct Part {
    segment: String,
    members: i64,
    reachable: i64,
    active_90d: i64,
    orders_90d: i64,
    spend_90d: i64,
    spend_prior_90d: i64,
    spend_365d: i64,
    balance: i64,
    expiring_30d: i64,
    risk: i64,
}

impl Part {
    fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.members, other.members),
            (&mut self.reachable, other.reachable),
            (&mut self.active_90d, other.active_90d),
            (&mut self.orders_90d, other.orders_90d),
            (&mut self.spend_90d, other.spend_90d),
            (&mut self.spend_prior_90d, other.spend_prior_90d),
            (&mut self.spend_365d, other.spend_365d),
            (&mut self.balance, other.balance),
            (&mut self.expiring_30d, other.expiring_30d),
            (&mut self.risk, other.risk),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

/// A group of members: how many, what they bring and hold, and which segments they are of. Groups by tier and segment alone
/// are among the sums of the snapshot; any other is added up of members who are alike.
///
/// # Errors
/// As any statement.
pub async fn audience(
    db: &mut Connection,
    tenant: TenantId,
    snapshot: SnapshotId,
    filter: &Filter,
) -> Answered {
    let cells = Cells::of(db, tenant, snapshot, &topics(&["shop", "tier_segment"])).await?;
    let parts =
        if filter.is_summed() { summed(&cells, filter) } else { read(db, tenant, snapshot, filter).await? };
    let mut all = Part::default();
    parts.iter().for_each(|part| all.add(part));
    let mut told = Told::of(&cells);
    let figures = [
        Some(Figure::count("group_members", all.members)),
        share("group_share_bps", all.members, cells.snapshot.members),
        Some(Figure::count("group_reachable_members", all.reachable)),
        Some(Figure::count("group_active_members_90d", all.active_90d).over("90d")),
        Some(Figure::count("group_orders_90d", all.orders_90d).over("90d")),
        Some(told.minor("group_revenue_90d_minor", all.spend_90d).over("90d")),
        Some(told.minor("group_revenue_prior_90d_minor", all.spend_prior_90d).over("90d")),
        Some(told.minor("group_revenue_365d_minor", all.spend_365d).over("365d")),
        Some(told.minor("group_credit_minor", all.balance)),
        Some(told.minor("group_expiring_30d_minor", all.expiring_30d).over("30d")),
        mean(all.risk, all.members).map(|mean| Figure::of("group_risk_score_mean", mean, Unit::Score)),
    ];
    if all.members < GROUP_MIN {
        told.note("The group has too few members to be told of, or none. This is final.");
    }
    told.groups("group", [(all.members, row([], figures))]);
    let segments = parts.into_iter().map(|part| {
        let figures = [Some(Figure::count("in_group_segment_members", part.members))];
        (part.members, row([("segment", part.segment)], figures))
    });
    told.groups("segments", segments);
    Ok(told.answer())
}

impl Filter {
    /// Whether it is one by tier and segment alone.
    fn is_summed(&self) -> bool {
        let by_members = [self.risk_min, self.inactive_days_min, self.expiring_within_days];
        by_members.iter().all(Option::is_none)
            && self.balance_min_minor.is_none()
            && self.spent_365d_min_minor.is_none()
            && !self.segments.iter().any(|segment| segment == "expiring")
    }
}

fn summed(cells: &Cells, filter: &Filter) -> Vec<Part> {
    let is_in = |names: &[String], name: &str| names.is_empty() || names.iter().any(|one| one == name);
    let any_segment = filter.segments.iter().any(|segment| segment == "all");
    let mut parts = Vec::new();
    for segment in SEGMENTS {
        if !any_segment && !is_in(&filter.segments, segment) {
            continue;
        }
        let mut part = Part { segment: segment.to_owned(), ..Part::default() };
        let groups = cells.groups("tier_segment");
        for (_, _, sums) in groups.filter(|(tier, of, _)| *of == segment && is_in(&filter.tiers, tier)) {
            part.add(&Part {
                segment: String::new(),
                members: sums.get("members"),
                reachable: sums.get("reachable"),
                active_90d: sums.get("active_90d"),
                orders_90d: sums.get("orders_90d"),
                spend_90d: sums.get("spend_90d"),
                spend_prior_90d: sums.get("spend_prior_90d"),
                spend_365d: sums.get("spend_365d"),
                balance: sums.get("balance"),
                expiring_30d: sums.get("expiring_30d"),
                risk: sums.get("risk"),
            });
        }
        parts.push(part);
    }
    parts
}

/// Members who are alike were added up when the snapshot was made, and are read instead of single ones: a large shop has
/// ten thousands of them. Spend is in steps there: those who are above it within its own step are looked at one by one.
async fn read(
    db: &mut Connection,
    tenant: TenantId,
    snapshot: SnapshotId,
    filter: &Filter,
) -> Result<Vec<Part>, StoreError> {
    // A large part of a shop's rows is read from end to end, unlike what services read otherwise.
    let steps = sqlx::query!(
        "select spend_steps, set_config('enable_seqscan', 'on', true) as scans
         from snapshots where tenant_id = $1 and id = $2",
        tenant as TenantId,
        snapshot as SnapshotId,
    )
    .fetch_optional(&mut *db)
    .await
    .doing("preparing to add up a group of members")?;
    let Some(steps) = steps.and_then(|row| row.spend_steps) else {
        return members(db, tenant, snapshot, filter, None).await;
    };
    let (step, below) = from_step(&steps, filter.spent_365d_min_minor);
    let mut parts = alike(db, tenant, snapshot, filter, step).await?;
    if below.is_within {
        for part in members(db, tenant, snapshot, filter, below.minor).await? {
            match parts.iter_mut().find(|of| of.segment == part.segment) {
                Some(sum) => sum.add(&part),
                None => parts.push(part),
            }
        }
        parts.sort_by(|a, b| a.segment.cmp(&b.segment));
    }
    Ok(parts)
}

/// Up to which amount single members are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Below {
    /// Whether any are.
    is_within: bool,
    /// The amount; none: whatever they have spent.
    minor: Option<i64>,
}

/// The first step of which all have spent so much, and who of the one before is to be looked at.
fn from_step(steps: &[i64], least: Option<i64>) -> (i32, Below) {
    let Some(least) = least.filter(|least| *least > 0) else { return (0, Below::default()) };
    let reached = steps.partition_point(|step| *step <= least);
    let after = |step: usize| i32::try_from(step).unwrap_or(i32::MAX);
    match reached.checked_sub(1).and_then(|last| steps.get(last)) {
        // Before the first step is who has spent nothing.
        None => (1, Below::default()),
        // It begins there: all of it.
        Some(begins) if *begins == least => (after(reached), Below::default()),
        Some(_) => (after(reached + 1), Below { is_within: true, minor: steps.get(reached).copied() }),
    }
}

async fn alike(
    db: &mut Connection,
    tenant: TenantId,
    snapshot: SnapshotId,
    filter: &Filter,
    step: i32,
) -> Result<Vec<Part>, StoreError> {
    sqlx::query_file_as!(
        Part,
        "src/insights/audience_alike.sql",
        tenant as TenantId,
        snapshot as SnapshotId,
        &filter.tiers,
        &filter.segments,
        filter.risk_min,
        filter.inactive_days_min,
        filter.balance_min_minor,
        step,
        filter.expiring_within_days,
    )
    .fetch_all(db)
    .await
    .doing("adding up members who are alike")
}

async fn members(
    db: &mut Connection,
    tenant: TenantId,
    snapshot: SnapshotId,
    filter: &Filter,
    spent_below: Option<i64>,
) -> Result<Vec<Part>, StoreError> {
    sqlx::query_file_as!(
        Part,
        "src/insights/audience.sql",
        tenant as TenantId,
        snapshot as SnapshotId,
        &filter.tiers,
        &filter.segments,
        filter.risk_min,
        filter.inactive_days_min,
        filter.balance_min_minor,
        filter.spent_365d_min_minor,
        filter.expiring_within_days,
        spent_below,
    )
    .fetch_all(db)
    .await
    .doing("adding up a group of members")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_whole_where_it_begins_and_looked_at_within() {
        let steps = [100, 500, 500, 900];
        let all = Below::default();
        let within = |minor| Below { is_within: true, minor };
        for (least, expected) in [
            (None, (0, all)),
            (Some(0), (0, all)),
            (Some(-5), (0, all)),
            (Some(1), (1, all)),
            (Some(100), (1, all)),
            (Some(101), (2, within(Some(500)))),
            (Some(499), (2, within(Some(500)))),
            (Some(500), (3, all)),
            (Some(501), (4, within(Some(900)))),
            (Some(900), (4, all)),
            (Some(901), (5, within(None))),
        ] {
            assert_eq!(from_step(&steps, least), expected, "{least:?}");
        }
        assert_eq!(from_step(&[], Some(7)), (1, all), "nobody has spent anything");
    }
}
