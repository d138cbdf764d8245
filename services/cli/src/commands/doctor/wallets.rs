//! Wallets at Shopify: shops that can't be told, what was told and nobody knows, and where they differ.

use tradeup_store::{Pool, StoreError, Tx, pushes, shops, tenants, wallets};

use super::{Finding, State};
use crate::output::count;

/// What is to be told waits no longer than this, in minutes, unless something is wrong.
const WAITS_MAX: f64 = 15.0;

pub(super) async fn look(pool: &Pool) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    // Rows of a tenant are seen in its own transaction only.
    for tenant in tenants::list(pool).await?.into_iter().filter(|tenant| tenant.wallet != "none") {
        let handle = &tenant.handle;
        let mut tx = Tx::of_tenant(pool, tenant.id).await?;
        let shop = shops::get(&mut tx, tenant.id).await?;
        let backlog = pushes::backlog(&mut tx, tenant.id).await?;
        let differences = wallets::differences(&mut tx, tenant.id, None).await?;
        tx.rollback().await?;
        let mut add = |state, found: String, fix: String| {
            findings.push(Finding::new("wallets", state, found).of(handle).fix(fix));
        };
        if let Some(shop) = shop.filter(|shop| !shop.is_connected) {
            let why = shop.error.unwrap_or_default();
            let found = format!("disconnected from {}: {why}; {} to tell it", shop.domain, backlog.waiting);
            add(
                State::Problem,
                found,
                format!("let the merchant open the app; tradeup wallet connect {handle}"),
            );
        } else if backlog.waits_minutes > WAITS_MAX {
            let found = format!("{} to tell the shop, for {:.0} min", backlog.waiting, backlog.waits_minutes);
            add(
                State::Warning,
                found,
                format!("tradeup wallet show {handle}; tradeup holds; tradeup dead list"),
            );
        }
        let number = |n: i64, one: &str, more: &str| count(n.unsigned_abs(), one, more);
        if backlog.undecided > 0 {
            let found =
                format!("{} perhaps booked at the shop", number(backlog.undecided, "movement", "movements"));
            let fix = format!("tradeup wallet pushes {handle} --state unknown; tradeup wallet resolve");
            add(State::Problem, found, fix);
        }
        if backlog.failed > 0 {
            let found = format!("{} refused by the shop", number(backlog.failed, "movement", "movements"));
            let fix = format!("tradeup wallet pushes {handle} --state failed; tradeup wallet resolve");
            add(State::Warning, found, fix);
        }
        let open = differences.iter().filter(|difference| difference.repair.is_none()).count();
        if open > 0 {
            let open = u64::try_from(open).unwrap_or(u64::MAX);
            let found = format!("ledger and shop differ for {}", count(open, "member", "members"));
            add(State::Warning, found, format!("tradeup wallet differences {handle}; tradeup wallet repair"));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok("wallets", "shops are told of everything, and agree"));
    }
    Ok(findings)
}
