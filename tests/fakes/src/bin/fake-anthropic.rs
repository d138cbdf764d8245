//! A stand-in for the Messages API as a process: prints its address as a line of JSON when it is ready, ends on SIGTERM.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{ArgGroup, Parser};
use tokio::signal::unix::{SignalKind, signal};
use tradeup_fakes::anthropic::planner::Planner;
use tradeup_fakes::anthropic::{Options, Script, Server, Step};

/// A stand-in for the Messages API; set up by `POST /_control/...`.
#[derive(Parser)]
#[command(group(ArgGroup::new("brain").required(true)))]
struct Arguments {
    /// Where it listens; port 0 takes any that is free.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Says what a file says: a JSON list of steps.
    #[arg(long, group = "brain", value_name = "FILE")]
    script: Option<PathBuf>,
    /// Says what the planner says, which thinks offline.
    #[arg(long, group = "brain")]
    planner: bool,
    /// The planner's first plan holds a figure that no tool answered, to be rejected and mended.
    #[arg(long, requires = "planner")]
    ungrounded_once: bool,
    /// The model takes so long after it has begun to answer.
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    delay_ms: u64,
    /// The only key that is good; without it any is.
    #[arg(long)]
    key: Option<String>,
    /// What ids follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Takes answers back that it does not know, as when it was started anew in the middle of a run.
    #[arg(long)]
    trust_history: bool,
    /// Keeps the bodies of all requests, to be looked at.
    #[arg(long)]
    keep_bodies: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Before it says that it is ready: from then on it can be told to end.
    let mut end = signal(SignalKind::terminate()).context("waiting for SIGTERM")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("waiting for SIGINT")?;
    let mut fake = start(&arguments).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::json!({ "base": fake.base() }))?;
    out.flush()?;
    tokio::select! {
        _ = end.recv() => {}
        _ = interrupted.recv() => {}
        () = fake.serve() => {}
    }
    Ok(())
}

async fn start(arguments: &Arguments) -> anyhow::Result<Server> {
    let options = Options {
        listen: arguments.listen,
        seed: arguments.seed,
        key: arguments.key.clone(),
        keeps_bodies: arguments.keep_bodies,
        trusts_history: arguments.trust_history,
        think_ms: arguments.delay_ms,
        ..Options::default()
    };
    let listening = || format!("listening on {}", arguments.listen);
    if arguments.planner {
        let planner = if arguments.ungrounded_once { Planner::ungrounded_once() } else { Planner::new() };
        return Server::start_with(options, planner).await.with_context(listening);
    }
    let file = arguments.script.as_ref().context("no script")?;
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let steps: Vec<Step> =
        serde_json::from_str(&text).with_context(|| format!("understanding {}", file.display()))?;
    let script: Script = steps.into_iter().collect();
    Server::start_with(options, script).await.with_context(listening)
}
