//! What the API says of itself (OpenAPI 3.1), made from the code that answers.

use std::sync::LazyLock;

use axum::Json;
use serde::Serialize;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi, ToSchema};

use super::{agents, scheduled_tasks as tasks, told, users};
use crate::acts;

/// Why something is not answered as it was asked for (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Nothing more than the status says.
    r#type: String,
    title: String,
    status: u16,
    /// What is wrong, and what to do.
    detail: String,
}

/// Every way in which it can go wrong.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is read by the macro alone")]
pub(crate) enum Problems {
    /// No token was shown, or none that is taken.
    #[response(status = 401, content_type = "application/problem+json")]
    SignedOut(#[to_schema] Problem),
    /// Whoever the token is of may not.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Problem),
    /// There is none, or none that may be seen.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
    /// It can't be done as things stand.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] Problem),
    /// What was asked is wrong: the field, and what is wrong with it.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(#[to_schema] Problem),
    /// PostgreSQL does not answer. Try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}

macro_rules! path {
    ($name:ident, $($field:ident: $about:literal),+) => {
        /// What a path names.
        #[derive(IntoParams)]
        #[into_params(parameter_in = Path)]
        #[expect(dead_code, reason = "it is read by the macro alone")]
        pub(crate) struct $name {
            $(#[doc = $about] $field: String,)+
        }
    };
}

path!(RunPath, id: "The run's id.");
path!(GroupPath, group: "The group's fingerprint.");
path!(ShopPath, handle: "The shop's handle.");
path!(MemberPath, handle: "The shop's handle.", customer: "The member's customer id at the shop.");
path!(EventPath, handle: "The shop's handle.", id: "The event's id.");
path!(ReplayPath, handle: "The shop's handle.", id: "The id of the run that it began with.");
path!(ReversalPath, handle: "The shop's handle.", id: "The id of the run that has granted.");
path!(SchedulePath, name: "The schedule's name.");
path!(TaskPath, name: "The task's name.");
path!(AlertPath, id: "The alert's id.");
path!(RulePath, rule: "The rule's name.");
path!(UserPath, name: "The user's name.");
path!(PlanPath, handle: "The shop's handle.", run: "The id of the run that has made it.");
path!(CampaignPath, handle: "The shop's handle.", campaign: "The campaign's id.");
path!(UserTokenPath, id: "The token's id.");
path!(BulkActPath, id: "The bulk act's id.");

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("tradeup user add-token NAME --for WHAT"))
            .build();
        if let Some(components) = document.components.as_mut() {
            components.add_security_scheme("token", SecurityScheme::Http(scheme));
        }
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "TradeUp Jobs",
        description = "What the console shows and does. An act that carries an `Idempotency-Key` is done once, \
            however often it is sent."
    ),
    paths(
        super::overview, super::alerts, super::runs, super::run, super::bulk_acts, super::bulk_act,
        super::schedules::list, super::dead_groups, super::dead_group, super::holds, super::search, super::shops,
        super::shop, super::tasks, super::task, super::events, super::ledger, super::member,
        told::standing, told::event, told::replay, told::reversal,
        acts::retry, acts::cancel, acts::many::retry_many, acts::many::cancel_many, acts::many::stop,
        acts::dead::replay_edited, acts::dead::replay_group, acts::dead::discard_group,
        acts::replays::preview_replay, acts::replays::start_replay, acts::reversals::reverse,
        acts::holds::pause_shop, acts::holds::resume_shop, acts::holds::pause, acts::holds::resume,
        acts::holds::limit, acts::trigger, acts::start::start,
        super::schedules::one, super::schedules::catch_up, super::schedules::backfill,
        acts::schedules::pause, acts::schedules::resume, acts::schedules::set, acts::schedules::remove,
        acts::schedules::catch_up, acts::schedules::backfill,
        acts::alerts::acknowledge, acts::alerts::test_channels, acts::alerts::set_rule,
        users::list, users::tokens, acts::users::add_user, acts::users::change_user,
        acts::users::add_user_token, acts::users::revoke_user_token,
        agents::all, agents::of_shop, agents::one, agents::journal, agents::of_one, agents::spend,
        agents::campaigns, agents::campaigns_of_shop, agents::campaign,
        acts::plans::decide, acts::plans::stop, acts::agents::start, acts::agents::set,
        acts::agents::set_all,
        tasks::list, tasks::trigger, tasks::batch, tasks::credit, tasks::status,
    ),
    security(("token" = [])),
    modifiers(&Token)
)]
struct Api;

static DOCUMENT: LazyLock<Document> = LazyLock::new(Api::openapi);

/// For whoever asks: it says nothing of anybody.
pub(super) async fn document() -> Json<&'static Document> {
    Json(&DOCUMENT)
}
