//! What is asked of a consumer is delivered: no pull waits for what nobody owes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;
use tradeup_broker::{Broker, Delivery, Outgoing, Pull, Topology};
use tradeup_harness::{Jobs, Server, Servers};
use tradeup_proto::job_kind::WALLET_RECONCILIATION_BATCH as KIND;
use tradeup_proto::subject::Lane;
use uuid::Uuid;

/// As production has it.
const ACK_WAIT: Duration = Duration::from_secs(15);
/// As much as a task asks for whose runs share transactions.
const AT_ONCE: usize = 100;
/// A bound that is soon reached.
const BOUND: usize = 250;
/// Longer than a pull hears nothing before it gives up.
const IN_SILENCE: Duration = Duration::from_secs(6);

/// NATS alone, with what the engine needs on it.
struct Field {
    broker: Broker,
    jobs: Jobs,
    _servers: Servers,
    _dir: tempfile::TempDir,
}

impl Field {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let servers = Servers::fresh(dir.path(), Some(Server::Nats));
        let url = servers.environment()["TRADEUP_NATS_URL"].clone();
        let broker = Broker::connect(&url, "test").await.unwrap();
        Topology { replicas: 1, ack_wait: ACK_WAIT }.apply(&broker).await.unwrap();
        Self { broker, jobs: Jobs::connect(&url).await, _servers: servers, _dir: dir }
    }

    async fn publish(&self, count: usize) {
        let subject = format!("jobs.{}.{}.aurora", KIND.service, KIND.task);
        let message = || Outgoing {
            subject: subject.clone(),
            message_id: Uuid::new_v4(),
            run_id: None,
            error_code: None,
            headers: None,
            traceparent: None,
            body: vec![7; 60].into(),
        };
        let mut left = count;
        while left > 0 {
            let now = left.min(500);
            let sent = join_all((0..now).map(|_| self.broker.publish(message()))).await;
            for stored in join_all(sent.into_iter().map(|sent| sent.unwrap().stored())).await {
                assert!(!stored.unwrap(), "each is new");
            }
            left -= now;
        }
    }

    async fn pull(&self) -> Pull {
        self.broker.pull(KIND, Lane::Normal, AT_ONCE).await.unwrap()
    }
}

/// Takes what is there by the hundred, as a task does whose runs share transactions.
async fn hundred(pull: &mut Pull) -> Vec<Delivery> {
    let first = pull.next().await.expect("the server knows what was asked of it");
    let mut taken = vec![first];
    while taken.len() < AT_ONCE {
        let Some(delivery) = pull.next_at_hand() else { break };
        taken.push(delivery);
    }
    taken
}

async fn answer(deliveries: Vec<Delivery>) {
    for delivery in deliveries {
        delivery.ack().await.unwrap();
    }
}

/// Threads that leave nobody a processor for long.
struct Busy {
    is_over: Arc<AtomicBool>,
}

impl Busy {
    fn with(threads: usize) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        for _ in 0..threads {
            let is_over = Arc::clone(&is_over);
            std::thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self { is_over }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_by_the_hundred_beside_a_busy_processor_never_waits_for_nothing() {
    const MESSAGES: usize = 60_000;
    let field = Field::open().await;
    field.publish(MESSAGES).await;
    let _busy = Busy::with(4);
    // A pull that waits in vain ends when nothing was heard for too long: `hundred` would fail.
    let (mut pull, mut done) = (field.pull().await, 0);
    while done < MESSAGES {
        let deliveries = hundred(&mut pull).await;
        assert!(deliveries.iter().all(|delivery| delivery.delivered() == 1), "none is late");
        done += deliveries.len();
        answer(deliveries).await;
    }
    assert_eq!(done, MESSAGES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_at_its_bound_is_heard_of_and_goes_on_with_the_first_answers() {
    let field = Field::open().await;
    field.jobs.bound(&format!("{}-{}", KIND.service, KIND.task), i64::try_from(BOUND).unwrap()).await;
    field.publish(3 * BOUND).await;
    let mut pull = field.pull().await;
    let mut held = Vec::new();
    while held.len() < BOUND {
        held.extend(hundred(&mut pull).await);
    }
    assert_eq!(held.len(), BOUND, "no more than may be unanswered");
    // Nothing comes, and the pull does not take that for the end: the server says that it is there.
    assert!(timeout(IN_SILENCE, pull.next()).await.is_err());
    let mut done = 0;
    while done < 3 * BOUND {
        done += held.len();
        answer(std::mem::take(&mut held)).await;
        if done < 3 * BOUND {
            held = hundred(&mut pull).await;
            // One that was late would be one that waited for the consumer's look at what is not answered.
            assert!(held.iter().all(|delivery| delivery.delivered() == 1), "none is late");
        }
    }
    assert_eq!(done, 3 * BOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_taken_is_handed_back_when_a_pull_ends() {
    let field = Field::open().await;
    field.publish(AT_ONCE).await;
    let mut pull = field.pull().await;
    pull.next().await.unwrap().ack().await.unwrap();
    // All that was asked is delivered by now: what comes next is the second of those here.
    let second = pull.next().await.unwrap();
    let mut left = vec![second];
    left.extend(pull.close());
    for delivery in left {
        delivery.nak(Duration::ZERO).await.unwrap();
    }
    let (mut again, mut done) = (field.pull().await, 1);
    while done < AT_ONCE {
        let deliveries = hundred(&mut again).await;
        done += deliveries.len();
        answer(deliveries).await;
    }
    assert_eq!(done, AT_ONCE);
}
