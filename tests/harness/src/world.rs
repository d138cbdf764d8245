//! A world: servers, a database, and shops with members, for one test.

use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::patience::{LOOK_EVERY, eventually_at};
use crate::process::{moved_clock, was_refused};
use crate::{Database, Finished, Jobs, Process, Server, Servers, binary, own_role, own_user};

/// Long enough for anything that heals after a lease and a redelivery.
const HEALS_WITHIN: Duration = Duration::from_secs(90);

/// A shop to be made.
#[derive(Clone, Debug)]
pub struct Shop {
    /// Handle.
    pub handle: String,
    /// Members in the export.
    pub members: u64,
    /// Seed of the export.
    pub seed: u64,
    /// Tiers as `tradeup tenant add --tier` takes them, for the tags vip-gold, vip-silver and vip.
    pub tiers: [&'static str; 3],
}

impl Shop {
    /// A shop with tiers that all have an amount.
    #[must_use]
    pub fn new(handle: &str, members: u64, seed: u64) -> Self {
        let tiers = ["gold=10.00:vip-gold", "silver=5.00:vip-silver", "bronze=1.25:vip"];
        Self { handle: handle.to_owned(), members, seed, tiers }
    }
}

/// What a test works in.
pub struct World {
    /// Servers of this test alone: NATS, and PostgreSQL if the test is about it.
    pub servers: Servers,
    /// Its database.
    pub database: Database,
    /// Variables for processes.
    pub environment: HashMap<String, String>,
    /// Credits that each shop's members are due a month, and their sum in minor units.
    pub due: HashMap<String, (i64, i64)>,
    /// Its folder, removed last.
    pub dir: TempDir,
}

impl World {
    /// A world with NATS of its own and a database on the shared PostgreSQL.
    pub async fn new() -> Self {
        let dir = folder();
        let servers = Servers::fresh(dir.path(), Some(Server::Nats));
        let mut environment = Servers::shared().environment();
        environment.extend(servers.environment());
        Self::build(dir, servers, environment).await
    }

    /// A world with one shop, aurora.
    pub async fn with_aurora(members: u64, seed: u64) -> Self {
        let mut world = Self::new().await;
        world.add_shop(&Shop::new("aurora", members, seed));
        world
    }

    /// A world with both servers of its own, to be killed.
    pub async fn with_own_postgres() -> Self {
        let dir = folder();
        let servers = Servers::fresh(dir.path(), None);
        let environment = servers.environment();
        Self::build(dir, servers, environment).await
    }

    async fn build(dir: TempDir, servers: Servers, mut environment: HashMap<String, String>) -> Self {
        let database = Database::create(&environment).await;
        environment.insert("TRADEUP_DATABASE_URL".to_owned(), database.app_url.clone());
        environment.insert("TRADEUP_OWNER_DATABASE_URL".to_owned(), database.owner_url.clone());
        // Quick to notice a dead worker.
        environment.insert("TRADEUP_LEASE_SECONDS".to_owned(), "2".to_owned());
        environment.insert("TRADEUP_ACK_WAIT_SECONDS".to_owned(), "3".to_owned());
        environment.insert("PATH".to_owned(), std::env::var("PATH").unwrap_or_default());
        environment.insert("RUST_BACKTRACE".to_owned(), "1".to_owned());
        let world = Self { servers, database, environment, due: HashMap::new(), dir };
        world.tradeup_ok(&["setup"]);
        world
    }

    /// Adds a shop and imports its members, who have had their tier since January.
    pub fn add_shop(&mut self, shop: &Shop) {
        self.add_shop_since(shop, "2026-01-01");
    }

    /// Adds a shop and imports its members, who have had their tier since a day.
    pub fn add_shop_since(&mut self, shop: &Shop, since: &str) {
        let mut add = vec!["tenant", "add", &shop.handle, "--currency", "USD", "--zone", "America/New_York"];
        shop.tiers.iter().for_each(|tier| add.extend(["--tier", tier]));
        self.tradeup_ok(&add);
        let file = self.dir.path().join(format!("{}.csv", shop.handle));
        let path = file.to_str().unwrap();
        let (count, seed) = (shop.members.to_string(), shop.seed.to_string());
        self.tradeup_ok(&["generate", "members", "--count", &count, "--seed", &seed, "--out", path]);
        self.tradeup_ok(&["import", "members", path, "--tenant", &shop.handle, "--since", since]);
        self.due.insert(shop.handle.clone(), self.due_of(shop));
    }

