//! `tradeup config`: what a process is given and where from, and the reference of all there is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use tradeup_worker::SERVICES;
use tradeup_worker::settings::{self, Known, Setting};

use crate::Context;
use crate::output::Output;

/// Every binary that has settings.
const BINARIES: [&str; 6] = {
    let [scheduler, credits, webhooks, agents, console] = SERVICES;
    [scheduler, credits, webhooks, agents, console, "tradeup"]
};
/// What the reference begins with.
const PREFACE: &str = include_str!("config/preface.md");

/// Settings: flags, environment, file.
#[derive(Subcommand)]
pub(crate) enum Config {
    /// Show each setting with its unit and where it comes from. Secrets are only said to be set.
    Show(Show),
    /// Print the reference of all settings of all binaries.
    Reference(Reference),
}

#[derive(Args)]
pub(crate) struct Show {
    /// Whose settings: scheduler, credits, webhooks, agents, console. Its program has to be here, and gets this
    /// environment; where it runs elsewhere, call it there with --print-config.
    #[arg(long, value_name = "SERVICE", value_parser = BINARIES, default_value = "tradeup")]
    service: String,
}

#[derive(Args)]
pub(crate) struct Reference {
    /// Ask the programs in this folder, instead of what was known when this one was built.
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
}

impl Config {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Show(show) => show.run(context.output()),
            Self::Reference(reference) => reference.run(context.output()),
        }
    }
}

impl Show {
    fn run(self, output: Output) -> anyhow::Result<ExitCode> {
        if self.service == "tradeup" {
            let settings = settings::current();
            output.show(&settings::value(settings), || settings::table(settings))?;
            return Ok(ExitCode::SUCCESS);
        }
        let program = settings::program(&self.service);
        let mut command = std::process::Command::new(&program);
        command.arg(if output.json { "--print-config=json" } else { "--print-config" });
        // The file may have been given by a flag.
        if let Some(path) =
            settings::current().iter().find(|setting| setting.known.key == "config").and_then(Setting::value)
        {
            command.env("TRADEUP_CONFIG", path);
        }
        let status = command.status().with_context(|| {
            format!("{} is not here; where it runs: {} --print-config", program.display(), self.service)
        })?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

impl Reference {
    fn run(self, output: Output) -> anyhow::Result<ExitCode> {
        let known = match &self.from {
            Some(folder) => asked(folder)?,
            None => settings::all().to_vec(),
        };
        output.show(&serde_json::to_value(&known)?, || page(&known))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What the programs in a folder say of themselves: each setting once, with all who read it.
fn asked(folder: &Path) -> anyhow::Result<Vec<Known>> {
    let mut found: BTreeMap<String, Known> = BTreeMap::new();
    for binary in BINARIES {
        let program = folder.join(binary);
        let asked = std::process::Command::new(&program)
            .arg("--print-config=description")
            .env_clear()
            .output()
            .with_context(|| format!("{} can't be asked", program.display()))?;
        ensure!(asked.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&asked.stderr));
        let described: Vec<Known> =
            serde_json::from_slice(&asked.stdout).with_context(|| binary.to_owned())?;
        for known in described {
            match found.get_mut(&known.key) {
                None => {
                    found.insert(known.key.clone(), known);
                }
                Some(first) if alike(first, &known) => first.read_by.extend(known.read_by),
                Some(first) => bail!(
                    "{} is declared in different ways: {:?} by {:?}, {:?} by {binary}",
                    known.key,
                    (&first.unit, &first.bounds, &first.default, first.secret),
                    first.read_by,
                    (&known.unit, &known.bounds, &known.default, known.secret)
                ),
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Whether two binaries mean the same: one may say more of it than the other.
fn alike(one: &Known, other: &Known) -> bool {
    (&one.variable, &one.bounds, &one.default, one.secret)
        == (&other.variable, &other.bounds, &other.default, other.secret)
}

/// The page docs/configuration.md.
fn page(known: &[Known]) -> String {
    let mut text = PREFACE.to_owned();
    let mut headings: BTreeMap<&str, Vec<&Known>> = BTreeMap::new();
    for setting in known {
        headings.entry(&setting.heading).or_default().push(setting);
    }
    text.push_str("\n## All settings\n\nIn the file by key; in the environment by variable; as a flag. Secret ones also as `KEY_file`, `VARIABLE_FILE`.\n");
    for (heading, settings) in headings {
        text.push_str(&format!("\n### {heading}\n\n| key | variable, flag | unit | default | read by | what for |\n|---|---|---|---|---|---|\n"));
        for setting in settings {
            text.push_str(&row(setting));
        }
    }
    text.push_str("\n## Variables of scripts\n\nServices leave these alone; only what is named reads them.\n\n| variable | read by |\n|---|---|\n");
    for (name, what) in settings::deployment() {
        text.push_str(&format!("| `{name}` | {what} |\n"));
    }
    text
}

fn row(setting: &Known) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let unit = match &setting.bounds {
        Some(bounds) => format!("{}, {bounds}", setting.unit),
        None => setting.unit.clone(),
    };
    let unit = if setting.secret { format!("{unit}; **secret**") } else { unit };
    let default = setting.default.as_ref().map_or_else(String::new, |default| format!("`{default}`"));
    let readers: Vec<&str> = setting.read_by.iter().map(String::as_str).collect();
    format!(
        "| `{}` | `{}` `{}` | {} | {} | {} | {} |\n",
        setting.key,
        setting.variable,
        setting.flag,
        cell(&unit),
        cell(&default),
        readers.join(", "),
        cell(&setting.help)
    )
}
