//! Handing mails over, each at most once.
//!
//! A mail is marked as being sent, committed, before the mail server hears of it; what becomes of it is
//! committed after. Between the two, a process that dies leaves it to the next attempt to say that nobody
//! knows (decision 0010).

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tradeup_domain::{Class, Classify as _, Dependency, ErrorCode, Money, zone};
use tradeup_mail::unsubscribe::{self, Claims, KeyRing, Notice};
use tradeup_mail::{
    CampaignMail, ExpiringLot, ExpiryDigest, Locale, Mailer, Outgoing, RenderedMail, Reply, SendError, Step,
    WebLink, last_valid_day,
};
use tradeup_store::digests::{self, Letter, LetterLot, Outcome, Taken};
use tradeup_store::runs::Sender;
use tradeup_worker::{TaskContext, TaskError, faultpoint};

use super::Letterhead;

/// No mail is begun later than this after the first one of an attempt: what is left is the next one's.
const BEGIN_WITHIN: Duration = Duration::from_secs(600);
/// Longest time of an attempt: the last mail begun has the server's time-outs still before it.
pub(crate) const ATTEMPT_WITHIN: Duration = Duration::from_secs(1200);

/// A mail server, and all that goes with it.
pub(super) struct Ready {
    mailer: Mailer,
    keys: KeyRing,
    unsubscribe: WebLink,
    at_once: usize,
    /// A mail is marked only when it has a connection: whatever is marked when the process dies is unknown.
    places: Semaphore,
    rate: Option<Mutex<Interval>>,
}

impl Ready {
    pub(super) fn new(
        mailer: Mailer,
        keys: KeyRing,
        unsubscribe: WebLink,
        at_once: usize,
        rate: Option<u32>,
    ) -> Self {
        let rate = rate.map(|mails| {
            let mut every = interval(Duration::from_secs(1) / mails);
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            Mutex::new(every)
        });
        Self { mailer, keys, unsubscribe, at_once, places: Semaphore::new(at_once), rate }
    }
}

/// Sends mails. Clones share the connections.
#[derive(Clone)]
pub(crate) struct Post {
    ready: Option<Arc<Ready>>,
    stopping: CancellationToken,
}

/// How far the sending of some mails has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Each has come to its end.
    Complete,
    /// Time is over, or the service stops: some are left, and nothing is wrong.
    Interrupted,
}

/// One mail.
enum One {
    /// Came to its end, here or by somebody else.
    Ended,
    /// Not begun.
    Left,
    /// Not sent, to be tried again.
    Failed(SendError),
}

impl Post {
    pub(super) fn new(ready: Ready, stopping: CancellationToken) -> Self {
        Self { ready: Some(Arc::new(ready)), stopping }
    }

    /// Of a service that was given no mail server.
    pub(super) fn without_server(stopping: CancellationToken) -> Self {
        Self { ready: None, stopping }
    }

    /// The mail server. Without one, runs wait as for one that is down: as soon as a service has one, they
    /// go on, and meanwhile `tradeup holds` and `tradeup doctor` say why.
    fn ready(&self) -> Result<&Ready, TaskError> {
        self.ready.as_deref().ok_or_else(|| {
            TaskError::transient(
                ErrorCode::MailNotConfigured,
                "this service was given no mail server; start credits with TRADEUP_SMTP_URL",
            )
            .of_dependency(Dependency::Mail)
        })
    }

    /// Whether there is a mail server at all.
    pub(crate) fn check(&self) -> Result<(), TaskError> {
        self.ready().map(drop)
    }

    /// Takes leave of the mail server.
    pub(crate) async fn close(&self) {
        if let Some(ready) = &self.ready {
            ready.mailer.close().await;
        }
    }

