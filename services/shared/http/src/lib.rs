//! Serving HTTP: a bounded number of connections, with a time for headers, and an end in good order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// For the headers of a request, and for the next request on the same connection.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// Largest head of a request.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// At the end, requests under way have this long.
const GRACE: Duration = Duration::from_secs(10);
/// Before the next try when no connection can be accepted: out of descriptors, mostly.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Serves until `shutdown`, so many connections at a time: more wait to be accepted. Then requests under way come to their
/// end, within ten seconds.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    connections_max: usize,
    shutdown: CancellationToken,
) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!("serving HTTP on {address}");
    }
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_buf_size(HEAD_BYTES_MAX);
    let places = Arc::new(Semaphore::new(connections_max));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = async {
            // Never closed.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            listener.accept().await.map(|(stream, peer)| (place, stream, peer))
        };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((place, stream, peer)) => {
                let routes = routes.clone().layer(Extension(ConnectInfo::<SocketAddr>(peer)));
                let service = TowerToHyperService::new(routes);
                let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!("a connection broke: {error}");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("no connection can be accepted: {error}");
                if timeout(ACCEPT_AGAIN_AFTER, shutdown.cancelled()).await.is_ok() {
                    break;
                }
            }
        }
    }
    drop(listener);
    if timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("HTTP requests were cut off; they took too long to end");
    }
}
