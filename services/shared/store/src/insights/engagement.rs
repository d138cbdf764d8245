//! How engaged members are, and who stays.

use tradeup_domain::figure::Figure;

use super::cells::{Cells, Sums, topics};
use super::overview::retention;
use super::told::{Told, row, share};
use super::{Answered, Window};
use crate::snapshots::SnapshotId;
use crate::{Connection, TenantId};

/// Days since the last order, as they are written in the sums.
const RECENCY: [&str; 7] = ["0-29", "30-59", "60-89", "90-179", "180-364", "365+", "never"];
/// Risk, likewise.
const RISK: [&str; 5] = ["0-19", "20-39", "40-59", "60-79", "80-100"];
/// Months after joining that are told of, as they are written in the sums.
const AFTER: [&str; 4] = ["01", "02", "03", "06"];

/// Who is active and who has come back over a window, who can be written to, how long members are silent, how high their
/// risk is, and how many of each month's new members were active in the months after.
///
/// # Errors
/// As any statement.
pub async fn engagement(
    db: &mut Connection,
    tenant: TenantId,
    snapshot: SnapshotId,
    window: Window,
) -> Answered {
    let days = window.as_str();
    let asked = topics(&["shop", "recency", "risk", "cohort", "month", "mails"]);
    let cells = Cells::of(db, tenant, snapshot, &asked).await?;
    let shop = cells.shop();
    let mails = cells.group("mails", days, "");
    let mut told = Told::of(&cells);
    let members = cells.snapshot.members;
    told.shop(
        "members",
        [
            Some(Figure::count("members_total", members)),
            Some(Figure::count(format!("active_members_{days}"), shop.of("active", days)).over(days)),
            share(format!("active_{days}_bps"), shop.of("active", days), members)
                .map(|figure| figure.over(days)),
            retention(&cells, window),
            Some(Figure::count("at_risk_members", shop.get("at_risk"))),
            Some(Figure::count("members_who_never_ordered", members - shop.get("ordered"))),
            Some(Figure::count("members_who_ordered_twice", shop.get("repeated"))),
            Some(Figure::count("reachable_members", shop.get("reachable"))),
            Some(Figure::count(format!("warning_mails_{days}"), mails.get("mails")).over(days)),
            Some(Figure::count(format!("warned_members_{days}"), mails.get("members")).over(days)),
        ],
    );
    for (name, topic, label, buckets) in [
        ("silence", "recency", "days_since_order", RECENCY.as_slice()),
        ("risk", "risk", "risk_score", RISK.as_slice()),
    ] {
        let rows: Vec<_> = buckets
            .iter()
            .map(|bucket| {
                let members = cells.group(topic, bucket, "").get("members");
                (
                    members,
                    row([(label, (*bucket).to_owned())], [Some(Figure::count("bucket_members", members))]),
                )
            })
            .collect();
        told.groups(name, rows);
    }
    let cohorts: Vec<(&str, &Sums)> = cells
        .groups("cohort")
        .filter(|(_, after, _)| after.is_empty())
        .map(|(month, _, sums)| (month, sums))
        .collect();
    let last_month = cells.groups("month").next_back().map(|(month, _, _)| month);
    let rows: Vec<_> = cohorts
        .into_iter()
        .map(|(month, sums)| {
            let members = sums.get("members");
            let mut figures = vec![
                Some(Figure::count("cohort_members", members).over(month)),
                share("cohort_active_90d_bps", sums.get("active_90d"), members)
                    .map(|figure| figure.over("90d")),
                share("cohort_ordered_twice_bps", sums.get("repeated"), members),
            ];
            figures.extend(AFTER.iter().filter(|after| is_over(month, after, last_month)).map(|after| {
                let active = cells.group("cohort", month, after).get("active");
                let number = after.trim_start_matches('0');
                share(format!("cohort_active_in_month_{number}_bps"), active, members)
            }));
            (members, row([("joined", month.to_owned())], figures))
        })
        .collect();
    told.groups("cohorts", rows);
    Ok(told.answer())
}

/// Whether so many months after a month are over by the last whole month.
fn is_over(month: &str, after: &str, last: Option<&str>) -> bool {
    let number = |month: &str| {
        let (year, month) = month.split_once('-')?;
        Some(year.parse::<i32>().ok()? * 12 + month.parse::<i32>().ok()?)
    };
    let ends = number(month).zip(after.parse::<i32>().ok()).map(|(month, after)| month + after);
    ends.zip(last.and_then(number)).is_some_and(|(ends, last)| ends <= last)
}

#[cfg(test)]
mod tests {
    use super::is_over;

    #[test]
    fn months_that_are_not_over_are_not_told_of() {
        assert!(is_over("2026-08", "02", Some("2026-10")));
        assert!(!is_over("2026-08", "03", Some("2026-10")));
        assert!(is_over("2025-11", "06", Some("2026-10")));
        assert!(!is_over("2026-08", "01", None));
    }
}
