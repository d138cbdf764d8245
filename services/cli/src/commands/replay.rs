//! `tradeup replay`.

use std::process::ExitCode;

use anyhow::{bail, ensure};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tradeup_domain::replay::Mode;
use tradeup_proto::{convert, v1};
use tradeup_store::audit::{self, Actor};
use tradeup_store::events::{self, ReplayCounts, ReplayLine, Replayed};
use tradeup_store::runs::Trigger;
use tradeup_store::tenants::Tenant;
use tradeup_store::{RunId, TenantRef, Tx, schedules};
use tradeup_worker::trigger;
use uuid::Uuid;

use super::start::{Existing, Start};
use super::{run, tenant_by_handle};
use crate::Context;
use crate::output::{count, instant};
use crate::sheet::{Cell, Sheet};

/// Send events of a shop through their tasks again. What was done is found done, and nothing takes effect twice; what
/// was missed, or waits since the shop was suspended, is done. Dead letters are replayed by `tradeup dead replay`.
#[derive(Subcommand)]
pub(crate) enum Replay {
    /// Show what would change: each event goes through its task, and nothing of it is kept.
    Preview(Preview),
    /// Do it.
    Start(Do),
    /// Show what has come of a replay or preview.
    Show(Show),
}

/// Which events.
#[derive(Args)]
struct Which {
    /// The shop's handle.
    tenant: String,
    /// Received from then on, like 2026-11-01T00:00:00Z.
    #[arg(long, required_unless_present = "events")]
    from: Option<DateTime<Utc>>,
    /// Received before then; now, if it is not said.
    #[arg(long)]
    until: Option<DateTime<Utc>>,
    /// From this system, like shopify.
    #[arg(long)]
    source: Option<String>,
    /// Of this topic, like orders/paid.
    #[arg(long)]
    topic: Option<String>,
    /// About this order or customer, by the shop's id.
    #[arg(long)]
    about: Option<String>,
    /// This event, from `tradeup events`; may be given several times.
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<Uuid>,
    /// At most so many events a second.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i32).range(1..=1000))]
    a_second: i32,
}

/// Show what would change.
#[derive(Args)]
pub(crate) struct Preview {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    start: Start,
}

/// Do it.
#[derive(Args)]
pub(crate) struct Do {
    #[command(flatten)]
    which: Which,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    start: Start,
}

/// Show what has come of it.
#[derive(Args)]
pub(crate) struct Show {
    /// The run of the replay.
    run: RunId,
}

impl Replay {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Preview(Preview { which, start }) => which.start(context, start, None).await,
            Self::Start(Do { which, reason, start }) => which.start(context, start, Some(reason)).await,
            Self::Show(show) => show.run(context).await,
        }
    }
}

impl Which {
    /// Starts the run; a preview has no reason.
    async fn start(
        self,
        context: &Context,
        start: Start,
        reason: Option<String>,
    ) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        ensure!(
            tenant.state != "uninstalled",
            "the shop has uninstalled the app: its ledger stands still, and no event changes it"
        );
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let now = schedules::now(&mut tx).await?;
        let from = self.from.unwrap_or(DateTime::UNIX_EPOCH);
        let until = self.until.unwrap_or(now).min(now);
        ensure!(from < until, "--from {} is not before {}", instant(from), instant(until));
        let which = Replayed {
            from,
            until,
            source: self.source.as_deref(),
            topic: self.topic.as_deref(),
            about: self.about.as_deref(),
            ids: &self.events,
            after: None,
        };
        let found = events::count_to_replay(&mut tx, tenant.id, &which).await?;
        if found == 0 {
            bail!(
                "there is no such event of {}; `tradeup events --tenant {0}` shows those there are",
                tenant.handle
            );
        }
        let input = v1::ReplayEvents {
            from: Some(convert::timestamp(from)),
            until: Some(convert::timestamp(until)),
            source: self.source.clone().unwrap_or_default(),
            topic: self.topic.clone().unwrap_or_default(),
            about: self.about.clone().unwrap_or_default(),
            event_ids: self.events.iter().map(|id| id.as_bytes().to_vec()).collect(),
            preview: reason.is_none(),
            a_second: self.a_second,
            ..v1::ReplayEvents::default()
        };
        let of = TenantRef { id: tenant.id, handle: tenant.handle.clone() };
        let new = trigger::replay_events(of, &input, now, Trigger::Manual(start.by.clone()));
        if let Some(reason) = reason {
            let actor = Actor { name: start.by.clone(), reason: Some(reason) };
            let subject = json!({ "tenant": tenant.handle, "key": new.key, "events": found, "from": instant(from),
                "until": instant(until), "source": self.source, "topic": self.topic, "about": self.about });
            audit::record(&mut tx, &actor, "replay", &subject).await?;
        }
        tx.commit().await?;
        if !context.json {
            let what = count(u64::try_from(found).unwrap_or(0), "event", "events");
            eprintln!("{what} of {}. What comes of it: tradeup replay show RUN", tenant.handle);
        }
        start.start(context, &pool, new, Existing::IsTheSame).await
    }
}

