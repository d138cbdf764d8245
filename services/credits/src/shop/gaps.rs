//! What a shop has and never told: asked for by what has changed, and handed to `webhooks` as if it had been told.
//!
//! What is handed over and how far the shop was asked are one transaction. The first time everything is asked for, by a
//! bulk operation, which takes the shop minutes: the run waits and looks again. An order that was placed before the shop
//! came earns nothing, so it is handed over as history.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use tradeup_domain::{Dependency, ErrorCode};
use tradeup_proto::header;
use tradeup_proto::subject::event::EventSubject;
use tradeup_shopify::webhook::Order;
use tradeup_shopify::{
    BulkId, BulkKind, BulkStart, BulkState, LeftOut, Listed, OrderId, Page, ShopClient, ShopifyError,
};
use tradeup_store::events::{self, NewUnclaimed};
use tradeup_store::gaps::{self, Asked, Cursor, Found};
use tradeup_store::{StoreError, TenantId, Tx, schedules};
use tradeup_worker::{TaskContext, TaskError};

use super::{Shops, failed};

/// A shop says late what it has changed: each search looks back so far behind the end of the one before.
const OVERLAP: TimeDelta = TimeDelta::days(2);
/// With more pages than this a bulk operation is quicker, and spares the shop's rate.
const PAGES_MAX: usize = 40;
/// A bulk operation is looked at after half of the time that it has taken so far; but after this, and after that.
const BULK_LOOK_AFTER: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));
/// A place for a bulk operation is looked for again after this.
const OTHER_LOOK_AFTER: Duration = Duration::from_secs(10);
/// What is handed over in one transaction.
const HANDED_AT_ONCE: usize = 100;
/// How many of those that can't be taken are named in the result.
const LEFT_OUT_SHOWN: usize = 20;
/// Shopify's code for a bulk operation that lacks a scope.
const ACCESS_DENIED: &str = "ACCESS_DENIED";
/// The source of a shop's events.
const SOURCE: &str = "shopify";

/// What came of asking.
pub(crate) enum Searched {
    /// All of it was looked at.
    Done(Looked),
    /// The shop is at work: ask again after this long.
    Wait(Duration),
}

/// What was looked at.
#[derive(Default)]
pub(crate) struct Looked {
    pub(crate) found: Found,
    /// Those that can't be taken, for a person to look at: the first ones.
    pub(crate) left_out: Vec<LeftOut>,
}

impl Looked {
    fn leave_out(&mut self, left_out: &[LeftOut]) {
        self.found.left_out += count(left_out.len());
        let room = LEFT_OUT_SHOWN.saturating_sub(self.left_out.len());
        self.left_out.extend(left_out.iter().take(room).cloned());
    }
}

/// A search of one shop.
pub(crate) struct Search<'a> {
    pub(crate) shops: &'a Shops,
    pub(crate) context: &'a TaskContext,
    pub(crate) tenant: TenantId,
    /// By which its events are known.
    pub(crate) domain: &'a str,
    /// Since when the shop has the app: an order that was placed earlier is history, and earns nothing.
    pub(crate) installed_at: Option<DateTime<Utc>>,
    /// What changes from then on is the next search's.
    pub(crate) as_of: DateTime<Utc>,
}

/// What a shop is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// All that has changed.
    Changed(Asked),
    /// One order.
    Order(&'a OrderId),
}

impl Wanted<'_> {
    /// Of which kind it is.
    pub(crate) fn what(self) -> Asked {
        match self {
            Self::Changed(what) => what,
            Self::Order(_) => Asked::Orders,
        }
    }
}

/// Why a search stops: the shop has not answered as it should, of which a refused token is mended; or anything else.
enum Failure {
    Shop(ShopifyError),
    Run(TaskError),
}

impl From<ShopifyError> for Failure {
    fn from(error: ShopifyError) -> Self {
        Self::Shop(error)
    }
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Self {
        Self::Run(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Run(error.into())
    }
}

impl Search<'_> {
    /// Looks for what was never told. A token that is not taken is renewed once.
    pub(crate) async fn search(&self, wanted: Wanted<'_>) -> Result<Searched, TaskError> {
        let shop = self.shops.open(self.context).await?;
        let mut answer = self.ask(&shop.client, wanted).await;
        if let Err(Failure::Shop(ShopifyError::Unauthorized)) = answer {
            let renewed = self.shops.open_again(self.context, shop.generation).await?;
            answer = self.ask(&renewed.client, wanted).await;
            if let Err(Failure::Shop(ShopifyError::Unauthorized)) = answer {
                return Err(self.shops.disconnect(self.context, renewed.generation).await?);
            }
        }
        answer.map_err(|failure| match failure {
            Failure::Shop(error) => failed(&error),
            Failure::Run(error) => error,
        })
    }

