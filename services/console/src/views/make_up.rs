//! What could be made up for: fires that ran nothing, and those of a range.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use tradeup_domain::Period;
use tradeup_store::runs::Trigger;
use tradeup_store::{Pool, TenantRef, Tx, schedules};
use tradeup_worker::trigger::make_up::{
    End, FIRES_MAX, MadeUp, RangeError, fires_between, fires_without_runs, plan,
};
use tradeup_worker::trigger::{Scheduled, monthly_backfill, monthly_credits_due};
use utoipa::{IntoParams, ToSchema};

use super::ledger::to_grant;
use super::runs::instant;
use super::said;
use super::schedule::{Found, wrong};
use super::when::When;
use crate::access::Who;
use crate::failure::Failure;

/// Most months of credits: each looks at every member of the shop.
const MONTHS_MAX: usize = 24;

/// A fire that could be made up for.
pub(crate) struct Planned {
    fire: MadeUp,
    /// Members who would be credited, of a month of one shop.
    members: Option<i64>,
}

impl Planned {
    /// Whether a run would be made: there is none, and it would do something.
    fn is_owed(&self) -> bool {
        self.fire.existing.is_none() && self.members != Some(0)
    }
}

/// Those of which a run would be made.
pub(crate) fn owed(planned: Vec<Planned>) -> Vec<MadeUp> {
    planned.into_iter().filter(Planned::is_owed).map(|planned| planned.fire).collect()
}

/// A fire that could be made up for, as it is shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MakeUpFire {
    pub(crate) due: When,
    /// The key of its run.
    pub(crate) key: String,
    /// The run that there is already: it gets no other.
    pub(crate) run: Option<String>,
    /// Members who would be credited, of a month of one shop.
    pub(crate) members: Option<i64>,
    /// A run would be made.
    pub(crate) is_owed: bool,
}

/// Fires that could be made up for.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct MakeUp {
    /// Runs that would be made: the number to give.
    pub(crate) runs: i64,
    /// Oldest first.
    pub(crate) fires: Vec<MakeUpFire>,
}

impl MakeUp {
    pub(crate) fn of(planned: &[Planned]) -> Self {
        let fires: Vec<MakeUpFire> = planned
            .iter()
            .map(|planned| MakeUpFire {
                due: When(planned.fire.due),
                key: planned.fire.new.key.clone(),
                run: planned.fire.existing.map(|id| id.to_string()),
                members: planned.members,
                is_owed: planned.is_owed(),
            })
            .collect();
        let runs = fires.iter().filter(|fire| fire.is_owed).count();
        Self { runs: i64::try_from(runs).unwrap_or(i64::MAX), fires }
    }
}

/// Which fires that ran nothing.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct CatchUpAsked {
    /// The shop whose own schedule it is; that for all shops, if it is not said.
    pub(crate) tenant: String,
    /// Due from then on; whenever, if it is not said.
    pub(crate) since: String,
}

impl CatchUpAsked {
    pub(crate) async fn planned(
        &self,
        pool: &Pool,
        who: &Who,
        name: &str,
    ) -> Result<(Found, Vec<Planned>), Failure> {
        let since = instant("since", &self.since)?;
        let found = Found::of(pool, who, name, &self.tenant).await?;
        let planned = caught_up(pool, &found, since, &who.name).await?;
        Ok((found, planned))
    }
}

/// Which fires.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct BackfillAsked {
    /// The shop; all, if it is not said.
    pub(crate) tenant: String,
    /// The first month, like `2026-08`, or the first instant.
    pub(crate) from: String,
    /// The last month or instant; the same month, or now, if it is not said.
    pub(crate) until: String,
}

/// One end of a range, if it is said.
fn end(field: &'static str, given: &str) -> Result<Option<End>, Failure> {
    let Some(given) = said(given) else { return Ok(None) };
    if let Ok(period) = given.parse() {
        return Ok(Some(End::Month(period)));
    }
    instant(field, &given).map(|at| at.map(End::Instant)).map_err(|_no_instant| Failure::Invalid {
        field,
        why: format!(
            "{given:?} is neither; write a month like 2026-10, or an instant like 2026-10-01T06:00:00Z"
        ),
    })
}

impl BackfillAsked {
    /// Whether anything is asked.
    pub(crate) fn is_asked(&self) -> bool {
        said(&self.from).is_some()
    }

