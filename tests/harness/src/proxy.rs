//! A TCP proxy that does to a connection what networks do, at a test's word.
//!
//! It stands in front of one server. It runs in a thread of its own, so that a test may wait for a
//! process, without awaiting, whose connections go through it.

mod commits;
mod door;
mod link;

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, mpsc as blocking};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use self::door::Order;

/// One way through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToUpstream,
    /// From the server to the client.
    ToClient,
}

impl Direction {
    fn opposite(self) -> Self {
        match self {
            Self::ToUpstream => Self::ToClient,
            Self::ToClient => Self::ToUpstream,
        }
    }
}

/// What happens to bytes of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// They pass.
    Pass,
    /// They pass later, in their order, without slowing their sender.
    Delay {
        /// How much later, all of them.
        fixed: Duration,
        /// And up to so much later than that, each piece by the proxy's seed.
        jitter: Duration,
    },
    /// They wait, unread, until this ends, and pass then: a network that heals within TCP's patience.
    /// The sender can go on until the buffers are full.
    Hold,
    /// They are taken and lost, and so are the end and the reset of a connection. One that has lost
    /// something is reset when this has ended for both directions: TCP knows no gaps.
    Swallow,
    /// They pass at this rate.
    Drip {
        /// Bytes a second, at least 1; sent at most fifty times a second.
        bytes_per_second: u32,
    },
    /// So many pass on each connection, counted from now or from its beginning; then it is reset.
    CutAfter {
        /// Number of bytes. With 0 the first one to come resets.
        bytes: u64,
    },
}

/// Where a COMMIT loses its connection. The client can't tell the two apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitCut {
    /// Before the server has it: the transaction is rolled back.
    BeforeServer,
    /// After the server has answered and before the client has the answer: it is committed.
    BeforeAnswer,
}

/// COMMITs that went by, and what became of some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commits {
    /// All that a client sent while bytes were not swallowed.
    pub seen: u64,
    /// Withheld from the server.
    pub cut_before_server: u64,
    /// Committed, with the answer withheld.
    pub cut_before_answer: u64,
    /// Refused by the server, with the answer withheld.
    pub cut_before_refusal: u64,
}

/// What has happened in a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections accepted. Refused ones never reach the proxy.
    pub accepted: u64,
    /// Connections whose server was not reached.
    pub unreachable: u64,
    /// Connections that exist.
    pub open: u64,
    /// Bytes passed on to the server.
    pub to_upstream: u64,
    /// Bytes passed on to clients.
    pub to_client: u64,
    /// Bytes swallowed.
    pub swallowed: u64,
    /// Pieces delayed.
    pub delayed: u64,
    /// Pieces dripped.
    pub dripped: u64,
    /// Connections cut after a number of bytes.
    pub cut: u64,
    /// Connections reset at the test's word, or when a swallowing ended.
    pub reset: u64,
    /// COMMITs.
    pub commits: Commits,
}

impl Counters {
    /// Faults that were done to somebody: pieces delayed or dripped, connections cut or reset, and
    /// bytes swallowed. 0 means that a test has tested nothing.
    #[must_use]
    pub fn faults(&self) -> u64 {
        let commits =
            self.commits.cut_before_server + self.commits.cut_before_answer + self.commits.cut_before_refusal;
        self.swallowed + self.delayed + self.dripped + self.cut + self.reset + commits
    }
}

/// What the test has set.
#[derive(Clone, Debug)]
struct Modes {
    /// Each with the number of its setting.
    to_upstream: (Flow, u64),
    to_client: (Flow, u64),
    /// How often everything was reset.
    resets: u64,
}

impl Modes {
    fn flow(&self, direction: Direction) -> (Flow, u64) {
        match direction {
            Direction::ToUpstream => self.to_upstream,
            Direction::ToClient => self.to_client,
        }
    }

    fn set(&mut self, direction: Direction, flow: Flow) {
        let place = match direction {
            Direction::ToUpstream => &mut self.to_upstream,
            Direction::ToClient => &mut self.to_client,
        };
        *place = (flow, place.1 + 1);
    }

    /// Whether nothing, not even an end, goes this way.
    fn silent(&self, direction: Direction) -> bool {
        matches!(self.flow(direction).0, Flow::Swallow | Flow::Hold)
    }
}

#[derive(Debug, Default)]
struct Book {
    counters: Counters,
    /// Which COMMITs, counted from the first, are to lose their connection.
    cuts: BTreeMap<u64, CommitCut>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    seed: u64,
    watches_commits: bool,
    modes: watch::Sender<Modes>,
    book: Mutex<Book>,
}

impl Shared {
    fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.book.lock().unwrap().counters);
    }

    /// Counts a COMMIT, and says what is to become of it.
    fn commit_seen(&self) -> Option<CommitCut> {
        let mut book = self.book.lock().unwrap();
        book.counters.commits.seen += 1;
        let seen = book.counters.commits.seen;
        let cut = book.cuts.remove(&seen);
        if cut == Some(CommitCut::BeforeServer) {
            book.counters.commits.cut_before_server += 1;
        }
        cut
    }
}

