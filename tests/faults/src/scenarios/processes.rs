//! Processes: killed, ended, frozen; at named points and at random.

use std::time::Duration;

use rand::RngExt as _;
use tradeup_harness::{Shop, eventually, pause};

use super::{Point, Signal, shops};
use crate::fleet::Fleet;
use crate::round::Stage;

const CAUGHT_WITHIN: Duration = Duration::from_secs(60);

/// Two of each, so that others take over while one is frozen.
const FLEET: [&str; 4] = ["scheduler", "scheduler", "credits", "credits"];
/// With those that take events.
const FLEET_WITH_WEBHOOKS: [&str; 6] =
    ["scheduler", "scheduler", "credits", "credits", "webhooks", "webhooks"];

pub(super) async fn at(stage: &mut Stage, point: Point, signal: Signal) -> Fleet {
    if point.name == "publish.after" {
        // Only a shop with more batches than its window holds has some to publish later.
        stage.world.add_shop(&Shop::new("large", 5_000, stage.rng.random_range(0..1_000_000)));
    }
    shops(stage, 300..2_000);
    let names = if point.service == "webhooks" { &FLEET_WITH_WEBHOOKS[..] } else { &FLEET[..] };
    let mut fleet = Fleet::start(&stage.world, names).await;
    fleet.arm(point.service, point.name);
    cause(stage, point.name).await;
    let caught = fleet.caught(point.name, CAUGHT_WITHIN).await;
    stage.report.count(&format!("{signal:?} at {}", point.name));
    match signal {
        Signal::Kill => {
            fleet.kill(caught);
            fleet.release();
            fleet.revive(caught).await;
        }
        Signal::Term => {
            fleet.signal(caught, "TERM");
            pause(Duration::from_millis(300)).await;
            fleet.release();
            fleet.terminate(caught).await;
            fleet.revive(caught).await;
        }
        Signal::Stop => {
            fleet.signal(caught, "STOP");
            fleet.release();
            // Lease and redelivery are over, and the others have done what they can.
            pause(Duration::from_secs(8)).await;
            fleet.signal(caught, "CONT");
        }
    }
    fleet
}

/// Makes a process come by.
async fn cause(stage: &mut Stage, point: &str) {
    match point {
        "tick.before-commit" | "tick.after-commit" => {
            stage.periods.push("2026-09");
            // The schedule is due, for a month that was missed.
            sqlx::query(
                "update schedules set next_fire_at = '2026-09-01T06:00:00Z', missed_window = '400 days',
                     missed_policy = 'all', cron = '0 6 1 9 *'",
            )
            .execute(&stage.world.database.admin)
            .await
            .unwrap();
        }
        "sweep.published" => {
            stage.trigger();
            // A message that its writer did not get published: only the sweep does.
            sqlx::query(
                "insert into outbox (id, kind, run_id, next_publish_at)
                 select gen_random_uuid(), 'job', id, now() from runs limit 1",
            )
            .execute(&stage.world.database.admin)
            .await
            .unwrap();
        }
        "intake.before" | "intake.committed" => stage.publish_events(200).await,
        _ => {
            stage.trigger();
        }
    }
}

pub(super) async fn storm(stage: &mut Stage) -> Fleet {
    shops(stage, 2_000..8_000);
    let mut fleet = Fleet::start(&stage.world, &FLEET).await;
    for _ in 0..2 {
        stage.trigger();
        for _ in 0..stage.rng.random_range(4..9) {
            let index = stage.rng.random_range(0..fleet.size());
            match stage.rng.random_range(0..4) {
                0 | 1 => {
                    fleet.kill(index);
                    stage.report.count("SIGKILL");
                }
                2 => {
                    fleet.terminate(index).await;
                    stage.report.count("SIGTERM");
                }
                _ => {
                    fleet.signal(index, "STOP");
                    pause(Duration::from_millis(stage.rng.random_range(100..6_000))).await;
                    fleet.signal(index, "CONT");
                    stage.report.count("SIGSTOP");
                }
            }
            pause(Duration::from_millis(stage.rng.random_range(0..700))).await;
            fleet.revive(index).await;
        }
    }
    eventually("the second month is planned", Duration::from_secs(60), || async {
        let planned =
            "select count(*) from runs where task = 'monthly-credits' and state in ('waiting', 'succeeded')";
        (stage.world.number(planned).await == 2).then_some(())
    })
    .await;
    fleet
}