    pub(crate) async fn planned(
        &self,
        pool: &Pool,
        who: &Who,
        name: &str,
    ) -> Result<(Found, Vec<Planned>), Failure> {
        let found = Found::of(pool, who, name, &self.tenant).await?;
        let task = task_of(&found)?;
        let from = end("from", &self.from)?.ok_or_else(|| Failure::Invalid {
            field: "from",
            why: "say from when: a month like 2026-10, or an instant".to_owned(),
        })?;
        let until = end("until", &self.until)?;
        let now = schedules::clock(pool).await?;
        let until = until.unwrap_or(match from {
            End::Month(_) => from,
            End::Instant(_) => End::Instant(now),
        });
        let planned = match &found.shop {
            Some(shop) if task == Scheduled::MonthlyCredits => {
                months(pool, shop, (from.period(), until.period()), now, &who.name).await?
            }
            _ => range(pool, &found, (from, until), now, &who.name).await?,
        };
        Ok((found, planned))
    }
}

fn task_of(found: &Found) -> Result<Scheduled, Failure> {
    let task = found.view.task.as_str();
    Scheduled::by_task(task).ok_or_else(|| {
        Failure::Conflict(format!("This console does not know {task}: it is of another build."))
    })
}

fn backwards() -> Failure {
    Failure::Invalid { field: "until", why: "it is before from; say them the other way round".to_owned() }
}

/// The months of one shop's credits, as `tradeup backfill` has them: whoever lacks a month's credit gets it.
async fn months(
    pool: &Pool,
    shop: &TenantRef,
    (first, last): (Period, Period),
    now: DateTime<Utc>,
    by: &str,
) -> Result<Vec<Planned>, Failure> {
    if last < first {
        return Err(backwards());
    }
    let (mut periods, mut period) = (Vec::new(), first);
    while period <= last && monthly_credits_due(period) <= now {
        if periods.len() == MONTHS_MAX {
            let why = format!("that is more than {MONTHS_MAX} months; do it in parts");
            return Err(Failure::Invalid { field: "until", why });
        }
        periods.push(period);
        period = period.following();
    }
    let mut planned = Vec::with_capacity(periods.len());
    for period in periods {
        let members = to_grant(pool, shop.id, period).await?;
        let new = monthly_backfill(shop.clone(), period, now, Trigger::Manual(by.to_owned()));
        let fire = MadeUp { due: monthly_credits_due(period), new, existing: None };
        planned.push(Planned { fire, members: Some(members) });
    }
    Ok(planned)
}

/// The fires that the schedule has in a range, as it is now.
async fn range(
    pool: &Pool,
    found: &Found,
    (from, until): (End, End),
    now: DateTime<Utc>,
    by: &str,
) -> Result<Vec<Planned>, Failure> {
    let rule = found.view.rule().map_err(|error| wrong(&error))?;
    let fires = fires_between(&rule.cron, from, until, now).map_err(|error| match error {
        RangeError::Backwards => backwards(),
        RangeError::TooMany => Failure::Invalid { field: "until", why: error.to_string() },
        RangeError::Schedule(error) => wrong(&error.into()),
    })?;
    runs_of(pool, found, rule.cron.zone(), &fires, now, by).await
}

/// Fires of which it was decided that they run nothing.
pub(crate) async fn caught_up(
    pool: &Pool,
    found: &Found,
    since: Option<DateTime<Utc>>,
    by: &str,
) -> Result<Vec<Planned>, Failure> {
    // A shop without a schedule of its own has the fires of the one for all, which makes up for them.
    if !found.is_its_own || Scheduled::by_task(&found.view.task).is_none() {
        return Ok(Vec::new());
    }
    let rule = found.view.rule().map_err(|error| wrong(&error))?;
    let tenant = found.shop.as_ref().map(|shop| shop.id);
    let mut tx = Tx::of_engine(pool).await?;
    let now = schedules::now(&mut tx).await?;
    let fires = fires_without_runs(&mut tx, &found.view.name, tenant, &rule.cron, since).await?;
    tx.rollback().await?;
    let mut planned = runs_of(pool, found, rule.cron.zone(), &fires, now, by).await?;
    // What was made up for is over.
    planned.retain(Planned::is_owed);
    planned.truncate(FIRES_MAX);
    Ok(planned)
}

async fn runs_of(
    pool: &Pool,
    found: &Found,
    zone: Tz,
    fires: &[DateTime<Utc>],
    now: DateTime<Utc>,
    by: &str,
) -> Result<Vec<Planned>, Failure> {
    let task = task_of(found)?;
    let mut tx = Tx::of_engine(pool).await?;
    let fires = plan(&mut tx, task, found.shop.as_ref(), zone, fires, now, by).await?;
    tx.rollback().await?;
    Ok(fires.into_iter().map(|fire| Planned { fire, members: None }).collect())
}
