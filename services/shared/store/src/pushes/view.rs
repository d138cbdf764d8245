//! Pushes as people see them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// Which pushes. Each narrows.
#[derive(Clone, Debug, Default)]
pub struct PushFilter {
    /// That one.
    pub id: Option<Uuid>,
    /// In this state.
    pub state: Option<String>,
    /// Of the member with this customer id.
    pub member: Option<String>,
}

/// A push as it is shown.
#[derive(Clone, Debug)]
pub struct PushView {
    /// Its id.
    pub id: Uuid,
    /// `entry`, `opening` or `repair`.
    pub kind: String,
    /// The member's customer id.
    pub external_id: String,
    /// ISO 4217 code.
    pub currency: String,
    /// What it is about, signed, in minor units.
    pub amount_minor: i64,
    /// What was told, with what was folded into it.
    pub net_minor: Option<i64>,
    /// What the shop has booked.
    pub sent_minor: Option<i64>,
    /// Its state.
    pub state: String,
    /// When it can be told, or looked for.
    pub due_at: Option<DateTime<Utc>>,
    /// How often the shop was told.
    pub sends: i32,
    /// When last.
    pub sent_at: Option<DateTime<Utc>>,
    /// The end that the shop was given.
    pub expires_at: Option<DateTime<Utc>>,
    /// How often its outcome was looked for in vain.
    pub looks: i32,
    /// The run that told the shop last.
    pub run_id: Option<RunId>,
    /// The booking at Shopify.
    pub transaction_gid: Option<String>,
    /// When it came to its end.
    pub ended_at: Option<DateTime<Utc>>,
    /// What went wrong last.
    pub error_code: Option<String>,
    /// The same in words.
    pub error: Option<String>,
    /// Who decided what became of it.
    pub resolved_by: Option<String>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// The newest pushes of a tenant.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    filter: &PushFilter,
    limit: i64,
) -> Result<Vec<PushView>, StoreError> {
    sqlx::query_as!(
        PushView,
        r#"select p.id, p.kind, m.external_id, p.currency, p.amount_minor, p.net_minor, p.sent_minor, p.state,
               p.due_at, p.sends, p.sent_at, p.expires_at, p.looks, p.run_id as "run_id: RunId",
               p.transaction_gid, p.ended_at, p.error_code, p.error, p.resolved_by, p.created_at
           from pushes p join members m on m.tenant_id = p.tenant_id and m.id = p.member_id
           where p.tenant_id = $1 and ($2::uuid is null or p.id = $2) and ($3::text is null or p.state = $3)
               and ($4::text is null or m.external_id = $4)
           order by p.seq desc limit $5"#,
        tenant as TenantId,
        filter.id,
        filter.state,
        filter.member,
        limit,
    )
    .fetch_all(db)
    .await
    .doing("listing pushes")
}

/// Pushes of one state, added up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushSum {
    /// The state.
    pub state: String,
    /// ISO 4217 code.
    pub currency: String,
    /// How many.
    pub pushes: i64,
    /// Of credits, in minor units.
    pub credit_minor: i64,
    /// Of debits, in minor units, below 0.
    pub debit_minor: i64,
    /// When the oldest was written.
    pub oldest_at: DateTime<Utc>,
}

/// The pushes of a tenant by state and currency; those that a run has told, if one is given.
///
/// # Errors
/// As any statement.
pub async fn sums(
    db: &mut Connection,
    tenant: TenantId,
    run_id: Option<RunId>,
) -> Result<Vec<PushSum>, StoreError> {
    sqlx::query_as!(
        PushSum,
        r#"select state, currency, count(*) as "pushes!",
               coalesce(sum(amount) filter (where amount > 0), 0)::bigint as "credit_minor!",
               coalesce(sum(amount) filter (where amount < 0), 0)::bigint as "debit_minor!",
               min(created_at) as "oldest_at!"
           from (
               select state, currency, created_at, coalesce(sent_minor, net_minor, amount_minor) as amount
               from pushes where tenant_id = $1 and ($2::uuid is null or run_id = $2)
           ) as p
           group by state, currency order by state, currency"#,
        tenant as TenantId,
        run_id as Option<RunId>,
    )
    .fetch_all(db)
    .await
    .doing("adding up pushes")
}

/// What of a tenant's pushes needs somebody, or time.
#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    /// To be told, and due.
    pub waiting: i64,
    /// For how long the oldest of these has been, in minutes.
    pub waits_minutes: f64,
    /// Nobody knows whether the shop has booked them, and a person has to say.
    pub undecided: i64,
    /// Refused.
    pub failed: i64,
}

/// What of a tenant's pushes needs somebody, or time.
///
/// # Errors
/// As any statement.
pub async fn backlog(db: &mut Connection, tenant: TenantId) -> Result<Backlog, StoreError> {
    sqlx::query_as!(
        Backlog,
        r#"select count(*) filter (where state = 'pending') as "waiting!",
               coalesce(extract(epoch from now() - min(due_at) filter (where state = 'pending')) / 60, 0)::float8
                   as "waits_minutes!",
               count(*) filter (where state = 'unknown' and due_at is null) as "undecided!",
               count(*) filter (where state = 'failed') as "failed!"
           from pushes
           where tenant_id = $1 and ((state = 'pending' and due_at <= now()) or state in ('unknown', 'failed'))"#,
        tenant as TenantId,
    )
    .fetch_one(db)
    .await
    .doing("looking what is left to be pushed")
}
