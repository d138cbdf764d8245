//! Schedules: all of them, and each with what can be done about it.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use tradeup_access::Act;
use tradeup_domain::Period;
use tradeup_proto::job_kind::MONTHLY_CREDITS;
use tradeup_store::schedules;

use super::{filters, written};
use crate::Console;
use crate::access::Who;
use crate::failure::{Failure, Query};
use crate::frame::Frame;
use crate::views::make_up::{BackfillAsked, MakeUp};
use crate::views::schedule::{Found, OneSchedule, Proposed, ScheduleSetting};
use crate::views::schedules::Schedules;

#[derive(Template)]
#[template(path = "schedules.html")]
struct SchedulesPage {
    frame: Frame,
    view: Schedules,
}

async fn list(State(console): State<Console>, who: Who) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let view = Schedules::read(console.worker.pool()).await?;
    written(&SchedulesPage { frame: Frame::of(&who, "schedules"), view })
}

/// What the page's forms are filled in with: one sets it, one asks what a backfill would make.
#[derive(Deserialize)]
struct Filled {
    #[serde(flatten)]
    setting: ScheduleSetting,
    /// It was tried out: nothing was done.
    #[serde(default)]
    checked: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
}

#[derive(Template)]
#[template(path = "schedule.html")]
struct SchedulePage {
    frame: Frame,
    view: OneSchedule,
    filled: Filled,
    /// What the change that was tried out would come to.
    proposed: Option<Proposed>,
    /// What a backfill would make.
    backfill: Option<MakeUp>,
    /// The month that it is, in UTC, if the schedule is about months.
    period: Option<String>,
}

impl SchedulePage {
    /// What a field is filled in with: what was tried out, or what it is.
    fn filled_in<'a>(&self, given: &'a str, is: &'a str) -> &'a str {
        if given.is_empty() { is } else { given }
    }
}

async fn one(
    State(console): State<Console>,
    who: Who,
    Path(name): Path<String>,
    Query(filled): Query<Filled>,
) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let pool = console.worker.pool();
    let found = Found::of(pool, &who, &name, &filled.setting.tenant).await?;
    let now = schedules::clock(pool).await?;
    let proposed = if filled.checked == "yes" {
        Some(Proposed::of(&found, &filled.setting.change(&found)?, now)?)
    } else {
        None
    };
    let asked = BackfillAsked {
        tenant: filled.setting.tenant.clone(),
        from: filled.from.clone(),
        until: filled.until.clone(),
    };
    let backfill =
        if asked.is_asked() { Some(MakeUp::of(&asked.planned(pool, &who, &name).await?.1)) } else { None };
    let period =
        (found.view.task == MONTHLY_CREDITS.task).then(|| Period::of(now, chrono_tz::Tz::UTC).to_string());
    let view = OneSchedule::read(pool, &who, found).await?;
    let frame = Frame::of(&who, "schedules");
    written(&SchedulePage { frame, view, filled, proposed, backfill, period })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/schedules", get(list)).route("/schedules/{name}", get(one))
}
