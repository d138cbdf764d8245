//! Where people are told of alerts.

use anyhow::{Context as _, anyhow};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use tradeup_domain::signing;
use tradeup_hooks::{EndpointUrl, Reach, Sender, Settings};
use tradeup_mail::{Address, Mailer, Server};
use tradeup_worker::certificates::Endpoint;
use tradeup_worker::given;

use super::Watch;
use super::channel::{Channel, Way};

/// Where alerts are sent to; without any of them they are on the console alone.
#[derive(Args)]
#[command(next_help_heading = "Alerts")]
pub(crate) struct AlertOptions {
    /// Address to mail alerts to; needs a mail server.
    #[arg(long, env = "TRADEUP_ALERT_MAIL", value_name = "ADDRESS")]
    alert_mail: Option<String>,
    /// URL of the mail server, like smtp://USER:PASSWORD@HOST:587; docs/mail.md has its options.
    #[arg(long, env = "TRADEUP_SMTP_URL", hide_env_values = true, value_name = "URL")]
    smtp_url: Option<String>,
    /// Address that mails come from.
    #[arg(long, env = "TRADEUP_MAIL_FROM", value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// Incoming webhook of Slack, or of whatever takes its messages.
    #[arg(long, env = "TRADEUP_ALERT_SLACK_URL", hide_env_values = true, value_name = "URL")]
    alert_slack_url: Option<String>,
    /// Webhook that takes alerts as JSON.
    #[arg(long, env = "TRADEUP_ALERT_WEBHOOK_URL", hide_env_values = true, value_name = "URL")]
    alert_webhook_url: Option<String>,
    /// Secret that the webhook's messages are signed with (Standard Webhooks), like whsec_BASE64.
    #[arg(long, env = "TRADEUP_ALERT_WEBHOOK_SECRET", hide_env_values = true, value_name = "SECRET")]
    alert_webhook_secret: Option<String>,
}

impl AlertOptions {
    /// Where the mail server is, if alerts are mailed.
    pub(crate) fn mail_server(&self) -> Option<Endpoint> {
        given(self.alert_mail.clone())?;
        let server = Server::parse(&given(self.smtp_url.clone())?.into()).ok()?;
        Some(server.endpoint())
    }

    /// What looks and tells. What is given is never repeated in an error: it holds secrets.
    pub(crate) fn watch(self, console: &str) -> anyhow::Result<Watch> {
        let sender = || {
            Sender::new(Settings { reach: Reach::Anywhere, ..Settings::default() }).context("sending alerts")
        };
        let url =
            |given: &str, name: &'static str| EndpointUrl::parse(given.trim(), Reach::Anywhere).context(name);
        let mut channels = Vec::new();
        if let Some(to) = given(self.alert_mail) {
            let needed = |value: Option<String>, name: &str| {
                given(value).ok_or_else(|| anyhow!("TRADEUP_ALERT_MAIL is set and {name} is not"))
            };
            let server: SecretString = needed(self.smtp_url, "TRADEUP_SMTP_URL")?.into();
            let server = Server::parse(&server).context("TRADEUP_SMTP_URL")?;
            let from: Address =
                needed(self.mail_from, "TRADEUP_MAIL_FROM")?.parse().context("TRADEUP_MAIL_FROM")?;
            let to: Address = to.trim().parse().context("TRADEUP_ALERT_MAIL")?;
            let mailer = Mailer::new(server, from).context("TRADEUP_SMTP_URL")?;
            channels.push(Channel { name: "mail", way: Way::Mail { mailer, to } });
        }
        if let Some(text) = given(self.alert_slack_url) {
            let url = url(&text, "TRADEUP_ALERT_SLACK_URL")?;
            channels.push(Channel { name: "slack", way: Way::Slack { sender: sender()?, url } });
        }
        if let Some(text) = given(self.alert_webhook_url) {
            let url = url(&text, "TRADEUP_ALERT_WEBHOOK_URL")?;
            let secret = given(self.alert_webhook_secret).map(SecretString::from);
            if let Some(secret) = &secret
                && (signing::Signed { id: "x", timestamp: 0, body: b"" })
                    .signature(secret.expose_secret())
                    .is_none()
            {
                return Err(anyhow!(
                    "TRADEUP_ALERT_WEBHOOK_SECRET is no secret; write {}BASE64",
                    signing::PREFIX
                ));
            }
            channels.push(Channel { name: "webhook", way: Way::Webhook { sender: sender()?, url, secret } });
        }
        Ok(Watch { channels, console: console.trim_end_matches('/').to_owned() })
    }
}
