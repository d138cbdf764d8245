//! Webhooks of a shop: accepted a second with a durable answer, beside the bare publish of the same bodies and beside a
//! bare handler; alone, and while those that came before are worked on; then a burst, and how long it is worked off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use clap::Args;
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tradeup_fakes::shopify::{Sample, Webhook, samples};
use tradeup_harness::{Server, World, eventually_at};

use crate::figures::{Figure, Goal, count};
use crate::{procfs, servers, statements};

const DRAINED_WITHIN: Duration = Duration::from_secs(3600);
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The order of the sample that is sent, of which each webhook has one of its own.
const SAMPLE: &str = "orders-paid.json";
const SAMPLE_ORDER: &str = "5600112233440";
/// Its customer: orders come of many, each of whom has an account of their own.
const SAMPLE_CUSTOMER: &str = "7400112233445";
const CUSTOMERS: usize = 2_000;

/// Orders of one shop, each its own.
#[derive(Args)]
pub(crate) struct Webhooks {
    /// Webhooks of each measurement.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) count: usize,
    /// Webhooks of the burst.
    #[arg(long, default_value_t = 50_000)]
    pub(crate) burst: usize,
    /// Connections.
    #[arg(long, default_value_t = 64)]
    pub(crate) connections: usize,
    /// Rounds of each measurement, but for the burst.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
}

impl Webhooks {
    pub(crate) async fn measure(&self) -> anyhow::Result<Vec<Figure>> {
        let mut world = servers::world().await;
        let (samples, secret, shop) = samples();
        let sample = samples.iter().find(|sample| sample.file == SAMPLE).context("no sample")?.clone();
        prepare(&mut world, &secret, &shop)?;
        let bare = serve_bare().await?;
        let jobs = world.jobs().await;
        let (mut alone, mut system, mut publish, mut handler) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut order = 0;
        let mut webhooks = world.start("webhooks").await;
        let mut port = webhooks.http_port().await;
        // Nobody can take what is published while the database is away, from the floor as from the system.
        world.servers.stop(Server::Postgres);
        for round in 0..self.rounds {
            let floor = signed(&sample, &secret, &shop, &mut 0, self.count);
            let all = signed(&sample, &secret, &shop, &mut order, self.count);
            publish.push(publish_all(&jobs, &floor, self.connections, round).await);
            alone.push(send_all(port, &all, self.connections).await?);
        }
        world.servers.up(Server::Postgres);
        worked_off(&world, &jobs).await;
        // And with the work on what was accepted before on the same machine.
        for _round in 0..self.rounds {
            let all = signed(&sample, &secret, &shop, &mut order, self.count);
            handler.push(send_all(bare, &all, self.connections).await?);
            system.push(send_all(port, &all, self.connections).await?);
        }
        worked_off(&world, &jobs).await;
        let peak_mib = procfs::peak_mib(webhooks.id())?;
        webhooks.kill();

        webhooks = world.start("webhooks").await;
        port = webhooks.http_port().await;
        let all = signed(&sample, &secret, &shop, &mut order, self.burst);
        let begun = Instant::now();
        let burst = send_all(port, &all, self.connections).await?;
        worked_off(&world, &jobs).await;
        let drained = begun.elapsed().as_secs_f64();
        let lots = world.number("select count(*) from lots where reason = 'cashback'").await;
        let expected = i64::try_from(order)?;
        ensure!(lots == expected, "{lots} credits for {expected} orders");
        let rates = |seen: &[Seen]| seen.iter().map(|seen| seen.a_second).collect::<Vec<_>>();
        let part = |seen: &[Seen], of: fn(&Seen) -> f64| seen.iter().map(of).collect::<Vec<_>>();
        Ok(vec![
            Figure::rate("webhooks accepted", "orders/s", rates(&alone))
                .beside(rates(&publish))
                .goal(Goal::OfFloor(0.7)),
            Figure::rate("webhooks accepted while earlier ones are worked on", "orders/s", rates(&system))
                .beside(rates(&publish)),
            Figure::rate("a bare handler that reads the body", "orders/s", rates(&handler)),
            Figure::cost("webhooks accepted: p50", "ms", part(&alone, |s| s.p50_ms))
                .beside(part(&publish, |s| s.p50_ms)),
            Figure::cost("webhooks accepted: p99", "ms", part(&alone, |s| s.p99_ms))
                .beside(part(&publish, |s| s.p99_ms)),
            Figure::cost(
                "webhooks accepted while earlier ones are worked on: p99",
                "ms",
                part(&system, |s| s.p99_ms),
            ),
            Figure::rate("a burst of orders accepted", "orders/s", vec![burst.a_second]),
            Figure::rate(
                "a burst of orders settled and credited",
                "orders/s",
                vec![count(self.burst) / drained],
            ),
            Figure::cost("memory of webhooks", "MiB", vec![peak_mib]),
        ])
    }
}

impl Webhooks {
    /// Orders that are taken, settled and credited, counted by statement; and how many.
    pub(crate) async fn only_orders(&self, mut world: World) -> anyhow::Result<(World, f64)> {
        let (samples, secret, shop) = samples();
        let sample = samples.iter().find(|sample| sample.file == SAMPLE).context("no sample")?.clone();
        prepare(&mut world, &secret, &shop)?;
        let jobs = world.jobs().await;
        let webhooks = world.start("webhooks").await;
        let port = webhooks.http_port().await;
        let mut order = 0;
        // The first ones make plans.
        for (count, counted) in [(self.count / 10, false), (self.count, true)] {
            let all = signed(&sample, &secret, &shop, &mut order, count);
            if counted {
                statements::reset(&world).await?;
            }
            send_all(port, &all, self.connections).await?;
            worked_off(&world, &jobs).await;
        }
        drop(webhooks);
        Ok((world, count(self.count)))
    }
}

