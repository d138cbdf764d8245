//! What became of a booking whose answer was lost: the account's history says it (Shopify reference §6.3).

use chrono::TimeDelta;
use tradeup_shopify::{
    AccountId, Event, HistoryFilter, ShopClient, ShopifyError, Transaction, TransactionId, TransactionKind,
};
use tradeup_store::pushes::{self, Found, Push};
use tradeup_worker::{TaskContext, TaskError};

use super::{account, failed};

/// Shopify's clock and ours may differ by as much.
const CLOCKS_DIFFER_BY: TimeDelta = TimeDelta::seconds(60);
/// Pages of a history that are looked through, 50 bookings each.
const PAGES_MAX: usize = 20;

/// Looks for a push's booking and records what was found.
pub(super) async fn find(
    context: &TaskContext,
    client: &ShopClient,
    push: &Push,
    look_again: std::time::Duration,
) -> Result<(), TaskError> {
    let candidates = candidates(client, push).await.map_err(|error| failed(&error))?;
    let tenant = context.tenant()?.id;
    let mut tx = context.begin().await?;
    let (account, bookings) = candidates.unzip();
    let bookings: Vec<String> = bookings.unwrap_or_default();
    let known = pushes::known_bookings(&mut tx, tenant, &bookings).await?;
    let new: Vec<&String> = bookings.iter().filter(|gid| !known.contains(gid)).collect();
    let found = match (new.as_slice(), &account) {
        ([gid], Some(account)) => Found::Booked { transaction_gid: gid, account_gid: account.as_str() },
        ([], _) | (_, None) => Found::Nothing,
        _ => Found::Several,
    };
    pushes::found(&mut tx, tenant, push, &found, look_again).await?;
    tx.commit().await?;
    Ok(())
}

/// The account, and the ids of the bookings there that could be the push's.
async fn candidates(
    client: &ShopClient,
    push: &Push,
) -> Result<Option<(AccountId, Vec<String>)>, ShopifyError> {
    let Some(account) = account_of(client, push).await? else { return Ok(None) };
    let filter = HistoryFilter {
        kind: Some(if push.net_minor > 0 { TransactionKind::Credit } else { TransactionKind::Debit }),
        // By the end that it alone has a credit is found whenever it was booked.
        newer_than: newest(push).filter(|_| push.expires_at.is_none()),
        expires_at: push.expires_at,
    };
    let since = push.sent_at - CLOCKS_DIFFER_BY;
    let could_be = |booking: &Transaction| {
        booking.event == Event::Adjustment
            && booking.amount.amount_minor == push.net_minor
            && (push.expires_at.is_some() || booking.created_at >= since)
    };
    let mut found = Vec::new();
    let mut after = None;
    for _page in 0..PAGES_MAX {
        let Some(history) = client.transactions(&account, &filter, after.as_ref()).await? else { break };
        let is_old = history.transactions.iter().any(|booking| booking.created_at < since);
        let ids = history.transactions.iter().filter(|booking| could_be(booking));
        found.extend(ids.filter_map(|booking| booking.id.as_ref()).map(|id| id.as_str().to_owned()));
        match history.next {
            Some(next) if !is_old => after = Some(next),
            _ => break,
        }
    }
    Ok(Some((account, found)))
}

fn newest(push: &Push) -> Option<TransactionId> {
    push.newest_gid.as_deref().and_then(|gid| gid.parse().ok())
}

/// The member's account in the push's currency: a first credit opens it.
async fn account_of(client: &ShopClient, push: &Push) -> Result<Option<AccountId>, ShopifyError> {
    if let Some(known) = push.account_gid.as_deref().and_then(|gid| gid.parse().ok()) {
        return Ok(Some(known));
    }
    Ok(account(client, &push.external_id, &push.currency).await?.map(|account| account.id))
}
