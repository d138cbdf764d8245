//! What happens at the shop without the app: buyers who pay with credit, merchants who give it and take it back.

use chrono::{DateTime, Utc};
use tradeup_domain::{Currency, Money};

use super::server::{FakeShopify, Shared};

impl FakeShopify {
    /// A buyer pays with credit, in the shop's currency; `false` if there is not enough.
    #[must_use]
    pub fn pay(&self, shop: &str, customer: &str, amount_minor: i64) -> bool {
        let Some(currency) = self.currency(shop) else { return false };
        self.shared.spend(shop, &owner(customer), Money { amount_minor, currency })
    }

    /// The order that was paid with it last is cancelled: it comes back to the credits that it came from.
    pub fn cancel_payment(&self, shop: &str, customer: &str, amount_minor: i64) {
        let Some(currency) = self.currency(shop) else { return };
        self.shared.on_account(shop, &owner(customer), currency, |account, now, next| {
            account.give_back(amount_minor, now, next);
        });
    }

    /// The merchant gives credit.
    pub fn give(&self, shop: &str, customer: &str, amount_minor: i64, expires_at: Option<DateTime<Utc>>) {
        let Some(currency) = self.currency(shop) else { return };
        self.shared.on_account(shop, &owner(customer), currency, |account, now, next| {
            account.credit(amount_minor, now, expires_at, next);
        });
    }

    fn currency(&self, shop: &str) -> Option<Currency> {
        self.with_shop(shop, |shop| shop.currency)
    }
}

impl Shared {
    /// Pays with an owner's credit; `false` if there is not enough.
    pub(crate) fn spend(&self, shop: &str, owner: &str, money: Money) -> bool {
        let paid = self.on_account(shop, owner, money.currency, |account, now, next| {
            account.debit(money.amount_minor, now, "ORDER_PAYMENT", next)
        });
        paid == Some(true)
    }
}

fn owner(customer: &str) -> String {
    format!("gid://shopify/Customer/{customer}")
}
