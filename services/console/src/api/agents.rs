//! Plans of the agents, how each was made, and what models cost, as JSON.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderValue, VARY};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use tradeup_access::Act;

use super::document::{CampaignPath, PlanPath, Problems, ShopPath};
use crate::Console;
use crate::access::Who;
use crate::failure::{Failure, Query};
use crate::views::agents::campaigns::{Campaigns, CampaignsAsked, OneCampaign};
use crate::views::agents::journal::{Journal, JournalAsked};
use crate::views::agents::plan::{OnePlan, PlanFile, file};
use crate::views::agents::plans::{Plans, PlansAsked};
use crate::views::agents::settings::AgentsOfShop;
use crate::views::agents::spend::{Spend, SpendAsked};
use crate::views::tenants::Seen;

/// Plans that may be seen, newest first.
#[utoipa::path(get, path = "/api/v1/plans", operation_id = "plans", params(PlansAsked),
    responses((status = 200, body = Plans), Problems))]
pub(super) async fn all(
    State(console): State<Console>,
    who: Who,
    Query(asked): Query<PlansAsked>,
) -> Result<Json<Plans>, Failure> {
    Ok(Json(Plans::read(console.worker.pool(), &who, &asked).await?))
}

/// A shop's plans, newest first.
#[utoipa::path(get, path = "/api/v1/shops/{handle}/plans", operation_id = "shop_plans",
    params(ShopPath, PlansAsked), responses((status = 200, body = Plans), Problems))]
pub(super) async fn of_shop(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Query(asked): Query<PlansAsked>,
) -> Result<Json<Plans>, Failure> {
    let asked = PlansAsked { tenant: shop.handle, ..asked };
    Ok(Json(Plans::read(console.worker.pool(), &who, &asked).await?))
}

/// Whether Markdown is asked for rather than JSON.
fn wants_markdown(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let kinds = accept.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
    // The one that is named first.
    kinds.into_iter().find(|kind| matches!(*kind, "text/markdown" | "application/json"))
        == Some("text/markdown")
}

/// A plan, with every fact that it names and where each comes from, and what became of its campaigns and KPIs. As Markdown
/// for whoever accepts `text/markdown`, or with `.md` behind the run's id.
#[utoipa::path(get, path = "/api/v1/shops/{handle}/plans/{run}", operation_id = "plan", params(PlanPath),
    responses((status = 200, description = "The plan.",
        content((OnePlan = "application/json"), (String = "text/markdown"))), Problems))]
pub(super) async fn one(
    State(console): State<Console>,
    Seen { shop, .. }: Seen,
    Path((_, given)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (id, wanted) = file(&given);
    let view = OnePlan::read(console.worker.pool(), &shop, id).await?;
    let markdown = match wanted {
        Some(PlanFile::Markdown) => true,
        Some(PlanFile::Json) => false,
        None => wants_markdown(&headers),
    };
    let mut response = if markdown {
        let text = view.markdown(console.worker.pool(), &shop).await?;
        ([(CONTENT_TYPE, "text/markdown; charset=utf-8")], text).into_response()
    } else {
        Json(view).into_response()
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// How a run of the agents went: turns, attempts and what each has cost, tool calls. With `bodies=yes` what was sent and
/// answered, word for word, which viewers may not see. Each such look is put on record.
#[utoipa::path(get, path = "/api/v1/shops/{handle}/plans/{run}/journal", operation_id = "plan_journal",
    params(PlanPath, JournalAsked), responses((status = 200, body = Journal), Problems))]
pub(super) async fn journal(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Path((_, id)): Path<(String, String)>,
    Query(asked): Query<JournalAsked>,
) -> Result<Json<Journal>, Failure> {
    Ok(Json(Journal::read(console.worker.pool(), &who, &shop, &id, &asked).await?))
}

/// Campaigns that may be seen, the latest approval first.
#[utoipa::path(get, path = "/api/v1/campaigns", operation_id = "campaigns", params(CampaignsAsked),
    responses((status = 200, body = Campaigns), Problems))]
pub(super) async fn campaigns(
    State(console): State<Console>,
    who: Who,
    Query(asked): Query<CampaignsAsked>,
) -> Result<Json<Campaigns>, Failure> {
    Ok(Json(Campaigns::read(console.worker.pool(), &who, &asked).await?))
}

/// A shop's campaigns, the latest approval first.
#[utoipa::path(get, path = "/api/v1/shops/{handle}/campaigns", operation_id = "shop_campaigns",
    params(ShopPath, CampaignsAsked), responses((status = 200, body = Campaigns), Problems))]
pub(super) async fn campaigns_of_shop(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Query(asked): Query<CampaignsAsked>,
) -> Result<Json<Campaigns>, Failure> {
    let asked = CampaignsAsked { tenant: shop.handle, ..asked };
    Ok(Json(Campaigns::read(console.worker.pool(), &who, &asked).await?))
}

/// A campaign: what was approved, its members by what was done, its mails, and what it brought against who was left out.
#[utoipa::path(get, path = "/api/v1/shops/{handle}/campaigns/{campaign}", operation_id = "campaign",
    params(CampaignPath), responses((status = 200, body = OneCampaign), Problems))]
pub(super) async fn campaign(
    State(console): State<Console>,
    Seen { shop, .. }: Seen,
    Path((_, given)): Path<(String, String)>,
) -> Result<Json<OneCampaign>, Failure> {
    Ok(Json(OneCampaign::read(console.worker.pool(), &shop, &given).await?))
}

/// What the agents may do and spend for a shop, what they have spent, and their latest runs.
#[utoipa::path(get, path = "/api/v1/shops/{handle}/agents", operation_id = "shop_agents", params(ShopPath),
    responses((status = 200, body = AgentsOfShop), Problems))]
pub(super) async fn of_one(
    State(console): State<Console>,
    Seen { shop, .. }: Seen,
) -> Result<Json<AgentsOfShop>, Failure> {
    Ok(Json(AgentsOfShop::read(console.worker.pool(), &shop).await?))
}

/// What models have cost, by shop, month and model, newest month first.
#[utoipa::path(get, path = "/api/v1/agents/spend", operation_id = "agents_spend", params(SpendAsked),
    responses((status = 200, body = Spend), Problems))]
pub(super) async fn spend(
    State(console): State<Console>,
    who: Who,
    Query(asked): Query<SpendAsked>,
) -> Result<Json<Spend>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(Spend::read(console.worker.pool(), &who, &asked).await?))
}

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/plans", get(all))
        .route("/shops/{handle}/plans", get(of_shop))
        .route("/shops/{handle}/plans/{run}", get(one))
        .route("/shops/{handle}/plans/{run}/journal", get(journal))
        .route("/campaigns", get(campaigns))
        .route("/shops/{handle}/campaigns", get(campaigns_of_shop))
        .route("/shops/{handle}/campaigns/{campaign}", get(campaign))
        .route("/shops/{handle}/agents", get(of_one))
        .route("/agents/spend", get(spend))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_for_whoever_asks_for_it() {
        for (accept, markdown) in [
            ("text/markdown", true),
            ("text/markdown;q=0.9, application/json", true),
            ("application/json, text/markdown", false),
            ("*/*", false),
            ("text/html", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(wants_markdown(&headers), markdown, "{accept}");
        }
        assert!(!wants_markdown(&HeaderMap::new()));
    }
}
