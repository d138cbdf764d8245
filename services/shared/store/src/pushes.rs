//! Pushes: what a tenant's shop is to be told of its members' credit, one for each entry, and what became of
//! it (decision 0011).
//!
//! Shopify keeps no key of ours beside a booking. So a push is `sending` in a committed row before the shop
//! hears of it; what is found so later is `unknown`, and the account's history says what became of it.

mod act;
mod outcome;
mod view;

use std::time::Duration;

use chrono::{DateTime, Utc};
use tradeup_domain::ErrorCode;
use uuid::Uuid;

pub use act::{Decided, repair, resolve, set_wallet, tell_opening, wallet_is_settled};
pub use outcome::{Found, Outcome, found, record, shorten};
pub use view::{Backlog, PushFilter, PushSum, PushView, backlog, list, sums};

use crate::error::{Doing, StoreError};
use crate::runs::Sender;
use crate::{Connection, RunId, TenantId};

/// A push at work.
#[derive(Clone, Debug)]
pub struct Push {
    /// Its id: the entry's, mostly.
    pub id: Uuid,
    /// The member.
    pub member_id: Uuid,
    /// The member's customer id.
    pub external_id: String,
    /// ISO 4217 code.
    pub currency: String,
    /// What to tell, signed, in minor units.
    pub net_minor: i64,
    /// The end by which the credit is found again; `None` for debits and for credits that never end.
    pub expires_at: Option<DateTime<Utc>>,
    /// When its lot ends, if that ends at the shop by itself.
    pub ends_at: Option<DateTime<Utc>>,
    /// When the shop was told.
    pub sent_at: DateTime<Utc>,
    /// How often.
    pub sends: i32,
    /// How often its outcome was looked for in vain.
    pub looks: i32,
    /// The member's account at the shop, if it is known.
    pub account_gid: Option<String>,
    /// The newest booking of ours there.
    pub newest_gid: Option<String>,
    /// It may have been told in a time that a restore has lost: until when that was. It began at [`Push::sent_at`].
    pub lost_until: Option<DateTime<Utc>>,
}

/// What is to be done next.
#[derive(Clone, Debug)]
pub enum Taken {
    /// It is marked: commit, then tell the shop.
    Tell(Push),
    /// Commit, then look for what became of it; it can be looked for again after a while.
    Find(Push),
    /// It came to its end without the shop.
    Ended,
    /// There is nothing to do now.
    Nothing,
}

/// A credit is not told any more when it ends sooner than this.
const TOO_LATE_BEFORE: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

/// For so long after a restore, what was lost by it is done again, and looked for at the shop first.
const DONE_AGAIN_WITHIN_DAYS: i32 = 14;

/// Takes the next push of the sender's tenant. One whose outcome is looked for can be taken again for that
/// after `look_again`.
///
/// # Errors
/// As any statement.
pub async fn take(db: &mut Connection, sender: Sender, look_again: Duration) -> Result<Taken, StoreError> {
    let Some(row) =
        sqlx::query_file!("src/pushes/take.sql", sender.tenant as TenantId, DONE_AGAIN_WITHIN_DAYS)
            .fetch_optional(&mut *db)
            .await
            .doing("looking for the next push")?
    else {
        return Ok(Taken::Nothing);
    };
    let mut push = Push {
        id: row.id,
        member_id: row.member_id,
        external_id: row.external_id,
        currency: row.currency,
        net_minor: row.net_minor.unwrap_or(row.amount_minor),
        expires_at: row.expires_at,
        ends_at: row.ends_at.filter(|_| row.wallet == "shopify" && row.amount_minor > 0),
        sent_at: row.sent_at.unwrap_or(row.now),
        sends: row.sends,
        looks: row.looks,
        account_gid: row.account_gid,
        newest_gid: row.newest_gid,
        lost_until: row.lost_until,
    };
    if row.state == "pending"
        && let Some(since) = row.lost_since
    {
        push.sent_at = since;
        mark_perhaps_told(db, sender, &push, look_again).await?;
        return Ok(Taken::Find(push));
    }
    if row.state == "unknown" {
        sqlx::query!(
            "update pushes set due_at = clock_timestamp() + make_interval(secs => $3) where tenant_id = $1 and id = $2",
            sender.tenant as TenantId,
            push.id,
            look_again.as_secs_f64(),
        )
        .execute(db)
        .await
        .doing("noting that a push is looked for")?;
        return Ok(Taken::Find(push));
    }
    if let Some(lot) = row.lot_id
        && row.amount_minor > 0
        && row.sends == 0
    {
        let folded =
            sqlx::query_file_scalar!("src/pushes/fold.sql", sender.tenant as TenantId, push.id, lot, row.seq)
                .fetch_one(&mut *db)
                .await
                .doing("folding pushes")?;
        push.net_minor += folded;
    }
    if push.net_minor == 0 {
        void(db, sender.tenant, push.id, "taken back before the shop was told").await?;
        return Ok(Taken::Ended);
    }
    // With the shop's own ends, each credit has one; a second try may use the one that it had.
    if let Some(ends_at) = push.ends_at.filter(|_| push.net_minor > 0) {
        if ends_at <= row.now + TOO_LATE_BEFORE {
            void(db, sender.tenant, push.id, "ended before the shop could be told").await?;
            return Ok(Taken::Ended);
        }
        if push.expires_at.is_none() {
            let free = sqlx::query_file_scalar!(
                "src/pushes/free_end.sql",
                sender.tenant as TenantId,
                push.member_id,
                push.currency,
                ends_at,
            )
            .fetch_one(&mut *db)
            .await
            .doing("choosing the end of a credit")?;
            push.expires_at = Some(free);
        }
    }
    let marked = sqlx::query!(
        r#"update pushes set state = 'sending', due_at = null, run_id = $3, attempt = $4, sends = sends + 1,
               sent_at = clock_timestamp(), net_minor = $5, expires_at = $6, looks = 0, looked_at = null,
               error_code = null, error = null
           where tenant_id = $1 and id = $2
           returning sent_at as "sent_at!", sends"#,
        sender.tenant as TenantId,
        push.id,
        sender.run_id as RunId,
        sender.attempt,
        push.net_minor,
        push.expires_at,
    )
    .fetch_one(db)
    .await
    .doing("marking a push")?;
    Ok(Taken::Tell(Push { sent_at: marked.sent_at, sends: marked.sends, ..push }))
}

