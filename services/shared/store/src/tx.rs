//! Transactions. The one place where a tenant's context is set.

use std::ops::{Deref, DerefMut};
use std::time::Instant;

use sqlx::{AssertSqlSafe, Postgres, Transaction};
use tradeup_signals::metrics::money;
use tradeup_signals::metrics::store::{BEGIN_SECONDS, TRANSACTION_SECONDS};
use tradeup_signals::trace;

use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Connection, Pool, TenantId};

/// A transaction. Dropped without [`Tx::commit`], it rolls back.
///
/// One made by [`Tx::of_tenant`] sees that tenant's rows and no others: row level security reads
/// `app.tenant_id`, which is set for this transaction alone and set nowhere else, but for a search that asks each shop in its turn.
/// It is of one tenant at a time, also where it is of several in turn ([`Tx::turn_to`]).
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    open: Open,
    /// What is counted once it is committed.
    moved: Vec<Moved>,
}

impl Tx {
    /// Begins a transaction that sees one tenant's rows.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] and the like.
    pub async fn of_tenant(pool: &Pool, tenant: TenantId) -> Result<Self, StoreError> {
        Self::begin(pool, "begin", Some(tenant)).await
    }

    /// Begins a transaction that sees one tenant's rows as of one instant, and writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] and the like.
    pub async fn snapshot_of_tenant(pool: &Pool, tenant: TenantId) -> Result<Self, StoreError> {
        Self::begin(pool, "begin isolation level repeatable read read only", Some(tenant)).await
    }

    /// Begins a transaction that sees one tenant's rows as of one instant in all of its statements, and may write.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] and the like; later [`ErrorKind::Conflict`] when somebody else has changed a row that
    /// this one changes.
    pub async fn frozen_of_tenant(pool: &Pool, tenant: TenantId) -> Result<Self, StoreError> {
        Self::begin(pool, "begin isolation level repeatable read", Some(tenant)).await
    }

    /// Begins a transaction of the engine itself: it sees runs and schedules, and no tenant's data.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] and the like.
    pub async fn of_engine(pool: &Pool) -> Result<Self, StoreError> {
        Self::begin(pool, "begin", None).await
    }

    async fn begin(pool: &Pool, begin: &str, tenant: Option<TenantId>) -> Result<Self, StoreError> {
        // One round trip for all of it, and nothing that has to be planned. The number is an integer, and what is current is
        // hexadecimal digits: there is nothing to inject.
        let tenant = tenant.map(|tenant| format!("; set local app.tenant_id = '{tenant}'"));
        // Runs that are created have it (see the migration of traces).
        let traced = trace::current().map(|current| format!("; set local app.traceparent = '{current}'"));
        let statement = [Some(begin.to_owned()), tenant, traced].into_iter().flatten().collect::<String>();
        // In a task of its own, so that a caller dropped halfway can't leave a begun transaction
        // on a pooled connection: the task goes on, and the transaction rolls back when it is
        // dropped there. (`begin` of sqlx 0.9 alone is not cancel-safe.)
        let (pool, asked) = (pool.clone(), Instant::now());
        let begun = tokio::spawn(async move { pool.begin_with(AssertSqlSafe(statement)).await });
        let begun = match begun.await {
            Ok(result) => result.doing("beginning a transaction"),
            Err(_panicked) => Err(StoreError::of_kind(ErrorKind::Unexpected, "beginning a transaction")),
        };
        let outcome = if begun.is_ok() { "begun" } else { "failed" };
        BEGIN_SECONDS.took(asked.elapsed(), [outcome]);
        let open = Open { since: Instant::now(), outcome: "rolled_back" };
        begun.map(|inner| Self { inner, open, moved: Vec::new() })
    }

    /// From here on it sees this tenant's rows and no others, for what several tenants' work is one commit of.
    ///
    /// # Errors
    /// As any statement.
    pub async fn turn_to(&mut self, tenant: TenantId) -> Result<(), StoreError> {
        // Not prepared: each tenant's would be a statement of its own. The number is an integer, there is nothing to inject.
        let statement = format!("set local app.tenant_id = '{tenant}'");
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut *self.inner)
            .await
            .doing("turning to another tenant")
            .map(drop)
    }

    /// Commits. If this returns [`ErrorKind::Unavailable`] the outcome is unknown: the next attempt
    /// finds out from the rows.
    ///
    /// # Errors
    /// Also errors of constraints that are checked at commit.
    pub async fn commit(self) -> Result<(), StoreError> {
        let Self { inner, mut open, moved } = self;
        let committed = inner.commit().await.doing("committing");
        open.outcome = if committed.is_ok() { "committed" } else { "failed" };
        if committed.is_ok() {
            moved.iter().for_each(Moved::count);
        }
        committed
    }

    /// Credit was moved: `count` movements of this kind, of `minor` in minor units of the currency together. It is counted
    /// if and when the transaction commits.
    pub fn moved(&mut self, kind: &'static str, currency: &'static str, count: u64, minor: u64) {
        self.moved.push(Moved { kind, currency, count, minor });
    }

    /// Rolls back now instead of when dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`]; the server has rolled back then, too.
    pub async fn rollback(self) -> Result<(), StoreError> {
        self.inner.rollback().await.doing("rolling back")
    }
}

struct Moved {
    kind: &'static str,
    currency: &'static str,
    count: u64,
    minor: u64,
}

impl Moved {
    fn count(&self) {
        money::COUNT.add(self.count, [self.kind, self.currency]);
        money::MINOR.add(self.minor, [self.kind, self.currency]);
    }
}

/// A transaction's time, which ends with it.
struct Open {
    since: Instant,
    outcome: &'static str,
}

impl Drop for Open {
    fn drop(&mut self) {
        TRANSACTION_SECONDS.took(self.since.elapsed(), [self.outcome]);
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
