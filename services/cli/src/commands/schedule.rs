//! `tradeup schedule`: look ahead, pause, resume, change.

mod make_up;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tradeup_domain::schedule::{DstNote, Fire, parse_length};
use tradeup_store::audit::Actor;
use tradeup_store::schedules::{self, Change};
use tradeup_store::{Pool, TenantId, Tx};

use super::optional_tenant;
use super::who::Who;
use crate::Context;
use crate::output::{instant, table};

/// Look ahead, pause, resume, change a schedule.
#[derive(Subcommand)]
pub(crate) enum Schedule {
    /// Show the next fires, and what clock changes do to them.
    Preview(Preview),
    /// Pause it: fires are on record as paused, none runs.
    Pause(Act),
    /// Resume it from its next fire on. What fell due in between is not made up for.
    Resume(Act),
    /// Change it, or give a shop its own. The next fire is computed anew.
    Set(Box<Set>),
    /// Remove a shop's own schedule: that for all shops counts again.
    Remove(Act),
    /// Make the runs of fires that were missed, skipped for being late, or fell into a pause; first says which.
    CatchUp(make_up::CatchUp),
    /// Make the runs of all fires of a range that have none; first says which.
    Backfill(make_up::Backfill),
}

/// Which schedule.
#[derive(Args, Clone)]
pub(crate) struct Which {
    /// Name, as `tradeup schedules` shows it.
    name: String,
    /// The shop's own.
    #[arg(long)]
    tenant: Option<String>,
}

/// Show the next fires.
#[derive(Args)]
pub(crate) struct Preview {
    #[command(flatten)]
    which: Which,
    /// How many.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    /// After this instant instead of now, like 2027-03-01T00:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    after: Option<DateTime<Utc>>,
}

/// Who does it, and why.
#[derive(Args)]
pub(crate) struct Act {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    who: Who,
}

/// Change it.
#[derive(Args)]
pub(crate) struct Set {
    #[command(flatten)]
    act: Act,
    /// Five-field cron expression: minute hour day month weekday; names and L allowed.
    #[arg(long)]
    cron: Option<String>,
    /// IANA zone in which it is read, like Europe/Berlin.
    #[arg(long)]
    zone: Option<String>,
    /// A time that the clocks skip: skip, or after (fire when they have moved).
    #[arg(long, value_name = "POLICY")]
    gap: Option<String>,
    /// A time that the clocks show twice: first, or both.
    #[arg(long, value_name = "POLICY")]
    repeat: Option<String>,
    /// Fires missed while no scheduler ran: skip, latest, all, or all:N.
    #[arg(long, value_name = "POLICY")]
    missed: Option<String>,
    /// How late a missed fire may be made up for, like 35d, 12h or 30m.
    #[arg(long, value_name = "LENGTH", value_parser = parse_length)]
    window: Option<Duration>,
    /// While an earlier run is under way: skip, queue_one, or allow.
    #[arg(long, value_name = "POLICY")]
    overlap: Option<String>,
    /// Shops' runs start spread over this long, like 10m; 0s for all at once.
    #[arg(long, value_name = "LENGTH", value_parser = parse_length)]
    spread: Option<Duration>,
}

impl Schedule {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let (which, said) = match self {
            Self::Preview(preview) => return preview.run(context, &pool).await,
            Self::CatchUp(catch_up) => return catch_up.run(context, &pool).await,
            Self::Backfill(backfill) => return backfill.run(context, &pool).await,
            Self::Set(set) => set.run(&pool).await?,
            Self::Pause(act) => {
                ensure!(act.who.has_reason(), "--reason: say why, for whoever wonders that nothing fires");
                let (mut tx, tenant, actor) = act.begin(&pool).await?;
                schedules::pause(&mut tx, &act.which.name, tenant, &actor).await?;
                tx.commit().await?;
                (act.which, "Paused.")
            }
            Self::Resume(act) => {
                let (mut tx, tenant, actor) = act.begin(&pool).await?;
                schedules::resume(&mut tx, &act.which.name, tenant, &actor).await?;
                tx.commit().await?;
                (act.which, "Resumed.")
            }
            Self::Remove(act) => {
                let (mut tx, tenant, actor) = act.begin(&pool).await?;
                let tenant = tenant
                    .context("--tenant: only a shop's own schedule can be removed; pause the others")?;
                schedules::remove(&mut tx, &act.which.name, tenant, &actor).await?;
                tx.commit().await?;
                (act.which, "Removed.")
            }
        };
        // None if it was removed.
        let after = find(&pool, &which).await?;
        context.output().show(&json!(after.as_ref().map(super::schedules::value)), || {
            let next = after.and_then(|schedule| schedule.next_fire_at);
            let next = next.map(|at| format!(" Next fire: {}.", instant(at)));
            format!("{said}{}", next.unwrap_or_default())
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Act {
    async fn begin(&self, pool: &Pool) -> anyhow::Result<(Tx, Option<TenantId>, Actor)> {
        let tenant = optional_tenant(pool, self.which.tenant.as_deref()).await?;
        Ok((Tx::of_engine(pool).await?, tenant, self.who.clone().actor()))
    }
}

impl Set {
    async fn run(self, pool: &Pool) -> anyhow::Result<(Which, &'static str)> {
        let change = Change {
            cron: self.cron,
            zone: self.zone,
            gap_policy: self.gap,
            repeat_policy: self.repeat,
            missed_policy: self.missed,
            missed_window: self.window,
            overlap_policy: self.overlap,
            spread: self.spread,
        };
        let (mut tx, tenant, actor) = self.act.begin(pool).await?;
        schedules::change(&mut tx, &self.act.which.name, tenant, &change, &actor).await?;
        tx.commit().await?;
        Ok((self.act.which, "Changed."))
    }
}

async fn find(pool: &Pool, which: &Which) -> anyhow::Result<Option<schedules::ScheduleView>> {
    let listed = schedules::list(pool).await?;
    Ok(listed.into_iter().find(|s| s.name == which.name && s.tenant_handle == which.tenant))
}

impl Preview {
    async fn run(self, context: &Context, pool: &Pool) -> anyhow::Result<ExitCode> {
        let which = &self.which;
        let schedule = find(pool, which).await?.with_context(|| {
            let own = which.tenant.as_ref().map(|handle| format!(" of {handle}'s own")).unwrap_or_default();
            format!("there is no schedule {}{own}; `tradeup schedules` shows those there are", which.name)
        })?;
        let mut connection = pool.acquire().await?;
        let now = schedules::now(&mut connection).await?;
        let rule = schedule.rule()?;
        let fires = rule.cron.upcoming(self.after.unwrap_or(now), self.count.into())?;
        context.output().show(&fires.iter().map(fire_value).collect::<Value>(), || {
            let local = format!("in {}", schedule.zone);
            let mut shown = table(&["fire", &local, "clock change"], &[]);
            for fire in &fires {
                shown.add_row([instant(fire.at), fire.local.to_string(), note(fire)]);
            }
            shown.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn note(fire: &Fire) -> String {
    fire.note.map(|note| note.to_string()).unwrap_or_default()
}

fn fire_value(fire: &Fire) -> Value {
    let kind = match fire.note {
        Some(DstNote::MovedByGap { .. }) => Some("moved_by_gap"),
        Some(DstNote::FirstOfRepeat) => Some("first_of_repeat"),
        Some(DstNote::SecondOfRepeat) => Some("second_of_repeat"),
        None => None,
    };
    json!({ "at": instant(fire.at), "local": fire.local.to_string(), "clock_change": kind })
}
