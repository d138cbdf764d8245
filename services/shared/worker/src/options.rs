//! The options that every service has.

use std::net::SocketAddr;
use std::time::Duration;

use crate::Registry;
use crate::certificates::{Endpoint, Watched};

use clap::Args;
use tokio::net::TcpListener;
use tradeup_broker::{Broker, Change, Look, Topology, TopologyError};
use tradeup_proto::subject::Lane;
use tradeup_store::pool::ConnectError;
use tradeup_store::{Durability, Pool, Purpose};

/// What an option was given. Empty is not given: that is how compose files leave a variable out.
#[must_use]
pub fn given(value: Option<String>) -> Option<String> {
    value.filter(|text| !text.trim().is_empty())
}

/// Where the database is.
#[derive(Clone, Args)]
#[command(next_help_heading = "PostgreSQL")]
pub struct StoreOptions {
    /// URL of the database, with the role of this service, like tradeup_credits; ?sslmode=verify-full&sslrootcert=FILE for TLS.
    #[arg(long, env = "TRADEUP_DATABASE_URL", hide_env_values = true, value_name = "URL", global = true)]
    database_url: Option<String>,
    /// Accept a database that can lose commits in a power cut: for throw-away data only.
    #[arg(long, env = "TRADEUP_ALLOW_UNSAFE_DURABILITY", global = true)]
    allow_unsafe_durability: bool,
}

/// How a service runs.
#[derive(Clone, Args)]
#[command(next_help_heading = "Service")]
pub struct ServiceOptions {
    /// Runs of one kind that this process works on at once.
    #[arg(long, env = "TRADEUP_CONCURRENCY", value_name = "RUNS", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// Seconds that a run belongs to a worker without a sign of life.
    #[arg(long, env = "TRADEUP_LEASE_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=3600))]
    lease_seconds: u16,
    /// Address at which /livez, /readyz and /metrics are answered, like 127.0.0.1:8079. Without it nobody can ask.
    #[arg(long, env = "TRADEUP_HEALTH", value_name = "ADDRESS")]
    health: Option<SocketAddr>,
    #[command(flatten)]
    topology: TopologyOptions,
}

/// How streams and consumers are made.
#[derive(Clone, Args)]
#[command(next_help_heading = "NATS")]
pub struct TopologyOptions {
    /// URL of NATS, with the user of this service; tls://… and ?ca=FILE behind it for TLS.
    #[arg(long, env = "TRADEUP_NATS_URL", hide_env_values = true, value_name = "URL", global = true)]
    nats_url: Option<String>,
    /// Seconds after which a delivery that nobody answered for comes again.
    #[arg(long, env = "TRADEUP_ACK_WAIT_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..=3600), global = true)]
    ack_wait_seconds: u16,
    /// Copies of each stream: 3 on a cluster.
    #[arg(long, env = "TRADEUP_STREAM_REPLICAS", value_name = "COPIES", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5), global = true)]
    stream_replicas: u8,
}

