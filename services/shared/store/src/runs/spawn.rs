//! From one run to one for each tenant, so that each succeeds or fails alone.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use tradeup_domain::Handle;
use tradeup_domain::schedule::spread;

use super::Claim;
use crate::error::{Doing, StoreError};
use crate::ids::new_ids;
use crate::outbox::JobMessage;
use crate::{Connection, RunId, TenantId, TenantRef};

/// The runs that a run creates for the tenants.
#[derive(Clone, Debug)]
pub struct Spawn<'a> {
    /// Their task.
    pub task: &'a str,
    /// Their key.
    pub key: &'a str,
    /// Their input.
    pub payload: &'a [u8],
    /// Tenants in one of these states.
    pub states: &'a [&'a str],
    /// Name of the schedule. Tenants that have one of this name of their own are left to it.
    pub schedule: &'a str,
    /// Their starts are spread over this long after the due time, each tenant's always at the same
    /// offset.
    pub spread: TimeDelta,
}

/// Creates one child of `parent` for each tenant in one of the states. Tenants that have a run of this key already,
/// from a trigger of their own, keep that one. Returns how many there are, and the messages of those
/// whose time has come.
///
/// # Errors
/// As any statement.
pub async fn spawn_for_tenants(
    db: &mut Connection,
    parent: &Claim,
    spawn: &Spawn<'_>,
) -> Result<(usize, Vec<JobMessage>), StoreError> {
    let states: Vec<String> = spawn.states.iter().map(|state| (*state).to_owned()).collect();
    let tenants = sqlx::query!(
        r#"select id as "id: TenantId", handle from tenants t
           where state = any($2)
               and not exists (select from schedules s where s.tenant_id = t.id and s.name = $1)
           order by id"#,
        spawn.schedule,
        &states
    )
    .fetch_all(&mut *db)
    .await
    .doing("listing the tenants")?;
    let start = |handle: &str| -> DateTime<Utc> {
        let offset = handle.parse::<Handle>().map(|handle| spread(spawn.schedule, &handle, spawn.spread));
        parent.scheduled_for + offset.unwrap_or_default()
    };
    let ids: Vec<i64> = tenants.iter().map(|t| t.id.0).collect();
    let starts: Vec<DateTime<Utc>> = tenants.iter().map(|t| start(&t.handle)).collect();
    let mut handles: HashMap<TenantId, String> = tenants.into_iter().map(|t| (t.id, t.handle)).collect();
    let spawned = sqlx::query_file!(
        "src/runs/spawn_for_tenants.sql",
        &new_ids(ids.len()),
        &new_ids(ids.len()),
        &ids,
        &starts,
        spawn.task,
        spawn.key,
        parent.run_id as RunId,
        parent.root_id as RunId,
        spawn.payload,
        parent.scheduled_for,
        parent.urgent,
    )
    .fetch_all(db)
    .await
    .doing("creating a run for each tenant")?;
    let count = spawned.len();
    let due = spawned.into_iter().filter(|row| row.is_due);
    let messages = due.map(|row| JobMessage {
        outbox_id: row.outbox_id,
        run_id: row.run_id,
        task: spawn.task.to_owned(),
        tenant: handles.remove(&row.tenant_id).map(|handle| TenantRef { id: row.tenant_id, handle }),
        key: spawn.key.to_owned(),
        scheduled_for: parent.scheduled_for,
        payload: spawn.payload.to_vec(),
        urgent: parent.urgent,
        traceparent: None,
        self_contained: false,
    });
    Ok((count, messages.collect()))
}
