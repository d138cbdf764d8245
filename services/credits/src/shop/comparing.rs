//! Comparing members' wallets with what their shop says, one member after another.

use chrono::SecondsFormat;
use futures::stream::{self, StreamExt as _};
use tradeup_domain::Classify as _;
use tradeup_shopify::{
    Account, Event, HistoryFilter, ShopClient, ShopifyError, Transaction, TransactionKind,
};
use tradeup_signals::metrics::money;
use tradeup_store::batches::BatchCounts;
use tradeup_store::credits::{self, ExpirationBatch, MemberBatch as _};
use tradeup_store::runs::BatchRange;
use tradeup_store::tenants::Settings;
use tradeup_store::wallets::{self, BookingKind, Difference, ShopBooking, Standing, WalletMember};
use tradeup_store::{pushes, schedules};
use tradeup_worker::{TaskContext, TaskError};

use super::connection::Shops;
use super::{account, failed};

/// Members looked at at once.
const AT_ONCE: usize = 4;
/// A member whose wallet changes while it is looked at is looked at again so often.
const LOOKS_MAX: usize = 3;
/// Pages of a history that are read, 50 bookings each; the rest is followed by the next comparison.
const PAGES_MAX: usize = 40;
/// Most bookings that a difference's cause names.
const NAMED_MAX: usize = 5;

/// One batch's comparison.
pub(crate) struct Comparison<'a> {
    pub(crate) shops: &'a Shops,
    pub(crate) context: &'a TaskContext,
    pub(crate) settings: Settings,
    /// Whether Shopify decides what can be spent, and the ledger follows.
    pub(crate) follows: bool,
}

/// What one member's wallet came to.
enum One {
    Agrees,
    /// By so much, in minor units.
    Differs(i64),
    /// It is being told of something, or changes all the time.
    Busy,
    Failed,
}

impl One {
    /// How it is counted.
    fn word(&self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Differs(_) => "differs",
            Self::Busy => "busy",
            Self::Failed => "failed",
        }
    }
}

/// What the shop says of a member's wallet.
struct Said {
    account: Option<Account>,
    /// Bookings that are not ours, as far as the ledger has not followed them, oldest first.
    foreign: Vec<ShopBooking>,
    newest_gid: Option<String>,
}

