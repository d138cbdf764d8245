//! What is done to schedules, and about their fires.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use tradeup_store::schedules::{self, EditError};
use tradeup_store::{Tx, audit};
use tradeup_worker::Relay;
use tradeup_worker::trigger::make_up;
use utoipa::ToSchema;

use super::operator::Number;
use super::{Operator, Said, done};
use crate::Console;
use crate::api::document::{Problems, SchedulePath};
use crate::failure::Failure;
use crate::views::make_up::{BackfillAsked, CatchUpAsked, Planned, owed};
use crate::views::schedule::{Found, Proposed, ScheduleSetting, ScheduleTerms, address, shop, wrong};
use crate::views::when::When;

/// Which schedule of a name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichSchedule {
    /// The shop whose own it is; that for all shops, if it is not said.
    #[serde(default)]
    tenant: String,
}

/// Pauses a schedule: its fires are on record as paused, none runs. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/schedules/{name}/pause", operation_id = "pause_schedule",
    params(SchedulePath), request_body = Said<WhichSchedule>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn pause(
    State(console): State<Console>,
    Path(name): Path<String>,
    operator: Operator<WhichSchedule>,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let pool = console.worker.pool();
    let shop = shop(pool, &operator.who, &operator.what.tenant).await?;
    let mut tx = Tx::of_engine(pool).await?;
    schedules::pause(&mut tx, &name, shop.as_ref().map(|shop| shop.id), &actor).await?;
    tx.commit().await?;
    Ok(done(&address(&name, shop.as_ref()), json!({ "paused": true })))
}

/// Lets a schedule fire again, from its next fire on.
#[utoipa::path(post, path = "/api/v1/schedules/{name}/resume", operation_id = "resume_schedule",
    params(SchedulePath), request_body = Said<WhichSchedule>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn resume(
    State(console): State<Console>,
    Path(name): Path<String>,
    operator: Operator<WhichSchedule>,
) -> Result<Response, Failure> {
    let pool = console.worker.pool();
    let shop = shop(pool, &operator.who, &operator.what.tenant).await?;
    let mut tx = Tx::of_engine(pool).await?;
    schedules::resume(&mut tx, &name, shop.as_ref().map(|shop| shop.id), &operator.actor()).await?;
    tx.commit().await?;
    Ok(done(&address(&name, shop.as_ref()), json!({ "paused": false })))
}

/// Why a schedule is not as it was to be.
fn refused(error: EditError) -> Failure {
    match error {
        EditError::Rule(error) => wrong(&error),
        EditError::Unknown(_) => Failure::NotFound,
        other => other.into(),
    }
}

/// Sets a schedule, or gives a shop its own; its next fire is computed anew. With `dry_run` it says what that would come
/// to, the next ten fires among it. Needs `reason` otherwise.
#[utoipa::path(post, path = "/api/v1/schedules/{name}/set", operation_id = "set_schedule",
    params(SchedulePath), request_body = Said<ScheduleSetting>,
    responses((status = 200, description = "It is done, or what it would come to.", body = Object), Problems))]
pub(crate) async fn set(
    State(console): State<Console>,
    Path(name): Path<String>,
    operator: Operator<ScheduleSetting>,
) -> Result<Response, Failure> {
    let pool = console.worker.pool();
    let what = &operator.what;
    let found = Found::of(pool, &operator.who, &name, &what.tenant).await?;
    let change = what.change(&found)?;
    if what.dry_run == "yes" {
        let proposed = Proposed::of(&found, &change, schedules::clock(pool).await?)?;
        let fields = [
            ("checked", "yes"),
            ("tenant", found.handle().unwrap_or_default()),
            ("cron", what.cron.as_str()),
            ("zone", what.zone.as_str()),
            ("gap", what.gap.as_str()),
            ("repeat", what.repeat.as_str()),
            ("missed", what.missed.as_str()),
            ("window", what.window.as_str()),
            ("overlap", what.overlap.as_str()),
            ("spread", what.spread.as_str()),
        ];
        let query = serde_urlencoded::to_string(fields).map_err(|_unwritable| Failure::Internal)?;
        let value = serde_json::to_value(&proposed).map_err(|_unwritable| Failure::Internal)?;
        return Ok(done(&format!("/schedules/{}?{query}", found.view.name), value));
    }
    let actor = operator.because()?;
    let mut tx = Tx::of_engine(pool).await?;
    let tenant = found.shop.as_ref().map(|shop| shop.id);
    let changed = schedules::change(&mut tx, &name, tenant, &change, &actor).await.map_err(refused)?;
    tx.commit().await?;
    let value = json!({ "before": ScheduleTerms::of(&changed.before), "after": ScheduleTerms::of(&changed.after),
        "next": When(changed.next_fire_at) });
    Ok(done(&found.address(), value))
}

