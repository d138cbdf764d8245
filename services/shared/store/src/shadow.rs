//! Shops in shadow: another system moves their members' credit, and this one reckons what it would do, beside it.
//!
//! What is decided in shadow is written by the very statements that would book it, read back, and rolled back to a
//! savepoint; only what it was is kept, in `shadow_effects`. That nothing else stays is not left to this module: a
//! transaction that has booked for a shop in shadow can't commit (migration 40).

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::Connection as _;
use uuid::Uuid;

use crate::audit::{self, Actor};
use crate::batches::BatchCounts;
use crate::credits::{MemberBatch, MemberFailure, apply_singly, member_failures};
use crate::error::{Doing, ErrorKind, StoreError};
use crate::runs::Claim;
use crate::tenants::Tenant;
use crate::{Connection, RunId, TenantId};

/// Notes that a tenant's run was planned in shadow.
///
/// # Errors
/// As any statement.
pub async fn note_run(db: &mut Connection, tenant: TenantId, claim: &Claim) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into shadow_runs (tenant_id, run_id, task, key) select tenant_id, id, task, key from runs
         where id = $2 and tenant_id = $1
         on conflict do nothing",
        tenant as TenantId,
        claim.run_id as RunId,
    )
    .execute(db)
    .await
    .doing("noting a run in shadow")
    .map(drop)
}

/// An effect that was undone.
struct Effect {
    kind: String,
    key: String,
    member_id: Uuid,
    currency: String,
    amount_minor: i64,
    effective_at: DateTime<Utc>,
}

/// Applies a batch, undoes it, and writes down what it would have done. The counts are of that: members of whom the same was
/// written down before count as done before.
///
/// # Errors
/// As the batch.
pub async fn reckon<B: MemberBatch>(db: &mut Connection, batch: &B) -> Result<BatchCounts, StoreError> {
    let scope = batch.scope();
    let mut savepoint = db.begin().await.doing("setting a savepoint")?;
    let mut counts = match batch.apply(&mut savepoint, scope.range).await {
        Ok(counts) => counts,
        Err(error) if error.kind() == ErrorKind::Refused => {
            savepoint.rollback().await.doing("rolling back to a savepoint")?;
            savepoint = db.begin().await.doing("setting a savepoint")?;
            apply_singly(&mut savepoint, batch).await?
        }
        Err(error) => return Err(error),
    };
    let effects = sqlx::query_file_as!(
        Effect,
        "src/shadow/effects.sql",
        scope.tenant as TenantId,
        scope.run_id as RunId,
        scope.range.first,
        scope.range.last,
    )
    .fetch_all(&mut *savepoint)
    .await
    .doing("reading what a batch has done")?;
    let failures = member_failures(&mut savepoint, scope.tenant, scope.run_id, i64::MAX).await?;
    savepoint.rollback().await.doing("rolling back to a savepoint")?;

    for failure in &failures {
        keep(db, scope.tenant, failure).await?;
    }
    let texts = |of: fn(&Effect) -> &str| effects.iter().map(|e| of(e).to_owned()).collect::<Vec<_>>();
    let recorded = sqlx::query_file!(
        "src/shadow/record.sql",
        scope.tenant as TenantId,
        scope.run_id as RunId,
        &texts(|e| &e.kind),
        &texts(|e| &e.key),
        &effects.iter().map(|e| e.member_id).collect::<Vec<_>>(),
        &texts(|e| &e.currency),
        &effects.iter().map(|e| e.amount_minor).collect::<Vec<_>>(),
        &effects.iter().map(|e| e.effective_at).collect::<Vec<_>>(),
    )
    .fetch_one(db)
    .await
    .doing("recording what a batch would have done")?;
    counts.already_done += counts.affected - recorded.members;
    counts.affected = recorded.members;
    counts.affected_minor = recorded.amount_minor;
    Ok(counts)
}

/// A failure is none the less one.
async fn keep(db: &mut Connection, tenant: TenantId, failure: &MemberFailure) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into member_failures (tenant_id, run_id, member_id, code, reason) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, run_id, member_id) do nothing",
        tenant as TenantId,
        failure.run_id as RunId,
        failure.member_id,
        failure.code,
        failure.reason,
    )
    .execute(db)
    .await
    .doing("recording a member's failure")
    .map(drop)
}

/// How many runs of a tenant have not ended; of those that were planned in shadow, if asked.
async fn under_way(db: &mut Connection, tenant: TenantId, in_shadow: bool) -> Result<i64, StoreError> {
    sqlx::query_scalar!(
        r#"select count(*) as "runs!" from runs r
           where tenant_id = $1 and finished_at is null
               and (not $2 or exists (select from shadow_runs s where s.tenant_id = $1 and s.run_id = r.id))"#,
        tenant as TenantId,
        in_shadow,
    )
    .fetch_one(db)
    .await
    .doing("counting what is under way")
}

/// What came of an order to begin or end a shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switched {
    /// Done, as of this instant.
    At(DateTime<Utc>),
    /// It is so already, or never was.
    Already,
    /// So many runs of the shop have not ended: what they began they would end otherwise.
    UnderWay(i64),
    /// The shop's wallet is not `none`: it would have to be told.
    HasWallet,
}

