//! Many runs at once against a stand-in: how many a second, how long each takes, and in how much memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use sqlx::PgPool;
use tradeup_harness::pause;

use super::round;
use super::stand_in::Setting;
use crate::figures::count;
use crate::procfs;

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// All are in the stream before `agents` starts, which works on all of them at once.
#[derive(Args)]
pub(crate) struct Crowd {
    /// Runs.
    #[arg(long, default_value_t = 200)]
    runs: usize,
    /// Shops that they are of.
    #[arg(long, default_value_t = 20)]
    shops: usize,
    /// Members of each.
    #[arg(long, default_value_t = 500)]
    members: u64,
    /// How long the stand-in thinks about each answer, in milliseconds.
    #[arg(long, default_value_t = 500)]
    delay_ms: u32,
    /// Runs that `agents` works on at once; all of them, unless fewer are said.
    #[arg(long)]
    at_once: Option<usize>,
}

impl Crowd {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let at_once = self.at_once.unwrap_or(self.runs);
        let delay = Duration::from_millis(self.delay_ms.into());
        let setting = Setting::new(self.shops, self.members, delay, at_once).await?;
        let scheduler = setting.world.start("scheduler").await;
        // One by itself: how long a run takes when nobody else is there.
        let alone = setting.world.start("agents").await;
        setting.wish("alone", 0).await?;
        setting.ended().await?;
        drop(alone);
        let before = setting.model.bodies().len();
        for n in 0..self.runs {
            setting.wish("bench", n).await?;
        }
        let looking = Arc::new(AtomicBool::new(true));
        let connections =
            tokio::spawn(connections(setting.world.database.admin.clone(), Arc::clone(&looking)));
        let agents = setting.world.start("agents").await;
        let idle_mib = procfs::peak_mib(agents.id())?;
        setting.ended().await?;
        looking.store(false, Ordering::Relaxed);
        let peak_mib = procfs::peak_mib(agents.id())?;
        let cpu_seconds = procfs::cpu_seconds_of_tree(agents.id());
        drop((scheduler, agents));

        let bodies: Vec<String> = setting.model.bodies().into_iter().skip(before).collect();
        let requests = bodies.len();
        // As many at once as agents can have: each run asks two specialists side by side.
        let (floor_seconds, _) = setting.plainly(bodies, at_once * 2).await?;
        let (alone, _, _, _) = seen(&setting, "alone").await?;
        let (p50, p99, seconds, tries) = seen(&setting, "bench").await?;
        let (kept, unknown, rejected) = paid(&setting).await?;
        let again = again(&setting).await?;
        let figures = json!({ "runs": self.runs, "shops": self.shops, "at_once": at_once, "delay_ms": self.delay_ms,
            "turns": requests, "seconds": round(seconds), "runs_a_second": round(count(self.runs) / seconds),
            "turns_a_second": round(count(requests) / seconds), "p50_seconds": round(p50), "p99_seconds": round(p99),
            "attempts_most": tries, "answers_kept": kept, "spend_unknown": unknown, "surely_not_billed": rejected,
            "tried_again_for": again, "alone_seconds": round(alone), "floor_plain_calls_seconds": round(floor_seconds),
            "floor_turns_a_second": round(count(requests) / floor_seconds),
            "connections_peak": connections.await??, "agents_cpu_seconds": round(cpu_seconds),
            "agents_idle_mib": round(idle_mib), "agents_peak_mib": round(peak_mib) });
        println!("{}", serde_json::to_string_pretty(&figures)?);
        Ok(())
    }
}

/// Median and 99th percentile of a run's seconds from its start, seconds of all from the first start to the last end, and
/// how many attempts one has needed at most.
async fn seen(setting: &Setting, name: &str) -> anyhow::Result<(f64, f64, f64, i32)> {
    Ok(sqlx::query_as(
        "select percentile_cont(0.5) within group (order by seconds), percentile_cont(0.99) within group (order by seconds),
             extract(epoch from max(finished_at) - min(started_at))::float8, max(attempt)::int
         from (select *, extract(epoch from finished_at - started_at)::float8 as seconds from runs
             where starts_with(key, $1 || ':')) as timed",
    )
    .bind(name)
    .fetch_one(&setting.world.database.admin)
    .await?)
}

/// How the requests of all runs ended, by their journals: kept, perhaps billed, surely not billed.
async fn paid(setting: &Setting) -> anyhow::Result<(i64, i64, i64)> {
    Ok(sqlx::query_as(
        "select count(*) filter (where state = 'answered'), count(*) filter (where state = 'unknown'),
             count(*) filter (where state = 'rejected') from model_attempts",
    )
    .fetch_one(&setting.world.database.admin)
    .await?)
}

/// Why attempts ended without their run: how many for each error code.
async fn again(setting: &Setting) -> anyhow::Result<serde_json::Value> {
    Ok(sqlx::query_scalar(
        "select coalesce(jsonb_object_agg(why, count), '{}') from
             (select coalesce(error_code, outcome) as why, count(*) from attempts where outcome <> 'succeeded' group by 1) w",
    )
    .fetch_one(&setting.world.database.admin)
    .await?)
}

/// The most connections that `agents` had, as far as it was seen.
async fn connections(admin: PgPool, looking: Arc<AtomicBool>) -> anyhow::Result<i64> {
    let mut most = 0;
    while looking.load(Ordering::Relaxed) {
        let now: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where application_name like '%agents%'",
        )
        .fetch_one(&admin)
        .await?;
        most = most.max(now);
        pause(LOOK_EVERY).await;
    }
    Ok(most)
}
