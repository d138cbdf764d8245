//! One connection, step by step.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

use super::server::{Encryption, Server};
use super::{Accepted, Address, Reply, SendError, Step};
use crate::text::one_line;

/// For a farewell: nothing depends on it.
const QUIT: Duration = Duration::from_secs(2);
/// Longest answer that is kept, in characters.
const ANSWER_CHARS_MAX: usize = 200;

/// The way to the server.
pub(super) struct Route {
    pub(super) server: Server,
    pub(super) tls: Option<TlsParameters>,
    pub(super) hello: ClientId,
}

/// A connection that is open and logged in.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    mails: u32,
}

/// Why a mail was not handed over, and what that says of the connection.
pub(super) enum Failure {
    /// It was closed before the sender was named: if it was kept from an earlier mail, a new one
    /// may do.
    Stale(SendError),
    /// It can't be used any more.
    Broken(SendError),
    /// The server answered; the connection is fine.
    Answered(SendError),
}

/// What went wrong in one step.
enum Fault {
    TimedOut(Duration),
    Smtp(Error),
}

impl Session {
    /// Connects, encrypts and logs in.
    pub(super) async fn open(route: &Route) -> Result<Self, SendError> {
        let server = &route.server;
        let implicit = route.tls.clone().filter(|_| server.encryption == Encryption::Implicit);
        let address = (server.host.as_str(), server.port);
        let connecting = AsyncSmtpConnection::connect_tokio1(address, None, &route.hello, implicit, None);
        let connection = within(server.connect, connecting).await;
        let connection = connection.map_err(|fault| before_mail(Step::Connecting, &fault))?;
        let mut session = Self { connection, mails: 0 };
        if let (Encryption::StartTls, Some(tls)) = (server.encryption, route.tls.clone()) {
            if !session.connection.can_starttls() {
                return Err(SendError::Unauthorized { step: Step::StartTls, reply: None });
            }
            let encrypting = session.connection.starttls(tls, &route.hello);
            within(server.connect, encrypting).await.map_err(|fault| before_mail(Step::StartTls, &fault))?;
        }
        if let Some((user, password)) = &server.login {
            let credentials = Credentials::new(user.expose_secret().into(), password.expose_secret().into());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let login = session.connection.auth(&mechanisms, &credentials);
            within(server.command, login).await.map_err(|fault| before_mail(Step::LoggingIn, &fault))?;
        }
        Ok(session)
    }

    /// How many mails it has taken.
    pub(super) fn mails(&self) -> u32 {
        self.mails
    }

    /// Hands over one mail.
    pub(super) async fn deliver(
        &mut self,
        route: &Route,
        from: &Address,
        to: &Address,
        content: &[u8],
    ) -> Result<Accepted, Failure> {
        let connection = &mut self.connection;
        let limit = route.server.command;
        let utf8 = !(to.is_ascii() && from.is_ascii());
        if utf8 && !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Failure::Answered(SendError::AddressRefused { reply: None }));
        }
        let parameters = if utf8 { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
        let sender = Mail::new(Some(from.as_lettre().clone()), parameters);
        within(limit, connection.command(sender)).await.map_err(|fault| failed(Step::Sender, &fault))?;
        let recipient = Rcpt::new(to.as_lettre().clone(), Vec::new());
        within(limit, connection.command(recipient))
            .await
            .map_err(|fault| failed(Step::Recipient, &fault))?;
        let data =
            within(limit, connection.command(Data)).await.map_err(|fault| failed(Step::Data, &fault))?;
        if !data.has_code(354) {
            // Without the word to go on, content would be read as commands.
            let cause = "the server gave an answer that does not fit".to_owned();
            return Err(Failure::Broken(SendError::NotSent { step: Step::Data, cause }));
        }
        let answer = within(route.server.answer, connection.message(content)).await;
        let answer = answer.map_err(|fault| failed(Step::Content, &fault))?;
        self.mails += 1;
        if u16::from(answer.code()) / 100 != 2 {
            let cause = "the server gave an answer that does not fit".to_owned();
            return Err(Failure::Broken(SendError::OutcomeUnknown { cause }));
        }
        Ok(Accepted { answer: words(&answer) })
    }

    /// Makes the connection ready for another mail after a refusal; false if that fails.
    pub(super) async fn reset(&mut self, route: &Route) -> bool {
        within(route.server.command, self.connection.command(Rset)).await.is_ok()
    }

    /// Takes leave.
    pub(super) async fn quit(mut self) {
        // It is over either way.
        within(QUIT, self.connection.quit()).await.ok();
    }
}

