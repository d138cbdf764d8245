//! Telling a shop of its members' credit: several accounts at once, each account's pushes in their order.
//!
//! A push is marked in a committed row before the shop hears of it, and what becomes of it is committed after.
//! Between the two, a process that dies leaves it to the next attempt to look it up (decision 0011).

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::Instant;
use tradeup_domain::{Classify as _, ErrorCode, Money};
use tradeup_shopify::{Owner, RefusalCode, ShopClient, ShopifyError, Transaction};
use tradeup_signals::metrics::money;
use tradeup_store::pushes::{self, Outcome, Push, Taken};
use tradeup_store::runs::Sender;
use tradeup_worker::{TaskContext, TaskError, faultpoint};

use super::connection::Shops;
use super::finding::find;
use super::{account, customer, failed};

/// Points that a credit or debit costs (Shopify reference §7.1).
const POINTS: f64 = 18.0;
/// Calls under way at once, at least and at most; in between, as many as the shop's rate lets begin in a second.
/// More would only be marked and wait.
const AT_ONCE: (usize, usize) = (4, 24);
/// Nothing more is begun after this long: then the run comes up again.
const BEGIN_WITHIN: Duration = Duration::from_secs(45);
/// So many lost answers in a row are no accident: the shop is left alone for a while.
const LOST_IN_A_ROW_MAX: u32 = 3;

/// How far telling has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// There was nothing more to tell.
    All,
    /// Time is over, or the service stops.
    Interrupted,
}

/// What became of one.
enum One {
    /// Booked, refused or looked for: the shop answers.
    Answered,
    /// No clear answer.
    Lost,
    /// The token is not taken.
    Unauthorized,
}

/// Tells the shop what there is to tell, and looks for what became of lost answers.
pub(crate) async fn tell_all(shops: &Shops, context: &TaskContext) -> Result<Told, TaskError> {
    let sender = context.claim.sender(context.tenant()?.id);
    let mut shop = shops.open(context).await?;
    let mut renewed = None;
    loop {
        let round = Round { shops, context, sender, client: shop.client.clone() };
        match round.tell().await? {
            Ended::Told(told) => return Ok(told),
            // A renewed token that is not taken either will not be by being renewed again.
            Ended::Unauthorized if renewed == Some(shop.generation) => {
                return Err(shops.disconnect(context, shop.generation).await?);
            }
            Ended::Unauthorized => {
                shop = shops.open_again(context, shop.generation).await?;
                renewed = Some(shop.generation);
            }
        }
    }
}

enum Ended {
    Told(Told),
    Unauthorized,
}

struct Round<'a> {
    shops: &'a Shops,
    context: &'a TaskContext,
    sender: Sender,
    client: ShopClient,
}

