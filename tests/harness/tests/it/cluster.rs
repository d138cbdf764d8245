//! A cluster of three that loses servers and gets them back.

use std::path::Path;
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, Context, stream::Config};
use tempfile::TempDir;
use tradeup_harness::{Cluster, Held, eventually};

/// The longest that publishing may stand still while a leader is elected.
const GAP: Duration = Duration::from_secs(15);

const SOON: Duration = Duration::from_secs(60);

async fn begin() -> (TempDir, Cluster, Context) {
    let dir = TempDir::new().unwrap();
    let cluster = Cluster::start(dir.path()).await;
    let client = cluster.client().await;
    // Short, so that a request to a dead leader is soon repeated.
    let jetstream = jetstream::context::ContextBuilder::new()
        .timeout(Duration::from_secs(1))
        .ack_timeout(Duration::from_secs(1))
        .build(client);
    (dir, cluster, jetstream)
}

fn replicated(name: &str) -> Config {
    let subjects = vec![format!("{name}.>")];
    Config { name: name.to_owned(), subjects, num_replicas: 3, ..Default::default() }
}

/// Publishes one message until it is stored, once.
async fn publish(jetstream: &Context, stream: &str, number: u64) -> Duration {
    let begun = Instant::now();
    eventually("the message is stored", GAP, || async {
        let mut message = jetstream::message::PublishMessage::build().message_id(number.to_string());
        message = message.payload(number.to_string().into());
        let sent = jetstream.send_publish(format!("{stream}.n"), message).await.ok()?;
        sent.await.ok()
    })
    .await;
    begun.elapsed()
}

async fn assert_holds(cluster: &Cluster, node: usize, stream: &str, messages: u64) {
    let all = Held { messages, last_sequence: messages };
    eventually("it holds every message", SOON, || async {
        (cluster.held(node, stream).await? == all).then_some(())
    })
    .await;
}

#[tokio::test]
async fn publishing_goes_on_when_the_leader_is_killed_and_nothing_is_lost() {
    let (_dir, mut cluster, jetstream) = begin().await;
    let stream = jetstream.create_stream(replicated("JOBS")).await.unwrap();
    for number in 0..50 {
        publish(&jetstream, "JOBS", number).await;
    }
    let killed = cluster.stream_leader("JOBS").await.expect("it has a leader");
    // Given the address of one alone, a client learns those of the others from it.
    let one = async_nats::connect(cluster.url(killed)).await.unwrap();
    cluster.kill(killed);
    let mut longest = Duration::ZERO;
    for number in 50..100 {
        longest = longest.max(publish(&jetstream, "JOBS", number).await);
    }
    println!("publishing stood still for {longest:?}");
    let leader = cluster.stream_leader("JOBS").await.expect("another leads");
    assert_ne!(leader, killed);
    publish(&jetstream::new(one), "JOBS", 99).await;
    for number in 0..100 {
        let message = stream.get_raw_message(number + 1).await.unwrap();
        assert_eq!(message.payload, number.to_string(), "each message once, in its order");
    }

    cluster.start_again(killed);
    cluster.healthy(killed).await;
    for node in 0..3 {
        assert_holds(&cluster, node, "JOBS", 100).await;
    }
}

#[tokio::test]
async fn streams_are_made_again_after_the_meta_leader_is_killed() {
    let (_dir, mut cluster, jetstream) = begin().await;
    let killed = cluster.meta_leader().await.expect("it has a leader");
    cluster.kill(killed);
    let begun = Instant::now();
    let leader = eventually("another leads the cluster", GAP, || cluster.meta_leader()).await;
    println!("another led the cluster after {:?}", begun.elapsed());
    assert_ne!(leader, killed);
    eventually("a stream is made", GAP, || async { jetstream.create_stream(replicated("AFTER")).await.ok() })
        .await;
    cluster.start_again(killed);
    cluster.healthy(killed).await;
    cluster.ready().await;
}