    /// Credits that a shop's members are due a month by its export, and their sum in minor units.
    #[must_use]
    pub fn due_of(&self, shop: &Shop) -> (i64, i64) {
        let file = self.dir.path().join(format!("{}.csv", shop.handle));
        due(&std::fs::read_to_string(file).unwrap(), &shop.tiers)
    }

    /// Starts a service.
    pub async fn start(&self, name: &str) -> Process {
        Process::start(name, &self.environment, self.dir.path()).await
    }

    /// Starts a service without waiting.
    #[must_use]
    pub fn spawn(&self, name: &str) -> Process {
        Process::spawn(name, &self.environment, self.dir.path())
    }

    /// Starts what a month needs: scheduler and credits.
    pub async fn start_both(&self) -> (Process, Process) {
        (self.start("scheduler").await, self.start("credits").await)
    }

    /// Runs `tradeup`.
    #[must_use]
    pub fn tradeup(&self, arguments: &[&str]) -> Finished {
        run_tradeup(&self.environment, arguments)
    }

    /// Runs `tradeup` with something on its standard input.
    #[must_use]
    pub fn tradeup_fed(&self, arguments: &[&str], input: &str) -> Finished {
        use std::io::Write as _;
        let mut child = Command::new(binary("tradeup"))
            .env_clear()
            .envs(moved_clock())
            .envs(&self.environment)
            .envs(own_role("tradeup", &self.environment))
            .envs(own_user(user_of(arguments), &self.environment))
            .args(arguments)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        finished(&child.wait_with_output().unwrap())
    }

    /// Runs `tradeup` against another database.
    #[must_use]
    pub fn tradeup_on(&self, database: &Database, arguments: &[&str]) -> Finished {
        let mut environment = self.environment.clone();
        environment.insert("TRADEUP_DATABASE_URL".to_owned(), database.app_url.clone());
        run_tradeup(&environment, arguments)
    }

    /// The database as it is now, to be damaged. Nobody may be connected to it: services are
    /// cut off for the moment, and come back by themselves.
    pub async fn copy_of_database(&self) -> Database {
        self.database.copy(&self.environment).await
    }

    /// Runs `tradeup` and expects success.
    pub fn tradeup_ok(&self, arguments: &[&str]) -> String {
        let finished = self.tradeup(arguments);
        assert_eq!(
            finished.code,
            0,
            "tradeup {}: {}{}",
            arguments.join(" "),
            finished.stderr,
            finished.stdout
        );
        finished.stdout
    }

    /// Runs `tradeup --json` and expects success.
    #[must_use]
    pub fn tradeup_json(&self, arguments: &[&str]) -> Value {
        let mut with_json = vec!["--json"];
        with_json.extend(arguments);
        serde_json::from_str(&self.tradeup_ok(&with_json)).unwrap()
    }

    /// Runs `tradeup --json`, whatever its exit code.
    #[must_use]
    pub fn tradeup_json_any(&self, arguments: &[&str]) -> Value {
        let mut with_json = vec!["--json"];
        with_json.extend(arguments);
        serde_json::from_str(&self.tradeup(&with_json).stdout).unwrap()
    }

    /// Triggers a period; the run's id.
    pub fn trigger(&self, period: &str) -> String {
        let created = self.tradeup_json(&["trigger", "monthly-credits", "--period", period]);
        created["run_id"].as_str().unwrap().to_owned()
    }

    /// Waits until a run has ended; its story.
    pub async fn ended(&self, run: &str) -> Value {
        self.ended_within(run, HEALS_WITHIN, LOOK_EVERY).await
    }