/// A shop whose customers get 5 % back.
fn prepare(world: &mut World, secret: &str, shop: &str) -> anyhow::Result<()> {
    world.tradeup_ok(&["tenant", "add", "floor", "--currency", "USD", "--tier", "gold=0:gold"]);
    world.tradeup_ok(&["tenant", "tier", "floor", "gold", "--cashback", "5%"]);
    world.tradeup_ok(&["tenant", "set", "floor", "--shop", shop]);
    let file = world.dir.path().join("floor.csv");
    let mut rows = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Phone,Tags\n".to_owned();
    for number in 0..CUSTOMERS {
        rows.push_str(&format!("'{},A,B,a{number}@example.com,yes,,gold\n", customer(number)));
    }
    std::fs::write(&file, rows)?;
    let path = file.to_str().context("a path")?;
    world.tradeup_ok(&["import", "members", path, "--tenant", "floor", "--since", "2020-01-01"]);
    world.environment.insert("TRADEUP_HTTP".to_owned(), "127.0.0.1:0".to_owned());
    world.environment.insert("TRADEUP_SHOPIFY_WEBHOOK_SECRETS".to_owned(), secret.to_owned());
    Ok(())
}

fn customer(number: usize) -> String {
    format!("88{number:011}")
}

/// Events to be taken and runs to be ended.
async fn left(world: &World, jobs: &tradeup_harness::Jobs) -> i64 {
    let runs = world.number("select count(*) from runs where finished_at is null").await;
    runs + i64::try_from(jobs.events_left().await).unwrap_or(i64::MAX)
}

/// Returns when all are taken and settled.
async fn worked_off(world: &World, jobs: &tradeup_harness::Jobs) {
    let nothing_left = || async { (left(world, jobs).await == 0).then_some(()) };
    eventually_at(LOOK_EVERY, "all is worked off", DRAINED_WITHIN, nothing_left).await;
}

/// Webhooks of orders of their own, signed beforehand.
fn signed(sample: &Sample, secret: &str, shop: &str, order: &mut usize, count: usize) -> Vec<Webhook> {
    let body = String::from_utf8_lossy(&sample.webhook.body).into_owned();
    (0..count)
        .map(|_| {
            *order += 1;
            let body = body.replace(SAMPLE_ORDER, &format!("77{order:011}"));
            let body = body.replace(SAMPLE_CUSTOMER, &customer(*order % CUSTOMERS));
            Webhook::new(secret, shop, "orders/paid", body.as_bytes())
        })
        .collect()
}

/// What many requests came to.
struct Seen {
    a_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Seen {
    fn of(mut each: Vec<Duration>, all: Duration) -> Self {
        each.sort_unstable();
        let at = |percent: usize| {
            each.get(each.len() * percent / 100).copied().unwrap_or_default().as_secs_f64() * 1e3
        };
        Self { a_second: count(each.len()) / all.as_secs_f64(), p50_ms: at(50), p99_ms: at(99) }
    }
}

/// Sends all over kept connections, each its next when its last was answered.
async fn send_all(port: u16, all: &[Webhook], connections: usize) -> anyhow::Result<Seen> {
    let requests: Arc<Vec<Vec<u8>>> = Arc::new(all.iter().map(request).collect());
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let mut workers = Vec::new();
    for _ in 0..connections {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        workers.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
            stream.set_nodelay(true)?;
            let (mut each, mut answer) = (Vec::new(), vec![0; 4096]);
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let sent = Instant::now();
                stream.write_all(request).await?;
                let read = stream.read(&mut answer).await?;
                // An answer without a body is its head, which comes at once.
                let head = String::from_utf8_lossy(answer.get(..read).unwrap_or_default()).into_owned();
                ensure!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "answered {head}");
                each.push(sent.elapsed());
            }
            anyhow::Ok(each)
        }));
    }
    let mut each = Vec::new();
    for worker in workers {
        each.extend(worker.await??);
    }
    Ok(Seen::of(each, begun.elapsed()))
}

fn request(webhook: &Webhook) -> Vec<u8> {
    let mut head = "POST /webhooks/shopify HTTP/1.1\r\nHost: localhost\r\n".to_owned();
    for (name, value) in &webhook.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", webhook.body.len());
    let mut request = head.into_bytes();
    request.extend_from_slice(&webhook.body);
    request
}

/// The same bodies to the same stream, without HTTP, signature or anything else.
async fn publish_all(jobs: &tradeup_harness::Jobs, all: &[Webhook], at_once: usize, round: usize) -> Seen {
    let begun = Instant::now();
    let each = futures::stream::iter(all)
        .map(|webhook| async move {
            let sent = Instant::now();
            let id = format!("floor-{round}-{}", webhook.header("X-Shopify-Webhook-Id"));
            jobs.publish_event("events.floor.bench.none", &[("Nats-Msg-Id", &id)], &webhook.body).await;
            sent.elapsed()
        })
        .buffer_unordered(at_once)
        .collect()
        .await;
    Seen::of(each, begun.elapsed())
}

/// A handler that reads the body and answers.
async fn serve_bare() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let routes = Router::new().route("/webhooks/shopify", post(|_body: Bytes| async {}));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(port)
}
