//! TLS by rustls with the machine's own certificate authorities, for every connection to somebody else; and how long the
//! certificates last that servers show us.

mod certificate;
mod endpoint;

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

pub use endpoint::{Begins, Endpoint, Ends, LookError};

/// The settings of a client that trusts the machine's certificate authorities and these besides (DER). The provider of
/// cryptography is named here and not taken from what the process has installed: the same as the message broker's client
/// uses, so there is one of them.
///
/// # Errors
/// If an authority that was given is no certificate.
pub fn client(authorities: Vec<Vec<u8>>) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(CertificateDer::from(authority))?;
    }
    let found = rustls_native_certs::load_native_certs();
    let (_added, _unreadable) = roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!("this machine has no certificate authorities; no https connection will come about");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(settings.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::client;

    #[test]
    fn an_authority_that_is_no_certificate_is_refused() {
        assert!(client(vec![b"no certificate".to_vec()]).is_err());
        assert!(client(Vec::new()).is_ok(), "without authorities connections fail, not the start");
    }
}
