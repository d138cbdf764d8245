//! `tradeup endpoints`.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use tradeup_domain::signing::{Purpose, SigningKeys};
use tradeup_hooks::{EndpointUrl, EventType, Reach};
use tradeup_store::endpoints::{self, Added, Endpoint};
use tradeup_store::tenants::Tenant;
use tradeup_store::{Tx, audit, deliveries};
use uuid::Uuid;

use super::tenant_by_handle;
use super::who::Who;
use crate::Context;
use crate::output::instant;
use crate::sheet::{Cell, Sheet};

/// A shop's own endpoints, which are told of its members' credit (docs/endpoints.md).
#[derive(Subcommand)]
pub(crate) enum Endpoints {
    /// Add an endpoint, and print the secret with which it checks what it is told.
    Add(Add),
    /// List the endpoints with what waits for them.
    List(List),
    /// Print an endpoint's secret once more.
    Secret(Secret),
    /// Change what an endpoint is told.
    Set(Set),
    /// Send an endpoint a ping.
    Test(One),
    /// Tell an endpoint nothing for now. What waits for it is given up, and can be replayed.
    Disable(Act),
    /// Tell an endpoint again that was disabled.
    Enable(Act),
    /// Remove an endpoint for good.
    Remove(Act),
}

/// Add an endpoint.
#[derive(Args)]
pub(crate) struct Add {
    /// The shop's handle.
    tenant: String,
    /// Where it is: an address that begins with https.
    url: String,
    /// What it is told; may be given several times. All, if it is not said.
    #[arg(long = "event", value_name = "EVENT", value_parser = event)]
    events: Vec<EventType>,
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    who: Who,
}

/// The keys that secrets are made of.
#[derive(Args)]
struct Keys {
    /// Keys that secrets are made of, as for the service webhooks.
    #[arg(long, env = "TRADEUP_SIGNING_KEYS", hide_env_values = true, value_name = "KEYS")]
    signing_keys: Option<String>,
    /// Which endpoints may be told: public, or for development loopback, too.
    #[arg(long, env = "TRADEUP_ENDPOINTS", default_value = "public", value_parser = ["public", "loopback"])]
    endpoints: String,
}

/// List the endpoints.
#[derive(Args)]
pub(crate) struct List {
    /// The shop's handle.
    tenant: String,
}

/// Print a secret.
#[derive(Args)]
pub(crate) struct Secret {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    keys: Keys,
}

/// One endpoint.
#[derive(Args)]
pub(crate) struct One {
    /// The shop's handle.
    tenant: String,
    /// The endpoint's id.
    id: Uuid,
}

/// Change what an endpoint is told.
#[derive(Args)]
pub(crate) struct Set {
    #[command(flatten)]
    one: One,
    /// What it is told from now on; may be given several times.
    #[arg(long = "event", value_name = "EVENT", value_parser = event, required = true)]
    events: Vec<EventType>,
    #[command(flatten)]
    who: Who,
}

/// Do something about an endpoint.
#[derive(Args)]
pub(crate) struct Act {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    who: Who,
}

fn event(text: &str) -> Result<EventType, String> {
    let offered = EventType::OFFERED.iter().map(|event| event.as_str()).collect::<Vec<_>>().join(", ");
    let known = text.parse().ok().filter(|event| EventType::OFFERED.contains(event));
    known.ok_or_else(|| format!("an endpoint is told of nothing of this name; give one of {offered}"))
}

impl Keys {
    fn keys(&self) -> anyhow::Result<SigningKeys> {
        match self.signing_keys.as_deref().filter(|keys| !keys.trim().is_empty()) {
            Some(keys) => SigningKeys::parse(keys).context("TRADEUP_SIGNING_KEYS"),
            None => bail!("secrets are made of keys; set TRADEUP_SIGNING_KEYS, as for the service webhooks"),
        }
    }
}

fn names(events: &[EventType]) -> Vec<String> {
    let all = if events.is_empty() { &EventType::OFFERED[..] } else { events };
    all.iter().map(ToString::to_string).collect()
}

impl Endpoints {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(add) => add.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Secret(secret) => secret.run(context).await,
            Self::Set(set) => set.run(context).await,
            Self::Test(one) => test(context, one).await,
            Self::Disable(act) => act.run(context, What::Disable).await,
            Self::Enable(act) => act.run(context, What::Enable).await,
            Self::Remove(act) => act.run(context, What::Remove).await,
        }
    }
}

