//! What stands around every page, and the headers of every answer.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::Next;
use axum::response::Response;
use tradeup_access::Act;

use crate::access::Who;

/// Nothing comes from elsewhere, nothing is written into the page, nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What the layout shows of whoever is signed in.
pub(crate) struct Frame {
    /// Which page of the navigation this is.
    pub(crate) here: &'static str,
    pub(crate) user: String,
    pub(crate) role: &'static str,
    /// The shop whose staff they are.
    pub(crate) shop: Option<String>,
    /// The token of forms.
    pub(crate) form: String,
    pub(crate) may_operate: bool,
    pub(crate) sees_all: bool,
    pub(crate) may_administer: bool,
    pub(crate) may_move_money: bool,
}

impl Frame {
    pub(crate) fn of(who: &Who, here: &'static str) -> Self {
        Self {
            here,
            user: who.name.clone(),
            role: who.role.as_str(),
            shop: who.tenant.as_ref().map(|(_, handle)| handle.clone()),
            form: who.form(),
            may_operate: who.role.may(Act::Operate),
            sees_all: who.role.may(Act::SeeAll),
            may_administer: who.role.may(Act::Administer),
            may_move_money: who.role.may(Act::MoveMoney),
        }
    }
}

/// Adds what every answer carries. Pages are not kept: they show money and people.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("content-security-policy"), HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
