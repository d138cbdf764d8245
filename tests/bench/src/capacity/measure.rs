//! Months of several shapes, with what each took of what: the file that the model is fitted to.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use futures::StreamExt as _;
use tradeup_broker::{Broker, Topology};
use tradeup_harness::{BATCHES, World, eventually_at};
use tradeup_proto::job_kind::MONTHLY_CREDITS_BATCH;
use tradeup_proto::subject::Lane;
use tradeup_store::{Durability, Purpose, batches, runs};

use super::figures::{Figures, Month, PeakMib};
use super::float;
use super::table::{count, time};
use crate::figures::percentile;
use crate::plant::plant;
use crate::procfs;
use crate::running::{Cpu, Running};
use crate::servers;

const LOOK_EVERY: Duration = Duration::from_millis(250);
const ENDS_WITHIN: Duration = Duration::from_secs(1800);
/// As `sweep` looks at them.
const SWEEP_MAX: i64 = 1000;
const ACK_WAIT: Duration = Duration::from_secs(15);

/// Shops, members of each, and runs at once: shapes in which shops, batches and credits weigh differently. Each takes seconds,
/// beside which its begin and its end, and the hundredths in which processor time is told, are nothing.
const SHAPES: [(u32, u64, u32); 6] =
    [(200, 2_000, 8), (1, 400_000, 8), (2_000, 20, 8), (800, 120, 8), (100, 500, 1), (40, 1_000, 1)];

/// Measure months of several shapes on this machine.
#[derive(Args)]
pub(super) struct Measure {
    /// Rounds of each shape; the first is not counted.
    #[arg(long, default_value_t = 6)]
    rounds: u32,
    /// Members of a shop are divided by this, for a quick look.
    #[arg(long, default_value_t = 1)]
    part: u64,
    /// What to say of the machine and the day.
    #[arg(long)]
    about: String,
    /// Where to write; the repository's file unless given.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Measure {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        ensure!(self.rounds >= 2, "two rounds at least: the first is not counted");
        let mut world = servers::world().await;
        world.environment.remove("TRADEUP_LEASE_SECONDS");
        world.environment.remove("TRADEUP_ACK_WAIT_SECONDS");
        // The model knows shops that are cut into batches. Small ones, done in one run each, ask for less.
        world.environment.insert("TRADEUP_ONE_RUN_MEMBERS".to_owned(), "0".to_owned());
        for (n, (shops, members, _)) in SHAPES.into_iter().enumerate() {
            let (name, members) = (format!("shape{n}"), (members / self.part).max(1));
            // They take part in turn.
            plant(&world, &name, shops.into(), members, "suspended").await?;
        }
        sqlx::query("vacuum analyze").execute(&world.database.admin).await?;

