//! What campaigns have brought, and plans.

use tradeup_domain::figure::{Figure, Unit};

use super::cells::{Cells, topics};
use super::told::{Told, row, share};
use super::{Answered, GROUP_MIN, Row};
use crate::error::Doing;
use crate::snapshots::SnapshotId;
use crate::{Connection, TenantId};

/// Most campaigns and most KPIs that are told, the newest.
const ROWS_MAX: usize = 20;

/// One campaign, with what both arms did until it was measured.
struct Measured {
    campaign: String,
    kind: String,
    segment: String,
    currency: String,
    spent_minor: i64,
    horizon_days: i32,
    treated: i64,
    treated_ordering: i64,
    treated_orders: i64,
    treated_revenue_minor: i64,
    held_out: i64,
    held_out_ordering: i64,
    held_out_orders: i64,
    held_out_revenue_minor: i64,
}

/// A KPI that was looked at again.
struct Followed {
    measure: String,
    tier: Option<String>,
    unit: String,
    currency: Option<String>,
    baseline: i64,
    target: i64,
    actual: i64,
    verdict: String,
}

/// Campaigns that have been measured by the snapshot's instant, each against those who were held out, and KPIs of earlier
/// plans, as planned and as they came. Names of campaigns are a model's words and are not told.
///
/// # Errors
/// As any statement.
pub async fn campaigns(db: &mut Connection, tenant: TenantId, snapshot: SnapshotId) -> Answered {
    let cells = Cells::of(db, tenant, snapshot, &topics(&["shop"])).await?;
    let as_of = cells.snapshot.as_of;
    let measured = sqlx::query_file_as!(
        Measured,
        "src/insights/measured_campaigns.sql",
        tenant as TenantId,
        as_of,
        GROUP_MIN,
    )
    .fetch_all(&mut *db)
    .await
    .doing("reading what campaigns have brought")?;
    let followed = sqlx::query_as!(
        Followed,
        r#"select measure, tier, unit, currency, baseline, target, actual as "actual!", verdict as "verdict!"
           from kpi_follow_ups
           where tenant_id = $1 and actual is not null and due_at <= $2
           order by due_at desc, run_id desc, n"#,
        tenant as TenantId,
        as_of,
    )
    .fetch_all(&mut *db)
    .await
    .doing("reading what KPIs have come to")?;
    let mut told = Told::of(&cells);
    let none = measured.is_empty();
    let rows = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let campaigns = rows(measured.len());
    told.rows("campaigns", measured.iter().take(ROWS_MAX).map(told_of).collect(), campaigns);
    let kpis = rows(followed.len());
    told.rows("kpis", followed.iter().take(ROWS_MAX).filter_map(kpi).collect(), kpis);
    if none {
        told.note(
            "No campaign of this shop has been measured yet. This is final: asking again brings nothing.",
        );
    }
    Ok(told.answer())
}

fn told_of(it: &Measured) -> Row {
    let minor = |name: &str, value: i64| Some(Figure::minor(name, value, &it.currency));
    let window = format!("{}d", it.horizon_days);
    let over = |figure: Option<Figure>| figure.map(|figure| figure.over(window.clone()));
    let treated = share("campaign_treated_order_rate_bps", it.treated_ordering, it.treated);
    let held_out = share("campaign_held_out_order_rate_bps", it.held_out_ordering, it.held_out);
    let lift = treated.as_ref().zip(held_out.as_ref()).map(|(treated, held_out)| {
        Figure::of("campaign_lift_bps", treated.value - held_out.value, Unit::Bps)
    });
    let each = |revenue: i64, members: i64| revenue.checked_div(members).unwrap_or(0);
    let additional = additional_orders(it);
    row(
        [("campaign", it.campaign.clone()), ("kind", it.kind.clone()), ("segment", it.segment.clone())],
        [
            Some(Figure::count("campaign_treated_members", it.treated)),
            Some(Figure::count("campaign_held_out_members", it.held_out)),
            over(treated),
            over(held_out),
            over(lift),
            over(minor(
                "campaign_treated_revenue_per_member_minor",
                each(it.treated_revenue_minor, it.treated),
            )),
            over(minor(
                "campaign_held_out_revenue_per_member_minor",
                each(it.held_out_revenue_minor, it.held_out),
            )),
            minor("campaign_cost_minor", it.spent_minor),
            over(Some(Figure::count("campaign_additional_orders", additional))),
            (additional > 0)
                .then(|| minor("campaign_cost_per_additional_order_minor", it.spent_minor / additional))
                .flatten(),
        ],
    )
}

/// Orders of the treated beyond what as many of the held out would have made, rounded towards none. Without anybody held out
/// nobody knows: none.
fn additional_orders(it: &Measured) -> i64 {
    let expected = i128::from(it.held_out_orders) * i128::from(it.treated);
    let held_out = i128::from(it.held_out);
    let more = (i128::from(it.treated_orders) * held_out - expected).checked_div(held_out).unwrap_or(0);
    i64::try_from(more).unwrap_or(0)
}

fn kpi(it: &Followed) -> Option<Row> {
    let unit = [Unit::Count, Unit::Minor, Unit::Bps, Unit::Days, Unit::Score]
        .into_iter()
        .find(|unit| unit.as_str() == it.unit)?;
    let figure = |name: &str, value: i64| {
        Some(Figure { currency: it.currency.clone(), ..Figure::of(name, value, unit) })
    };
    let tier = it.tier.clone().map(|tier| ("tier", tier));
    Some(row(
        [("measure", it.measure.clone())].into_iter().chain(tier).chain([("verdict", it.verdict.clone())]),
        [
            figure("kpi_baseline", it.baseline),
            figure("kpi_planned", it.target),
            figure("kpi_came_to", it.actual),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(treated: (i64, i64), held_out: (i64, i64)) -> Measured {
        Measured {
            campaign: "c".to_owned(),
            kind: "mail".to_owned(),
            segment: "at_risk".to_owned(),
            currency: "USD".to_owned(),
            spent_minor: 900,
            horizon_days: 30,
            treated: treated.0,
            treated_ordering: treated.1,
            treated_orders: treated.1,
            treated_revenue_minor: 0,
            held_out: held_out.0,
            held_out_ordering: held_out.1,
            held_out_orders: held_out.1,
            held_out_revenue_minor: 0,
        }
    }

    #[test]
    fn additional_orders_are_those_beyond_what_the_held_out_would_have_made() {
        assert_eq!(additional_orders(&measured((90, 27), (10, 2))), 9);
        assert_eq!(additional_orders(&measured((90, 9), (10, 2))), -9);
        assert_eq!(additional_orders(&measured((90, 27), (0, 0))), 0);
    }

    #[test]
    fn what_brought_nothing_has_no_cost_for_each_order() {
        let names = |it: &Measured| -> Vec<String> {
            told_of(it).figures.into_iter().map(|figure| figure.name).collect()
        };
        let cost = "campaign_cost_per_additional_order_minor".to_owned();
        assert!(names(&measured((90, 27), (10, 2))).contains(&cost));
        assert!(!names(&measured((90, 9), (10, 2))).contains(&cost));
    }
}
