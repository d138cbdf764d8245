//! The product's own processes.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::eventually;

/// A service that serves HTTP does so within this.
const SERVES_WITHIN: Duration = Duration::from_secs(60);

/// Where cargo put a binary of this workspace.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let mut folder = std::env::current_exe().unwrap();
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let path = folder.join(name);
    assert!(path.exists(), "{} is not built; run `cargo build --workspace --bins` first", path.display());
    path
}

/// The URL of the database with the role that this binary logs in as in a deployment, so that every test proves that its
/// rights suffice; none if the URL names another role than tradeup_app, or none.
#[must_use]
pub fn own_role(name: &str, environment: &HashMap<String, String>) -> Option<(&'static str, String)> {
    let role = match name {
        "tradeup" => "cli",
        "scheduler" | "credits" | "webhooks" | "agents" | "console" => name,
        _ => return None,
    };
    let url = environment.get("TRADEUP_DATABASE_URL")?;
    let own = url.replacen("://tradeup_app:", &format!("://tradeup_{role}:"), 1);
    (own != *url).then_some(("TRADEUP_DATABASE_URL", own))
}

/// The URL of NATS as the user that this binary, or `tradeup setup`, is in a deployment, for the same reason; none if the URL names
/// somebody already, or there is none. The servers of `deploy/local` know these users, and let in whoever names none.
#[must_use]
pub fn own_user(name: &str, environment: &HashMap<String, String>) -> Option<(&'static str, String)> {
    let user = match name {
        "tradeup" => "cli",
        "setup" | "scheduler" | "credits" | "webhooks" | "agents" | "console" => name,
        _ => return None,
    };
    let url = environment.get("TRADEUP_NATS_URL").filter(|url| !url.contains('@'))?;
    let own = url.replace("nats://", &format!("nats://{user}:{user}@"));
    (own != *url).then_some(("TRADEUP_NATS_URL", own))
}

/// Whether NATS has refused something to whoever has logged this: the caller has only waited in vain, and something may have healed it.
/// Whoever finds that NATS has lost streams or consumers tries to make them; those who may do.
pub(crate) fn was_refused(log: &str) -> bool {
    let is_refusal = |line: &str| line.to_lowercase().contains("permissions violation");
    let makes = |line: &str| {
        ["STREAM", "CONSUMER"].iter().any(|what| line.contains(&format!("$JS.API.{what}.CREATE.")))
    };
    log.lines().any(|line| is_refusal(line) && !makes(line))
}

/// A service, ended by its process id when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// What a command left.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Exit code; -1 for death by signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Process {
    /// Starts a service and waits until it says that it is ready.
    pub async fn start(name: &str, environment: &HashMap<String, String>, logs: &Path) -> Self {
        let mut process = Self::spawn(name, environment, logs);
        let ready = format!("{name} is ready");
        eventually(&ready, Duration::from_secs(30), || {
            let exited = process.child.try_wait().unwrap();
            let log = process.log();
            assert!(exited.is_none(), "{name} ended at start: {log}");
            async move { log.contains(&format!("{name} is ready")).then_some(()) }
        })
        .await;
        process
    }

    /// Starts a service without waiting.
    #[must_use]
    pub fn spawn(name: &str, environment: &HashMap<String, String>, logs: &Path) -> Self {
        let log = logs.join(format!("{name}-{}.log", uuid::Uuid::now_v7().simple()));
        let file = std::fs::File::create(&log).unwrap();
        let child = Command::new(binary(name))
            .env_clear()
            .envs(moved_clock())
            .envs(environment)
            .envs(own_role(name, environment))
            .envs(own_user(name, environment))
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { name: name.to_owned(), child, log }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The port on which it serves HTTP, as its log says.
    pub async fn http_port(&self) -> u16 {
        eventually(&format!("{} serves HTTP", self.name), SERVES_WITHIN, || {
            let log = self.log();
            let port = log.split("serving HTTP on 127.0.0.1:").nth(1).map(|rest| {
                rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
            });
            async move { port }
        })
        .await
    }

    /// SIGKILL: no last words.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by its name without SIG.
    pub fn signal(&self, name: &str) {
        let (option, id) = (format!("-{name}"), self.child.id().to_string());
        assert!(Command::new("kill").args([option, id]).status().unwrap().success());
    }

    /// SIGTERM, and how it ended; panics if it takes longer than `within`.
    pub async fn terminate(mut self, within: Duration) -> ExitStatus {
        self.signal("TERM");
        let name = format!("{} ends after SIGTERM", self.name);
        eventually(&name, within, || {
            let ended = self.child.try_wait().unwrap();
            async move { ended }
        })
        .await
    }

    /// How it ended by itself; panics if it has not within `within`.
    pub async fn ended(mut self, within: Duration) -> Finished {
        let name = format!("{} ends by itself", self.name);
        let status = eventually(&name, within, || {
            let ended = self.child.try_wait().unwrap();
            async move { ended }
        })
        .await;
        Finished { code: status.code().unwrap_or(-1), stdout: String::new(), stderr: self.log() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
        let log = self.log();
        if std::thread::panicking() {
            eprintln!("--- log of {} ---\n{log}", self.name);
        } else {
            assert!(
                !was_refused(&log),
                "NATS has refused something to {}: services/shared/broker/src/rights.rs\n{log}",
                self.name
            );
        }
    }
}

/// What moves the clock of a process, if tests are run at another date than today's (`tests/at`).
pub(crate) fn moved_clock() -> impl Iterator<Item = (&'static str, OsString)> {
    let is_moved = std::env::var_os("FAKETIME").is_some();
    let variables = ["LD_PRELOAD", "FAKETIME"].into_iter().filter(move |_| is_moved);
    variables.filter_map(|name| Some((name, std::env::var_os(name)?)))
}