        let mut months_had = 0;
        let (message_bytes, sweep_run_s) = self.waiting(&world, &mut months_had).await?;
        let mut peak_mib = PeakMib { scheduler: 0.0, credits: 0.0 };
        let mut months = Vec::new();
        for (shape, (_, _, concurrency)) in SHAPES.into_iter().enumerate() {
            world.environment.insert("TRADEUP_CONCURRENCY".to_owned(), concurrency.to_string());
            let running = Running::start(&world).await?;
            // What triggering and looking take by themselves is no part of a month.
            take_part(&world, Some(SHAPES.len())).await?;
            let nothing = month(&world, &running, &mut months_had).await?.cpu;
            take_part(&world, Some(shape)).await?;
            let mut rounds = Vec::new();
            for _ in 0..self.rounds {
                rounds.push(self.round(&world, &running, shape, nothing, &mut months_had).await?);
            }
            rounds.remove(0);
            let month = median(rounds)?;
            eprintln!("{} x {}: {}", month.shops, month.members_each, time(month.seconds));
            peak_mib.scheduler = peak_mib.scheduler.max(procfs::peak_mib(running.scheduler.id())?);
            peak_mib.credits = peak_mib.credits.max(procfs::peak_mib(running.credits.id())?);
            months.push(month);
        }
        let figures = Figures {
            about: self.about.clone(),
            cores: u32::try_from(std::thread::available_parallelism()?.get())?,
            flush_s: flush(&world)?,
            messages_per_s: messages_per_second(&world).await?,
            message_bytes,
            sweep_run_s,
            peak_mib,
            months,
        };
        let path = self.json.unwrap_or_else(Figures::file);
        figures.write(&path)?;
        eprintln!("wrote {}", path.display());
        Ok(())
    }

    /// While nobody executes batches: bytes of a message in the stream, and seconds of the sweep for a run that waits.
    async fn waiting(&self, world: &World, had: &mut u32) -> anyhow::Result<(f64, f64)> {
        take_part(world, None).await?;
        let jobs = world.jobs().await;
        jobs.hold(BATCHES).await;
        let running = Running::start(world).await?;
        let run = world.trigger(&next_period(had));
        eventually_at(LOOK_EVERY, "each shop is planned", ENDS_WITHIN, || async {
            let left = "select count(*) from tenants t where not exists (
                    select from runs r where r.tenant_id = t.id and r.task = 'monthly-credits-tenant' and r.state = 'waiting')";
            (world.number(left).await == 0).then_some(())
        })
        .await;
        let broker = Broker::connect(&world.environment["TRADEUP_NATS_URL"], "bench").await?;
        let look = Topology { replicas: 1, ack_wait: ACK_WAIT }.look(&broker).await?;
        broker.close().await;
        let stream = look.streams.iter().find(|stream| stream.name == "JOBS").context("no stream JOBS")?;
        ensure!(stream.messages > 0, "nothing waits in the stream");
        drop(running);
        jobs.let_go(BATCHES).await;

        let url = &world.database.app_url;
        let pool = tradeup_store::connect(url, "bench", 1, Purpose::Service, Durability::Required).await?;
        let mut took = Vec::new();
        for _ in 0..self.rounds {
            let begun = Instant::now();
            let waiting = runs::waiting(&pool, SWEEP_MAX).await?;
            for run in &waiting {
                if run.has_planned {
                    batches::window_left(&pool, run.run_id).await?;
                } else {
                    runs::settle_parents(&pool, &[run.run_id]).await?;
                }
            }
            took.push(begun.elapsed().as_secs_f64() / float(waiting.len() as u64));
        }
        pool.close().await;
        // What waits is done by whoever comes next, and counts for nobody.
        let running = Running::start(world).await?;
        world.ended_within(&run, ENDS_WITHIN, LOOK_EVERY).await;
        drop(running);
        Ok((float(stream.bytes) / float(stream.messages), percentile(&took, 50)))
    }

    async fn round(
        &self,
        world: &World,
        running: &Running,
        shape: usize,
        nothing: Cpu,
        had: &mut u32,
    ) -> anyhow::Result<Month> {
        let seen = month(world, running, had).await?;
        let (shops, members, concurrency) = SHAPES[shape];
        let members_each = (members / self.part).max(1);
        let credits = u64::from(shops) * members_each;
        ensure!(u64::try_from(seen.affected)? == credits, "{} were credited, not {credits}", seen.affected);
        let (seconds, spawn_s, plan_s, batch_s, batch_s_deviation, batches): (f64, f64, f64, f64, f64, i64) =
            sqlx::query_as(include_str!("attempts.sql"))
                .bind(&seen.run)
                .fetch_one(&world.database.admin)
                .await?;
        Ok(Month {
            shops,
            members_each,
            credits,
            batches: u64::try_from(batches)?,
            concurrency,
            rounds: 1,
            seconds,
            seconds_least: seconds,
            seconds_most: seconds,
            cores_left: seen.cores_left,
            cpu_s: (seen.cpu - nothing).at_least_zero(),
            wal_bytes: seen.wal_bytes,
            disk_credits_bytes: seen.disk_credits_bytes,
            disk_runs_bytes: seen.disk_runs_bytes,
            spawn_s,
            plan_s,
            batch_s,
            batch_s_deviation,
        })
    }
}

/// A month as it is seen from outside.
struct Seen {
    run: String,
    affected: i64,
    cpu: Cpu,
    cores_left: f64,
    wal_bytes: f64,
    disk_credits_bytes: f64,
    disk_runs_bytes: f64,
}

/// The month after those that were had: each is credited once.
fn next_period(had: &mut u32) -> String {
    let period = format!("{}-{:02}", 2001 + *had / 12, *had % 12 + 1);
    *had += 1;
    period
}