    /// Sends mails, several at once. One member's refusal is that member's and the others go on; trouble
    /// with the server ends it, once those under way have ended.
    pub(crate) async fn deliver(
        &self,
        context: &TaskContext,
        head: &Letterhead,
        letters: &[Letter],
    ) -> Result<Delivery, TaskError> {
        let ready = self.ready()?;
        let claim = &context.claim;
        let round = Round {
            ready,
            context,
            head,
            sender: claim.sender(head.tenant),
            stop: self.stopping.child_token(),
            begin_until: Instant::now() + BEGIN_WITHIN,
            last_attempt: claim.attempt >= claim.max_attempts,
        };
        let each: Vec<_> = letters.iter().map(|letter| round.send(letter)).collect();
        let mut under_way = stream::iter(each).buffer_unordered(ready.at_once);
        let (mut broken, mut failed, mut left) = (None, None, false);
        let (mut done, total) = (0, i64::try_from(letters.len()).ok());
        while let Some(one) = under_way.next().await {
            done += 1;
            match one {
                Ok(One::Ended) => {}
                Ok(One::Left) => left = true,
                Ok(One::Failed(error)) => failed = Some(error),
                Err(error) => {
                    round.stop.cancel();
                    broken = Some(error);
                }
            }
            if let Err(error) = context.progress(done, total, Some("mails")).await {
                tracing::debug!("how far the mails are is not noted: {error}");
            }
        }
        match (broken, failed) {
            (Some(error), _) => Err(error),
            (None, Some(error)) => Err(not_sent(&error)),
            (None, None) if left => Ok(Delivery::Interrupted),
            (None, None) => Ok(Delivery::Complete),
        }
    }
}

/// What the mails of one attempt share.
struct Round<'a> {
    ready: &'a Ready,
    context: &'a TaskContext,
    head: &'a Letterhead,
    sender: Sender,
    stop: CancellationToken,
    begin_until: Instant,
    last_attempt: bool,
}

impl Round<'_> {
    fn may_begin(&self) -> bool {
        !self.stop.is_cancelled()
            && !self.context.cancelled.is_cancelled()
            && Instant::now() < self.begin_until
    }

    async fn send(&self, letter: &Letter) -> Result<One, TaskError> {
        if !self.may_begin() {
            return Ok(One::Left);
        }
        // Never closed.
        let _place = self.ready.places.acquire().await.ok();
        if let Some(rate) = &self.ready.rate {
            rate.lock().await.tick().await;
        }
        if !self.may_begin() {
            return Ok(One::Left);
        }
        let mut tx = self.context.begin().await?;
        let taken = digests::take(&mut tx, self.sender, letter.id).await?;
        tx.commit().await?;
        let Taken::ToSend { to, first_name } = taken else { return Ok(One::Ended) };
        faultpoint::reached("mail.marked").await;
        let sent = match self.write(letter, first_name) {
            Ok((mail, unsubscribe)) => {
                let outgoing = Outgoing {
                    digest_id: letter.id,
                    to: &to,
                    shop_name: &self.head.shop_name,
                    reply_to: self.head.reply_to.as_ref(),
                    mail: &mail,
                    unsubscribe: &unsubscribe,
                    written_at: letter.written_at,
                };
                self.ready.mailer.send(&outgoing).await.map_err(NotHanded::Sending)
            }
            Err(error) => Err(NotHanded::Writing(error)),
        };
        faultpoint::reached("mail.handed").await;
        self.record(letter, &to, sent).await
    }

    /// The mail, and its link.
    fn write(
        &self,
        letter: &Letter,
        first_name: Option<String>,
    ) -> Result<(RenderedMail, WebLink), TaskError> {
        let zone = zone::parse_zone(&letter.zone).map_err(unwritable)?;
        let notice = if letter.words.is_some() { Notice::Campaign } else { Notice::CreditExpiry };
        let claims = Claims { tenant: self.head.tenant.0, member: letter.member_id, notice };
        let unsubscribe =
            unsubscribe::link(&self.ready.unsubscribe, &self.ready.keys, claims).map_err(unwritable)?;
        if let Some(words) = &letter.words {
            let mail = CampaignMail {
                shop_name: self.head.shop_name.clone(),
                shop_url: self.head.shop_url.clone(),
                locale: Locale::parse(&letter.locale),
                subject: words.subject.clone(),
                body: words.body.clone(),
                unsubscribe: unsubscribe.clone(),
            };
            return Ok((mail.render().map_err(unwritable)?, unsubscribe));
        }
        let lot = |lot: &LetterLot| -> Result<ExpiringLot, TaskError> {
            let currency = lot.currency.parse().map_err(unwritable)?;
            let left = Money { amount_minor: lot.amount_minor, currency };
            Ok(ExpiringLot { left, last_valid_day: last_valid_day(lot.expires_at, zone) })
        };
        let digest = ExpiryDigest {
            shop_name: self.head.shop_name.clone(),
            shop_url: self.head.shop_url.clone(),
            locale: Locale::parse(&letter.locale),
            zone,
            lots: letter.lots.iter().map(lot).collect::<Result<_, _>>()?,
            first_name,
            unsubscribe: unsubscribe.clone(),
        };
        let mail = self.head.template(&digest.locale)?.render(&digest).map_err(unwritable)?;
        Ok((mail, unsubscribe))
    }

    async fn record(
        &self,
        letter: &Letter,
        to: &str,
        sent: Result<tradeup_mail::Accepted, NotHanded>,
    ) -> Result<One, TaskError> {
        let words = match &sent {
            Ok(accepted) => accepted.answer.clone(),
            Err(error) => error.to_string(),
        };
        let outcome = match &sent {
            Ok(_) => Outcome::Sent { answer: &words },
            Err(error) => self.outcome(error, &words, to),
        };
        let mut tx = self.context.begin().await?;
        digests::record(&mut tx, self.sender, letter, &outcome).await?;
        tx.commit().await?;
        match (outcome, sent) {
            (Outcome::NotSent { .. }, Err(NotHanded::Sending(error))) => {
                if !is_about_the_member(&error) {
                    self.stop.cancel();
                }
                Ok(One::Failed(error))
            }
            _ => Ok(One::Ended),
        }
    }

    fn outcome<'a>(&self, error: &NotHanded, words: &'a str, to: &'a str) -> Outcome<'a> {
        let error = match error {
            NotHanded::Writing(error) => {
                return Outcome::Refused { code: error.code(), error: words, bounced: None };
            }
            NotHanded::Sending(error) => error,
        };
        let code = error.code();
        match error {
            SendError::OutcomeUnknown { .. } => Outcome::Unknown { code, error: words },
            SendError::AddressRefused { reply } => {
                Outcome::Refused { code, error: words, bounced: has_bounced(reply.as_ref()).then_some(to) }
            }
            // Put off for as long as we try: the others' batch does not wait for it any longer.
            SendError::Deferred { .. } if self.last_attempt && is_about_the_member(error) => {
                Outcome::Refused { code, error: words, bounced: None }
            }
            _ if matches!(error.class(), Class::Transient { .. }) => Outcome::NotSent { code, error: words },
            _ => Outcome::Refused { code, error: words, bounced: None },
        }
    }
}

