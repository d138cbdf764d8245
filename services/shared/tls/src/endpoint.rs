//! A server that a URL of ours names, and when the certificate ends that it shows.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};

use crate::certificate::Certificate;

/// For connecting, and for each answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Longest line that a server says before TLS.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// What PostgreSQL is asked first: eight bytes, and the code of an `SSLRequest`.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// How TLS begins with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// After an `SSLRequest` of PostgreSQL.
    Postgres,
    /// After the greeting of NATS.
    Nats,
    /// After `STARTTLS` of a mail server.
    StartTls,
    /// At once.
    AtOnce,
}

/// A server, as a URL names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How TLS begins with it.
    pub begins: Begins,
    /// Its host, as it has to stand in the certificate; or the folder of its socket.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The file (PEM) of authorities that are trusted, if the URL names one.
    pub authorities: Option<PathBuf>,
    /// Whether the URL demands TLS and the right certificate.
    pub is_secured: bool,
}

/// When trust in a server ends. Each is the last moment at which it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// That of the certificate that it shows, or of one between it and the authority, if that is earlier.
    pub shown: DateTime<Utc>,
    /// That of the authority which signed it, if it is in the file that the URL names: the latest that has its key.
    pub authority: Option<DateTime<Utc>>,
}

/// Why it is not known when trust in a server ends. One line each.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// Its name is none, or nobody answers there, or not in time.
    #[error("it can't be reached: {0}")]
    Unreached(#[from] io::Error),
    /// It speaks in the clear.
    #[error("it does not offer TLS")]
    Clear,
    /// TLS did not come about.
    #[error("TLS did not come about: {0}")]
    Tls(#[from] rustls::Error),
    /// What it shows is no certificate.
    #[error("its certificate can't be read")]
    Unreadable,
    /// The file of authorities.
    #[error("{0} holds no certificate that can be read")]
    Authorities(PathBuf),
}

impl Endpoint {
    /// Whether it is on this machine, where nobody listens in between.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let address = self.host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        self.host == "localhost"
            || self.host.starts_with('/')
            || address.is_ok_and(|found| found.is_loopback())
    }

    /// Asks the server for its certificate, and says when trust in it ends. Whether the certificate is right is not asked: one
    /// that has ended is to be read as well, and nothing else is told or believed on this connection. Blocks for some seconds
    /// at most.
    ///
    /// # Errors
    /// [`LookError`].
    pub fn look(&self) -> Result<Ends, LookError> {
        let shown = self.shown()?;
        let shown = shown.iter().map(|der| Certificate::read(der).ok_or(LookError::Unreadable));
        let shown = shown.collect::<Result<Vec<_>, _>>()?;
        let ends = shown.iter().map(|one| one.ends).min().ok_or(LookError::Unreadable)?;
        let Some(file) = &self.authorities else { return Ok(Ends { shown: ends, authority: None }) };
        let unreadable = || LookError::Authorities(file.clone());
        let authorities = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|_no_pem| unreadable())?;
        if authorities.is_empty() {
            return Err(unreadable());
        }
        let authorities = authorities.iter().map(|der| Certificate::read(der).ok_or_else(unreadable));
        let authorities = authorities.collect::<Result<Vec<_>, _>>()?;
        let signed = authorities.iter().filter(|authority| shown.iter().any(|one| authority.has_issued(one)));
        Ok(Ends { shown: ends, authority: signed.map(|authority| authority.ends).max() })
    }

    /// Its certificate, and those after it up to the authority's, as it shows them.
    fn shown(&self) -> Result<Vec<CertificateDer<'static>>, LookError> {
        let unusable = |error: rustls::pki_types::InvalidDnsNameError| io::Error::other(error.to_string());
        let name = ServerName::try_from(self.host.trim_matches(['[', ']']).to_owned()).map_err(unusable)?;
        let mut stream = self.connect()?;
        if !self.begin(&mut stream)? {
            return Err(LookError::Clear);
        }
        let mut connection = ClientConnection::new(Arc::new(looking()?), name)?;
        while connection.is_handshaking() {
            if let Err(error) = connection.complete_io(&mut stream) {
                // What is wrong in TLS comes wrapped as well.
                let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned();
                return Err(cause.map_or_else(|| error.into(), LookError::Tls));
            }
        }
        if matches!(self.begins, Begins::StartTls | Begins::AtOnce) {
            connection.writer().write_all(b"QUIT\r\n")?;
        }
        connection.send_close_notify();
        // It has shown what was asked for; how it takes the farewell is its own affair.
        connection.complete_io(&mut stream).ok();
        Ok(connection.peer_certificates().unwrap_or_default().to_vec())
    }

    /// The first of its addresses that answers.
    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
        for address in (self.host.trim_matches(['[', ']']), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, ANSWER_WITHIN) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
                    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// What is said before TLS. Whether the server is willing.
    fn begin(&self, stream: &mut TcpStream) -> io::Result<bool> {
        match self.begins {
            Begins::AtOnce => Ok(true),
            Begins::Postgres => {
                stream.write_all(&SSL_REQUEST)?;
                let mut answer = [0];
                stream.read_exact(&mut answer)?;
                Ok(answer == *b"S")
            }
            Begins::Nats => {
                let greeting = line(stream)?;
                Ok(greeting.contains("\"tls_required\":true") || greeting.contains("\"tls_available\":true"))
            }
            Begins::StartTls => {
                reply(stream)?;
                stream.write_all(b"EHLO localhost\r\n")?;
                reply(stream)?;
                stream.write_all(b"STARTTLS\r\n")?;
                Ok(reply(stream)?.starts_with('2'))
            }
        }
    }
}

/// A line, byte by byte, so that nothing of what follows is taken.
fn line(stream: &mut impl Read) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\n") {
        if line.len() >= LINE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its first line does not end"));
        }
        stream.read_exact(&mut byte)?;
        line.extend_from_slice(&byte);
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// The last line of a mail server's answer: those before it have `-` behind the code.
fn reply(stream: &mut impl Read) -> io::Result<String> {
    // More lines than any server has extensions.
    for _ in 0..200 {
        let line = line(stream)?;
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line);
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "its answer does not end"))
}

fn looking() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let any = Arc::new(Any(Arc::clone(&provider)));
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(any)
        .with_no_client_auth())
}

/// Takes any certificate: see [`Endpoint::look`]. That the server has its key is checked, so that what is read is the server's.
#[derive(Debug)]
struct Any(Arc<CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
