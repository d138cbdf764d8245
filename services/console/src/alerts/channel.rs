//! One way to tell people.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use tradeup_domain::Class;
use tradeup_domain::error::Classify as _;
use tradeup_hooks::{EndpointUrl, Outgoing, Sender};
use tradeup_mail::{Address, Mailer, Note};
use tradeup_store::alerts::Tried;

use super::words::Words;

/// How long to wait after the first, second, ... failed try; then it is given up, after a day.
const WAITS: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(6 * 3600),
    Duration::from_secs(16 * 3600),
];

/// For what is signed, and for what is told while the database does not say the time.
#[expect(clippy::disallowed_methods, reason = "a receiver compares it with its own clock")]
pub(super) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Where people are told.
pub(super) struct Channel {
    /// Its name: there is one of each kind.
    pub(super) name: &'static str,
    pub(super) way: Way,
}

pub(super) enum Way {
    Mail { mailer: Mailer, to: Address },
    Slack { sender: Sender, url: EndpointUrl },
    Webhook { sender: Sender, url: EndpointUrl, secret: Option<SecretString> },
}

impl Channel {
    /// Who it reaches, without what is secret or personal.
    pub(super) fn reaches(&self) -> String {
        match &self.way {
            Way::Mail { to, .. } => format!("somebody at {}", to.domain()),
            Way::Slack { url, .. } | Way::Webhook { url, .. } => url.origin(),
        }
    }

    /// Sends a message once, and says what is to be done if it did not arrive.
    pub(super) async fn send(&self, words: &Words, tries: i32) -> Tried {
        let (may_pass, error) = match &self.way {
            Way::Mail { mailer, to } => {
                let note = Note {
                    id: words.id,
                    to,
                    subject: &words.subject,
                    text: &words.text,
                    written_at: words.at,
                };
                match mailer.note(&note).await {
                    Ok(_accepted) => return Tried::Sent,
                    // A second mail is better than none.
                    Err(error @ tradeup_mail::SendError::OutcomeUnknown { .. }) => (true, error.to_string()),
                    Err(error) => (error.class() != Class::Permanent, error.to_string()),
                }
            }
            Way::Slack { sender, url } => match post(sender, url, words, &words.slack, &[]).await {
                Ok(()) => return Tried::Sent,
                Err(failed) => failed,
            },
            Way::Webhook { sender, url, secret } => {
                let secrets: Vec<String> =
                    secret.iter().map(|secret| secret.expose_secret().to_owned()).collect();
                match post(sender, url, words, &words.json, &secrets).await {
                    Ok(()) => return Tried::Sent,
                    Err(failed) => failed,
                }
            }
        };
        if may_pass { Self::again(tries, error) } else { Tried::GivenUp(error) }
    }

    /// After so many tries, the last of which failed by what may pass.
    pub(super) fn again(tries: i32, error: String) -> Tried {
        let wait = usize::try_from(tries.max(1) - 1).ok().and_then(|failed| WAITS.get(failed));
        match wait {
            Some(wait) => Tried::Again(*wait, error),
            None => Tried::GivenUp(error),
        }
    }
}

async fn post(
    sender: &Sender,
    url: &EndpointUrl,
    words: &Words,
    body: &serde_json::Value,
    secrets: &[String],
) -> Result<(), (bool, String)> {
    let id = format!("alert_{}", words.id.simple());
    let body = body.to_string();
    let outgoing = Outgoing { id: &id, body: body.as_bytes(), secrets };
    match sender.send(url, &outgoing, now()).await {
        Ok(_accepted) => Ok(()),
        Err(error) => Err((error.may_pass(), error.to_string())),
    }
}
