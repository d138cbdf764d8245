//! `tradeup import`.

mod credits;

use std::fs::File;
use std::io::{self, BufReader, IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tradeup_domain::tier::TagRule;
use tradeup_store::members::{self, ImportCounts, StagedMember};
use tradeup_store::{Tx, schedules, tiers};

use super::tenant_by_handle;
use crate::Context;
use crate::output::count;
use crate::shopify_export::{Export, Rejected};

/// Rows that go to the server together.
const CHUNK_ROWS: usize = 2000;
/// Rejected rows that are shown; all of them go to --rejects.
const SHOWN_MAX: u64 = 20;
/// Some rows were rejected, the others are imported.
const EXIT_REJECTED: u8 = 3;

/// Import data of a shop.
#[derive(Subcommand)]
pub(crate) enum Import {
    /// Import members from the CSV file that Shopify's customer export writes.
    Members(Members),
    /// Bring over credits that another system has issued, so that none of them is issued here again.
    Credits(Box<credits::Credits>),
}

/// Import members from the CSV file that Shopify's customer export writes.
///
/// Tags place members in tiers. Importing again changes only what differs. Rows that can't be
/// imported are named and left out; the exit code is then 3.
#[derive(Args)]
pub(crate) struct Members {
    /// The file; - for standard input.
    file: PathBuf,
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// Day since when members who are new have their tier, in UTC. Monthly credits go to whoever has
    /// a tier when the month's run is due. Now, if not given.
    #[arg(long, value_name = "YYYY-MM-DD")]
    since: Option<NaiveDate>,
    /// Write every rejected row's line, field and reason to this CSV file.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

impl Import {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Members(members) => members.run(context).await,
            Self::Credits(credits) => credits.run(context).await,
        }
    }
}

impl Members {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let (input, size): (Box<dyn Read>, Option<u64>) = if self.file.as_os_str() == "-" {
            (Box::new(io::stdin()), None)
        } else {
            let file =
                File::open(&self.file).with_context(|| format!("{} can't be opened", self.file.display()))?;
            let size = file.metadata().ok().map(|m| m.len());
            (Box::new(BufReader::new(file)), size)
        };
        let since: Option<DateTime<Utc>> = self.since.map(|day| day.and_time(NaiveTime::MIN).and_utc());
        let bar = progress(size, context.json);
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let now = schedules::now(&mut tx).await?;
        ensure!(
            since.is_none_or(|since| since <= now),
            "--since lies in the future; who joins later is imported later"
        );
        let listed = tiers::list(&mut tx, tenant.id).await?;
        tx.rollback().await?;
        let mut rules: Vec<TagRule<'_, i32>> =
            listed.iter().map(|tier| TagRule { tag: &tier.tag, tier: tier.id }).collect();
        rules.dedup_by_key(|rule| rule.tier);
        if rules.is_empty() {
            bail!("tenant {} has no tiers, so nobody could be credited", tenant.handle);
        }

        let mut export =
            Export::open(bar.wrap_read(input), &rules).with_context(|| format!("{}", self.file.display()))?;
        let mut rejects = Rejects::create(self.rejects.as_ref(), &self.file, &[])?;
        let mut import = members::Import::begin(&pool, tenant.id).await?;
        let mut chunk: Vec<StagedMember> = Vec::with_capacity(CHUNK_ROWS);
        let (mut rows, mut without_tier) = (0_u64, 0_u64);
        while let Some(row) = export.next().with_context(|| format!("{}", self.file.display()))? {
            rows += 1;
            match row {
                Ok(member) => {
                    without_tier += u64::from(member.tier_id.is_none());
                    chunk.push(member);
                }
                Err(rejected) => rejects.add(&bar, &rejected, &[])?,
            }
            if chunk.len() == CHUNK_ROWS {
                import.stage(&chunk).await?;
                chunk.clear();
            }
        }
        import.stage(&chunk).await?;
        bar.set_message("merging");
        for repeated in import.take_repeated().await? {
            rejects.add(
                &bar,
                &Rejected {
                    line: repeated.line,
                    field: "Customer ID".to_owned(),
                    reason: format!("repeats that of line {}", repeated.first_line),
                },
                &[],
            )?;
        }
        let counts = import.merge(since).await?;
        bar.finish_and_clear();
        let rejected = rejects.finish(self.rejects.as_ref())?;
        report(context, rows, rejected, without_tier, &counts)?;
        Ok(if rejected > 0 { ExitCode::from(EXIT_REJECTED) } else { ExitCode::SUCCESS })
    }
}