/// Puts a tenant into shadow.
///
/// # Errors
/// As any statement.
pub async fn begin(db: &mut Connection, tenant: &Tenant, actor: &Actor) -> Result<Switched, StoreError> {
    let row = sqlx::query!(
        "select shadow_since, wallet from tenants where id = $1 for update",
        tenant.id as TenantId
    )
    .fetch_one(&mut *db)
    .await
    .doing("reading a shop")?;
    if row.shadow_since.is_some() {
        return Ok(Switched::Already);
    }
    if row.wallet != "none" {
        return Ok(Switched::HasWallet);
    }
    let runs = under_way(db, tenant.id, false).await?;
    if runs > 0 {
        return Ok(Switched::UnderWay(runs));
    }
    let at = sqlx::query_scalar!(
        r#"update tenants set shadow_since = clock_timestamp() where id = $1 returning shadow_since as "at!""#,
        tenant.id as TenantId,
    )
    .fetch_one(&mut *db)
    .await
    .doing("putting a shop into shadow")?;
    audit::record(db, actor, "shadow.begin", &json!({ "tenant": tenant.handle })).await?;
    Ok(Switched::At(at))
}

/// Ends a tenant's shadow, now: the cut-over. From this instant on what is decided is done; what was due before stays the
/// other system's.
///
/// # Errors
/// As any statement.
pub async fn end(db: &mut Connection, tenant: &Tenant, actor: &Actor) -> Result<Switched, StoreError> {
    let since = sqlx::query_scalar!(
        "select shadow_since from tenants where id = $1 for update",
        tenant.id as TenantId
    )
    .fetch_one(&mut *db)
    .await
    .doing("reading a shop")?;
    if since.is_none() {
        return Ok(Switched::Already);
    }
    let runs = under_way(db, tenant.id, true).await?;
    if runs > 0 {
        return Ok(Switched::UnderWay(runs));
    }
    let at = sqlx::query_scalar!(
        r#"update tenants set shadow_since = null, live_since = clock_timestamp() where id = $1
           returning live_since as "at!""#,
        tenant.id as TenantId,
    )
    .fetch_one(&mut *db)
    .await
    .doing("ending a shop's shadow")?;
    audit::record(
        db,
        actor,
        "shadow.end",
        &json!({ "tenant": tenant.handle, "in_shadow_since": since.map(|at| at.to_rfc3339()) }),
    )
    .await?;
    Ok(Switched::At(at))
}

/// A line of a comparison: a member who differs, or all of one outcome added up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// `same`, `missing` (the other system gave it, ours would not), `extra` (ours would, the other did not), `different`
    /// (other amounts), `unknown` (the other system's customer is no member here).
    pub outcome: String,
    /// The member; `None` in a sum, and where nobody is known.
    pub member_id: Option<Uuid>,
    /// The customer id; `None` in a sum.
    pub external_id: Option<String>,
    /// Members.
    pub members: i64,
    /// What ours would have given, in minor units.
    pub ours_minor: i64,
    /// What the other system gave, in minor units.
    pub theirs_minor: i64,
}

/// Holds a month as it was reckoned in shadow against what the other system has done: the credits of `against` (customer id
/// and minor units), or else those that were imported. First a sum for each outcome, then at most so many who differ.
///
/// # Errors
/// As any statement.
pub async fn compare(
    db: &mut Connection,
    tenant: TenantId,
    period: &str,
    against: Option<&[(String, i64)]>,
    limit: i64,
) -> Result<Vec<Compared>, StoreError> {
    let rows = against.unwrap_or_default();
    sqlx::query_file_as!(
        Compared,
        "src/shadow/compare.sql",
        tenant as TenantId,
        period,
        against.is_some(),
        &rows.iter().map(|(member, _)| member.clone()).collect::<Vec<_>>(),
        &rows.iter().map(|(_, minor)| *minor).collect::<Vec<_>>(),
        limit,
    )
    .fetch_all(db)
    .await
    .doing("comparing with another system")
}

/// What would have ended, or been warned of, within a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reckoned {
    /// `expire` or `warning`.
    pub kind: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Members.
    pub members: i64,
    /// Together, in minor units.
    pub amount_minor: i64,
}

/// Ends and warnings that were reckoned in shadow and fall into a time, added up.
///
/// # Errors
/// As any statement.
pub async fn reckoned(
    db: &mut Connection,
    tenant: TenantId,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Reckoned>, StoreError> {
    sqlx::query_as!(
        Reckoned,
        r#"select kind, currency, count(distinct member_id) as "members!", sum(amount_minor)::bigint as "amount_minor!"
           from shadow_effects
           where tenant_id = $1 and kind in ('expire', 'warning') and effective_at >= $2 and effective_at < $3
           group by kind, currency order by kind, currency"#,
        tenant as TenantId,
        from,
        until,
    )
    .fetch_all(db)
    .await
    .doing("adding up what was reckoned")
}
