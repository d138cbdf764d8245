//! Members one by one: those at risk, and those who are about to lose credit. Each by id, with rounded figures.

use tradeup_domain::figure::{Figure, Unit};
use uuid::Uuid;

use super::cells::{Cells, tier_handles, topics};
use super::credit::ends;
use super::overview::ending;
use super::told::{SEGMENTS, Told, about, member_row, row};
use super::{Answered, GROUP_MIN, Row};
use crate::error::{Doing, StoreError};
use crate::snapshots::SnapshotId;
use crate::{Connection, TenantId};

/// By when credit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Within 7 days.
    Days7,
    /// Within 30 days.
    Days30,
}

impl Ending {
    /// As it is written in arguments and figures: `30d`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Days7 => "7d",
            Self::Days30 => "30d",
        }
    }
}

/// A member as listed.
struct Listed {
    member_id: Uuid,
    tier: Option<String>,
    segment: String,
    recency_days: Option<i32>,
    risk: i16,
    spend_365d_minor: i64,
    balance_minor: i64,
    expiring_minor: i64,
}

impl Listed {
    fn row(self, told: &Told<'_>, ending: Option<Ending>) -> Row {
        let labels = [
            ("tier", self.tier.unwrap_or_else(|| "none".to_owned())),
            ("segment", self.segment),
            ("days_since_order", silence(self.recency_days).to_owned()),
        ];
        let mut figures = vec![
            Figure::of("member_risk_score", i64::from(self.risk) / 5 * 5, Unit::Score),
            told.minor("member_spend_365d_about_minor", about(self.spend_365d_minor)).over("365d"),
            told.minor("member_credit_about_minor", about(self.balance_minor)),
        ];
        figures.extend(ending.map(|ending| {
            let days = ending.as_str();
            told.minor(format!("member_expiring_{days}_about_minor"), about(self.expiring_minor)).over(days)
        }));
        member_row(self.member_id, labels, figures)
    }
}

/// Days of silence, as a range.
fn silence(days: Option<i32>) -> &'static str {
    match days {
        None => "never",
        Some(..30) => "0-29",
        Some(30..60) => "30-59",
        Some(60..90) => "60-89",
        Some(90..180) => "90-179",
        Some(180..365) => "180-364",
        Some(_) => "365+",
    }
}

/// The members at risk: how many, of which tiers, and the first few, the riskiest first and of those the best customers.
///
/// # Errors
/// As any statement.
pub async fn at_risk(
    db: &mut Connection,
    tenant: TenantId,
    snapshot: SnapshotId,
    tier: Option<&str>,
    limit: i64,
) -> Answered {
    let cells = Cells::of(db, tenant, snapshot, &topics(&["shop", "segment", "tier_segment"])).await?;
    let handles = tier_handles(db, tenant).await?;
    let mut told = Told::of(&cells);
    let sums = cells.group("segment", "at_risk", "");
    let members = sums.get("members");
    let revenue = told.minor("at_risk_revenue_365d_minor", sums.get("spend_365d")).over("365d");
    let ending = told.minor("at_risk_expiring_30d_minor", sums.get("expiring_30d")).over("30d");
    let mut figures = vec![Some(Figure::count("at_risk_members", members))];
    if members >= GROUP_MIN {
        figures.extend([
            Some(Figure::count("at_risk_reachable_members", sums.get("reachable"))),
            Some(revenue),
            Some(told.minor("at_risk_credit_minor", sums.get("balance"))),
            Some(ending),
        ]);
    }
    told.shop("at_risk", figures);
    let mut rows = Vec::new();
    for handle in &handles {
        let sums = cells.group("tier_segment", handle, "at_risk");
        let members = sums.get("members");
        let revenue = told.minor("in_segment_revenue_365d_minor", sums.get("spend_365d")).over("365d");
        let labels = [("tier", handle.clone()), ("segment", "at_risk".to_owned())];
        rows.push((members, row(labels, [Some(Figure::count("segment_members", members)), Some(revenue)])));
    }
    told.groups("tiers", rows);
    let asked = tier.map_or(members, |tier| cells.group("tier_segment", tier, "at_risk").get("members"));
    let listed = if asked < GROUP_MIN {
        Vec::new()
    } else {
        sqlx::query_file_as!(
            Listed,
            "src/insights/at_risk.sql",
            tenant as TenantId,
            snapshot as SnapshotId,
            tier_id(db, tenant, tier).await?,
            tier.is_some(),
            limit,
        )
        .fetch_all(db)
        .await
        .doing("listing members at risk")?
    };
    list(&mut told, listed, asked, None);
    Ok(told.answer())
}

