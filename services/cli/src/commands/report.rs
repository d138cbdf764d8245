//! `tradeup report`.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tradeup_store::reports::{self, Dated};
use tradeup_store::tenants::{self, Tenant};
use tradeup_store::{Pool, Tx};

use super::{now, tenant_by_handle};
use crate::Context;
use crate::sheet::{Cell, Sheet};

/// Reports for owner and accountant. All of them add up to the ledger to the last unit.
#[derive(Subcommand)]
pub(crate) enum Report {
    /// What is owed to members at an instant, by currency, class, state and month of expiry.
    Liability(Liability),
    /// Each month: opening, what was granted, spent, expired and so on, closing.
    Activity(Activity),
    /// What became of each month's grants.
    Breakage(Breakage),
}

/// What every report takes.
#[derive(Args)]
struct Of {
    /// Just this shop.
    #[arg(long)]
    tenant: Option<String>,
    /// Print CSV, safe to open in a spreadsheet.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

impl Of {
    async fn tenants(&self, pool: &Pool) -> anyhow::Result<Vec<Tenant>> {
        Ok(match &self.tenant {
            Some(handle) => vec![tenant_by_handle(pool, handle).await?],
            None => tenants::list(pool).await?,
        })
    }
}

/// What is owed to members.
#[derive(Args)]
pub(crate) struct Liability {
    #[command(flatten)]
    of: Of,
    /// At this instant, like 2026-12-01T00:00:00Z; now, if it is not said.
    #[arg(long, value_name = "INSTANT")]
    at: Option<DateTime<Utc>>,
}

/// Each month.
#[derive(Args)]
pub(crate) struct Activity {
    #[command(flatten)]
    of: Of,
    /// By the time at which each movement was booked and not that at which it took effect: then a month
    /// that has ended never changes.
    #[arg(long)]
    booked: bool,
}

/// What became of each month's grants.
#[derive(Args)]
pub(crate) struct Breakage {
    #[command(flatten)]
    of: Of,
}

impl Report {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Liability(liability) => liability.run(context).await,
            Self::Activity(activity) => activity.run(context).await,
            Self::Breakage(breakage) => breakage.run(context).await,
        }
    }
}

impl Liability {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let at = match self.at {
            Some(at) => at,
            None => now(&pool).await?,
        };
        let mut sheet =
            Sheet::new(&["tenant", "currency", "class", "state", "expires_in", "lots", "amount_minor"]);
        for tenant in self.of.tenants(&pool).await? {
            let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
            for line in reports::liability(&mut tx, tenant.id, at, &tenant.zone).await? {
                let money = |minor| Cell::Money(minor, line.currency.clone());
                sheet.push([
                    Cell::text(&tenant.handle),
                    Cell::text(&line.currency),
                    Cell::text(&line.value_class),
                    Cell::text(&line.state),
                    line.expiry_month.map_or(Cell::text("never"), Cell::month),
                    Cell::Number(line.lots),
                    money(line.amount_minor),
                ]);
            }
            for (currency, minor) in reports::debts(&mut tx, tenant.id, at).await? {
                // On a line of its own, not netted.
                sheet.push([
                    Cell::text(&tenant.handle),
                    Cell::text(&currency),
                    Cell::Empty,
                    Cell::text("owed by members"),
                    Cell::Empty,
                    Cell::Empty,
                    Cell::Money(minor, currency),
                ]);
            }
            tx.rollback().await?;
        }
        sheet.show(context.output(), self.of.csv, "Nothing is owed to anybody.")?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Activity {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let dated = if self.booked { Dated::Recorded } else { Dated::Effective };
        let mut sheet = Sheet::new(&[
            "tenant",
            "month",
            "currency",
            "opening_minor",
            "granted_minor",
            "spent_minor",
            "reverted_minor",
            "expired_minor",
            "clawed_back_minor",
            "adjusted_minor",
            "transferred_minor",
            "recovered_minor",
            "closing_minor",
        ]);
        for tenant in self.of.tenants(&pool).await? {
            let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
            for line in reports::activity(&mut tx, tenant.id, &tenant.zone, dated).await? {
                let amounts = [
                    line.opening_minor,
                    line.granted_minor,
                    line.spent_minor,
                    line.reverted_minor,
                    line.expired_minor,
                    line.clawed_minor,
                    line.adjusted_minor,
                    line.transferred_minor,
                    line.recovered_minor,
                    line.closing_minor,
                ];
                let names = [Cell::text(&tenant.handle), Cell::month(line.month), Cell::text(&line.currency)];
                let amounts = amounts.map(|minor| Cell::Money(minor, line.currency.clone()));
                sheet.push(names.into_iter().chain(amounts));
            }
            tx.rollback().await?;
        }
        sheet.show(context.output(), self.of.csv, "Nothing has moved.")?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Breakage {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let mut sheet = Sheet::new(&[
            "tenant",
            "granted_in",
            "currency",
            "class",
            "lots",
            "granted_minor",
            "spent_minor",
            "expired_minor",
            "taken_back_minor",
            "left_minor",
            "breakage",
            "days_to_first_use",
        ]);
        for tenant in self.of.tenants(&pool).await? {
            let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
            for line in reports::breakage(&mut tx, tenant.id, &tenant.zone).await? {
                let money = |minor| Cell::Money(minor, line.currency.clone());
                sheet.push([
                    Cell::text(&tenant.handle),
                    Cell::month(line.month),
                    Cell::text(&line.currency),
                    Cell::text(&line.value_class),
                    Cell::Number(line.lots),
                    money(line.granted_minor),
                    money(line.spent_minor),
                    money(line.expired_minor),
                    money(line.taken_minor),
                    money(line.remaining_minor),
                    Cell::Text(share(line.expired_minor, line.granted_minor)),
                    line.days_to_first_use.map_or(Cell::Empty, Cell::Number),
                ]);
            }
            tx.rollback().await?;
        }
        sheet.show(context.output(), self.of.csv, "Nothing was granted.")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A share in percent with one decimal, rounded down.
fn share(part: i64, whole: i64) -> String {
    let tenths = i128::from(part) * 1000 / i128::from(whole.max(1));
    format!("{}.{}%", tenths / 10, tenths % 10)
}
