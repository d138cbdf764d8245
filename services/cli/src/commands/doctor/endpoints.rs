//! Endpoints: those that are told nothing any more, and what nobody sends.

use tradeup_store::{Pool, StoreError, Tx, deliveries, endpoints, tenants};

use super::{Finding, State};
use crate::output::{count, instant};

/// What is to be sent waits no longer than this after its time, in minutes, unless nobody sends.
const WAITS_MAX: f64 = 10.0;

pub(super) async fn look(pool: &Pool) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    // Rows of a tenant are seen in its own transaction only.
    for tenant in tenants::list(pool).await? {
        let handle = &tenant.handle;
        let mut tx = Tx::of_tenant(pool, tenant.id).await?;
        let found = endpoints::list(&mut tx, tenant.id).await?;
        let overdue = if found.is_empty() { None } else { deliveries::overdue(&mut tx, tenant.id).await? };
        tx.rollback().await?;
        let mut add = |state, found: String, fix: String| {
            findings.push(Finding::new("endpoints", state, found).of(handle).fix(fix));
        };
        for endpoint in found {
            let id = endpoint.id;
            if endpoint.state == "disabled" {
                let why = endpoint.disabled_because.unwrap_or_default();
                add(
                    State::Warning,
                    format!("endpoint {id} is disabled: {why}"),
                    format!("tradeup endpoints enable {handle} {id}; tradeup deliveries replay {handle}"),
                );
            } else if let Some(since) = endpoint.failing_since {
                add(
                    State::Warning,
                    format!("all that endpoint {id} is told has failed since {}", instant(since)),
                    format!("tradeup deliveries list {handle} --endpoint {id}"),
                );
            }
        }
        if let Some((waiting, minutes)) = overdue.filter(|(_, minutes)| *minutes > WAITS_MAX) {
            let what = count(waiting.unsigned_abs(), "delivery", "deliveries");
            add(
                State::Problem,
                format!("{what} to endpoints wait for {minutes:.0} min, and nobody sends"),
                "start webhooks with TRADEUP_SIGNING_KEYS".to_owned(),
            );
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok("endpoints", "endpoints are told of everything"));
    }
    Ok(findings)
}
