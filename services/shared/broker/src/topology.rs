//! Streams and consumers, declared in one place.
//!
//! [`Topology::apply`] creates what is missing. What exists and differs is reported and left as it
//! is: somebody changed it for a reason, and retention can't be changed at all.

use std::fmt::Debug;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::{
    ConsumerInfoError, ConsumerInfoErrorKind, GetStreamError, GetStreamErrorKind,
};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use tradeup_proto::JobKind;
use tradeup_proto::subject::{self, Lane};

use crate::Broker;

/// The stream of what is to be done.
pub(crate) const JOBS: &str = "JOBS";
/// The stream of what could not be done.
const DEAD: &str = "DEAD";
/// The stream of what happened, as other systems publish it.
pub(crate) const EVENTS: &str = "EVENTS";
/// The durable consumer of events.
pub(crate) const INTAKE: &str = "intake";

/// The stream of what runs say while they work.
const LIVE: &str = "LIVE";

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The broker forgets message ids after this long. It saves work; keys in the database decide.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

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
    what: String,
    reason: String,
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
        let mut changes = Vec::new();
        for config in self.streams() {
            changes.extend(apply_stream(broker, config).await?);
        }
        for kind in JobKind::ALL {
            for lane in Lane::ALL {
                let filter = subject::job_filter(kind, lane);
                changes.extend(self.apply_consumer(broker, JOBS, consumer_name(kind, lane), filter).await?);
            }
        }
        let (name, all) = (INTAKE.to_owned(), subject::event::ALL.to_owned());
        changes.extend(self.apply_consumer(broker, EVENTS, name, all).await?);
        Ok(changes)
    }

    fn streams(self) -> [Config; 4] {
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
                ..base
            },
        ]
    }

    async fn apply_consumer(
        self,
        broker: &Broker,
        stream: &str,
        name: String,
        filter: String,
    ) -> Result<Option<Change>, TopologyError> {
        let fail = |reason: String| TopologyError { what: format!("consumer {name}"), reason };
        let config = pull::Config {
            durable_name: Some(name.clone()),
            filter_subject: filter,
            ack_policy: AckPolicy::Explicit,
            deliver_policy: DeliverPolicy::All,
            ack_wait: self.ack_wait,
            // Attempts are counted in the database; the broker delivers until it gets an answer.
            max_deliver: -1,
            max_ack_pending: 1000,
            ..pull::Config::default()
        };
        let stream =
            broker.jetstream.get_stream_no_info(stream).await.map_err(|error| fail(error.to_string()))?;
        match stream.consumer_info(&name).await {
            Ok(info) => {
                let found = info.config;
                let differs = [
                    differs("filter_subject", &found.filter_subject, &config.filter_subject),
                    differs("ack_wait", &found.ack_wait, &config.ack_wait),
                    differs("max_deliver", &found.max_deliver, &config.max_deliver),
                    differs("max_ack_pending", &found.max_ack_pending, &config.max_ack_pending),
                ];
                Ok(drifted(name, differs))
            }
            Err(error) if is_absent(&error) => {
                stream.create_consumer(config).await.map_err(|error| fail(error.to_string()))?;
                Ok(Some(Change::Created(format!("consumer {name}"))))
            }
            Err(error) => Err(fail(error.to_string())),
        }
    }
}

async fn apply_stream(broker: &Broker, config: Config) -> Result<Option<Change>, TopologyError> {
    let name = config.name.clone();
    let fail = |reason: String| TopologyError { what: format!("stream {name}"), reason };
    let stream = match broker.jetstream.get_stream(&name).await {
        Ok(stream) => stream,
        Err(error) if is_not_found(&error) => {
            // Somebody else may be quicker with the same; that is as good.
            broker.jetstream.get_or_create_stream(config).await.map_err(|error| fail(error.to_string()))?;
            return Ok(Some(Change::Created(format!("stream {name}"))));
        }
        Err(error) => return Err(fail(error.to_string())),
    };
    let info = stream.cached_info();
    let found = &info.config;
    let differs = [
        differs("subjects", &found.subjects, &config.subjects),
        differs("retention", &found.retention, &config.retention),
        differs("discard", &found.discard, &config.discard),
        differs("num_replicas", &found.num_replicas, &config.num_replicas),
        differs("max_age", &found.max_age, &config.max_age),
        differs("max_bytes", &found.max_bytes, &config.max_bytes),
        differs("max_message_size", &found.max_message_size, &config.max_message_size),
    ];
    Ok(drifted(format!("stream {name}"), differs))
}

/// Whether the consumer or its stream does not exist.
pub(crate) fn is_absent(error: &ConsumerInfoError) -> bool {
    match error.kind() {
        ConsumerInfoErrorKind::NotFound | ConsumerInfoErrorKind::StreamNotFound => true,
        ConsumerInfoErrorKind::JetStream(error) => error.error_code() == ErrorCode::STREAM_NOT_FOUND,
        _ => false,
    }
}

fn is_not_found(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn differs<T: PartialEq + Debug>(setting: &str, found: &T, declared: &T) -> Option<String> {
    (found != declared).then(|| format!("{setting} is {found:?}, declared {declared:?}"))
}

fn drifted<const N: usize>(name: String, differs: [Option<String>; N]) -> Option<Change> {
    let settings: Vec<String> = differs.into_iter().flatten().collect();
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
