//! What a proof came to, in figures: the result of the run that made it, and what is read back of past ones.

use serde::{Deserialize, Serialize};

use super::{CheckResult, Examined};
use crate::runs::{self, RunFilter, RunView};
use crate::{Pool, StoreError};

/// Most checks that a sentence names.
const NAMED_MAX: usize = 5;

/// The sum of a tenant's balances in a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Currency.
    pub currency: String,
    /// In minor units.
    pub balance_minor: i64,
}

/// A check that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violated {
    /// Its name.
    pub check: String,
    /// How many rows break it.
    pub violations: i64,
}

/// What was examined of a tenant, and what was found. It names no row: those are listed by whoever proves it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Members.
    pub members: i64,
    /// Lots.
    pub lots: i64,
    /// Ledger entries.
    pub entries: i64,
    /// Sums of balances.
    pub balances: Vec<Balance>,
    /// How many checks were made.
    pub checks: i64,
    /// Violations of all checks.
    pub violations: i64,
    /// The checks that do not hold.
    pub violated: Vec<Violated>,
}

impl Figures {
    /// Of a proof that was made.
    #[must_use]
    pub fn of(examined: &Examined, checks: &[CheckResult]) -> Self {
        let balance =
            |(currency, minor): &(String, i64)| Balance { currency: currency.clone(), balance_minor: *minor };
        let violated = checks.iter().filter(|check| check.violations > 0);
        let violated: Vec<Violated> = violated
            .map(|check| Violated { check: check.check.to_owned(), violations: check.violations })
            .collect();
        Self {
            members: examined.members,
            lots: examined.lots,
            entries: examined.entries,
            balances: examined.balances.iter().map(balance).collect(),
            checks: i64::try_from(checks.len()).unwrap_or(i64::MAX),
            violations: violated.iter().map(|check| check.violations).sum(),
            violated,
        }
    }

    /// Whether every check holds.
    #[must_use]
    pub fn hold(&self) -> bool {
        self.violations == 0
    }

    /// What does not hold, in a sentence: the first checks and how often each is broken. Only numbers differ between two
    /// shops with the same fault, so that their dead letters are of one group.
    #[must_use]
    pub fn found(&self) -> String {
        let named: Vec<String> = self
            .violated
            .iter()
            .take(NAMED_MAX)
            .map(|check| format!("{} ({})", check.check, check.violations))
            .collect();
        let more = match self.violated.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("violations found: {}, of {}{more}", self.violations, named.join(", "))
    }
}

/// A proof that a run has made, or is to make.
#[derive(Clone, Debug)]
pub struct PastProof {
    /// The run.
    pub run: RunView,
    /// What it came to; `None` before it has ended, and if it could not be made.
    pub figures: Option<Figures>,
}

/// The latest proofs by runs of `task`, newest first: of one tenant, by its handle, or of all.
///
/// # Errors
/// As any statement.
pub async fn history(
    pool: &Pool,
    task: &str,
    tenant: Option<&str>,
    limit: i64,
) -> Result<Vec<PastProof>, StoreError> {
    let filter =
        RunFilter { task: Some(task.to_owned()), tenant: tenant.map(str::to_owned), ..RunFilter::default() };
    let found = runs::list(pool, &filter, limit).await?;
    Ok(found.into_iter().map(PastProof::of).collect())
}

impl PastProof {
    fn of(run: RunView) -> Self {
        // An older build's result may lack a figure: then the run is shown without any.
        let figures = run.result.as_ref().and_then(|result| Figures::deserialize(result).ok());
        Self { run, figures }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(check: &'static str, violations: i64) -> CheckResult {
        CheckResult { check, proves: "", violations, listed: Vec::new() }
    }

    #[test]
    fn figures_survive_being_a_runs_result_and_name_the_first_checks() {
        let examined =
            Examined { members: 3, balances: vec![("USD".to_owned(), 250)], ..Examined::default() };
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let figures = Figures::of(&examined, &names.map(|name| check(name, i64::from(name != "a") * 2)));
        assert_eq!((figures.checks, figures.violations, figures.hold()), (7, 12, false));
        let result = serde_json::to_value(&figures).unwrap();
        assert_eq!(result["balances"][0]["balance_minor"], 250);
        assert_eq!(Figures::deserialize(&result).unwrap(), figures);
        assert_eq!(figures.found(), "violations found: 12, of b (2), c (2), d (2), e (2), f (2) and 1 more");
        assert!(Figures::of(&examined, &[check("a", 0)]).hold());
    }
}
