//! A look at streams and consumers that changes nothing.

use async_nats::jetstream::stream::{DirectGetErrorKind, DiscardPolicy, Stream};
use tradeup_proto::header;
use uuid::Uuid;

use crate::topology::{self, JOBS, consumer_drift, stream_drift};
use crate::{Broker, Topology, TopologyError};

/// What is undeliverable or abandoned stays so; what only moved while it was counted does not. So many looks.
const LOOKS_MAX: u32 = 5;

/// What a look found.
#[derive(Clone, Debug)]
pub struct Look {
    /// Version of nats-server.
    pub version: String,
    /// The declared streams, in order of their declaration.
    pub streams: Vec<StreamLook>,
    /// The declared consumers.
    pub consumers: Vec<ConsumerLook>,
    /// Messages in JOBS that no declared consumer has before it or in flight: nobody will ever deliver
    /// them.
    pub undeliverable: u64,
    /// Servers of the cluster, as far as they are known; 0 if there is none.
    pub servers: usize,
    /// What JetStream keeps on disk for this account, in bytes.
    pub storage: u64,
    /// The most that it keeps; `None` without a limit.
    pub storage_max: Option<u64>,
}

/// A declared stream.
#[derive(Clone, Debug)]
pub struct StreamLook {
    /// Name.
    pub name: String,
    /// Whether there is one.
    pub exists: bool,
    /// Settings that are not as declared.
    pub differs: Vec<String>,
    /// Messages in it.
    pub messages: u64,
    /// Their size, in bytes.
    pub bytes: u64,
    /// The most it takes, in bytes; `None` without a limit.
    pub bytes_max: Option<u64>,
    /// Whether it forgets what is old when it is full, instead of refusing what is new.
    pub forgets: bool,
    /// How many copies of it there are to be.
    pub copies: usize,
    /// Servers that have a copy and are away, or behind the others.
    pub behind: Vec<String>,
}

/// A declared consumer.
#[derive(Clone, Debug)]
pub struct ConsumerLook {
    /// Name.
    pub name: String,
    /// Its stream.
    pub stream: &'static str,
    /// Service whose workers pull from it.
    pub service: &'static str,
    /// Whether there is one.
    pub exists: bool,
    /// Settings that are not as declared.
    pub differs: Vec<String>,
    /// Messages that were not delivered yet.
    pub pending: u64,
    /// Messages that were delivered and not answered for.
    pub ack_pending: u64,
    /// The most of these at once; `None` without a limit.
    pub ack_pending_max: Option<u64>,
    /// Pull requests that wait for messages.
    pub pulls_waiting: usize,
}

impl ConsumerLook {
    /// Whether messages wait and nobody works on any, or asks for one.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.pending > 0 && self.pulls_waiting == 0 && self.ack_pending == 0
    }
}

/// The messages in JOBS, by the runs that they are about.
#[derive(Clone, Debug, Default)]
pub struct JobsLook {
    /// Runs, one for each message that was looked at and names one.
    pub run_ids: Vec<Uuid>,
    /// Messages that were looked at and name none.
    pub nameless: u64,
    /// Messages that were not looked at, since there are too many.
    pub not_looked_at: u64,
}

impl Topology {
    /// Looks at all declared streams and consumers. Nothing is created or changed.
    ///
    /// # Errors
    /// [`TopologyError`] when NATS does not answer.
    pub async fn look(self, broker: &Broker) -> Result<Look, TopologyError> {
        let mut look = self.look_once(broker).await?;
        for _ in 1..LOOKS_MAX {
            if look.undeliverable == 0 && !look.consumers.iter().any(ConsumerLook::is_abandoned) {
                break;
            }
            let again = self.look_once(broker).await?;
            look = Look { undeliverable: look.undeliverable.min(again.undeliverable), ..again };
        }
        Ok(look)
    }

