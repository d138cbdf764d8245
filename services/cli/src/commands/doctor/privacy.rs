//! What customers ask for by law: whether it is done in time.

use tradeup_store::{Pool, StoreError, privacy};

use super::{Finding, State};
use crate::output::{count, instant};

/// Of so many shops is said what is due.
const SHOPS_MAX: i64 = 20;
/// Nothing needs anybody's attention that is due later, in days.
const SOON: f64 = 10.0;

pub(super) async fn look(pool: &Pool) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for due in privacy::due(pool, SHOPS_MAX).await?.into_iter().filter(|due| due.days_left < SOON) {
        let state = if due.days_left < 0.0 { State::Problem } else { State::Warning };
        let open = count(due.open.unsigned_abs(), "open request", "open requests");
        let found = format!("{open} of customers, the first to be done until {}", instant(due.due_at));
        let fix = format!("tradeup privacy list {}; tradeup privacy export", due.tenant);
        findings.push(Finding::new("privacy", state, found).of(&due.tenant).fix(fix));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("privacy", "nothing that customers ask for by law is due soon"));
    }
    Ok(findings)
}
