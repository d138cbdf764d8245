//! A store credit account: lots that expire, debits that use the soonest first, never below zero.

use chrono::{DateTime, Utc};
use serde::Serialize;
use tradeup_domain::Currency;

/// Kinds of bookings (reference §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Credit given.
    Credit,
    /// Credit used or taken.
    Debit,
    /// A debit undone.
    DebitRevert,
    /// What was left of a credit when it expired.
    Expiration,
}

/// One booking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transaction {
    /// Number in the order of booking; the end of its global id.
    pub number: u64,
    /// Its kind.
    pub kind: Kind,
    /// Signed, in minor units: negative for debits and expirations.
    pub amount_minor: i64,
    /// The balance after it, in minor units.
    pub balance_after_minor: i64,
    /// When it was booked.
    pub created_at: DateTime<Utc>,
    /// When a credit expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// What is left of a credit, in minor units; 0 for other kinds.
    pub remaining_minor: i64,
    /// What caused it: `ADJUSTMENT`, `ORDER_PAYMENT`...
    pub event: String,
}

/// An account: one owner, one currency.
#[derive(Clone, Debug)]
pub struct Account {
    /// The end of its global id.
    pub number: u64,
    /// The owner's global id.
    pub owner: String,
    /// Its currency.
    pub currency: Currency,
    /// What can be spent, in minor units.
    pub balance_minor: i64,
    /// Everything booked, oldest first.
    pub transactions: Vec<Transaction>,
}

impl Account {
    pub(crate) fn open(number: u64, owner: String, currency: Currency) -> Self {
        Self { number, owner, currency, balance_minor: 0, transactions: Vec::new() }
    }

    pub(crate) fn gid(&self) -> String {
        format!("gid://shopify/StoreCreditAccount/{}", self.number)
    }

    /// Books the expiry of every lot that has come to it.
    pub(crate) fn expire(&mut self, now: DateTime<Utc>, next_number: &mut u64) {
        let due = |t: &Transaction| t.remaining_minor > 0 && t.expires_at.is_some_and(|at| at <= now);
        let mut lots: Vec<usize> =
            (0..self.transactions.len()).filter(|at| self.transactions.get(*at).is_some_and(due)).collect();
        lots.sort_by_key(|at| self.transactions.get(*at).and_then(|lot| lot.expires_at));
        for at in lots {
            let Some(lot) = self.transactions.get_mut(at) else { continue };
            let (left, when) = (lot.remaining_minor, lot.expires_at.unwrap_or(now));
            lot.remaining_minor = 0;
            self.book(Kind::Expiration, -left, when, None, "EXPIRATION", next_number);
        }
    }

    pub(crate) fn credit(
        &mut self,
        minor: i64,
        now: DateTime<Utc>,
        expires_at: Option<DateTime<Utc>>,
        next_number: &mut u64,
    ) {
        self.book(Kind::Credit, minor, now, expires_at, "ADJUSTMENT", next_number);
    }

    /// Takes `minor` from the lots, the soonest to expire first; `false` and nothing if there is not enough.
    pub(crate) fn debit(
        &mut self,
        minor: i64,
        now: DateTime<Utc>,
        event: &str,
        next_number: &mut u64,
    ) -> bool {
        if minor > self.balance_minor {
            return false;
        }
        let mut lots: Vec<&mut Transaction> =
            self.transactions.iter_mut().filter(|t| t.remaining_minor > 0).collect();
        lots.sort_by_key(|lot| (lot.expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC), lot.number));
        let mut due = minor;
        for lot in lots {
            let part = due.min(lot.remaining_minor);
            lot.remaining_minor -= part;
            due -= part;
        }
        self.book(Kind::Debit, -minor, now, None, event, next_number);
        true
    }

    /// A payment comes back: to the credits that have room for it, the latest to expire first.
    pub(crate) fn give_back(&mut self, minor: i64, now: DateTime<Utc>, next_number: &mut u64) {
        let mut due = minor;
        for lot in self.transactions.iter_mut().rev().filter(|t| t.kind == Kind::Credit) {
            let part = due.min(lot.amount_minor - lot.remaining_minor);
            lot.remaining_minor += part;
            due -= part;
        }
        self.book(Kind::DebitRevert, minor, now, None, "ORDER_CANCELLATION", next_number);
    }

    fn book(
        &mut self,
        kind: Kind,
        amount_minor: i64,
        created_at: DateTime<Utc>,
        expires_at: Option<DateTime<Utc>>,
        event: &str,
        next_number: &mut u64,
    ) {
        self.balance_minor += amount_minor;
        self.transactions.push(Transaction {
            number: *next_number,
            kind,
            amount_minor,
            balance_after_minor: self.balance_minor,
            created_at,
            expires_at,
            remaining_minor: if kind == Kind::Credit { amount_minor } else { 0 },
            event: event.to_owned(),
        });
        *next_number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soonest_goes_first_and_what_is_left_expires() {
        let at = |day: u32| format!("2027-01-{day:02}T00:00:00Z").parse::<DateTime<Utc>>().unwrap();
        let mut next = 1;
        let mut account = Account::open(1, "gid://shopify/Customer/1".to_owned(), "USD".parse().unwrap());
        account.credit(500, at(1), None, &mut next);
        account.credit(300, at(1), Some(at(20)), &mut next);
        account.credit(200, at(1), Some(at(10)), &mut next);
        assert!(!account.debit(1_001, at(2), "ADJUSTMENT", &mut next));
        assert!(account.debit(250, at(2), "ADJUSTMENT", &mut next));
        let left: Vec<i64> = account.transactions.iter().map(|t| t.remaining_minor).collect();
        assert_eq!(left, [500, 250, 0, 0]);
        account.expire(at(19), &mut next);
        assert_eq!(account.balance_minor, 750);
        account.expire(at(25), &mut next);
        account.expire(at(26), &mut next);
        let last = account.transactions.last().unwrap();
        assert_eq!((last.kind, last.amount_minor, last.created_at), (Kind::Expiration, -250, at(20)));
        assert_eq!((account.balance_minor, account.transactions.len()), (500, 5));
    }
}