/// Credit that ends soon: how much, whose by tier and segment, when, and the members who lose the most.
///
/// # Errors
/// As any statement.
pub async fn expiring(
    db: &mut Connection,
    tenant: TenantId,
    snapshot: SnapshotId,
    within: Ending,
    tier: Option<&str>,
    limit: i64,
) -> Answered {
    let cells = Cells::of(db, tenant, snapshot, &topics(&["shop", "segment", "tier", "ending"])).await?;
    let handles = tier_handles(db, tenant).await?;
    let days = within.as_str();
    let shop = cells.shop();
    let mut told = Told::of(&cells);
    let mut figures: Vec<_> = ending(&cells).map(Some).collect();
    figures.extend([
        Some(Figure::count("expiring_at_risk_members_30d", shop.get("expiring_30d_at_risk")).over("30d")),
        Some(Figure::count("expiring_reachable_members_30d", shop.get("expiring_30d_reachable")).over("30d")),
    ]);
    told.shop("expiring", figures);
    let of = format!("expiring_{days}_members");
    for (section, topic, names) in
        [("tiers", "tier", handles), ("segments", "segment", SEGMENTS.map(str::to_owned).to_vec())]
    {
        let mut rows = Vec::new();
        for name in names {
            let sums = cells.group(topic, &name, "");
            let members = sums.get(&of);
            let minor = sums.get(&format!("expiring_{days}"));
            let figures = [
                Some(Figure::count(format!("in_{topic}_expiring_members_{days}"), members).over(days)),
                Some(told.minor(format!("in_{topic}_expiring_{days}_minor"), minor).over(days)),
            ];
            rows.push((members, row([(topic, name)], figures)));
        }
        told.groups(section, rows);
    }
    let rows = ends(&told, &cells);
    told.groups("ending", rows);
    let asked = tier.map_or(shop.get(&of), |tier| cells.group("tier", tier, "").get(&of));
    let listed = if asked < GROUP_MIN {
        Vec::new()
    } else {
        losing(db, tenant, snapshot, within, tier, limit).await?
    };
    list(&mut told, listed, asked, Some(within));
    Ok(told.answer())
}

async fn losing(
    db: &mut Connection,
    tenant: TenantId,
    snapshot: SnapshotId,
    within: Ending,
    tier: Option<&str>,
    limit: i64,
) -> Result<Vec<Listed>, StoreError> {
    let of = tier_id(db, tenant, tier).await?;
    // Each by an index of its own.
    let listed = match within {
        Ending::Days7 => {
            sqlx::query_file_as!(
                Listed,
                "src/insights/expiring_7d.sql",
                tenant as TenantId,
                snapshot as SnapshotId,
                of,
                tier.is_some(),
                limit,
            )
            .fetch_all(db)
            .await
        }
        Ending::Days30 => {
            sqlx::query_file_as!(
                Listed,
                "src/insights/expiring_30d.sql",
                tenant as TenantId,
                snapshot as SnapshotId,
                of,
                tier.is_some(),
                limit,
            )
            .fetch_all(db)
            .await
        }
    };
    listed.doing("listing members who lose credit")
}

fn list(told: &mut Told<'_>, listed: Vec<Listed>, of: i64, ending: Option<Ending>) {
    if of == 0 {
        told.note("No member matched. This is final: asking again brings nothing.");
    } else if of < GROUP_MIN {
        told.note(format!("Fewer than {GROUP_MIN} members matched: none is listed. This is final."));
    } else if listed.is_empty() {
        told.note("Single members of this snapshot are not kept any more.");
    }
    let rows = listed.into_iter().map(|member| member.row(told, ending)).collect();
    told.rows("members", rows, if of < GROUP_MIN { 0 } else { of });
}

/// The number of a tier; `None` for `none`.
async fn tier_id(
    db: &mut Connection,
    tenant: TenantId,
    handle: Option<&str>,
) -> Result<Option<i32>, StoreError> {
    let Some(handle) = handle else { return Ok(None) };
    sqlx::query_scalar!(
        "select id from tiers where tenant_id = $1 and handle = $2",
        tenant as TenantId,
        handle
    )
    .fetch_optional(db)
    .await
    .doing("looking up a tier")
}
