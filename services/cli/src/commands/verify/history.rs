//! `tradeup verify --history`: the proofs that runs have made.

use std::process::ExitCode;

use serde_json::{Value, json};
use tradeup_domain::amount_text as money;
use tradeup_proto::job_kind::LEDGER_VERIFICATION_TENANT;
use tradeup_store::Pool;
use tradeup_store::verify::{self, Figures, PastProof};

use super::super::tenant_by_handle;
use crate::Context;
use crate::output::{instant, instant_or_dash, table};

/// Shows the latest proofs of one shop, or of all.
pub(super) async fn show(
    context: &Context,
    pool: &Pool,
    tenant: Option<&str>,
    limit: i64,
) -> anyhow::Result<ExitCode> {
    if let Some(handle) = tenant {
        tenant_by_handle(pool, handle).await?;
    }
    let proofs = verify::history(pool, LEDGER_VERIFICATION_TENANT.task, tenant, limit).await?;
    let values: Vec<Value> = proofs.iter().map(value).collect();
    context.output().show(&json!(values), || text(&proofs))?;
    Ok(ExitCode::SUCCESS)
}

fn value(proof: &PastProof) -> Value {
    let run = &proof.run;
    json!({
        "run_id": run.run_id.to_string(), "tenant": run.tenant_handle, "state": run.state,
        "scheduled_for": instant(run.scheduled_for), "finished_at": run.finished_at.map(instant),
        "result": result(proof), "figures": proof.figures, "error_code": run.error_code, "error": run.error,
    })
}

/// What a proof came to, in a word or two.
fn result(proof: &PastProof) -> String {
    match (&proof.figures, proof.run.error_code.as_deref()) {
        (Some(figures), _) if figures.hold() => "holds".to_owned(),
        (Some(figures), _) => format!("{} WRONG", figures.violations),
        (None, Some(code)) => format!("{} {code}", proof.run.state),
        (None, None) => proof.run.state.clone(),
    }
}

fn text(proofs: &[PastProof]) -> String {
    if proofs.is_empty() {
        return "No proofs yet. They are made daily at 04:00 UTC, or now: tradeup trigger ledger-verification"
            .to_owned();
    }
    let mut shown = table(
        &["ended", "tenant", "proof", "members", "credits", "entries", "balances", "violations", "run"],
        &[3, 4, 5, 7],
    );
    for proof in proofs {
        let figure = |of: fn(&Figures) -> i64| {
            proof.figures.as_ref().map_or_else(|| "-".to_owned(), |figures| of(figures).to_string())
        };
        let balances: Vec<String> = proof
            .figures
            .iter()
            .flat_map(|figures| &figures.balances)
            .map(|balance| money(balance.balance_minor, &balance.currency))
            .collect();
        shown.add_row([
            instant_or_dash(proof.run.finished_at),
            proof.run.tenant_handle.clone().unwrap_or_else(|| "-".to_owned()),
            result(proof),
            figure(|figures| figures.members),
            figure(|figures| figures.lots),
            figure(|figures| figures.entries),
            balances.join(" + "),
            figure(|figures| figures.violations),
            proof.run.run_id.to_string(),
        ]);
    }
    shown.to_string()
}