/// Why a service can't start. One line each.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// An address is missing.
    #[error(
        "{0} is not set; give it as a variable or flag (locally: deploy/local/servers up, then . .local/env)"
    )]
    Unset(&'static str),
    /// Logging can't be set up.
    #[error(transparent)]
    Log(#[from] tradeup_telemetry::InvalidFilter),
    /// Traces can't be told.
    #[error(transparent)]
    Traces(#[from] tradeup_telemetry::InvalidCollector),
    /// Health can't be answered for.
    #[error("TRADEUP_HEALTH: {0} can't be listened on: {1}")]
    Health(SocketAddr, std::io::Error),
    /// Signals can't be listened to.
    #[error("signals can't be listened to: {0}")]
    Signals(#[from] std::io::Error),
    /// It could do nothing any more.
    #[error("connections to PostgreSQL hung although it answers; ended, to be started anew")]
    Wedged,
    /// Tasks are wired wrongly.
    #[error(transparent)]
    Tasks(#[from] crate::RegistryError),
    /// The database can't be used.
    #[error(transparent)]
    Database(#[from] ConnectError),
    /// NATS can't be used.
    #[error(transparent)]
    Broker(#[from] tradeup_broker::ConnectError),
    /// Streams or consumers can't be made.
    #[error("{0}; it can be made by `tradeup setup` with the rights to do so")]
    Topology(#[from] TopologyError),
    /// It can't be told whether the database has gone back in time.
    #[error(transparent)]
    Restore(#[from] crate::restore::RestoreError),
    /// The database has gone back in time.
    #[error(transparent)]
    WentBack(Box<crate::restore::WentBack>),
}

impl StoreOptions {
    /// Connects, with up to `connections_max` connections.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn connect(
        &self,
        name: &str,
        connections_max: u32,
        purpose: Purpose,
    ) -> Result<Pool, ServiceError> {
        let durability =
            if self.allow_unsafe_durability { Durability::UnsafeAllowed } else { Durability::Required };
        self.connect_as(name, connections_max, purpose, durability).await
    }

    /// Connects to look around, even if commits could be lost.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn connect_to_look(&self, name: &str) -> Result<Pool, ServiceError> {
        self.connect_as(name, 4, Purpose::Command, Durability::UnsafeAllowed).await
    }

    /// Where the database is, and how it is to be trusted; none if there is no URL that can be read.
    #[must_use]
    pub fn endpoint(&self) -> Option<Endpoint> {
        tradeup_store::pool::endpoint(self.database_url.as_deref()?)
    }

    async fn connect_as(
        &self,
        name: &str,
        connections_max: u32,
        purpose: Purpose,
        durability: Durability,
    ) -> Result<Pool, ServiceError> {
        let url = self.database_url.as_deref().ok_or(ServiceError::Unset("TRADEUP_DATABASE_URL"))?;
        Ok(tradeup_store::connect(url, name, connections_max, purpose, durability).await?)
    }
}

impl TopologyOptions {
    /// Connects.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn connect(&self, name: &str) -> Result<Broker, ServiceError> {
        let url = self.nats_url.as_deref().ok_or(ServiceError::Unset("TRADEUP_NATS_URL"))?;
        Ok(Broker::connect(url, name).await?)
    }

    async fn connect_later(&self, name: &str) -> Result<Broker, ServiceError> {
        let url = self.nats_url.as_deref().ok_or(ServiceError::Unset("TRADEUP_NATS_URL"))?;
        Ok(Broker::connect_later(url, name).await?)
    }

    /// Where the servers of NATS are, and how they are to be trusted.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.nats_url.as_deref().map(tradeup_broker::endpoints).unwrap_or_default()
    }

    /// Makes the streams and consumers that are missing; says what differs.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn apply(&self, broker: &Broker) -> Result<Vec<Change>, ServiceError> {
        Ok(self.topology().apply(broker).await?)
    }

    /// Looks at streams and consumers, and changes nothing.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn look(&self, broker: &Broker) -> Result<Look, ServiceError> {
        Ok(self.topology().look(broker).await?)
    }

    fn topology(&self) -> Topology {
        Topology { replicas: self.stream_replicas.into(), ack_wait: self.ack_wait() }
    }

    /// After how long a delivery that nobody answered for comes again.
    #[must_use]
    pub fn ack_wait(&self) -> Duration {
        Duration::from_secs(self.ack_wait_seconds.into())
    }
}

impl ServiceOptions {
    /// Connects to NATS; streams and consumers are not made sure of.
    pub(crate) async fn connect(&self, name: &str) -> Result<Broker, ServiceError> {
        self.topology.connect(name).await
    }

    /// As [`Self::connect`], but returns at once and goes on trying.
    pub(crate) async fn connect_later(&self, name: &str) -> Result<Broker, ServiceError> {
        self.topology.connect_later(name).await
    }

    /// Whose certificates are looked at: the database's and NATS's, as far as their URLs demand TLS.
    pub(crate) fn watched(&self, store: &StoreOptions) -> Vec<Watched> {
        let postgres = store.endpoint().into_iter().map(|endpoint| ("postgres", endpoint));
        let nats = self.topology.endpoints().into_iter().map(|endpoint| ("nats", endpoint));
        postgres.chain(nats).filter(|(_, endpoint)| endpoint.is_secured).collect()
    }

    /// Makes sure that streams and consumers are there, and says what was made or differs.
    pub(crate) async fn declare(&self, broker: &Broker) -> Result<(), ServiceError> {
        for change in self.topology.apply(broker).await? {
            match change {
                Change::Created(what) => tracing::info!("created {what}"),
                Change::Differs(what, settings) => {
                    tracing::warn!("{what} is not as declared, and left as it is: {}", settings.join("; "));
                }
            }
        }
        Ok(())
    }

    /// Connections that a service with these tasks needs: one for each run at work, and some for the
    /// engine. One without tasks needs as many for what it does beside.
    #[must_use]
    pub fn connections_max(&self, registry: &Registry) -> u32 {
        let kinds = u32::try_from(registry.tasks().count()).unwrap_or(1);
        let runs: usize = Lane::ALL.map(|lane| self.concurrency(lane)).iter().sum();
        u32::try_from(runs).unwrap_or(u32::MAX).saturating_mul(kinds.max(1)).saturating_add(2)
    }

    /// Runs of one kind and lane that this process works on at once. Urgent ones are few, and have
    /// places of their own.
    pub(crate) fn concurrency(&self, lane: Lane) -> usize {
        match lane {
            Lane::Normal => self.concurrency.into(),
            Lane::Urgent => usize::from(self.concurrency.div_ceil(4)),
        }
    }

    /// What listens for questions about health, if anybody may ask.
    pub(crate) async fn health(&self) -> Result<Option<TcpListener>, ServiceError> {
        let Some(address) = self.health else { return Ok(None) };
        let listener = TcpListener::bind(address).await;
        listener.map(Some).map_err(|error| ServiceError::Health(address, error))
    }

    pub(crate) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds.into())
    }

    pub(crate) fn ack_wait(&self) -> Duration {
        self.topology.ack_wait()
    }
}
