//! Links that stand in a mail.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// Longest link, in characters: header lines hold up to 998 (RFC 5322 §2.1.1).
const LINK_CHARS_MAX: usize = 900;

/// An absolute web address that may stand in a mail as it is: `https`, or `http` on loopback for
/// demos and tests; no user, no password; ASCII only, without quotes, angle brackets, spaces or
/// control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebLink(Url);

/// Why a text is no [`WebLink`]. The text itself is left out: it may hold a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLink {
    /// No absolute URL.
    #[error("the link is no absolute URL; write it like https://shop.example/account")]
    NoUrl,
    /// Neither `https` nor loopback `http`.
    #[error("the link does not start with https:// (http:// is for loopback only)")]
    NotHttps,
    /// With a user or password.
    #[error("the link has a user or password in it; leave them out")]
    Credentials,
    /// Above 900 characters.
    #[error("the link has more than {LINK_CHARS_MAX} characters")]
    TooLong,
}

impl WebLink {
    /// The link as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The same with one more pair in its query. The value has to be safe in URLs.
    pub(crate) fn with_query(&self, name: &str, value: &str) -> Result<Self, InvalidLink> {
        let mut url = self.0.clone();
        url.query_pairs_mut().append_pair(name, value);
        url.as_str().parse()
    }
}

impl FromStr for WebLink {
    type Err = InvalidLink;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text.trim()).map_err(|_no_url| InvalidLink::NoUrl)?;
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(InvalidLink::NoUrl),
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err(InvalidLink::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidLink::Credentials);
        }
        if url.as_str().len() > LINK_CHARS_MAX {
            return Err(InvalidLink::TooLong);
        }
        // The URL standard leaves a few of these alone, in the fragment for one.
        let stray = |c: char| !c.is_ascii_graphic() || matches!(c, '<' | '>' | '"' | '\'' | '`' | '\\');
        if url.as_str().contains(stray) {
            return Err(InvalidLink::NoUrl);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for WebLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_web_addresses_are_links() {
        let link = |text: &str| text.parse::<WebLink>().map(|link| link.as_str().to_owned());
        assert_eq!(link("https://shop.example/a b").unwrap(), "https://shop.example/a%20b");
        assert_eq!(link("https://läden.example").unwrap(), "https://xn--lden-loa.example/");
        assert_eq!(link("http://127.0.0.1:8080/u").unwrap(), "http://127.0.0.1:8080/u");
        assert_eq!(link("http://[::1]/").unwrap(), "http://[::1]/");
        assert_eq!(link("http://shop.example"), Err(InvalidLink::NotHttps));
        assert_eq!(link("javascript:alert(1)"), Err(InvalidLink::NoUrl));
        assert_eq!(link("shop.example"), Err(InvalidLink::NoUrl));
        assert_eq!(link("https://a:b@shop.example"), Err(InvalidLink::Credentials));
        assert_eq!(link(&format!("https://shop.example/{}", "x".repeat(900))), Err(InvalidLink::TooLong));
        for hostile in
            ["https://a.example/\r\nBcc: x@y.z", "https://a.example/>\"x", "https://a.example/#'><b>"]
        {
            if let Ok(link) = link(hostile) {
                assert!(!link.contains(['\r', '\n', '<', '>', '"', '\'', ' ']), "{link}");
            }
        }
    }
}
