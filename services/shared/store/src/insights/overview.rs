//! Where a shop stands, and where it is going.

use tradeup_domain::figure::{Figure, Unit};

use super::cells::{Cells, tier_handles, topics};
use super::told::{SEGMENTS, Told, row, share};
use super::{Answered, Window};
use crate::snapshots::SnapshotId;
use crate::{Connection, TenantId};

/// The shop with its measures, its segments and its tiers.
///
/// # Errors
/// As any statement.
pub async fn overview(db: &mut Connection, tenant: TenantId, snapshot: SnapshotId) -> Answered {
    let asked = topics(&["shop", "segment", "tier", "credit_90d"]);
    let cells = Cells::of(db, tenant, snapshot, &asked).await?;
    let handles = tier_handles(db, tenant).await?;
    let shop = cells.shop();
    let mut told = Told::of(&cells);
    let mut figures = vec![
        Some(Figure::count("members_total", cells.snapshot.members)),
        Some(Figure::count("members_in_a_tier", shop.get("in_tier"))),
        Some(Figure::count("at_risk_members", shop.get("at_risk"))),
        Some(Figure::count("reachable_members", shop.get("reachable"))),
        Some(Figure::count("members_who_ordered_twice", shop.get("repeated"))),
        Some(Figure::of("usual_gap_days", i64::from(cells.snapshot.gap_days), Unit::Days)),
    ];
    for window in Window::ALL.map(Window::as_str) {
        let revenue = told.minor(format!("revenue_{window}_minor"), shop.of("spend", window));
        figures.extend([
            Some(Figure::count(format!("active_members_{window}"), shop.of("active", window)).over(window)),
            Some(Figure::count(format!("new_members_{window}"), shop.of("joined", window)).over(window)),
            Some(Figure::count(format!("orders_{window}"), shop.of("orders", window)).over(window)),
            Some(revenue.over(window)),
        ]);
    }
    figures.push(retention(&cells, Window::Days90));
    figures.push(redemption(&cells, Window::Days90));
    figures.extend([
        Some(told.minor("credit_outstanding_minor", shop.get("balance"))),
        Some(Figure::count("members_with_credit", shop.get("with_balance"))),
    ]);
    figures.extend(ending(&cells).map(Some));
    told.shop("shop", figures);
    let mut rows = Vec::new();
    for segment in SEGMENTS {
        let sums = cells.group("segment", segment, "");
        let members = sums.get("members");
        let figures = [
            Some(Figure::count("segment_members", members)),
            share("in_segment_share_bps", members, cells.snapshot.members),
            Some(told.minor("in_segment_revenue_90d_minor", sums.get("spend_90d")).over("90d")),
            Some(told.minor("in_segment_credit_minor", sums.get("balance"))),
        ];
        rows.push((members, row([("segment", segment.to_owned())], figures)));
    }
    told.groups("segments", rows);
    let mut rows = Vec::new();
    for handle in &handles {
        let sums = cells.group("tier", handle, "");
        let members = sums.get("members");
        let figures = [
            Some(Figure::count("tier_members", members).of_tier(handle)),
            share("in_tier_share_bps", members, cells.snapshot.members),
            Some(Figure::count("in_tier_active_members_90d", sums.get("active_90d")).over("90d")),
            Some(told.minor("in_tier_revenue_90d_minor", sums.get("spend_90d")).over("90d")),
        ];
        rows.push((members, row([("tier", handle.clone())], figures)));
    }
    told.groups("tiers", rows);
    Ok(told.answer())
}

/// The last 30 and 90 days beside those before them, and the last twelve whole months.
///
/// # Errors
/// As any statement.
pub async fn trends(db: &mut Connection, tenant: TenantId, snapshot: SnapshotId) -> Answered {
    let cells = Cells::of(db, tenant, snapshot, &topics(&["shop", "month"])).await?;
    let shop = cells.shop();
    let mut told = Told::of(&cells);
    let mut figures = Vec::new();
    for days in ["30d", "90d"] {
        let before = format!("prior_{days}");
        for (window, active) in [(days, shop.of("active", days)), (&before, shop.get(&before))] {
            let revenue = told.minor(format!("revenue_{window}_minor"), shop.of("spend", window));
            figures.extend([
                Some(Figure::count(format!("orders_{window}"), shop.of("orders", window)).over(days)),
                Some(revenue.over(days)),
                Some(Figure::count(format!("active_members_{window}"), active).over(days)),
            ]);
        }
    }
    told.shop("compared", figures);
    let mut rows = Vec::new();
    for (month, _, sums) in cells.groups("month") {
        // A month in which few were there tells of them.
        let members = sums.get("active").max(sums.get("joined"));
        let figures = [
            Figure::count("orders", sums.get("orders")),
            told.minor("revenue_minor", sums.get("spend")),
            Figure::count("active_members", sums.get("active")),
            Figure::count("new_members", sums.get("joined")),
            told.minor("credit_granted_minor", sums.get("granted")),
            told.minor("credit_redeemed_minor", sums.get("redeemed")),
            told.minor("credit_expired_minor", sums.get("expired")),
        ];
        let figures = figures.map(|figure| Some(figure.over(month)));
        rows.push((members, row([("month", month.to_owned())], figures)));
    }
    told.groups("months", rows);
    Ok(told.answer())
}

/// Of those who ordered in the window before, how many did in this one.
pub(super) fn retention(cells: &Cells, window: Window) -> Option<Figure> {
    let (shop, window) = (cells.shop(), window.as_str());
    let share =
        share(format!("retention_{window}_bps"), shop.of("retained", window), shop.of("prior", window))?;
    Some(share.over(window))
}

/// Credit used in a window (less what was given back) in parts of what was granted in it. The topic `credit_…` is read.
pub(super) fn redemption(cells: &Cells, window: Window) -> Option<Figure> {
    let window = window.as_str();
    let of = |measure| cells.total(&format!("credit_{window}"), measure);
    let share = share(format!("credit_redemption_{window}_bps"), of("redeemed"), of("granted"))?;
    Some(share.over(window))
}

/// Credit that ends soon.
pub(super) fn ending(cells: &Cells) -> impl Iterator<Item = Figure> {
    let shop = cells.shop();
    let currency = cells.snapshot.currency.clone();
    ["7d", "30d"].into_iter().flat_map(move |days| {
        let minor = shop.get(&format!("expiring_{days}"));
        let members = shop.get(&format!("expiring_{days}_members"));
        [
            Figure::minor(format!("expiring_unused_{days}_minor"), minor, &currency).over(days),
            Figure::count(format!("expiring_members_{days}"), members).over(days),
        ]
    })
}