impl Round<'_> {
    async fn tell(&self) -> Result<Ended, TaskError> {
        let begin_until = Instant::now() + BEGIN_WITHIN;
        let mut under_way = FuturesUnordered::new();
        let (mut broken, mut told, mut lost_in_a_row, mut done) = (None, None, 0, 0);
        loop {
            while broken.is_none() && told.is_none() && under_way.len() < self.at_once() {
                if self.shops.stopping.is_cancelled()
                    || self.context.cancelled.is_cancelled()
                    || Instant::now() >= begin_until
                {
                    told = Some(Told::Interrupted);
                    break;
                }
                match self.take().await {
                    Ok(Taken::Ended) => done += 1,
                    Ok(Taken::Nothing) => break,
                    Ok(taken) => under_way.push(self.one(taken)),
                    // Those under way come to their end first.
                    Err(error) => broken = Some(Err(error)),
                }
            }
            let Some(one) = under_way.next().await else { break };
            done += 1;
            match one {
                Ok(One::Answered) => lost_in_a_row = 0,
                Ok(One::Lost) => {
                    lost_in_a_row += 1;
                    if lost_in_a_row >= LOST_IN_A_ROW_MAX {
                        broken.get_or_insert_with(|| Err(too_many_lost()));
                    }
                }
                Ok(One::Unauthorized) => {
                    broken.get_or_insert(Ok(Ended::Unauthorized));
                }
                Err(error) => {
                    broken.get_or_insert(Err(error));
                }
            }
            if let Err(error) = self.context.progress(done, None, Some("pushes")).await {
                tracing::debug!("how far the pushes are is not noted: {error}");
            }
        }
        broken.unwrap_or(Ok(Ended::Told(told.unwrap_or(Told::All))))
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped right after")]
    fn at_once(&self) -> usize {
        let (least, most) = AT_ONCE;
        ((self.client.budget().restore_rate / POINTS).ceil() as usize).clamp(least, most)
    }

    async fn take(&self) -> Result<Taken, TaskError> {
        let mut tx = self.context.begin().await?;
        let taken = pushes::take(&mut tx, self.sender, self.shops.looks.again).await?;
        tx.commit().await?;
        Ok(taken)
    }

    async fn one(&self, taken: Taken) -> Result<One, TaskError> {
        match taken {
            Taken::Tell(push) => {
                faultpoint::reached("push.marked").await;
                self.tell_one(push).await
            }
            Taken::Find(push) => {
                find(self.context, &self.client, &push, self.shops.looks.again).await?;
                Ok(One::Answered)
            }
            Taken::Ended | Taken::Nothing => Ok(One::Answered),
        }
    }

    async fn tell_one(&self, push: Push) -> Result<One, TaskError> {
        let answer = self.call(&push).await;
        faultpoint::reached("push.told").await;
        if let Err(ShopifyError::Refused { code: RefusalCode::InsufficientFunds, .. }) = &answer
            && let Some(less) = self.shortened(&push).await?
        {
            let note = format!(
                "the account held less: {} of {} taken (minor units)",
                -less.net_minor, -push.net_minor
            );
            let answer = self.call(&less).await;
            return self.record(&less, answer, Some(&note)).await;
        }
        self.record(&push, answer, None).await
    }

    async fn call(&self, push: &Push) -> Result<Transaction, ShopifyError> {
        let owner = Owner::from(customer(&push.external_id)?);
        let currency = push.currency.parse().map_err(|_unknown| ShopifyError::Refused {
            code: RefusalCode::UnsupportedCurrency,
            field: "currencyCode".to_owned(),
            message: "a currency that is not known here".to_owned(),
        })?;
        let amount = |amount_minor| Money { amount_minor, currency };
        if push.net_minor > 0 {
            self.client.credit(&owner, amount(push.net_minor), push.expires_at, false).await
        } else {
            self.client.debit(&owner, amount(push.net_minor.saturating_neg())).await
        }
    }

    /// The debit of what there is, if that is something.
    async fn shortened(&self, push: &Push) -> Result<Option<Push>, TaskError> {
        // If it can't be read, the refusal stands, and a person can have it told again.
        let held_minor = match account(&self.client, &push.external_id, &push.currency).await {
            Ok(held) => {
                held.map_or(0, |account| account.balance.amount_minor).min(push.net_minor.saturating_neg())
            }
            Err(error) => {
                tracing::warn!("what an account holds can't be read: {error}");
                return Ok(None);
            }
        };
        if held_minor <= 0 {
            return Ok(None);
        }
        let mut tx = self.context.begin().await?;
        let less = pushes::shorten(&mut tx, self.sender, push, -held_minor).await?;
        tx.commit().await?;
        Ok(Some(less))
    }

    async fn record(
        &self,
        push: &Push,
        answer: Result<Transaction, ShopifyError>,
        note: Option<&str>,
    ) -> Result<One, TaskError> {
        let words = answer.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let look_after = self.shops.looks.after;
        let outcome = match &answer {
            Ok(booking) => match &booking.id {
                Some(id) => Outcome::Sent {
                    transaction_gid: id.as_str(),
                    account_gid: booking.account.as_ref().map(|account| account.id.as_str()),
                    sent_minor: booking.amount.amount_minor,
                    note,
                },
                None => Outcome::Unknown { error: "an answer without the booking's id", look_after },
            },
            Err(ShopifyError::OutcomeUnknown { .. }) => Outcome::Unknown { error: &words, look_after },
            Err(ShopifyError::Refused { code, .. }) => match code {
                RefusalCode::InsufficientFunds | RefusalCode::AccountNotFound if push.net_minor < 0 => {
                    Outcome::Void { why: "the account at the shop is empty" }
                }
                RefusalCode::ExpiresAtInPast => Outcome::Void { why: "ended before the shop could be told" },
                _ => Outcome::Refused { code: ErrorCode::ShopRefused, error: &words },
            },
            Err(error) => Outcome::NotSent { code: error.code(), error: &words },
        };
        let mut tx = self.context.begin().await?;
        let ours = pushes::record(&mut tx, self.sender, push, &outcome).await?;
        tx.commit().await?;
        if ours {
            count(&outcome);
        } else {
            tracing::warn!(push = %push.id, "an answer of the shop came too late to count");
        }
        match (&outcome, &answer) {
            (Outcome::Unknown { .. }, _) => Ok(One::Lost),
            (Outcome::NotSent { .. }, Err(ShopifyError::Unauthorized)) => Ok(One::Unauthorized),
            (Outcome::NotSent { .. }, Err(error)) => Err(failed(error)),
            _ => Ok(One::Answered),
        }
    }
}

/// Counts what came of telling a shop. What was certainly not booked is told again by itself.
fn count(outcome: &Outcome<'_>) {
    let word = match outcome {
        Outcome::Sent { .. } => "booked",
        Outcome::Void { .. } => "void",
        Outcome::Refused { .. } => "refused",
        Outcome::Unknown { .. } => "unknown",
        Outcome::NotSent { .. } => return,
    };
    money::PUSHES.one([word]);
}

fn too_many_lost() -> TaskError {
    failed(&ShopifyError::Unanswered { reason: "no clear answer to several calls in a row".to_owned() })
}
