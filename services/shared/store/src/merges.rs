//! Two members of a shop become one: the shop system has found that they are the same customer.
//!
//! Every lot of the old one goes on with the kept one, as it is; what it owes, too. From then on whoever asks
//! for the old customer id gets the kept member ([`crate::members::by_external_id`]), and what comes back to
//! the old one's lots goes on to the kept one's.

mod plan;

pub use plan::{Moving, Plan, Tier, plan};

use chrono::{DateTime, Utc};
use tradeup_domain::ledger::{EntryKind, Part};
use uuid::Uuid;

use crate::accounts::{self, Booking, DebtKind, DebtMovement, book};
use crate::error::{Doing, ErrorKind, StoreError};
use crate::operations::{self, Begun, Operation, OperationKind};
use crate::{Connection, RunId, TenantId, purchases, schedules};

/// The member with this customer id, also one who has become a part of another.
///
/// # Errors
/// As any statement.
pub async fn member(
    db: &mut Connection,
    tenant: TenantId,
    external_id: &str,
) -> Result<Option<Uuid>, StoreError> {
    sqlx::query_scalar!(
        "select id from members where tenant_id = $1 and external_id = $2",
        tenant as TenantId,
        external_id,
    )
    .fetch_optional(db)
    .await
    .doing("looking up a member")
}

/// Who asks that two members become one.
#[derive(Clone, Copy, Debug)]
pub struct AskedMerge<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// Who: a person, a system.
    pub actor: &'a str,
    /// Why, in words for people.
    pub reason: Option<&'a str>,
    /// The run that executes it, if one does.
    pub run_id: Option<RunId>,
}

/// Why two members can't become one, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeRefused {
    /// They are one.
    #[error("both are the same member")]
    SameMember,
    /// The kept one is a part of the old one: it was asked for the other way round before.
    #[error("the kept member is a part of the old one already: it would go in a ring")]
    Ring,
    /// The old one is a part of somebody else.
    #[error("the old member is a part of another one already")]
    PartOfAnother,
}

/// What came of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// They are one; `is_new` if by this call.
    Done {
        /// Whether it was done now.
        is_new: bool,
        /// Who both are now.
        member_id: Uuid,
        /// Lots that have moved.
        lots: i32,
    },
    /// It can't be.
    Refused(MergeRefused),
    /// A checkout has authorised some of the old member's credit: not before it has captured or released
    /// that, or its time is over.
    Held {
        /// By then, at the latest.
        until: DateTime<Utc>,
    },
}

/// Makes `old` a part of `kept`: of whom that one is a part, if it is. Two calls of one pair do it once.
///
/// # Errors
/// [`ErrorKind::Conflict`] if one of them became a part of somebody meanwhile; else as any statement. The
/// caller rolls back what is not [`Merged::Done`].
pub async fn merge(
    db: &mut Connection,
    asked: &AskedMerge<'_>,
    old: Uuid,
    kept: Uuid,
) -> Result<Merged, StoreError> {
    let key = key(old, kept);
    let into = match check(db, asked.tenant, old, kept).await? {
        Checked::Go { kept } => kept,
        Checked::Done { member_id } => return Ok(Merged::Done { is_new: false, member_id, lots: 0 }),
        Checked::Refused(why) => return Ok(Merged::Refused(why)),
    };
    let currencies = lock(db, asked.tenant, old, into).await?;
    if let Some(until) = held_until(db, asked.tenant, old).await? {
        return Ok(Merged::Held { until });
    }
    let now = schedules::now(db).await?;
    let mut lots = 0;
    for currency in &currencies {
        lots += carry(db, asked, &key, Pair { old, kept: into }, currency, now).await?;
    }
    // First the member, then its tier: as an import does.
    record(db, asked, &key, Pair { old, kept: into }, lots, now).await?;
    plan::carry_tier(db, asked.tenant, old, into, now).await?;
    purchases::carry(db, asked.tenant, old, into).await?;
    Ok(Merged::Done { is_new: true, member_id: into, lots })
}

/// What makes a merge happen once.
fn key(old: Uuid, kept: Uuid) -> String {
    format!("merge:{old}:{kept}")
}

/// Two members who become one.
#[derive(Clone, Copy)]
struct Pair {
    old: Uuid,
    kept: Uuid,
}

/// Whether two members can become one.
enum Checked {
    /// Yes: the old one a part of this one.
    Go { kept: Uuid },
    /// They are, by this very command.
    Done { member_id: Uuid },
    /// No.
    Refused(MergeRefused),
}

async fn check(db: &mut Connection, tenant: TenantId, old: Uuid, kept: Uuid) -> Result<Checked, StoreError> {
    if old == kept {
        return Ok(Checked::Refused(MergeRefused::SameMember));
    }
    let row = sqlx::query!(
        r#"select o.merged_into as old_into, coalesce(k.merged_into, k.id) as "kept!",
               exists (select from merges g where g.tenant_id = $1 and g.key = $4) as "done!"
           from members o, members k
           where o.tenant_id = $1 and o.id = $2 and k.tenant_id = $1 and k.id = $3"#,
        tenant as TenantId,
        old,
        kept,
        key(old, kept),
    )
    .fetch_one(db)
    .await
    .doing("looking up members to be merged")?;
    Ok(match row.old_into {
        Some(member_id) if row.done => Checked::Done { member_id },
        Some(_) => Checked::Refused(MergeRefused::PartOfAnother),
        None if row.kept == old => Checked::Refused(MergeRefused::Ring),
        None => Checked::Go { kept: row.kept },
    })
}

