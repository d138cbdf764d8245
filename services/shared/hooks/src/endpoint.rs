//! What may be registered as an endpoint.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::address;

/// Longest URL, in bytes, as it is given and as it is kept.
pub const URL_LEN_MAX: usize = 2048;

/// Names below these are of no host on the internet (RFC 6761, RFC 6762, RFC 8375, and `.internal`, which is kept
/// for private use).
const LOCAL_NAMES: [&str; 5] = ["localhost", "localdomain", "local", "internal", "home.arpa"];

/// Where this installation sends webhooks to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// To hosts on the public internet, by `https`.
    #[default]
    Public,
    /// To this machine's loopback as well, by `http` too: for development and tests.
    Loopback,
    /// To wherever the operator says, private networks and `http` too: for addresses from the settings alone.
    Anywhere,
}

impl Reach {
    /// Whether anything may be sent to this address.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Public => address::is_public(address),
            Self::Loopback => address::is_public(address) || address.is_loopback(),
            Self::Anywhere => true,
        }
    }
}

/// The address of a shop's endpoint. That its host's name resolves to something public is seen at each sending.
///
/// Its path and query may hold a secret of the receiver; `Debug` leaves them out.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EndpointUrl(Url);

/// Why a text is no address of an endpoint. The text itself is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpointUrl {
    /// No absolute URL with a host.
    #[error("url: it is no absolute URL; write it like https://shop.example/webhooks")]
    NoUrl,
    /// Longer than [`URL_LEN_MAX`].
    #[error("url: it has more than {URL_LEN_MAX} bytes; give a shorter one")]
    TooLong,
    /// Another scheme.
    #[error("url: it does not begin with https://; give the endpoint a certificate and write https://")]
    NotHttps,
    /// With a user or password.
    #[error(
        "url: it has a user or password in it; leave them out, the endpoint checks the signature instead"
    )]
    Credentials,
    /// With a fragment, which is never sent.
    #[error("url: it has a fragment; leave out everything from the # on")]
    Fragment,
    /// Port 0.
    #[error("url: there is no port 0; leave the port out, or give the one that the endpoint listens on")]
    Port,
    /// An IP address that is private, local or special.
    #[error(
        "url: its address is not of the public internet; give the name of a host that can be reached from there"
    )]
    Address,
    /// A name that means something within a network only.
    #[error(
        "url: its host has a name for use within a network; give its full public name, like hooks.shop.example"
    )]
    LocalName,
}

impl EndpointUrl {
    /// Reads an address, and brings it into its normal form: a host in ASCII without a dot at its end, an IP address
    /// in the usual way of writing.
    ///
    /// # Errors
    /// [`InvalidEndpointUrl`].
    pub fn parse(text: &str, reach: Reach) -> Result<Self, InvalidEndpointUrl> {
        if text.len() > URL_LEN_MAX {
            return Err(InvalidEndpointUrl::TooLong);
        }
        let mut url = Url::parse(text).map_err(|_no_url| InvalidEndpointUrl::NoUrl)?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(InvalidEndpointUrl::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidEndpointUrl::Credentials);
        }
        if url.fragment().is_some() {
            return Err(InvalidEndpointUrl::Fragment);
        }
        if url.port() == Some(0) {
            return Err(InvalidEndpointUrl::Port);
        }
        without_final_dot(&mut url)?;
        if reach == Reach::Anywhere {
            return Ok(Self(url));
        }
        let loopback = check_host(&url, reach)?;
        if url.scheme() == "http" && !loopback {
            return Err(InvalidEndpointUrl::NotHttps);
        }
        // What was no ASCII has become longer.
        if url.as_str().len() > URL_LEN_MAX {
            return Err(InvalidEndpointUrl::TooLong);
        }
        Ok(Self(url))
    }

    /// The whole address, to be kept. Parsing it gives the same again.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Scheme, host and port, for logs and lists.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The IP address that stands in place of a host's name, if one does.
    pub(crate) fn literal(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

/// A dot at the end of a name changes nothing about what it names, but no certificate has it.
fn without_final_dot(url: &mut Url) -> Result<(), InvalidEndpointUrl> {
    let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
    let Some(name) = name.strip_suffix('.').map(str::to_owned) else { return Ok(()) };
    url.set_host(Some(&name)).map_err(|_no_host| InvalidEndpointUrl::NoUrl)
}

/// Whether the host, which may be had, is this machine's loopback.
fn check_host(url: &Url, reach: Reach) -> Result<bool, InvalidEndpointUrl> {
    let name = match url.host() {
        None => return Err(InvalidEndpointUrl::NoUrl),
        Some(Host::Ipv4(address)) => return check_address(address.into(), reach),
        Some(Host::Ipv6(address)) => return check_address(address.into(), reach),
        Some(Host::Domain(name)) => name,
    };
    if name.split('.').any(str::is_empty) {
        return Err(InvalidEndpointUrl::NoUrl);
    }
    let below =
        |parent: &str| name.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if reach == Reach::Loopback && below("localhost") {
        return Ok(true);
    }
    if !name.contains('.') || LOCAL_NAMES.into_iter().any(below) {
        return Err(InvalidEndpointUrl::LocalName);
    }
    Ok(false)
}

fn check_address(address: IpAddr, reach: Reach) -> Result<bool, InvalidEndpointUrl> {
    if reach.allows(address) { Ok(address.is_loopback()) } else { Err(InvalidEndpointUrl::Address) }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointUrl({})", self.origin())
    }
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
