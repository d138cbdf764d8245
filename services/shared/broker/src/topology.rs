//! Streams and consumers, declared in one place.
//!
//! [`Topology::apply`] creates what is missing. What exists and differs is reported and left as it
//! is: somebody changed it for a reason, and retention can't be changed at all.

use std::fmt::Debug;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::{
    ConsumerInfoError, ConsumerInfoErrorKind, GetStreamError, GetStreamErrorKind,
};
use async_nats::jetstream::stream::{
    Config, ConsumerErrorKind, DiscardPolicy, Info, PersistenceMode, RetentionPolicy, StorageType,
};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tradeup_proto::JobKind;
use tradeup_proto::subject::{self, Lane};

use crate::Broker;

/// The stream of what is to be done.
pub(crate) const JOBS: &str = "JOBS";
/// The stream of what could not be done.
const DEAD: &str = "DEAD";
/// The stream of what happened, as other systems publish it.
pub(crate) const EVENTS: &str = "EVENTS";
/// The service that takes events.
const INTAKE_SERVICE: &str = "webhooks";
/// The durable consumer of events.
pub(crate) const INTAKE: &str = "intake";

/// The stream of what runs say while they work.
pub(crate) const LIVE: &str = "LIVE";
/// The stream of what the broker remembers for the engine.
pub(crate) const CONTROL: &str = "CONTROL";
/// All but LIVE, which holds nothing for long.
pub(crate) const STREAMS: [&str; 4] = [JOBS, DEAD, EVENTS, CONTROL];

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The broker forgets message ids after this long. It saves work; keys in the database decide.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// So many streams or consumers are looked for or made at once. Each costs a service's start a round trip, and there are a hundred.
const AT_ONCE: usize = 16;
/// So often is a consumer looked for or asked for when nobody answers in time.
const TRIES_MAX: u32 = 5;

/// What depends on the deployment.
#[derive(Clone, Copy, Debug)]
pub struct Topology {
    /// Copies of each stream: 3 on a cluster, 1 on a single server.
    pub replicas: usize,
    /// A delivery that nobody answers for comes again after this long.
    pub ack_wait: Duration,
}

/// What applying found or did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Was missing and has been created.
    Created(String),
    /// Exists and is not as declared: name and the settings that differ.
    Differs(String, Vec<String>),
}

/// Why the topology could not be applied.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct TopologyError {
    pub(crate) what: String,
    pub(crate) reason: String,
    /// Nobody answered in time; what was asked for may be there all the same.
    pub(crate) is_late: bool,
}

/// The durable consumer of a job kind and lane.
pub(crate) fn consumer_name(kind: JobKind, lane: Lane) -> String {
    match lane {
        Lane::Normal => format!("{}-{}", kind.service, kind.task),
        Lane::Urgent => format!("{}-{}-urgent", kind.service, kind.task),
    }
}

impl Topology {
    /// Creates the streams and consumers that are missing and reports those that differ.
    ///
    /// # Errors
    /// [`TopologyError`] naming the stream or consumer.
    pub async fn apply(self, broker: &Broker) -> Result<Vec<Change>, TopologyError> {
        // Consumers are of streams, so these come first.
        let streams: Vec<_> = self.streams().into_iter().map(|config| apply_stream(broker, config)).collect();
        let mut changes: Vec<Option<Change>> = stream::iter(streams).buffered(AT_ONCE).try_collect().await?;
        let consumers = self.consumers();
        let consumers: Vec<_> = consumers.iter().map(|declared| apply_patiently(broker, declared)).collect();
        let made: Vec<Option<Change>> = stream::iter(consumers).buffered(AT_ONCE).try_collect().await?;
        changes.extend(made);
        Ok(changes.into_iter().flatten().collect())
    }