#[tokio::test]
async fn without_a_majority_nothing_is_stored_and_with_it_again_all_goes_on() {
    let (_dir, mut cluster, jetstream) = begin().await;
    jetstream.create_stream(replicated("JOBS")).await.unwrap();
    publish(&jetstream, "JOBS", 0).await;
    let leader = cluster.stream_leader("JOBS").await.expect("it has a leader");
    let others: Vec<usize> = (0..3).filter(|node| *node != leader).collect();
    cluster.kill(others[0]);
    cluster.stop(others[1]).await;
    let sent = jetstream.publish("JOBS.n", "lonely".into()).await.unwrap();
    sent.await.expect_err("a leader alone confirms nothing");

    for node in &others {
        cluster.start_again(*node);
    }
    publish(&jetstream, "JOBS", 1).await;
    let all = cluster.held(leader, "JOBS").await.unwrap();
    assert!((2..=3).contains(&all.messages), "the lonely one is stored or not: {all:?}");
    for node in 0..3 {
        cluster.healthy(node).await;
        assert_holds(&cluster, node, "JOBS", all.messages).await;
    }
    cluster.stop_all().await;
    assert!((0..3).all(|node| !cluster.runs(node)));
}

#[tokio::test]
async fn a_leader_that_is_cut_off_confirms_nothing_and_is_replaced() {
    let dir = TempDir::new().unwrap();
    let mut cluster = Cluster::start_with_links(dir.path(), 1).await;
    let at = async |node: usize| {
        let client = async_nats::connect(cluster.url(node)).await.unwrap();
        let second = Duration::from_secs(1);
        jetstream::context::ContextBuilder::new().timeout(second).ack_timeout(second).build(client)
    };
    at(0).await.create_stream(replicated("JOBS")).await.unwrap();
    let cut_off = cluster.stream_leader("JOBS").await.expect("it has a leader");
    let (old, new) = (at(cut_off).await, at((cut_off + 1) % 3).await);
    publish(&old, "JOBS", 0).await;

    cluster.isolate(cut_off);
    let sent = old.publish("JOBS.n", "split".into()).await.unwrap();
    sent.await.expect_err("a leader alone confirms nothing");
    for number in 1..20 {
        publish(&new, "JOBS", number).await;
    }
    let swallowed: u64 = (0..3)
        .filter(|node| *node != cut_off)
        .flat_map(|node| cluster.between(cut_off, node).map(|proxy| proxy.counters().swallowed))
        .sum();
    assert!(swallowed > 0, "the routes go through the proxies");
    assert_holds(&cluster, (cut_off + 1) % 3, "JOBS", 20).await;

    cluster.heal();
    publish(&old, "JOBS", 20).await;
    let stream = new.get_stream("JOBS").await.unwrap();
    for node in 0..3 {
        cluster.healthy(node).await;
        assert_holds(&cluster, node, "JOBS", 21).await;
    }
    for number in 0..21 {
        let message = stream.get_raw_message(number + 1).await.unwrap();
        assert_eq!(message.payload, number.to_string(), "what was confirmed, in its order, and no more");
    }
}

#[tokio::test]
async fn a_test_that_panics_leaves_nothing_behind() {
    let dir = TempDir::new().unwrap();
    let below = dir.path().to_owned();
    let test = tokio::spawn(async move {
        let cluster = Cluster::start(&below).await;
        assert!(cluster.dir().exists());
        assert_eq!(running_below(&below), 3);
        panic!("on purpose");
    });
    assert_eq!(*test.await.unwrap_err().into_panic().downcast::<&str>().unwrap(), "on purpose");
    assert_nothing_left(dir.path());
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing_behind() {
    let dir = TempDir::new().unwrap();
    let all_run =
        eventually("all three run", SOON, || async { (running_below(dir.path()) == 3).then_some(()) });
    tokio::select! {
        biased;
        () = all_run => (),
        _cluster = Cluster::start(dir.path()) => panic!("it was ready before it was given up"),
    }
    assert_nothing_left(dir.path());
}

fn assert_nothing_left(dir: &Path) {
    assert_eq!(running_below(dir), 0, "each server was ended");
    assert_eq!(std::fs::read_dir(dir).unwrap().count(), 0, "each store was deleted");
}

/// Number of processes that were given a file in this folder.
fn running_below(dir: &Path) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let commands = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let dir = dir.to_str().unwrap();
    commands.filter(|command| String::from_utf8_lossy(command).contains(dir)).count()
}
