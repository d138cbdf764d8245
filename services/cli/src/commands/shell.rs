//! `tradeup completions` and `tradeup man`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Command};
use clap_complete::Shell;

/// Print completions for a shell.
#[derive(Args)]
pub(crate) struct Completions {
    /// For this shell.
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, command: &mut Command) -> anyhow::Result<ExitCode> {
        let mut made = Vec::new();
        clap_complete::generate(self.shell, command, "tradeup", &mut made);
        // The library panics when its reader has gone.
        std::io::stdout().write_all(&made)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Write man pages: one for `tradeup`, and one for each command.
#[derive(Args)]
pub(crate) struct Man {
    /// The folder to write them to.
    folder: PathBuf,
}

impl Man {
    pub(crate) fn run(self, command: Command) -> anyhow::Result<ExitCode> {
        std::fs::create_dir_all(&self.folder)
            .with_context(|| format!("making the folder {}", self.folder.display()))?;
        clap_mangen::generate_to(command, &self.folder)
            .with_context(|| format!("writing to {}", self.folder.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