/// Why a mail is not with the server.
#[derive(Debug, thiserror::Error)]
enum NotHanded {
    #[error("{0}")]
    Writing(TaskError),
    #[error("{0}")]
    Sending(SendError),
}

fn unwritable(error: impl std::fmt::Display) -> TaskError {
    TaskError::permanent(ErrorCode::MailUnrenderable, error.to_string())
}

/// Whether the others may still be written to.
fn is_about_the_member(error: &SendError) -> bool {
    matches!(error, SendError::Deferred { step: Step::Recipient, .. })
}

/// Whether the address will not exist tomorrow either: no address, no such mailbox (5.1.x), or one that is
/// switched off (5.2.1). A full mailbox may be empty by then.
fn has_bounced(reply: Option<&Reply>) -> bool {
    reply.is_none_or(|reply| matches!(reply.enhanced, Some([5, 1, _] | [5, 2, 1])))
}

/// As the runner understands it: trouble with the server is the server's, for all.
fn not_sent(error: &SendError) -> TaskError {
    let failed = TaskError::transient(error.code(), error.to_string());
    if is_about_the_member(error) { failed } else { failed.of_dependency(Dependency::Mail) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, enhanced: Option<[u16; 3]>) -> Reply {
        Reply { code, enhanced }
    }

    #[test]
    fn what_bounces_is_what_will_not_exist_tomorrow() {
        for (given, bounced) in [
            (None, true),
            (Some(reply(550, Some([5, 1, 1]))), true),
            (Some(reply(550, Some([5, 2, 1]))), true),
            (Some(reply(552, Some([5, 2, 2]))), false),
            (Some(reply(550, None)), false),
        ] {
            assert_eq!(has_bounced(given.as_ref()), bounced, "{given:?}");
        }
    }

    #[test]
    fn only_what_is_about_the_server_is_laid_to_its_charge() {
        let later = |step| SendError::Deferred { step, reply: reply(450, Some([4, 2, 0])) };
        assert_eq!(not_sent(&later(Step::Recipient)).dependency(), None);
        assert_eq!(not_sent(&later(Step::Content)).dependency(), Some(Dependency::Mail));
        let down = SendError::NotSent { step: Step::Connecting, cause: "refused".to_owned() };
        assert_eq!(not_sent(&down).dependency(), Some(Dependency::Mail));
    }
}
