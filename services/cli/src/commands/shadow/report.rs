//! `tradeup shadow report`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use chrono::{DateTime, NaiveTime, Utc};
use clap::Args;
use serde_json::json;
use tradeup_domain::{Period, amount_text as money};
use tradeup_store::explain::{self, Story};
use tradeup_store::shadow::{self, Compared};
use tradeup_store::tenants::Tenant;
use tradeup_store::{Tx, schedules};
use tradeup_worker::trigger;

use crate::Context;
use crate::commands::tenant_by_handle;
use crate::old_credits::{OldCredits, Terms};
use crate::output::count;
use crate::sheet::{Cell, Sheet};

/// Hold a month as it was reckoned in shadow against what the other system has done.
#[derive(Args)]
pub(crate) struct Report {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// The month, like 2026-11.
    #[arg(long)]
    period: Period,
    /// What the other system has issued, as `tradeup import credits` reads it; else what was imported of the month.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Most members listed.
    #[arg(long, default_value_t = 200)]
    limit: i64,
    /// Print the members as CSV, safe to open in a spreadsheet.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// An outcome, for people.
fn in_words(outcome: &str) -> &'static str {
    match outcome {
        "same" => "both gave the same",
        "missing" => "MISSING: the other system gave it, ours would not",
        "extra" => "EXTRA: ours would give it, the other system did not",
        "different" => "DIFFERENT amounts",
        "unknown" => "UNKNOWN: the other system's customer is no member here",
        _ => "",
    }
}

impl Report {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let due = trigger::monthly_credits_due(self.period);
        let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
        let now = schedules::now(&mut tx).await?;
        let against =
            self.against.as_deref().map(|file| read(file, &tenant, self.period, now)).transpose()?;
        let period = self.period.to_string();
        let lines = shadow::compare(&mut tx, tenant.id, &period, against.as_deref(), self.limit).await?;
        let month = |period: Period| period.first_day().and_time(NaiveTime::MIN).and_utc();
        let (from, until) = (month(self.period), month(self.period.following()));
        let reckoned = shadow::reckoned(&mut tx, tenant.id, from, until).await?;
        let (sums, members): (Vec<Compared>, Vec<Compared>) =
            lines.into_iter().partition(|line| line.external_id.is_none());
        if sums.is_empty() && reckoned.is_empty() {
            bail!(
                "there is nothing of {period}: no run of it in shadow, and nothing of the other system; see \
                 tradeup runs --tenant {}",
                tenant.handle
            );
        }
        let mut sheet = Sheet::new(&["customer", "outcome", "ours_minor", "theirs_minor", "why"]);
        for line in &members {
            let why = match line.member_id {
                None => "no member has this customer id".to_owned(),
                Some(member) => {
                    let found = explain::monthly(&mut tx, tenant.id, member, self.period, due).await?;
                    why(line, &Story { found: &found, tenant: &tenant, period: self.period, due, now })
                }
            };
            sheet.push([
                Cell::optional(line.external_id.as_deref()),
                Cell::text(&line.outcome),
                Cell::Money(line.ours_minor, tenant.currency.clone()),
                Cell::Money(line.theirs_minor, tenant.currency.clone()),
                Cell::text(why),
            ]);
        }
        tx.rollback().await?;

        let agree = sums.iter().all(|sum| sum.outcome == "same");
        let differing: i64 = sums.iter().filter(|sum| sum.outcome != "same").map(|sum| sum.members).sum();
        if self.csv {
            sheet.show(context.output(), true, "")?;
        } else {
            let value = json!({
                "tenant": tenant.handle, "period": period, "agree": agree, "differing": differing,
                "sums": sums.iter().map(|sum| json!({ "outcome": sum.outcome, "members": sum.members,
                    "ours_minor": sum.ours_minor, "theirs_minor": sum.theirs_minor })).collect::<Vec<_>>(),
                "members": sheet.value(), "currency": tenant.currency,
                "reckoned": reckoned.iter().map(|r| json!({ "kind": r.kind, "currency": r.currency,
                    "members": r.members, "amount_minor": r.amount_minor })).collect::<Vec<_>>(),
            });
            context.output().show(&value, || {
                let mut text =
                    format!("Monthly credits of {period}, reckoned in shadow against the other system:\n\n");
                for sum in &sums {
                    text.push_str(&format!(
                        "  {}: {} (ours {}, theirs {})\n",
                        count(u64::try_from(sum.members).unwrap_or(0), "member", "members"),
                        in_words(&sum.outcome),
                        money(sum.ours_minor, &tenant.currency),
                        money(sum.theirs_minor, &tenant.currency)
                    ));
                }
                if !sheet.is_empty() {
                    text.push_str(&format!("\n{}\n", sheet.text()));
                }
                for r in &reckoned {
                    let what =
                        if r.kind == "expire" { "would have ended" } else { "would have been warned of" };
                    let amount = money(r.amount_minor, &r.currency);
                    let members = count(u64::try_from(r.members).unwrap_or(0), "member", "members");
                    text.push_str(&format!("\n{amount} of {members} {what} that month."));
                }
                text
            })?;
        }
        Ok(if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Why ours decided so, from what `tradeup explain` knows.
fn why(line: &Compared, story: &Story<'_>) -> String {
    let e = story.found;
    match line.outcome.as_str() {
        "missing" => story.conclusion().0,
        _ => {
            let since = e.member_since.map(crate::output::instant).unwrap_or_default();
            let amount = e.amount_minor.map(|minor| money(minor, &story.tenant.currency)).unwrap_or_default();
            format!(
                "tier {} by {} since {since}, which gives {amount}",
                e.tier.as_deref().unwrap_or("none"),
                e.source.as_deref().unwrap_or("nobody"),
            )
        }
    }
}

/// What the other system has issued: customer ids and minor units.
fn read(
    file: &Path,
    tenant: &Tenant,
    period: Period,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<(String, i64)>> {
    let name = file.display().to_string();
    let input = File::open(file).with_context(|| format!("{name} can't be opened"))?;
    let due = trigger::monthly_credits_due(period);
    let terms = Terms { settings: tenant.settings()?, period, due, now, with_balance: false };
    let mut credits = OldCredits::open(&name, input, terms).with_context(|| name.clone())?;
    let mut all = Vec::new();
    while let Some(line) = credits.next().with_context(|| name.clone())? {
        match line.credit {
            Ok(credit) => all.push((credit.member, credit.amount_minor)),
            Err(bad) => bail!("{name}, line {}: {}: {}; {}", line.line, bad.field, bad.reason, bad.fix),
        }
    }
    Ok(all)
}
