//! `tradeup mail`.

mod digests;
mod suppressions;
mod template;
mod words;

use std::process::ExitCode;

use clap::Subcommand;
pub(crate) use words::language;

use crate::Context;

/// Mails to members, warnings of credit about to end and those of campaigns: their words, what became of them, whom
/// they don't go to.
#[derive(Subcommand)]
pub(crate) enum Mail {
    /// The words of a shop's warnings; those of a campaign are what was approved.
    #[command(subcommand)]
    Template(Box<template::Template>),
    /// List mails, newest first, without addresses.
    List(digests::List),
    /// Decide about a mail of which nobody knows whether it was sent, or that is to be sent once more.
    Resolve(digests::Resolve),
    /// Members to whom no mails of a kind go.
    #[command(subcommand)]
    Suppressions(suppressions::Suppressions),
}

impl Mail {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Template(template) => template.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Resolve(resolve) => resolve.run(context).await,
            Self::Suppressions(suppressions) => suppressions.run(context).await,
        }
    }
}