    async fn ask(&self, client: &ShopClient, wanted: Wanted<'_>) -> Result<Searched, Failure> {
        let what = match wanted {
            Wanted::Changed(what) => what,
            Wanted::Order(id) => return self.order(client, id).await,
        };
        let mut tx = self.context.begin().await?;
        let cursor = gaps::cursor(&mut tx, self.tenant, what).await?;
        tx.rollback().await?;
        if let Some(gid) = &cursor.bulk_gid {
            return self.bulk(client, what, gid, &cursor).await;
        }
        match cursor.changed_until {
            // By an earlier attempt of this run, which waited for something else.
            Some(until) if until >= self.as_of => {
                let Cursor { looked_at, found, left_out, .. } = cursor;
                let found = Found { looked_at, found, left_out };
                Ok(Searched::Done(Looked { found, left_out: Vec::new() }))
            }
            None => self.begin_bulk(client, what, None).await,
            Some(until) => self.pages(client, what, until - OVERLAP).await,
        }
    }

    async fn order(&self, client: &ShopClient, id: &OrderId) -> Result<Searched, Failure> {
        let order = client.order(id).await?;
        let mut looked = Looked::default();
        let mut tx = self.context.begin().await?;
        self.hand_over(&mut tx, Asked::Orders, order.as_slice(), &mut looked.found).await?;
        tx.commit().await?;
        Ok(Searched::Done(looked))
    }

    /// Page by page, oldest change first.
    async fn pages(
        &self,
        client: &ShopClient,
        what: Asked,
        since: DateTime<Utc>,
    ) -> Result<Searched, Failure> {
        let mut looked = Looked::default();
        let mut after = None;
        for _page in 0..PAGES_MAX {
            let asked = match what {
                Asked::Orders => client.changed_orders(since, Some(self.as_of), after.as_ref()).await,
                Asked::Customers => client.changed_customers(since, Some(self.as_of), after.as_ref()).await,
            };
            let page: Page<Listed> = asked?;
            looked.leave_out(&page.left_out);
            let mut tx = self.context.begin().await?;
            self.hand_over(&mut tx, what, &page.items, &mut looked.found).await?;
            let until = page.items.last().map_or(since, |last| last.updated_at);
            let ended = page.next.is_none();
            let until = if ended { self.as_of } else { until };
            gaps::advance(&mut tx, self.tenant, what, until, looked.found, ended).await?;
            tx.commit().await?;
            if ended {
                return Ok(Searched::Done(looked));
            }
            after = page.next;
        }
        self.begin_bulk(client, what, Some(since)).await
    }

    async fn begin_bulk(
        &self,
        client: &ShopClient,
        what: Asked,
        since: Option<DateTime<Utc>>,
    ) -> Result<Searched, Failure> {
        let kind = match what {
            Asked::Orders => BulkKind::Orders,
            Asked::Customers => BulkKind::Customers,
        };
        let BulkStart::Started(id) = client.start_bulk(kind, since).await? else {
            // Another one's, or ours whose beginning was not written down.
            return Ok(Searched::Wait(OTHER_LOOK_AFTER));
        };
        let mut tx = self.context.begin().await?;
        gaps::begin_bulk(&mut tx, self.tenant, what, id.as_str(), since).await?;
        tx.commit().await?;
        Ok(Searched::Wait(BULK_LOOK_AFTER.0))
    }

