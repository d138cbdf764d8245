//! Deliveries: what each endpoint is told, and what came of it. A trigger writes one for each endpoint that listens, in
//! the transaction of what it is about; a sender takes those that are due, with a lease, and writes down the outcome.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId, TenantRef};

/// A delivery that its sender has for a while.
#[derive(Clone, Debug)]
pub struct Due {
    /// Its id: that of the message on the wire.
    pub id: Uuid,
    /// Its endpoint.
    pub endpoint_id: Uuid,
    /// Where that is.
    pub url: String,
    /// What happened.
    pub event: String,
    /// When.
    pub happened_at: DateTime<Utc>,
    /// What there is to say of it.
    pub data: Value,
    /// Which try this is, from 1.
    pub tries: i32,
    /// Since when all that its endpoint was told has failed.
    pub failing_since: Option<DateTime<Utc>>,
    /// How many tries have failed since then.
    pub failures: i32,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It arrived.
    Delivered,
    /// It did not, and is tried again after this long.
    Again(Duration),
    /// It did not, and is given up.
    GivenUp,
}

/// A try, as it is written down.
#[derive(Clone, Debug)]
pub struct Outcome<'a> {
    /// What came of it.
    pub tried: Tried,
    /// How long it took.
    pub took: Duration,
    /// What the endpoint answered, if it did.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<&'a str>,
}

/// Tenants that have something due.
///
/// # Errors
/// As any statement.
pub async fn woken(db: &mut Connection, limit: i64) -> Result<Vec<TenantRef>, StoreError> {
    let rows = sqlx::query!(
        r#"select t.id as "id: TenantId", t.handle from tenants t
           where exists (select from delivery_wakes w where w.tenant_id = t.id and w.due_at <= now())
           order by t.id limit $1"#,
        limit
    )
    .fetch_all(db)
    .await
    .doing("looking for deliveries")?;
    Ok(rows.into_iter().map(|row| TenantRef { id: row.id, handle: row.handle }).collect())
}

/// Takes a tenant's wakes that are due, in the transaction of [`take_due`]: nothing is forgotten between them. `false` if
/// somebody else has.
///
/// # Errors
/// As any statement.
pub async fn take_wakes(db: &mut Connection, tenant: TenantId) -> Result<bool, StoreError> {
    sqlx::query!(
        // By an array: for a join, a plan from when there were none reads all wakes of all shops.
        "delete from delivery_wakes where id = any(array(
             select id from delivery_wakes where tenant_id = $1 and due_at <= now() for update skip locked))",
        tenant as TenantId,
    )
    .execute(db)
    .await
    .doing("taking wakes of deliveries")
    .map(|done| done.rows_affected() > 0)
}

/// Sees to it that somebody looks at a tenant's deliveries then.
///
/// # Errors
/// As any statement.
pub async fn wake(db: &mut Connection, tenant: TenantId, after: Duration) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into delivery_wakes (tenant_id, due_at) values ($1, now() + make_interval(secs => $2))",
        tenant as TenantId,
        after.as_secs_f64(),
    )
    .execute(db)
    .await
    .doing("waking for a delivery")
    .map(drop)
}

/// Takes deliveries that are due, for as long as the lease: at most `each` of one endpoint, so that a slow one does not
/// hold up the others. Whoever does not come back loses them when the lease ends.
///
/// # Errors
/// As any statement.
pub async fn take_due(
    db: &mut Connection,
    tenant: TenantId,
    each: i64,
    lease: Duration,
) -> Result<Vec<Due>, StoreError> {
    sqlx::query_file_as!(Due, "src/deliveries/take_due.sql", tenant as TenantId, each, lease.as_secs_f64())
        .fetch_all(db)
        .await
        .doing("taking deliveries")
}

/// Writes down what came of a try. `false` if the delivery is not this try's any more: another one decides.
///
/// # Errors
/// As any statement.
pub async fn tried(
    db: &mut Connection,
    tenant: TenantId,
    due: &Due,
    outcome: &Outcome<'_>,
) -> Result<bool, StoreError> {
    let (state, after) = match outcome.tried {
        Tried::Delivered => ("delivered", None),
        Tried::Again(after) => ("pending", Some(after)),
        Tried::GivenUp => ("failed", None),
    };
    sqlx::query_file_scalar!(
        "src/deliveries/tried.sql",
        tenant as TenantId,
        due.id,
        due.tries,
        state,
        after.map(|after| after.as_secs_f64()),
        i32::try_from(outcome.took.as_millis()).unwrap_or(i32::MAX),
        outcome.status.and_then(|status| i16::try_from(status).ok()),
        outcome.error,
        due.endpoint_id,
    )
    .fetch_one(db)
    .await
    .doing("recording a delivery")
}

