//! A nats-server of a test's own with another configuration than `deploy/local` writes: users, TLS.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::net::TcpStream;

use crate::servers::nats_program;
use crate::{cluster, eventually, repository};

/// The users of deploy/nats/users.conf.
const USERS: [&str; 8] =
    ["scheduler", "credits", "webhooks", "agents", "console", "cli", "setup", "publisher"];

/// A request that is refused is not answered: this long is waited for it.
const ANSWER_WITHIN: Duration = Duration::from_millis(400);

/// Ended when dropped.
#[derive(Debug)]
pub struct GuardedNats {
    /// Port for clients, on 127.0.0.1.
    pub port: u16,
    child: Child,
}

impl GuardedNats {
    /// Starts one below `dir` with these lines in its configuration, besides address and JetStream.
    pub async fn start(dir: &Path, lines: &str) -> Self {
        let port = cluster::free_port();
        let folder = dir.join(format!("nats-{port}"));
        fs::create_dir_all(&folder).unwrap();
        let conf = format!(
            "listen: \"127.0.0.1:{port}\"\nserver_name: guarded\nmax_payload: 1MB\n{lines}\n\
             jetstream {{ store_dir: {:?}, max_memory_store: 256MB, max_file_store: 10GB, sync_interval: always }}\n",
            folder.join("data")
        );
        fs::write(folder.join("nats.conf"), conf).unwrap();
        let log = fs::File::create(folder.join("nats.log")).unwrap();
        let child = Command::new(nats_program())
            .arg("-c")
            .arg(folder.join("nats.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self { port, child };
        eventually("nats-server listens", Duration::from_secs(20), || {
            assert!(server.child.try_wait().unwrap().is_none(), "nats-server ended: {}", folder.display());
            async move { TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop) }
        })
        .await;
        server
    }

    /// Starts one with the users of deploy/nats/users.conf as they are.
    pub async fn with_users(dir: &Path) -> Self {
        let users = fs::read_to_string(repository().join("deploy/nats/users.conf")).unwrap();
        // Where passwords are is the one thing that differs.
        let passwords: String =
            USERS.map(|user| format!("{}_PASSWORD: \"{}\"\n", user.to_uppercase(), password(user))).concat();
        let include = users.lines().find(|line| line.starts_with("include")).unwrap();
        let file = dir.join("users.conf");
        fs::write(&file, users.replace(include, &passwords)).unwrap();
        // nats-server looks for it from the folder of its configuration.
        let lines = "accounts { TRADEUP { jetstream: enabled\n include \"../users.conf\"\n }\n SYS {} }\nsystem_account: SYS";
        Self::start(dir, lines).await
    }

    /// Somebody who has the password of a user.
    pub async fn somebody(&self, user: &str) -> Somebody {
        let client = async_nats::ConnectOptions::new()
            .custom_inbox_prefix(format!("_INBOX_{user}"))
            .user_and_password(user.to_owned(), password(user))
            .request_timeout(Some(ANSWER_WITHIN))
            .connect(format!("127.0.0.1:{}", self.port))
            .await
            .unwrap();
        Somebody { client }
    }

    /// Whether one without a name comes in.
    pub async fn lets_in_anybody(&self) -> bool {
        async_nats::connect(format!("127.0.0.1:{}", self.port)).await.is_ok()
    }

    /// Where a user of deploy/nats/users.conf connects.
    #[must_use]
    pub fn url(&self, user: &str) -> String {
        format!("nats://{user}:{}@127.0.0.1:{}", password(user), self.port)
    }
}

/// A client with nothing of the product in it.
#[derive(Debug)]
pub struct Somebody {
    client: async_nats::Client,
}

impl Somebody {
    /// Whether the server answers a request: it says nothing to one that it refuses. What is published to a stream is
    /// answered, too.
    pub async fn is_answered(&self, subject: &str, body: &str) -> bool {
        self.client.request(subject.to_owned(), body.to_owned().into()).await.is_ok()
    }

    /// Listens to a subject; what it hears while `other` asks for the account.
    pub async fn hears(&self, subject: &str, other: &Self) -> bool {
        let mut heard = self.client.subscribe(subject.to_owned()).await.unwrap();
        self.client.flush().await.unwrap();
        assert!(other.is_answered("$JS.API.INFO", "").await);
        matches!(tokio::time::timeout(Duration::from_millis(200), heard.next()).await, Ok(Some(_)))
    }
}

fn password(user: &str) -> String {
    format!("p-of-{user}")
}

/// What lets the users of deploy/nats/users.conf in as they are, their names for passwords, and whoever names none to everything: as
/// `deploy/local` configures its server.
pub(crate) fn users_and_everybody() -> String {
    let users = fs::read_to_string(repository().join("deploy/nats/users.conf")).unwrap();
    let mut name = "";
    let mut lines = String::new();
    for line in users.lines().filter(|line| !line.starts_with("include")) {
        if let Some((before, _variable)) = line.split_once("password: ") {
            lines.push_str(&format!("{before}password: \"{name}\"\n"));
        } else {
            name = line.trim().strip_prefix("user: ").unwrap_or(name);
            lines.push_str(line);
            lines.push('\n');
        }
    }
    let listed = lines.trim_end().strip_suffix(']').expect("a list of users");
    format!(
        "authorization {{\n{listed}  {{ user: everybody, password: \"everybody\" }}\n]\n}}\nno_auth_user: everybody\n"
    )
}

impl Drop for GuardedNats {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}
