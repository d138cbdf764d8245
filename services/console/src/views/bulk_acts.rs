//! Bulk acts, and how far they are.

use serde::Serialize;
use tradeup_store::Pool;
use tradeup_store::bulk_acts::{self, BulkAct as Row};
use utoipa::ToSchema;
use uuid::Uuid;

use super::runs::Asked;
use super::when::When;
use crate::failure::Failure;

/// Acts of a page.
const PAGE: i64 = 100;

/// What a person does with all runs that a list was narrowed to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkAct {
    pub(crate) id: String,
    /// `retry` or `cancel`.
    pub(crate) act: String,
    /// What it is about, in words.
    pub(crate) about: String,
    /// The list, as an address has it.
    pub(crate) query: String,
    pub(crate) asked_by: String,
    pub(crate) reason: String,
    /// Runs that matched when it was asked for.
    pub(crate) total: i64,
    /// Runs that it came to.
    pub(crate) seen: i64,
    /// Runs that it changed, those below included.
    pub(crate) changed: i64,
    /// `running`, `stopped` or `done`.
    pub(crate) state: String,
    pub(crate) error: Option<String>,
    pub(crate) begun: When,
    pub(crate) ended: Option<When>,
}

impl BulkAct {
    fn of(row: Row) -> Self {
        let asked: Asked = serde_json::from_value(row.filter).unwrap_or_default();
        Self {
            id: row.id.to_string(),
            about: asked.words(),
            query: asked.query().unwrap_or_default(),
            act: row.act,
            asked_by: row.asked_by,
            reason: row.reason,
            total: row.total,
            seen: row.seen,
            changed: row.changed,
            state: row.state,
            error: row.error,
            begun: When(row.created_at),
            ended: row.ended_at.map(When),
        }
    }

    /// One of them.
    pub(crate) async fn read(pool: &Pool, given: &str) -> Result<Self, Failure> {
        let id = given.parse::<Uuid>().map_err(|_no_id| Failure::NotFound)?;
        bulk_acts::read(pool, id).await?.map(Self::of).ok_or(Failure::NotFound)
    }

    /// The newest.
    pub(crate) async fn list(pool: &Pool) -> Result<Vec<Self>, Failure> {
        Ok(bulk_acts::list(pool, PAGE).await?.into_iter().map(Self::of).collect())
    }
}
