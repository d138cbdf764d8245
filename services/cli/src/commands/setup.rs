//! `tradeup setup`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use tradeup_store::pool::migrate;

use crate::Context;

/// Bring schema, streams and consumers up to this build. Safe at any time; what exists and differs
/// in NATS is reported, never changed.
#[derive(Args)]
pub(crate) struct Setup {
    /// URL of the database, with the role tradeup_owner.
    #[arg(long, env = "TRADEUP_OWNER_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    owner_database_url: Option<String>,
    /// Leave NATS alone.
    #[arg(long)]
    database_only: bool,
}

impl Setup {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let url = self
            .owner_database_url
            .context("TRADEUP_OWNER_DATABASE_URL is not set; migrations need the role tradeup_owner")?;
        migrate(&url).await?;
        let changes = if self.database_only {
            Vec::new()
        } else {
            let broker = context.broker.connect("tradeup setup").await?;
            context.broker.apply(&broker).await?
        };
        let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
        context.output().show(&json!({ "schema": "up to date", "changes": lines }), || {
            let mut text = "Schema is up to date.\n".to_owned();
            lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
            if lines.is_empty() && !self.database_only {
                text.push_str("Streams and consumers are as declared.\n");
            }
            text
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
