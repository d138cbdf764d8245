//! `tradeup event`.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde_json::json;
use tradeup_store::events::{self, EventFilter};
use tradeup_store::{Tx, tenants};
use uuid::Uuid;

use super::events::{list, value};
use crate::Context;
use crate::output::instant;

/// Show an event with its body, which may hold personal data.
#[derive(Args)]
pub(crate) struct Event {
    /// The event's id, from the list.
    #[arg(value_name = "EVENT")]
    id: Uuid,
}

impl Event {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let filter = EventFilter { id: Some(self.id), ..EventFilter::default() };
        let Some(event) = list(&pool, None, &filter, 1).await?.pop() else {
            bail!("there is no event {}; `tradeup events` shows those there are", self.id);
        };
        let body = match tenants::by_handle(&pool, &event.tenant_handle).await? {
            Some(tenant) => {
                let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
                let found = events::get(&mut tx, tenant.id, event.id).await?;
                tx.rollback().await?;
                found.and_then(|found| found.body).unwrap_or_default()
            }
            None => Vec::new(),
        };
        // As text if it is any; otherwise what can't be shown is escaped.
        let body =
            String::from_utf8(body).unwrap_or_else(|error| error.into_bytes().escape_ascii().to_string());
        let mut shown = value(&event);
        shown["body"] = json!(body);
        context.output().show(&shown, || {
            let mut text = format!(
                "event {}  {} of {} for {}\nid {}, happened {}, received {}, {}\n",
                event.id,
                event.topic,
                event.source,
                event.tenant_handle,
                event.event_id,
                instant(event.occurred_at),
                instant(event.received_at),
                event.content_type,
            );
            match (event.run_id, &event.run_state) {
                (Some(run_id), state) => {
                    text += &format!("run {run_id}, {}\n", state.as_deref().unwrap_or("unknown"));
                }
                _ if event.duplicate_of.is_some() => {
                    text += "duplicate: the same was told before, under another id\n";
                }
                _ => text += "unhandled: nothing follows from this topic\n",
            }
            if let (Some(code), Some(error)) = (&event.run_error_code, &event.run_error) {
                text += &format!("{code} {error}\n");
            }
            if let Some(at) = event.erased_at {
                text += &format!("its body was erased {}\n", instant(at));
            }
            // A stranger wrote it: nothing in it may steer a terminal.
            let steers = |c: char| c.is_control() && c != '\n' && c != '\t';
            format!("{text}\n{}", body.replace(steers, "\u{fffd}"))
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
