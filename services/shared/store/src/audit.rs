//! The audit log: what people did, and why.

use serde_json::Value;
use uuid::Uuid;

use crate::Connection;
use crate::error::{Doing, StoreError};

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
