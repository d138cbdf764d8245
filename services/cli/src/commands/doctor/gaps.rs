//! Gaps: shops that are not asked for what they never told, and what can't be taken of them.

use tradeup_store::{Pool, StoreError, Tx, gaps, tenants};

use super::{Finding, State};
use crate::output::instant;

pub(super) async fn look(pool: &Pool) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    // Rows of a tenant are seen in its own transaction only.
    for tenant in tenants::list(pool).await?.into_iter().filter(|tenant| tenant.state != "uninstalled") {
        let handle = &tenant.handle;
        let mut tx = Tx::of_tenant(pool, tenant.id).await?;
        let troubles = gaps::troubles(&mut tx, tenant.id).await?;
        tx.rollback().await?;
        for trouble in troubles {
            let what = &trouble.what;
            let mut add = |found: String, fix: String| {
                findings.push(Finding::new("gaps", State::Warning, found).of(handle).fix(fix));
            };
            if let Some(since) = trouble.behind_since {
                add(
                    format!("what {what} have changed since {} was not asked for", instant(since)),
                    format!("tradeup runs --task gap-search-tenant; tradeup gaps search {handle}"),
                );
            }
            if trouble.left_out > 0 {
                add(
                    format!("{} {what} can't be taken of the shop", trouble.left_out),
                    format!("tradeup gaps show {handle}; tradeup runs --task gap-search-tenant"),
                );
            }
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok("gaps", "shops are asked for what they never told"));
    }
    Ok(findings)
}
