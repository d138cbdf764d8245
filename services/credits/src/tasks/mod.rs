//! The tasks of `credits`, one file each.

mod campaign_batch;
mod credit_expiration_batch;
mod expiration_warning_batch;
mod gap_search_tenant;
mod grant_credit;
mod handle_order_edited;
mod kpi_follow_up_tenant;
mod ledger_verification_tenant;
mod merge_members;
mod monthly_credits_batch;
mod monthly_credits_tenant;
mod push_store_credit;
mod reversal_batch;
mod revert_spend;
mod send_digest;
mod settle_order;
mod spend_credit;
mod tier_review_batch;
mod wallet_reconciliation_batch;

use std::time::Duration;

use tradeup_domain::{Currency, ErrorCode};
use tradeup_store::tenants::{self, Settings};
use tradeup_store::{TenantId, Tx};
use tradeup_worker::planning::Planning;
use tradeup_worker::{ProbeCredits, Registry, RegistryError, RetryPolicy, TaskError};

use crate::mail::Post;
use crate::shop::Shops;

/// For mail servers and shops: an hour, since one that asks to come back later means minutes. While it is down
/// nobody's attempts are used up.
const OUTSIDE_RETRY: RetryPolicy =
    RetryPolicy { attempts_max: 10, base: Duration::from_secs(1), factor: 4, cap: Duration::from_secs(900) };

/// All tasks that this service executes.
pub(crate) fn registry(post: &Post, shops: &Shops, few_max: i32) -> Result<Registry, RegistryError> {
    Registry::new()
        .register_group(credit_expiration_batch::CreditExpirationBatch)?
        .register(campaign_batch::CampaignBatch { post: post.clone() })?
        .register(expiration_warning_batch::ExpirationWarningBatch { post: post.clone() })?
        .register(gap_search_tenant::GapSearchTenant { shops: shops.clone() })?
        .register(handle_order_edited::HandleOrderEdited { shops: shops.clone() })?
        .register_group(grant_credit::GrantCredit)?
        .register(kpi_follow_up_tenant::KpiFollowUpTenant::new())?
        .register(ledger_verification_tenant::LedgerVerificationTenant::new())?
        .register(merge_members::MergeMembers)?
        .register_group(monthly_credits_batch::MonthlyCreditsBatch)?
        .register_group(Planning(monthly_credits_tenant::MonthlyCreditsTenant { few_max }))?
        .register(push_store_credit::PushStoreCredit { shops: shops.clone() })?
        .register(reversal_batch::Reverse)?
        .register(revert_spend::RevertSpend)?
        .register(send_digest::SendDigest { post: post.clone() })?
        .register(settle_order::SettleOrder)?
        .register(spend_credit::SpendCredit)?
        .register(tier_review_batch::ReviewTiers)?
        .register(wallet_reconciliation_batch::WalletReconciliationBatch { shops: shops.clone() })?
        .register(ProbeCredits)
}

/// Whether the tenant's ledger moves, in this currency: that of an uninstalled shop stands still.
async fn check_ledger(
    tx: &mut Tx,
    tenant: TenantId,
    currency: Option<Currency>,
) -> Result<Settings, TaskError> {
    let tenant = tenants::by_id(tx, tenant)
        .await?
        .filter(|tenant| tenant.state != "uninstalled")
        .ok_or_else(|| TaskError::permanent(ErrorCode::TenantNotActive, "the tenant is not active"))?;
    let settings = tenant.settings()?;
    match currency {
        Some(other) if other != settings.currency => Err(TaskError::permanent(
            ErrorCode::WrongCurrency,
            format!(
                "the amount is in {other}, the tenant's ledger in {0}; give it in {0}",
                settings.currency
            ),
        )),
        _ => Ok(settings),
    }
}

fn unknown_member() -> TaskError {
    TaskError::permanent(
        ErrorCode::UnknownMember,
        "the tenant has no member with the customer id in member_external_id; import the member, or give \
         the id of one",
    )
}

fn key_taken(field: &str) -> TaskError {
    TaskError::permanent(
        ErrorCode::InvalidInput,
        format!("field {field} is that of another operation; give each a {field} of its own"),
    )
}
