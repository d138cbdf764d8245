//! The commands, one file each.

pub(crate) mod adjust;
pub(crate) mod agents;
pub(crate) mod alerts;
pub(crate) mod backfill;
pub(crate) mod bulk_acts;
pub(crate) mod campaigns;
pub(crate) mod cancel;
pub(crate) mod config;
pub(crate) mod dead;
pub(crate) mod deliveries;
pub(crate) mod doctor;
pub(crate) mod endpoints;
pub(crate) mod event;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod gaps;
pub(crate) mod generate;
pub(crate) mod grant;
pub(crate) mod hold;
pub(crate) mod holds;
pub(crate) mod import;
pub(crate) mod ledger;
pub(crate) mod limit;
pub(crate) mod logs;
pub(crate) mod mail;
pub(crate) mod markdown;
pub(crate) mod member;
pub(crate) mod merge;
pub(crate) mod pause;
pub(crate) mod preview;
pub(crate) mod privacy;
pub(crate) mod probe;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod restored;
pub(crate) mod retry;
pub(crate) mod reverse;
pub(crate) mod rules;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schedule;
pub(crate) mod schedules;
pub(crate) mod search;
pub(crate) mod setup;
pub(crate) mod shadow;
pub(crate) mod shell;
pub(crate) mod spend;
pub(crate) mod stand_by;
pub(crate) mod start;
pub(crate) mod statement;
pub(crate) mod tenant;
pub(crate) mod tiers;
pub(crate) mod token;
pub(crate) mod trade_ins;
pub(crate) mod trigger;
mod trigger_task;
pub(crate) mod user;
pub(crate) mod verify;
pub(crate) mod wallet;
mod who;

use std::io::Read as _;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};
use tradeup_store::tenants::{self, Tenant};
use tradeup_store::{Pool, TenantId, TenantRef, Tx, members};
use uuid::Uuid;

/// The database's clock.
async fn now(pool: &Pool) -> anyhow::Result<DateTime<Utc>> {
    Ok(tradeup_store::schedules::clock(pool).await?)
}

/// The tenant with this handle, or an error that says what to do.
async fn tenant_by_handle(pool: &Pool, handle: &str) -> anyhow::Result<Tenant> {
    tenants::by_handle(pool, handle)
        .await?
        .ok_or_else(|| anyhow!("there is no tenant {handle:?}; `tradeup tenant list` shows those there are"))
}

/// The tenant's member with this customer id, or an error that says that there is none.
async fn member_by_customer(tx: &mut Tx, tenant: &Tenant, customer: &str) -> anyhow::Result<Uuid> {
    members::by_external_id(tx, tenant.id, customer).await?.ok_or_else(|| no_member(tenant, customer))
}

fn no_member(tenant: &Tenant, customer: &str) -> anyhow::Error {
    anyhow!("{} has no member with the customer id {customer}", tenant.handle)
}

/// The number of the tenant with this handle, if one is named.
async fn optional_tenant(pool: &Pool, handle: Option<&str>) -> anyhow::Result<Option<TenantId>> {
    match handle {
        Some(handle) => Ok(Some(tenant_by_handle(pool, handle).await?.id)),
        None => Ok(None),
    }
}

/// The same with its handle.
async fn optional_tenant_ref(pool: &Pool, handle: Option<&str>) -> anyhow::Result<Option<TenantRef>> {
    match handle {
        Some(handle) => {
            let tenant = tenant_by_handle(pool, handle).await?;
            Ok(Some(TenantRef { id: tenant.id, handle: tenant.handle }))
        }
        None => Ok(None),
    }
}

/// The text of a file; - is standard input.
fn text_of(file: &str) -> anyhow::Result<String> {
    if file == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("reading standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| format!("reading {file}"))
}

/// A tenant's id as JSON has it.
fn id(tenant: TenantId) -> i64 {
    tenant.0
}
