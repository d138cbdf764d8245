//! What waits before each consumer, for people who look: asked quickly, and never waited for.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::stream::DirectGetErrorKind;
use futures::future::join_all;
use tokio::time::timeout;

use crate::Broker;
use crate::topology::{self, NamedConsumer, named_consumers};

/// What waits, as far as NATS has said it in time.
#[derive(Clone, Debug, Default)]
pub struct Backlog {
    /// The declared consumers that there are, in order of their declaration.
    pub consumers: Vec<ConsumerBacklog>,
    /// Names of those of which NATS has said nothing in time.
    pub silent: Vec<String>,
}

/// What waits before a consumer.
#[derive(Clone, Debug)]
pub struct ConsumerBacklog {
    /// Name.
    pub name: String,
    /// Its stream.
    pub stream: &'static str,
    /// Service whose workers pull from it.
    pub service: &'static str,
    /// The task whose runs come through it; none if it is of events.
    pub task: Option<&'static str>,
    /// Messages that were not delivered yet.
    pub waiting: u64,
    /// Messages that were delivered and not answered for.
    pub in_hand: u64,
    /// Those of them that were delivered more than once.
    pub redelivered: u64,
    /// When the stream stored the oldest of those that wait.
    pub oldest: Option<SystemTime>,
}

/// How full a stream is.
#[derive(Clone, Copy, Debug)]
pub struct StreamFill {
    /// The stream.
    pub stream: &'static str,
    /// Size of what it holds.
    pub bytes: u64,
    /// The most it takes; `None` without a limit.
    pub bytes_max: Option<u64>,
}

impl Broker {
    /// How full the streams are of which NATS says so in time.
    pub async fn fills(&self, within: Duration) -> Vec<StreamFill> {
        if !self.is_connected() {
            return Vec::new();
        }
        let asked = topology::STREAMS.map(|stream| timeout(within, self.fill_of(stream)));
        join_all(asked).await.into_iter().filter_map(|answer| answer.ok().flatten()).collect()
    }

    async fn fill_of(&self, stream: &'static str) -> Option<StreamFill> {
        let found = self.jetstream.get_stream(stream).await.ok()?;
        let info = found.cached_info();
        let bytes_max = u64::try_from(info.config.max_bytes).ok();
        Some(StreamFill { stream, bytes: info.state.bytes, bytes_max })
    }

    /// Asks for all consumers at once, and for no longer than `within`.
    pub async fn backlog(&self, within: Duration) -> Backlog {
        let named = named_consumers();
        if !self.is_connected() {
            // What is asked now would be sent when NATS is back, for nobody.
            let silent = named.into_iter().map(|consumer| consumer.name).collect();
            return Backlog { consumers: Vec::new(), silent };
        }
        let answers = join_all(named.iter().map(|consumer| timeout(within, self.backlog_of(consumer)))).await;
        let mut backlog = Backlog::default();
        for (consumer, answer) in named.into_iter().zip(answers) {
            match answer {
                Ok(Some(Some(found))) => backlog.consumers.push(found),
                Ok(Some(None)) => {}
                Ok(None) | Err(_) => backlog.silent.push(consumer.name),
            }
        }
        backlog
    }

    /// `None` if NATS can't say; `Some(None)` if there is no such consumer.
    async fn backlog_of(&self, named: &NamedConsumer) -> Option<Option<ConsumerBacklog>> {
        let stream = self.jetstream.get_stream_no_info(named.stream).await.ok()?;
        let info = match stream.consumer_info(&named.name).await {
            Ok(info) => info,
            Err(error) if topology::is_absent(&error) => return Some(None),
            Err(_unanswered) => return None,
        };
        let mut oldest = None;
        if info.num_pending > 0 {
            // What comes after the last one that was delivered. It may have been taken meanwhile.
            let next = info.delivered.stream_sequence.saturating_add(1);
            oldest = match stream.direct_get_next_for_subject(named.filter.as_str(), Some(next)).await {
                Ok(message) => Some(SystemTime::from(message.time)),
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => None,
                Err(_unanswered) => return None,
            };
        }
        Some(Some(ConsumerBacklog {
            name: named.name.clone(),
            stream: named.stream,
            service: named.service,
            task: named.task,
            waiting: info.num_pending,
            in_hand: u64::try_from(info.num_ack_pending).unwrap_or(u64::MAX),
            redelivered: u64::try_from(info.num_redelivered).unwrap_or(u64::MAX),
            oldest,
        }))
    }
}