    async fn look_once(self, broker: &Broker) -> Result<Look, TopologyError> {
        let server = broker.jetstream.client().server_info();
        let account =
            broker.jetstream.query_account().await.map_err(|error| fail("the account".to_owned(), error))?;
        let mut is_clustered = false;
        let mut streams = Vec::new();
        for config in self.streams() {
            streams.push(match stream(broker, &config.name).await? {
                None => StreamLook {
                    name: config.name,
                    exists: false,
                    differs: Vec::new(),
                    messages: 0,
                    bytes: 0,
                    bytes_max: None,
                    forgets: false,
                    copies: 0,
                    behind: Vec::new(),
                },
                Some(found) => {
                    let info = found.cached_info();
                    is_clustered |= info.cluster.as_ref().is_some_and(|cluster| cluster.name.is_some());
                    let peers =
                        info.cluster.as_ref().map(|cluster| cluster.replicas.as_slice()).unwrap_or_default();
                    StreamLook {
                        copies: info.config.num_replicas,
                        behind: peers
                            .iter()
                            .filter(|peer| peer.offline || !peer.current)
                            .map(|peer| peer.name.clone())
                            .collect(),
                        exists: true,
                        differs: stream_drift(info, &config),
                        messages: info.state.messages,
                        bytes: info.state.bytes,
                        bytes_max: u64::try_from(info.config.max_bytes).ok(),
                        forgets: info.config.discard == DiscardPolicy::Old,
                        name: config.name,
                    }
                }
            });
        }
        let consumers = self.look_at_consumers(broker).await?;
        // Messages come and go between the questions: what was there before and after is compared.
        let before = streams.iter().find(|s| s.name == JOBS).map_or(0, |s| s.messages);
        let after = stream(broker, JOBS).await?.map_or(0, |jobs| jobs.cached_info().state.messages);
        let delivered: u64 = consumers
            .iter()
            .filter(|c| c.stream == JOBS)
            .map(|c| c.pending.saturating_add(c.ack_pending))
            .sum();
        let undeliverable = before.min(after).saturating_sub(delivered);
        Ok(Look {
            version: server.version,
            streams,
            consumers,
            undeliverable,
            servers: if is_clustered { server.connect_urls.len().max(1) } else { 0 },
            storage: account.storage,
            storage_max: account.limits.max_storage.and_then(|max| u64::try_from(max).ok()),
        })
    }

    async fn look_at_consumers(self, broker: &Broker) -> Result<Vec<ConsumerLook>, TopologyError> {
        let mut looks = Vec::new();
        for declared in self.consumers() {
            let name = declared.name;
            let mut look = ConsumerLook {
                name: name.clone(),
                stream: declared.stream,
                service: declared.service,
                exists: false,
                differs: Vec::new(),
                pending: 0,
                ack_pending: 0,
                ack_pending_max: None,
                pulls_waiting: 0,
            };
            let fail = |error: &dyn std::fmt::Display| fail(format!("consumer {name}"), error);
            let stream =
                broker.jetstream.get_stream_no_info(declared.stream).await.map_err(|error| fail(&error))?;
            match stream.consumer_info(&name).await {
                Ok(info) => {
                    look.exists = true;
                    look.differs = consumer_drift(&info, &declared.config);
                    look.pending = info.num_pending;
                    look.ack_pending = u64::try_from(info.num_ack_pending).unwrap_or(u64::MAX);
                    look.ack_pending_max = u64::try_from(info.config.max_ack_pending).ok();
                    look.pulls_waiting = info.num_waiting;
                }
                Err(error) if topology::is_absent(&error) => {}
                Err(error) => return Err(fail(&error)),
            }
            looks.push(look);
        }
        Ok(looks)
    }
}

async fn stream(broker: &Broker, name: &str) -> Result<Option<Stream>, TopologyError> {
    match broker.jetstream.get_stream(name).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if topology::is_not_found(&error) => Ok(None),
        Err(error) => Err(fail(format!("stream {name}"), error)),
    }
}

fn fail(what: String, error: impl std::fmt::Display) -> TopologyError {
    TopologyError { what, reason: error.to_string(), is_late: false }
}

impl Broker {
    /// Looks at up to `messages_max` messages in JOBS, oldest first, without taking any.
    ///
    /// # Errors
    /// [`TopologyError`] when NATS does not answer.
    pub async fn look_at_jobs(&self, messages_max: u64) -> Result<JobsLook, TopologyError> {
        let what = || format!("stream {JOBS}");
        let Some(stream) = stream(self, JOBS).await? else { return Ok(JobsLook::default()) };
        let state = &stream.cached_info().state;
        let (last, mut look, mut seen) = (state.last_sequence, JobsLook::default(), 0);
        let mut next = state.first_sequence.max(1);
        while next <= last && seen < messages_max {
            let message = match stream.direct_get_next_for_subject("jobs.>", Some(next)).await {
                Ok(message) => message,
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => break,
                Err(error) => return Err(fail(what(), error)),
            };
            seen += 1;
            next = message.sequence.saturating_add(1);
            match message.headers.get(header::RUN).and_then(|id| id.as_str().parse().ok()) {
                Some(id) => look.run_ids.push(id),
                None => look.nameless += 1,
            }
        }
        look.not_looked_at = state.messages.saturating_sub(seen);
        Ok(look)
    }
}