/// A delivery as it is shown.
#[derive(Clone, Debug)]
pub struct DeliveryView {
    /// Its id.
    pub id: Uuid,
    /// Its endpoint.
    pub endpoint_id: Uuid,
    /// Where that is.
    pub url: String,
    /// What happened.
    pub event: String,
    /// When.
    pub happened_at: DateTime<Utc>,
    /// What there is to say of it.
    pub data: Value,
    /// `pending`, `delivered`, `failed` or `dropped`.
    pub state: String,
    /// When it is sent next.
    pub due_at: DateTime<Utc>,
    /// How often it was sent.
    pub sends: i32,
    /// When it was sent last.
    pub tried_at: Option<DateTime<Utc>>,
    /// How long that took.
    pub took_ms: Option<i32>,
    /// What was answered.
    pub status: Option<i16>,
    /// What went wrong.
    pub error: Option<String>,
}

/// A try of a delivery.
#[derive(Clone, Debug)]
pub struct TryView {
    /// Which of all sends it was, from 1.
    pub number: i32,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How long it took.
    pub took_ms: i32,
    /// What was answered.
    pub status: Option<i16>,
    /// What went wrong; `None` if it arrived.
    pub error: Option<String>,
}

/// The tries of a delivery, the first one first.
///
/// # Errors
/// As any statement.
pub async fn tries(db: &mut Connection, tenant: TenantId, id: Uuid) -> Result<Vec<TryView>, StoreError> {
    sqlx::query_as!(
        TryView,
        "select number, ended_at, took_ms, status, error from delivery_tries
         where tenant_id = $1 and delivery_id = $2 order by number",
        tenant as TenantId,
        id,
    )
    .fetch_all(db)
    .await
    .doing("listing tries of a delivery")
}

/// Which deliveries. Each that is set narrows.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// This one.
    pub id: Option<Uuid>,
    /// To this endpoint.
    pub endpoint: Option<Uuid>,
    /// In this state.
    pub state: Option<String>,
    /// Of this event.
    pub event: Option<String>,
    /// Of what happened from then on.
    pub from: Option<DateTime<Utc>>,
    /// And before then.
    pub until: Option<DateTime<Utc>>,
}

/// A tenant's deliveries, newest first.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    filter: &DeliveryFilter,
    limit: i64,
) -> Result<Vec<DeliveryView>, StoreError> {
    sqlx::query_file_as!(
        DeliveryView,
        "src/deliveries/list.sql",
        tenant as TenantId,
        filter.id,
        filter.endpoint,
        filter.state,
        filter.event,
        filter.from,
        filter.until,
        limit,
    )
    .fetch_all(db)
    .await
    .doing("listing deliveries")
}

/// Sends deliveries that have ended once more, to endpoints that are active, under the ids that they had. Returns how
/// many.
///
/// # Errors
/// As any statement.
pub async fn replay(
    db: &mut Connection,
    tenant: TenantId,
    filter: &DeliveryFilter,
) -> Result<i64, StoreError> {
    sqlx::query_file_scalar!(
        "src/deliveries/replay.sql",
        tenant as TenantId,
        filter.id,
        filter.endpoint,
        filter.state,
        filter.event,
        filter.from,
        filter.until,
    )
    .fetch_one(db)
    .await
    .doing("replaying deliveries")
}

/// Writes a delivery that only tests its endpoint.
///
/// # Errors
/// As any statement.
pub async fn ping(db: &mut Connection, tenant: TenantId, endpoint: Uuid) -> Result<Uuid, StoreError> {
    let id = Uuid::now_v7();
    sqlx::query_file!("src/deliveries/ping.sql", tenant as TenantId, id, endpoint)
        .execute(db)
        .await
        .doing("writing a ping")
        .map(|_done| id)
}

/// How many deliveries should have been sent by now, and for how many minutes the oldest; `None` if there are none.
///
/// # Errors
/// As any statement.
pub async fn overdue(db: &mut Connection, tenant: TenantId) -> Result<Option<(i64, f64)>, StoreError> {
    let row = sqlx::query!(
        r#"select count(*) as "waiting!", extract(epoch from now() - min(d.due_at))::float8 / 60 as "minutes?"
           from deliveries d
           join endpoints e on e.tenant_id = d.tenant_id and e.id = d.endpoint_id and e.state = 'active'
           where d.tenant_id = $1 and d.state = 'pending' and d.due_at <= now()
               and (d.leased_until is null or d.leased_until < now())"#,
        tenant as TenantId,
    )
    .fetch_one(db)
    .await
    .doing("looking for overdue deliveries")?;
    Ok(row.minutes.map(|minutes| (row.waiting, minutes)))
}

/// Deletes some of a tenant's deliveries that ended so many days ago. Returns how many; call it again while there are
/// any.
///
/// # Errors
/// As any statement.
pub async fn delete_ended(db: &mut Connection, tenant: TenantId, days: i32) -> Result<u64, StoreError> {
    sqlx::query!(
        "delete from deliveries where tenant_id = $1 and id = any (array(
             select id from deliveries
             where tenant_id = $1 and ended_at < now() - make_interval(days => $2)
             order by ended_at limit 1000))",
        tenant as TenantId,
        days,
    )
    .execute(db)
    .await
    .doing("deleting deliveries that ended long ago")
    .map(|done| done.rows_affected())
}
