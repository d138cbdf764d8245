//! Transactions. The one place where a tenant's context is set.

use std::ops::{Deref, DerefMut};

use sqlx::{AssertSqlSafe, Postgres, Transaction};

use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Connection, Pool, TenantId};

/// A transaction. Dropped without [`Tx::commit`], it rolls back.
///
/// One made by [`Tx::of_tenant`] sees that tenant's rows and no others: row level security reads
/// `app.tenant_id`, which is set for this transaction alone and set nowhere else, but for a search that asks each shop in its turn.
pub struct Tx {
    inner: Transaction<'static, Postgres>,
}

impl Tx {
    /// Begins a transaction that sees one tenant's rows.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] and the like.
    pub async fn of_tenant(pool: &Pool, tenant: TenantId) -> Result<Self, StoreError> {
        // One round trip for both; the number is an integer, so there is nothing to inject.
        Self::begin(pool, format!("begin; select set_config('app.tenant_id', '{tenant}', true)")).await
    }

    /// Begins a transaction that sees one tenant's rows as of one instant, and writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] and the like.
    pub async fn snapshot_of_tenant(pool: &Pool, tenant: TenantId) -> Result<Self, StoreError> {
        let begin = "begin isolation level repeatable read read only";
        Self::begin(pool, format!("{begin}; select set_config('app.tenant_id', '{tenant}', true)")).await
    }

    /// Begins a transaction that sees one tenant's rows as of one instant in all of its statements, and may write.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] and the like; later [`ErrorKind::Conflict`] when somebody else has changed a row that
    /// this one changes.
    pub async fn frozen_of_tenant(pool: &Pool, tenant: TenantId) -> Result<Self, StoreError> {
        let begin = "begin isolation level repeatable read";
        Self::begin(pool, format!("{begin}; select set_config('app.tenant_id', '{tenant}', true)")).await
    }

    /// Begins a transaction of the engine itself: it sees runs and schedules, and no tenant's data.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] and the like.
    pub async fn of_engine(pool: &Pool) -> Result<Self, StoreError> {
        Self::begin(pool, "begin".to_owned()).await
    }

    async fn begin(pool: &Pool, statement: String) -> Result<Self, StoreError> {
        // In a task of its own, so that a caller dropped halfway can't leave a begun transaction
        // on a pooled connection: the task goes on, and the transaction rolls back when it is
        // dropped there. (`begin` of sqlx 0.9 alone is not cancel-safe.)
        let pool = pool.clone();
        let begun = tokio::spawn(async move { pool.begin_with(AssertSqlSafe(statement)).await });
        match begun.await {
            Ok(result) => result.map(|inner| Self { inner }).doing("beginning a transaction"),
            Err(_panicked) => Err(StoreError::of_kind(ErrorKind::Unexpected, "beginning a transaction")),
        }
    }

    /// Commits. If this returns [`ErrorKind::Unavailable`] the outcome is unknown: the next attempt
    /// finds out from the rows.
    ///
    /// # Errors
    /// Also errors of constraints that are checked at commit.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.inner.commit().await.doing("committing")
    }

    /// Rolls back now instead of when dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`]; the server has rolled back then, too.
    pub async fn rollback(self) -> Result<(), StoreError> {
        self.inner.rollback().await.doing("rolling back")
    }
}

impl Deref for Tx {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.inner
    }
}