impl Add {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let reach = if self.keys.endpoints == "loopback" { Reach::Loopback } else { Reach::Public };
        let url = EndpointUrl::parse(&self.url, reach).map_err(|error| anyhow!("{error}"))?;
        let keys = self.keys.keys()?;
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let events = names(&self.events);
        let actor = self.who.actor();
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let id = match endpoints::add(&mut tx, tenant.id, url.as_str(), &events, &actor.name).await? {
            Added::New(id) => id,
            Added::Known(id) => bail!("the shop has an endpoint of this address: {id}"),
        };
        let subject = json!({ "tenant": tenant.handle, "endpoint": id.to_string(), "events": events });
        audit::record(&mut tx, &actor, "endpoint.add", &subject).await?;
        tx.commit().await?;
        let secret = keys.secret(Purpose::Endpoint, tenant.id.0, id);
        let value = json!({ "endpoint": id.to_string(), "tenant": tenant.handle, "url": url.as_str(),
            "events": events, "secret": secret });
        context.output().show(&value, || {
            format!(
                "{secret}\nWith it endpoint {id} checks what it is told (Standard Webhooks): {}.\nTry it: tradeup endpoints test {} {id}",
                events.join(", "),
                tenant.handle
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let found = endpoints::list(&mut tx, tenant.id).await?;
        tx.rollback().await?;
        let mut sheet = Sheet::new(&[
            "endpoint",
            "url",
            "events",
            "state",
            "because",
            "failing_since",
            "pending",
            "failed",
            "delivered_today",
        ]);
        for endpoint in found {
            sheet.push([
                Cell::Text(endpoint.id.to_string()),
                Cell::Text(endpoint.url),
                Cell::Text(endpoint.events.join(" ")),
                Cell::Text(endpoint.state),
                Cell::optional(endpoint.disabled_because),
                Cell::optional(endpoint.failing_since.map(instant)),
                Cell::Number(endpoint.pending),
                Cell::Number(endpoint.failed),
                Cell::Number(endpoint.delivered_today),
            ]);
        }
        sheet.show(context.output(), false, "No endpoints.")?;
        Ok(ExitCode::SUCCESS)
    }
}

impl One {
    /// The shop and its endpoint.
    async fn find(&self, context: &Context) -> anyhow::Result<(Tenant, Endpoint, tradeup_store::Pool)> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let found = endpoints::list(&mut tx, tenant.id).await?;
        tx.rollback().await?;
        let Some(endpoint) = found.into_iter().find(|endpoint| endpoint.id == self.id) else {
            bail!("{0} has no endpoint {1}; `tradeup endpoints list {0}` shows them", tenant.handle, self.id);
        };
        Ok((tenant, endpoint, pool))
    }
}

impl Secret {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let keys = self.keys.keys()?;
        let (tenant, endpoint, _pool) = self.one.find(context).await?;
        let secret = keys.secret(Purpose::Endpoint, tenant.id.0, endpoint.id);
        let value = json!({ "endpoint": endpoint.id.to_string(), "secret": secret });
        context.output().show(&value, || secret.clone())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Set {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let (tenant, endpoint, pool) = self.one.find(context).await?;
        let events = names(&self.events);
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        endpoints::set_events(&mut tx, tenant.id, endpoint.id, &events).await?;
        let subject =
            json!({ "tenant": tenant.handle, "endpoint": endpoint.id.to_string(), "events": events });
        audit::record(&mut tx, &self.who.actor(), "endpoint.set", &subject).await?;
        tx.commit().await?;
        context
            .output()
            .show(&subject, || format!("Endpoint {} is told of {}.", endpoint.id, events.join(", ")))?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn test(context: &Context, one: One) -> anyhow::Result<ExitCode> {
    let (tenant, endpoint, pool) = one.find(context).await?;
    if endpoint.state != "active" {
        bail!("endpoint {} is {}; `tradeup endpoints enable` first", endpoint.id, endpoint.state);
    }
    let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
    let id = deliveries::ping(&mut tx, tenant.id, endpoint.id).await?;
    tx.commit().await?;
    let value = json!({ "delivery": id.to_string(), "endpoint": endpoint.id.to_string() });
    context.output().show(&value, || {
        format!(
            "A ping is on its way to {}. What comes of it: tradeup deliveries show {} {id}",
            endpoint.url, tenant.handle
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What is done about an endpoint.
#[derive(Clone, Copy)]
enum What {
    Disable,
    Enable,
    Remove,
}

impl Act {
    async fn run(self, context: &Context, what: What) -> anyhow::Result<ExitCode> {
        let (tenant, endpoint, pool) = self.one.find(context).await?;
        let actor = self.who.actor();
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let because = format!("by {}", actor.name);
        let (changed, action, state) = match what {
            What::Disable => {
                let stopped = endpoints::stop(&mut tx, tenant.id, endpoint.id, &because, false).await?;
                (stopped, "endpoint.disable", "disabled")
            }
            What::Remove => {
                let stopped = endpoints::stop(&mut tx, tenant.id, endpoint.id, &because, true).await?;
                (stopped, "endpoint.remove", "removed")
            }
            What::Enable => {
                (endpoints::enable(&mut tx, tenant.id, endpoint.id).await?, "endpoint.enable", "active")
            }
        };
        if !changed {
            bail!("endpoint {} is {} already", endpoint.id, endpoint.state);
        }
        let subject = json!({ "tenant": tenant.handle, "endpoint": endpoint.id.to_string(), "state": state });
        audit::record(&mut tx, &actor, action, &subject).await?;
        tx.commit().await?;
        context.output().show(&subject, || match what {
            What::Enable => format!(
                "Endpoint {0} is told again. What it missed: tradeup deliveries replay {1} --endpoint {0} --state failed",
                endpoint.id, tenant.handle
            ),
            What::Disable | What::Remove => format!("Endpoint {} is {state}.", endpoint.id),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
