//! The calls that are made: their documents, whether they change anything, what they may cost.

use crate::listing::document;

/// One kind of call to the Admin API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `storeCreditAccountCredit`.
    Credit,
    /// `storeCreditAccountDebit`.
    Debit,
    /// One account with its balance.
    Account,
    /// A customer's accounts with their balances.
    Accounts,
    /// An account's transactions, newest first.
    History,
    /// A customer by id or e-mail.
    Customer,
    /// The shop itself.
    Shop,
    /// Whether check-out offers store credit.
    Configuration,
    /// A page of orders that changed.
    ChangedOrders,
    /// A page of customers who changed.
    ChangedCustomers,
    /// One order.
    Order,
    /// More lines of an order.
    OrderLines,
    /// More lines of a refund.
    RefundLines,
    /// `bulkOperationRunQuery`.
    StartBulk,
    /// How far a bulk operation is.
    Bulk,
}

/// Transactions asked for at once.
pub(crate) const HISTORY_PAGE: u32 = 50;
/// Accounts of one customer asked for at once: one for each currency, so there is never a second page.
pub(crate) const ACCOUNTS_PAGE: u32 = 50;

impl Operation {
    /// All kinds, in their order.
    pub(crate) const ALL: [Self; 15] = [
        Self::Credit,
        Self::Debit,
        Self::Account,
        Self::Accounts,
        Self::History,
        Self::Customer,
        Self::Shop,
        Self::Configuration,
        Self::ChangedOrders,
        Self::ChangedCustomers,
        Self::Order,
        Self::OrderLines,
        Self::RefundLines,
        Self::StartBulk,
        Self::Bulk,
    ];
    /// Number of kinds.
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// The field below `data` that has the result.
    #[must_use]
    pub fn root(self) -> &'static str {
        match self {
            Self::Credit => "storeCreditAccountCredit",
            Self::Debit => "storeCreditAccountDebit",
            Self::Account | Self::History => "storeCreditAccount",
            Self::Accounts => "customer",
            Self::Customer => "customerByIdentifier",
            Self::Shop => "shop",
            Self::Configuration => "storeCreditConfiguration",
            Self::ChangedOrders => "orders",
            Self::ChangedCustomers => "customers",
            Self::Order | Self::OrderLines => "order",
            Self::RefundLines => "refund",
            Self::StartBulk => "bulkOperationRunQuery",
            Self::Bulk => "bulkOperation",
        }
    }

    /// The operation's name in logs and recordings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Debit => "debit",
            Self::Account => "account",
            Self::Accounts => "accounts",
            Self::History => "history",
            Self::Customer => "customer",
            Self::Shop => "shop",
            Self::Configuration => "configuration",
            Self::ChangedOrders => "changed_orders",
            Self::ChangedCustomers => "changed_customers",
            Self::Order => "order",
            Self::OrderLines => "order_lines",
            Self::RefundLines => "refund_lines",
            Self::StartBulk => "start_bulk",
            Self::Bulk => "bulk",
        }
    }

    /// Whether it moves money: then an answer that does not come leaves its outcome unknown.
    #[must_use]
    pub fn moves_money(self) -> bool {
        matches!(self, Self::Credit | Self::Debit)
    }

    /// Cost in points to reckon with until an answer has told the real one (Shopify reference §7.1: 18
    /// for credit and debit; the others from the recorded ones, rounded up).
    pub(crate) fn first_guess(self) -> f64 {
        match self {
            Self::Credit | Self::Debit => 18.0,
            Self::Account => 5.0,
            Self::Accounts => 60.0,
            Self::History => 106.0,
            Self::Customer => 110.0,
            Self::Shop | Self::Configuration | Self::Bulk => 5.0,
            // By the costs that were seen of such documents: see `listing::document`.
            Self::ChangedOrders => 700.0,
            Self::ChangedCustomers => 60.0,
            Self::Order => 120.0,
            Self::OrderLines | Self::RefundLines => 60.0,
            Self::StartBulk => 10.0,
        }
    }

    /// The GraphQL document. Amounts and ids are never in it: they travel as variables.
    pub(crate) fn document(self) -> &'static str {
        match self {
            Self::Credit => CREDIT,
            Self::Debit => DEBIT,
            Self::Account => ACCOUNT,
            Self::Accounts => ACCOUNTS,
            Self::History => HISTORY,
            Self::Customer => CUSTOMER,
            Self::Shop => "query TradeUpShop { shop { id currencyCode ianaTimezone } }",
            Self::Configuration => {
                "query TradeUpStoreCreditConfiguration { storeCreditConfiguration { storeCreditEnabled } }"
            }
            Self::ChangedOrders => document::CHANGED_ORDERS,
            Self::ChangedCustomers => document::CHANGED_CUSTOMERS,
            Self::Order => document::ORDER,
            Self::OrderLines => document::ORDER_LINES,
            Self::RefundLines => document::REFUND_LINES,
            Self::StartBulk => document::START_BULK,
            Self::Bulk => document::BULK,
        }
    }
}

const CREDIT: &str = "mutation TradeUpCredit($id: ID!, $creditInput: StoreCreditAccountCreditInput!) { \
storeCreditAccountCredit(id: $id, creditInput: $creditInput) { storeCreditAccountTransaction { \
id amount { amount currencyCode } balanceAfterTransaction { amount currencyCode } createdAt expiresAt event \
account { id balance { amount currencyCode } } } userErrors { field message code } } }";

const DEBIT: &str = "mutation TradeUpDebit($id: ID!, $debitInput: StoreCreditAccountDebitInput!) { \
storeCreditAccountDebit(id: $id, debitInput: $debitInput) { storeCreditAccountTransaction { \
id amount { amount currencyCode } balanceAfterTransaction { amount currencyCode } createdAt event \
account { id balance { amount currencyCode } } } userErrors { field message code } } }";

const ACCOUNT: &str =
    "query TradeUpAccount($id: ID!) { storeCreditAccount(id: $id) { id balance { amount currencyCode } } }";

const ACCOUNTS: &str = "query TradeUpAccounts($id: ID!, $first: Int!) { customer(id: $id) { id \
storeCreditAccounts(first: $first) { nodes { id balance { amount currencyCode } } \
pageInfo { hasNextPage endCursor } } } }";

// The types have their id each for itself: the interface that they share has none, and an expiration has
// none at all (Shopify reference §6.1).
const HISTORY: &str = "query TradeUpHistory($id: ID!, $first: Int!, $after: String, $query: String) { \
storeCreditAccount(id: $id) { id balance { amount currencyCode } \
transactions(first: $first, after: $after, reverse: true, query: $query) { nodes { __typename \
... on StoreCreditAccountTransaction { amount { amount currencyCode } \
balanceAfterTransaction { amount currencyCode } createdAt event } \
... on StoreCreditAccountCreditTransaction { id expiresAt remainingAmount { amount currencyCode } } \
... on StoreCreditAccountDebitTransaction { id } } pageInfo { hasNextPage endCursor } } } }";

// Neither name nor address is asked for: what is not here can't leak.
const CUSTOMER: &str = "query TradeUpCustomer($identifier: CustomerIdentifierInput!, $first: Int!) { \
customerByIdentifier(identifier: $identifier) { id state tags \
storeCreditAccounts(first: $first) { nodes { id balance { amount currencyCode } } \
pageInfo { hasNextPage endCursor } } } }";