impl Comparison<'_> {
    /// Compares all, and books what has ended by the time at which it began.
    pub(crate) async fn compare(
        &self,
        members: &[WalletMember],
        range: BatchRange,
    ) -> Result<BatchCounts, TaskError> {
        let shop = self.shops.open(self.context).await?;
        let mut tx = self.context.begin().await?;
        let begun = schedules::now(&mut tx).await?;
        tx.rollback().await?;
        let mut counts = BatchCounts {
            members: i32::try_from(members.len()).unwrap_or(i32::MAX),
            currency: members.first().map(|member| member.currency.clone()),
            ..BatchCounts::default()
        };
        let each: Vec<_> = members.iter().map(|member| self.one(&shop.client, member)).collect();
        let mut looked = stream::iter(each).buffer_unordered(AT_ONCE);
        while let Some(one) = looked.next().await {
            let one = one?;
            money::COMPARED.one([one.word()]);
            match one {
                One::Agrees => {}
                One::Differs(by_minor) => {
                    counts.affected += 1;
                    counts.affected_minor = counts.affected_minor.saturating_add(by_minor.saturating_abs());
                }
                One::Busy => counts.exempt += 1,
                One::Failed => counts.failed += 1,
            }
        }
        if self.follows && counts.failed + counts.exempt == 0 {
            // What was used of it till then is followed by now.
            let ended = ExpirationBatch {
                tenant: self.context.tenant()?.id,
                run_id: self.context.claim.run_id,
                as_of: begun,
                range,
            };
            let mut tx = self.context.begin().await?;
            ended.apply(&mut tx, range).await?;
            tx.commit().await?;
        }
        if counts.affected > 0 {
            tracing::warn!(
                members = counts.affected,
                "ledger and shop differ for {} members",
                counts.affected
            );
        }
        Ok(counts)
    }

    async fn one(&self, client: &ShopClient, member: &WalletMember) -> Result<One, TaskError> {
        for _look in 0..LOOKS_MAX {
            let before = self.standing(member).await?;
            if before.under_way > 0 {
                return Ok(One::Busy);
            }
            let said = match self.ask(client, member, before.expected_minor()).await {
                Ok(said) => said,
                Err(error @ ShopifyError::Refused { .. }) => return self.fail(member, &error).await,
                Err(error) => return Err(failed(&error)),
            };
            if let Some(one) = self.settle(member, before, &said).await? {
                return Ok(one);
            }
        }
        Ok(One::Busy)
    }

    async fn standing(&self, member: &WalletMember) -> Result<Standing, TaskError> {
        let mut tx = self.context.begin().await?;
        let tenant = self.context.tenant()?.id;
        let standing = wallets::standing(&mut tx, tenant, member.member_id, &member.currency).await?;
        tx.rollback().await?;
        Ok(standing)
    }

    /// What the shop says. Where the ledger decides, a balance that is as expected says enough.
    async fn ask(
        &self,
        client: &ShopClient,
        member: &WalletMember,
        expected_minor: i64,
    ) -> Result<Said, ShopifyError> {
        let mut said = Said { account: None, foreign: Vec::new(), newest_gid: None };
        let id = match (member.account_gid.as_deref().and_then(|gid| gid.parse().ok()), self.follows) {
            // Its history tells the balance, too.
            (Some(id), true) => id,
            (known, _) => {
                let account = match known {
                    Some(id) => client.account(&id).await?,
                    None => account(client, &member.external_id, &member.currency).await?,
                };
                let Some(account) = account else { return Ok(said) };
                if !self.follows && account.balance.amount_minor == expected_minor {
                    said.account = Some(account);
                    return Ok(said);
                }
                account.id
            }
        };
        let mut after = None;
        'pages: for _page in 0..PAGES_MAX {
            let read = client.transactions(&id, &HistoryFilter::default(), after.as_ref()).await?;
            let Some(history) = read else { break };
            for booking in &history.transactions {
                let gid = booking.id.as_ref().map(|id| id.as_str());
                if gid.is_some() && gid == member.followed_gid.as_deref() {
                    said.account.get_or_insert(history.account);
                    break 'pages;
                }
                said.newest_gid = said.newest_gid.or_else(|| gid.map(str::to_owned));
                said.foreign.extend(of_shop(booking, id.number()));
            }
            // The newest page's balance is the one after its bookings.
            said.account.get_or_insert(history.account);
            match history.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        said.foreign.reverse();
        Ok(said)
    }

    /// Follows, compares and notes; `None` if the wallet has changed since it was asked about.
    async fn settle(
        &self,
        member: &WalletMember,
        before: Standing,
        said: &Said,
    ) -> Result<Option<One>, TaskError> {
        let tenant = self.context.tenant()?.id;
        let run_id = self.context.claim.run_id;
        let (member_id, currency) = (member.member_id, member.currency.as_str());
        let mut tx = self.context.begin().await?;
        let gids: Vec<String> = said.foreign.iter().map(|booking| booking.key.clone()).collect();
        let known = pushes::known_bookings(&mut tx, tenant, &gids).await?;
        let foreign: Vec<&ShopBooking> =
            said.foreign.iter().filter(|booking| !known.contains(&booking.key)).collect();
        if self.follows && currency == self.settings.currency.code() {
            for booking in &foreign {
                wallets::follow(&mut tx, tenant, &self.settings, member_id, run_id, booking).await?;
            }
        }
        let now = wallets::standing(&mut tx, tenant, member_id, currency).await?;
        if now.version != before.version || now.under_way > 0 {
            return Ok(None);
        }
        if let (true, Some(account)) = (self.follows, &said.account) {
            let newest = said.newest_gid.as_deref();
            wallets::note_followed(&mut tx, tenant, member_id, currency, account.id.as_str(), newest).await?;
        }
        let shop_minor = said.account.as_ref().map_or(0, |account| account.balance.amount_minor);
        let ledger_minor = now.expected_minor();
        let one = if shop_minor == ledger_minor {
            wallets::agree(&mut tx, tenant, member_id, currency).await?;
            One::Agrees
        } else {
            let cause = self.cause(&now, &foreign);
            let difference = Difference { member_id, currency, ledger_minor, shop_minor, cause: &cause };
            wallets::note_difference(&mut tx, tenant, run_id, &difference).await?;
            One::Differs(shop_minor.saturating_sub(ledger_minor))
        };
        tx.commit().await?;
        Ok(Some(one))
    }

    async fn fail(&self, member: &WalletMember, error: &ShopifyError) -> Result<One, TaskError> {
        let (tenant, run_id) = (self.context.tenant()?.id, self.context.claim.run_id);
        let mut tx = self.context.begin().await?;
        credits::record_failure(&mut tx, tenant, run_id, member.member_id, error.code(), &error.to_string())
            .await?;
        tx.commit().await?;
        Ok(One::Failed)
    }

    /// What is known of why they differ, for people.
    fn cause(&self, standing: &Standing, foreign: &[&ShopBooking]) -> String {
        let mut causes = Vec::new();
        if standing.failed > 0 {
            causes.push(format!("{} pushes were refused by the shop", standing.failed));
        }
        if !self.follows && !foreign.is_empty() {
            let named: Vec<String> = foreign
                .iter()
                .rev()
                .take(NAMED_MAX)
                .map(|booking| {
                    let at = booking.booked_at.to_rfc3339_opts(SecondsFormat::Secs, true);
                    format!("{} of {} at {at}", booking.event, booking.amount_minor)
                })
                .collect();
            causes.push(format!("{} bookings at the shop are not ours: {}", foreign.len(), named.join(", ")));
        }
        if causes.is_empty() { "no booking explains it".to_owned() } else { causes.join("; ") }
    }
}

/// A booking that may not be ours, as the ledger would follow it. What ends by itself, the ledger ends by itself.
fn of_shop(booking: &Transaction, account: &str) -> Option<ShopBooking> {
    let adjusts = booking.event == Event::Adjustment;
    let kind = match booking.kind {
        TransactionKind::Credit => BookingKind::Credit,
        TransactionKind::Debit if adjusts => BookingKind::Take,
        TransactionKind::Debit => BookingKind::Use,
        TransactionKind::DebitRevert => BookingKind::UseReverted,
        TransactionKind::Expiration | TransactionKind::Other(_) => return None,
    };
    let at = booking.created_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let key = match &booking.id {
        Some(id) => id.as_str().to_owned(),
        None => {
            format!("{account}:{at}:{}:{}", booking.amount.amount_minor, booking.balance_after.amount_minor)
        }
    };
    let event = match &booking.event {
        Event::Adjustment => "ADJUSTMENT".to_owned(),
        Event::Other(word) => word.chars().take(60).collect(),
    };
    Some(ShopBooking {
        key,
        kind,
        event,
        amount_minor: booking.amount.amount_minor.saturating_abs(),
        booked_at: booking.created_at,
        ends_at: booking.expires_at,
    })
}
