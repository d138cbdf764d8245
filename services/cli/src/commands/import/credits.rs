//! `tradeup import credits`.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use tradeup_domain::{Period, amount_text as money};
use tradeup_store::imports::{Import, OldCredit, Verdict};
use tradeup_store::tenants::Tenant;
use tradeup_store::{Pool, Tx, audit, schedules};
use tradeup_worker::trigger;
use uuid::Uuid;

use super::{EXIT_REJECTED, Rejects, apart, progress};
use crate::Context;
use crate::commands::tenant_by_handle;
use crate::commands::who::Who;
use crate::old_credits::{Line, OldCredits, Terms};
use crate::output::count;
use crate::shopify_export::Rejected;

/// Lines that are brought over in one transaction.
const CHUNK_LINES: usize = 1000;

/// Bring over credits that another system has issued, so that none of them is issued here again.
///
/// Each line takes the place that our own credit of that month and member would take: our run, a backfill and another import
/// find it there. Lines that can't be brought over are named with what puts them right, and the exit code is then 3; running
/// the command again brings over what is left.
///
/// The file is CSV with a header (.csv) or a JSON object a line (.jsonl): member, amount or amount_minor, external_id; and
/// currency, reason (monthly, opening), period, left or left_minor, granted_at, expires_at. docs/migration-from-trigger-dev.md
/// says more.
#[derive(Args)]
pub(crate) struct Credits {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// The file. It is read twice: its totals are shown before anything is brought over.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The month of the credits, like 2026-11. A file with no lines says that none were issued in it.
    #[arg(long)]
    period: Period,
    /// What is left of the credits can be spent here from now on, until it ends. Without this their balance is kept
    /// elsewhere, and here they are given and used up.
    #[arg(long)]
    with_balance: bool,
    /// What is left is in the shop's own store credit at Shopify already: it is not told of it.
    #[arg(long, requires = "with_balance")]
    at_shop: bool,
    /// Say what would be brought over, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Write every refused line, with its number, field, reason and what puts it right, to this CSV file.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    #[command(flatten)]
    who: Who,
}

/// What becomes of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    lines: u64,
    imported: u64,
    imported_minor: i64,
    left_minor: i64,
    unchanged: u64,
    refused: u64,
}

impl Totals {
    fn add(&mut self, credit: &OldCredit, verdict: &Verdict) {
        match verdict {
            Verdict::Imported => {
                self.imported += 1;
                self.imported_minor = self.imported_minor.saturating_add(credit.amount_minor);
                self.left_minor = self.left_minor.saturating_add(credit.left_minor);
            }
            Verdict::Unchanged => self.unchanged += 1,
            Verdict::Refused(_) => self.refused += 1,
        }
    }

    fn value(&self, tenant: &Tenant, period: Period, dry_run: bool) -> Value {
        json!({ "tenant": tenant.handle, "period": period.to_string(), "dry_run": dry_run, "lines": self.lines,
            "imported": self.imported, "imported_minor": self.imported_minor, "left_minor": self.left_minor,
            "unchanged": self.unchanged, "refused": self.refused, "currency": tenant.currency })
    }

    fn text(&self, tenant: &Tenant, would: bool) -> String {
        let currency = &tenant.currency;
        format!(
            "{}: {} {}brought over with {} (left: {}), {} there already, {} refused.",
            count(self.lines, "line", "lines"),
            self.imported,
            if would { "would be " } else { "" },
            money(self.imported_minor, currency),
            money(self.left_minor, currency),
            self.unchanged,
            self.refused,
        )
    }
}

impl Credits {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let actor = self.who.clone().actor();
        let import = Import {
            id: Uuid::now_v7(),
            tenant: tenant.id,
            currency: tenant.currency.clone(),
            actor: actor.name.clone(),
            at_shop: self.at_shop,
        };
        apart(self.rejects.as_ref(), &self.from)?;