/// Marks a push that the shop may have been told of in a time that a restore has lost. What else of its lot waits is not folded
/// into it, since that was perhaps told by itself.
async fn mark_perhaps_told(
    db: &mut Connection,
    sender: Sender,
    push: &Push,
    look_again: Duration,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update pushes set state = 'unknown', run_id = $3, attempt = $4, sent_at = $5, net_minor = $6,
             due_at = clock_timestamp() + make_interval(secs => $7), error_code = $8,
             error = 'the shop may have been told in the time that a restore has lost'
         where tenant_id = $1 and id = $2",
        sender.tenant as TenantId,
        push.id,
        sender.run_id as RunId,
        sender.attempt,
        push.sent_at,
        push.net_minor,
        look_again.as_secs_f64(),
        ErrorCode::ShopOutcomeUnknown.as_str(),
    )
    .execute(db)
    .await
    .doing("marking a push that was perhaps told")?;
    Ok(())
}

async fn void(db: &mut Connection, tenant: TenantId, id: Uuid, why: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "update pushes set state = 'void', due_at = null, ended_at = clock_timestamp(), error = $3
         where tenant_id = $1 and id = $2",
        tenant as TenantId,
        id,
        why,
    )
    .execute(db)
    .await
    .doing("ending a push")?;
    Ok(())
}

/// Which of these bookings are known: those of pushes, and those that the ledger has followed.
///
/// # Errors
/// As any statement.
pub async fn known_bookings(
    db: &mut Connection,
    tenant: TenantId,
    gids: &[String],
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        r#"select transaction_gid as "gid!" from pushes where tenant_id = $1 and transaction_gid = any($2)
           union all select key from shop_bookings where tenant_id = $1 and key = any($2)"#,
        tenant as TenantId,
        gids,
    )
    .fetch_all(db)
    .await
    .doing("looking up bookings of a shop")
}

/// Says that what others than this sender were telling the shop is unknown from now on. Returns how many.
///
/// # Errors
/// As any statement.
pub async fn give_up_lost(
    db: &mut Connection,
    sender: Sender,
    look_after: Duration,
) -> Result<u64, StoreError> {
    let lost = sqlx::query!(
        "update pushes set state = 'unknown', due_at = sent_at + make_interval(secs => $4), error_code = $5,
             error = 'the process ended while the shop was being told'
         where tenant_id = $1 and state = 'sending' and (run_id, attempt) is distinct from ($2, $3)",
        sender.tenant as TenantId,
        sender.run_id as RunId,
        sender.attempt,
        look_after.as_secs_f64(),
        ErrorCode::ShopOutcomeUnknown.as_str(),
    )
    .execute(db)
    .await
    .doing("giving up on lost pushes")?;
    Ok(lost.rows_affected())
}

/// When there is something to do next for a tenant; `None` if nothing is worth waiting for.
///
/// # Errors
/// As any statement.
pub async fn next_at(db: &mut Connection, tenant: TenantId) -> Result<Option<DateTime<Utc>>, StoreError> {
    sqlx::query_file_scalar!("src/pushes/left.sql", tenant as TenantId)
        .fetch_one(db)
        .await
        .doing("looking for what is left to be pushed")
}

/// Has the scheduler start a run that tells a tenant's shop.
///
/// # Errors
/// As any statement.
pub async fn wake(db: &mut Connection, tenant: TenantId) -> Result<(), StoreError> {
    sqlx::query!("insert into push_wakes (tenant_id) values ($1)", tenant as TenantId)
        .execute(db)
        .await
        .doing("waking the pushes")?;
    Ok(())
}

/// Tenants that have something to tell, with a number that no other wake has. They are forgotten with the
/// transaction's commit: it has to create their runs.
///
/// # Errors
/// As any statement.
pub async fn take_wakes(db: &mut Connection, limit: i64) -> Result<Vec<(crate::TenantRef, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"with taken as (
               -- By an array: for a join, a plan from when there were none reads all wakes.
               delete from push_wakes where id = any(array(
                   select id from push_wakes where due_at <= now() order by due_at limit $1 for update skip locked))
               returning tenant_id, id
           )
           select t.id as "id: TenantId", t.handle, max(taken.id) as "wake!"
           from taken join tenants t on t.id = taken.tenant_id
           group by t.id, t.handle order by t.id"#,
        limit,
    )
    .fetch_all(db)
    .await
    .doing("taking wakes")?;
    Ok(rows.into_iter().map(|row| (crate::TenantRef { id: row.id, handle: row.handle }, row.wake)).collect())
}
