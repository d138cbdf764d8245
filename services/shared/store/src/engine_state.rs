//! How the engine as a whole stands, for metrics: a few counts, none of a shop.

use crate::error::{Doing, StoreError};
use crate::{Pool, Tx};

/// A number about the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Which, like `outbox`.
    pub what: String,
    /// Of what, like `due`; empty if there is one only.
    pub of: String,
    /// How many, or how many seconds.
    pub number: f64,
}

/// Reads them all, of these dependencies and services.
///
/// # Errors
/// As any statement.
pub async fn read(
    pool: &Pool,
    dependencies: &[String],
    services: &[String],
) -> Result<Vec<Figure>, StoreError> {
    let mut tx = Tx::of_engine(pool).await?;
    let figures = sqlx::query_file_as!(Figure, "src/engine_state/read.sql", dependencies, services)
        .fetch_all(&mut *tx)
        .await
        .doing("reading how the engine stands")?;
    tx.rollback().await?;
    Ok(figures)
}
