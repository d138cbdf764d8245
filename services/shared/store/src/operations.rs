//! Operations: one row for each command on one member's credit. Its key makes it happen once.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// What kind of command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Used, at a checkout for instance.
    Spend,
    /// A use is taken back, in whole or in part.
    SpendRevert,
    /// Put right by a person.
    Adjust,
    /// What an order earns, after something about it has changed.
    Settle,
    /// Another member's credit comes, since the two have become one.
    Merge,
    /// Given by a rule.
    Grant,
}

impl OperationKind {
    /// The name that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spend => "spend",
            Self::SpendRevert => "spend_revert",
            Self::Adjust => "adjust",
            Self::Settle => "settle",
            Self::Merge => "merge",
            Self::Grant => "grant",
        }
    }
}

/// A command on one member's credit.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// What makes it unique within its tenant.
    pub key: &'a str,
    /// What kind.
    pub kind: OperationKind,
    /// The member.
    pub member_id: Uuid,
    /// ISO 4217 code.
    pub currency: &'a str,
    /// What is asked for, in minor units; signed where the kind can go both ways.
    pub amount_minor: i64,
    /// The operation that it takes back.
    pub of_key: Option<&'a str>,
    /// Why, in words for people.
    pub reason: Option<&'a str>,
    /// Who asks: a person, a system, a task.
    pub actor: &'a str,
    /// The run that executes it, if one does.
    pub run_id: Option<RunId>,
    /// When it takes effect.
    pub effective_at: DateTime<Utc>,
    /// Whether it has happened at the shop already, and the ledger follows: then the shop is not told of it.
    pub at_shop: bool,
    /// The shop's rule that it follows, like `cashback@3`.
    pub rule: Option<&'a str>,
}

/// Whether an operation is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is new: do it, in this transaction.
    New,
    /// It was done before, the very same.
    Done,
    /// The key is that of another operation.
    Other,
}

/// Records an operation. The key decides whether it is done now; another transaction that does the same
/// is waited for.
///
/// # Errors
/// As any statement.
pub async fn begin(db: &mut Connection, operation: &Operation<'_>) -> Result<Begun, StoreError> {
    let inserted = sqlx::query!(
        "insert into operations (tenant_id, key, kind, member_id, currency, amount_minor, of_key, reason, actor,
            run_id, effective_at, at_shop, rule)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (tenant_id, key) do nothing",
        operation.tenant as TenantId,
        operation.key,
        operation.kind.as_str(),
        operation.member_id,
        operation.currency,
        operation.amount_minor,
        operation.of_key,
        operation.reason,
        operation.actor,
        operation.run_id as Option<RunId>,
        operation.effective_at,
        operation.at_shop,
        operation.rule,
    )
    .execute(&mut *db)
    .await
    .doing("recording an operation")?;
    if inserted.rows_affected() == 1 {
        return Ok(Begun::New);
    }
    let same = sqlx::query_scalar!(
        // Whose member has become a part of this one asks for the same.
        r#"select (kind, currency, amount_minor) = ($3, $5, $6) and of_key is not distinct from $7
               and (o.member_id = $4 or m.merged_into = $4) as "same!"
           from operations o join members m on m.tenant_id = $1 and m.id = o.member_id
           where o.tenant_id = $1 and o.key = $2"#,
        operation.tenant as TenantId,
        operation.key,
        operation.kind.as_str(),
        operation.member_id,
        operation.currency,
        operation.amount_minor,
        operation.of_key,
    )
    .fetch_one(db)
    .await
    .doing("comparing an operation with the one of its key")?;
    Ok(if same { Begun::Done } else { Begun::Other })
}

/// An operation as it was done.
#[derive(Clone, Debug)]
pub struct OperationView {
    /// Its key.
    pub key: String,
    /// What kind.
    pub kind: String,
    /// The member.
    pub member_id: Uuid,
    /// ISO 4217 code.
    pub currency: String,
    /// What was asked for, in minor units.
    pub amount_minor: i64,
    /// When it took effect.
    pub effective_at: DateTime<Utc>,
}

/// Looks an operation up by its key.
///
/// # Errors
/// As any statement.
pub async fn by_key(
    db: &mut Connection,
    tenant: TenantId,
    key: &str,
) -> Result<Option<OperationView>, StoreError> {
    sqlx::query_as!(
        OperationView,
        "select key, kind, member_id, currency, amount_minor, effective_at
         from operations where tenant_id = $1 and key = $2",
        tenant as TenantId,
        key
    )
    .fetch_optional(db)
    .await
    .doing("looking up an operation")
}
