//! One connection through the proxy: two pumps, one for each direction.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::Instant;

use super::commits::{Answer, Session};
use super::{CommitCut, Direction, Flow, Modes, Shared};

/// What is read at once.
const PIECE: usize = 16 * 1024;

/// What waits in the proxy at most, so that a slow reader slows its writer.
const ROOM: usize = 64 * 1024;

/// The same for a delayed link: long and fast links hold much.
const ROOM_DELAYED: usize = 8 * 1024 * 1024;

/// Writes of a drip in a second, at most: more bytes a second make larger drops.
const DROPS: u32 = 50;

/// The link is to be dropped with a reset to both ends.
struct Aborted;

/// Carries one accepted connection until it ends.
pub(super) async fn carry(mut client: TcpStream, number: u64, shared: Arc<Shared>) {
    let mut modes = shared.modes.subscribe();
    modes.mark_changed();
    let resets = modes.borrow().resets;
    let Ok(mut upstream) = TcpStream::connect(shared.upstream).await else {
        shared.count(|counters| counters.unreachable += 1);
        // Whose answers are swallowed can't learn that nobody is there.
        modes.wait_for(|modes| !modes.silent(Direction::ToClient)).await.ok();
        client.set_zero_linger().ok();
        return;
    };
    client.set_nodelay(true).ok();
    upstream.set_nodelay(true).ok();
    let session = Mutex::new(Session::new());
    let ended = {
        let (client_reads, client_writes) = client.split();
        let (upstream_reads, upstream_writes) = upstream.split();
        let pump = |direction, from, to| Pump {
            rng: rng(shared.seed, number, direction),
            shared: &shared,
            session: &session,
            modes: modes.clone(),
            resets,
            direction,
            from,
            to,
            flow: Flow::Pass,
            flow_set: 0,
            may_pass: None,
            queue: VecDeque::new(),
            queued: 0,
            next_write: Instant::now(),
            ended: false,
            lost: false,
        };
        let to_upstream = pump(Direction::ToUpstream, client_reads, upstream_writes).run();
        let to_client = pump(Direction::ToClient, upstream_reads, client_writes).run();
        tokio::try_join!(to_upstream, to_client)
    };
    if ended.is_err() {
        client.set_zero_linger().ok();
        upstream.set_zero_linger().ok();
    }
}

/// Random numbers of one direction of one connection: which it gets does not depend on the others.
fn rng(seed: u64, connection: u64, direction: Direction) -> StdRng {
    StdRng::seed_from_u64(seed ^ (connection * 2 + u64::from(direction == Direction::ToClient)))
}

/// What waits to be passed on.
enum What {
    Bytes(Vec<u8>),
    /// The sender will send no more.
    End,
    /// The sender, or we, dropped the link.
    Reset,
}

struct Waiting {
    arrived: Instant,
    due: Instant,
    what: What,
}

struct Pump<'link> {
    shared: &'link Shared,
    session: &'link Mutex<Session>,
    modes: watch::Receiver<Modes>,
    rng: StdRng,
    /// Number of resets when the link was made.
    resets: u64,
    direction: Direction,
    from: ReadHalf<'link>,
    to: WriteHalf<'link>,
    flow: Flow,
    /// Which setting of the flow this is: the same one set again counts anew.
    flow_set: u64,
    /// Bytes that may pass before the link is cut.
    may_pass: Option<u64>,
    queue: VecDeque<Waiting>,
    queued: usize,
    /// When a drip's next drop falls.
    next_write: Instant,
    /// Nothing more will be read.
    ended: bool,
    /// Bytes, or the end of them, were lost: what comes after must not be passed on, for no TCP
    /// connection has a gap.
    lost: bool,
}

