//! Who may sign in, and which programs are let in.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use tradeup_access::Act;
use tradeup_store::user_tokens::{self, UserToken};
use tradeup_store::users::{self, User};

use super::{filters, written};
use crate::Console;
use crate::access::Who;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::views::when::When;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    users: Vec<(When, User)>,
    tokens: Vec<(When, Option<When>, UserToken)>,
}

async fn settings(State(console): State<Console>, who: Who) -> Result<Response, Failure> {
    who.may(Act::Administer)?;
    let pool = console.worker.pool();
    let users = users::list(pool).await?.into_iter().map(|user| (When(user.created_at), user)).collect();
    let tokens = user_tokens::list(pool)
        .await?
        .into_iter()
        .map(|token| (When(token.expires_at), token.seen_at.map(When), token))
        .collect();
    written(&SettingsPage { frame: Frame::of(&who, "settings"), users, tokens })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/settings", get(settings))
}
