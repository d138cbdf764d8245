//! The ways to the servers: slow, cut, swallowed, half-open; commits whose outcome is not learnt.

use std::time::Duration;

use rand::RngExt as _;
use tradeup_harness::{CommitCut, Direction, FaultProxy, Flow, pause};

use super::shops;
use crate::fleet::Fleet;
use crate::round::Stage;

const FLEET: [&str; 3] = ["scheduler", "credits", "credits"];

/// Starts the services with the proxy in the place of the server of this variable.
async fn begin(stage: &mut Stage, variable: &str) -> (Fleet, FaultProxy) {
    shops(stage, 2_000..8_000);
    let mut environment = stage.world.environment.clone();
    let proxy = FaultProxy::before(&environment[variable], stage.rng.random_range(0..u64::MAX));
    let through = proxy.through(&environment[variable]);
    environment.insert(variable.to_owned(), through);
    let fleet = Fleet::start_in(&stage.world, environment, &FLEET).await;
    stage.trigger();
    stage.some_are_credited().await;
    (fleet, proxy)
}

/// Disturbs the way some times, in a way that the seed says, and heals it.
async fn disturb(stage: &mut Stage, proxy: &FaultProxy) {
    for _ in 0..stage.rng.random_range(2..=4) {
        let ms = |stage: &mut Stage, from, to| Duration::from_millis(stage.rng.random_range(from..to));
        let fault = match stage.rng.random_range(0..8) {
            0 => {
                let (fixed, jitter) = (ms(stage, 5, 400), ms(stage, 0, 200));
                proxy.set_both(Flow::Delay { fixed, jitter });
                "delay"
            }
            1 => {
                proxy.reset();
                "reset"
            }
            2 => {
                proxy.black_hole();
                "black hole"
            }
            3 => {
                proxy.set(Direction::ToClient, Flow::Swallow);
                "half-open: answers lost"
            }
            4 => {
                proxy.set(Direction::ToUpstream, Flow::Swallow);
                "half-open: requests lost"
            }
            5 => {
                proxy.kill();
                "reset and refused"
            }
            6 => {
                proxy.set_both(Flow::Drip { bytes_per_second: 2_000 });
                "drip"
            }
            _ => {
                let bytes = stage.rng.random_range(0..20_000);
                proxy.set_both(Flow::CutAfter { bytes });
                "cut in the middle"
            }
        };
        stage.report.count(fault);
        let for_how_long = ms(stage, 200, 9_000);
        pause(for_how_long).await;
        proxy.pass();
        let between = ms(stage, 0, 1_500);
        pause(between).await;
    }
}

pub(super) async fn nats(stage: &mut Stage) -> Fleet {
    let (fleet, proxy) = begin(stage, "TRADEUP_NATS_URL").await;
    disturb(stage, &proxy).await;
    fleet.keep(proxy)
}

pub(super) async fn postgres(stage: &mut Stage) -> Fleet {
    let (fleet, proxy) = begin(stage, "TRADEUP_DATABASE_URL").await;
    disturb(stage, &proxy).await;
    fleet.keep(proxy)
}

pub(super) async fn commit_unknown(stage: &mut Stage) -> Fleet {
    let (fleet, proxy) = begin(stage, "TRADEUP_DATABASE_URL").await;
    for _ in 0..stage.rng.random_range(5..12) {
        let cut = if stage.rng.random_bool(0.5) { CommitCut::BeforeServer } else { CommitCut::BeforeAnswer };
        proxy.lose_commit(stage.rng.random_range(1..6), cut);
        pause(Duration::from_millis(stage.rng.random_range(20..400))).await;
    }
    stage.trigger();
    stage.some_are_credited().await;
    let commits = proxy.counters().commits;
    (0..commits.cut_before_server).for_each(|_| stage.report.count("COMMIT lost"));
    (0..commits.cut_before_answer).for_each(|_| stage.report.count("answer to COMMIT lost"));
    fleet.keep(proxy)
}
