//! Who may sign in, and which programs are let in.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use tradeup_access::{Act, Role};
use tradeup_store::user_tokens::{DAYS, DAYS_MAX};

use super::{filters, written};
use crate::Console;
use crate::access::Who;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::views::users::{ConsoleToken, ConsoleUser};

/// What is shown this once: it is kept nowhere.
pub(crate) struct Secret {
    /// What it is, and whose.
    pub(crate) about: String,
    pub(crate) text: String,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    users: Vec<ConsoleUser>,
    tokens: Vec<ConsoleToken>,
    roles: [&'static str; 4],
    days: i32,
    days_max: i32,
    secret: Option<Secret>,
}

async fn settings(State(console): State<Console>, who: Who) -> Result<Response, Failure> {
    page(&console, &who, None).await
}

/// The page, with what an act has made.
pub(crate) async fn page(console: &Console, who: &Who, secret: Option<Secret>) -> Result<Response, Failure> {
    who.may(Act::Administer)?;
    let pool = console.worker.pool();
    let users = ConsoleUser::list(pool).await?;
    let tokens = ConsoleToken::list(pool).await?;
    let roles = [Role::Viewer, Role::Operator, Role::Admin, Role::Shop].map(Role::as_str);
    let frame = Frame::of(who, "settings");
    written(&SettingsPage { frame, users, tokens, roles, days: DAYS, days_max: DAYS_MAX, secret })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/settings", get(settings))
}