/// Locks all accounts of both, in the order of members and currencies, as batches lock theirs: so two merges,
/// spends and batches wait for one another and never in a ring. Those of the ledger's currency are opened,
/// for a grant that comes now to wait at. Returns the currencies.
async fn lock(
    db: &mut Connection,
    tenant: TenantId,
    old: Uuid,
    kept: Uuid,
) -> Result<Vec<String>, StoreError> {
    let currencies = sqlx::query_scalar!(
        r#"select currency as "currency!" from accounts where tenant_id = $1 and member_id = $2
           union select currency from tenants where id = $1
           order by 1"#,
        tenant as TenantId,
        old,
    )
    .fetch_all(&mut *db)
    .await
    .doing("listing a member's currencies")?;
    let mut both = [old, kept];
    both.sort_unstable();
    for member in both {
        for currency in &currencies {
            accounts::open(db, tenant, member, currency).await?;
        }
    }
    Ok(currencies)
}

/// Until when some of a locked member's credit may be held.
async fn held_until(
    db: &mut Connection,
    tenant: TenantId,
    member_id: Uuid,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    sqlx::query_scalar!(
        "select max(capture_until) from holds
         where tenant_id = $1 and member_id = $2 and state = 'authorised' and capture_until > clock_timestamp()",
        tenant as TenantId,
        member_id,
    )
    .fetch_one(db)
    .await
    .doing("looking for a member's holds")
}

/// Moves the lots and the debt of one currency. Lots that have ended stay, and expire where they are: time has
/// decided about them. Returns how many have moved.
async fn carry(
    db: &mut Connection,
    asked: &AskedMerge<'_>,
    key: &str,
    pair: Pair,
    currency: &str,
    now: DateTime<Utc>,
) -> Result<i32, StoreError> {
    let tenant = asked.tenant;
    let parts = sqlx::query_as!(
        Part,
        "select id as lot_id, remaining_minor as amount_minor from lots
         where tenant_id = $1 and member_id = $2 and currency = $3 and remaining_minor > 0
             and (ends_at is null or ends_at > $4)
         order by ends_at nulls last, created_at, id",
        tenant as TenantId,
        pair.old,
        currency,
        now,
    )
    .fetch_all(&mut *db)
    .await
    .doing("reading lots that move")?;
    let debt_minor = sqlx::query_scalar!(
        "select debt_minor from accounts where tenant_id = $1 and member_id = $2 and currency = $3",
        tenant as TenantId,
        pair.old,
        currency,
    )
    .fetch_one(&mut *db)
    .await
    .doing("reading a debt that moves")?;
    if parts.is_empty() && debt_minor == 0 {
        return Ok(0);
    }
    let key = format!("{key}:{currency}");
    let operation = Operation {
        tenant,
        key: &key,
        kind: OperationKind::Merge,
        member_id: pair.kept,
        currency,
        amount_minor: parts.iter().map(|part| part.amount_minor).sum(),
        of_key: None,
        reason: asked.reason,
        actor: asked.actor,
        run_id: asked.run_id,
        effective_at: now,
        at_shop: false,
        rule: None,
    };
    if operations::begin(db, &operation).await? != Begun::New {
        return Err(StoreError::of_kind(ErrorKind::Corrupt, "merging members"));
    }
    let debt =
        |kind, amount_minor, what: &str| DebtMovement { kind, amount_minor, key: format!("{what}:{key}") };
    let mut out = Booking::of(&Operation { member_id: pair.old, ..operation });
    out.move_parts(EntryKind::TransferOut, -1, &parts);
    let mut arriving = Booking::of(&operation);
    for (lot, origin) in accounts::continued(db, tenant, &parts).await? {
        arriving.receive(lot, origin);
    }
    if debt_minor > 0 {
        out.debts.push(debt(DebtKind::TransferOut, -debt_minor, "debt_transfer_out"));
        arriving.debts.push(debt(DebtKind::TransferIn, debt_minor, "debt_transfer_in"));
    }
    book(db, &out).await?;
    book(db, &arriving).await?;
    Ok(i32::try_from(parts.len()).unwrap_or(i32::MAX))
}

/// Writes down that they are one. Whoever is a part of the old one is a part of the kept one now.
async fn record(
    db: &mut Connection,
    asked: &AskedMerge<'_>,
    key: &str,
    pair: Pair,
    lots: i32,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into merges (tenant_id, key, old_member_id, kept_member_id, reason, actor, run_id, lots, merged_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        asked.tenant as TenantId,
        key,
        pair.old,
        pair.kept,
        asked.reason,
        asked.actor,
        asked.run_id as Option<RunId>,
        lots,
        now,
    )
    .execute(&mut *db)
    .await
    .doing("recording a merge")?;
    sqlx::query!(
        "update members set merged_into = $3, merged_at = coalesce(merged_at, $4)
         where tenant_id = $1 and (id = $2 or merged_into = $2)",
        asked.tenant as TenantId,
        pair.old,
        pair.kept,
        now,
    )
    .execute(db)
    .await
    .doing("marking a member as merged")
    .map(drop)
}
