//! Who may sign in and which programs are let in, said by an admin, as `tradeup user` does.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};
use tradeup_access::{Act, PasswordHash, Role, UserToken, account};
use tradeup_store::users::{self, Change, Changed, NewUser};
use tradeup_store::{TenantRef, Tx, user_tokens};
use utoipa::ToSchema;
use uuid::Uuid;

use super::operator::{Flag, Number};
use super::{Nothing, Operator, Said, done};
use crate::Console;
use crate::access::Who;
use crate::api::document::{Problems, UserPath, UserTokenPath};
use crate::failure::{Failure, Kept};
use crate::pages::settings::{self, Secret};
use crate::views::{said, tenants};

/// Where a person sees what they have done.
const PAGE: &str = "/settings";

/// A user to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserAdded {
    /// By which they sign in: small letters, digits and `._@+-`. By OpenID Connect it is the e-mail address that the
    /// provider vouches for.
    name: String,
    /// `viewer`, `operator`, `admin` or `shop`.
    role: String,
    /// Whose staff they are, with the role `shop`.
    #[serde(default)]
    tenant: String,
    /// They sign in by OpenID Connect, without a password.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    oidc: Flag,
}

/// What changes of a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChanged {
    /// Their role; as it was, if it is not said.
    #[serde(default)]
    role: String,
    /// Whose staff they are, with the role `shop`.
    #[serde(default)]
    tenant: String,
    /// `disabled`, and they may not sign in any more, or `active`; as it was, if it is not said.
    #[serde(default)]
    state: String,
    /// To make them a new password.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    new_password: Flag,
    /// Whether they may sign in by OpenID Connect, `yes` or `no`; as it was, if it is not said. With `no`, who they are
    /// at the provider is forgotten.
    #[serde(default)]
    oidc: String,
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenAdded {
    /// As whom it lets in.
    user: String,
    /// What it is for, like nightly-report.
    #[serde(rename = "for")]
    purpose: String,
    /// For how many days, 366 at most; 90, if it is not said.
    #[serde(default)]
    #[schema(value_type = i64, required = false)]
    days: Number,
}

/// The role that is named, if one is.
fn role(given: &str) -> Result<Option<Role>, Failure> {
    let parsed = said(given).map(|name| name.parse::<Role>()).transpose();
    parsed.map_err(|error| Failure::Invalid { field: "role", why: error.to_string() })
}

/// The shop that goes with a role, if one does.
async fn shop(
    console: &Console,
    who: &Who,
    role: Option<Role>,
    given: &str,
) -> Result<Option<TenantRef>, Failure> {
    let handle = said(given);
    account::check_tenant(role, handle.is_some())
        .map_err(|error| Failure::Invalid { field: "tenant", why: error.to_string() })?;
    let Some(handle) = handle else { return Ok(None) };
    let shop = tenants::named(console.worker.pool(), who, &handle).await?;
    Ok(Some(TenantRef { id: shop.id, handle: shop.handle }))
}

/// A new password and its hash, made where nobody waits for it.
async fn password(name: &str) -> Result<(String, PasswordHash), Failure> {
    let name = name.to_owned();
    let made = tokio::task::spawn_blocking(move || PasswordHash::generated(&name));
    made.await.map_err(|_panic| Failure::Internal)?.map_err(|error| {
        tracing::error!("no password can be made: {error}");
        Failure::Internal
    })
}

/// Tells whoever has acted what is shown this once: a person on the page that answers, a program in the answer. What is
/// `kept` for a program that sends the same again is without it.
async fn told(
    console: &Console,
    (who, by_form): (&Who, bool),
    secret: Secret,
    value: Value,
    kept: Value,
) -> Result<Response, Failure> {
    if by_form {
        return settings::page(console, who, Some(secret)).await;
    }
    let mut response = done(PAGE, value);
    response.extensions_mut().insert(Kept(kept));
    Ok(response)
}

/// Adds a user; their password is in the answer, this once. Sent again with the same key it is not. Needs `reason`. For
/// admins.
#[utoipa::path(post, path = "/api/v1/users", request_body = Said<UserAdded>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn add_user(
    State(console): State<Console>,
    operator: Operator<UserAdded>,
) -> Result<Response, Failure> {
    operator.who.may(Act::Administer)?;
    let actor = operator.because()?;
    let what = &operator.what;
    let (name, oidc) = (what.name.trim(), what.oidc.0);
    account::check_name(name, oidc)
        .map_err(|error| Failure::Invalid { field: "name", why: error.to_string() })?;
    let Some(role) = role(&what.role)? else {
        let why = "say viewer, operator, admin or shop".to_owned();
        return Err(Failure::Invalid { field: "role", why });
    };
    let shop = shop(&console, &operator.who, Some(role), &what.tenant).await?;
    let made = if oidc { None } else { Some(password(name).await?) };
    let new = NewUser {
        name,
        role: role.as_str(),
        tenant: shop.as_ref(),
        password_hash: made.as_ref().map(|(_, hash)| hash.as_str()),
        oidc,
    };
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    if users::add(&mut tx, &new, &actor).await?.is_none() {
        return Err(Failure::Conflict(format!("There is a user {name} already: change them.")));
    }
    tx.commit().await?;
    let kept = json!({ "user": name, "role": role.as_str(), "password": null });
    let Some((text, _)) = made else { return Ok(done(PAGE, kept)) };
    let value = json!({ "user": name, "role": role.as_str(), "password": text });
    let secret = Secret { about: format!("{name} may sign in as {role}. Their password"), text };
    told(&console, (&operator.who, operator.by_form), secret, value, kept).await
}

