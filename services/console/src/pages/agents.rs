//! Plans of the agents, how each was made, and what models cost.

mod campaigns;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tradeup_access::Act;
use tradeup_plan::{Piece, SEGMENTS};
use uuid::Uuid;

use super::{charts, filters, written};
use crate::Console;
use crate::access::Who;
use crate::charts::Chart;
use crate::failure::{Failure, Query};
use crate::frame::Frame;
use crate::views::agents::asking::{self, Asking};
use crate::views::agents::journal::{Journal, JournalAsked};
use crate::views::agents::plan::{OnePlan, PlanFile, file};
use crate::views::agents::plans::{Plans, PlansAsked, STATES};
use crate::views::agents::settings::AgentsOfShop;
use crate::views::agents::spend::{Spend, SpendAsked};
use crate::views::agents::usd;
use crate::views::agents::written::{WrittenCampaign, WrittenPlan};
use crate::views::tenants::Seen;

/// What a list has around it, of all shops or of one: the frame, its path, and the address of the page behind it.
fn around(
    who: &Who,
    shop: Option<&str>,
    list: &str,
    next: Option<String>,
) -> (Frame, String, Option<String>) {
    let (place, path) =
        shop.map_or(("plans", format!("/{list}")), |shop| ("shops", format!("/shops/{shop}/{list}")));
    let next = next.map(|asked| format!("{path}?{asked}"));
    (Frame::of(who, place), path, next)
}

#[derive(Template)]
#[template(path = "plans.html")]
struct PlansPage {
    frame: Frame,
    /// The shop whose they are; of all, if there is none.
    shop: Option<String>,
    path: String,
    asked: PlansAsked,
    view: Plans,
    states: [(&'static str, &'static str); 5],
    next: Option<String>,
}

impl PlansPage {
    async fn of(
        console: &Console,
        who: &Who,
        shop: Option<String>,
        asked: PlansAsked,
    ) -> Result<Response, Failure> {
        let view = Plans::read(console.worker.pool(), who, &asked).await?;
        // The address of a shop's own list says whose it is.
        let tenant = if shop.is_some() { String::new() } else { asked.tenant };
        let asked = PlansAsked { tenant, ..asked };
        let next = view.next.as_deref().map(|before| asked.after(before)).transpose()?;
        let (frame, path, next) = around(who, shop.as_deref(), "plans", next);
        written(&Self { frame, shop, path, asked, view, states: STATES, next })
    }
}

async fn all(
    State(console): State<Console>,
    who: Who,
    Query(asked): Query<PlansAsked>,
) -> Result<Response, Failure> {
    PlansPage::of(&console, &who, None, asked).await
}

async fn of_shop(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Query(asked): Query<PlansAsked>,
) -> Result<Response, Failure> {
    let asked = PlansAsked { tenant: shop.handle.clone(), ..asked };
    PlansPage::of(&console, &who, Some(shop.handle), asked).await
}

#[derive(Template)]
#[template(path = "plan.html")]
struct PlanPage {
    frame: Frame,
    shop: String,
    view: OnePlan,
    plan: WrittenPlan,
    campaigns: Vec<WrittenCampaign>,
}

/// A plan, or with `.md` or `.json` the file that it is handed on as.
async fn plan(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Path((_, given)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let (id, wanted) = file(&given);
    let view = OnePlan::read(console.worker.pool(), &shop, id).await?;
    let (ending, kind, body) = match wanted {
        None => {
            let (plan, campaigns) = view.written();
            let frame = Frame::of(&who, "shops");
            return written(&PlanPage { frame, shop: shop.handle, view, plan, campaigns });
        }
        Some(PlanFile::Markdown) => {
            let text = view.markdown(console.worker.pool(), &shop).await?;
            ("md", "text/markdown; charset=utf-8", text)
        }
        Some(PlanFile::Json) => ("json", "application/json", view.json()?),
    };
    let name = format!("attachment; filename=\"plan-{}-{}.{ending}\"", shop.handle, view.line.run);
    Ok(([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, name)], body).into_response())
}

#[derive(Template)]
#[template(path = "journal.html")]
struct JournalPage {
    frame: Frame,
    shop: String,
    view: Journal,
}

async fn journal(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Path((_, id)): Path<(String, String)>,
    Query(asked): Query<JournalAsked>,
) -> Result<Response, Failure> {
    let view = Journal::read(console.worker.pool(), &who, &shop, &id, &asked).await?;
    written(&JournalPage { frame: Frame::of(&who, "shops"), shop: shop.handle, view })
}

#[derive(Template)]
#[template(path = "agents.html")]
struct AgentsPage {
    frame: Frame,
    shop: String,
    view: AgentsOfShop,
    forms: &'static [Asking],
    segments: [&'static str; 10],
    /// What a form asks for has this key: sent twice, it is asked for once.
    key: Uuid,
}

async fn agents(State(console): State<Console>, Seen { who, shop }: Seen) -> Result<Response, Failure> {
    let view = AgentsOfShop::read(console.worker.pool(), &shop).await?;
    let frame = Frame::of(&who, "shops");
    let page = AgentsPage {
        frame,
        shop: shop.handle,
        view,
        forms: &asking::ALL,
        segments: SEGMENTS,
        key: Uuid::now_v7(),
    };
    written(&page)
}

#[derive(Template)]
#[template(path = "spend.html")]
struct SpendPage {
    frame: Frame,
    asked: SpendAsked,
    view: Spend,
    /// Twelve months; none if nothing was spent in them.
    chart: Option<Chart>,
    /// What a day may cost, as a field has it.
    day_cap: String,
}

async fn spend(
    State(console): State<Console>,
    who: Who,
    Query(asked): Query<SpendAsked>,
) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let view = Spend::read(console.worker.pool(), &who, &asked).await?;
    let (chart, day_cap) = (charts::spend(&view.by_month), usd::field(view.today.cap.nano));
    written(&SpendPage { frame: Frame::of(&who, "plans"), asked, view, chart, day_cap })
}

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/plans", get(all))
        .route("/shops/{handle}/plans", get(of_shop))
        .route("/shops/{handle}/plans/{run}", get(plan))
        .route("/shops/{handle}/plans/{run}/journal", get(journal))
        .route("/shops/{handle}/agents", get(agents))
        .route("/agents/spend", get(spend))
        .merge(campaigns::routes())
}

#[cfg(test)]
mod tests;
