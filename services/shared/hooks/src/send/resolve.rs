//! Looking up names, so that none leads into a private network.
//!
//! The addresses that are checked here are those that the connection is made to: nobody looks the name up again
//! after the check, so a name whose addresses change between two look-ups gains nothing.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::Reach;

/// What a look-up gives: the addresses of a name, in the order in which they are to be tried.
pub type LookupFuture = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Knows the addresses of names. What it says is checked.
pub trait Lookup: Send + Sync {
    /// The addresses of a host.
    fn lookup(&self, host: &str) -> LookupFuture;
}

/// The look-up of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> LookupFuture {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Lets only those addresses through that may be sent to.
pub(super) struct Guard {
    pub(super) reach: Reach,
    pub(super) lookup: Arc<dyn Lookup>,
}

/// Why a name gives no address; found again in the HTTP library's error.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Unresolved {
    /// It has addresses, none of which may be sent to.
    #[error("resolves to a private address")]
    Private,
    /// It has none, or nobody could say.
    #[error("{0}")]
    Unknown(String),
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, found) = (self.reach, self.lookup.lookup(name.as_str()));
        Box::pin(async move {
            let found = found.await.map_err(|error| Unresolved::Unknown(error.to_string()))?;
            if found.is_empty() {
                return Err(Unresolved::Unknown("it has no address".to_owned()).into());
            }
            let allowed: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| reach.allows(*address))
                // The client puts in the port.
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if allowed.is_empty() {
                return Err(Unresolved::Private.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
