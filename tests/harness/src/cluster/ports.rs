//! Ports for servers that end and come back.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::{LazyLock, Mutex};

/// Given out by this process: the clusters of parallel tests don't take each other's.
static GIVEN: LazyLock<Mutex<BTreeSet<u16>>> = LazyLock::new(Mutex::default);

/// A port that nobody listens on and that this process has not had yet.
///
/// It lies below the range of outgoing connections, as in `deploy/local`: inside that range, any client
/// on this machine may get it as its own while the server is down, and the server can't come back.
pub(crate) fn free() -> u16 {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(32_768_u16);
    let below = if first > 16_000 { 15_000..first } else { 61_000..65_535 };
    let mut given = GIVEN.lock().unwrap();
    (0..1000)
        .map(|_| rand::random_range(below.clone()))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok() && given.insert(*port))
        .expect("a free loopback port")
}