/// Changes a user's role, password or how they sign in, or lets them sign in no more; their sessions end. A new password
/// is in the answer, this once. The last admin stays one. Needs `reason`. For admins.
#[utoipa::path(post, path = "/api/v1/users/{name}", params(UserPath), request_body = Said<UserChanged>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn change_user(
    State(console): State<Console>,
    Path(name): Path<String>,
    operator: Operator<UserChanged>,
) -> Result<Response, Failure> {
    operator.who.may(Act::Administer)?;
    let actor = operator.because()?;
    let what = &operator.what;
    let role = role(&what.role)?;
    let disabled = match what.state.as_str() {
        "" => None,
        "disabled" => Some(true),
        "active" => Some(false),
        _ => return Err(Failure::Invalid { field: "state", why: "say disabled or active".to_owned() }),
    };
    let oidc = match what.oidc.as_str() {
        "" => None,
        "yes" => Some(true),
        "no" => Some(false),
        _ => return Err(Failure::Invalid { field: "oidc", why: "say yes or no".to_owned() }),
    };
    if oidc == Some(true) {
        account::check_address(&name)
            .map_err(|error| Failure::Invalid { field: "oidc", why: error.to_string() })?;
    }
    let shop = shop(&console, &operator.who, role, &what.tenant).await?;
    if role.is_none() && disabled.is_none() && oidc.is_none() && !what.new_password.0 {
        let why = "say what changes: role, state, new_password or oidc".to_owned();
        return Err(Failure::Invalid { field: "role", why });
    }
    let made = if what.new_password.0 { Some(password(&name).await?) } else { None };
    let change = Change {
        role: role.map(|role| (role.as_str(), shop.as_ref())),
        password_hash: made.as_ref().map(|(_, hash)| hash.as_str()),
        disabled,
        oidc,
    };
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    match users::change(&mut tx, &name, &change, &actor).await? {
        Changed::Done => {}
        Changed::NoUser => return Err(Failure::NotFound),
        Changed::LastAdmin => {
            let why = format!("{name} is the last admin who may sign in: make another one first.");
            return Err(Failure::Conflict(why));
        }
    }
    tx.commit().await?;
    let kept = json!({ "user": name, "password": null });
    let Some((text, _)) = made else { return Ok(done(PAGE, kept)) };
    let value = json!({ "user": name, "password": text });
    let about = format!("{name} is changed, and has to sign in again. Their new password");
    told(&console, (&operator.who, operator.by_form), Secret { about, text }, value, kept).await
}

/// Makes a token by which a program is let in as a user, with what they may; it is in the answer, this once. Sent again
/// with the same key it is not. Needs `reason`. For admins.
#[utoipa::path(post, path = "/api/v1/user-tokens", request_body = Said<TokenAdded>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn add_user_token(
    State(console): State<Console>,
    operator: Operator<TokenAdded>,
) -> Result<Response, Failure> {
    operator.who.may(Act::Administer)?;
    let actor = operator.because()?;
    let what = &operator.what;
    let Some(purpose) = said(&what.purpose) else {
        return Err(Failure::Invalid { field: "for", why: "say what the token is for".to_owned() });
    };
    let days = match operator.number("days", &what.days)? {
        None => user_tokens::DAYS,
        Some(number) => {
            let fits = i32::try_from(number).ok().filter(|days| (1..=user_tokens::DAYS_MAX).contains(days));
            fits.ok_or_else(|| Failure::Invalid {
                field: "days",
                why: format!("give a number from 1 to {}", user_tokens::DAYS_MAX),
            })?
        }
    };
    let user = what.user.trim();
    let token = UserToken::new().ok_or(Failure::Internal)?;
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    let added = user_tokens::add(&mut tx, user, &purpose, &token.hash(), days, &actor).await?;
    let Some(id) = added else {
        let why = format!("there is no user {user:?} who may sign in");
        return Err(Failure::Invalid { field: "user", why });
    };
    tx.commit().await?;
    let id = id.to_string();
    let kept = json!({ "id": id, "user": user, "token": null });
    let value = json!({ "id": id, "user": user, "token": token.as_str() });
    let about = format!("{purpose} is let in as {user} for {days} days. Its token");
    let secret = Secret { about, text: token.as_str().to_owned() };
    told(&console, (&operator.who, operator.by_form), secret, value, kept).await
}

/// Takes a token no more, at once. Needs `reason`. For admins.
#[utoipa::path(post, path = "/api/v1/user-tokens/{id}/revoke", params(UserTokenPath), request_body = Said<Nothing>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn revoke_user_token(
    State(console): State<Console>,
    Path(given): Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    operator.who.may(Act::Administer)?;
    let actor = operator.because()?;
    let id = given.parse::<Uuid>().map_err(|_no_id| Failure::NotFound)?;
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    if !user_tokens::revoke(&mut tx, id, &actor).await? {
        return Err(Failure::Conflict("There is no such token, or it is revoked already.".to_owned()));
    }
    tx.commit().await?;
    Ok(done(PAGE, json!({ "token": id.to_string() })))
}

/// Where users and tokens are, on pages and below the API.
pub(crate) fn routes(users: &str, tokens: &str) -> Router<Console> {
    Router::new()
        .route(users, post(add_user))
        .route(&format!("{users}/{{name}}"), post(change_user))
        .route(tokens, post(add_user_token))
        .route(&format!("{tokens}/{{id}}/revoke"), post(revoke_user_token))
}
