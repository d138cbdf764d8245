//! How this service sends mails.

use anyhow::{Context as _, anyhow};
use clap::Args;
use tokio_util::sync::CancellationToken;
use tradeup_mail::unsubscribe::KeyRing;
use tradeup_mail::{Address, Mailer, Server, WebLink};

use super::post::{Post, Ready};
use tradeup_worker::certificates::Endpoint;
use tradeup_worker::given;

/// Which server, and what mails say of us. Without a server the service works, and warnings wait for one.
#[derive(Args)]
#[command(next_help_heading = "Mail")]
pub(crate) struct MailOptions {
    /// URL of the mail server, like smtp://USER:PASSWORD@HOST:587; docs/mail.md has its options.
    #[arg(long, env = "TRADEUP_SMTP_URL", hide_env_values = true, value_name = "URL")]
    smtp_url: Option<String>,
    /// Address that mails come from.
    #[arg(long, env = "TRADEUP_MAIL_FROM", value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// Keys of the links that unsubscribe, newest first, like 2:KEY,1:KEY.
    #[arg(long, env = "TRADEUP_UNSUBSCRIBE_KEYS", hide_env_values = true, value_name = "KEYS")]
    unsubscribe_keys: Option<String>,
    /// Where members reach the HTTP server of `webhooks`: an address that begins with https.
    #[arg(long, env = "TRADEUP_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Most mails that this process sends in a second; as many as it can, if it is not said.
    #[arg(long, env = "TRADEUP_MAIL_RATE", value_name = "MAILS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    mail_rate: Option<u32>,
}

impl MailOptions {
    /// Where the mail server is, if one was given.
    pub(crate) fn endpoint(&self) -> Option<Endpoint> {
        let server = Server::parse(&given(self.smtp_url.clone())?.into()).ok()?;
        Some(server.endpoint())
    }

    /// What sends mails until `stopping`. What is given is never repeated in an error: it holds secrets.
    pub(crate) fn post(self, stopping: CancellationToken) -> anyhow::Result<Post> {
        let Some(url) = given(self.smtp_url) else { return Ok(Post::without_server(stopping)) };
        let needed = |value: Option<String>, name: &str| {
            given(value).ok_or_else(|| anyhow!("TRADEUP_SMTP_URL is set and {name} is not; mails need both"))
        };
        let from: Address =
            needed(self.mail_from, "TRADEUP_MAIL_FROM")?.parse().context("TRADEUP_MAIL_FROM")?;
        let keys = needed(self.unsubscribe_keys, "TRADEUP_UNSUBSCRIBE_KEYS")?;
        let keys = KeyRing::parse(&keys.into()).context("TRADEUP_UNSUBSCRIBE_KEYS")?;
        let public = needed(self.public_url, "TRADEUP_PUBLIC_URL")?;
        let unsubscribe: WebLink = format!("{}/unsubscribe", public.trim().trim_end_matches('/'))
            .parse()
            .context("TRADEUP_PUBLIC_URL")?;
        let server = Server::parse(&url.into()).context("TRADEUP_SMTP_URL")?;
        let at_once = server.connections();
        let mailer = Mailer::new(server, from).context("TRADEUP_SMTP_URL")?;
        Ok(Post::new(Ready::new(mailer, keys, unsubscribe, at_once, self.mail_rate), stopping))
    }
}