        let seen = self.pass(context, &pool, &tenant, &import, true).await?;
        if self.dry_run {
            let value = seen.value(&tenant, self.period, true);
            context.output().show(&value, || seen.text(&tenant, true))?;
            return Ok(code(&seen));
        }
        writeln!(io::stderr(), "{}", seen.text(&tenant, true))?;

        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        import.begin(&mut tx, &self.period.to_string()).await?;
        tx.commit().await?;
        let done = self.pass(context, &pool, &tenant, &import, false).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        import.end(&mut tx).await?;
        let value = done.value(&tenant, self.period, false);
        audit::record(&mut tx, &actor, "credits.import", &value).await?;
        tx.commit().await?;
        context.output().show(&value, || done.text(&tenant, false))?;
        Ok(code(&done))
    }

    /// Reads the whole file: to judge it, or to bring it over.
    async fn pass(
        &self,
        context: &Context,
        pool: &Pool,
        tenant: &Tenant,
        import: &Import,
        judge: bool,
    ) -> anyhow::Result<Totals> {
        let name = self.from.display().to_string();
        let file = File::open(&self.from).with_context(|| format!("{name} can't be opened"))?;
        let bar = progress(file.metadata().ok().map(|m| m.len()), context.json || judge);
        bar.set_message("importing");
        let mut tx = Tx::of_tenant(pool, tenant.id).await?;
        let now = schedules::now(&mut tx).await?;
        tx.rollback().await?;
        let terms = Terms {
            settings: tenant.settings()?,
            period: self.period,
            due: trigger::monthly_credits_due(self.period),
            now,
            with_balance: self.with_balance,
        };
        let mut credits =
            OldCredits::open(&name, bar.wrap_read(file), terms).with_context(|| name.clone())?;
        // Named once: what the first pass refuses, the second one refuses as well.
        let is_named = self.dry_run || !judge;
        let mut rejects = is_named
            .then(|| Rejects::create(self.rejects.as_ref(), &self.from, &["fix", "as_it_was"]))
            .transpose()?;
        let mut refuse = |line: &Line, field: &str, reason: &str, fix: &str| match &mut rejects {
            None => Ok(()),
            Some(rejects) => {
                let (field, reason) = (field.to_owned(), reason.to_owned());
                let rejected = Rejected { line: line.line.unsigned_abs(), field, reason };
                rejects.add(&bar, &rejected, &[fix, &line.raw])
            }
        };
        let mut totals = Totals::default();
        let mut unreadable = 0_i64;
        let mut chunk: Vec<Line> = Vec::with_capacity(CHUNK_LINES);
        loop {
            let line = credits.next().with_context(|| name.clone())?;
            let ended = line.is_none();
            if let Some(line) = line {
                totals.lines += 1;
                match &line.credit {
                    Ok(_) => chunk.push(line),
                    Err(bad) => {
                        totals.refused += 1;
                        unreadable += 1;
                        refuse(&line, bad.field, &bad.reason, &bad.fix)?;
                    }
                }
            }
            if chunk.len() == CHUNK_LINES || (ended && !chunk.is_empty()) {
                let wanted: Vec<OldCredit> =
                    chunk.iter().filter_map(|line| line.credit.as_ref().ok().cloned()).collect();
                let verdicts = if judge {
                    let mut tx = Tx::snapshot_of_tenant(pool, tenant.id).await?;
                    let verdicts = import.judge(&mut tx, &wanted).await?;
                    tx.rollback().await?;
                    verdicts
                } else {
                    import.chunk(pool, &wanted).await?
                };
                for ((_, verdict), (credit, line)) in verdicts.iter().zip(wanted.iter().zip(&chunk)) {
                    totals.add(credit, verdict);
                    if let Verdict::Refused(why) = verdict {
                        refuse(line, why.field(), &why.reason(), why.fix())?;
                    }
                }
                chunk.clear();
            }
            if ended {
                break;
            }
        }
        bar.finish_and_clear();
        if let Some(rejects) = rejects {
            rejects.finish(self.rejects.as_ref())?;
        }
        if !judge && unreadable > 0 {
            let mut tx = Tx::of_tenant(pool, tenant.id).await?;
            import.count_refused(&mut tx, unreadable).await?;
            tx.commit().await?;
        }
        Ok(totals)
    }
}

fn code(totals: &Totals) -> ExitCode {
    if totals.refused > 0 { ExitCode::from(EXIT_REJECTED) } else { ExitCode::SUCCESS }
}
