//! `tradeup token`.

use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use rand::TryRng as _;
use rand::rngs::SysRng;
use serde_json::json;
use tradeup_domain::api_token::{RANDOM_BYTES, TokenHash, from_random};
use tradeup_domain::signing::{Purpose, SigningKeys};
use tradeup_store::audit::{self, Actor};
use tradeup_store::{Tx, api_tokens};
use uuid::Uuid;

use super::tenant_by_handle;
use crate::Context;
use crate::output::instant;
use crate::sheet::{Cell, Sheet};

/// Tokens by which other systems use the checkout's API.
#[derive(Subcommand)]
pub(crate) enum Token {
    /// Make a token for a system of a shop. It is shown once.
    Add(Add),
    /// List a shop's tokens, without the tokens themselves.
    List(List),
    /// Revoke a token, at once.
    Revoke(Revoke),
}

/// Make a token.
#[derive(Args)]
pub(crate) struct Add {
    /// The shop's handle.
    tenant: String,
    /// The system that is to have it, like checkout.
    #[arg(long)]
    source: String,
    /// The system signs what it sends (Standard Webhooks) instead of showing a token: make it a secret.
    #[arg(long)]
    signing: bool,
    /// Keys that secrets are made of, the current one first, in base64: those of the service `webhooks`.
    #[arg(long, env = "TRADEUP_SIGNING_KEYS", hide_env_values = true, value_name = "KEYS")]
    signing_keys: Option<String>,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

/// List tokens.
#[derive(Args)]
pub(crate) struct List {
    /// The shop's handle.
    tenant: String,
}

/// Revoke a token.
#[derive(Args)]
pub(crate) struct Revoke {
    /// The shop's handle.
    tenant: String,
    /// The token's id.
    id: Uuid,
    /// Why, for the record.
    #[arg(long)]
    reason: Option<String>,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

impl Token {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(add) => add.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Revoke(revoke) => revoke.run(context).await,
        }
    }
}

impl Add {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let source = self.source.trim();
        ensure!(
            !source.is_empty() && source.len() <= 128 && !source.chars().any(char::is_control),
            "--source is no name; give 1 to 128 bytes on one line, like checkout"
        );
        ensure!(
            source != "shopify",
            "shopify is the source of Shopify's own webhooks; give the system another name"
        );
        let keys = match (self.signing, self.signing_keys.as_deref().filter(|keys| !keys.trim().is_empty())) {
            (false, _) => None,
            (true, Some(keys)) => Some(SigningKeys::parse(keys).context("TRADEUP_SIGNING_KEYS")?),
            (true, None) => {
                bail!("secrets are made of keys; set TRADEUP_SIGNING_KEYS, as for the service webhooks")
            }
        };
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let (id, token) = if let Some(keys) = keys {
            let id = api_tokens::add_signer(&mut tx, tenant.id, source, &self.by).await?;
            (id, keys.secret(Purpose::Event, tenant.id.0, id))
        } else {
            let mut random = [0; RANDOM_BYTES];
            SysRng.try_fill_bytes(&mut random)?;
            let token = from_random(random);
            let id = api_tokens::add(&mut tx, tenant.id, source, &TokenHash::of(&token), &self.by).await?;
            (id, token)
        };
        let actor = Actor { name: self.by.clone(), reason: None };
        let subject = json!({ "tenant": tenant.handle, "token_id": id.to_string(), "source": source });
        audit::record(&mut tx, &actor, "token.add", &subject).await?;
        tx.commit().await?;
        let value =
            json!({ "token_id": id.to_string(), "tenant": tenant.handle, "source": source, "token": token });
        context.output().show(&value, || {
            format!(
                "{token}\nThis is the only time that it is shown. {}",
                if self.signing {
                    format!("With it {source} signs the events that it sends to {}.", tenant.handle)
                } else {
                    format!("It lets {source} use the API of {}.", tenant.handle)
                }
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let found = api_tokens::list(&mut tx, tenant.id).await?;
        tx.rollback().await?;
        let mut sheet =
            Sheet::new(&["token_id", "source", "signs", "created_at", "created_by", "revoked_at"]);
        for token in found {
            sheet.push([
                Cell::Text(token.id.to_string()),
                Cell::Text(token.source),
                Cell::Text(if token.signs { "yes" } else { "no" }.to_owned()),
                Cell::Text(instant(token.created_at)),
                Cell::Text(token.created_by),
                Cell::optional(token.revoked_at.map(instant)),
            ]);
        }
        sheet.show(context.output(), false, "No tokens.")?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Revoke {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        if !api_tokens::revoke(&mut tx, tenant.id, self.id, &self.by).await? {
            bail!(
                "{} has no token {} in force; `tradeup token list {}` shows them",
                tenant.handle,
                self.id,
                tenant.handle
            );
        }
        let actor = Actor { name: self.by.clone(), reason: self.reason };
        let subject = json!({ "tenant": tenant.handle, "token_id": self.id.to_string() });
        audit::record(&mut tx, &actor, "token.revoke", &subject).await?;
        tx.commit().await?;
        let value = json!({ "token_id": self.id.to_string(), "revoked": true });
        context.output().show(&value, || format!("Token {} lets nobody in any more.", self.id))?;
        Ok(ExitCode::SUCCESS)
    }
}
