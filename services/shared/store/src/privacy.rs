//! What a shop's customers ask for by law: to see their data, and to be forgotten. The ledger's amounts stay; what says
//! whose they are goes.

mod data;

pub use data::data_of;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, TenantId};

/// A request is to be answered within so many days (Shopify reference §3).
pub const DUE_DAYS: i32 = 30;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// To see what is known of a customer.
    DataRequest,
    /// To forget a customer.
    CustomerRedact,
    /// To forget a shop's customers.
    ShopRedact,
}

impl RequestKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::DataRequest => "data_request",
            Self::CustomerRedact => "customer_redact",
            Self::ShopRedact => "shop_redact",
        }
    }
}

/// A request as it came.
#[derive(Clone, Copy, Debug)]
pub struct NewRequest<'a> {
    /// What is asked for.
    pub kind: RequestKind,
    /// The event that asks for it.
    pub event_id: Uuid,
    /// The member that it is about, if it is one.
    pub member_id: Option<Uuid>,
    /// The shop's number of it.
    pub number: Option<&'a str>,
    /// When it was asked for.
    pub received_at: DateTime<Utc>,
}

/// A request as it is shown.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its id.
    pub id: Uuid,
    /// What is asked for.
    pub kind: String,
    /// The member that it is about.
    pub member_id: Option<Uuid>,
    /// When it was asked for.
    pub received_at: DateTime<Utc>,
    /// Until when it has to be done.
    pub due_at: DateTime<Utc>,
    /// `open`, `done` or `void`.
    pub state: String,
    /// When it was done.
    pub done_at: Option<DateTime<Utc>>,
    /// Who did it.
    pub done_by: Option<String>,
    /// What was done.
    pub evidence: Option<Value>,
}

/// Opens a request; the same event opens one. Returns its id.
///
/// # Errors
/// As any statement.
pub async fn open(db: &mut Connection, tenant: TenantId, new: &NewRequest<'_>) -> Result<Uuid, StoreError> {
    sqlx::query_scalar!(
        "insert into privacy_requests as r (tenant_id, id, kind, event_id, member_id, request_number, received_at, due_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7::timestamptz + make_interval(days => $8))
         on conflict (tenant_id, event_id) do update set state = r.state
         returning id",
        tenant as TenantId,
        Uuid::now_v7(),
        new.kind.as_str(),
        new.event_id,
        new.member_id,
        new.number,
        new.received_at,
        DUE_DAYS,
    )
    .fetch_one(db)
    .await
    .doing("opening a request by law")
}

/// What is open of a shop's requests.
#[derive(Clone, Debug)]
pub struct Due {
    /// The shop's handle.
    pub tenant: String,
    /// How many.
    pub open: i64,
    /// Until when the first has to be done.
    pub due_at: DateTime<Utc>,
    /// Days until then; below 0, it is late.
    pub days_left: f64,
}

/// Shops with open requests, the most urgent first.
///
/// # Errors
/// As any statement.
pub async fn due(pool: &Pool, limit: i64) -> Result<Vec<Due>, StoreError> {
    sqlx::query_as!(
        Due,
        r#"select t.handle as tenant, count(*) as "open!", min(d.due_at) as "due_at!",
               (extract(epoch from min(d.due_at) - now()) / 86400)::float8 as "days_left!"
           from privacy_due d join tenants t on t.id = d.tenant_id
           group by t.id, t.handle order by min(d.due_at) limit $1"#,
        limit,
    )
    .fetch_all(pool)
    .await
    .doing("looking until when requests by law have to be done")
}

/// Closes a request with what was done; `false` if it is closed already. A request for nobody that is known, or of a
/// shop that has come back, is void.
///
/// # Errors
/// As any statement.
pub async fn close(
    db: &mut Connection,
    tenant: TenantId,
    id: Uuid,
    is_void: bool,
    by: &str,
    evidence: &Value,
) -> Result<bool, StoreError> {
    sqlx::query!(
        "update privacy_requests set state = $3, done_at = clock_timestamp(), done_by = $4, evidence = $5
         where tenant_id = $1 and id = $2 and state = 'open'",
        tenant as TenantId,
        id,
        if is_void { "void" } else { "done" },
        by,
        evidence,
    )
    .execute(db)
    .await
    .doing("closing a request by law")
    .map(|done| done.rows_affected() == 1)
}

/// A tenant's requests: those that are open first, by when they are due.
///
/// # Errors
/// As any statement.
pub async fn list(db: &mut Connection, tenant: TenantId) -> Result<Vec<Request>, StoreError> {
    sqlx::query_as!(
        Request,
        "select id, kind, member_id, received_at, due_at, state, done_at, done_by, evidence
         from privacy_requests where tenant_id = $1
         order by state <> 'open', due_at, id",
        tenant as TenantId
    )
    .fetch_all(db)
    .await
    .doing("listing requests by law")
}

/// Whom a request is about, as the shop names them.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// The customer id.
    pub external_id: Option<String>,
    /// E-mail address, for one whose id is not told.
    pub email: Option<String>,
}

/// The member whom a request is about: by id, else by address.
///
/// # Errors
/// As any statement.
pub async fn member_of(
    db: &mut Connection,
    tenant: TenantId,
    person: &Person,
) -> Result<Option<Uuid>, StoreError> {
    sqlx::query_scalar!(
        "select id from members
         where tenant_id = $1 and case when $2::text is not null then external_id = $2
             else lower(email) = lower(btrim($3::text)) end
         order by id limit 1",
        tenant as TenantId,
        person.external_id,
        person.email,
    )
    .fetch_optional(db)
    .await
    .doing("looking up whom a request is about")
}

/// Forgets a person: the member's details, bodies of events about them, messages that were set aside, and what agents
/// were told and answered of them. Returns how many rows of each.
///
/// # Errors
/// As any statement.
pub async fn forget(db: &mut Connection, tenant: TenantId, person: &Person) -> Result<Value, StoreError> {
    let row = sqlx::query_file!(
        "src/privacy/forget.sql",
        tenant as TenantId,
        person.external_id,
        person.email.as_deref().map(|email| email.trim().to_lowercase()),
    )
    .fetch_one(db)
    .await
    .doing("forgetting a customer")?;
    Ok(json!({ "members": row.members, "events": row.events, "dead_letters": row.dead_letters,
        "agent_runs": row.agent_runs, "agent_texts": row.agent_texts }))
}

/// Forgets everybody of a shop, and its tokens. Returns how many rows of each table.
///
/// # Errors
/// As any statement.
pub async fn forget_shop(db: &mut Connection, tenant: TenantId) -> Result<Value, StoreError> {
    let row = sqlx::query_file!("src/privacy/forget_shop.sql", tenant as TenantId)
        .fetch_one(db)
        .await
        .doing("forgetting a shop")?;
    Ok(json!({ "members": row.members, "events": row.events, "dead_letters": row.dead_letters,
        "tokens": row.tokens, "agent_runs": row.agent_runs, "agent_texts": row.agent_texts }))
}
