//! The mail server, as a URL.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use lettre::transport::smtp::client::{Certificate, TlsParameters};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use tradeup_tls::{Begins, Endpoint};
use url::{Host, Url};

/// Connections at a time, unless said otherwise.
const CONNECTIONS: usize = 4;
/// Until TCP, TLS, greeting and `EHLO` are done, unless said otherwise.
const CONNECT: Duration = Duration::from_secs(15);
/// For the answer to one command, unless said otherwise.
const COMMAND: Duration = Duration::from_secs(30);
/// For the answer to the content, unless said otherwise: servers scan it first.
const ANSWER: Duration = Duration::from_secs(120);

/// When the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// From the start: `smtps://`.
    Implicit,
    /// By `STARTTLS`, or not at all: `smtp://`.
    StartTls,
    /// Never: `tls=none`.
    None,
}

/// A mail server and how to use it. `Debug` shows no user and no password.
#[derive(Clone)]
pub struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) login: Option<(SecretString, SecretString)>,
    pub(super) authority: Option<PathBuf>,
    pub(super) hello: Option<String>,
    pub(super) connections: usize,
    pub(super) connect: Duration,
    pub(super) command: Duration,
    pub(super) answer: Duration,
}

/// Why a text is no [`Server`], or one can't be used. No message holds any of the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// No URL of a mail server.
    #[error(
        "the mail server's URL can't be read; write it like smtp://USER:PASSWORD@host:587 or smtps://USER:PASSWORD@host, with @ : / in user and password as %40 %3A %2F"
    )]
    NoUrl,
    /// An option that does not exist.
    #[error(
        "the mail server's URL has an option {name:?} that does not exist; there are tls, allow_plaintext, ca, hello, connections, connect_timeout, command_timeout and answer_timeout"
    )]
    UnknownOption {
        /// Its name, cut to 30 characters.
        name: String,
    },
    /// An option with a value it can't have.
    #[error("the mail server's URL: {name} can be {allowed}")]
    OptionValue {
        /// Its name.
        name: &'static str,
        /// What it can be.
        allowed: &'static str,
    },
    /// In the clear over a network.
    #[error(
        "the mail server's URL has tls=none and a host that is not loopback: passwords and addresses would go in the clear; leave tls=none out, or add allow_plaintext=yes"
    )]
    Plaintext,
    /// User without password, or the reverse.
    #[error("the mail server's URL has a user without a password or the reverse; give both or none")]
    HalfLogin,
    /// The file of the certificate authority.
    #[error("the file that ca names in the mail server's URL holds no readable certificate in PEM")]
    Authority,
    /// The host's name can't stand in a certificate.
    #[error("the mail server's host can't be checked against a certificate; use its name")]
    HostName,
}

impl Server {
    /// Reads `smtp://USER:PASSWORD@HOST:PORT?OPTIONS` (587, `STARTTLS` required) or `smtps://…`
    /// (465, TLS from the start).
    ///
    /// | option | meaning |
    /// |---|---|
    /// | `tls=none` | no TLS; on loopback only, elsewhere with `allow_plaintext=yes` |
    /// | `ca=FILE` | trusts this certificate (PEM) too |
    /// | `hello=NAME` | for `EHLO`; else the sender's domain |
    /// | `connections=N` | 1 to 100, else 4 |
    /// | `connect_timeout`, `command_timeout`, `answer_timeout` | seconds, else 15, 30, 120 |
    ///
    /// # Errors
    /// [`ServerError`] says what to write instead.
    pub fn parse(url: &SecretString) -> Result<Self, ServerError> {
        let url = Url::parse(url.expose_secret().trim()).map_err(|_no_url| ServerError::NoUrl)?;
        let (mut encryption, port) = match url.scheme() {
            "smtp" => (Encryption::StartTls, 587),
            "smtps" => (Encryption::Implicit, 465),
            _ => return Err(ServerError::NoUrl),
        };
        // Hosts of schemes that browsers don't know are left unread by the URL standard.
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(ServerError::NoUrl)?;
        let host = Host::parse(host).map_err(|_no_host| ServerError::NoUrl)?;
        let loopback = match &host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(ServerError::NoUrl);
        }
        let mut server = Self {
            host: match host {
                Host::Domain(name) => name,
                Host::Ipv4(address) => address.to_string(),
                Host::Ipv6(address) => address.to_string(),
            },
            port: url.port().unwrap_or(port),
            encryption,
            login: login(&url)?,
            authority: None,
            hello: None,
            connections: CONNECTIONS,
            connect: CONNECT,
            command: COMMAND,
            answer: ANSWER,
        };
        let mut plaintext = false;
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "tls" if value == "none" && encryption == Encryption::StartTls => {
                    encryption = Encryption::None;
                }
                "tls" if value == "required" => {}
                "tls" => {
                    return Err(ServerError::OptionValue {
                        name: "tls",
                        allowed: "required, or none with smtp://",
                    });
                }
                "allow_plaintext" if value == "yes" => plaintext = true,
                "allow_plaintext" => {
                    return Err(ServerError::OptionValue { name: "allow_plaintext", allowed: "yes" });
                }
                "ca" => server.authority = Some(value.as_ref().into()),
                "hello" => server.hello = Some(hello(&value)?),
                "connections" => {
                    let option = ServerError::OptionValue { name: "connections", allowed: "1 to 100" };
                    server.connections =
                        value.parse().ok().filter(|n| (1..=100).contains(n)).ok_or(option)?;
                }
                "connect_timeout" => server.connect = seconds("connect_timeout", &value)?,
                "command_timeout" => server.command = seconds("command_timeout", &value)?,
                "answer_timeout" => server.answer = seconds("answer_timeout", &value)?,
                other => return Err(ServerError::UnknownOption { name: other.chars().take(30).collect() }),
            }
        }
        if encryption == Encryption::None && !loopback && !plaintext {
            return Err(ServerError::Plaintext);
        }
        server.encryption = encryption;
        Ok(server)
    }

    /// How many connections there are at a time.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections
    }

    /// Where it is, and how it is to be trusted.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        let begins = match self.encryption {
            Encryption::Implicit => Begins::AtOnce,
            Encryption::StartTls | Encryption::None => Begins::StartTls,
        };
        Endpoint {
            begins,
            host: self.host.clone(),
            port: self.port,
            authorities: self.authority.clone(),
            is_secured: self.encryption != Encryption::None,
        }
    }

    /// What is checked of the server's certificate; none without encryption.
    pub(super) fn tls_parameters(&self) -> Result<Option<TlsParameters>, ServerError> {
        if self.encryption == Encryption::None {
            return Ok(None);
        }
        let mut builder = TlsParameters::builder(self.host.clone());
        if let Some(file) = &self.authority {
            let pem = std::fs::read(file).map_err(|_unreadable| ServerError::Authority)?;
            let certificate = Certificate::from_pem(&pem).map_err(|_no_pem| ServerError::Authority)?;
            builder = builder.add_root_certificate(certificate);
        }
        builder.build_rustls().map(Some).map_err(|_invalid| ServerError::HostName)
    }
}