    pub(crate) fn streams(self) -> [Config; 5] {
        let base = Config {
            storage: StorageType::File,
            num_replicas: self.replicas,
            // A full stream refuses, so that nothing disappears unseen.
            discard: DiscardPolicy::New,
            duplicate_window: DUPLICATE_WINDOW,
            allow_direct: true,
            ..Config::default()
        };
        [
            Config {
                name: JOBS.to_owned(),
                description: Some("What is to be done; rebuilt from the database if lost".to_owned()),
                subjects: subject::all_jobs(),
                retention: RetentionPolicy::WorkQueue,
                max_message_size: 256 * 1024,
                max_bytes: 1024 * 1024 * 1024,
                // What is lost with the server is published again from the outbox. Waiting for the disk at each message
                // and each acknowledgement would be most of a small run's time. A cluster knows no such mode.
                persist_mode: (self.replicas == 1).then_some(PersistenceMode::Async),
                ..base.clone()
            },
            Config {
                name: DEAD.to_owned(),
                description: Some("What could not be done, with the whole story".to_owned()),
                subjects: vec!["dead.*.*.*".to_owned()],
                retention: RetentionPolicy::Limits,
                max_age: 90 * DAY,
                max_message_size: 1024 * 1024,
                max_bytes: 1024 * 1024 * 1024,
                ..base.clone()
            },
            Config {
                name: EVENTS.to_owned(),
                description: Some("What happened, as other systems publish it".to_owned()),
                subjects: vec![subject::event::ALL.to_owned()],
                retention: RetentionPolicy::Limits,
                max_age: 14 * DAY,
                max_message_size: 256 * 1024,
                max_bytes: 2 * 1024 * 1024 * 1024,
                ..base.clone()
            },
            Config {
                name: LIVE.to_owned(),
                description: Some("What runs say while they work; loss is harmless".to_owned()),
                subjects: vec!["live.*.*".to_owned()],
                storage: StorageType::Memory,
                num_replicas: 1,
                discard: DiscardPolicy::Old,
                max_age: 10 * MINUTE,
                max_bytes: 64 * 1024 * 1024,
                max_message_size: -1,
                // Nobody waits for an answer.
                no_ack: true,
                ..base.clone()
            },
            Config {
                name: CONTROL.to_owned(),
                description: Some("How far the database was seen to be; loss is harmless".to_owned()),
                subjects: vec!["control.*".to_owned()],
                discard: DiscardPolicy::Old,
                max_messages_per_subject: 1,
                max_message_size: 16 * 1024,
                max_bytes: 1024 * 1024,
                ..base
            },
        ]
    }

    /// The declared consumers, as they have to be.
    pub(crate) fn consumers(self) -> Vec<DeclaredConsumer> {
        let declared = |named: NamedConsumer| DeclaredConsumer {
            stream: named.stream,
            service: named.service,
            name: named.name.clone(),
            config: pull::Config {
                durable_name: Some(named.name),
                filter_subject: named.filter,
                ack_policy: AckPolicy::Explicit,
                deliver_policy: DeliverPolicy::All,
                ack_wait: self.ack_wait,
                // Attempts are counted in the database; the broker delivers until it gets an answer.
                max_deliver: -1,
                max_ack_pending: UNANSWERED_MAX,
                ..pull::Config::default()
            },
        };
        named_consumers().into_iter().map(declared).collect()
    }
}

/// Deliveries of one consumer that are not answered yet, over all processes: a bound on what the server keeps in mind, at which
/// nobody gets anything until somebody answers. A process that shares transactions has up to 950 (eight places of a hundred, and
/// what is at hand): there is room for twenty.
const UNANSWERED_MAX: i64 = 20_000;

/// A declared consumer, without what depends on the deployment.
pub(crate) struct NamedConsumer {
    pub(crate) stream: &'static str,
    /// Whose workers pull from it.
    pub(crate) service: &'static str,
    pub(crate) name: String,
    /// The task whose runs come through it; none if it is of events.
    pub(crate) task: Option<&'static str>,
    pub(crate) filter: String,
}

/// The declared consumers: two for each job kind, and the intake of events.
pub(crate) fn named_consumers() -> Vec<NamedConsumer> {
    let kinds = JobKind::ALL.into_iter().flat_map(|kind| Lane::ALL.map(|lane| (kind, lane)));
    let jobs = kinds.map(|(kind, lane)| NamedConsumer {
        stream: JOBS,
        service: kind.service,
        name: consumer_name(kind, lane),
        task: Some(kind.task),
        filter: subject::job_filter(kind, lane),
    });
    let intake = NamedConsumer {
        stream: EVENTS,
        service: INTAKE_SERVICE,
        name: INTAKE.to_owned(),
        task: None,
        filter: subject::event::ALL.to_owned(),
    };
    jobs.chain([intake]).collect()
}

/// A consumer as it has to be.
pub(crate) struct DeclaredConsumer {
    pub(crate) stream: &'static str,
    /// Whose workers pull from it.
    pub(crate) service: &'static str,
    pub(crate) name: String,
    pub(crate) config: pull::Config,
}

/// Each consumer of a cluster is a group of its own among the servers, and there are many: a busy cluster may answer for
/// one later than is waited. It is looked for anew, and may be there by then.
async fn apply_patiently(
    broker: &Broker,
    declared: &DeclaredConsumer,
) -> Result<Option<Change>, TopologyError> {
    let mut tries = 1;
    loop {
        match apply_consumer(broker, declared).await {
            Err(error) if error.is_late && tries < TRIES_MAX => {
                tracing::info!("{error}; looking for it again");
                tries += 1;
            }
            applied => return applied,
        }
    }
}

