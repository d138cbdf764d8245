//! `tradeup deliveries`.

use std::process::ExitCode;

use anyhow::{bail, ensure};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tradeup_store::deliveries::{self, DeliveryFilter, DeliveryView, TryView};
use tradeup_store::{Tx, audit};
use uuid::Uuid;

use super::tenant_by_handle;
use super::who::Who;
use crate::Context;
use crate::output::{count, instant, table};

/// What a shop's endpoints were told, and what came of it.
#[derive(Subcommand)]
pub(crate) enum Deliveries {
    /// List deliveries, newest first.
    List(List),
    /// Show a delivery with what it says.
    Show(Show),
    /// Send deliveries once more that have ended, under the ids that they had.
    Replay(Replay),
}

/// Which deliveries.
#[derive(Args)]
struct Which {
    /// The shop's handle.
    tenant: String,
    /// To this endpoint.
    #[arg(long)]
    endpoint: Option<Uuid>,
    /// In this state.
    #[arg(long, value_parser = ["pending", "delivered", "failed", "dropped"])]
    state: Option<String>,
    /// Of this event, like credit.issued.
    #[arg(long)]
    event: Option<String>,
    /// Of what happened from then on, like 2026-11-01T00:00:00Z.
    #[arg(long)]
    from: Option<DateTime<Utc>>,
    /// And before then.
    #[arg(long)]
    until: Option<DateTime<Utc>>,
}

/// List deliveries.
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    which: Which,
    /// How many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

/// Show a delivery.
#[derive(Args)]
pub(crate) struct Show {
    /// The shop's handle.
    tenant: String,
    /// The delivery's id.
    id: Uuid,
}

/// Send deliveries once more.
#[derive(Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    which: Which,
    /// This one.
    #[arg(long)]
    id: Option<Uuid>,
    #[command(flatten)]
    who: Who,
}

impl Which {
    fn filter(&self, id: Option<Uuid>) -> DeliveryFilter {
        DeliveryFilter {
            id,
            endpoint: self.endpoint,
            state: self.state.clone(),
            event: self.event.clone(),
            from: self.from,
            until: self.until,
        }
    }
}

impl Deliveries {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Replay(replay) => replay.run(context).await,
        }
    }
}

fn value(delivery: &DeliveryView) -> Value {
    json!({ "id": delivery.id.to_string(), "endpoint": delivery.endpoint_id.to_string(), "url": delivery.url,
        "event": delivery.event, "happened_at": instant(delivery.happened_at), "state": delivery.state,
        "due_at": instant(delivery.due_at), "sends": delivery.sends, "tried_at": delivery.tried_at.map(instant),
        "took_ms": delivery.took_ms, "status": delivery.status, "error": delivery.error, "data": delivery.data })
}

fn try_value(one: &TryView) -> Value {
    json!({ "number": one.number, "ended_at": instant(one.ended_at), "took_ms": one.took_ms, "status": one.status,
        "error": one.error })
}

impl List {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.which.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let found = deliveries::list(&mut tx, tenant.id, &self.which.filter(None), self.limit).await?;
        tx.rollback().await?;
        let values: Vec<Value> = found.iter().map(value).collect();
        context.output().show(&json!(values), || {
            if found.is_empty() {
                return "No deliveries.".to_owned();
            }
            let mut shown =
                table(&["delivery", "event", "happened", "state", "sends", "status", "next or error"], &[]);
            for delivery in &found {
                let next = (delivery.state == "pending").then(|| format!("due {}", instant(delivery.due_at)));
                shown.add_row([
                    delivery.id.to_string(),
                    delivery.event.clone(),
                    instant(delivery.happened_at),
                    delivery.state.clone(),
                    delivery.sends.to_string(),
                    delivery.status.map(|status| status.to_string()).unwrap_or_default(),
                    [next, delivery.error.clone()].into_iter().flatten().collect::<Vec<_>>().join("; "),
                ]);
            }
            shown.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let filter = DeliveryFilter { id: Some(self.id), ..DeliveryFilter::default() };
        let found = deliveries::list(&mut tx, tenant.id, &filter, 1).await?.pop();
        let tries = deliveries::tries(&mut tx, tenant.id, self.id).await?;
        tx.rollback().await?;
        let Some(delivery) = found else {
            bail!(
                "{0} has no delivery {1}; `tradeup deliveries list {0}` shows them",
                tenant.handle,
                self.id
            );
        };
        let data = serde_json::to_string_pretty(&delivery.data)?;
        let mut shown = value(&delivery);
        shown["tries"] = tries.iter().map(try_value).collect();
        context.output().show(&shown, || {
            let mut text = format!(
                "delivery {}  {}  {}\nto {}\nhappened {}, sent {}",
                delivery.id,
                delivery.event,
                delivery.state,
                delivery.url,
                instant(delivery.happened_at),
                count(u64::try_from(delivery.sends).unwrap_or(0), "time", "times"),
            );
            if delivery.state == "pending" {
                text.push_str(&format!(", due {}", instant(delivery.due_at)));
            }
            let mut of_tries = table(&["try", "ended", "took", "status", "error"], &[0, 2, 3]);
            for one in &tries {
                of_tries.add_row([
                    one.number.to_string(),
                    instant(one.ended_at),
                    format!("{} ms", one.took_ms),
                    one.status.map(|status| status.to_string()).unwrap_or_default(),
                    one.error.clone().unwrap_or_default(),
                ]);
            }
            format!("{text}\n\n{of_tries}\n\n{data}")
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Replay {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let narrowed = self.id.is_some()
            || self.which.endpoint.is_some()
            || self.which.state.is_some()
            || self.which.event.is_some()
            || self.which.from.is_some();
        ensure!(narrowed, "say which: --id, --endpoint, --state, --event or --from");
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.which.tenant).await?;
        let filter = self.which.filter(self.id);
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let sent = deliveries::replay(&mut tx, tenant.id, &filter).await?;
        let subject = json!({ "tenant": tenant.handle, "deliveries": sent, "id": self.id.map(|id| id.to_string()),
            "endpoint": filter.endpoint.map(|id| id.to_string()), "state": filter.state, "event": filter.event,
            "from": filter.from.map(instant), "until": filter.until.map(instant) });
        if sent > 0 {
            audit::record(&mut tx, &self.who.actor(), "deliveries.replay", &subject).await?;
        }
        tx.commit().await?;
        context.output().show(&subject, || match sent {
            0 => "There is no such delivery that has ended, or its endpoint is not active.".to_owned(),
            n => format!("{} once more.", count(n.unsigned_abs(), "delivery is sent", "deliveries are sent")),
        })?;
        Ok(if sent > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
