//! Who may sign in, and which programs are let in.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use tradeup_access::Act;

use super::document::Problems;
use crate::Console;
use crate::access::Who;
use crate::failure::Failure;
use crate::views::users::{ConsoleToken, ConsoleUser};

/// Users, by name. For admins.
#[utoipa::path(get, path = "/api/v1/users", operation_id = "users",
    responses((status = 200, body = Vec<ConsoleUser>), Problems))]
pub(super) async fn list(
    State(console): State<Console>,
    who: Who,
) -> Result<Json<Vec<ConsoleUser>>, Failure> {
    who.may(Act::Administer)?;
    Ok(Json(ConsoleUser::list(console.worker.pool()).await?))
}

/// Tokens of programs, without the tokens themselves, newest first. For admins.
#[utoipa::path(get, path = "/api/v1/user-tokens", operation_id = "user_tokens",
    responses((status = 200, body = Vec<ConsoleToken>), Problems))]
pub(super) async fn tokens(
    State(console): State<Console>,
    who: Who,
) -> Result<Json<Vec<ConsoleToken>>, Failure> {
    who.may(Act::Administer)?;
    Ok(Json(ConsoleToken::list(console.worker.pool()).await?))
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/users", get(list)).route("/user-tokens", get(tokens))
}
