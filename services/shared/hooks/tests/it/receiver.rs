//! Servers that receive, and a message for them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use chrono::{DateTime, Utc};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tradeup_domain::signing::{Purpose, SigningKeys};
use tradeup_hooks::{
    Accepted, EndpointUrl, Lookup, LookupFuture, Outgoing, Reach, SendError, Sender, Settings,
};
use uuid::Uuid;

/// What a server has seen of a request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

type Answer = Arc<dyn Fn() -> Response + Send + Sync>;

/// A server that keeps what it gets, and answers always the same.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start<R: IntoResponse>(answer: impl Fn() -> R + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answer: Answer = Arc::new(move || answer().into_response());
        let app = Router::new().fallback(receive).with_state((answer, seen.clone()));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, seen, serving }
    }

    pub(crate) fn url(&self) -> EndpointUrl {
        endpoint(&format!("http://{}/hooks?of=shop", self.address))
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn receive(
    State((answer, seen)): State<(Answer, Arc<Mutex<Vec<Seen>>>)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    seen.lock().unwrap().push(Seen { method, uri, headers, body });
    answer()
}

/// A server that does no more than what it is told with each connection, after it has read a request, or the
/// beginning of something else.
pub(crate) async fn raw<F>(then: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = Vec::new();
            while stream.read_buf(&mut read).await.unwrap_or(0) > 0
                && read[0] == b'P'
                && !read.ends_with(BODY)
            {}
            tokio::spawn(then(stream));
        }
    });
    address
}

/// A server that writes this and closes the connection.
pub(crate) async fn writes(answer: &'static [u8]) -> EndpointUrl {
    let address = raw(move |mut stream| async move {
        // The client may have had enough.
        drop(stream.write_all(answer).await);
        drop(stream.shutdown().await);
    });
    endpoint(&format!("http://{}/", address.await))
}

/// A look-up by which every name has these addresses.
pub(crate) struct Everywhere(pub Vec<IpAddr>);

impl Lookup for Everywhere {
    fn lookup(&self, _host: &str) -> LookupFuture {
        let found = self.0.clone();
        Box::pin(async move { Ok(found) })
    }
}

/// A look-up that fails.
pub(crate) struct Nowhere;

impl Lookup for Nowhere {
    fn lookup(&self, _host: &str) -> LookupFuture {
        Box::pin(async { Err(io::Error::other("no such\nname")) })
    }
}

pub(crate) const BODY: &[u8] = br#"{"type":"ping","timestamp":"2026-11-28T04:30:00.000Z","data":{}}"#;
pub(crate) const ID: &str = "msg_01";

pub(crate) fn endpoint(text: &str) -> EndpointUrl {
    EndpointUrl::parse(text, Reach::Loopback).unwrap()
}

/// The secrets of an endpoint with a current key and an older one.
pub(crate) fn secrets() -> Vec<String> {
    let key = |byte| base64::engine::general_purpose::STANDARD.encode([byte; 32]);
    let keys = SigningKeys::parse(&format!("{},{}", key(1), key(2))).unwrap();
    keys.secrets(Purpose::Endpoint, 7, Uuid::from_u128(1))
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-28T04:30:00.9Z".parse().unwrap()
}

/// For loopback, with little patience.
pub(crate) fn settings() -> Settings {
    let soon = Duration::from_millis(300);
    Settings { reach: Reach::Loopback, connect_timeout: soon, timeout: soon * 2, ..Settings::default() }
}

/// For loopback, with the patience of the product.
pub(crate) fn sender() -> Sender {
    Sender::new(Settings { reach: Reach::Loopback, ..Settings::default() }).unwrap()
}

pub(crate) async fn send(sender: &Sender, to: &EndpointUrl) -> Result<Accepted, SendError> {
    sender.send(to, &Outgoing { id: ID, body: BODY, secrets: &secrets() }, now()).await
}
