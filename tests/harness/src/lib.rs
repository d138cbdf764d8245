//! For tests and benchmarks: real servers, real processes, a database for each test.
//!
//! Nothing here is part of the product. What can't be set up panics with the reason: a test that has
//! no server has nothing to say.
#![expect(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "test support fails loudly")]

mod browser;
mod cluster;
mod database;
mod evaluation;
mod guarded;
mod jobs;
mod patience;
mod planted;
mod process;
mod proxy;
mod servers;
mod smtp;
mod world;

pub use browser::{Browser, BrowserSetup};
pub use cluster::{Cluster, Held};
pub use database::Database;
pub use evaluation::{evaluation_shops, plant_evaluation};
pub use guarded::{GuardedNats, Somebody};
pub use jobs::{BATCHES, Jobs, SHOPS};
pub use patience::{eventually, eventually_at, pause};
pub use planted::{AS_OF, Planting};
pub use process::{Finished, Process, binary, own_role, own_user};
pub use proxy::{CommitCut, Commits, Counters, Direction, FaultProxy, Flow};
pub use servers::{Server, Servers, repository};
pub use smtp::{KeptMail, SmtpMode, SmtpServer, SmtpSetup};
pub use world::{Shop, World};
