//! Campaigns in a list. What became of each is on the page of its plan.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;

use super::super::{filters, written};
use super::around;
use crate::Console;
use crate::access::Who;
use crate::failure::{Failure, Query};
use crate::frame::Frame;
use crate::views::agents::campaigns::{Campaigns, CampaignsAsked, OneCampaign, STATES};
use crate::views::tenants::Seen;

#[derive(Template)]
#[template(path = "campaigns.html")]
struct CampaignsPage {
    frame: Frame,
    /// The shop whose they are; of all, if there is none.
    shop: Option<String>,
    path: String,
    asked: CampaignsAsked,
    view: Campaigns,
    states: [(&'static str, &'static str); 6],
    next: Option<String>,
}

impl CampaignsPage {
    async fn of(
        console: &Console,
        who: &Who,
        shop: Option<String>,
        asked: CampaignsAsked,
    ) -> Result<Response, Failure> {
        let view = Campaigns::read(console.worker.pool(), who, &asked).await?;
        // The address of a shop's own list says whose it is.
        let tenant = if shop.is_some() { String::new() } else { asked.tenant };
        let asked = CampaignsAsked { tenant, ..asked };
        let next = view.next.as_deref().map(|before| asked.after(before)).transpose()?;
        let (frame, path, next) = around(who, shop.as_deref(), "campaigns", next);
        written(&Self { frame, shop, path, asked, view, states: STATES, next })
    }
}

async fn all(
    State(console): State<Console>,
    who: Who,
    Query(asked): Query<CampaignsAsked>,
) -> Result<Response, Failure> {
    CampaignsPage::of(&console, &who, None, asked).await
}

async fn of_shop(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Query(asked): Query<CampaignsAsked>,
) -> Result<Response, Failure> {
    let asked = CampaignsAsked { tenant: shop.handle.clone(), ..asked };
    CampaignsPage::of(&console, &who, Some(shop.handle), asked).await
}

/// Leads to it on the page of its plan, where what was read when it was approved is, too.
async fn one(
    State(console): State<Console>,
    Seen { shop, .. }: Seen,
    Path((_, given)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let found = OneCampaign::read(console.worker.pool(), &shop, &given).await?;
    let to = format!("/shops/{}/plans/{}#of-{}", shop.handle, found.plan, found.carried.id);
    Ok(Redirect::to(&to).into_response())
}

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/campaigns", get(all))
        .route("/shops/{handle}/campaigns", get(of_shop))
        .route("/shops/{handle}/campaigns/{campaign}", get(one))
}
