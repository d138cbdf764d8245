//! `tradeup alerts`.

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Args, Subcommand};
use serde_json::json;
use tradeup_store::alerts::{self, Rule};
use tradeup_store::{Tx, audit};
use uuid::Uuid;

use super::who::Who;
use crate::Context;
use crate::output::instant;
use crate::sheet::{Cell, Sheet};

/// What somebody has to look at, and who is told of it.
#[derive(Subcommand)]
pub(crate) enum Alerts {
    /// List alerts that are open.
    List(List),
    /// Take alerts: nobody is reminded of them any more.
    Acknowledge(Acknowledge),
    /// List rules, with what is too much for each.
    Rules,
    /// Set a rule.
    Set(Set),
    /// List the channels that consoles tell people by.
    Channels,
    /// Send a test to every channel.
    Test(Test),
}

/// List alerts.
#[derive(Args)]
pub(crate) struct List {
    /// Also those that ended within so many days.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(i32).range(0..=90))]
    days: i32,
}

/// Take alerts.
#[derive(Args)]
pub(crate) struct Acknowledge {
    /// The alerts' ids.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<Uuid>,
    /// All that are open.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    who: Who,
}

/// Set a rule.
#[derive(Args)]
pub(crate) struct Set {
    /// The rule's name.
    rule: Rule,
    /// What is too much, in the rule's unit.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=1_000_000_000))]
    threshold: Option<i32>,
    /// Look for it.
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Don't, and end its alerts.
    #[arg(long)]
    disable: bool,
    #[command(flatten)]
    who: Who,
}

/// Send a test.
#[derive(Args)]
pub(crate) struct Test {
    #[command(flatten)]
    who: Who,
}

impl Alerts {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Acknowledge(acknowledge) => acknowledge.run(context).await,
            Self::Rules => rules(context).await,
            Self::Set(set) => set.run(context).await,
            Self::Channels => channels(context).await,
            Self::Test(test) => test.run(context).await,
        }
    }
}

impl List {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let mut sheet = Sheet::new(&[
            "alert",
            "rule",
            "summary",
            "opened_at",
            "acknowledged_by",
            "acknowledged_at",
            "resolved_at",
        ]);
        for alert in alerts::list(&pool, self.days).await? {
            sheet.push([
                Cell::Text(alert.id.to_string()),
                Cell::Text(alert.rule),
                Cell::Text(alert.summary),
                Cell::Text(instant(alert.opened_at)),
                Cell::optional(alert.acknowledged_by),
                Cell::optional(alert.acknowledged_at.map(instant)),
                Cell::optional(alert.resolved_at.map(instant)),
            ]);
        }
        sheet.show(context.output(), false, "No alert is open.")?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Acknowledge {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let ids = if self.all {
            let open = alerts::list(&pool, 0).await?;
            open.iter().filter(|alert| alert.acknowledged_at.is_none()).map(|alert| alert.id).collect()
        } else {
            self.ids
        };
        let mut tx = Tx::of_engine(&pool).await?;
        let taken = alerts::acknowledge(&mut tx, &ids, &self.who.actor()).await?;
        tx.commit().await?;
        ensure!(
            !taken.is_empty() || self.all,
            "none of these is open without being taken; `tradeup alerts list` shows them"
        );
        context
            .output()
            .show(&json!({ "acknowledged": taken }), || format!("{} alerts are taken.", taken.len()))?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn rules(context: &Context) -> anyhow::Result<ExitCode> {
    let pool = context.pool().await?;
    let mut sheet = Sheet::new(&["rule", "state", "too_much", "unit", "looked_at"]);
    for setting in alerts::settings(&pool).await? {
        sheet.push([
            Cell::text(&setting.rule),
            Cell::text(if setting.enabled { "on" } else { "off" }),
            Cell::Number(setting.threshold.into()),
            Cell::text(setting.rule.parse::<Rule>().map_or("", Rule::unit)),
            Cell::optional(setting.looked_at.map(instant)),
        ]);
    }
    sheet.show(context.output(), false, "There are no rules: tradeup setup")?;
    Ok(ExitCode::SUCCESS)
}

impl Set {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let enabled = if self.disable { Some(false) } else { self.enable.then_some(true) };
        ensure!(
            self.threshold.is_some() || enabled.is_some(),
            "say what changes: --threshold, --enable or --disable"
        );
        let pool = context.pool().await?;
        let mut tx = Tx::of_engine(&pool).await?;
        alerts::set(&mut tx, self.rule, self.threshold, enabled, &self.who.actor()).await?;
        tx.commit().await?;
        rules(context).await
    }
}

async fn channels(context: &Context) -> anyhow::Result<ExitCode> {
    let pool = context.pool().await?;
    let mut sheet = Sheet::new(&["channel", "reaches", "seen_at", "sent_at", "failed_at", "error"]);
    for channel in alerts::channels(&pool).await? {
        sheet.push([
            Cell::Text(channel.channel),
            Cell::Text(channel.reaches),
            Cell::Text(instant(channel.seen_at)),
            Cell::optional(channel.sent_at.map(instant)),
            Cell::optional(channel.failed_at.map(instant)),
            Cell::optional(channel.error),
        ]);
    }
    sheet.show(
        context.output(),
        false,
        "Nobody is told: give console TRADEUP_ALERT_MAIL, TRADEUP_ALERT_SLACK_URL or TRADEUP_ALERT_WEBHOOK_URL",
    )?;
    Ok(ExitCode::SUCCESS)
}

impl Test {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let mut tx = Tx::of_engine(&pool).await?;
        let messages = alerts::tell_all(&mut tx).await?;
        ensure!(messages > 0, "no console has a channel; `tradeup alerts channels` says how to give it one");
        audit::record(&mut tx, &self.who.actor(), "alert.test", &json!({ "channels": messages })).await?;
        tx.commit().await?;
        context.output().show(&json!({ "messages": messages }), || {
            format!(
                "{messages} messages are on their way; `tradeup alerts channels` says what became of them."
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
