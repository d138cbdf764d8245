//! `tradeup preview`.

use std::process::ExitCode;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::json;
use tradeup_domain::Period;
use tradeup_domain::amount_text as money;
use tradeup_store::previews::{self, PreviewLine};
use tradeup_store::tenants::{self, Tenant};
use tradeup_store::{Pool, Tx};
use tradeup_worker::trigger;

use super::{now, tenant_by_handle};
use crate::Context;
use crate::output::instant;
use crate::sheet::{Cell, Sheet};

/// Say what a money run would do, before it does: who, how much, the total, who not and why.
#[derive(Subcommand)]
pub(crate) enum Preview {
    /// The monthly credits of a period, coming or past.
    MonthlyCredits(Monthly),
    /// The expiration as of an instant, coming or past.
    CreditExpiration(Expiration),
}

/// What both take.
#[derive(Args)]
struct Of {
    /// Just this shop.
    #[arg(long)]
    tenant: Option<String>,
    /// Hold what then happened against it: exit code 1 if it is not the same.
    #[arg(long)]
    diff: bool,
    /// Print CSV, safe to open in a spreadsheet.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Preview monthly credits.
#[derive(Args)]
pub(crate) struct Monthly {
    /// The month, like 2026-12.
    #[arg(long)]
    period: Period,
    #[command(flatten)]
    of: Of,
    /// List members instead of totals; those of one outcome, if it is named.
    #[arg(long, value_name = "OUTCOME", num_args = 0..=1, default_missing_value = "")]
    members: Option<String>,
    /// Most members listed for each shop.
    #[arg(long, default_value_t = 1000, requires = "members")]
    limit: i64,
}

/// Preview an expiration.
#[derive(Args)]
pub(crate) struct Expiration {
    /// As of this instant, like 2026-12-01T00:00:00Z; now, if it is not said.
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<DateTime<Utc>>,
    #[command(flatten)]
    of: Of,
}

impl Preview {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::MonthlyCredits(monthly) => monthly.run(context).await,
            Self::CreditExpiration(expiration) => expiration.run(context).await,
        }
    }
}

/// What is as it should be, or needs nobody's attention.
fn is_right(line: &PreviewLine) -> bool {
    !matches!(line.outcome.as_str(), "missing" | "other_amount" | "unexpected" | "no_amount")
}

impl Of {
    async fn tenants(&self, pool: &Pool, states: &[&str]) -> anyhow::Result<Vec<Tenant>> {
        Ok(match &self.tenant {
            Some(handle) => vec![tenant_by_handle(pool, handle).await?],
            None => {
                let all = tenants::list(pool).await?;
                all.into_iter().filter(|tenant| states.contains(&tenant.state.as_str())).collect()
            }
        })
    }

