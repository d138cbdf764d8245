//! Connecting to NATS.

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use tokio::sync::watch;
use tradeup_tls::{Begins, Endpoint};

/// Oldest server that has what we use and not the worst of the known faults.
const SERVER_VERSION_MIN: (u64, u64) = (2, 12);

/// How long one publish or request waits for its answer before its outcome is unknown.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How often is asked whether the server is still there.
const PING_EVERY: Duration = Duration::from_secs(8);

/// A connection to NATS with JetStream. Cheap to clone; reconnects by itself, for ever.
#[derive(Clone, Debug)]
pub struct Broker {
    pub(crate) jetstream: async_nats::jetstream::Context,
    /// Where it is, without credentials.
    shown: Arc<str>,
    /// Tells of each connection that comes about.
    connections: Arc<watch::Sender<()>>,
}

/// Why no usable broker was found. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is none.
    #[error(
        "TRADEUP_NATS_URL is {url}, which is no address of NATS: {reason}; write it like nats://host:4222"
    )]
    Address {
        /// The URL, without credentials.
        url: String,
        /// Why it is none.
        reason: String,
    },
    /// Nobody answers, or refuses us.
    #[error(
        "NATS at {url} can't be used: {reason}; check that it runs (locally: deploy/local/servers up) and that TRADEUP_NATS_URL is right"
    )]
    Connect {
        /// The URL, without credentials.
        url: String,
        /// The client's reason.
        reason: String,
    },
    /// TLS is demanded, and did not come about.
    #[error(
        "NATS at {url} can't be used by TLS as TRADEUP_NATS_URL demands: {reason}; the server needs a tls block with a certificate \
         for that host name, by an authority of this machine or of the file that ?ca= in the URL names; nats:// instead of \
         tls:// asks for no TLS"
    )]
    Tls {
        /// The URL, without credentials.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// Too old.
    #[error("nats-server {found} is too old; version {}.{} or newer is needed", SERVER_VERSION_MIN.0, SERVER_VERSION_MIN.1)]
    TooOld {
        /// The server's version.
        found: String,
    },
    /// Without JetStream.
    #[error(
        "NATS at {url} does not offer JetStream ({reason}); start it with a jetstream block in its configuration"
    )]
    NoJetStream {
        /// The URL, without credentials.
        url: String,
        /// The client's reason.
        reason: String,
    },
}

impl Broker {
    /// Connects and checks version and JetStream. Several servers of a cluster are separated by commas. `tls://` demands TLS;
    /// `?ca=FILE` behind an address names certificate authorities (PEM) that are trusted besides the machine's.
    /// `name` shows in the server's monitoring.
    ///
    /// # Errors
    /// [`ConnectError`], one clear line each.
    pub async fn connect(url: &str, name: &str) -> Result<Self, ConnectError> {
        let broker = Self::connect_by(url, ConnectOptions::new(), name).await?;
        broker.check().await?;
        Ok(broker)
    }

    /// Returns at once, whether NATS is there or not, and goes on trying to connect: for a service that has something
    /// to do meanwhile. Nothing is to be taken from it before [`Self::check`] finds it usable.
    ///
    /// # Errors
    /// [`ConnectError::Address`].
    pub async fn connect_later(url: &str, name: &str) -> Result<Self, ConnectError> {
        Self::connect_by(url, ConnectOptions::new().retry_on_initial_connect(), name).await
    }

