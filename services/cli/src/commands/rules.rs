//! `tradeup rules`.

mod trial;

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tradeup_domain::rules::{RuleError, RuleKind};
use tradeup_store::rules::{self, Added, NewVersion, RuleVersion};
use tradeup_store::tenants::Tenant;
use tradeup_store::{Tx, audit, tiers};

use super::tenant_by_handle;
use super::who::Who;
use crate::Context;
use crate::output::{instant, table};

/// Longest document that is read.
const DOCUMENT_BYTES_MAX: u64 = 1024 * 1024;

/// A shop's rules: what orders earn (cashback), who becomes a member (enrolment), what is given for goods (trade-in).
#[derive(Subcommand)]
pub(crate) enum Rules {
    /// Check a document without keeping it; exit code 1 if something is wrong with it.
    Check(Check),
    /// Set a shop's rules: a new version, in force from now on or from an instant to come.
    Set(Set),
    /// Show what a document would have done in a time that has passed. Nothing is kept.
    Try(trial::Try),
    /// List the versions of a shop's rules.
    List(List),
    /// Show a version's document.
    Show(Show),
}

/// Check a document.
#[derive(Args)]
pub(crate) struct Check {
    /// cashback, enrolment or trade-in.
    kind: RuleKind,
    /// The document, as JSON; - for standard input.
    file: PathBuf,
}

/// Set a shop's rules.
#[derive(Args)]
pub(crate) struct Set {
    /// The shop's handle.
    tenant: String,
    /// cashback, enrolment or trade-in.
    kind: RuleKind,
    /// The document, as JSON; - for standard input.
    file: PathBuf,
    /// From when it is in force, like 2026-12-01T00:00:00Z; now, if it is not said.
    #[arg(long, value_name = "INSTANT")]
    from: Option<DateTime<Utc>>,
    #[command(flatten)]
    who: Who,
}

/// List the versions.
#[derive(Args)]
pub(crate) struct List {
    /// The shop's handle.
    tenant: String,
    /// cashback, enrolment or trade-in; all, if it is not said.
    kind: Option<RuleKind>,
}

/// Show a document.
#[derive(Args)]
pub(crate) struct Show {
    /// The shop's handle.
    tenant: String,
    /// cashback, enrolment or trade-in.
    kind: RuleKind,
    /// Which version; the latest, if it is not said.
    version: Option<i32>,
}

impl Rules {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check(check) => check.run(context),
            Self::Set(set) => set.run(context).await,
            Self::Try(trial) => trial.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Show(show) => show.run(context).await,
        }
    }
}

/// Reads a document from a file or standard input.
fn read(file: &PathBuf) -> anyhow::Result<String> {
    let mut text = String::new();
    let name = file.display();
    if file.as_os_str() == "-" {
        std::io::stdin().take(DOCUMENT_BYTES_MAX).read_to_string(&mut text).context("standard input")?;
    } else {
        let opened = std::fs::File::open(file).with_context(|| name.to_string())?;
        opened.take(DOCUMENT_BYTES_MAX).read_to_string(&mut text).with_context(|| name.to_string())?;
    }
    Ok(text)
}

fn in_words(errors: &[RuleError]) -> String {
    let mut text = String::new();
    for error in errors {
        // Writing to a text can't fail.
        let _written = write!(text, "\n  {error}");
    }
    text
}

/// The tiers that a document names and the shop does not have.
async fn unknown_tiers(
    tx: &mut Tx,
    tenant: &Tenant,
    kind: RuleKind,
    text: &str,
) -> anyhow::Result<Vec<RuleError>> {
    let known = tiers::list(tx, tenant.id).await?;
    let named = kind
        .tiers(text)
        .map_err(|errors| anyhow!("the document is no rule of {kind}:{}", in_words(&errors)))?;
    let unknown =
        named.into_iter().filter(|(_, tier)| !known.iter().any(|known| known.handle == tier.as_str()));
    Ok(unknown
        .map(|(path, tier)| RuleError {
            path,
            problem: format!(
                "names the tier {tier}, which the shop does not have; add it with `tradeup tenant tier {} {tier}`, or name another",
                tenant.handle
            ),
        })
        .collect())
}

