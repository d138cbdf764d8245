//! Handing mails to a mail server.
//!
//! lettre speaks the protocol. Its own pool says whether a mail was refused, but not at which step
//! the connection was lost; and just that decides whether a second try can send a second mail. So
//! the steps are taken one by one here, on connections that are kept for the next mail.

mod address;
mod error;
mod message;
mod pool;
mod server;
mod session;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use lettre::transport::smtp::extension::ClientId;
use tradeup_signals::metrics::outside::{MAIL_SECONDS, MAILS};
use tradeup_signals::outbound::{self, Ended};
use tradeup_signals::trace;
use uuid::Uuid;

pub use address::{Address, InvalidAddress};
pub use error::{Accepted, Reply, SendError, Step};
use pool::Pool;
pub use server::{Server, ServerError};
use session::{Failure, Route, Session};

use crate::{RenderedMail, WebLink};

/// One mail to one member.
///
/// Holds personal data; it has no `Debug`, so that none gets into a log.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// Names the mail: `Message-ID` is made from it, so every try of the same digest has the same.
    pub digest_id: Uuid,
    /// The member's address, as the shop has it.
    pub to: &'a str,
    /// Name of the sender that the member sees.
    pub shop_name: &'a str,
    /// Where an answer goes.
    pub reply_to: Option<&'a Address>,
    /// What it says.
    pub mail: &'a RenderedMail,
    /// For `List-Unsubscribe`: the same link as in the mail.
    pub unsubscribe: &'a WebLink,
    /// For `Date`: when the digest was made, the same at each try.
    pub written_at: DateTime<Utc>,
}

/// A mail to an operator: text alone, about the engine.
///
/// Its address is personal data; it has no `Debug`.
#[derive(Clone, Copy)]
pub struct Note<'a> {
    /// Names the mail: `Message-ID` is made from it, so every try has the same.
    pub id: Uuid,
    /// Who gets it.
    pub to: &'a Address,
    /// What it is about, on one line.
    pub subject: &'a str,
    /// What it says.
    pub text: &'a str,
    /// For `Date`: when it was written, the same at each try.
    pub written_at: DateTime<Utc>,
}

/// Sends mails through one mail server. Clones share the connections.
///
/// A call of [`Mailer::send`] that is dropped while it runs leaves the outcome open, as
/// [`SendError::OutcomeUnknown`] does; the caller has to record that it is about to send.
#[derive(Clone)]
pub struct Mailer {
    inner: Arc<Inner>,
}

struct Inner {
    route: Route,
    from: Address,
    pool: Pool,
}

/// What became of a mail, as it is counted.
fn outcome(delivered: &Result<Accepted, SendError>) -> &'static str {
    match delivered {
        Ok(_) => "sent",
        Err(SendError::AddressRefused { .. } | SendError::Refused { .. } | SendError::Unbuildable { .. }) => {
            "refused"
        }
        Err(SendError::OutcomeUnknown { .. }) => "unknown",
        Err(SendError::NotSent { .. } | SendError::Deferred { .. } | SendError::Unauthorized { .. }) => {
            "failed"
        }
    }
}

/// The same, as calls to others are counted.
fn ended(delivered: &Result<Accepted, SendError>) -> Ended {
    match delivered {
        Ok(_) => Ended::Answered,
        Err(SendError::AddressRefused { .. } | SendError::Refused { .. } | SendError::Unbuildable { .. }) => {
            Ended::Refused
        }
        Err(SendError::OutcomeUnknown { .. }) => Ended::Unknown,
        Err(SendError::Unauthorized { .. }) => Ended::Unauthorized,
        Err(SendError::NotSent { .. } | SendError::Deferred { .. }) => Ended::Unavailable,
    }
}

impl Mailer {
    /// For a server, and the address that mails come from. Connects when it has something to send.
    ///
    /// # Errors
    /// [`ServerError`] if the certificate authority's file can't be read or the host has no valid name.
    pub fn new(server: Server, from: Address) -> Result<Self, ServerError> {
        let hello = server.hello.clone().unwrap_or_else(|| from.domain().to_owned());
        let pool = Pool::new(server.connections);
        let tls = server.tls_parameters()?;
        let route = Route { server, tls, hello: ClientId::Domain(hello) };
        Ok(Self { inner: Arc::new(Inner { route, from, pool }) })
    }

    /// Hands over one mail, once. What is safe to do after an error, its variant says.
    ///
    /// A connection that was kept and turns out to be closed by the server is replaced before the
    /// sender is named, so it is no failure. Waits for a free connection; then for as long as the
    /// server's time-outs are.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Accepted, SendError> {
        let inner = &*self.inner;
        let to =
            outgoing.to.parse::<Address>().map_err(|_invalid| SendError::AddressRefused { reply: None })?;
        let content = message::build(outgoing, &inner.from, &to)?;
        self.deliver(&to, &content).await
    }

    /// Hands over a mail to an operator, once, as [`Self::send`] does.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn note(&self, note: &Note<'_>) -> Result<Accepted, SendError> {
        self.deliver(note.to, &message::note(note, &self.inner.from)?).await
    }

    async fn deliver(&self, to: &Address, content: &[u8]) -> Result<Accepted, SendError> {
        let begun = Instant::now();
        let span = tracing::info_span!(
            target: trace::TARGET, "call", otel.name = "SMTP send", otel.kind = "client",
            network.protocol.name = "smtp"
        );
        let delivered = outbound::call("mail", span, self.deliver_uncounted(to, content), ended).await;
        MAIL_SECONDS.took(begun.elapsed(), []);
        MAILS.one([outcome(&delivered)]);
        delivered
    }

    async fn deliver_uncounted(&self, to: &Address, content: &[u8]) -> Result<Accepted, SendError> {
        let inner = &*self.inner;
        let place = inner.pool.place().await;
        loop {
            let kept = inner.pool.take();
            let reused = kept.is_some();
            let mut session = match kept {
                Some(session) => session,
                None => Session::open(&inner.route).await?,
            };
            match session.deliver(&inner.route, &inner.from, to, content).await {
                Ok(accepted) => {
                    place.put_back(session);
                    return Ok(accepted);
                }
                Err(Failure::Stale(_)) if reused => {}
                Err(Failure::Stale(error) | Failure::Broken(error)) => return Err(error),
                Err(Failure::Answered(error)) => {
                    if session.reset(&inner.route).await {
                        place.put_back(session);
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Connects and logs in, without sending: whether the server would have us.
    ///
    /// # Errors
    /// [`SendError`], never `AddressRefused`, `Refused` or `OutcomeUnknown`.
    pub async fn check(&self) -> Result<(), SendError> {
        let place = self.inner.pool.place().await;
        let session = Session::open(&self.inner.route).await?;
        place.put_back(session);
        Ok(())
    }

    /// Takes leave of the server on all connections that are not in use.
    pub async fn close(&self) {
        while let Some(session) = self.inner.pool.take() {
            session.quit().await;
        }
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.inner;
        f.debug_struct("Mailer").field("server", &inner.route.server).field("pool", &inner.pool).finish()
    }
}