impl Show {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let view = run::read(&pool, self.run).await?;
        let Some(handle) = view.tenant_handle.filter(|_| view.task == "replay-events") else {
            bail!("run {} is no replay; `tradeup runs --task replay-events` shows those there are", self.run);
        };
        let tenant = tenant_by_handle(&pool, &handle).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let counts = events::replay_counts(&mut tx, self.run).await?;
        let lines = events::replay_lines(&mut tx, self.run).await?;
        tx.rollback().await?;
        let is_preview = Mode::of_run(&view.key) == Some(Mode::Preview);
        let sheet = sheet(&lines, &tenant);
        let value = json!({ "run_id": self.run.to_string(), "tenant": handle, "state": view.state,
            "preview": is_preview, "events": counts_value(counts), "lines": sheet.value() });
        context.output().show(&value, || {
            let kind = if is_preview { "Preview: nothing of it was kept" } else { "Replay" };
            let mut text = format!("{kind}, {}. {}\n", view.state, in_words(counts));
            if !sheet.is_empty() {
                text.push_str(&format!("\n{}\n", sheet.text()));
            }
            if counts.dead > 0 {
                text.push_str(&format!(
                    "\nDead letters have a replay of their own: tradeup dead list --tenant {handle}\n"
                ));
            }
            text
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn sheet(lines: &[ReplayLine], tenant: &Tenant) -> Sheet {
    let mut sheet = Sheet::new(&[
        "task",
        "state",
        "outcome",
        "events",
        "granted_minor",
        "taken_back_minor",
        "owed_minor",
        "enrolled",
        "tiers_changed",
    ]);
    for line in lines {
        let money = |minor| Cell::Money(minor, tenant.currency.clone());
        sheet.push([
            Cell::text(&line.task),
            Cell::text(&line.state),
            Cell::optional(line.outcome.as_deref()),
            Cell::Number(line.runs),
            money(line.granted_minor),
            money(line.clawed_minor),
            money(line.owed_minor),
            Cell::Number(line.enrolled),
            Cell::Number(line.tiers),
        ]);
    }
    sheet
}

fn counts_value(counts: ReplayCounts) -> Value {
    json!({ "sent": counts.sent, "erased": counts.erased, "unfinished": counts.unfinished, "dead": counts.dead,
        "unhandled": counts.unhandled, "unreadable": counts.unreadable })
}

fn in_words(counts: ReplayCounts) -> String {
    let mut text = format!("{} sent", counts.sent);
    for (count, why) in [
        (counts.erased, "whose body was erased"),
        (counts.unfinished, "under way"),
        (counts.dead, "that are dead letters"),
        (counts.unhandled, "of topics that lead nowhere"),
        (counts.unreadable, "that can't be read"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {why}"));
        }
    }
    text
}