impl Check {
    fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let errors = self.kind.check(&read(&self.file)?).err().unwrap_or_default();
        let value = json!({ "kind": self.kind.as_str(), "errors": errors.iter()
            .map(|error| json!({ "path": error.path, "problem": error.problem })).collect::<Vec<Value>>() });
        context.output().show(&value, || match errors.as_slice() {
            [] => format!("The document is a rule of {}.", self.kind),
            errors => format!("The document is no rule of {}:{}", self.kind, in_words(errors)),
        })?;
        Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Set {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let text = read(&self.file)?;
        self.kind.check(&text).map_err(|errors| {
            anyhow!("the document is no rule of {}, and nothing was set:{}", self.kind, in_words(&errors))
        })?;
        let document: Value = serde_json::from_str(&text).context("the document")?;
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let actor = self.who.actor();
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let errors = unknown_tiers(&mut tx, &tenant, self.kind, &text).await?;
        if !errors.is_empty() {
            bail!(
                "the shop does not have all that the document names, and nothing was set:{}",
                in_words(&errors)
            );
        }
        let new = NewVersion {
            kind: self.kind,
            document: &document,
            valid_from: self.from,
            set_by: &actor.name,
            reason: actor.reason.as_deref(),
        };
        let (version, is_new) = match rules::add(&mut tx, tenant.id, &new).await? {
            Added::Version(version) => (version, true),
            Added::Same(version) => (version, false),
            Added::TooEarly => bail!(
                "--from is before now, or before the latest version begins; what was decided since then would change"
            ),
        };
        if is_new {
            let subject = json!({ "tenant": tenant.handle, "rule": format!("{}@{version}", self.kind),
                "from": self.from.map(instant) });
            audit::record(&mut tx, &actor, "rules.set", &subject).await?;
            tx.commit().await?;
        }
        let value = json!({ "tenant": tenant.handle, "kind": self.kind.as_str(), "version": version, "is_new": is_new });
        context.output().show(&value, || {
            if is_new {
                format!("{}@{version} is the rule of {}.", self.kind, tenant.handle)
            } else {
                format!("{}@{version} says the same already.", self.kind)
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn shown(version: &RuleVersion) -> Value {
    json!({ "kind": version.kind, "version": version.version, "valid_from": instant(version.valid_from),
        "set_by": version.set_by, "reason": version.reason, "document": version.document })
}

impl List {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let versions = rules::versions(&mut tx, tenant.id, self.kind).await?;
        tx.rollback().await?;
        let values: Vec<Value> = versions.iter().map(shown).collect();
        context.output().show(&json!(values), || {
            if versions.is_empty() {
                return format!(
                    "No rules: orders earn what tiers give, nobody is enrolled by rule. `tradeup rules set {} cashback FILE` sets one.",
                    tenant.handle
                );
            }
            let mut shown = table(&["rule", "in force from", "set by", "reason"], &[]);
            for version in &versions {
                shown.add_row([
                    format!("{}@{}", version.kind, version.version),
                    instant(version.valid_from),
                    version.set_by.clone(),
                    version.reason.clone().unwrap_or_default(),
                ]);
            }
            shown.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let versions = rules::versions(&mut tx, tenant.id, Some(self.kind)).await?;
        tx.rollback().await?;
        let wanted = |version: &&RuleVersion| self.version.is_none_or(|number| version.version == number);
        let Some(version) = versions.iter().find(wanted) else {
            bail!("there is no such version; `tradeup rules list {}` shows those there are", tenant.handle);
        };
        let document = serde_json::to_string_pretty(&version.document)?;
        context.output().show(&shown(version), || document)?;
        Ok(ExitCode::SUCCESS)
    }
}
