//! The product as one of the job systems that a user could pick: one process of it for each verb, as the comparison of
//! job systems starts them (`tests/bench/peers`).
//!
//! The engine is the product's: runs, outbox, JetStream, claims, release windows, the commit before the acknowledgement.
//! The effect is the comparison's own statement, since all that are compared execute the same one; the tasks around it
//! are those of this folder.

mod producer;
mod servers;
mod setup;
mod tasks;
mod worker;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use url::Url;

/// Role of the workers: what `scheduler` and `credits` may together.
const ROLE: &str = "tradeup_peer";

/// The product as one of several job systems that are compared. Verbs and variables are those of the comparison.
#[derive(Args)]
pub(crate) struct Peer {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    slot: Slot,
}

#[derive(Subcommand)]
enum Verb {
    /// nats-server, in the foreground, until it is told to stop.
    Servers,
    /// Schema, roles and streams.
    Setup,
    /// One worker process, until it is told to stop.
    Worker,
    /// Triggers what standard input asks for, and answers with a line of JSON each.
    Producer,
    /// One line: name, version, and of nats-server.
    Version,
}

/// What the comparison says by variables.
#[derive(Args, Clone)]
struct Slot {
    /// The database, as a superuser, with the schema of the comparison in it.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL", global = true)]
    database_url: Option<Url>,
    /// Which of the worker processes this is.
    #[arg(long, env = "WORKER_INDEX", default_value_t = 0, global = true)]
    worker_index: u16,
    /// Runs of one kind at once.
    #[arg(long, env = "WORKER_CONCURRENCY", default_value_t = 4, global = true)]
    worker_concurrency: u16,
    /// A folder of this run.
    #[arg(long, env = "STATE_DIR", value_name = "FOLDER", global = true)]
    state_dir: Option<PathBuf>,
    /// The first of ten free ports.
    #[arg(long, env = "PORT_BASE", default_value_t = 4222, global = true)]
    port_base: u16,
}

impl Slot {
    /// The database as it was given.
    fn superuser(&self) -> anyhow::Result<&Url> {
        self.database_url.as_ref().ok_or_else(|| anyhow!("DATABASE_URL is not set"))
    }

    /// The database with another role. Whoever reaches the comparison's server is trusted.
    fn database_as(&self, role: &str) -> anyhow::Result<String> {
        let mut url = self.superuser()?.clone();
        url.set_username(role).map_err(|()| anyhow!("DATABASE_URL names no host"))?;
        Ok(url.into())
    }

    fn nats(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port_base)
    }
}

impl Peer {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            Verb::Servers => servers::run(&self.slot).await,
            Verb::Setup => setup::run(&self.slot).await,
            Verb::Worker => worker::run(&self.slot).await,
            Verb::Producer => producer::run(&self.slot).await,
            Verb::Version => servers::version(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Alone {
        #[command(flatten)]
        peer: Peer,
    }

    #[test]
    fn workers_use_the_role_that_setup_made() {
        let given = ["peer", "worker", "--database-url", "postgresql://bench@127.0.0.1:54321/bench"];
        let Alone { peer } = Alone::try_parse_from(given).unwrap();
        let url = peer.slot.database_as(ROLE).unwrap();
        assert_eq!(url, "postgresql://tradeup_peer@127.0.0.1:54321/bench");
        assert_eq!(peer.slot.nats(), "nats://127.0.0.1:4222");
    }
}
