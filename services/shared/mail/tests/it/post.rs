//! A mail server, a mailer that sends to it, and a mail.

use tempfile::TempDir;
use tradeup_domain::Money;
use tradeup_harness::{SmtpMode, SmtpServer, SmtpSetup};
use tradeup_mail::{
    Accepted, Address, ExpiringLot, ExpiryDigest, Locale, Mailer, Outgoing, RenderedMail, SendError, Server,
    Template, WebLink,
};
use uuid::Uuid;

pub(crate) const DIGEST: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0007);

pub(crate) struct Post {
    pub(crate) server: SmtpServer,
    pub(crate) mailer: Mailer,
    pub(crate) dir: TempDir,
}

/// What differs from one mail to another.
#[derive(Clone)]
pub(crate) struct Letter {
    pub(crate) to: String,
    pub(crate) reply_to: Option<Address>,
    pub(crate) digest: ExpiryDigest,
}

impl Letter {
    pub(crate) fn in_language(locale: &str) -> Self {
        let left = |amount_minor| Money { amount_minor, currency: "EUR".parse().unwrap() };
        let lot = |amount_minor, day: &str| ExpiringLot {
            left: left(amount_minor),
            last_valid_day: day.parse().unwrap(),
        };
        Self {
            to: "ann@member.example".to_owned(),
            reply_to: Some("help@aurora.example".parse().unwrap()),
            digest: ExpiryDigest {
                shop_name: "Aurora Cards".to_owned(),
                shop_url: Some("https://aurora.example/".parse().unwrap()),
                locale: Locale::parse(locale),
                zone: chrono_tz::Europe::Berlin,
                lots: vec![lot(400, "2026-11-02"), lot(1250, "2026-10-31")],
                first_name: Some("Ann".to_owned()),
                unsubscribe: format!("https://app.example/unsubscribe?token={}", "x".repeat(79))
                    .parse()
                    .unwrap(),
            },
        }
    }

    pub(crate) fn render(&self) -> RenderedMail {
        Template::built_in(&self.digest.locale).unwrap().render(&self.digest).unwrap()
    }
}

impl Post {
    /// A plain server. `options` go into the URL.
    pub(crate) fn plain(options: &str) -> Self {
        Self::with(&SmtpSetup::default(), |port| format!("smtp://127.0.0.1:{port}?tls=none&{options}"))
    }

    pub(crate) fn with(setup: &SmtpSetup, url: impl FnOnce(u16) -> String) -> Self {
        let dir = TempDir::new().unwrap();
        let server = SmtpServer::start(dir.path(), setup);
        let mailer = mailer(&url(server.port));
        Self { server, mailer, dir }
    }

    pub(crate) async fn send(&self, letter: &Letter) -> Result<Accepted, SendError> {
        self.send_of(letter, &letter.render(), &letter.digest.unsubscribe).await
    }

    /// Sends a mail with a link to a letter's recipient.
    pub(crate) async fn send_of(
        &self,
        letter: &Letter,
        mail: &RenderedMail,
        unsubscribe: &WebLink,
    ) -> Result<Accepted, SendError> {
        let outgoing = Outgoing {
            digest_id: DIGEST,
            to: &letter.to,
            shop_name: &letter.digest.shop_name,
            reply_to: letter.reply_to.as_ref(),
            mail,
            unsubscribe,
            written_at: "2026-10-27T09:00:00Z".parse().unwrap(),
        };
        self.mailer.send(&outgoing).await
    }

    /// Sends the usual mail while the server is in a mode.
    pub(crate) async fn send_while(&self, mode: SmtpMode) -> Result<Accepted, SendError> {
        self.server.set(mode);
        self.send(&Letter::in_language("en")).await
    }
}

pub(crate) fn mailer(url: &str) -> Mailer {
    let server = Server::parse(&url.into()).unwrap();
    Mailer::new(server, "credit@sender.example".parse().unwrap()).unwrap()
}