async fn within<T>(limit: Duration, step: impl Future<Output = Result<T, Error>>) -> Result<T, Fault> {
    match timeout(limit, step).await {
        Ok(done) => done.map_err(Fault::Smtp),
        Err(_elapsed) => Err(Fault::TimedOut(limit)),
    }
}

/// Before there is talk of a mail: nothing here is the member's failure or the mail's.
fn before_mail(step: Step, fault: &Fault) -> SendError {
    match reply(fault) {
        Some(reply) if reply.code / 100 == 4 => SendError::Deferred { step, reply },
        Some(reply) => SendError::Unauthorized { step, reply: Some(reply) },
        // No mechanism in common.
        None if step == Step::LoggingIn && matches!(fault, Fault::Smtp(error) if error.is_client()) => {
            SendError::Unauthorized { step, reply: None }
        }
        None => SendError::NotSent { step, cause: cause(fault) },
    }
}

/// From the sender on.
fn failed(step: Step, fault: &Fault) -> Failure {
    let Some(reply) = reply(fault) else {
        let cause = cause(fault);
        return match step {
            Step::Content => Failure::Broken(SendError::OutcomeUnknown { cause }),
            Step::Sender => Failure::Stale(SendError::NotSent { step, cause }),
            _ => Failure::Broken(SendError::NotSent { step, cause }),
        };
    };
    match (reply.code, step) {
        // The server closes the connection (RFC 5321 §3.8).
        (421, Step::Sender) => Failure::Stale(SendError::Deferred { step, reply }),
        (421, _) => Failure::Broken(SendError::Deferred { step, reply }),
        (400..=499, _) => Failure::Answered(SendError::Deferred { step, reply }),
        // RFC 4954: login required, too weak, only encrypted, wrong.
        (530 | 534 | 535 | 538, _) => Failure::Answered(SendError::Unauthorized { step, reply: Some(reply) }),
        // A size is the mail's, all else about the sender is ours.
        (552, Step::Sender) => Failure::Answered(SendError::Refused { step, reply }),
        (_, Step::Sender) => Failure::Answered(SendError::Unauthorized { step, reply: Some(reply) }),
        // A policy ("relay access denied") is not the address's fault; nor are commands not known.
        (500..=504, Step::Recipient) => Failure::Answered(SendError::Refused { step, reply }),
        (_, Step::Recipient) if reply.is_about(7) => Failure::Answered(SendError::Refused { step, reply }),
        (_, Step::Recipient) => Failure::Answered(SendError::AddressRefused { reply: Some(reply) }),
        _ => Failure::Answered(SendError::Refused { step, reply }),
    }
}

/// The codes of a refusal. lettre gives the words as the error's source.
fn reply(fault: &Fault) -> Option<Reply> {
    let Fault::Smtp(error) = fault else { return None };
    let code = error.status()?.into();
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    Some(Reply { code, enhanced: enhanced(&words) })
}

/// `5.1.1` at the start of an answer.
fn enhanced(words: &str) -> Option<[u16; 3]> {
    let mut numbers = words.split_whitespace().next()?.splitn(3, '.').map(|part| part.parse::<u16>().ok());
    let code = [numbers.next()??, numbers.next()??, numbers.next()??];
    (matches!(code[0], 2 | 4 | 5) && code[1..].iter().all(|n| *n < 1000)).then_some(code)
}

/// In words, without any of the server's: those repeat addresses.
fn cause(fault: &Fault) -> String {
    let error = match fault {
        Fault::TimedOut(limit) => return format!("there was no answer within {} s", limit.as_secs()),
        Fault::Smtp(error) => error,
    };
    if error.is_response() {
        // lettre says so of a connection that ends instead of an answer, too.
        return "the connection ended, or the answer can't be read".to_owned();
    }
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return match io.kind() {
                io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe => "the connection was lost".to_owned(),
                // Of the resolver or of TLS: about hosts and certificates.
                _ => io.to_string(),
            };
        }
        source = inner.source();
    }
    "the connection failed".to_owned()
}

/// The server's words to an accepted mail, without addresses.
fn words(answer: &Response) -> String {
    let words: Vec<&str> =
        answer.message().flat_map(str::split_whitespace).filter(|word| !word.contains('@')).collect();
    one_line(&words.join(" "), ANSWER_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_codes_are_read_from_the_first_word() {
        assert_eq!(enhanced("5.1.1 <ann@shop.example>: unknown"), Some([5, 1, 1]));
        assert_eq!(enhanced("4.7.28 slow down"), Some([4, 7, 28]));
        for words in ["", "no", "5.1", "9.1.1 x", "5.1.1.1 x", "5.1.1000", "127.0.0 x"] {
            assert_eq!(enhanced(words), None, "{words}");
        }
    }
}
