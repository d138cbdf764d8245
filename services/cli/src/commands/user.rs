//! `tradeup user`.

use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use serde_json::json;
use tradeup_access::{PasswordHash, Role, UserToken, account};
use tradeup_store::users::{self, Change, Changed, NewUser};
use tradeup_store::{Pool, TenantRef, Tx, user_tokens};
use uuid::Uuid;

use super::tenant_by_handle;
use super::who::Who;
use crate::Context;
use crate::output::instant;
use crate::sheet::{Cell, Sheet};

/// Who may sign in to the console.
#[derive(Subcommand)]
pub(crate) enum User {
    /// Add a user. The password is shown once, unless it is given or they sign in by OpenID Connect.
    Add(Add),
    /// List users.
    List,
    /// Make a token by which a program is let in as a user, with what they may. It is shown once.
    AddToken(AddToken),
    /// List tokens, without the tokens themselves.
    Tokens,
    /// Revoke a token, at once.
    RevokeToken(RevokeToken),
    /// Change a user's role, password or how they sign in, or let them sign in no more; their sessions end.
    Set(Set),
}

/// Add a user.
#[derive(Args)]
pub(crate) struct Add {
    /// By which they sign in: small letters, digits and ._@+-
    ///
    /// With --oidc it is the e-mail address that the provider vouches for.
    name: String,
    /// What they are.
    #[arg(long)]
    role: Role,
    /// Whose staff they are, with --role shop.
    #[arg(long, value_name = "SHOP")]
    tenant: Option<String>,
    /// Read the password from standard input.
    #[arg(long, conflicts_with = "oidc")]
    password_stdin: bool,
    /// They sign in by OpenID Connect, without a password.
    #[arg(long)]
    oidc: bool,
    #[command(flatten)]
    who: Who,
}

/// Make a token.
#[derive(Args)]
pub(crate) struct AddToken {
    /// As whom it lets in.
    user: String,
    /// What it is for, like nightly-report.
    #[arg(long = "for", value_name = "NAME")]
    name: String,
    /// For how long, in days.
    #[arg(long, default_value_t = user_tokens::DAYS,
        value_parser = clap::value_parser!(i32).range(1..=i64::from(user_tokens::DAYS_MAX)))]
    days: i32,
    #[command(flatten)]
    who: Who,
}

/// Revoke a token.
#[derive(Args)]
pub(crate) struct RevokeToken {
    /// The token's id.
    id: Uuid,
    #[command(flatten)]
    who: Who,
}

/// Change a user.
#[derive(Args)]
pub(crate) struct Set {
    /// Their name.
    name: String,
    /// What they are from now on.
    #[arg(long)]
    role: Option<Role>,
    /// Whose staff they are, with --role shop.
    #[arg(long, value_name = "SHOP")]
    tenant: Option<String>,
    /// Make a new password, and show it once.
    #[arg(long, conflicts_with = "password_stdin")]
    new_password: bool,
    /// Read a new password from standard input.
    #[arg(long)]
    password_stdin: bool,
    /// They may not sign in any more.
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// They may again.
    #[arg(long)]
    enable: bool,
    /// They may sign in by OpenID Connect, too.
    #[arg(long, conflicts_with = "no_oidc")]
    oidc: bool,
    /// They may not; who they are at the provider is forgotten.
    #[arg(long)]
    no_oidc: bool,
    #[command(flatten)]
    who: Who,
}

impl User {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(add) => add.run(context).await,
            Self::List => list(context).await,
            Self::AddToken(add) => add.run(context).await,
            Self::Tokens => list_tokens(context).await,
            Self::RevokeToken(revoke) => revoke.run(context).await,
            Self::Set(set) => set.run(context).await,
        }
    }
}

/// The tenant that goes with a role, if one does.
async fn tenant_of(
    pool: &Pool,
    role: Option<Role>,
    handle: Option<&str>,
) -> anyhow::Result<Option<TenantRef>> {
    account::check_tenant(role, handle.is_some())?;
    let Some(handle) = handle else { return Ok(None) };
    let tenant = tenant_by_handle(pool, handle).await?;
    Ok(Some(TenantRef { id: tenant.id, handle: tenant.handle }))
}

/// A password and its hash; the password is to be shown if it was made here.
fn password(name: &str, given: bool) -> anyhow::Result<(Option<String>, PasswordHash)> {
    if given {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).context("reading the password")?;
        return Ok((None, PasswordHash::of(line.trim_end_matches(['\r', '\n']), name)?));
    }
    let (shown, hash) = PasswordHash::generated(name)?;
    Ok((Some(shown), hash))
}

