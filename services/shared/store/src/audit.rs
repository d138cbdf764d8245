//! The audit log: what people did, and why.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, Pool};

/// Who does something, and why.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The person's name.
    pub name: String,
    /// Their reason.
    pub reason: Option<String>,
}

/// Records an act in the transaction that carries it out.
///
/// # Errors
/// As any statement.
pub async fn record(
    db: &mut Connection,
    actor: &Actor,
    act: &str,
    subject: &Value,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into audit_log (id, actor, act, subject, reason) values ($1, $2, $3, $4, $5)",
        Uuid::now_v7(),
        actor.name,
        act,
        subject,
        actor.reason,
    )
    .execute(db)
    .await
    .doing("writing the audit log")
    .map(drop)
}

/// An act as it is shown.
#[derive(Clone, Debug)]
pub struct ActView {
    /// Id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What, like `run.cancel`.
    pub act: String,
    /// To what, and with which arguments.
    pub subject: Value,
    /// Why.
    pub reason: Option<String>,
}

/// Which acts. Each that is set narrows.
#[derive(Clone, Debug, Default)]
pub struct ActFilter {
    /// By this person.
    pub actor: Option<String>,
    /// Of this kind, or one that begins so.
    pub act: Option<String>,
    /// Only acts older than this one: the next page.
    pub before: Option<Uuid>,
}

/// What people did, newest first.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool, filter: &ActFilter, limit: i64) -> Result<Vec<ActView>, StoreError> {
    sqlx::query_as!(
        ActView,
        "select id, at, actor, act, subject, reason from audit_log
         where ($1::text is null or actor = $1) and ($2::text is null or starts_with(act, $2))
             and ($3::uuid is null or id < $3)
         order by id desc limit $4",
        filter.actor,
        filter.act,
        filter.before,
        limit,
    )
    .fetch_all(pool)
    .await
    .doing("listing what people did")
}
