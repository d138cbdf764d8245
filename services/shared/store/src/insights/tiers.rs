//! Tiers: who is in them, what they bring, and who has moved.

use tradeup_domain::figure::Figure;

use super::cells::{Cells, tier_handles, topics};
use super::told::{SEGMENTS, Told, count, row, share};
use super::{Answered, Window};
use crate::snapshots::SnapshotId;
use crate::{Connection, TenantId};

/// Rows of segments within tiers that are told of.
const WITHIN_MAX: usize = 40;

/// Each tier with its members, what they bring and what they hold; who has moved from which to which within the window;
/// and the segments within each.
///
/// # Errors
/// As any statement.
pub async fn tiers(db: &mut Connection, tenant: TenantId, snapshot: SnapshotId, window: Window) -> Answered {
    let days = window.as_str();
    let moved = format!("moved_{days}");
    let cells = Cells::of(db, tenant, snapshot, &topics(&["tier", "tier_segment", &moved])).await?;
    let handles = tier_handles(db, tenant).await?;
    let mut told = Told::of(&cells);
    let mut rows = Vec::new();
    for handle in &handles {
        let sums = cells.group("tier", handle, "");
        let members = sums.get("members");
        let active = sums.of("active", days);
        let figures = [
            Some(Figure::count("tier_members", members).of_tier(handle)),
            share("in_tier_share_bps", members, cells.snapshot.members),
            Some(Figure::count(format!("in_tier_active_members_{days}"), active).over(days)),
            share(format!("in_tier_active_{days}_bps"), active, members).map(|figure| figure.over(days)),
            Some(Figure::count(format!("in_tier_orders_{days}"), sums.of("orders", days)).over(days)),
            Some(told.minor(format!("in_tier_revenue_{days}_minor"), sums.of("spend", days)).over(days)),
            Some(Figure::count("in_tier_at_risk_members", sums.get("at_risk"))),
            Some(told.minor("in_tier_credit_minor", sums.get("balance"))),
            share("in_tier_redemption_90d_bps", sums.get("redeemed_90d"), sums.get("granted_90d"))
                .map(|figure| figure.over("90d")),
        ];
        rows.push((members, row([("tier", handle.clone())], figures)));
    }
    told.groups("tiers", rows);
    let rows: Vec<_> = cells
        .groups(&moved)
        .map(|(from, to, sums)| {
            let members = sums.get("members");
            let labels = [("from", from.to_owned()), ("to", to.to_owned())];
            let figures = [Some(Figure::count(format!("moved_members_{days}"), members).over(days))];
            (members, row(labels, figures))
        })
        .collect();
    told.groups("moved", rows);
    let mut within = Vec::new();
    for handle in &handles {
        for segment in SEGMENTS {
            let members = cells.group("tier_segment", handle, segment).get("members");
            let labels = [("tier", handle.clone()), ("segment", segment.to_owned())];
            within.push((members, row(labels, [Some(Figure::count("segment_members", members))])));
        }
    }
    within.retain(|(members, _)| *members >= super::GROUP_MIN);
    within.sort_by_key(|(members, _)| std::cmp::Reverse(*members));
    let all = count(within.len());
    let rows = within.into_iter().take(WITHIN_MAX).map(|(_, row)| row).collect();
    told.rows("segments_of_tiers", rows, all);
    Ok(told.answer())
}
