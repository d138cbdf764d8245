//! `tradeup schedule catch-up` and `tradeup schedule backfill`.

use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use serde_json::{Value, json};
use tradeup_store::schedules::{self, ScheduleView};
use tradeup_store::{Pool, TenantRef, Tx, audit};
use tradeup_worker::trigger::Scheduled;
use tradeup_worker::trigger::make_up::{self, End, FIRES_MAX, MadeUp};

use super::Which;
use crate::Context;
use crate::commands::optional_tenant_ref;
use crate::commands::start::publish_all;
use crate::commands::who::Who;
use crate::output::{count, instant, table};

/// Make the runs of fires that were missed, skipped for being late, or fell into a pause, and have none since. Without
/// --count it says which, and does nothing.
#[derive(Args)]
pub(crate) struct CatchUp {
    #[command(flatten)]
    which: Which,
    /// Due from this instant on, like 2026-11-01T00:00:00Z; whenever, if it is not said.
    #[arg(long, value_name = "INSTANT")]
    since: Option<DateTime<Utc>>,
    #[command(flatten)]
    act: Make,
}

/// Make the runs of all fires of a range that have none, as the schedule is now. Without --count it says which, and does
/// nothing. Members who lack a shop's credits of a month get them by `tradeup backfill`.
#[derive(Args)]
pub(crate) struct Backfill {
    #[command(flatten)]
    which: Which,
    /// The first month, like 2026-08, or the first instant.
    #[arg(long, value_name = "MONTH|INSTANT", value_parser = end)]
    from: End,
    /// The last month or instant; the same month, or now, if it is not said.
    #[arg(long, value_name = "MONTH|INSTANT", value_parser = end)]
    until: Option<End>,
    #[command(flatten)]
    act: Make,
}

/// What makes it more than a look.
#[derive(Args)]
pub(crate) struct Make {
    /// How many runs, as they were shown: makes them, if it is so many still. Needs --reason.
    #[arg(long)]
    count: Option<usize>,
    #[command(flatten)]
    who: Who,
}

fn end(text: &str) -> Result<End, String> {
    if let Ok(period) = text.parse() {
        return Ok(End::Month(period));
    }
    text.parse().map(End::Instant).map_err(|_no_instant| {
        "write a month like 2026-10, or an instant like 2026-10-01T06:00:00Z".to_owned()
    })
}

/// The schedule that counts for a shop, or for all.
struct Found {
    view: ScheduleView,
    task: Scheduled,
    tenant: Option<TenantRef>,
    /// Not so for a shop that has none of its own.
    is_its_own: bool,
}

impl Found {
    async fn of(pool: &Pool, which: &Which) -> anyhow::Result<Self> {
        let tenant = optional_tenant_ref(pool, which.tenant.as_deref()).await?;
        let own = schedules::one(pool, &which.name, which.tenant.as_deref()).await?;
        let is_its_own = own.is_some();
        let view = match own {
            Some(own) => Some(own),
            None => schedules::one(pool, &which.name, None).await?,
        };
        let view = view.with_context(|| {
            format!("there is no schedule {}; `tradeup schedules` shows those there are", which.name)
        })?;
        let task = Scheduled::by_task(&view.task)
            .with_context(|| format!("{} is of another build: this one does not know its task", view.task))?;
        Ok(Self { view, task, tenant, is_its_own })
    }

    async fn plan(
        &self,
        tx: &mut Tx,
        zone: Tz,
        fires: &[DateTime<Utc>],
        now: DateTime<Utc>,
        by: &str,
    ) -> anyhow::Result<Vec<MadeUp>> {
        Ok(make_up::plan(tx, self.task, self.tenant.as_ref(), zone, fires, now, by).await?)
    }
}

impl CatchUp {
    pub(super) async fn run(self, context: &Context, pool: &Pool) -> anyhow::Result<ExitCode> {
        let found = Found::of(pool, &self.which).await?;
        if !found.is_its_own {
            bail!("the shop has no schedule {} of its own: catch up that for all shops", self.which.name);
        }
        let rule = found.view.rule()?;
        let tenant = found.tenant.as_ref().map(|tenant| tenant.id);
        let mut tx = Tx::of_engine(pool).await?;
        let now = schedules::now(&mut tx).await?;
        let fires =
            make_up::fires_without_runs(&mut tx, &found.view.name, tenant, &rule.cron, self.since).await?;
        let by = self.act.who.clone().actor().name;
        let mut planned = found.plan(&mut tx, rule.cron.zone(), &fires, now, &by).await?;
        // What was made up for is over.
        planned.retain(|fire| fire.existing.is_none());
        planned.truncate(FIRES_MAX);
        self.act.make(context, tx, &found, "schedules.catch_up", planned).await
    }
}

