//! Where PostgreSQL's time goes: what each statement costs a run, in calls, planning, execution and log.

use anyhow::ensure;
use clap::{Args, ValueEnum};
use tradeup_harness::World;

use crate::grants::Grants;
use crate::monthly::{Monthly, Shops};
use crate::servers;
use crate::webhooks::Webhooks;

/// Statements that cost less than this part of the whole are left out.
const SHOWN: f64 = 0.004;

/// The statements of a part, by what they cost.
#[derive(Args)]
pub(crate) struct Statements {
    /// What is done meanwhile.
    #[arg(value_enum)]
    of: Of,
    /// Runs of one credit, or orders.
    #[arg(long, default_value_t = 5_000)]
    count: usize,
    /// Shops of the month, and the members of each.
    #[arg(long, default_value = "20x5000", value_delimiter = ',')]
    shops: Vec<Shops>,
}

/// Work whose statements are looked at.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Of {
    /// One-credit runs, all at hand.
    Grants,
    /// One-credit runs, twenty a second.
    Trickle,
    /// A month's credits.
    Monthly,
    /// Orders, from the webhook to the credit.
    Orders,
}

impl Statements {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let world = watched().await?;
        let runs = match self.of {
            Of::Grants => Grants { runs: self.count, ..Grants::one_round() }.only_runs(world).await?,
            Of::Trickle => Grants { seconds: 20, ..Grants::one_round() }.only_trickle(world).await?,
            Of::Orders => {
                let orders = Webhooks { count: self.count, burst: 0, connections: 64, rounds: 1 };
                orders.only_orders(world).await?
            }
            Of::Monthly => {
                Monthly { shops: self.shops, rounds: 2, connections: 8, no_floor: true }
                    .only_system(world)
                    .await?
            }
        };
        print_statements(&runs.0, runs.1).await
    }
}

/// A world whose PostgreSQL counts what each statement takes.
async fn watched() -> anyhow::Result<World> {
    let settings =
        ["shared_preload_libraries = 'pg_stat_statements'", "pg_stat_statements.track_planning = on"];
    let world = servers::world_with(&settings).await;
    sqlx::query("create extension if not exists pg_stat_statements").execute(&world.database.admin).await?;
    Ok(world)
}

/// From here on it is counted.
pub(crate) async fn reset(world: &World) -> anyhow::Result<()> {
    sqlx::query("select pg_stat_statements_reset()").execute(&world.database.admin).await?;
    Ok(())
}

/// What each statement took, by run.
async fn print_statements(world: &World, runs: f64) -> anyhow::Result<()> {
    ensure!(runs > 0.0, "nothing was done");
    let rows: Vec<(String, f64, f64, f64, f64, f64)> = sqlx::query_as(
        "select regexp_replace(query, '\\s+', ' ', 'g'), calls / $1, rows / $1, total_plan_time * 1000 / $1,
             total_exec_time * 1000 / $1, wal_bytes::float8 / $1
         from pg_stat_statements s join pg_roles r on r.oid = s.userid
         where dbid = (select oid from pg_database where datname = current_database()) and r.rolname in ('tradeup_app', 'tradeup_scheduler', 'tradeup_credits', 'tradeup_webhooks')
         order by total_plan_time + total_exec_time desc",
    )
    .bind(runs)
    .fetch_all(&world.database.admin)
    .await?;
    let all: f64 = rows.iter().map(|row| row.3 + row.4).sum();
    println!(
        "{all:.0} us of PostgreSQL for each of {runs} runs, {:.2} statements",
        rows.iter().map(|r| r.1).sum::<f64>()
    );
    println!("| calls | rows | planning, us | execution, us | log, bytes | statement |");
    println!("|---|---|---|---|---|---|");
    for (query, calls, rows, plan, exec, wal) in rows.iter().filter(|row| row.3 + row.4 > all * SHOWN) {
        let head: String = query.chars().take(90).collect();
        println!("| {calls:.3} | {rows:.2} | {plan:.1} | {exec:.1} | {wal:.0} | {head} |");
    }
    Ok(())
}
