//! TLS by rustls with the machine's own certificate authorities.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// The settings of every connection. The provider of cryptography is named here and not taken from what
/// the process has installed: the same as the message broker's client uses, so there is one of them.
pub(crate) fn settings() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _unreadable) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!("this machine has no certificate authorities; no https connection will come about");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(settings.with_root_certificates(roots).with_no_client_auth())
}
