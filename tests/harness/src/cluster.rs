//! Three nats-servers as one cluster, to be killed one by one.

mod links;
mod node;
mod ports;

pub(crate) use ports::free as free_port;

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::jetstream;
use futures::future::join_all;
use serde_json::Value;

use self::links::Links;
use self::node::Node;
use crate::FaultProxy;
use crate::guarded::users_and_everybody;
use crate::patience::{eventually, eventually_at};
use crate::servers::nats_program;

/// Ports that were free may be taken when a server wants them; then others are tried.
const STARTS: usize = 3;

/// Long enough for three servers to find each other on a machine that builds something meanwhile.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How often a server is asked whether it is healthy: each no is a line in its log.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// As `deploy/local` configures its one server, with routes to the others. A route to itself is no
/// matter to a server.
const CONFIGURATION: &str = r#"
server_name: "{name}"
listen: "127.0.0.1:{client}"
http: "127.0.0.1:{monitor}"
max_payload: 1MB
jetstream {
  store_dir: {store}
  max_memory_store: 256MB
  max_file_store: 10GB
  sync_interval: always
}
cluster {
  name: "{cluster}"
  listen: "127.0.0.1:{route}"
  routes: [{routes}]
  advertise: "{advertised}"
}
{users}"#;

/// Three servers on loopback, with JetStream, each with a store of its own. When dropped they are
/// killed, by their process ids, and their stores deleted.
#[derive(Debug)]
pub struct Cluster {
    name: String,
    dir: PathBuf,
    program: PathBuf,
    nodes: [Node; 3],
    links: Option<Links>,
}

/// What one server itself holds of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Number of messages.
    pub messages: u64,
    /// Sequence of the last one.
    pub last_sequence: u64,
}

impl Cluster {
    /// Starts one in a folder of its own below `dir`, and waits until streams with three replicas can
    /// be made.
    pub async fn start(dir: &Path) -> Self {
        Self::up(dir, |_| None).await
    }

    /// The same with a proxy on each way between two servers: [`Cluster::isolate`] and
    /// [`Cluster::between`] work then. The seed is the proxies'.
    pub async fn start_with_links(dir: &Path, seed: u64) -> Self {
        Self::up(dir, |nodes| Some(Links::between(nodes.each_ref().map(|node| node.route), seed))).await
    }

    async fn up(dir: &Path, links: impl Fn(&[Node; 3]) -> Option<Links>) -> Self {
        let program = nats_program();
        for _ in 0..STARTS {
            let name = format!("cluster-{}", uuid::Uuid::now_v7().simple());
            let nodes = [0, 1, 2].map(|node| Node::named(format!("{name}-{node}")));
            let (dir, program) = (dir.join(&name), program.clone());
            let mut cluster = Self { links: links(&nodes), name, dir, program, nodes };
            for node in 0..3 {
                cluster.spawn(node);
            }
            if cluster.all_healthy().await {
                cluster.ready().await;
                return cluster;
            }
        }
        panic!("no cluster came up in {STARTS} attempts");
    }

    /// Waits until the cluster has a leader and makes streams with three replicas. For that all three
    /// must run.
    pub async fn ready(&self) {
        let jetstream = jetstream::new(self.client().await);
        eventually("the cluster makes streams", READY_WITHIN, || async {
            jetstream.query_account().await.ok()?;
            let name = "HARNESS_PROBE".to_owned();
            let probe = jetstream::stream::Config { name, num_replicas: 3, ..Default::default() };
            jetstream.get_or_create_stream(probe).await.ok()?;
            jetstream.delete_stream("HARNESS_PROBE").await.ok()
        })
        .await;
    }

    /// URL of one server, 0 to 2.
    #[must_use]
    pub fn url(&self, node: usize) -> String {
        format!("nats://127.0.0.1:{}", self.nodes[node].client)
    }

    /// URLs of all three, with commas between them.
    #[must_use]
    pub fn urls(&self) -> String {
        [0, 1, 2].map(|node| self.url(node)).join(",")
    }

    /// A client that knows all three.
    pub async fn client(&self) -> async_nats::Client {
        let urls = [0, 1, 2].map(|node| self.url(node));
        async_nats::connect(urls.as_slice()).await.expect("one of the three answers")
    }

    /// Whether a server runs.
    #[must_use]
    pub fn runs(&self, node: usize) -> bool {
        self.nodes[node].child.is_some()
    }

    /// A running server's process id.
    #[must_use]
    pub fn id(&self, node: usize) -> Option<u32> {
        self.nodes[node].child.as_ref().map(Child::id)
    }

    /// The folder of all that belongs to it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What a server has logged.
    #[must_use]
    pub fn log(&self, node: usize) -> String {
        std::fs::read_to_string(self.dir.join(format!("{node}.log"))).unwrap_or_default()
    }

