//! Credit and debit with their checks, in the recorded order: id, expiry, amount, currency, ceiling or funds
//! (reference §12.3).

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tradeup_domain::Currency;

use super::graphql::{Call, Ran, Surroundings};
use super::ledger::Account;
use super::money::read;
use super::read::transaction;
use super::shop::{Shop, balance};

/// Currencies that occur in answers only (reference §12.3).
const RESULT_ONLY: [&str; 2] = ["XXX", "USDC"];

/// The words of one of the two mutations.
struct Words {
    input: &'static str,
    amount: &'static str,
    type_name: &'static str,
    fields: &'static [&'static str],
}

const CREDIT: Words = Words {
    input: "creditInput",
    amount: "creditAmount",
    type_name: "StoreCreditAccountCreditInput",
    fields: &["creditAmount", "expiresAt", "notify"],
};

const DEBIT: Words = Words {
    input: "debitInput",
    amount: "debitAmount",
    type_name: "StoreCreditAccountDebitInput",
    fields: &["debitAmount"],
};

fn words(call: &Call) -> Option<&'static Words> {
    match call.root {
        "storeCreditAccountCredit" => Some(&CREDIT),
        "storeCreditAccountDebit" => Some(&DEBIT),
        _ => None,
    }
}

/// The error for variables that don't fit their type.
pub(crate) fn invalid_variables(call: &Call) -> Option<Value> {
    let words = words(call)?;
    let given = call.variables.get(words.input).cloned().unwrap_or_default();
    let money = given.get(words.amount).cloned().unwrap_or_default();
    let unknown = given
        .as_object()
        .and_then(|fields| fields.keys().find(|name| !words.fields.contains(&name.as_str())))
        .map(|name| (name.clone(), format!("Field is not defined on {}", words.type_name)));
    let missing = || (words.amount.to_owned(), "Expected value to not be null".to_owned());
    let amount_ok = money.get("amount").is_some_and(Value::is_string);
    let currency_ok = money.get("currencyCode").is_some_and(Value::is_string);
    let expiry_ok = match given.get("expiresAt") {
        None | Some(Value::Null) => true,
        Some(at) => at.as_str().is_some_and(|at| at.parse::<DateTime<Utc>>().is_ok()),
    };
    let bad_expiry = || ("expiresAt".to_owned(), "invalid DateTime".to_owned());
    let (path, explanation) = unknown
        .or_else(|| (!amount_ok || !currency_ok).then(missing))
        .or_else(|| (!expiry_ok).then(bad_expiry))?;
    let (input, type_name) = (words.input, words.type_name);
    Some(json!({
        "message": format!("Variable ${input} of type {type_name}! was provided invalid value for {path} ({explanation})"),
        "locations": [{ "line": 1, "column": 38 }],
        "extensions": { "code": "INVALID_VARIABLE", "value": given,
            "problems": [{ "path": [path], "explanation": explanation }] },
    }))
}

/// `storeCreditAccountCredit`.
pub(crate) fn credit(shop: &mut Shop, call: &Call, around: &mut Surroundings<'_>) -> Ran {
    let input = call.variables.get("creditInput").cloned().unwrap_or_default();
    let (minor, currency) = match amount(&input, "creditAmount", call.root) {
        Ok(amount) => amount,
        Err(ran) => return ran,
    };
    let id = call.text("id");
    let by_account = id.starts_with("gid://shopify/StoreCreditAccount/");
    let place = account_place(shop, id, currency);
    if by_account && place.is_none() {
        return refused(&["id"], "Store credit account does not exist", "ACCOUNT_NOT_FOUND");
    }
    if !by_account && !shop.customers.contains_key(id) {
        return refused(&["id"], "Owner does not exist", "OWNER_NOT_FOUND");
    }
    let expires_at =
        input.get("expiresAt").and_then(Value::as_str).and_then(|at| at.parse::<DateTime<Utc>>().ok());
    if expires_at.is_some_and(|at| at <= around.now) {
        let message = "The expiry date must be in the future";
        return refused(&["creditInput", "expiresAt"], message, "EXPIRES_AT_IN_PAST");
    }
    if minor <= 0 {
        let message = "A positive amount must be used to credit a store credit account";
        return refused(&["creditInput", "creditAmount", "amount"], message, "NEGATIVE_OR_ZERO_AMOUNT");
    }
    if let Some(ran) = wrong_currency(shop, place, currency, ["creditInput", "creditAmount", "currencyCode"])
    {
        return ran;
    }
    let place = place.unwrap_or_else(|| {
        shop.accounts.push(Account::open(*around.next_account, id.to_owned(), currency));
        *around.next_account += 1;
        shop.accounts.len() - 1
    });
    let ceiling = shop.ceiling_minor;
    let Some(account) = shop.accounts.get_mut(place) else { return gone() };
    account.expire(around.now, around.next_transaction);
    if account.balance_minor + minor > ceiling {
        let message = "The operation would cause the account's credit limit to be exceeded";
        return refused(&["creditInput", "creditAmount", "amount"], message, "CREDIT_LIMIT_EXCEEDED");
    }
    for _ in 0..if around.twice { 2 } else { 1 } {
        account.credit(minor, around.now, expires_at, around.next_transaction);
    }
    booked(account)
}