fn login(url: &Url) -> Result<Option<(SecretString, SecretString)>, ServerError> {
    let decoded = |text: &str| -> Result<SecretString, ServerError> {
        let text = percent_decode_str(text).decode_utf8().map_err(|_not_utf8| ServerError::NoUrl)?;
        // NUL parts user and password in AUTH PLAIN.
        if text.contains(char::is_control) { Err(ServerError::NoUrl) } else { Ok(text.into_owned().into()) }
    };
    match (url.username(), url.password().unwrap_or_default()) {
        ("", "") => Ok(None),
        ("", _) | (_, "") => Err(ServerError::HalfLogin),
        (user, password) => Ok(Some((decoded(user)?, decoded(password)?))),
    }
}

fn seconds(name: &'static str, value: &str) -> Result<Duration, ServerError> {
    let allowed = ServerError::OptionValue { name, allowed: "1 to 600 seconds" };
    value.parse().ok().filter(|n| (1..=600).contains(n)).map(Duration::from_secs).ok_or(allowed)
}

fn hello(value: &str) -> Result<String, ServerError> {
    match Host::parse(value) {
        Ok(Host::Domain(name)) => Ok(name),
        _ => Err(ServerError::OptionValue { name: "hello", allowed: "the name of a host" }),
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("encryption", &self.encryption)
            .field("login", &self.login.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Server, ServerError> {
        Server::parse(&url.into())
    }

    #[test]
    fn urls_say_everything() {
        let server =
            parse("smtp://user%40shop.example:p%3Aw%2F@mail.example?connections=2&answer_timeout=7").unwrap();
        assert_eq!(
            (server.host.as_str(), server.port, server.encryption),
            ("mail.example", 587, Encryption::StartTls)
        );
        let (user, password) = server.login.as_ref().unwrap();
        assert_eq!((user.expose_secret(), password.expose_secret()), ("user@shop.example", "p:w/"));
        assert_eq!((server.connections, server.answer), (2, Duration::from_secs(7)));
        let shown = format!("{server:?}");
        assert!(!shown.contains("p:w") && !shown.contains("user@"), "{shown}");
        let server = parse("smtps://mail.example?tls=required").unwrap();
        assert_eq!(
            (server.port, server.encryption, server.login.is_some()),
            (465, Encryption::Implicit, false)
        );
        for host in ["127.0.0.1:2525", "localhost", "[::1]:25"] {
            assert_eq!(parse(&format!("smtp://{host}?tls=none")).unwrap().encryption, Encryption::None);
        }
        assert!(parse("smtp://relay.internal:25?tls=none&allow_plaintext=yes").is_ok());
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (url, says) in [
            ("", "can't be read"),
            ("mail.example:587", "can't be read"),
            ("https://mail.example", "can't be read"),
            ("smtp://", "can't be read"),
            ("smtp://mail.example/path", "can't be read"),
            ("smtp://hunter2:%00@mail.example", "can't be read"),
            ("smtp://user@mail.example", "user without a password"),
            ("smtp://:hunter2@mail.example", "user without a password"),
            ("smtp://user:hunter2@mail.example?tls=none", "in the clear"),
            ("smtps://user:hunter2@127.0.0.1?tls=none", "tls can be required, or none with smtp://"),
            ("smtp://mail.example?tls=maybe", "tls can be"),
            ("smtp://mail.example?starttls=yes", "option \"starttls\" that does not exist"),
            ("smtp://mail.example?connections=0", "connections can be 1 to 100"),
            ("smtp://mail.example?answer_timeout=601", "answer_timeout can be 1 to 600 seconds"),
            ("smtp://mail.example?hello=a%0D%0Ab", "hello can be"),
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("hunter2"), "{url}: {error}");
        }
        let server = parse("smtp://mail.example?ca=nowhere.pem").unwrap();
        assert_eq!(server.tls_parameters().err(), Some(ServerError::Authority));
    }
}
