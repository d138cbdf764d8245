//! The tasks of `webhooks`, one file each: what follows from an event of a shop.

mod handle_app_uninstalled;
mod handle_customer_created;
mod handle_customer_deleted;
mod handle_customer_merged;
mod handle_customer_tags_changed;
mod handle_customer_updated;
mod handle_data_request;
mod handle_order_cancelled;
mod handle_order_created;
mod handle_order_fulfilled;
mod handle_order_history;
mod handle_order_paid;
mod handle_order_transaction;
mod handle_order_updated;
mod handle_refund_created;
mod handle_scopes_updated;
mod handle_trade_in_submitted;
mod redact_customer;
mod redact_shop;
mod replay_events;

use tradeup_worker::{ProbeWebhooks, Registry, RegistryError};

/// All tasks that this service executes.
pub(crate) fn registry() -> Result<Registry, RegistryError> {
    Registry::new()
        .register(handle_app_uninstalled::HandleAppUninstalled)?
        .register(handle_customer_created::HandleCustomerCreated)?
        .register(handle_customer_deleted::HandleCustomerDeleted)?
        .register(handle_customer_merged::HandleCustomerMerged)?
        .register(handle_customer_tags_changed::HandleCustomerTagsChanged)?
        .register(handle_customer_updated::HandleCustomerUpdated)?
        .register(handle_data_request::HandleDataRequest)?
        .register(handle_order_cancelled::HandleOrderCancelled)?
        .register(handle_order_created::HandleOrderCreated)?
        .register(handle_order_fulfilled::HandleOrderFulfilled)?
        .register(handle_order_history::HandleOrderHistory)?
        .register(handle_order_paid::HandleOrderPaid)?
        .register(handle_order_transaction::HandleOrderTransaction)?
        .register(handle_order_updated::HandleOrderUpdated)?
        .register(handle_refund_created::HandleRefundCreated)?
        .register(handle_scopes_updated::HandleScopesUpdated)?
        .register(handle_trade_in_submitted::HandleTradeInSubmitted)?
        .register(redact_customer::RedactCustomer)?
        .register(redact_shop::RedactShop)?
        .register(replay_events::ReplayEvents)?
        .register(ProbeWebhooks)
}
