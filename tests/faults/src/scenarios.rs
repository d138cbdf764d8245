//! What can happen, by kind.

mod links;
mod processes;
mod servers;
mod work;

use std::fmt;

use rand::RngExt as _;
use tradeup_harness::{Server, Shop};

use crate::fleet::Fleet;
use crate::round::Stage;

/// Where a process is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Whose.
    pub service: &'static str,
    /// Name of the point.
    pub name: &'static str,
}

/// How it is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Term,
    /// SIGSTOP, until its work has been taken over, then SIGCONT.
    Stop,
}

/// A kind of round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// A process stopped at a named point.
    At(Point, Signal),
    /// Services killed, ended and frozen at random.
    Storm,
    /// NATS killed and started again, several times.
    NatsKilled,
    /// NATS killed, its data wiped.
    NatsWiped,
    /// The way to NATS disturbed: delay, reset, black hole, half-open, drip, refusal.
    NatsLink,
    /// PostgreSQL killed and started again.
    PostgresKilled,
    /// Sessions of services cut, again and again.
    PostgresCut,
    /// The way to PostgreSQL disturbed.
    PostgresLink,
    /// Commits whose outcome the service does not learn.
    CommitUnknown,
    /// The stream full.
    StreamFull,
    /// Connections used up.
    PoolExhausted,
    /// Three schedulers, killed while they fire.
    Schedulers,
    /// Each message several times, in any order.
    Duplicates,
    /// Three NATS servers, the one that leads lost.
    Cluster,
}

/// Every point at which a service can be stopped.
const POINTS: [Point; 13] = [
    Point { service: "scheduler", name: "claim.before" },
    Point { service: "scheduler", name: "commit.before" },
    Point { service: "scheduler", name: "commit.after" },
    Point { service: "scheduler", name: "publish.after" },
    Point { service: "scheduler", name: "tick.before-commit" },
    Point { service: "scheduler", name: "tick.after-commit" },
    Point { service: "scheduler", name: "sweep.published" },
    Point { service: "credits", name: "claim.before" },
    Point { service: "credits", name: "commit.before" },
    Point { service: "credits", name: "commit.after" },
    Point { service: "credits", name: "publish.after" },
    Point { service: "webhooks", name: "intake.before" },
    Point { service: "webhooks", name: "intake.committed" },
];

impl Scenario {
    /// Every scenario, each point with each signal.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let signals = [Signal::Kill, Signal::Term, Signal::Stop];
        let at = POINTS.iter().flat_map(|point| signals.map(|signal| Self::At(*point, signal)));
        at.chain([
            Self::Storm,
            Self::NatsKilled,
            Self::NatsWiped,
            Self::NatsLink,
            Self::PostgresKilled,
            Self::PostgresCut,
            Self::PostgresLink,
            Self::CommitUnknown,
            Self::StreamFull,
            Self::PoolExhausted,
            Self::Schedulers,
            Self::Duplicates,
            Self::Cluster,
        ])
        .collect()
    }

    /// Plays it up to the heal. The services that are returned finish the work.
    pub(crate) async fn play(self, stage: &mut Stage) -> Fleet {
        match self {
            Self::At(point, signal) => processes::at(stage, point, signal).await,
            Self::Storm => processes::storm(stage).await,
            Self::NatsKilled => servers::killed(stage, Server::Nats, 3).await,
            Self::NatsWiped => servers::nats_wiped(stage).await,
            Self::PostgresKilled => servers::killed(stage, Server::Postgres, 2).await,
            Self::PostgresCut => servers::postgres_cut(stage).await,
            Self::StreamFull => servers::stream_full(stage).await,
            Self::PoolExhausted => servers::pool_exhausted(stage).await,
            Self::NatsLink => links::nats(stage).await,
            Self::PostgresLink => links::postgres(stage).await,
            Self::CommitUnknown => links::commit_unknown(stage).await,
            Self::Schedulers => work::schedulers(stage).await,
            Self::Duplicates => work::duplicates(stage).await,
            Self::Cluster => work::cluster(stage).await,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(point, signal) => {
                let signal = match signal {
                    Signal::Kill => "kill",
                    Signal::Term => "term",
                    Signal::Stop => "stop",
                };
                write!(f, "{}-{}-{signal}", point.service, point.name)
            }
            other => {
                // NatsKilled is nats-killed.
                for (at, letter) in format!("{other:?}").char_indices() {
                    if letter.is_uppercase() && at > 0 {
                        f.write_str("-")?;
                    }
                    write!(f, "{}", letter.to_lowercase())?;
                }
                Ok(())
            }
        }
    }
}

/// One to three shops with members, by the seed, and one of so few that its month is one run.
fn shops(stage: &mut Stage, members: std::ops::Range<u64>) {
    for n in 0..stage.rng.random_range(1..=3) {
        let members = stage.rng.random_range(members.clone());
        let seed = stage.rng.random_range(0..1_000_000);
        stage.world.add_shop(&Shop::new(&format!("shop-{n}"), members, seed));
    }
    let (members, seed) = (stage.rng.random_range(20..350), stage.rng.random_range(0..1_000_000));
    stage.world.add_shop(&Shop::new("small", members, seed));
}
