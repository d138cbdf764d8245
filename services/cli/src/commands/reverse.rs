//! `tradeup reverse`.

use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::Args;
use serde_json::json;
use tradeup_domain::Money;
use tradeup_domain::amount_text as money;
use tradeup_store::audit::{self, Actor};
use tradeup_store::credits::{ReversalPreview, preview_reversal};
use tradeup_store::runs::Trigger;
use tradeup_store::{Pool, RunId, Tx, schedules, tenants};
use tradeup_worker::trigger;

use super::run;
use super::start::{Existing, Start};
use crate::Context;
use crate::sheet::{Cell, Sheet};

/// Tasks whose grants can be taken back.
const GRANTING: [&str; 6] = [
    "monthly-credits",
    "monthly-credits-tenant",
    "monthly-credits-batch",
    "grant-credit",
    "start-campaign",
    "campaign-batch",
];

/// Take back what a run has granted that should not have happened: what is left of each credit is adjusted
/// to nothing, by entries that say so. What was used stays used. Without --confirm it says what it would
/// do, and does nothing.
#[derive(Args)]
pub(crate) struct Reverse {
    /// The run: over all shops, a shop's, a campaign's, a batch's, or one that gave a single credit.
    run: RunId,
    /// The total that is to be taken back, like 1234.50, as shown without this; with several currencies
    /// each like 1234.50USD.
    #[arg(long, value_name = "TOTAL")]
    confirm: Vec<String>,
    /// Members owe what they have used of it: it is taken from what is given to them later.
    #[arg(long)]
    owe_used: bool,
    /// Why, for the record.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    start: Start,
}

impl Reverse {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let target = run::read(&pool, self.run).await?;
        ensure!(
            GRANTING.contains(&target.task.as_str()),
            "run {} is of {}, which grants nothing; runs that can be reversed are of {}",
            self.run,
            target.task,
            GRANTING.join(", ")
        );
        ensure!(
            target.finished_at.is_some(),
            "run {} is {}: cancel it first (tradeup cancel {}), then reverse what it has granted by then",
            self.run,
            target.state,
            self.run
        );
        let found = preview(&pool, self.run, target.tenant_handle.as_deref()).await?;
        let mut sheet = Sheet::new(&[
            "tenant",
            "currency",
            "members",
            "credits",
            "granted_minor",
            "to_take_back_minor",
            "authorised_minor",
            "used_minor",
            "gone_before_minor",
        ]);
        let mut totals: Vec<(String, i64)> = Vec::new();
        for (tenant, line) in &found {
            let money = |minor| Cell::Money(minor, line.currency.clone());
            sheet.push([
                Cell::text(tenant),
                Cell::text(&line.currency),
                Cell::Number(line.members),
                Cell::Number(line.lots),
                money(line.granted_minor),
                money(line.to_reverse_minor),
                money(line.held_minor),
                money(line.used_minor),
                money(line.gone_minor),
            ]);
            match totals.iter_mut().find(|(currency, _)| *currency == line.currency) {
                Some((_, minor)) => *minor += line.to_reverse_minor,
                None => totals.push((line.currency.clone(), line.to_reverse_minor)),
            }
        }
        let shown: Vec<String> = totals.iter().map(|(currency, minor)| money(*minor, currency)).collect();
        if self.confirm.is_empty() {
            let value = json!({ "lines": sheet.value(), "confirmed": false,
                "totals": totals.iter().map(|(currency, minor)| json!({ "currency": currency, "amount_minor": minor })).collect::<Vec<_>>() });
            context.output().show(&value, || {
                if sheet.is_empty() {
                    return format!("Run {} has granted nothing.", self.run);
                }
                let confirm: Vec<String> =
                    shown.iter().map(|total| format!("--confirm {}", total.replace(' ', ""))).collect();
                format!(
                    "{}\n\nWould take back {}. What was used stays used{}. Nothing was done. To do it:\n  tradeup reverse {} {} --reason WHY",
                    sheet.text(),
                    shown.join(" + "),
                    if self.owe_used { ", and is owed" } else { "" },
                    self.run,
                    confirm.join(" ")
                )
            })?;
            return Ok(ExitCode::SUCCESS);
        }
        self.check(&totals, &shown)?;
        let Some(reason) = self.reason.as_ref().filter(|reason| !reason.trim().is_empty()) else {
            bail!("--reason is missing; say why, for the record");
        };

        let of = super::optional_tenant_ref(&pool, target.tenant_handle.as_deref()).await?;
        let mut tx = Tx::of_engine(&pool).await?;
        let now = schedules::now(&mut tx).await?;
        let actor = Actor { name: self.start.by.clone(), reason: Some(reason.clone()) };
        let subject = json!({ "run_id": self.run.to_string(), "totals": shown, "owe_used": self.owe_used });
        audit::record(&mut tx, &actor, "reverse", &subject).await?;
        tx.commit().await?;
        let new = trigger::reversal(of, self.run, self.owe_used, now, Trigger::Manual(self.start.by.clone()));
        self.start.start(context, &pool, new, Existing::HasToBeTheSame).await
    }

    /// The totals that were typed have to be those that would be taken back.
    fn check(&self, totals: &[(String, i64)], shown: &[String]) -> anyhow::Result<()> {
        let mut left: Vec<&(String, i64)> = totals.iter().collect();
        for typed in &self.confirm {
            let typed = typed.trim();
            let code =
                typed.get(typed.len().saturating_sub(3)..).filter(|code| totals.iter().any(|t| t.0 == *code));
            let (number, currency) = match (code, totals) {
                (Some(code), _) => (typed.trim_end_matches(code).trim(), code.to_owned()),
                (None, [(only, _)]) => (typed, only.clone()),
                (None, _) => bail!(
                    "--confirm {typed}: write the currency behind the total, like {}",
                    shown.join(" or ")
                ),
            };
            let minor = Money::parse(number, currency.parse()?)?.amount_minor;
            let position = left.iter().position(|(code, total)| *code == currency && *total == minor);
            let Some(position) = position else {
                bail!(
                    "--confirm {typed}: what would be taken back is {}; nothing was done",
                    shown.join(" + ")
                );
            };
            left.remove(position);
        }
        ensure!(left.is_empty(), "confirm each total: {}; nothing was done", shown.join(" + "));
        Ok(())
    }
}

/// What would be taken back, of each tenant.
async fn preview(
    pool: &Pool,
    granting: RunId,
    handle: Option<&str>,
) -> anyhow::Result<Vec<(String, ReversalPreview)>> {
    let wanted = match handle {
        Some(handle) => vec![super::tenant_by_handle(pool, handle).await?],
        None => tenants::list(pool).await?,
    };
    let mut found = Vec::new();
    for tenant in wanted.into_iter().filter(|tenant| tenant.state != "uninstalled") {
        let mut tx = Tx::snapshot_of_tenant(pool, tenant.id).await?;
        let lines = preview_reversal(&mut tx, tenant.id, granting).await?;
        tx.rollback().await?;
        found.extend(lines.into_iter().map(|line| (tenant.handle.clone(), line)));
    }
    Ok(found)
}
