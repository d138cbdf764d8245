//! Giving and taking store credit.
//!
//! Shopify keeps no key of ours beside a booking (Shopify reference §1): whoever calls must have written
//! down, in a commit of its own, what it is about to do; must have one call in flight for an account at
//! most; and must look an unknown outcome up in the account's history instead of sending again (§6.3).

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use tradeup_domain::Money;

use crate::client::ShopClient;
use crate::decimal::WireMoney;
use crate::error::ShopifyError;
use crate::ids::Owner;
use crate::operation::Operation;
use crate::privacy::scrub;
use crate::transaction::{Transaction, TransactionKind, WireTransaction};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    store_credit_account_transaction: Option<WireTransaction>,
    user_errors: Vec<WireUserError>,
}

#[derive(Deserialize)]
struct WireUserError {
    field: Option<Vec<String>>,
    #[serde(default)]
    message: String,
    code: Option<String>,
}

impl ShopClient {
    /// Credits `amount` to the owner's account in its currency; opens the account if the owner is a
    /// customer or location without one. It expires at `expires_at`, in whole seconds (a fraction is cut
    /// off), or never. With `notify`, Shopify writes to the customer.
    ///
    /// Give each credit an instant of its own and it can be found again: see
    /// [`HistoryFilter::expires_at`](crate::HistoryFilter::expires_at).
    ///
    /// # Errors
    /// [`ShopifyError::OutcomeUnknown`] when it may or may not have been booked (dropping the future
    /// half-way means the same); with any other error it has certainly not.
    pub async fn credit(
        &self,
        owner: &Owner,
        amount: Money,
        expires_at: Option<DateTime<Utc>>,
        notify: bool,
    ) -> Result<Transaction, ShopifyError> {
        let mut input = json!({ "creditAmount": WireMoney::from(amount) });
        if let Some(at) = expires_at {
            input["expiresAt"] = json!(instant_text(at));
        }
        if notify {
            input["notify"] = json!(true);
        }
        let variables = json!({ "id": owner.as_str(), "creditInput": input });
        let payload = self.call(Operation::Credit, variables).await?;
        booked(Operation::Credit, payload, TransactionKind::Credit, amount.amount_minor, amount)
    }

    /// Debits `amount`, a positive sum, from the owner's account in its currency. All of it or nothing:
    /// there is no partial debit. What expires first is used first.
    ///
    /// # Errors
    /// As [`Self::credit`].
    pub async fn debit(&self, owner: &Owner, amount: Money) -> Result<Transaction, ShopifyError> {
        let variables =
            json!({ "id": owner.as_str(), "debitInput": { "debitAmount": WireMoney::from(amount) } });
        let payload = self.call(Operation::Debit, variables).await?;
        booked(
            Operation::Debit,
            payload,
            TransactionKind::Debit,
            amount.amount_minor.saturating_neg(),
            amount,
        )
    }
}

/// An instant as it is sent and searched for: UTC, whole seconds.
pub(crate) fn instant_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The booking in a mutation's payload. One that is not the one asked for is an unknown outcome: money may
/// have moved, and a person should see it.
fn booked(
    operation: Operation,
    payload: Value,
    kind: TransactionKind,
    signed_minor: i64,
    asked: Money,
) -> Result<Transaction, ShopifyError> {
    let unknown = |reason: String| crate::answer::no_clear_answer(operation, reason, None);
    let payload: Payload = serde_json::from_value(payload)
        .map_err(|error| unknown(format!("an answer that can't be read: {}", scrub(&error.to_string()))))?;
    match (payload.store_credit_account_transaction, payload.user_errors.into_iter().next()) {
        (None, Some(error)) => Err(ShopifyError::Refused {
            code: error.code.as_deref().unwrap_or("UNNAMED").into(),
            field: error.field.unwrap_or_default().join("."),
            message: scrub(&error.message),
        }),
        (Some(wire), None) => {
            let transaction =
                wire.into_transaction(kind).map_err(|error| unknown(scrub(&error.to_string())))?;
            if transaction.amount.amount_minor != signed_minor
                || transaction.amount.currency != asked.currency
            {
                return Err(unknown("the answer is about another amount".to_owned()));
            }
            Ok(transaction)
        }
        (None, None) => Err(unknown("an answer with neither a booking nor an error".to_owned())),
        (Some(_), Some(_)) => Err(unknown("an answer with both a booking and an error".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::RefusalCode;

    fn usd(minor: i64) -> Money {
        Money { amount_minor: minor, currency: "USD".parse().unwrap() }
    }

    fn booking(amount: &str) -> Value {
        json!({
            "id": "gid://shopify/StoreCreditAccountCreditTransaction/1",
            "amount": {"amount": amount, "currencyCode": "USD"},
            "balanceAfterTransaction": {"amount": "12.5", "currencyCode": "USD"},
            "createdAt": "2026-11-21T14:00:09Z",
            "event": "ADJUSTMENT",
        })
    }

    fn read(payload: Value) -> Result<Transaction, ShopifyError> {
        booked(Operation::Credit, payload, TransactionKind::Credit, 488, usd(488))
    }

    #[test]
    fn only_the_booking_that_was_asked_for_is_taken() {
        let good = json!({"storeCreditAccountTransaction": booking("4.880"), "userErrors": []});
        assert_eq!(read(good).unwrap().amount, usd(488));
        let error = json!({"field": ["id"], "message": "m", "code": "OWNER_NOT_FOUND"});
        for odd in [
            json!({"storeCreditAccountTransaction": booking("4.89"), "userErrors": []}),
            json!({"storeCreditAccountTransaction": booking("4.881"), "userErrors": []}),
            json!({"storeCreditAccountTransaction": booking("-4.88"), "userErrors": []}),
            json!({"storeCreditAccountTransaction": booking("4.88"), "userErrors": [error]}),
            json!({"storeCreditAccountTransaction": null, "userErrors": []}),
            json!({"storeCreditAccountTransaction": {}, "userErrors": []}),
            json!({"userErrors": 5}),
            json!(null),
        ] {
            let error = read(odd.clone()).unwrap_err();
            assert!(matches!(error, ShopifyError::OutcomeUnknown { .. }), "{odd}: {error}");
        }
    }

    #[test]
    fn a_code_that_is_not_known_is_still_a_refusal() {
        let payload = json!({"storeCreditAccountTransaction": null,
            "userErrors": [{"field": null, "message": "for a@b.example", "code": "SOMETHING_NEW"}]});
        let error = read(payload).unwrap_err();
        assert_eq!(error.refusal(), Some(&RefusalCode::Other("SOMETHING_NEW".to_owned())));
        assert!(!error.to_string().contains("a@b"));
    }
}
