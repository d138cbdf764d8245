//! `tradeup verify`.

mod history;

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradeup_domain::amount_text as money;
use tradeup_store::tenants;
use tradeup_store::verify::{self, CheckResult, Examined};

use super::tenant_by_handle;
use crate::Context;
use crate::output::table;

/// Prove the whole ledger, row by row: lots, entries, balances, promises and runs. Exit code 1 if
/// something is wrong, with the rows. The schedule `ledger-verification` does the same each night.
#[derive(Args)]
pub(crate) struct Verify {
    /// Just this shop.
    #[arg(long)]
    tenant: Option<String>,
    /// Prove nothing now: show the latest proofs that were made by schedule, or triggered.
    #[arg(long)]
    history: bool,
    /// How many of them.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000), requires = "history")]
    limit: i64,
}

struct Proof {
    tenant: String,
    examined: Examined,
    checks: Vec<CheckResult>,
}

impl Verify {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        if self.history {
            return history::show(context, &pool, self.tenant.as_deref(), self.limit).await;
        }
        let wanted = match &self.tenant {
            Some(handle) => vec![tenant_by_handle(&pool, handle).await?],
            None => tenants::list(&pool).await?,
        };
        let mut proofs = Vec::with_capacity(wanted.len());
        for tenant in wanted {
            let (examined, checks) = verify::tenant(&pool, tenant.id).await?;
            proofs.push(Proof { tenant: tenant.handle, examined, checks });
        }
        let violations: i64 =
            proofs.iter().flat_map(|proof| &proof.checks).map(|check| check.violations).sum();
        let shown = json!({ "ok": violations == 0, "violations": violations, "tenants": proofs.iter().map(Proof::value).collect::<Vec<_>>() });
        context.output().show(&shown, || text(&proofs, violations))?;
        Ok(if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Proof {
    fn value(&self) -> Value {
        let e = &self.examined;
        json!({
            "tenant": self.tenant, "members": e.members, "lots": e.lots, "entries": e.entries, "monthly_runs": e.runs,
            "runs_unfinished": e.runs_unfinished,
            "balances": e.balances.iter().map(|(currency, minor)| json!({ "currency": currency, "balance_minor": minor })).collect::<Vec<_>>(),
            "checks": self.checks.iter().map(|c| json!({
                "check": c.check, "proves": c.proves, "violations": c.violations,
                "listed": c.listed.iter().map(|v| json!({ "subject": v.subject, "detail": v.detail })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })
    }
}

fn text(proofs: &[Proof], violations: i64) -> String {
    let mut shown = table(
        &["tenant", "members", "credits", "entries", "monthly runs", "unfinished", "balances", "proof"],
        &[1, 2, 3, 4, 5, 6],
    );
    for proof in proofs {
        let e = &proof.examined;
        let balances: Vec<String> =
            e.balances.iter().map(|(currency, minor)| money(*minor, currency)).collect();
        let wrong: i64 = proof.checks.iter().map(|check| check.violations).sum();
        shown.add_row([
            proof.tenant.clone(),
            e.members.to_string(),
            e.lots.to_string(),
            e.entries.to_string(),
            e.runs.to_string(),
            e.runs_unfinished.to_string(),
            balances.join(" + "),
            if wrong == 0 { "holds".to_owned() } else { format!("{wrong} WRONG") },
        ]);
    }
    let mut text = format!("{shown}\n\n");
    for proof in proofs {
        for check in proof.checks.iter().filter(|check| check.violations > 0) {
            text.push_str(&format!(
                "{}: {} violations of: {}\n",
                proof.tenant, check.violations, check.proves
            ));
            for violation in &check.listed {
                text.push_str(&format!("  {}: {}\n", violation.subject, violation.detail));
            }
        }
    }
    if violations == 0 {
        let checks = proofs.first().map_or(0, |proof| proof.checks.len());
        text.push_str(&format!("Every row of {} tenants passed {checks} checks.", proofs.len()));
    } else {
        text.push_str(&format!("{violations} violations."));
    }
    text
}
