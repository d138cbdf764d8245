//! A server that answers as it is told, and a client for it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tradeup_anthropic::{Answer, CallError, Client, ClientOptions, Request, Turn, UserBlock};

pub(crate) const KEY: &str = "sk-ant-secret-0123456789";

type Seen = Arc<Mutex<Vec<(String, HeaderMap)>>>;
type Answers = Arc<dyn Fn() -> Response + Send + Sync>;

/// A server that keeps what it gets, and answers always the same.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Seen,
    serving: tokio::task::JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start<R: IntoResponse>(answer: impl Fn() -> R + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Seen::default();
        let answers: Answers = Arc::new(move || answer().into_response());
        let app = Router::new().fallback(receive).with_state((answers, seen.clone()));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, seen, serving }
    }

    /// Paths that were asked for, with the headers.
    pub(crate) fn seen(&self) -> Vec<(String, HeaderMap)> {
        self.seen.lock().unwrap().clone()
    }

    /// The options for a client of it, at a path.
    pub(crate) fn options(&self, path: &str) -> ClientOptions {
        let base = format!("http://{}{path}", self.address).parse().unwrap();
        ClientOptions { backoff: Duration::from_millis(1), ..ClientOptions::at(base, Some(KEY.into())) }
    }

    pub(crate) async fn ask(&self) -> Result<Answer, CallError> {
        ask(&Client::new(self.options("")).unwrap()).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn receive(State((answers, seen)): State<(Answers, Seen)>, uri: Uri, headers: HeaderMap) -> Response {
    seen.lock().unwrap().push((uri.to_string(), headers));
    answers()
}

pub(crate) async fn ask(client: &Client) -> Result<Answer, CallError> {
    client.ask(&request(), &CancellationToken::new()).await
}

pub(crate) fn request() -> Request {
    Request {
        model: "m".to_owned(),
        max_tokens: 8,
        system: Vec::new(),
        tools: Vec::new(),
        messages: vec![Turn::User(vec![UserBlock::Text("hello".to_owned())])],
        user: None,
    }
}

/// An answer in one piece.
pub(crate) const WHOLE: &str = r#"{"type":"message","id":"msg_1","model":"m","stop_reason":"end_turn",
    "content":[{"type":"text","text":"caf\u00e9", "n":1e2}],"usage":{"input_tokens":3,"output_tokens":2}}"#;