async fn apply_consumer(
    broker: &Broker,
    declared: &DeclaredConsumer,
) -> Result<Option<Change>, TopologyError> {
    let DeclaredConsumer { stream, name, config, .. } = declared;
    let fail = |reason: String, is_late| TopologyError { what: format!("consumer {name}"), reason, is_late };
    let stream =
        broker.jetstream.get_stream_no_info(stream).await.map_err(|error| fail(error.to_string(), false))?;
    match stream.consumer_info(name).await {
        Ok(info) => Ok(drifted(name.clone(), consumer_drift(&info, config))),
        Err(error) if is_absent(&error) => {
            let created = stream.create_consumer(config.clone()).await;
            created.map_err(|error| {
                fail(error.to_string(), matches!(error.kind(), ConsumerErrorKind::TimedOut))
            })?;
            Ok(Some(Change::Created(format!("consumer {name}"))))
        }
        Err(error) => Err(fail(error.to_string(), matches!(error.kind(), ConsumerInfoErrorKind::TimedOut))),
    }
}

/// Settings of a consumer that are not as declared.
pub(crate) fn consumer_drift(found: &consumer::Info, declared: &pull::Config) -> Vec<String> {
    let found = &found.config;
    let differs = [
        differs("filter_subject", &found.filter_subject, &declared.filter_subject),
        differs("ack_wait", &found.ack_wait, &declared.ack_wait),
        differs("max_deliver", &found.max_deliver, &declared.max_deliver),
        differs("max_ack_pending", &found.max_ack_pending, &declared.max_ack_pending),
    ];
    differs.into_iter().flatten().collect()
}

async fn apply_stream(broker: &Broker, config: Config) -> Result<Option<Change>, TopologyError> {
    let name = config.name.clone();
    let fail = |reason: String| TopologyError { what: format!("stream {name}"), reason, is_late: false };
    let stream = match broker.jetstream.get_stream(&name).await {
        Ok(stream) => stream,
        Err(error) if is_not_found(&error) => {
            // Somebody else may be quicker with the same; that is as good.
            broker.jetstream.get_or_create_stream(config).await.map_err(|error| fail(error.to_string()))?;
            return Ok(Some(Change::Created(format!("stream {name}"))));
        }
        Err(error) => return Err(fail(error.to_string())),
    };
    Ok(drifted(format!("stream {name}"), stream_drift(stream.cached_info(), &config)))
}

/// Settings of a stream that are not as declared.
pub(crate) fn stream_drift(found: &Info, declared: &Config) -> Vec<String> {
    let found = &found.config;
    let differs = [
        differs("subjects", &found.subjects, &declared.subjects),
        differs("retention", &found.retention, &declared.retention),
        differs("discard", &found.discard, &declared.discard),
        differs("num_replicas", &found.num_replicas, &declared.num_replicas),
        differs("max_age", &found.max_age, &declared.max_age),
        differs("max_bytes", &found.max_bytes, &declared.max_bytes),
        differs("max_message_size", &found.max_message_size, &declared.max_message_size),
        differs("persist_mode", &waits(found), &waits(declared)),
    ];
    differs.into_iter().flatten().collect()
}

/// How it is written to the disk: servers leave out what is usual.
fn waits(config: &Config) -> PersistenceMode {
    config.persist_mode.unwrap_or(PersistenceMode::Default)
}

/// Whether the consumer or its stream does not exist.
pub(crate) fn is_absent(error: &ConsumerInfoError) -> bool {
    match error.kind() {
        ConsumerInfoErrorKind::NotFound | ConsumerInfoErrorKind::StreamNotFound => true,
        ConsumerInfoErrorKind::JetStream(error) => error.error_code() == ErrorCode::STREAM_NOT_FOUND,
        _ => false,
    }
}

pub(crate) fn is_not_found(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn differs<T: PartialEq + Debug>(setting: &str, found: &T, declared: &T) -> Option<String> {
    (found != declared).then(|| format!("{setting} is {found:?}, declared {declared:?}"))
}

fn drifted(name: String, settings: Vec<String>) -> Option<Change> {
    (!settings.is_empty()).then_some(Change::Differs(name, settings))
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Created(what) => write!(f, "Created {what}."),
            Self::Differs(what, settings) => {
                write!(f, "{what} is not as declared, and left as it is: {}.", settings.join("; "))
            }
        }
    }
}
