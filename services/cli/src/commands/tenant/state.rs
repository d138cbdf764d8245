//! `tradeup tenant suspend` and `tradeup tenant resume`.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde_json::json;
use tradeup_proto::{convert, v1};
use tradeup_store::events::{self, Replayed};
use tradeup_store::runs::{self, Trigger};
use tradeup_store::{TenantRef, Tx, audit, schedules, tenants};
use tradeup_worker::trigger;

use super::tenant_by_handle;
use crate::Context;
use crate::commands::start::publish;
use crate::commands::who::Who;
use crate::output::{count, instant};

/// Suspend a shop: nothing is granted or sent; credit goes on ending, and what the shop tells is written down.
#[derive(Args)]
pub(crate) struct Suspend {
    /// The shop's handle.
    handle: String,
    #[command(flatten)]
    who: Who,
}

/// End a suspension, and settle what the shop has told meanwhile.
#[derive(Args)]
pub(crate) struct Resume {
    /// The shop's handle.
    handle: String,
    #[command(flatten)]
    who: Who,
}

impl Suspend {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.handle).await?;
        let mut tx = Tx::of_engine(&pool).await?;
        if !tenants::suspend(&mut tx, tenant.id).await? {
            bail!("{} is {}, and only an active shop can be suspended", tenant.handle, tenant.state);
        }
        let subject = json!({ "tenant": tenant.handle });
        audit::record(&mut tx, &self.who.actor(), "tenant.suspend", &subject).await?;
        tx.commit().await?;
        context.output().show(&json!({ "tenant": tenant.handle, "state": "suspended" }), || {
            format!("{0} is suspended. To end it: tradeup tenant resume {0}", tenant.handle)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Resume {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.handle).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let Some(since) = tenants::resume(&mut tx, tenant.id).await? else {
            bail!("{} is {}, not suspended", tenant.handle, tenant.state);
        };
        let actor = self.who.actor();
        audit::record(&mut tx, &actor, "tenant.resume", &json!({ "tenant": tenant.handle })).await?;
        // What was told meanwhile goes through its tasks, which now do more than write it down.
        let now = schedules::now(&mut tx).await?;
        let told = Replayed {
            from: since,
            until: now,
            source: Some("shopify"),
            topic: None,
            about: None,
            ids: &[],
            after: None,
        };
        let found = events::count_to_replay(&mut tx, tenant.id, &told).await?;
        let mut replay = None;
        if found > 0 {
            let input = v1::ReplayEvents {
                from: Some(convert::timestamp(since)),
                until: Some(convert::timestamp(now)),
                source: "shopify".to_owned(),
                ..v1::ReplayEvents::default()
            };
            let of = TenantRef { id: tenant.id, handle: tenant.handle.clone() };
            let new = trigger::replay_events(of, &input, now, Trigger::Manual(actor.name.clone()));
            replay = Some(runs::create(&mut tx, new).await?);
        }
        tx.commit().await?;
        if let Some(message) = replay.as_ref().and_then(|created| created.message.clone()) {
            publish(context, message).await;
        }
        let run = replay.map(|created| created.run_id.to_string());
        let value = json!({ "tenant": tenant.handle, "state": "active", "suspended_since": instant(since),
            "events": found, "replay": run });
        context.output().show(&value, || match &run {
            None => {
                format!("{} is active. Its shop has told nothing since {}.", tenant.handle, instant(since))
            }
            Some(run) => format!(
                "{} is active. {} since {} go through their tasks: tradeup replay show {run}",
                tenant.handle,
                count(u64::try_from(found).unwrap_or(0), "event", "events"),
                instant(since)
            ),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
