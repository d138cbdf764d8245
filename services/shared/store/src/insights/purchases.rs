//! What members buy.

use tradeup_domain::figure::{Figure, Unit};

use super::cells::{Cells, Sums, tier_handles, topics};
use super::told::{SEGMENTS, Told, label, mean, row, share};
use super::{Answered, GROUP_MIN, Window};
use crate::snapshots::SnapshotId;
use crate::{Connection, TenantId};

/// Whom a question is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Group<'a> {
    /// A segment; none: all.
    pub segment: Option<&'a str>,
    /// A tier's handle; none: all.
    pub tier: Option<&'a str>,
}

impl Group<'_> {
    fn is_all(self) -> bool {
        self.segment.is_none() && self.tier.is_none()
    }

    fn sums(self, cells: &Cells) -> &Sums {
        match (self.tier, self.segment) {
            (None, None) => cells.shop(),
            (None, Some(segment)) => cells.group("segment", segment, ""),
            (Some(tier), None) => cells.group("tier", tier, ""),
            (Some(tier), Some(segment)) => cells.group("tier_segment", tier, segment),
        }
    }
}

/// Orders and revenue of a group over a window; for all members also by tier, by segment, by how often they order, of
/// guests, and in other currencies.
///
/// # Errors
/// As any statement.
pub async fn purchases(
    db: &mut Connection,
    tenant: TenantId,
    snapshot: SnapshotId,
    window: Window,
    group: Group<'_>,
) -> Answered {
    let window = window.as_str();
    let currencies = format!("currency_{window}");
    let asked = topics(&["shop", "segment", "tier", "tier_segment", "frequency", "guests", &currencies]);
    let cells = Cells::of(db, tenant, snapshot, &asked).await?;
    let handles = tier_handles(db, tenant).await?;
    let mut told = Told::of(&cells);
    let sums = group.sums(&cells);
    if group.is_all() {
        let figures = bought(&told, sums, "", window);
        let gap = Figure::of("usual_gap_days", i64::from(cells.snapshot.gap_days), Unit::Days);
        told.shop("members", figures.into_iter().chain([Some(gap)]));
        spread(&mut told, &cells, &handles, window);
        return Ok(told.answer());
    }
    let members = sums.get("members");
    let labels = [("tier", group.tier), ("segment", group.segment)];
    let labels = labels.into_iter().filter_map(|(kind, name)| Some((kind, name?.to_owned())));
    let mut figures = vec![Some(Figure::count("segment_members", members))];
    figures.extend(bought(&told, sums, "in_group_", window));
    told.groups("group", [(members, row(labels, figures))]);
    if members < GROUP_MIN {
        told.note("The group has too few members to be told of, or none.");
    }
    Ok(told.answer())
}

/// Names begin with `of`, so that a group's figure is not taken for the shop's.
fn bought(told: &Told<'_>, sums: &Sums, of: &str, window: &str) -> [Option<Figure>; 5] {
    let (orders, spend) = (sums.of("orders", window), sums.of("spend", window));
    let figures = [
        Some(Figure::count(format!("{of}orders_{window}"), orders)),
        Some(told.minor(format!("{of}revenue_{window}_minor"), spend)),
        mean(spend, orders).map(|mean| told.minor(format!("{of}average_order_{window}_minor"), mean)),
        Some(Figure::count(format!("{of}active_members_{window}"), sums.of("active", window))),
    ];
    let [orders, revenue, average, active] = figures.map(|figure| Some(figure?.over(window)));
    let twice =
        share(format!("{of}members_who_ordered_twice_bps"), sums.get("repeated"), sums.get("ordered"));
    [orders, revenue, average, active, twice]
}

fn spread(told: &mut Told<'_>, cells: &Cells, handles: &[String], window: &str) {
    let by = |told: &Told<'_>, topic: &'static str, name: &str| {
        let sums = cells.group(topic, name, "");
        let orders = Figure::count(format!("in_{topic}_orders_{window}"), sums.of("orders", window));
        let spend = told.minor(format!("in_{topic}_revenue_{window}_minor"), sums.of("spend", window));
        let figures = [Some(orders.over(window)), Some(spend.over(window))];
        (sums.get("members"), row([(topic, name.to_owned())], figures))
    };
    let rows: Vec<_> = handles.iter().map(|handle| by(told, "tier", handle)).collect();
    told.groups("tiers", rows);
    let rows: Vec<_> = SEGMENTS.iter().map(|segment| by(told, "segment", segment)).collect();
    told.groups("segments", rows);
    let rows: Vec<_> = cells
        .groups("frequency")
        .map(|(bucket, _, sums)| {
            let members = sums.get("members");
            let figures = [Some(Figure::count("bucket_members", members).over("365d"))];
            (members, row([("orders_in_365d", bucket.to_owned())], figures))
        })
        .collect();
    told.groups("how_often", rows);
    let guests = cells.group("guests", window, "");
    let figures = [
        Figure::count(format!("guest_orders_{window}"), guests.get("orders")),
        told.minor(format!("guest_revenue_{window}_minor"), guests.get("spend")),
    ];
    told.shop("guests", figures.map(|figure| Some(figure.over(window))));
    let rows: Vec<_> = cells
        .groups(&format!("currency_{window}"))
        .map(|(currency, _, sums)| {
            let currency = label(currency);
            let revenue = Figure::minor("other_currency_revenue_minor", sums.get("spend"), &currency);
            let figures = [Figure::count("other_currency_orders", sums.get("orders")), revenue];
            let figures = figures.map(|figure| Some(figure.over(window)));
            (sums.get("members"), row([("currency", currency)], figures))
        })
        .collect();
    if !rows.is_empty() {
        told.note("Orders in other currencies count as orders; their amounts are in no sum but their own.");
    }
    told.groups("other_currencies", rows);
}
