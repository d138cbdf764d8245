//! What became of a booking whose answer was lost: the account's history says it (Shopify reference §6.3).

use chrono::{DateTime, TimeDelta, Utc};
use tradeup_shopify::{
    AccountId, Event, HistoryFilter, ShopClient, ShopifyError, Transaction, TransactionId, TransactionKind,
};
use tradeup_signals::metrics::money;
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
    let candidates = match candidates(client, push).await {
        // Nobody was told of it there, either; telling it now says what is wrong.
        Err(ShopifyError::Refused { .. }) if push.lost_until.is_some() => None,
        found => found.map_err(|error| failed(&error))?,
    };
    let tenant = context.tenant()?.id;
    let mut tx = context.begin().await?;
    let (account, bookings) = candidates.unzip();
    let bookings: Vec<Candidate> = bookings.unwrap_or_default();
    let gids: Vec<String> = bookings.iter().map(|booking| booking.gid.clone()).collect();
    let known = pushes::known_bookings(&mut tx, tenant, &gids).await?;
    let new: Vec<&Candidate> = bookings.iter().filter(|booking| !known.contains(&booking.gid)).collect();
    let is_lost = push.lost_until.is_some();
    let one = if new.len() == 1 || is_lost { nearest(&new, push.ends_at) } else { None };
    let found = match (one, &account) {
        (Some(one), Some(account)) => {
            if is_lost {
                tracing::info!(push = %push.id, booking = one.gid, "found what was booked in the time that a restore has lost");
            }
            Found::Booked { transaction_gid: &one.gid, account_gid: account.as_str() }
        }
        _ if new.is_empty() || account.is_none() => Found::Nothing,
        _ => Found::Several,
    };
    pushes::found(&mut tx, tenant, push, &found, look_again).await?;
    tx.commit().await?;
    match found {
        Found::Booked { .. } => money::PUSHES.one(["found"]),
        Found::Several => money::PUSHES.one(["undecided"]),
        Found::Nothing => {}
    }
    Ok(())
}

/// A booking that could be the push's.
#[derive(Debug)]
struct Candidate {
    gid: String,
    ends_at: Option<DateTime<Utc>>,
}

/// The one that ends nearest to when it should; of several that do, the oldest. Each was told for an entry that is one again
/// or will be, so which of equal ones is whose is all the same. They come newest first.
fn nearest<'c>(candidates: &[&'c Candidate], ends_at: Option<DateTime<Utc>>) -> Option<&'c Candidate> {
    let off = |one: &Candidate| match one.ends_at.zip(ends_at) {
        Some((has, wanted)) => (wanted - has).abs(),
        None if one.ends_at.is_none() && ends_at.is_none() => TimeDelta::zero(),
        None => TimeDelta::MAX,
    };
    candidates.iter().rev().copied().min_by_key(|one| off(one))
}

/// The account, and the bookings there that could be the push's, newest first.
async fn candidates(
    client: &ShopClient,
    push: &Push,
) -> Result<Option<(AccountId, Vec<Candidate>)>, ShopifyError> {
    let Some(account) = account_of(client, push).await? else { return Ok(None) };
    let filter = HistoryFilter {
        kind: Some(if push.net_minor > 0 { TransactionKind::Credit } else { TransactionKind::Debit }),
        // By the end that it alone has a credit is found whenever it was booked. In a time that is lost, others of the
        // account may have been found already that are newer.
        newer_than: newest(push).filter(|_| push.expires_at.is_none() && push.lost_until.is_none()),
        expires_at: push.expires_at,
    };
    let since = push.sent_at - CLOCKS_DIFFER_BY;
    let until = push.lost_until.map(|until| until + CLOCKS_DIFFER_BY);
    let could_be = |booking: &Transaction| {
        booking.event == Event::Adjustment
            && booking.amount.amount_minor == push.net_minor
            && (push.expires_at.is_some() || booking.created_at >= since)
            && until.is_none_or(|until| booking.created_at <= until)
    };
    let mut found = Vec::new();
    let mut after = None;
    for _page in 0..PAGES_MAX {
        let Some(history) = client.transactions(&account, &filter, after.as_ref()).await? else { break };
        let is_old = history.transactions.iter().any(|booking| booking.created_at < since);
        let could = history.transactions.iter().filter(|booking| could_be(booking));
        found.extend(could.filter_map(|booking| {
            let gid = booking.id.as_ref()?.as_str().to_owned();
            Some(Candidate { gid, ends_at: booking.expires_at })
        }));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(gid: &str, ends_at: Option<&str>) -> Candidate {
        Candidate { gid: gid.to_owned(), ends_at: ends_at.map(|at| at.parse().unwrap()) }
    }

    #[test]
    fn of_several_the_one_with_the_end_is_taken_and_else_the_oldest() {
        let all = [
            candidate("newest", Some("2027-02-28T23:59:58Z")),
            candidate("middle", Some("2027-01-31T23:59:57Z")),
            candidate("oldest", Some("2027-01-31T23:59:57Z")),
        ];
        let all: Vec<&Candidate> = all.iter().collect();
        let end = |at: &str| Some(at.parse().unwrap());
        let taken = |ends_at| nearest(&all, ends_at).map(|one| one.gid.as_str());
        assert_eq!(taken(end("2027-02-28T23:59:59Z")), Some("newest"));
        assert_eq!(taken(end("2027-01-31T23:59:59Z")), Some("oldest"));
        assert_eq!(taken(None), Some("oldest"), "nothing tells them apart");
        let endless = [candidate("ends", Some("2027-01-31T23:59:57Z")), candidate("endless", None)];
        assert_eq!(
            nearest(&endless.iter().collect::<Vec<_>>(), None).map(|one| one.gid.as_str()),
            Some("endless")
        );
        assert!(nearest(&[], None).is_none());
    }
}