impl Add {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        account::check_name(&self.name, self.oidc)?;
        let pool = context.pool().await?;
        let tenant = tenant_of(&pool, Some(self.role), self.tenant.as_deref()).await?;
        let (shown, hash) = match self.oidc {
            true => (None, None),
            false => password(&self.name, self.password_stdin).map(|(shown, hash)| (shown, Some(hash)))?,
        };
        let actor = self.who.actor();
        let new = NewUser {
            name: &self.name,
            role: self.role.as_str(),
            tenant: tenant.as_ref(),
            password_hash: hash.as_ref().map(PasswordHash::as_str),
            oidc: self.oidc,
        };
        let mut tx = Tx::of_engine(&pool).await?;
        ensure!(
            users::add(&mut tx, &new, &actor).await?.is_some(),
            "there is a user {0} already; change them: tradeup user set {0}",
            self.name
        );
        tx.commit().await?;
        let value = json!({ "user": self.name, "role": self.role.as_str(), "password": shown });
        context.output().show(&value, || match &shown {
            Some(password) => {
                format!("{} may sign in as {}. Password, shown this once: {password}", self.name, self.role)
            }
            None if self.oidc => {
                format!("{} may sign in as {} by OpenID Connect, without a password.", self.name, self.role)
            }
            None => format!("{} may sign in as {}.", self.name, self.role),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Set {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let changes_password = self.new_password || self.password_stdin;
        ensure!(
            self.role.is_some()
                || changes_password
                || self.disable
                || self.enable
                || self.oidc
                || self.no_oidc,
            "say what changes: --role, --new-password, --password-stdin, --disable, --enable, --oidc or --no-oidc"
        );
        if self.oidc {
            account::check_address(&self.name)?;
        }
        let pool = context.pool().await?;
        let tenant = tenant_of(&pool, self.role, self.tenant.as_deref()).await?;
        let role = self.role.map(|role| (role.as_str(), tenant.as_ref()));
        let (shown, hash) = match changes_password {
            true => password(&self.name, self.password_stdin).map(|(shown, hash)| (shown, Some(hash)))?,
            false => (None, None),
        };
        let disabled = if self.disable { Some(true) } else { self.enable.then_some(false) };
        let oidc = if self.oidc { Some(true) } else { self.no_oidc.then_some(false) };
        let change = Change { role, password_hash: hash.as_ref().map(PasswordHash::as_str), disabled, oidc };
        let mut tx = Tx::of_engine(&pool).await?;
        match users::change(&mut tx, &self.name, &change, &self.who.actor()).await? {
            Changed::Done => {}
            Changed::NoUser => bail!("there is no user {}; `tradeup user list` shows them", self.name),
            Changed::LastAdmin => bail!(
                "{} is the last admin who may sign in; make another one first: tradeup user add NAME --role admin",
                self.name
            ),
        }
        tx.commit().await?;
        let value = json!({ "user": self.name, "password": shown });
        context.output().show(&value, || {
            let password = shown.as_ref().map(|shown| format!(" New password, shown this once: {shown}"));
            format!("{} is changed, and has to sign in again.{}", self.name, password.unwrap_or_default())
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(context: &Context) -> anyhow::Result<ExitCode> {
    let pool = context.pool().await?;
    let mut sheet =
        Sheet::new(&["user", "role", "tenant", "signs_in_by", "created_at", "created_by", "disabled_at"]);
    for user in users::list(&pool).await? {
        let signs_in_by = user.signs_in_by().to_owned();
        sheet.push([
            Cell::Text(user.name),
            Cell::Text(user.role),
            Cell::optional(user.tenant_handle),
            Cell::Text(signs_in_by),
            Cell::Text(instant(user.created_at)),
            Cell::Text(user.created_by),
            Cell::optional(user.disabled_at.map(instant)),
        ]);
    }
    sheet.show(context.output(), false, "Nobody may sign in yet: tradeup user add NAME --role admin")?;
    Ok(ExitCode::SUCCESS)
}

impl AddToken {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let name = self.name.trim();
        ensure!(!name.is_empty(), "--for is empty; say what the token is for");
        let pool = context.pool().await?;
        let token = UserToken::new().context("random bytes")?;
        let actor = self.who.actor();
        let mut tx = Tx::of_engine(&pool).await?;
        let added = user_tokens::add(&mut tx, &self.user, name, &token.hash(), self.days, &actor).await?;
        let Some(id) = added else {
            bail!("there is no user {} who may sign in; `tradeup user list` shows them", self.user);
        };
        tx.commit().await?;
        let value = json!({ "id": id.to_string(), "user": self.user, "token": token.as_str() });
        context.output().show(&value, || {
            format!(
                "Token {id} of {}, shown this once, for {} days: {}",
                self.user,
                self.days,
                token.as_str()
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl RevokeToken {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let mut tx = Tx::of_engine(&pool).await?;
        ensure!(
            user_tokens::revoke(&mut tx, self.id, &self.who.actor()).await?,
            "there is no token {} that is taken; `tradeup user tokens` shows them",
            self.id
        );
        tx.commit().await?;
        context
            .output()
            .show(&json!({ "token": self.id.to_string() }), || "It is not taken any more.".to_owned())?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn list_tokens(context: &Context) -> anyhow::Result<ExitCode> {
    let pool = context.pool().await?;
    let mut sheet =
        Sheet::new(&["token", "user", "for", "created_at", "expires_at", "seen_at", "revoked_at"]);
    for token in user_tokens::list(&pool).await? {
        sheet.push([
            Cell::Text(token.id.to_string()),
            Cell::Text(token.user),
            Cell::Text(token.name),
            Cell::Text(instant(token.created_at)),
            Cell::Text(instant(token.expires_at)),
            Cell::optional(token.seen_at.map(instant)),
            Cell::optional(token.revoked_at.map(instant)),
        ]);
    }
    sheet.show(context.output(), false, "No program has a token: tradeup user add-token NAME --for WHAT")?;
    Ok(ExitCode::SUCCESS)
}