/// Triggers a month and waits for its end.
async fn month(world: &World, running: &Running, had: &mut u32) -> anyhow::Result<Seen> {
    let admin = &world.database.admin;
    let size = "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8, money::float8,
            (pg_database_size(current_database()) - money)::float8
        from (select pg_total_relation_size('lots') + pg_total_relation_size('ledger_entries')
            + pg_total_relation_size('accounts') as money) as kept";
    let before: (f64, f64, f64) = sqlx::query_as(size).fetch_one(admin).await?;
    let (cpu, busy, begun) = (running.cpu(), procfs::machine_busy_seconds()?, Instant::now());
    let run = world.trigger(&next_period(had));
    eventually_at(LOOK_EVERY, "the month ends", ENDS_WITHIN, || async {
        let ended = sqlx::query_scalar("select finished_at is not null from runs where id = $1::uuid");
        let ended: bool = ended.bind(&run).fetch_one(admin).await.ok()?;
        ended.then_some(())
    })
    .await;
    let (took, busy) = (begun.elapsed().as_secs_f64(), procfs::machine_busy_seconds()? - busy);
    let cpu = running.cpu() - cpu;
    let after: (f64, f64, f64) = sqlx::query_as(size).fetch_one(admin).await?;
    let affected = sqlx::query_scalar(
        "select coalesce(sum(b.affected), 0)::bigint from batches b join runs p on p.id = b.parent_run_id
         where p.root_id = $1::uuid",
    );
    let affected = affected.bind(&run).fetch_one(admin).await?;
    let cores = float(std::thread::available_parallelism()?.get() as u64);
    Ok(Seen {
        run,
        affected,
        cpu,
        cores_left: (cores - (busy - cpu.sum()).max(0.0) / took).max(0.1),
        wal_bytes: after.0 - before.0,
        disk_credits_bytes: (after.1 - before.1).max(0.0),
        disk_runs_bytes: (after.2 - before.2).max(0.0),
    })
}

/// Which shops have a month: those of one shape, or all of them.
async fn take_part(world: &World, shape: Option<usize>) -> anyhow::Result<()> {
    let prefix = shape.map_or_else(|| "shape".to_owned(), |n| format!("shape{n}-"));
    sqlx::query(
        "update tenants set state = case when starts_with(handle, $1) then 'active' else 'suspended' end",
    )
    .bind(prefix)
    .execute(&world.database.admin)
    .await?;
    Ok(())
}

/// The round in the middle by its seconds, with the middle of what varies by itself.
fn median(mut rounds: Vec<Month>) -> anyhow::Result<Month> {
    rounds.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let of = |value: fn(&Month) -> f64| percentile(&rounds.iter().map(value).collect::<Vec<_>>(), 50);
    let mean = |value: fn(&Month) -> f64| rounds.iter().map(value).sum::<f64>() / float(rounds.len() as u64);
    let (first, last) = (rounds.first().context("no rounds")?, rounds.last().context("no rounds")?);
    let middle = rounds.get(rounds.len() / 2).context("no rounds")?;
    Ok(Month {
        rounds: u32::try_from(rounds.len())?,
        seconds_least: first.seconds,
        seconds_most: last.seconds,
        // Vacuums and checkpoints come when they come.
        wal_bytes: of(|month| month.wal_bytes),
        disk_credits_bytes: mean(|month| month.disk_credits_bytes),
        disk_runs_bytes: mean(|month| month.disk_runs_bytes),
        ..middle.clone()
    })
}

/// Seconds of one `fdatasync` of 8 KiB beside the data of PostgreSQL.
fn flush(world: &World) -> anyhow::Result<f64> {
    let mut file = File::create(world.dir.path().join("flush"))?;
    let mut took = Vec::new();
    for n in 0..300_u64 {
        file.seek(SeekFrom::Start(n % 128 * 8192))?;
        file.write_all(&[1; 8192])?;
        let begun = Instant::now();
        file.sync_data()?;
        took.push(begun.elapsed().as_secs_f64());
    }
    Ok(percentile(&took, 50))
}

/// Messages of a batch's size that the stream of jobs stores and confirms, 64 under way at once. Nobody takes them any more.
async fn messages_per_second(world: &World) -> anyhow::Result<f64> {
    const MESSAGES: u64 = 4_000;
    let (jobs, body) = (world.jobs().await, [7_u8; 160]);
    let subject = tradeup_proto::subject::job(MONTHLY_CREDITS_BATCH, Lane::Normal, Some("capacity"))?;
    let begun = Instant::now();
    futures::stream::iter(0..MESSAGES)
        .map(|n| {
            let (jobs, subject, id) = (&jobs, &subject, format!("capacity-{n}"));
            async move { jobs.publish_event(subject, &[("Nats-Msg-Id", &id)], &body).await }
        })
        .buffer_unordered(64)
        .for_each(|_stored| std::future::ready(()))
        .await;
    let rate = float(MESSAGES) / begun.elapsed().as_secs_f64();
    eprintln!("{} messages a second", count(rate));
    Ok(rate)
}
