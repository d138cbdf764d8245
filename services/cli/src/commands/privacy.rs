//! `tradeup privacy`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tradeup_store::privacy::{self, Request};
use tradeup_store::{Pool, Tx, audit, tenants};
use uuid::Uuid;

use super::who::Who;
use super::{now, tenant_by_handle};
use crate::Context;
use crate::output::{instant, instant_or_dash, table};

/// What customers ask for by law.
#[derive(Subcommand)]
pub(crate) enum Privacy {
    /// List requests, those that are open first.
    List(List),
    /// Write what is known of a customer to a file, for them, and close the request.
    Export(Export),
}

/// List requests.
#[derive(Args)]
pub(crate) struct List {
    /// Of this shop; of all, if it is not said.
    tenant: Option<String>,
}

/// Answer a request to see what is known.
#[derive(Args)]
pub(crate) struct Export {
    /// The shop's handle.
    tenant: String,
    /// The request's id, from the list.
    request: Uuid,
    /// Where it is written, as JSON; the file must not be there.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    who: Who,
}

impl Privacy {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Export(export) => export.run(context).await,
        }
    }
}

async fn requests(pool: &Pool, tenant: Option<&str>) -> anyhow::Result<Vec<(String, Request)>> {
    let wanted = match tenant {
        Some(handle) => vec![tenant_by_handle(pool, handle).await?],
        None => tenants::list(pool).await?,
    };
    let mut all = Vec::new();
    for tenant in wanted {
        let mut tx = Tx::of_tenant(pool, tenant.id).await?;
        let found = privacy::list(&mut tx, tenant.id).await?;
        tx.rollback().await?;
        all.extend(found.into_iter().map(|request| (tenant.handle.clone(), request)));
    }
    all.sort_by_key(|(_, request)| (request.state != "open", request.due_at, request.id));
    Ok(all)
}

impl List {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let found = requests(&pool, self.tenant.as_deref()).await?;
        let now = now(&pool).await?;
        let value = |(tenant, request): &(String, Request)| {
            json!({ "id": request.id.to_string(), "tenant": tenant, "kind": request.kind,
                "member_id": request.member_id.map(|id| id.to_string()), "received_at": instant(request.received_at),
                "due_at": instant(request.due_at), "state": request.state, "done_at": request.done_at.map(instant),
                "done_by": request.done_by, "evidence": request.evidence,
                "overdue": request.state == "open" && request.due_at < now })
        };
        let values: Vec<Value> = found.iter().map(value).collect();
        context.output().show(&json!(values), || {
            if found.is_empty() {
                return "No requests.".to_owned();
            }
            let mut shown =
                table(&["request", "tenant", "kind", "member", "due", "state", "done", "by"], &[]);
            for (tenant, request) in &found {
                shown.add_row([
                    request.id.to_string(),
                    tenant.clone(),
                    request.kind.clone(),
                    request.member_id.map_or_else(|| "-".to_owned(), |id| id.to_string()),
                    instant(request.due_at),
                    request.state.clone(),
                    instant_or_dash(request.done_at),
                    request.done_by.clone().unwrap_or_else(|| "-".to_owned()),
                ]);
            }
            format!("{shown}\nTo answer one: tradeup privacy export TENANT REQUEST --out FILE")
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Export {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let request = privacy::list(&mut tx, tenant.id)
            .await?
            .into_iter()
            .find(|request| request.id == self.request)
            .ok_or_else(|| anyhow!("{} has no request {}", tenant.handle, self.request))?;
        ensure!(request.kind == "data_request", "this request is none to see data, but a {}", request.kind);
        let Some(member) = request.member_id else { bail!("the request is about nobody who is known") };
        let data = privacy::data_of(&mut tx, tenant.id, member).await?;
        let text = serde_json::to_vec_pretty(&data)?;
        let mut file = std::fs::OpenOptions::new();
        let file = file.write(true).create_new(true).open(&self.out);
        let mut file = file.with_context(|| self.out.display().to_string())?;
        file.write_all(&text)
            .and_then(|()| file.sync_all())
            .with_context(|| self.out.display().to_string())?;
        let hash: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        let actor = self.who.actor();
        let evidence = json!({ "bytes": text.len(), "sha256": hash });
        let is_new = privacy::close(&mut tx, tenant.id, request.id, false, &actor.name, &evidence).await?;
        let subject =
            json!({ "tenant": tenant.handle, "request_id": request.id.to_string(), "sha256": hash });
        audit::record(&mut tx, &actor, "privacy.export", &subject).await?;
        tx.commit().await?;
        let value = json!({ "request_id": request.id.to_string(), "file": self.out.display().to_string(),
            "sha256": hash, "closed": is_new });
        context.output().show(&value, || {
            format!(
                "Written to {}. Hand it to the shop, for its customer, and delete it then.",
                self.out.display()
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
