//! What a turn takes beyond the time in which the provider thinks: one run after the other.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::stand_in::Setting;
use super::{percentiles, round};
use crate::procfs;

/// Runs one after the other, against a stand-in that takes a known time for each answer.
#[derive(Args)]
pub(crate) struct Turns {
    /// Runs.
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Members of the shop.
    #[arg(long, default_value_t = 2_000)]
    members: u64,
    /// How long the stand-in thinks about each answer, in milliseconds.
    #[arg(long, default_value_t = 500)]
    delay_ms: u32,
}

impl Turns {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let delay = Duration::from_millis(self.delay_ms.into());
        let setting = Setting::new(1, self.members, delay, 8).await?;
        let scheduler = setting.world.start("scheduler").await;
        let agents = setting.world.start("agents").await;
        // The first opens connections, and has no plan of any statement.
        setting.wish("first", 0).await?;
        setting.ended().await?;
        let before = setting.model.bodies().len();
        for n in 0..self.runs {
            setting.wish("bench", n).await?;
            setting.ended().await?;
        }
        let bodies: Vec<String> = setting.model.bodies().into_iter().skip(before).collect();
        let (_, times) = setting.plainly(bodies, 1).await?;
        let delay_ms = f64::from(self.delay_ms);
        let plain = percentiles(&times.into_iter().map(|ms| ms - delay_ms).collect::<Vec<_>>());
        let figures = json!({ "runs": self.runs, "members": self.members, "delay_ms": self.delay_ms,
            "run": self.of_runs(&setting).await?,
            "call_beyond_delay": percentiles(&self.calls(&setting).await?),
            "between_an_answer_and_the_next_question": percentiles(&self.gaps(&setting).await?),
            "floor_plain_call_beyond_delay": plain,
            "agents_peak_mib": procfs::peak_mib(agents.id())? });
        drop((scheduler, agents));
        println!("{}", serde_json::to_string_pretty(&figures)?);
        Ok(())
    }

    /// A run's turns, its time, and that in which nobody thought about a question of it, by the database's clock.
    /// Specialists ask side by side: times that overlap count once.
    async fn of_runs(&self, setting: &Setting) -> anyhow::Result<serde_json::Value> {
        let (turns, seconds, thinking, overhead): (f64, f64, f64, f64) = sqlx::query_as(
            "with thought as (
                 select run_id, count(*) as turns, range_agg(tstzrange(sent_at, sent_at + make_interval(secs => $1))) as times
                 from model_attempts where state = 'answered' group by 1
             ), timed as (
                 select turns, extract(epoch from r.finished_at - r.started_at)::float8 as seconds,
                     (select sum(extract(epoch from upper(one) - lower(one))) from unnest(times) one)::float8 as thinking
                 from thought join runs r on r.id = run_id where r.key like 'bench:%'
             )
             select avg(turns)::float8, percentile_cont(0.5) within group (order by seconds),
                 percentile_cont(0.5) within group (order by thinking),
                 percentile_cont(0.5) within group (order by 1000 * (seconds - thinking) / turns)
             from timed",
        )
        .bind(f64::from(self.delay_ms) / 1000.0)
        .fetch_one(&setting.world.database.admin)
        .await?;
        Ok(
            json!({ "turns": round(turns), "p50_seconds": round(seconds), "of_which_provider_seconds": round(thinking),
            "p50_overhead_ms_for_a_turn": round(overhead) }),
        )
    }

    /// Milliseconds of each call from when it was said to be sent until its answer was kept, less what the stand-in thought.
    async fn calls(&self, setting: &Setting) -> anyhow::Result<Vec<f64>> {
        let query = "select 1000 * (extract(epoch from ended_at - sent_at)::float8 - $1)
                from model_attempts a join runs r on r.id = a.run_id
                where a.state = 'answered' and r.key like 'bench:%'";
        let delay = f64::from(self.delay_ms) / 1000.0;
        Ok(sqlx::query_scalar(query).bind(delay).fetch_all(&setting.world.database.admin).await?)
    }

    /// Milliseconds from an answer that is kept to the agent's next question, tools and checks between them; not where
    /// specialists were asked between them, whose turns are counted by themselves.
    async fn gaps(&self, setting: &Setting) -> anyhow::Result<Vec<f64>> {
        let query = "select 1000 * extract(epoch from b.sent_at - a.ended_at)::float8
                from model_attempts a
                join model_attempts b using (tenant_id, run_id, agent)
                join runs r on r.id = a.run_id
                where b.seq = a.seq + 1 and a.state = 'answered' and b.state = 'answered' and r.key like 'bench:%'
                    and not exists (select from tool_calls c where c.tenant_id = a.tenant_id and c.run_id = a.run_id
                        and c.agent = a.agent and c.seq = a.seq and c.name like 'delegate%')";
        Ok(sqlx::query_scalar(query).fetch_all(&setting.world.database.admin).await?)
    }
}
