//! Routes between the servers of a cluster that a test can cut.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::FaultProxy;

/// A proxy for each way from one server to another.
#[derive(Debug)]
pub(super) struct Links {
    ways: BTreeMap<(usize, usize), FaultProxy>,
    /// Refuses everybody. What servers tell each other as their own address, so that none finds a way
    /// around the proxies.
    nowhere: FaultProxy,
}

impl Links {
    /// For servers that take routes on these ports.
    pub(super) fn between(ports: [u16; 3], seed: u64) -> Self {
        let proxy = |to: usize| FaultProxy::start(SocketAddr::from(([127, 0, 0, 1], ports[to])), seed);
        let pairs = (0..3).flat_map(|from| (0..3).map(move |to| (from, to))).filter(|(from, to)| from != to);
        let nowhere = proxy(0);
        nowhere.refuse();
        Self { ways: pairs.map(|(from, to)| ((from, to), proxy(to))).collect(), nowhere }
    }

    /// Where a server finds the others.
    pub(super) fn routes_from(&self, node: usize) -> Vec<SocketAddr> {
        self.ways.iter().filter(|((from, _), _)| *from == node).map(|(_, proxy)| proxy.address()).collect()
    }

    /// What a server says of itself.
    pub(super) fn advertised(&self) -> SocketAddr {
        self.nowhere.address()
    }

    /// Both ways between two servers: which of them the servers use is theirs to choose.
    pub(super) fn pair(&self, one: usize, other: usize) -> [&FaultProxy; 2] {
        [&self.ways[&(one, other)], &self.ways[&(other, one)]]
    }

    /// Every way.
    pub(super) fn all(&self) -> impl Iterator<Item = &FaultProxy> {
        self.ways.values()
    }
}
