//! From the outbox to the stream.

use bytes::Bytes;
use futures::future::join_all;
use tradeup_broker::{Broker, Outgoing, PublishError};
use tradeup_proto::subject::{self, Lane};
use tradeup_proto::{JobKind, Message as _, convert, header, v1};
use tradeup_store::outbox::{DeadMessage, JobMessage, RawMessage};
use uuid::Uuid;

/// Publishes what a transaction has written to the outbox.
///
/// A publish that fails is not an error of the work that is already committed: the outbox row is
/// there, and the sweep sends it again under the same id.
#[derive(Clone, Debug)]
pub struct Relay {
    broker: Broker,
}

impl Relay {
    /// A relay on this connection.
    #[must_use]
    pub fn new(broker: Broker) -> Self {
        Self { broker }
    }

    /// Publishes job messages, all under way at once. Returns how many are stored; the others are
    /// left to the sweep.
    pub async fn publish_jobs(&self, messages: &[JobMessage]) -> usize {
        let outgoing = messages.iter().filter_map(|message| {
            job_message(message)
                .inspect_err(|error| tracing::error!(run_id = %message.run_id, %error, "run {} can't be published", message.run_id))
                .ok()
        });
        self.publish(outgoing.collect()).await.len()
    }

    /// Publishes dead letters. Returns the outbox ids of those that are stored.
    pub async fn publish_dead(&self, messages: Vec<DeadMessage>) -> Vec<Uuid> {
        let outgoing = messages.into_iter().map(|message| Outgoing {
            subject: message.subject,
            message_id: message.outbox_id,
            run_id: message.run_id.map(|id| id.0),
            error_code: Some(message.error_code),
            headers: None,
            traceparent: None,
            body: Bytes::from(message.body),
        });
        self.publish(outgoing.collect()).await
    }

    /// Publishes messages as they were received. Returns the outbox ids of those that are stored.
    pub async fn publish_raw(&self, messages: Vec<RawMessage>) -> Vec<Uuid> {
        let outgoing = messages.into_iter().map(|message| Outgoing {
            subject: message.subject,
            message_id: message.outbox_id,
            run_id: None,
            error_code: None,
            headers: message.headers.map(as_sent_again),
            traceparent: None,
            body: Bytes::from(message.body),
        });
        self.publish(outgoing.collect()).await
    }

    async fn publish(&self, messages: Vec<Outgoing>) -> Vec<Uuid> {
        let mut under_way = Vec::with_capacity(messages.len());
        let mut left = Left::default();
        for message in messages {
            let id = message.message_id;
            match self.broker.publish(message).await {
                Ok(published) => under_way.push((id, published)),
                Err(error) => left.add(error),
            }
        }
        // All at once, so that a broker that does not answer costs one wait and not one for each.
        let answers =
            under_way.into_iter().map(async |(id, published)| published.stored().await.map(|_duplicate| id));
        let mut stored = Vec::new();
        for answer in join_all(answers).await {
            match answer {
                Ok(id) => stored.push(id),
                Err(error) => left.add(error),
            }
        }
        left.log();
        stored
    }
}

/// Messages that stay in the outbox, for one line of log.
#[derive(Default)]
struct Left {
    count: usize,
    last: Option<PublishError>,
}

impl Left {
    fn add(&mut self, error: PublishError) {
        self.count += 1;
        self.last = Some(error);
    }

    fn log(self) {
        if let Some(error) = self.last {
            tracing::warn!(
                messages = self.count,
                "{} messages stay in the outbox for the sweep: {error}",
                self.count
            );
        }
    }
}

/// The headers of a message that is sent again under a message id of its own, so that the broker does
/// not take it for a duplicate. An event stays the same event.
fn as_sent_again(mut headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let has = |wanted: &str| headers.iter().position(|(name, _)| name.eq_ignore_ascii_case(wanted));
    if let (None, Some(at)) = (has(header::EVENT_ID), has(header::MESSAGE_ID)) {
        let id = headers.swap_remove(at).1;
        headers.push((header::EVENT_ID.to_owned(), id));
    }
    headers
}

/// Why a run can't be put into a message: a wiring fault.
#[derive(Debug, thiserror::Error)]
enum EncodeError {
    #[error("no service executes task {0}")]
    NoSuchTask(String),
    #[error(transparent)]
    Subject(#[from] subject::SubjectError),
}

fn job_message(message: &JobMessage) -> Result<Outgoing, EncodeError> {
    let kind =
        JobKind::by_task(&message.task).ok_or_else(|| EncodeError::NoSuchTask(message.task.clone()))?;
    let tenant = message.tenant.as_ref();
    let lane = if message.urgent { Lane::Urgent } else { Lane::Normal };
    let job = v1::Job {
        run_id: message.run_id.0.as_bytes().to_vec(),
        task: message.task.clone(),
        tenant: tenant.map(|t| v1::TenantRef { tenant_id: t.id.0, handle: t.handle.clone() }),
        key: message.key.clone(),
        scheduled_for: Some(convert::timestamp(message.scheduled_for)),
        payload: message.payload.clone(),
        self_contained: message.self_contained,
    };
    Ok(Outgoing {
        subject: subject::job(kind, lane, tenant.map(|t| t.handle.as_str()))?,
        message_id: message.outbox_id,
        run_id: Some(message.run_id.0),
        error_code: None,
        headers: None,
        traceparent: message.traceparent.clone(),
        body: Bytes::from(job.encode_to_vec()),
    })
}