impl Backfill {
    pub(super) async fn run(self, context: &Context, pool: &Pool) -> anyhow::Result<ExitCode> {
        let found = Found::of(pool, &self.which).await?;
        if let (Some(shop), Scheduled::MonthlyCredits) = (&found.tenant, found.task) {
            bail!(
                "a shop's month is gone through for whoever lacks its credit: tradeup backfill {} --period MONTH",
                shop.handle
            );
        }
        let rule = found.view.rule()?;
        let mut tx = Tx::of_engine(pool).await?;
        let now = schedules::now(&mut tx).await?;
        let until = self.until.unwrap_or(match self.from {
            End::Month(_) => self.from,
            End::Instant(_) => End::Instant(now),
        });
        let fires = make_up::fires_between(&rule.cron, self.from, until, now)?;
        let by = self.act.who.clone().actor().name;
        let planned = found.plan(&mut tx, rule.cron.zone(), &fires, now, &by).await?;
        self.act.make(context, tx, &found, "schedules.backfill", planned).await
    }
}

impl Make {
    /// Shows what would be made, or makes it.
    async fn make(
        self,
        context: &Context,
        mut tx: Tx,
        found: &Found,
        act: &str,
        planned: Vec<MadeUp>,
    ) -> anyhow::Result<ExitCode> {
        let owed: Vec<MadeUp> = planned.iter().filter(|fire| fire.existing.is_none()).cloned().collect();
        let Some(given) = self.count else {
            tx.rollback().await?;
            return show(context, &planned, owed.len());
        };
        ensure!(self.who.has_reason(), "--reason: say why, for the record");
        ensure!(!owed.is_empty(), "nothing is to be made up for: whatever is owed has its run");
        let runs = |runs: usize| count(u64::try_from(runs).unwrap_or(u64::MAX), "run", "runs");
        if given != owed.len() {
            bail!("--count: it would be {} now, and not {given}; look again without it", runs(owed.len()));
        }
        let keys: Vec<&str> = owed.iter().map(|fire| fire.new.key.as_str()).collect();
        let task = owed.first().map(|fire| fire.new.task.clone()).unwrap_or_default();
        let tenant = found.tenant.as_ref().map(|tenant| tenant.handle.as_str());
        let subject = json!({ "schedule": found.view.name, "tenant": tenant, "task": task, "keys": keys });
        audit::record(&mut tx, &self.who.actor(), act, &subject).await?;
        let (made, messages) = make_up::make(&mut tx, owed).await?;
        tx.commit().await?;
        let published = publish_all(context, &messages).await;
        let ids: Vec<String> = made.iter().map(ToString::to_string).collect();
        let value = json!({ "task": task, "runs": ids, "published": published });
        context.output().show(&value, || {
            let later = if published {
                ""
            } else {
                "\nThey are queued; a scheduler will publish them once NATS answers."
            };
            format!("Made {}: tradeup runs --task {task}{later}", runs(ids.len()))
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn show(context: &Context, planned: &[MadeUp], owed: usize) -> anyhow::Result<ExitCode> {
    let fire = |fire: &MadeUp| {
        json!({ "due": instant(fire.due), "key": fire.new.key,
            "run_id": fire.existing.map(|id| id.to_string()) })
    };
    let value = json!({ "runs": owed, "fires": planned.iter().map(fire).collect::<Value>() });
    context.output().show(&value, || {
        if planned.is_empty() {
            return "Nothing is to be made up for.".to_owned();
        }
        let mut shown = table(&["due", "key", "run"], &[]);
        for fire in planned {
            let run = fire.existing.map_or("would be made".to_owned(), |id| id.to_string());
            shown.add_row([instant(fire.due), fire.new.key.clone(), run]);
        }
        let make = match owed {
            0 => "All have their runs.".to_owned(),
            owed => format!("To make what is not there: the same with --count {owed} --reason WHY"),
        };
        format!("{shown}\n{make}")
    })?;
    Ok(ExitCode::SUCCESS)
}