    /// Waits until a run has ended, for as long and looking as often as is said; its story.
    pub async fn ended_within(&self, run: &str, within: Duration, every: Duration) -> Value {
        eventually_at(every, &format!("run {run} ends"), within, || async {
            let ended: Option<bool> =
                sqlx::query_scalar("select finished_at is not null from runs where id = $1::uuid")
                    .bind(run)
                    .fetch_optional(&self.database.admin)
                    .await
                    .ok()
                    .flatten();
            ended.filter(|ended| *ended)
        })
        .await;
        self.tradeup_json(&["run", run])
    }

    /// A number that a query gives, seen by a superuser.
    pub async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(&self.database.admin)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// The instant that comes after an interval (`3 seconds`) by the database's clock, which is the one
    /// that counts.
    pub async fn instant_in(&self, interval: &str) -> String {
        sqlx::query_scalar(
            "select to_char((now() + $1::text::interval) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')",
        )
        .bind(interval)
        .fetch_one(&self.database.admin)
        .await
        .unwrap()
    }

    /// The newest month whose credits are due, like 2026-11: until 06:00 on the first it is the last one.
    pub async fn month_due(&self) -> String {
        self.instant_in("-6 hours").await[..7].to_owned()
    }

    /// JOBS, as a stranger sees it.
    pub async fn jobs(&self) -> Jobs {
        Jobs::connect(&self.environment["TRADEUP_NATS_URL"]).await
    }

    /// Checks that every shop's ledger holds, for each of `periods`, exactly what its members were
    /// due, by our own reading of the export and by `tradeup verify`.
    pub fn assert_exact(&self, periods: &[&str]) {
        for (shop, (credits, minor)) in &self.due {
            let ledger = self.tradeup_json(&["ledger", shop]);
            let totals = ledger["totals"].as_array().unwrap();
            let mut seen: Vec<_> = totals
                .iter()
                .map(|t| {
                    (
                        t["source_key"].as_str().unwrap(),
                        t["lots"].as_i64().unwrap(),
                        t["granted_minor"].as_i64().unwrap(),
                    )
                })
                .collect();
            seen.sort_unstable();
            let expected: Vec<_> = periods.iter().map(|period| (*period, *credits, *minor)).collect();
            assert_eq!(seen, expected, "ledger of {shop}");
        }
        let proof = self.tradeup(&["verify"]);
        assert_eq!(proof.code, 0, "{}{}", proof.stdout, proof.stderr);
    }
}

fn run_tradeup(environment: &HashMap<String, String>, arguments: &[&str]) -> Finished {
    let output = Command::new(binary("tradeup"))
        .env_clear()
        .envs(moved_clock())
        .envs(environment)
        .envs(own_role("tradeup", environment))
        .envs(own_user(user_of(arguments), environment))
        .args(arguments)
        .output()
        .unwrap();
    finished(&output)
}

/// As whom a command goes to NATS: what is missing is made by a user of its own.
fn user_of(arguments: &[&str]) -> &'static str {
    if arguments.iter().find(|argument| !argument.starts_with('-')) == Some(&"setup") {
        "setup"
    } else {
        "tradeup"
    }
}

fn finished(output: &std::process::Output) -> Finished {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!was_refused(&stderr), "NATS has refused something to tradeup: {stderr}");
    Finished {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr,
    }
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("tradeup-test-").tempdir().unwrap()
}

/// What an export's members are due, read independently of the product: the highest tag counts.
fn due(export: &str, tiers: &[&str; 3]) -> (i64, i64) {
    let amounts: Vec<(String, i64)> = tiers
        .iter()
        .map(|tier| {
            let (_, rest) = tier.split_once('=').unwrap();
            let (amount, tag) = rest.split_once(':').unwrap();
            (tag.to_owned(), amount.replace('.', "").parse().unwrap_or(0))
        })
        .collect();
    // Tags are the last field of a row, and no generated one holds a line break behind them.
    let ends_with = |line: &str, tag: &str| {
        let line = line.trim_end_matches('"');
        line.ends_with(&format!(" {tag}")) || line.ends_with(&format!(",{tag}"))
    };
    let amount =
        |line: &str| amounts.iter().find(|(tag, _)| ends_with(line, tag)).map_or(0, |(_, minor)| *minor);
    let due: Vec<i64> = export.lines().skip(1).map(amount).filter(|minor| *minor > 0).collect();
    (i64::try_from(due.len()).unwrap(), due.iter().sum())
}