/// `storeCreditAccountDebit`.
pub(crate) fn debit(shop: &mut Shop, call: &Call, around: &mut Surroundings<'_>) -> Ran {
    let input = call.variables.get("debitInput").cloned().unwrap_or_default();
    let (minor, currency) = match amount(&input, "debitAmount", call.root) {
        Ok(amount) => amount,
        Err(ran) => return ran,
    };
    // A customer without an account in that currency is one without an account, known or not.
    let Some(place) = account_place(shop, call.text("id"), currency) else {
        return refused(&["id"], "Store credit account does not exist", "ACCOUNT_NOT_FOUND");
    };
    if minor <= 0 {
        let message = "A positive amount must be used to debit a store credit account";
        return refused(&["debitInput", "debitAmount", "amount"], message, "NEGATIVE_OR_ZERO_AMOUNT");
    }
    let path = ["debitInput", "debitAmount", "currencyCode"];
    if let Some(ran) = wrong_currency(shop, Some(place), currency, path) {
        return ran;
    }
    let Some(account) = shop.accounts.get_mut(place) else { return gone() };
    account.expire(around.now, around.next_transaction);
    for _ in 0..if around.twice { 2 } else { 1 } {
        if !account.debit(minor, around.now, "ADJUSTMENT", around.next_transaction) {
            let message = "The store credit account does not have sufficient funds to satisfy the request";
            return refused(&["debitInput", "debitAmount", "amount"], message, "INSUFFICIENT_FUNDS");
        }
    }
    booked(account)
}

/// An account by its own id, or by its owner's and the currency.
fn account_place(shop: &Shop, id: &str, currency: Currency) -> Option<usize> {
    if id.starts_with("gid://shopify/StoreCreditAccount/") {
        shop.accounts.iter().position(|account| account.gid() == id)
    } else {
        shop.account_of(id, currency)
    }
}

fn amount(input: &Value, name: &str, root: &str) -> Result<(i64, Currency), Ran> {
    let money = input.get(name).cloned().unwrap_or_default();
    let code = money.get("currencyCode").and_then(Value::as_str).unwrap_or_default();
    if RESULT_ONLY.contains(&code) {
        return Err(Ran::Error(json!({
            "message": format!("CurrencyCode \"{code}\" is invalid. It can only be used as a result and not as an input value."),
            "locations": [{ "line": 1, "column": 88 }],
            "extensions": { "code": "CURRENCY_CODE_INVALID" },
            "path": [root],
        })));
    }
    let invalid = |what: &str| {
        Ran::Invalid(json!({
            "message": format!("Variable of type MoneyInput! was provided invalid value for {what}"),
            "extensions": { "code": "INVALID_VARIABLE" },
        }))
    };
    let currency: Currency = code.parse().map_err(|_unknown| invalid("currencyCode"))?;
    let minor = money.get("amount").and_then(|amount| read(amount, currency));
    Ok((minor.ok_or_else(|| invalid("amount"))?, currency))
}

fn wrong_currency(shop: &Shop, place: Option<usize>, currency: Currency, path: [&str; 3]) -> Option<Ran> {
    let account = place.and_then(|place| shop.accounts.get(place));
    if account.is_some_and(|account| account.currency != currency) {
        let message = "The currency provided does not match the currency of the store credit account";
        return Some(refused(&path, message, "MISMATCHING_CURRENCY"));
    }
    let unsupported = shop.unsupported_currencies.contains(currency.code());
    // The text was not seen.
    unsupported.then(|| refused(&path, "The currency is not supported", "UNSUPPORTED_CURRENCY"))
}

/// A user error costs 10 (reference §7.1).
fn refused(field: &[&str], message: &str, code: &str) -> Ran {
    let error = json!({ "field": field, "message": message, "code": code });
    Ran::Value(json!({ "storeCreditAccountTransaction": null, "userErrors": [error] }), 10)
}

fn gone() -> Ran {
    refused(&["id"], "Store credit account does not exist", "ACCOUNT_NOT_FOUND")
}

/// The last booking of the account, as a mutation answers it.
fn booked(account: &Account) -> Ran {
    let mut booking = account.transactions.last().map(|last| transaction(last, account)).unwrap_or_default();
    // Only history asks for these.
    if let Some(fields) = booking.as_object_mut() {
        fields.remove("__typename");
        fields.remove("remainingAmount");
    }
    booking["account"] = json!({ "id": account.gid(), "balance": balance(account) });
    booking["origin"] = Value::Null;
    Ran::Value(json!({ "storeCreditAccountTransaction": booking, "userErrors": [] }), 18)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_field_is_answered_as_recorded() {
        let sample = include_str!("../../samples/graphql-credit-invalid-variable.json");
        let sample: Value = serde_json::from_str(sample).unwrap();
        let body = sample.pointer("/request/body").unwrap().to_string();
        let call = Call::read(body.as_bytes()).unwrap();
        assert_eq!(invalid_variables(&call).as_ref(), sample.pointer("/response/body/errors/0"));
    }
}
