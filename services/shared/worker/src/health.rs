//! Whether this process is alive and ready, for whoever starts and watches it.
//!
//! `/livez` answers as long as the process does anything: an outage of a server must not have it restarted. `/readyz` says
//! whether it can do its work. `/metrics` tells what it has counted. None asks a server: asking costs nothing and can be
//! done by anybody.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tradeup_broker::Broker;
use tradeup_signals::metrics::{messages, store};
use tradeup_store::Pool;

/// The database is taken to be there for so long after it took a note: three notes, and some.
const SEEN_FOR: Duration = Duration::from_secs(35);
/// Connections at a time.
const CONNECTIONS_MAX: usize = 32;
/// Whoever asks the service that runs beside has this long.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// What is known of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Health(Arc<Known>);

struct Known {
    begun: Instant,
    /// Milliseconds since then at which the database last answered; 0 is never.
    seen_ms: AtomicU64,
    /// It works on runs, or answers at least.
    at_work: AtomicBool,
    /// It does what it can with one of the two servers.
    early: bool,
    broker: OnceLock<Broker>,
    pool: OnceLock<Pool>,
    stopping: CancellationToken,
}

impl Health {
    pub(crate) fn new(early: bool, stopping: CancellationToken) -> Self {
        Self(Arc::new(Known {
            begun: Instant::now(),
            seen_ms: AtomicU64::new(0),
            at_work: AtomicBool::new(false),
            early,
            broker: OnceLock::new(),
            pool: OnceLock::new(),
            stopping,
        }))
    }

    /// The service has begun to work, with this broker and these connections.
    pub(crate) fn at_work(&self, broker: Broker, pool: Pool) {
        self.0.broker.get_or_init(|| broker);
        self.0.pool.get_or_init(|| pool);
        self.0.at_work.store(true, Ordering::Relaxed);
    }

    /// The database has answered just now.
    pub(crate) fn database_seen(&self) {
        let since = u64::try_from(self.0.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.seen_ms.store(since.max(1), Ordering::Relaxed);
    }

    /// Why it is not ready, if it is not.
    fn why_not(&self) -> Option<&'static str> {
        let known = &self.0;
        if known.stopping.is_cancelled() {
            return Some("stopping");
        }
        if !known.at_work.load(Ordering::Relaxed) {
            return Some("starting");
        }
        let seen = Duration::from_millis(known.seen_ms.load(Ordering::Relaxed));
        let database = !seen.is_zero() && known.begun.elapsed().saturating_sub(seen) <= SEEN_FOR;
        let broker = known.broker.get().is_some_and(Broker::is_connected);
        missing(known.early, database, broker)
    }

    /// What this process has counted, and what it holds at this moment.
    fn metrics(&self) -> String {
        if let Some(pool) = self.0.pool.get() {
            let (open, idle) = (pool.size(), u32::try_from(pool.num_idle()).unwrap_or(u32::MAX));
            store::CONNECTIONS.count(open.saturating_sub(idle).into(), ["in_use"]);
            store::CONNECTIONS.count(idle.into(), ["idle"]);
            store::CONNECTIONS_MAX.count(pool.options().get_max_connections().into(), []);
        }
        let connected = self.0.broker.get().is_some_and(Broker::is_connected);
        messages::CONNECTED.count(connected.into(), []);
        tradeup_signals::text()
    }

    /// Serves until `finished`, which is after the last work.
    pub(crate) async fn serve(self, listener: TcpListener, finished: CancellationToken) {
        let counted = self.clone();
        let metrics = move || {
            let text = counted.metrics();
            async { ([(header::CONTENT_TYPE, tradeup_signals::CONTENT_TYPE)], text) }
        };
        let ready = move || {
            let health = self.clone();
            async move {
                match health.why_not() {
                    None => (StatusCode::OK, "ready\n".to_owned()),
                    Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
                }
            }
        };
        let routes = Router::new()
            .route("/livez", get(async || "alive\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics));
        tradeup_http::serve(listener, routes, CONNECTIONS_MAX, finished).await;
    }
}

/// Which server has to be there and is not. A service that takes what others say, or shows people what is wrong, is
/// ready with either: the other end would only see a worse error.
fn missing(early: bool, database: bool, broker: bool) -> Option<&'static str> {
    match (database, broker) {
        (false, false) => Some("neither PostgreSQL nor NATS is there"),
        (false, true) if !early => Some("PostgreSQL is not there"),
        (true, false) if !early => Some("NATS is not there"),
        _ => None,
    }
}

/// Asks the service that listens there, and tells people what it says: the exit code, 0 if it is ready.
pub(crate) fn asked(address: Option<SocketAddr>) -> i32 {
    let answer = address
        .ok_or_else(|| "TRADEUP_HEALTH is not set".to_owned())
        .and_then(|address| ask(address).map_err(|error| format!("{address} can't be asked: {error}")));
    match answer {
        Ok(answer) => {
            println!("{}", answer.lines().last().unwrap_or_default());
            i32::from(!answer.starts_with("HTTP/1.1 200 "))
        }
        Err(reason) => {
            eprintln!("{reason}");
            1
        }
    }
}

fn ask(mut address: SocketAddr) -> std::io::Result<String> {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let mut connection = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
    connection.set_read_timeout(Some(ANSWER_WITHIN))?;
    connection.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.take(4096).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use super::*;

    #[test]
    fn a_worker_needs_both_servers_and_an_ingress_one() {
        assert_eq!(missing(false, true, true), None);
        assert_eq!(missing(false, false, true), Some("PostgreSQL is not there"));
        assert_eq!(missing(false, true, false), Some("NATS is not there"));
        assert_eq!(missing(true, false, true), None);
        assert_eq!(missing(true, true, false), None);
        assert_eq!(missing(true, false, false), Some("neither PostgreSQL nor NATS is there"));
    }

    #[tokio::test]
    async fn who_asks_is_told_why_it_is_not_ready() {
        let stopping = CancellationToken::new();
        let health = Health::new(true, stopping.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let finished = CancellationToken::new();
        let served = tokio::spawn(health.clone().serve(listener, finished.clone()));
        let answer = || tokio::task::spawn_blocking(move || ask(address).unwrap());

        assert!(answer().await.unwrap().ends_with("starting\n"));
        health.0.at_work.store(true, Ordering::Relaxed);
        assert!(answer().await.unwrap().ends_with("neither PostgreSQL nor NATS is there\n"));
        health.database_seen();
        assert!(answer().await.unwrap().starts_with("HTTP/1.1 200 "));
        stopping.cancel();
        let stopped = answer().await.unwrap();
        assert!(stopped.starts_with("HTTP/1.1 503 ") && stopped.ends_with("stopping\n"), "{stopped}");
        finished.cancel();
        served.await.unwrap();
    }
}