    async fn connect_by(url: &str, mut options: ConnectOptions, name: &str) -> Result<Self, ConnectError> {
        let shown = without_credentials(url);
        let wrong = |reason: String| ConnectError::Address { url: shown.clone(), reason };
        let (mut addresses, mut user) = (Vec::new(), None::<(String, String)>);
        for one in url.split(',') {
            let (address, authority) = apart(one.trim()).map_err(wrong)?;
            if let Some(authority) = authority {
                // Read here, since the client would say only that it could not connect.
                std::fs::metadata(authority).map_err(|error| wrong(format!("ca={authority}: {error}")))?;
                options = options.add_root_certificates(authority.into());
            }
            let parsed = address.parse::<ServerAddr>().map_err(|error| wrong(error.to_string()))?;
            // The client does not take these from the URL by itself.
            user = user
                .or_else(|| parsed.username().map(str::to_owned).zip(parsed.password().map(str::to_owned)));
            // And logs the URL that it has, password and all.
            let bare = one_without_credentials(address).parse::<ServerAddr>();
            addresses.push(bare.map_err(|error| wrong(error.to_string()))?);
        }
        // One that asks for it asks for all: the client would go to the others in the clear.
        let is_tls = addresses.iter().any(ServerAddr::tls_required);
        options = options.require_tls(is_tls);
        if let Some((user, password)) = user {
            options = options.user_and_password(user.clone(), password);
            // Where only this user may listen: see deploy/nats/users.conf.
            if user.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
                options = options.custom_inbox_prefix(format!("_INBOX_{user}"));
            }
        }
        let connections = Arc::new(watch::Sender::new(()));
        let told = Arc::clone(&connections);
        let client = options
            .name(name)
            .connection_timeout(Duration::from_secs(5))
            // A link through which nothing comes any more is noticed after three of them.
            .ping_interval(PING_EVERY)
            .request_timeout(Some(ANSWER_WITHIN))
            // Jitter, so that many workers don't come back in step.
            .reconnect_delay_callback(|attempts| {
                let ceiling_ms = 50_u64.saturating_mul(1 << attempts.min(6));
                Duration::from_millis(rand::random_range(ceiling_ms / 2..=ceiling_ms))
            })
            .event_callback(move |event| {
                if matches!(event, Event::Connected) {
                    told.send_replace(());
                }
                async move {
                    match event {
                        Event::Connected => tracing::info!("connected to NATS"),
                        Event::Draining | Event::Closed => tracing::debug!(event = %event, "NATS"),
                        Event::Disconnected => tracing::warn!("lost the connection to NATS; reconnecting"),
                        // A refused publish only times out for its caller: this line is the reason.
                        other => tracing::warn!(event = %other, "NATS"),
                    }
                }
            })
            .connect(addresses)
            .await
            .map_err(|error| refused_by(shown.clone(), is_tls, &error))?;
        let jetstream = ContextBuilder::new().timeout(ANSWER_WITHIN).ack_timeout(ANSWER_WITHIN).build(client);
        Ok(Self { jetstream, shown: shown.into(), connections })
    }

    /// Whether NATS is there, new enough, and offers JetStream.
    ///
    /// # Errors
    /// [`ConnectError`], one clear line each.
    pub async fn check(&self) -> Result<(), ConnectError> {
        let url = self.shown.to_string();
        if !self.is_connected() {
            return Err(ConnectError::Connect { url, reason: "there is no connection".to_owned() });
        }
        let found = self.jetstream.client().server_info().version;
        // A connection that has just come about counts as one before the server's greeting is kept.
        if found.is_empty() {
            return Err(ConnectError::Connect {
                url,
                reason: "the server has not said its version yet".to_owned(),
            });
        }
        if version(&found).is_none_or(|found| found < SERVER_VERSION_MIN) {
            return Err(ConnectError::TooOld { found });
        }
        self.jetstream
            .query_account()
            .await
            .map(drop)
            .map_err(|error| ConnectError::NoJetStream { url, reason: error.to_string() })
    }

    /// Whether there is a connection at this moment, as far as this side knows.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.jetstream.client().connection_state() == State::Connected
    }

    /// Changes with each connection that comes about from now on.
    pub(crate) fn connections(&self) -> watch::Receiver<()> {
        self.connections.subscribe()
    }

    /// Sends what is buffered and closes. To be called last.
    pub async fn close(&self) {
        if let Err(error) = self.jetstream.client().drain().await {
            tracing::debug!(%error, "closing the connection to NATS");
        }
    }
}