    /// Shows the lines of all shops with their totals; exit code 1 if something is not as it should be.
    fn show(
        &self,
        context: &Context,
        head: &str,
        lines: &[(String, PreviewLine)],
    ) -> anyhow::Result<ExitCode> {
        let mut sheet =
            Sheet::new(&["tenant", "outcome", "in_words", "tier", "currency", "members", "amount_minor"]);
        let mut totals: Vec<(String, String, i64, i64)> = Vec::new();
        for (tenant, line) in lines {
            let currency = line.currency.clone().unwrap_or_default();
            sheet.push([
                Cell::text(tenant),
                Cell::text(&line.outcome),
                Cell::text(previews::in_words(&line.outcome)),
                Cell::optional(line.tier.as_deref()),
                Cell::optional(line.currency.as_deref()),
                Cell::Number(line.members),
                Cell::Money(line.amount_minor, currency.clone()),
            ]);
            match totals.iter_mut().find(|total| total.0 == line.outcome && total.1 == currency) {
                Some(total) => {
                    total.2 += line.members;
                    total.3 += line.amount_minor;
                }
                None => totals.push((line.outcome.clone(), currency, line.members, line.amount_minor)),
            }
        }
        let right = lines.iter().all(|(_, line)| is_right(line));
        if self.csv {
            sheet.show(context.output(), true, "")?;
        } else {
            let value = json!({
                "as_promised": self.diff.then_some(right),
                "lines": sheet.value(),
                "totals": totals.iter().map(|(outcome, currency, members, minor)| json!({ "outcome": outcome,
                    "currency": currency, "members": members, "amount_minor": minor })).collect::<Vec<_>>(),
            });
            context.output().show(&value, || {
                let mut text = format!("{head}\n\n{}\n\nTogether:\n", sheet.text());
                for (outcome, currency, members, minor) in &totals {
                    let amount = money(*minor, currency);
                    text.push_str(&format!(
                        "  {members} members, {amount}: {}\n",
                        previews::in_words(outcome)
                    ));
                }
                text
            })?;
        }
        Ok(if self.diff && !right { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

impl Monthly {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let due = trigger::monthly_credits_due(self.period);
        let now = now(&pool).await?;
        // Of what comes, no more is known than what is in force now.
        let as_of = due.min(now);
        if self.of.diff && due > now {
            bail!(
                "{} is due {}, which has not come: there is nothing to compare with",
                self.period,
                instant(due)
            );
        }
        if let Some(outcome) = &self.members {
            return self.list(context, &pool, as_of, outcome).await;
        }
        let mut lines = Vec::new();
        for tenant in self.of.tenants(&pool, &["active"]).await? {
            let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
            let found = previews::monthly(&mut tx, tenant.id, self.period, as_of, self.of.diff).await?;
            tx.rollback().await?;
            lines.extend(found.into_iter().map(|line| (tenant.handle.clone(), line)));
        }
        let head = match (self.of.diff, due > now) {
            (true, _) => format!(
                "Monthly credits of {}, as promised {} against the ledger:",
                self.period,
                instant(due)
            ),
            (false, true) => format!(
                "Monthly credits of {}, due {}, as things are now. Who joins, leaves or changes tier before then \
                 is not in it:",
                self.period,
                instant(due)
            ),
            (false, false) => format!("Monthly credits of {}, as of {}:", self.period, instant(due)),
        };
        self.of.show(context, &head, &lines)
    }

    async fn list(
        &self,
        context: &Context,
        pool: &Pool,
        as_of: DateTime<Utc>,
        outcome: &str,
    ) -> anyhow::Result<ExitCode> {
        let wanted = (!outcome.is_empty()).then_some(outcome);
        if wanted.is_some_and(|outcome| previews::in_words(outcome).is_empty()) {
            bail!("there is no outcome {outcome:?}; the totals show those there are");
        }
        let mut sheet =
            Sheet::new(&["tenant", "customer", "outcome", "in_words", "tier", "currency", "amount_minor"]);
        for tenant in self.of.tenants(pool, &["active"]).await? {
            let mut tx = Tx::snapshot_of_tenant(pool, tenant.id).await?;
            let (period, diff) = (self.period, self.of.diff);
            let found =
                previews::monthly_members(&mut tx, tenant.id, period, as_of, diff, wanted, self.limit)
                    .await?;
            tx.rollback().await?;
            for member in found {
                sheet.push([
                    Cell::text(&tenant.handle),
                    Cell::text(&member.external_id),
                    Cell::text(&member.outcome),
                    Cell::text(previews::in_words(&member.outcome)),
                    Cell::optional(member.tier.as_deref()),
                    Cell::optional(member.currency.as_deref()),
                    Cell::Money(member.amount_minor, member.currency.clone().unwrap_or_default()),
                ]);
            }
        }
        sheet.show(context.output(), self.of.csv, "No such members.")?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Expiration {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let now = now(&pool).await?;
        let as_of = self.as_of.unwrap_or(now);
        if self.of.diff && as_of > now {
            bail!("{} has not come: there is nothing to compare with", instant(as_of));
        }
        let mut lines = Vec::new();
        for tenant in self.of.tenants(&pool, &["active", "suspended"]).await? {
            let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
            let found = previews::expiration(&mut tx, tenant.id, as_of, self.of.diff).await?;
            tx.rollback().await?;
            lines.extend(found.into_iter().map(|line| (tenant.handle.clone(), line)));
        }
        let head = if as_of > now {
            format!("What ends by {}, unless it is spent before:", instant(as_of))
        } else {
            format!("What has ended by {}:", instant(as_of))
        };
        self.of.show(context, &head, &lines)
    }
}
