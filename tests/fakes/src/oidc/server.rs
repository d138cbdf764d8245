//! The stand-in as a test holds it: who is signed in there, and what goes wrong.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::endpoints;
use super::key::Key;
use crate::shopify::Clock;

/// Somebody who is signed in at the provider.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// Who they are there, for ever.
    pub subject: String,
    /// Their address; it may change.
    pub email: Option<String>,
    /// Whether the provider has verified it, if it says so.
    pub email_verified: Option<bool>,
    /// Whether their address is told by the user info endpoint alone, and not in the ID token.
    pub is_thin: bool,
}

impl Person {
    /// Somebody whose address is verified.
    #[must_use]
    pub fn new(subject: &str, email: &str) -> Self {
        let (subject, email) = (subject.to_owned(), Some(email.to_owned()));
        Self { subject, email, email_verified: Some(true), is_thin: false }
    }
}

/// What is wrong with the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// ID tokens hold another sign-in's nonce.
    Nonce,
    /// ID tokens are for another client.
    Audience,
    /// ID tokens are another issuer's.
    Issuer,
    /// ID tokens have expired.
    Expired,
    /// ID tokens are signed by a key that is not among the provider's.
    UnknownKey,
    /// ID tokens are signed by another key than they say.
    Signature,
    /// ID tokens are not signed.
    Unsigned,
    /// Whoever is signed in does not want to sign in elsewhere.
    Denied,
    /// Everything is answered with 503.
    Down,
    /// Nothing is ever answered.
    Slow,
    /// Everything is answered with what is no JSON.
    Garbage,
}

/// A running stand-in. It ends when this is dropped.
pub struct FakeProvider {
    shared: Shared,
    serving: JoinHandle<()>,
}

/// What handlers share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) issuer: String,
    pub(super) clock: Clock,
    pub(super) client: Arc<Client>,
    address: SocketAddr,
    inside: Arc<Mutex<Inside>>,
}

/// The one client that is registered.
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) redirect: String,
}

pub(super) struct Inside {
    pub(super) person: Person,
    pub(super) flaw: Option<Flaw>,
    pub(super) key: Key,
    /// What codes stand for.
    pub(super) grants: BTreeMap<String, Grant>,
    /// What access tokens stand for.
    pub(super) tokens: BTreeMap<String, Person>,
    looks: u64,
}

/// What a code stands for.
pub(super) struct Grant {
    pub(super) person: Person,
    pub(super) nonce: String,
    pub(super) challenge: String,
}

impl FakeProvider {
    /// Starts on 127.0.0.1 with one client. Say who is signed in before somebody comes.
    ///
    /// # Errors
    /// When no port or no key can be had.
    pub async fn start(client_id: &str, client_secret: &str, redirect_uri: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let client = Client {
            id: client_id.to_owned(),
            secret: client_secret.to_owned(),
            redirect: redirect_uri.to_owned(),
        };
        let inside = Inside {
            person: Person::default(),
            flaw: None,
            key: Key::new()?,
            grants: BTreeMap::new(),
            tokens: BTreeMap::new(),
            looks: 0,
        };
        let shared = Shared {
            issuer: format!("http://{address}"),
            clock: Clock::real(),
            client: Arc::new(client),
            address,
            inside: Arc::new(Mutex::new(inside)),
        };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(endpoints::discovery))
            .route("/keys", get(endpoints::keys))
            .route("/authorize", get(endpoints::authorize))
            .route("/token", post(endpoints::token))
            .route("/userinfo", get(endpoints::user_info))
            .layer(from_fn_with_state(shared.clone(), endpoints::wire))
            .with_state(shared.clone());
        let serving = tokio::spawn(async move {
            // It never returns an error: accepting is tried again.
            drop(axum::serve(listener, routes).await);
        });
        Ok(Self { shared, serving })
    }

    /// Its issuer, `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.shared.address.port()
    }

    /// From now on this is whoever comes.
    pub fn sign_in(&self, person: Person) {
        self.shared.inside().person = person;
    }

    /// From now on this is wrong; `None`: nothing is.
    pub fn set(&self, flaw: Option<Flaw>) {
        self.shared.inside().flaw = flaw;
    }

    /// Signs with a new key, and forgets the one before.
    ///
    /// # Errors
    /// When no key can be had.
    pub fn rotate(&self) -> anyhow::Result<()> {
        self.shared.inside().key = Key::new()?;
        Ok(())
    }

    /// How often its discovery document was asked for.
    #[must_use]
    pub fn looks(&self) -> u64 {
        self.shared.inside().looks
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    pub(super) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn looked(&self) {
        self.inside().looks += 1;
    }
}