/// Removes a shop's own schedule: that for all shops counts for it again. Needs `reason` and `tenant`.
#[utoipa::path(post, path = "/api/v1/schedules/{name}/remove", operation_id = "remove_schedule",
    params(SchedulePath), request_body = Said<WhichSchedule>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn remove(
    State(console): State<Console>,
    Path(name): Path<String>,
    operator: Operator<WhichSchedule>,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let pool = console.worker.pool();
    let Some(shop) = shop(pool, &operator.who, &operator.what.tenant).await? else {
        let why = "say whose: only a shop's own schedule can be removed; pause the others".to_owned();
        return Err(Failure::Invalid { field: "tenant", why });
    };
    let mut tx = Tx::of_engine(pool).await?;
    schedules::remove(&mut tx, &name, shop.id, &actor).await.map_err(refused)?;
    tx.commit().await?;
    Ok(done(&address(&name, None), json!({ "removed": true })))
}

/// Makes the runs that are owed, if as many were said.
async fn make<T>(
    console: &Console,
    operator: &Operator<T>,
    count: &Number,
    act: &str,
    found: &Found,
    planned: Vec<Planned>,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    // What is no number is wrong, whatever there is to do.
    operator.number("count", count)?;
    let owed = owed(planned);
    let Some(first) = owed.first() else {
        return Err(Failure::Conflict(
            "Nothing is to be made up for: whatever is owed has its run.".to_owned(),
        ));
    };
    operator.counts(count, i64::try_from(owed.len()).unwrap_or(i64::MAX))?;
    let task = first.new.task.clone();
    let keys: Vec<&str> = owed.iter().map(|fire| fire.new.key.as_str()).collect();
    let subject =
        json!({ "schedule": found.view.name, "tenant": found.handle(), "task": task, "keys": keys });
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    let (made, messages) = make_up::make(&mut tx, owed).await?;
    audit::record(&mut tx, &actor, act, &subject).await?;
    tx.commit().await?;
    // Without NATS the scheduler's sweep publishes them.
    Relay::new(console.worker.broker().clone()).publish_jobs(&messages).await;
    let made: Vec<String> = made.iter().map(ToString::to_string).collect();
    let to = match made.as_slice() {
        [one] => format!("/runs/{one}"),
        _ => format!("/runs?task={task}"),
    };
    Ok(done(&to, json!({ "runs": made })))
}

/// Fires to be caught up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatchUp {
    /// The shop whose own schedule it is; that for all shops, if it is not said.
    #[serde(default)]
    tenant: String,
    /// Due from then on; whenever, if it is not said.
    #[serde(default)]
    since: String,
    /// How many runs, as it was shown.
    #[serde(default)]
    #[schema(value_type = i64, required = false)]
    count: Number,
}

/// Makes the runs of fires that were missed, skipped for being late, or fell into a pause, each once. Needs `reason` and
/// `count`.
#[utoipa::path(post, path = "/api/v1/schedules/{name}/catch-up", operation_id = "catch_up_schedule",
    params(SchedulePath), request_body = Said<CatchUp>,
    responses((status = 200, description = "Its runs.", body = Object), Problems))]
pub(crate) async fn catch_up(
    State(console): State<Console>,
    Path(name): Path<String>,
    operator: Operator<CatchUp>,
) -> Result<Response, Failure> {
    let what = &operator.what;
    let asked = CatchUpAsked { tenant: what.tenant.clone(), since: what.since.clone() };
    let (found, planned) = asked.planned(console.worker.pool(), &operator.who, &name).await?;
    make(&console, &operator, &what.count, "schedules.catch_up", &found, planned).await
}

/// Fires of a range to be made up for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Backfill {
    /// The shop; all, if it is not said.
    #[serde(default)]
    tenant: String,
    /// The first month, like `2026-08`, or the first instant.
    from: String,
    /// The last month or instant; the same month, or now, if it is not said.
    #[serde(default)]
    until: String,
    /// How many runs, as it was shown.
    #[serde(default)]
    #[schema(value_type = i64, required = false)]
    count: Number,
}

/// Makes the runs of a range's fires, each once. Months of credits of one shop are gone through for whoever lacks them,
/// as `tradeup backfill` does. Needs `reason` and `count`.
#[utoipa::path(post, path = "/api/v1/schedules/{name}/backfill", operation_id = "backfill_schedule",
    params(SchedulePath), request_body = Said<Backfill>,
    responses((status = 200, description = "Its runs.", body = Object), Problems))]
pub(crate) async fn backfill(
    State(console): State<Console>,
    Path(name): Path<String>,
    operator: Operator<Backfill>,
) -> Result<Response, Failure> {
    let what = &operator.what;
    let asked =
        BackfillAsked { tenant: what.tenant.clone(), from: what.from.clone(), until: what.until.clone() };
    let (found, planned) = asked.planned(console.worker.pool(), &operator.who, &name).await?;
    make(&console, &operator, &what.count, "schedules.backfill", &found, planned).await
}