    async fn bulk(
        &self,
        client: &ShopClient,
        what: Asked,
        gid: &str,
        cursor: &Cursor,
    ) -> Result<Searched, Failure> {
        let id: BulkId = gid.parse().map_err(|_unreadable| {
            TaskError::permanent(
                ErrorCode::DatabaseUnexpected,
                "the stored bulk operation is none of Shopify's",
            )
        })?;
        let file = match client.bulk(&id).await? {
            BulkState::Running { objects } => {
                self.context.progress(i64::try_from(objects).unwrap_or(0), None, Some("objects")).await?;
                let mut tx = self.context.begin().await?;
                let now = schedules::now(&mut tx).await?;
                tx.rollback().await?;
                let taken = cursor.bulk_begun_at.and_then(|begun| (now - begun).to_std().ok());
                let (least, most) = BULK_LOOK_AFTER;
                return Ok(Searched::Wait(taken.map_or(least, |taken| (taken / 2).clamp(least, most))));
            }
            BulkState::Done { file, .. } => file,
            BulkState::Failed { code, .. } => return Err(self.failed_bulk(what, &code).await?.into()),
            BulkState::Canceled => return Err(self.failed_bulk(what, "canceled").await?.into()),
            BulkState::Expired => return Err(self.failed_bulk(what, "expired").await?.into()),
        };
        let until = cursor.bulk_begun_at.unwrap_or(self.as_of).min(self.as_of);
        let mut looked = Looked::default();
        if let Some(file) = file {
            let mut download = client.download(&file).await?;
            loop {
                let mut items = Vec::with_capacity(HANDED_AT_ONCE);
                while items.len() < HANDED_AT_ONCE {
                    let Some(item) = download.next().await? else { break };
                    items.push(item);
                }
                let is_last = items.len() < HANDED_AT_ONCE;
                let mut tx = self.context.begin().await?;
                self.hand_over(&mut tx, what, &items, &mut looked.found).await?;
                tx.commit().await?;
                self.context.progress(looked.found.looked_at.into(), None, Some(what.as_str())).await?;
                if is_last {
                    break;
                }
            }
            looked.leave_out(download.left_out());
        }
        let mut tx = self.context.begin().await?;
        gaps::advance(&mut tx, self.tenant, what, until, looked.found, true).await?;
        tx.commit().await?;
        Ok(Searched::Done(looked))
    }

    /// A bulk operation that came to nothing is forgotten: the next attempt begins another.
    async fn failed_bulk(&self, what: Asked, why: &str) -> Result<TaskError, TaskError> {
        let mut tx = self.context.begin().await?;
        gaps::end_bulk(&mut tx, self.tenant, what).await?;
        tx.commit().await?;
        let what = what.as_str();
        let error = if why == ACCESS_DENIED {
            let need =
                format!("the app may not read the shop's {what}; it needs the access scope read_{what}");
            TaskError::permanent(ErrorCode::ShopForbidden, need)
        } else {
            let came = format!("the shop's bulk operation over its {what} came to nothing: {why}");
            TaskError::transient(ErrorCode::ShopUnreachable, came)
        };
        Ok(error.of_dependency(Dependency::Shopify))
    }

    /// Hands over what was never told.
    async fn hand_over(
        &self,
        tx: &mut Tx,
        what: Asked,
        items: &[Listed],
        found: &mut Found,
    ) -> Result<(), TaskError> {
        let ids: Vec<String> = items.iter().map(|item| item.id.clone()).collect();
        let versions: Vec<DateTime<Utc>> = items.iter().map(|item| item.updated_at).collect();
        let missing = gaps::never_told(tx, self.tenant, what, &ids, &versions).await?;
        let missing: HashSet<&str> = missing.iter().map(String::as_str).collect();
        let now = schedules::now(tx).await?;
        for item in items.iter().filter(|item| missing.contains(item.id.as_str())) {
            let subject = EventSubject::build(self.domain, SOURCE, self.topic(what, item))
                .map_err(|error| TaskError::permanent(ErrorCode::EventSubject, error.to_string()))?;
            let version = item.updated_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
            // Found twice it is one.
            let event_id = format!("gap:{}:{}:{version}", what.as_str(), item.id);
            let headers = [
                (header::EVENT_ID.to_owned(), event_id.clone()),
                (header::CONTENT_TYPE.to_owned(), header::JSON.to_owned()),
                (header::EVENT_TIME.to_owned(), version),
            ];
            let new = NewUnclaimed {
                shop_domain: self.domain,
                subject: &subject,
                event_id: &event_id,
                headers: &headers,
                body: &item.body,
                stored_at: now,
            };
            events::keep_unclaimed(tx, &new).await?;
        }
        found.looked_at += count(items.len());
        found.found += count(missing.len());
        Ok(())
    }

    /// The topic by which it is handed over. A body that can't be read goes its usual way, and is a dead letter there.
    fn topic(&self, what: Asked, item: &Listed) -> &'static str {
        match what {
            Asked::Customers => "customers/update",
            Asked::Orders => {
                let placed = Order::decode(&item.body)
                    .ok()
                    .map(|order| order.processed_at.map_or(order.created_at, |at| at.min(order.created_at)));
                match (placed, self.installed_at) {
                    (Some(placed), Some(installed)) if placed < installed => "orders/history",
                    _ => "orders/updated",
                }
            }
        }
    }
}

fn count(of: usize) -> i32 {
    i32::try_from(of).unwrap_or(i32::MAX)
}
