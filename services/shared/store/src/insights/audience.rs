//! Any group of members, by what they have in common.

use tradeup_domain::figure::{Figure, Unit};

use super::cells::{Cells, topics};
use super::told::{Told, mean, row, share};
use super::{Answered, GROUP_MIN};
use crate::error::Doing;
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

/// A group of members: how many, what they bring and hold, and which segments they are of. It is read member by member.
///
/// # Errors
/// As any statement.
pub async fn audience(
    db: &mut Connection,
    tenant: TenantId,
    snapshot: SnapshotId,
    filter: &Filter,
) -> Answered {
    let cells = Cells::of(db, tenant, snapshot, &topics(&["shop"])).await?;
    let rows = sqlx::query_file!(
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
    )
    .fetch_all(db)
    .await
    .doing("adding up a group of members")?;
    let mut told = Told::of(&cells);
    let mut segments = Vec::new();
    for of in rows {
        let Some(segment) = of.segment else {
            let figures = [
                Some(Figure::count("group_members", of.members)),
                share("group_share_bps", of.members, cells.snapshot.members),
                Some(Figure::count("group_reachable_members", of.reachable)),
                Some(Figure::count("group_active_members_90d", of.active_90d).over("90d")),
                Some(Figure::count("group_orders_90d", of.orders_90d).over("90d")),
                Some(told.minor("group_revenue_90d_minor", of.spend_90d).over("90d")),
                Some(told.minor("group_revenue_prior_90d_minor", of.spend_prior_90d).over("90d")),
                Some(told.minor("group_revenue_365d_minor", of.spend_365d).over("365d")),
                Some(told.minor("group_credit_minor", of.balance)),
                Some(told.minor("group_expiring_30d_minor", of.expiring_30d).over("30d")),
                mean(of.risk, of.members).map(|mean| Figure::of("group_risk_score_mean", mean, Unit::Score)),
            ];
            if of.members < GROUP_MIN {
                told.note("The group has too few members to be told of, or none. This is final.");
            }
            told.groups("group", [(of.members, row([], figures))]);
            continue;
        };
        let figures = [Some(Figure::count("in_group_segment_members", of.members))];
        segments.push((of.members, row([("segment", segment)], figures)));
    }
    told.groups("segments", segments);
    Ok(told.answer())
}