/// The servers that a URL names, and how they are to be trusted; those that can't be read are left out.
#[must_use]
pub fn endpoints(url: &str) -> Vec<Endpoint> {
    let read = |one: &str| {
        let (address, authority) = apart(one.trim()).ok()?;
        Some((address.parse::<ServerAddr>().ok()?, authority.map(str::to_owned)))
    };
    let addresses: Vec<_> = url.split(',').filter_map(read).collect();
    // One that asks for it asks for all; and so do authorities.
    let is_secured = addresses.iter().any(|(address, _)| address.tls_required());
    let authority = addresses.iter().find_map(|(_, authority)| authority.clone());
    let endpoint = |(address, own): &(ServerAddr, Option<String>)| Endpoint {
        begins: Begins::Nats,
        host: address.host().to_owned(),
        port: address.port(),
        authorities: own.as_ref().or(authority.as_ref()).map(Into::into),
        is_secured,
    };
    addresses.iter().map(endpoint).collect()
}

/// An address, and the file of authorities behind it.
fn apart(address: &str) -> Result<(&str, Option<&str>), String> {
    let Some((address, options)) = address.split_once('?') else { return Ok((address, None)) };
    match options.split_once('=') {
        Some(("ca", file)) if !file.is_empty() && !file.contains('&') => Ok((address, Some(file))),
        _ => Err("the only option that there is behind ? is ca=FILE".to_owned()),
    }
}

fn refused_by(url: String, is_tls: bool, error: &async_nats::ConnectError) -> ConnectError {
    let mut reason = error.to_string();
    // What is wrong with a certificate is said below "IO error" or "TLS error".
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !reason.contains(&inner_text) {
            reason = format!("{reason}: {inner_text}");
        }
        source = inner.source();
    }
    // A server in the clear answers the handshake with something that is none.
    let is_clear = is_tls && reason.contains("corrupt message");
    if is_clear {
        reason.push_str(" (the server speaks in the clear)");
    }
    let is_of_tls =
        is_clear || matches!(error.kind(), ConnectErrorKind::Tls) || reason.contains("peer certificate");
    if is_of_tls { ConnectError::Tls { url, reason } } else { ConnectError::Connect { url, reason } }
}

fn version(text: &str) -> Option<(u64, u64)> {
    let mut parts = text.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn without_credentials(urls: &str) -> String {
    urls.split(',').map(one_without_credentials).collect::<Vec<_>>().join(",")
}

fn one_without_credentials(url: &str) -> String {
    match url.split_once("://").map(|(scheme, rest)| (scheme, rest.rsplit_once('@'))) {
        Some((scheme, Some((_credentials, address)))) => format!("{scheme}://{address}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(version("2.15.1"), Some((2, 15)));
        assert_eq!(version("2.9.10-beta"), Some((2, 9)));
        assert!(version("2.9.10").unwrap() < SERVER_VERSION_MIN);
        assert!(version("nightly").is_none());
    }

    #[test]
    fn an_address_names_its_authorities() {
        assert_eq!(apart("tls://host:4222?ca=/a/b.pem"), Ok(("tls://host:4222", Some("/a/b.pem"))));
        assert_eq!(apart("nats://host"), Ok(("nats://host", None)));
        assert!(apart("tls://host?ca=").is_err() && apart("tls://host?cert=x").is_err());
    }

    #[test]
    fn servers_are_read_from_the_url() {
        let read = endpoints("tls://u:s@a:4223?ca=/ca.pem, nats://b");
        let what: Vec<_> = read.iter().map(|one| (one.host.as_str(), one.port, one.is_secured)).collect();
        assert_eq!(what, [("a", 4223, true), ("b", 4222, true)]);
        assert!(read.iter().all(|one| one.authorities.as_deref() == Some("/ca.pem".as_ref())));
        assert!(endpoints("nats://127.0.0.1:4222").iter().all(|one| !one.is_secured && one.is_local()));
    }

    #[test]
    fn credentials_are_not_shown() {
        assert_eq!(without_credentials("nats://user:secret@host:4222"), "nats://host:4222");
        assert_eq!(without_credentials("nats://host:4222"), "nats://host:4222");
        assert_eq!(without_credentials("nats://u:s@a:1,nats://u:s@b:2"), "nats://a:1,nats://b:2");
    }
}