    /// SIGKILL. Its store stays.
    pub fn kill(&mut self, node: usize) {
        let mut child = self.nodes[node].child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM, and waits until it has ended. Its store stays.
    pub async fn stop(&mut self, node: usize) {
        self.signal(node, "TERM");
        let child = self.nodes[node].child.as_mut().expect("it runs");
        eventually("nats-server ends after SIGTERM", Duration::from_secs(30), || {
            let ended = child.try_wait().unwrap();
            async move { ended }
        })
        .await;
        self.nodes[node].child = None;
    }

    /// Stops all that run.
    pub async fn stop_all(&mut self) {
        for node in 0..3 {
            if self.runs(node) {
                self.stop(node).await;
            }
        }
    }

    /// Sends a signal by its name without SIG; STOP makes a zombie of it, CONT wakes it.
    pub fn signal(&self, node: usize, name: &str) {
        let id = self.id(node).expect("it runs").to_string();
        assert!(Command::new("kill").args([format!("-{name}"), id]).status().unwrap().success());
    }

    /// Cuts one off from both others: what goes between them is swallowed. Clients still reach it.
    pub fn isolate(&self, node: usize) {
        for other in (0..3).filter(|other| *other != node) {
            self.between(node, other).iter().for_each(|proxy| proxy.black_hole());
        }
    }

    /// The two proxies between two servers, one for connections that `one` makes and one for those that
    /// `other` makes. The servers choose which they use, so do to one what is done to the other.
    #[must_use]
    pub fn between(&self, one: usize, other: usize) -> [&FaultProxy; 2] {
        self.links.as_ref().expect("started with links").pair(one, other)
    }

    /// Everything passes between all servers.
    pub fn heal(&self) {
        self.links.as_ref().expect("started with links").all().for_each(FaultProxy::pass);
    }

    /// Starts one again on the store it had. It may take a while to catch up: see
    /// [`Cluster::healthy`].
    pub fn start_again(&mut self, node: usize) {
        assert!(!self.runs(node), "it runs");
        self.spawn(node);
    }

    /// Waits until a server says that it is healthy: connected, and level with the others in all
    /// streams and consumers that it holds.
    pub async fn healthy(&mut self, node: usize) {
        let server = &mut self.nodes[node];
        eventually_at(ASK_EVERY, &format!("server {node} is healthy"), READY_WITHIN, || {
            assert!(!server.has_ended(), "server {node} ended instead of becoming healthy");
            let healthy = server.is_healthy();
            async move { healthy.await.then_some(()) }
        })
        .await;
    }

    /// The server that leads the cluster and places streams, if the others know of one.
    pub async fn meta_leader(&self) -> Option<usize> {
        for node in (0..3).filter(|node| self.runs(*node)) {
            let seen = self.nodes[node].page("/jsz").await;
            let leader = seen.and_then(|page| self.node(page["meta_cluster"]["leader"].as_str()?));
            // Who is dead may be named until another is elected.
            if leader.is_some_and(|leader| self.runs(leader)) {
                return leader;
            }
        }
        None
    }

    /// The server that leads a stream, if there is one.
    pub async fn stream_leader(&self, stream: &str) -> Option<usize> {
        let jetstream = jetstream::new(self.client().await);
        let info = jetstream.get_stream(stream).await.ok()?.get_info().await.ok()?;
        self.node(&info.cluster?.leader?)
    }

    /// What a server itself holds of a stream, by its own word.
    pub async fn held(&self, node: usize, stream: &str) -> Option<Held> {
        let page = self.nodes[node].page("/jsz?accounts=true&streams=true").await?;
        let accounts = page["account_details"].as_array()?.iter();
        let streams = accounts.filter_map(|account| account["stream_detail"].as_array()).flatten();
        let state = &streams.into_iter().find(|detail| detail["name"] == stream)?["state"];
        Some(Held { messages: state["messages"].as_u64()?, last_sequence: state["last_seq"].as_u64()? })
    }

    fn node(&self, server_name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == server_name)
    }

    fn spawn(&mut self, node: usize) {
        let dir = self.dir.join(node.to_string());
        std::fs::create_dir_all(&dir).unwrap();
        let configuration = dir.join("nats.conf");
        let loopback = |node: &Node| SocketAddr::from(([127, 0, 0, 1], node.route));
        let (routes, advertised) = match &self.links {
            Some(links) => (links.routes_from(node), links.advertised()),
            None => (self.nodes.iter().map(loopback).collect(), loopback(&self.nodes[node])),
        };
        let routes: Vec<String> = routes.iter().map(|at| format!("\"nats-route://{at}\"")).collect();
        let Node { name, client, route, monitor, .. } = &self.nodes[node];
        let text = [
            ("{cluster}", self.name.clone()),
            ("{name}", name.clone()),
            ("{client}", client.to_string()),
            ("{monitor}", monitor.to_string()),
            ("{route}", route.to_string()),
            ("{routes}", routes.join(", ")),
            ("{advertised}", advertised.to_string()),
            // Quoted as JSON is.
            ("{store}", Value::from(dir.to_str().unwrap()).to_string()),
            ("{users}", users_and_everybody()),
        ];
        let text = text.iter().fold(CONFIGURATION.to_owned(), |text, (key, value)| text.replace(key, value));
        std::fs::write(&configuration, text).unwrap();
        let log = self.dir.join(format!("{node}.log"));
        let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let child = Command::new(&self.program)
            .arg("-c")
            .arg(configuration)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.nodes[node].child = Some(child);
    }

    /// Waits until all three are healthy; false if one ends instead: its port was taken.
    async fn all_healthy(&mut self) -> bool {
        eventually_at(ASK_EVERY, "all servers of the cluster are healthy", READY_WITHIN, || {
            let ended = self.nodes.iter_mut().any(Node::has_ended);
            let healthy = join_all(self.nodes.each_ref().map(Node::is_healthy));
            async move {
                let all = healthy.await.into_iter().all(|healthy| healthy);
                (ended || all).then_some(!ended)
            }
        })
        .await
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (0..3).for_each(|node| eprintln!("--- log of server {node} ---\n{}", self.log(node)));
        }
        for child in self.nodes.iter_mut().filter_map(|node| node.child.as_mut()) {
            child.kill().ok();
            child.wait().ok();
        }
        std::fs::remove_dir_all(&self.dir).ok();
    }
}