fn report(
    context: &Context,
    rows: u64,
    rejected: u64,
    without_tier: u64,
    counts: &ImportCounts,
) -> anyhow::Result<()> {
    let unchanged = rows - rejected - counts.added - counts.updated;
    let value = json!({
        "rows": rows, "added": counts.added, "updated": counts.updated, "unchanged": unchanged,
        "rejected": rejected, "without_tier": without_tier,
        "memberships_begun": counts.memberships_begun, "memberships_ended": counts.memberships_ended,
    });
    context.output().show(&value, || {
        format!(
            "{}: {} added, {} updated, {unchanged} unchanged, {rejected} rejected; {without_tier} without a tier.\n\
             Memberships: {} begun, {} ended.",
            count(rows, "row", "rows"),
            counts.added,
            counts.updated,
            counts.memberships_begun,
            counts.memberships_ended,
        )
    })
}

fn progress(size: Option<u64>, json: bool) -> ProgressBar {
    if json || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = size.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let template = "{msg:9} {wide_bar} {bytes}/{total_bytes} {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message("reading")
}

/// Refuses a file of rejected rows that is the one which is read.
fn apart(rejects: Option<&PathBuf>, input: &Path) -> anyhow::Result<()> {
    let same =
        |path: &PathBuf| path.canonicalize().ok().zip(input.canonicalize().ok()).is_some_and(|(a, b)| a == b);
    ensure!(!rejects.is_some_and(same), "--rejects names the file that is imported; give it another name");
    Ok(())
}

/// Rejected rows: the first on the screen, all in a file.
struct Rejects {
    file: Option<csv::Writer<File>>,
    count: u64,
}

impl Rejects {
    /// `more` names columns beside line, field and reason.
    fn create(path: Option<&PathBuf>, input: &Path, more: &[&str]) -> anyhow::Result<Self> {
        apart(path, input)?;
        let mut file = path
            .map(|path| {
                csv::Writer::from_path(path).with_context(|| format!("{} can't be written", path.display()))
            })
            .transpose()?;
        if let Some(file) = &mut file {
            file.write_record([&["line", "field", "reason"], more].concat())?;
        }
        Ok(Self { file, count: 0 })
    }

    /// `more` is what the further columns have, of which the first is shown as well.
    fn add(&mut self, bar: &ProgressBar, rejected: &Rejected, more: &[&str]) -> anyhow::Result<()> {
        let Rejected { line, field, reason } = rejected;
        self.count += 1;
        if let Some(file) = &mut self.file {
            file.write_record([&[line.to_string().as_str(), field, reason], more].concat())?;
        }
        if self.count <= SHOWN_MAX {
            let fix = more.first().map(|fix| format!("; {fix}")).unwrap_or_default();
            bar.suspend(|| writeln!(io::stderr(), "line {line}: {field}: {reason}{fix}"))?;
        }
        Ok(())
    }

    fn finish(mut self, path: Option<&PathBuf>) -> anyhow::Result<u64> {
        if let Some(file) = &mut self.file {
            file.flush()?;
        }
        if self.count > SHOWN_MAX {
            let rest = self.count - SHOWN_MAX;
            let place = path.map_or_else(
                || "give --rejects FILE to see them all".to_owned(),
                |path| format!("all are in {}", path.display()),
            );
            writeln!(io::stderr(), "… and {rest} more; {place}")?;
        }
        Ok(self.count)
    }
}
