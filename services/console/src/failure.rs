//! What is answered when something can't be done: a page for people, a problem (RFC 9457) for programs.

use askama::Template;
use axum::Json;
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, REFERER};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tradeup_access::Role;
use tradeup_store::StoreError;
use tradeup_store::schedules::EditError;

use crate::pages::filters;

/// Why something is not answered as it was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// Nobody is signed in.
    SignedOut {
        /// Where they wanted to go.
        path: String,
    },
    /// The role may not.
    Forbidden(Role),
    /// A form that was not sent from a page of this session.
    Forged,
    /// There is none, or none that may be seen.
    NotFound,
    /// What was asked is wrong: the field, and what is wrong with it.
    Invalid { field: &'static str, why: String },
    /// It can't be done as things stand.
    Conflict(String),
    /// PostgreSQL does not answer.
    Database(String),
    /// A fault of ours.
    Internal,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        tracing::warn!("a page can't be shown: {error}");
        Self::Database(error.to_string())
    }
}

impl From<EditError> for Failure {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Store(error) => error.into(),
            other => Self::Conflict(other.to_string()),
        }
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        tracing::error!("a page can't be written: {error}");
        Self::Internal
    }
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::SignedOut { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::Forged => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What is wrong, and what to do.
    fn words(&self) -> (&'static str, String) {
        match self {
            Self::SignedOut { .. } => {
                ("Sign in first", "Nobody is signed in, or the session is over.".to_owned())
            }
            Self::Forbidden(role) => (
                "You may not do this",
                format!("Your role is {role}. Ask an admin: tradeup user set NAME --role ROLE"),
            ),
            Self::Forged => (
                "This form is not from here",
                "It was not sent from a page of your session. Load the page again and send it once more."
                    .to_owned(),
            ),
            Self::NotFound => {
                ("There is no such page", "Perhaps it was deleted, or it is not yours to see.".to_owned())
            }
            Self::Invalid { field, why } => ("This can't be understood", format!("{field}: {why}")),
            Self::Conflict(why) => ("It can't be done now", why.clone()),
            Self::Database(why) => (
                "PostgreSQL does not answer",
                format!("{why}. Runs wait and are taken up again by themselves; tradeup doctor says more."),
            ),
            Self::Internal => ("Something is wrong here", "The console's log says what.".to_owned()),
        }
    }
}

impl Failure {
    /// All of it in a sentence.
    pub(crate) fn said(&self) -> String {
        let (title, words) = self.words();
        format!("{title}: {words}")
    }

    /// For a program.
    pub(crate) fn problem(&self) -> Response {
        let (title, words) = self.words();
        let problem = json!({ "type": "about:blank", "title": title, "status": self.status().as_u16(), "detail": words });
        let mut response = (self.status(), Json(problem)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Page<'a> {
    title: &'a str,
    words: &'a str,
    /// The page that it was asked on.
    back: Option<String>,
}

/// The page of ours that a request was sent from; none if it did not come from one.
fn sent_from(headers: &HeaderMap) -> Option<String> {
    let from: Uri = headers.get(REFERER)?.to_str().ok()?.parse().ok()?;
    let host = headers.get(HOST)?.to_str().ok()?;
    let path = from.path_and_query()?.as_str();
    // What begins with two is another site's address.
    let is_ours = from.authority()?.as_str() == host && path.starts_with('/') && !path.starts_with("//");
    is_ours.then(|| path.to_owned())
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What an act has done, for a program.
#[derive(Clone, Debug)]
pub(crate) struct Done(pub(crate) Value);

/// What is kept of it for a program that sends the same again: what is shown once is in the first answer alone.
#[derive(Clone, Debug)]
pub(crate) struct Kept(pub(crate) Value);

/// Writes what was done or has failed for whoever asked: a program at `/api`, or a person.
pub(crate) async fn written(request: Request, next: Next) -> Response {
    let uri: Uri = request.uri().clone();
    let back = sent_from(request.headers());
    let mut response = next.run(request).await;
    let is_program = uri.path().starts_with("/api/");
    if let Some(Done(value)) = response.extensions_mut().remove::<Done>().filter(|_| is_program) {
        let kept = response.extensions_mut().remove::<Kept>();
        let mut told = Json(value).into_response();
        if let Some(kept) = kept {
            told.extensions_mut().insert(kept);
        }
        return told;
    }
    let Some(failure) = response.extensions_mut().remove::<Failure>() else { return response };
    if is_program {
        return failure.problem();
    }
    let (title, words) = failure.words();
    if let Failure::SignedOut { path } = &failure {
        let query = askama::filters::urlencode_strict(path.as_str());
        let next = query.map(|query| query.to_string()).unwrap_or_default();
        return Redirect::to(&format!("/sign-in?next={next}")).into_response();
    }
    match (Page { title, words: &words, back }).render() {
        Ok(page) => (failure.status(), Html(page)).into_response(),
        Err(_unwritten) => failure.status().into_response(),
    }
}

/// What an address asks, after its question mark.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let given = parts.uri.query().unwrap_or_default();
        serde_urlencoded::from_str(given)
            .map(Self)
            .map_err(|error| Failure::Invalid { field: "query", why: error.to_string() })
    }
}

/// PostgreSQL keeps no text with this character.
pub(crate) fn without_nul(field: &'static str, text: &str) -> Result<(), Failure> {
    if text.contains('\0') {
        return Err(Failure::Invalid { field, why: "it has a NUL character in it".to_owned() });
    }
    Ok(())
}

/// The same of an address, whatever it names.
pub(crate) async fn address_without_nul(request: Request, next: Next) -> Response {
    if request.uri().to_string().contains("%00") {
        let why = "a NUL character is in no name, key or id".to_owned();
        return Failure::Invalid { field: "address", why }.into_response();
    }
    next.run(request).await
}

/// No route has this path.
pub(crate) async fn no_such_page() -> Failure {
    Failure::NotFound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_leads_back_to_a_page_of_ours_alone() {
        for (referer, back) in [
            ("http://jobs.example/dead/1f?a=b", Some("/dead/1f?a=b")),
            ("http://jobs.example", Some("/")),
            ("http://elsewhere.example/dead", None),
            ("http://jobs.example//elsewhere.example", None),
            ("/dead", None),
            ("javascript:alert(1)", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("jobs.example"));
            headers.insert(REFERER, HeaderValue::from_static(referer));
            assert_eq!(sent_from(&headers).as_deref(), back, "{referer}");
        }
        assert_eq!(sent_from(&HeaderMap::new()), None);
    }
}
