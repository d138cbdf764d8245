//! KPIs, looked at again when their time has come: "you planned 25 %, you got 18 %".

use chrono::{DateTime, Utc};
pub use tradeup_domain::outcomes::FollowUp;

use crate::agent_runs::Lease;
use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId, Tx};

/// What a plan wants to reach.
#[derive(Clone, Debug)]
pub struct NewKpi<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is counted, as the shop's overview names it.
    pub measure: &'a str,
    /// Of which tier, by its handle; `None`: of the whole shop.
    pub tier: Option<&'a str>,
    /// The unit of baseline, target and actual value.
    pub unit: &'a str,
    /// ISO 4217 code, of money.
    pub currency: Option<&'a str>,
    /// Where it starts from.
    pub baseline: i64,
    /// Where it is to be.
    pub target: i64,
    /// When.
    pub due_at: DateTime<Utc>,
}

/// A KPI whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The plan's run.
    pub run_id: RunId,
    /// Its place in the plan.
    pub n: i32,
    /// What is counted.
    pub measure: String,
    /// Of which tier.
    pub tier: Option<String>,
    /// Where it started from.
    pub baseline: i64,
    /// Where it was to be.
    pub target: i64,
    /// The instant that it is looked at for.
    pub due_at: DateTime<Utc>,
}

impl Due {
    /// Whether this value is what was wanted: the target or beyond it, away from the baseline. A target that is the baseline
    /// is met by what is not below it.
    #[must_use]
    pub fn is_met_by(&self, actual: i64) -> bool {
        if self.target < self.baseline { actual <= self.target } else { actual >= self.target }
    }
}

/// Keeps what a plan wants to reach.
///
/// # Errors
/// As any statement.
pub(crate) async fn put(tx: &mut Tx, lease: &Lease, kpis: &[NewKpi<'_>]) -> Result<(), StoreError> {
    for (n, kpi) in (1_i32..).zip(kpis) {
        sqlx::query!(
            "insert into kpi_follow_ups (tenant_id, run_id, n, name, measure, tier, unit, currency, baseline, target, due_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            lease.tenant as TenantId,
            lease.run_id as RunId,
            n,
            crate::agent_runs::storable(kpi.name),
            kpi.measure,
            kpi.tier,
            kpi.unit,
            kpi.currency,
            kpi.baseline,
            kpi.target,
            kpi.due_at,
        )
        .execute(&mut **tx)
        .await
        .doing("keeping a KPI")?;
    }
    Ok(())
}

/// The KPIs of a plan, in their order.
///
/// # Errors
/// As any statement.
pub async fn of_plan(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
) -> Result<Vec<FollowUp>, StoreError> {
    sqlx::query_as!(
        FollowUp,
        "select n, name, measure, tier, unit, currency, baseline, target, due_at, actual, verdict, followed_at
         from kpi_follow_ups where tenant_id = $1 and run_id = $2 order by n",
        tenant as TenantId,
        run_id as RunId,
    )
    .fetch_all(db)
    .await
    .doing("reading KPIs")
}

/// KPIs whose time has come by then, the longest due first. Those of plans that were rejected or have expired are nobody's.
///
/// # Errors
/// As any statement.
pub async fn due(
    db: &mut Connection,
    tenant: TenantId,
    as_of: DateTime<Utc>,
) -> Result<Vec<Due>, StoreError> {
    sqlx::query_as!(
        Due,
        r#"select k.run_id as "run_id: RunId", k.n, k.measure, k.tier, k.baseline, k.target, k.due_at
           from kpi_follow_ups k
           join plans p on p.tenant_id = k.tenant_id and p.run_id = k.run_id and p.state not in ('rejected', 'expired')
           where k.tenant_id = $1 and k.verdict is null and k.due_at <= $2
           order by k.due_at, k.run_id, k.n"#,
        tenant as TenantId,
        as_of,
    )
    .fetch_all(db)
    .await
    .doing("looking for KPIs whose time has come")
}

/// Keeps what a KPI has come to, once; `None`: it can't be told.
///
/// # Errors
/// As any statement.
pub async fn record(
    tx: &mut Tx,
    tenant: TenantId,
    kpi: &Due,
    actual: Option<i64>,
    as_of: DateTime<Utc>,
) -> Result<(), StoreError> {
    let verdict = match actual {
        None => "no_data",
        Some(actual) if kpi.is_met_by(actual) => "met",
        Some(_) => "missed",
    };
    sqlx::query!(
        "update kpi_follow_ups set actual = $4, verdict = $5, followed_at = $6
         where tenant_id = $1 and run_id = $2 and n = $3 and verdict is null",
        tenant as TenantId,
        kpi.run_id as RunId,
        kpi.n,
        actual,
        verdict,
        as_of,
    )
    .execute(&mut **tx)
    .await
    .doing("keeping what a KPI has come to")
    .map(drop)
}