impl Pump<'_> {
    async fn run(mut self) -> Result<(), Aborted> {
        let mut buffer = vec![0; PIECE];
        loop {
            let room = if matches!(self.flow, Flow::Delay { .. }) { ROOM_DELAYED } else { ROOM };
            let reads = !self.ended && self.queued < room && self.flow != Flow::Hold;
            let writes = !self.queue.is_empty() && self.flow != Flow::Hold;
            let most = self.most();
            tokio::select! {
                biased;
                changed = self.modes.changed() => {
                    changed.map_err(|_proxy_gone| Aborted)?;
                    self.adopt()?;
                }
                done = pass_on(&mut self.to, self.queue.front(), self.next_write, most), if writes => {
                    if self.passed(done)? {
                        return Ok(());
                    }
                }
                read = self.from.read(&mut buffer), if reads => match read {
                    Ok(0) => self.sender_ended(What::End),
                    Ok(length) => self.arrived(&buffer[..length]),
                    Err(_reset) => self.sender_ended(What::Reset),
                },
            }
        }
    }

    /// Most bytes of the next write.
    fn most(&self) -> usize {
        match (self.flow, self.may_pass) {
            (Flow::Drip { bytes_per_second }, _) => (bytes_per_second / DROPS).max(1) as usize,
            (_, Some(left)) => usize::try_from(left).unwrap_or(usize::MAX),
            _ => usize::MAX,
        }
    }

    /// Takes on what the test has set.
    fn adopt(&mut self) -> Result<(), Aborted> {
        let modes = self.modes.borrow_and_update().clone();
        let healed = self.lost && !modes.silent(self.direction) && !modes.silent(self.direction.opposite());
        if modes.resets != self.resets || healed {
            self.shared.count(|counters| counters.reset += 1);
            return Err(Aborted);
        }
        let (flow, set) = modes.flow(self.direction);
        if set == self.flow_set {
            return Ok(());
        }
        (self.flow, self.flow_set) = (flow, set);
        let now = Instant::now();
        self.next_write = now;
        self.may_pass = if let Flow::CutAfter { bytes } = flow { Some(bytes) } else { None };
        let waiting = std::mem::take(&mut self.queue);
        if flow == Flow::Swallow && !waiting.is_empty() {
            self.lose(self.queued);
            self.queued = 0;
            return Ok(());
        }
        for waits in waiting {
            let due = self.due(waits.arrived).max(now);
            self.queue.push_back(Waiting { due, ..waits });
        }
        Ok(())
    }

    fn arrived(&mut self, bytes: &[u8]) {
        if self.lost || self.flow == Flow::Swallow {
            self.lose(bytes.len());
            return;
        }
        let bytes = self.watched(bytes);
        match self.flow {
            Flow::Delay { .. } => self.shared.count(|counters| counters.delayed += 1),
            Flow::Drip { .. } => self.shared.count(|counters| counters.dripped += 1),
            _ => (),
        }
        if !bytes.is_empty() {
            self.queued += bytes.len();
            self.push(What::Bytes(bytes.to_vec()));
        }
        if self.ended {
            self.push(What::Reset);
        }
    }

    /// What of this piece goes on, if the session is watched for COMMIT. After a cut, `ended` is set.
    fn watched<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        if !self.shared.watches_commits {
            return bytes;
        }
        let mut session = self.session.lock().unwrap();
        match self.direction {
            Direction::ToUpstream => {
                for commit in session.client_said(bytes) {
                    match self.shared.commit_seen() {
                        Some(CommitCut::BeforeServer) => {
                            self.ended = true;
                            return &bytes[..commit.start];
                        }
                        Some(CommitCut::BeforeAnswer) => session.await_answer(),
                        None => (),
                    }
                }
                bytes
            }
            Direction::ToClient => {
                let Some((start, answer)) = session.server_said(bytes) else { return bytes };
                self.ended = true;
                self.shared.count(|counters| match answer {
                    Answer::Committed => counters.commits.cut_before_answer += 1,
                    Answer::Refused => counters.commits.cut_before_refusal += 1,
                });
                &bytes[..start]
            }
        }
    }

    fn sender_ended(&mut self, how: What) {
        self.ended = true;
        if self.lost || self.flow == Flow::Swallow {
            self.lose(0);
        } else {
            self.push(how);
        }
    }

    fn lose(&mut self, bytes: usize) {
        self.lost = true;
        self.shared.count(|counters| counters.swallowed += bytes as u64);
    }

    fn push(&mut self, what: What) {
        let arrived = Instant::now();
        let due = self.due(arrived);
        self.queue.push_back(Waiting { arrived, due, what });
    }

    /// When something that arrived then may go on; never before what arrived earlier.
    fn due(&mut self, arrived: Instant) -> Instant {
        let due = match self.flow {
            Flow::Delay { fixed, jitter } => {
                arrived + fixed + jitter.mul_f64(self.rng.random_range(0.0..=1.0))
            }
            _ => arrived,
        };
        self.queue.back().map_or(due, |before| due.max(before.due))
    }

    /// Accounts for what was passed on; says whether this direction has come to its end.
    fn passed(&mut self, done: io::Result<Passed>) -> Result<bool, Aborted> {
        let written = match done {
            Ok(Passed::Bytes(written)) => written,
            Ok(Passed::End) => return Ok(true),
            Ok(Passed::Reset) => return Err(Aborted),
            Err(_receiver_gone) => {
                // The sender may not learn of it while nothing reaches it.
                if !self.modes.borrow().silent(self.direction.opposite()) {
                    return Err(Aborted);
                }
                self.queue.clear();
                let lost = std::mem::take(&mut self.queued);
                self.lose(lost);
                return Ok(false);
            }
        };
        self.queued -= written;
        let direction = self.direction;
        self.shared.count(|counters| match direction {
            Direction::ToUpstream => counters.to_upstream += written as u64,
            Direction::ToClient => counters.to_client += written as u64,
        });
        if let Some(Waiting { what: What::Bytes(bytes), .. }) = self.queue.front_mut() {
            bytes.drain(..written);
            if bytes.is_empty() {
                self.queue.pop_front();
            }
        }
        if let Flow::Drip { bytes_per_second } = self.flow {
            let seconds = f64::from(u32::try_from(written).unwrap()) / f64::from(bytes_per_second.max(1));
            self.next_write = Instant::now() + Duration::from_secs_f64(seconds);
        }
        if let Some(left) = &mut self.may_pass {
            *left -= written as u64;
            if *left == 0 {
                self.shared.count(|counters| counters.cut += 1);
                return Err(Aborted);
            }
        }
        Ok(false)
    }
}

