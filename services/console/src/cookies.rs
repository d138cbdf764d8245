//! Cookies: no script reads them, no other site's form sends them, and over https nobody else has set them.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

/// What browsers take over https alone, of this very host and for all of it: neither a neighbour below the same domain
/// nor whoever answers in plain http can put one of theirs in its place (RFC 6265bis, 4.1.3.2).
const HOST_ONLY: &str = "__Host-";

/// A cookie that the console sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Holds the session's token.
    Session,
    /// Binds a sign-in at a provider to the browser that began it.
    SignIn,
}

impl Cookie {
    fn plain_name(self) -> &'static str {
        match self {
            Self::Session => "tradeup_session",
            Self::SignIn => "tradeup_sign_in",
        }
    }
}

/// Cookies, as the address asks for them at which people reach the console.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cookies {
    is_https: bool,
}

impl Cookies {
    /// Of a console at this address; one that is not said is on this machine, by plain http.
    pub(crate) fn at(console_url: Option<&str>) -> Self {
        // A scheme is the same in capitals (RFC 3986, 3.1).
        let scheme = console_url.and_then(|url| url.split_once("://")).map(|(scheme, _)| scheme);
        Self { is_https: scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")) }
    }

    fn name(self, cookie: Cookie) -> String {
        let prefix = if self.is_https { HOST_ONLY } else { "" };
        format!("{prefix}{}", cookie.plain_name())
    }

    /// What sets it: for so long, or with nothing for no time to take it away.
    pub(crate) fn set(self, cookie: Cookie, value: &str, lasts: Duration) -> String {
        let secure = if self.is_https { "; Secure" } else { "" };
        let (name, lasts) = (self.name(cookie), lasts.as_secs());
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={lasts}{secure}")
    }

    /// Its value, if a request shows it. Over https one by its plain name is not it: anybody may have set that.
    pub(crate) fn shown(self, headers: &HeaderMap, cookie: Cookie) -> Option<&str> {
        let name = self.name(cookie);
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail loudly")]

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn headers(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|cookie| (COOKIE, cookie.parse().unwrap())).collect()
    }

    #[test]
    fn over_https_a_cookie_is_of_this_host_alone() {
        for url in ["https://jobs.example.com", "HTTPS://jobs.example.com:8443/"] {
            let cookies = Cookies::at(Some(url));
            for (cookie, name) in
                [(Cookie::Session, "__Host-tradeup_session"), (Cookie::SignIn, "__Host-tradeup_sign_in")]
            {
                let set = cookies.set(cookie, "v", HOUR);
                assert_eq!(
                    set,
                    format!("{name}=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600; Secure"),
                    "browsers refuse it with another path, with a domain or without Secure"
                );
            }
        }
    }

    #[test]
    fn on_this_machine_names_are_plain() {
        for url in [None, Some("http://127.0.0.1:8090"), Some("https"), Some("")] {
            let set = Cookies::at(url).set(Cookie::Session, "v", HOUR);
            assert_eq!(set, "tradeup_session=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600", "{url:?}");
        }
    }

    #[test]
    fn what_a_neighbour_has_set_is_not_the_session() {
        let shown = headers(&["a=b; tradeup_session=planted", "__Host-tradeup_session=own; c=d"]);
        let https = Cookies::at(Some("https://jobs.example.com"));
        assert_eq!(https.shown(&shown, Cookie::Session), Some("own"));
        assert_eq!(https.shown(&headers(&["tradeup_session=planted"]), Cookie::Session), None);
        assert_eq!(https.shown(&shown, Cookie::SignIn), None);
        assert_eq!(Cookies::at(None).shown(&shown, Cookie::Session), Some("planted"));
    }

    #[test]
    fn a_value_may_hold_an_equals_sign() {
        let cookies = Cookies::at(None);
        assert_eq!(cookies.shown(&headers(&["tradeup_sign_in=a=b==; x=y"]), Cookie::SignIn), Some("a=b=="));
    }
}
