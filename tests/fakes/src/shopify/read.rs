//! What can be read: accounts, history with its search, customers, the shop (reference §12.4).

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::graphql::{Call, Ran, Surroundings};
use super::ledger::{Account, Kind, Transaction};
use super::money::printed;
use super::shop::{Customer, Shop, balance};

/// Most that a connection gives at once.
const FIRST_MAX: u64 = 250;

/// Answers a reading call.
pub(crate) fn read(shop: &mut Shop, call: &Call, around: &mut Surroundings<'_>) -> Ran {
    for account in &mut shop.accounts {
        account.expire(around.now, around.next_transaction);
    }
    match call.root {
        "customer" => customer(shop, shop.customers.get_key_value(call.text("id"))),
        "customerByIdentifier" => by_identifier(shop, call),
        "storeCreditAccount" => account(shop, call, around.now),
        "storeCreditConfiguration" => {
            Ran::Value(json!({ "storeCreditEnabled": shop.store_credit_enabled }), 1)
        }
        _ => Ran::Value(
            json!({
                "id": format!("gid://shopify/Shop/{}", shop.number),
                "currencyCode": shop.currency.code(),
                "ianaTimezone": shop.zone,
                "myshopifyDomain": shop.domain,
            }),
            1,
        ),
    }
}

/// By exactly one key; e-mail addresses without regard to case and spaces (reference §6.4).
fn by_identifier(shop: &Shop, call: &Call) -> Ran {
    let identifier = call.variables.get("identifier").and_then(Value::as_object);
    let key = identifier.filter(|keys| keys.len() == 1).and_then(|keys| keys.iter().next());
    let plain = |text: &str| text.replace(' ', "").to_lowercase();
    match key {
        Some((name, Value::String(id))) if name == "id" => customer(shop, shop.customers.get_key_value(id)),
        Some((name, Value::String(email))) if name == "emailAddress" => {
            let is = |customer: &Customer| customer.setup.email.as_deref().map(plain) == Some(plain(email));
            customer(shop, shop.customers.iter().find(|(_, customer)| is(customer)))
        }
        _ => Ran::Invalid(json!({
            "message": "Variable $identifier of type CustomerIdentifierInput! was provided invalid value",
            "extensions": { "code": "INVALID_VARIABLE", "value": call.variables.get("identifier") },
        })),
    }
}

fn customer(shop: &Shop, found: Option<(&String, &Customer)>) -> Ran {
    let Some((gid, customer)) = found else { return Ran::Value(Value::Null, 1) };
    let accounts: Vec<Value> = shop
        .accounts
        .iter()
        .filter(|account| account.owner == *gid)
        .map(|account| json!({ "id": account.gid(), "balance": balance(account) }))
        .collect();
    let used = 5 + 2 * u32::try_from(accounts.len()).unwrap_or(u32::MAX / 4);
    let email = customer.setup.email.as_ref().map(|email| json!({ "emailAddress": email }));
    let value = json!({
        "id": gid,
        "legacyResourceId": customer.setup.id,
        "displayName": customer.setup.name,
        "defaultEmailAddress": email,
        "defaultPhoneNumber": null,
        "state": "ENABLED",
        "tags": customer.setup.tags,
        "numberOfOrders": "0",
        "createdAt": instant(customer.created_at),
        "storeCreditAccounts": {
            "nodes": accounts,
            "pageInfo": { "hasNextPage": false, "endCursor": null },
        },
    });
    Ran::Value(value, used)
}

fn account(shop: &Shop, call: &Call, now: DateTime<Utc>) -> Ran {
    let id = call.text("id");
    let Some(account) = shop.accounts.iter().find(|account| account.gid() == id) else {
        return Ran::Value(Value::Null, 1);
    };
    let mut value = json!({ "id": id, "balance": balance(account) });
    let mut used = 2;
    if call.document.contains("transactions(") {
        let visible = |t: &&Transaction| t.created_at <= now - shop.history_lag;
        let (page, length) = history(account, call, visible);
        value["transactions"] = page;
        used = 3 + 3 * length;
    }
    Ran::Value(value, used)
}

/// A page of history with the number of its rows.
fn history(account: &Account, call: &Call, visible: impl Fn(&&Transaction) -> bool) -> (Value, u32) {
    let search = call.text("query");
    let mut all: Vec<&Transaction> =
        account.transactions.iter().filter(visible).filter(|t| found(t, search)).collect();
    if call.document.contains("reverse: true") {
        all.reverse();
    }
    // Opaque to clients; here the number of the last row that was seen.
    let after = call.text("after").strip_prefix("row-").and_then(|number| number.parse::<u64>().ok());
    let seen = after.and_then(|number| all.iter().position(|t| t.number == number)).map_or(0, |at| at + 1);
    let first = call.variables.get("first").and_then(Value::as_u64).unwrap_or(10).min(FIRST_MAX);
    let rest = all.split_off(seen.min(all.len()));
    let page: Vec<&Transaction> = rest.iter().copied().take(usize::try_from(first).unwrap_or(0)).collect();
    let page_info = json!({
        "hasNextPage": page.len() < rest.len(),
        "endCursor": page.last().map(|last| format!("row-{}", last.number)),
    });
    let nodes: Vec<Value> = page.iter().map(|t| transaction(t, account)).collect();
    let length = u32::try_from(nodes.len()).unwrap_or(0);
    (json!({ "nodes": nodes, "pageInfo": page_info }), length)
}

/// `type:credit AND id:>12 AND expires_at:'2027-01-01T00:00:00Z'`; terms that are not known find everything.
fn found(transaction: &Transaction, search: &str) -> bool {
    search.split(" AND ").all(|term| match term.trim().split_once(':') {
        Some(("type", kind)) => kind == word(transaction.kind),
        Some(("id", range)) => match range.strip_prefix('>') {
            Some(number) => number.parse().is_ok_and(|number: u64| transaction.number > number),
            None => range.parse().is_ok_and(|number: u64| transaction.number == number),
        },
        Some(("expires_at", at)) => {
            let at = at.trim_matches('\'').parse::<DateTime<Utc>>();
            at.is_ok_and(|at| transaction.expires_at.is_some_and(|is| is.timestamp() == at.timestamp()))
        }
        _ => true,
    })
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Credit => "credit",
        Kind::Debit => "debit",
        Kind::DebitRevert => "debit_revert",
        Kind::Expiration => "expiration",
    }
}

/// A booking on the wire; expirations have no id (reference §6.1).
pub(crate) fn transaction(transaction: &Transaction, account: &Account) -> Value {
    let typename = match transaction.kind {
        Kind::Credit => "StoreCreditAccountCreditTransaction",
        Kind::Debit => "StoreCreditAccountDebitTransaction",
        Kind::DebitRevert => "StoreCreditAccountDebitRevertTransaction",
        Kind::Expiration => "StoreCreditAccountExpirationTransaction",
    };
    let mut value = json!({
        "__typename": typename,
        "amount": printed(transaction.amount_minor, account.currency),
        "balanceAfterTransaction": printed(transaction.balance_after_minor, account.currency),
        "createdAt": instant(transaction.created_at),
        "event": transaction.event,
    });
    if matches!(transaction.kind, Kind::Credit | Kind::Debit) {
        value["id"] = json!(format!("gid://shopify/{typename}/{}", transaction.number));
    }
    if transaction.kind == Kind::Credit {
        value["expiresAt"] = json!(transaction.expires_at.map(instant));
        value["remainingAmount"] = printed(transaction.remaining_minor, account.currency);
    }
    value
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