/// A proxy before one server. Everything passes until something else is set; what is set holds at once,
/// for connections that exist as well. When dropped, it closes everything.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Taken away when dropped, which ends the thread.
    orders: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// A proxy before any server. The seed decides jitter.
    #[must_use]
    pub fn start(upstream: SocketAddr, seed: u64) -> Self {
        Self::spawn(upstream, seed, false)
    }

    /// A proxy before the server of a URL, `postgres://` or `nats://`. Before PostgreSQL it watches for
    /// COMMIT, in sessions that are not encrypted.
    #[must_use]
    pub fn before(url: &str, seed: u64) -> Self {
        let (_, authority, _) = parts(url);
        let upstream = authority.to_socket_addrs().unwrap().find(SocketAddr::is_ipv4);
        let postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
        Self::spawn(upstream.expect("the URL's host has an address"), seed, postgres)
    }

    fn spawn(upstream: SocketAddr, seed: u64, watches_commits: bool) -> Self {
        let pass = Modes { to_upstream: (Flow::Pass, 0), to_client: (Flow::Pass, 0), resets: 0 };
        let modes = watch::Sender::new(pass);
        let shared = Arc::new(Shared { upstream, seed, watches_commits, modes, book: Mutex::default() });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // Bound and not listening, it keeps the port for us while connections are refused.
        let holder = {
            let _in_runtime = runtime.enter();
            door::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        };
        let address = holder.local_addr().unwrap();
        let (orders, received) = mpsc::unbounded_channel();
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                runtime.block_on(door::accept(address, shared, received));
                drop(holder);
            }
        });
        let proxy = Self { address, shared, orders: Some(orders), thread: Some(thread) };
        proxy.accept();
        proxy
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL with this proxy in place of its host and port.
    #[must_use]
    pub fn through(&self, url: &str) -> String {
        let (before, _, after) = parts(url);
        format!("{before}{}{after}", self.address)
    }

    /// Sets what happens to bytes of one direction.
    pub fn set(&self, direction: Direction, flow: Flow) {
        self.shared.modes.send_modify(|modes| modes.set(direction, flow));
    }

    /// Sets the same for both directions.
    pub fn set_both(&self, flow: Flow) {
        self.shared.modes.send_modify(|modes| {
            modes.set(Direction::ToUpstream, flow);
            modes.set(Direction::ToClient, flow);
        });
    }

    /// Heals: everything passes, and new connections are accepted. COMMITs that were to be lost still
    /// are.
    pub fn pass(&self) {
        self.set_both(Flow::Pass);
        self.accept();
    }

    /// Connections exist, new ones as well, and nothing comes through.
    pub fn black_hole(&self) {
        self.set_both(Flow::Swallow);
    }

    /// Resets all connections; new ones are served.
    pub fn reset(&self) {
        self.shared.modes.send_modify(|modes| modes.resets += 1);
    }

    /// Refuses new connections as a machine does where no server listens; those that exist live on.
    pub fn refuse(&self) {
        self.order(false);
    }

    /// Accepts new connections again.
    pub fn accept(&self) {
        self.order(true);
    }

    /// As if the server's process were killed: no new connections, and all others reset.
    pub fn kill(&self) {
        self.refuse();
        self.reset();
    }

    /// The nth COMMIT from now, on whichever connection, loses its connection. 1 is the next one. More
    /// than one may be set.
    pub fn lose_commit(&self, nth: u64, cut: CommitCut) {
        assert!(self.shared.watches_commits, "only before PostgreSQL");
        assert!(nth > 0, "the first one is 1");
        let mut book = self.shared.book.lock().unwrap();
        let at = book.counters.commits.seen + nth;
        book.cuts.insert(at, cut);
    }

    /// What has happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.book.lock().unwrap().counters
    }

    fn order(&self, accept: bool) {
        let (done, heard) = blocking::channel();
        let orders = self.orders.as_ref().expect("only dropping takes it");
        orders.send(Order { accept, done }).expect("the proxy's thread lives");
        heard.recv().expect("the proxy's thread lives");
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        drop(self.orders.take());
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || !matches!(ended, Some(Err(_))), "the proxy's thread panicked");
    }
}

/// What stands before host and port of a URL, those two, and what stands behind them.
fn parts(url: &str) -> (&str, &str, &str) {
    let scheme = url.find("://").unwrap_or_else(|| panic!("{url} is no URL")) + 3;
    let end = url[scheme..].find(['/', '?']).map_or(url.len(), |at| scheme + at);
    let start = url[scheme..end].rfind('@').map_or(scheme, |at| scheme + at + 1);
    (&url[..start], &url[start..end], &url[end..])
}
