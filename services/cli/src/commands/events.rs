//! `tradeup events`.

use std::cmp::Reverse;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradeup_store::events::{self, EventFilter, EventView};
use tradeup_store::{Pool, Tx, tenants};

use super::tenant_by_handle;
use crate::Context;
use crate::output::{instant, table};

/// List events that other systems published, newest first. Those that could not be read are dead
/// letters: `tradeup dead list --task intake`.
#[derive(Args)]
pub(crate) struct Events {
    /// Of this shop.
    #[arg(long)]
    tenant: Option<String>,
    /// In this state.
    #[arg(long, value_parser = ["routed", "unhandled", "duplicate"])]
    state: Option<String>,
    /// From this system.
    #[arg(long)]
    source: Option<String>,
    /// Of this topic, like credit.requested.
    #[arg(long)]
    topic: Option<String>,
    /// About this order or customer, by the shop's id.
    #[arg(long)]
    about: Option<String>,
    /// How many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

impl Events {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let filter = EventFilter {
            id: None,
            state: self.state,
            source: self.source,
            topic: self.topic,
            resource: self.about,
        };
        let listed = list(&pool, self.tenant.as_deref(), &filter, self.limit).await?;
        let values: Vec<Value> = listed.iter().map(value).collect();
        context.output().show(&json!(values), || {
            if listed.is_empty() {
                return "No events. How to publish one: docs/publishing.md".to_owned();
            }
            let headings = ["event", "received", "tenant", "source", "topic", "id", "state", "run", "now"];
            let mut shown = table(&headings, &[]);
            for event in &listed {
                shown.add_row([
                    event.id.to_string(),
                    instant(event.received_at),
                    event.tenant_handle.clone(),
                    event.source.clone(),
                    event.topic.clone(),
                    event.event_id.clone(),
                    event.state.clone(),
                    event.run_id.map_or_else(|| "-".to_owned(), |id| id.to_string()),
                    event.run_state.clone().unwrap_or_else(|| "-".to_owned()),
                ]);
            }
            format!("{shown}\nWith its body: tradeup event EVENT. What could not be read: tradeup dead list --task intake")
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Events of one tenant or of all: rows of a tenant are seen in its own transaction only.
pub(super) async fn list(
    pool: &Pool,
    tenant: Option<&str>,
    filter: &EventFilter,
    limit: i64,
) -> anyhow::Result<Vec<EventView>> {
    let wanted = match tenant {
        Some(handle) => vec![tenant_by_handle(pool, handle).await?],
        None => tenants::list(pool).await?,
    };
    let mut listed = Vec::new();
    for tenant in wanted {
        let mut tx = Tx::of_tenant(pool, tenant.id).await?;
        listed.extend(events::list(&mut tx, tenant.id, filter, limit).await?);
        tx.rollback().await?;
        // No more than are shown, however many tenants there are.
        listed.sort_by_key(|event| Reverse(event.id));
        listed.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok(listed)
}

pub(super) fn value(event: &EventView) -> Value {
    json!({ "id": event.id.to_string(), "tenant": event.tenant_handle, "source": event.source, "topic": event.topic,
        "event_id": event.event_id, "occurred_at": instant(event.occurred_at),
        "received_at": instant(event.received_at), "content_type": event.content_type, "state": event.state,
        "about": event.resource, "duplicate_of": event.duplicate_of.map(|id| id.to_string()),
        "erased_at": event.erased_at.map(instant),
        "run_id": event.run_id.map(|id| id.to_string()), "run_state": event.run_state,
        "run_error_code": event.run_error_code, "run_error": event.run_error })
}
