//! nats-server with the product's settings, in the foreground: whoever measures counts what this process and its
//! children use.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tradeup_broker::Broker;
use tradeup_harness::repository;

use super::Slot;

/// As deploy/nats/common.conf has it; without users, which need passwords, and on loopback.
const SETTINGS: &str = "\
max_payload: 1MB
jetstream {
  store_dir: {store}
  max_memory_store: 256MB
  max_file_store: 10GB
  sync_interval: always
}
";
/// How often is looked whether it answers, and how many times.
const LOOK: (Duration, u32) = (Duration::from_millis(20), 1500);

pub(super) async fn run(slot: &Slot) -> anyhow::Result<()> {
    let folder = slot.state_dir.clone().context("STATE_DIR is not set")?.join("nats");
    fs::create_dir_all(&folder)?;
    let store = serde_json::to_string(&folder.join("store"))?;
    let listen = format!("server_name: tradeup-peer\nlisten: \"127.0.0.1:{}\"\n", slot.port_base);
    let conf = folder.join("nats.conf");
    fs::write(&conf, listen + &SETTINGS.replace("{store}", &store))?;
    let log = fs::File::create(folder.join("log"))?;

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut server = Command::new(program()?)
        .arg("-c")
        .arg(&conf)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let id = server.id();
    let mut ended = spawn_blocking(move || server.wait());
    let ready = async {
        answers(&slot.nats()).await?;
        println!("READY");
        std::future::pending::<anyhow::Result<()>>().await
    };
    let came = tokio::select! {
        ended = &mut ended => bail!("nats-server has ended: {}", ended??),
        came = ready => came,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    let told = Command::new("kill").args(["-TERM", &id.to_string()]).status()?;
    ensure!(told.success(), "nats-server {id} can't be told to stop");
    ended.await??;
    came
}

/// Waits until JetStream can be used.
async fn answers(url: &str) -> anyhow::Result<()> {
    let (every, tries) = LOOK;
    let mut looks = interval(every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..tries {
        looks.tick().await;
        if let Ok(broker) = Broker::connect(url, "bench").await {
            broker.close().await;
            return Ok(());
        }
    }
    bail!("nats-server does not answer at {url}")
}

/// The program that the scripts of `deploy/local` start, and tests with them.
fn program() -> anyhow::Result<PathBuf> {
    let found = Command::new(repository().join("deploy/local/servers")).args(["path", "nats"]).output()?;
    ensure!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    Ok(String::from_utf8(found.stdout)?.trim_end().into())
}

pub(super) fn version() -> anyhow::Result<()> {
    let nats = Command::new(program()?).arg("--version").output()?;
    println!("TradeUp Jobs {}, {}", tradeup_worker::BUILD, String::from_utf8_lossy(&nats.stdout).trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_of_the_product() {
        let common = fs::read_to_string(repository().join("deploy/nats/common.conf")).unwrap();
        for line in SETTINGS.lines().filter(|line| !line.contains("store_dir")) {
            assert!(common.lines().any(|theirs| theirs == line), "{line} is not in common.conf");
        }
    }
}
