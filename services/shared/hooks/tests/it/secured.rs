//! TLS: whose certificate is taken, and that the name of the URL counts, not the address.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Arc;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, Stream};
use tradeup_hooks::{EndpointUrl, Reach, SendError, Sender, Settings, SetupError};

use crate::receiver::{BODY, Everywhere, endpoint, send, writes};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A server with a certificate of this name that takes one message, its port, and its certificate.
fn serve(name: &str) -> (u16, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let listener = TcpListener::bind((LOOPBACK, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = Stream::new(&mut tls, &mut tcp);
        let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
        // A client that does not like the certificate goes.
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            read.extend_from_slice(&buffer[..count]);
            if read.ends_with(BODY) {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            }
        }
    });
    (port, certificate.to_vec())
}

/// For loopback, where every name is, with this authority.
fn sender(authority: Vec<u8>) -> Sender {
    let addresses = vec![Ipv4Addr::new(10, 0, 0, 1).into(), LOOPBACK];
    let settings = Settings {
        reach: Reach::Loopback,
        authorities: vec![authority],
        lookup: Arc::new(Everywhere(addresses)),
        ..Settings::default()
    };
    Sender::new(settings).unwrap()
}

fn url(port: u16) -> EndpointUrl {
    endpoint(&format!("https://hooks.shop.example:{port}/"))
}

#[tokio::test]
async fn a_certificate_of_the_name_is_taken() {
    let (port, authority) = serve("hooks.shop.example");
    assert_eq!(send(&sender(authority), &url(port)).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_certificate_of_another_name_or_of_nobody_is_not() {
    let (port, authority) = serve("other.example");
    let error = send(&sender(authority), &url(port)).await.unwrap_err();
    assert!(matches!(&error, SendError::Tls { cause } if cause.contains("certificate")), "{error:?}");

    let (port, _) = serve("hooks.shop.example");
    let (_, of_another) = serve("hooks.shop.example");
    let error = send(&sender(of_another), &url(port)).await.unwrap_err();
    assert!(matches!(&error, SendError::Tls { cause } if cause.contains("certificate")), "{error:?}");
    assert_eq!(error.kind(), "tls");
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing() {
    let plain = writes(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let secure = endpoint(&plain.as_str().replace("http:", "https:"));
    let (_, authority) = serve("hooks.shop.example");
    let error = send(&sender(authority), &secure).await.unwrap_err();
    assert!(matches!(&error, SendError::Tls { .. }), "{error:?}");
}

#[test]
fn an_authority_that_is_none_is_said_at_once() {
    let settings = Settings { authorities: vec![b"no certificate".to_vec()], ..Settings::default() };
    assert!(matches!(Sender::new(settings), Err(SetupError::Tls(_))));
}
