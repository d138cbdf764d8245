//! Servers, brought up by the scripts of `deploy/local`: the same as for the demo.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL.
    Postgres,
    /// nats-server.
    Nats,
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Nats => "nats",
        }
    }
}

/// The nats-server program that the scripts of `deploy/local` start.
pub(crate) fn nats_program() -> PathBuf {
    run(&["path", "nats"]).trim_end().into()
}

/// The repository's root.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Servers with a folder of their own.
#[derive(Debug)]
pub struct Servers {
    dir: PathBuf,
    ends_with_us: bool,
}

impl Servers {
    /// Those that all tests share; they stay up for the next ones. `deploy/local/servers down --dir
    /// target/test-servers` ends them.
    ///
    /// Each test is a process of its own, and the script takes a third of a second of a processor: the first
    /// test of a run brings them up and leaves word for the others.
    #[must_use]
    pub fn shared() -> Self {
        let dir = repository().join("target/test-servers");
        std::fs::create_dir_all(&dir).unwrap();
        let servers = Self { dir, ends_with_us: false };
        let word = servers.dir.join("up-for");
        let run = std::env::var("NEXTEST_RUN_ID").ok();
        if run.is_none() || std::fs::read_to_string(&word).ok() != run {
            servers.script(&["up", "--only", "postgres"]);
            if let Some(run) = run {
                std::fs::write(&word, run).unwrap();
            }
        }
        servers
    }

    /// Fresh ones below `dir`, gone with their data when this is dropped.
    #[must_use]
    pub fn fresh(dir: &Path, only: Option<Server>) -> Self {
        let servers = Self { dir: dir.to_owned(), ends_with_us: true };
        match only {
            Some(server) => servers.script(&["up", "--only", server.name()]),
            None => servers.script(&["up"]),
        };
        servers
    }

    /// The addresses, of the file that `deploy/local/servers up` tells of.
    #[must_use]
    pub fn environment(&self) -> HashMap<String, String> {
        let file = self.dir.join("env");
        let text =
            std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let line = |line: &str| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            Some((name.to_owned(), value.trim_matches('\'').to_owned()))
        };
        text.lines().filter_map(line).collect()
    }

    /// What runs, as `deploy/local/servers status --json` prints it.
    #[must_use]
    pub fn status(&self) -> serde_json::Value {
        serde_json::from_str(&self.script(&["status", "--json"])).unwrap()
    }

    /// SIGKILL, by process id.
    pub fn kill(&self, server: Server) {
        self.script(&["kill", server.name()]);
    }

    /// Stops it in order.
    pub fn stop(&self, server: Server) {
        self.script(&["stop", server.name()]);
    }

    /// Its data folder. All servers have to run.
    #[must_use]
    pub fn data(&self, server: Server) -> PathBuf {
        self.status()[server.name()]["data"].as_str().unwrap().into()
    }

    /// Starts it again on the data it has.
    pub fn up(&self, server: Server) {
        self.script(&["up", "--only", server.name()]);
    }

    fn script(&self, arguments: &[&str]) -> String {
        run(&[arguments, &["--dir", self.dir.to_str().unwrap()]].concat())
    }
}

/// Runs `deploy/local/servers`, and expects success.
fn run(arguments: &[&str]) -> String {
    let output = Command::new(repository().join("deploy/local/servers"))
        .args(arguments)
        .output()
        .expect("deploy/local/servers runs");
    assert!(
        output.status.success(),
        "servers {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Drop for Servers {
    fn drop(&mut self) {
        if self.ends_with_us {
            self.script(&["down", "--wipe"]);
        }
    }
}