enum Passed {
    Bytes(usize),
    End,
    Reset,
}

/// Waits until the first thing that waits is due, and passes it on, or as much of it as may pass and
/// the receiver takes. Nothing is lost if this is dropped halfway.
async fn pass_on(
    to: &mut WriteHalf<'_>,
    front: Option<&Waiting>,
    not_before: Instant,
    most: usize,
) -> io::Result<Passed> {
    let Some(Waiting { due, what, .. }) = front else { return std::future::pending().await };
    let at = not_before.max(*due);
    if at > Instant::now() {
        tokio::time::sleep_until(at).await;
    }
    match what {
        What::Bytes(bytes) => Ok(Passed::Bytes(to.write(&bytes[..bytes.len().min(most)]).await?)),
        What::End => {
            to.shutdown().await.ok();
            Ok(Passed::End)
        }
        What::Reset => Ok(Passed::Reset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_the_jitter() {
        let rolls = |seed, connection, direction| -> [u64; 4] { rng(seed, connection, direction).random() };
        let first = rolls(1, 1, Direction::ToUpstream);
        assert_eq!(first, rolls(1, 1, Direction::ToUpstream));
        assert_ne!(first, rolls(2, 1, Direction::ToUpstream));
        assert_ne!(first, rolls(1, 2, Direction::ToUpstream));
        assert_ne!(first, rolls(1, 1, Direction::ToClient));
    }
}
