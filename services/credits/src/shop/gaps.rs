//! What a shop has and never told: asked for by what has changed, and handed to `webhooks` as if it had been told.
//!
//! What is handed over and how far the shop was asked are one transaction. The first time everything is asked for, by a
//! bulk operation, which takes the shop minutes: the run waits and looks again. What was before the shop came earns
//! nothing, so it is handed over as history.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use tradeup_domain::ErrorCode;
use tradeup_proto::header;
use tradeup_proto::subject::event::EventSubject;
use tradeup_shopify::{BulkId, BulkKind, BulkStart, BulkState, Listed, Page, ShopClient, ShopifyError};
use tradeup_store::events::{self, NewUnclaimed};
use tradeup_store::gaps::{self, Asked, Cursor, Found};
use tradeup_store::{TenantId, Tx, schedules};
use tradeup_worker::{TaskContext, TaskError};

use super::{Shops, failed};

/// A shop says late what it has changed: each search looks back so far behind the end of the one before.
const OVERLAP: TimeDelta = TimeDelta::days(2);
/// With more pages than this a bulk operation is quicker, and spares the shop's rate.
const PAGES_MAX: usize = 40;
/// A bulk operation is looked at after half of the time that it has taken so far; but after this, and after that.
const BULK_LOOK_AFTER: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));
/// What is handed over in one transaction.
const HANDED_AT_ONCE: usize = 100;
/// The source of a shop's events.
const SOURCE: &str = "shopify";

/// What came of asking.
pub(crate) enum Searched {
    /// All of it was looked at.
    Done(Found),
    /// The shop is at work: ask again after this long.
    Wait(Duration),
}

/// A search of one shop.
pub(crate) struct Search<'a> {
    pub(crate) shops: &'a Shops,
    pub(crate) context: &'a TaskContext,
    pub(crate) tenant: TenantId,
    /// By which its events are known.
    pub(crate) domain: &'a str,
    /// What changes from then on is the next search's.
    pub(crate) as_of: DateTime<Utc>,
}

impl Search<'_> {
    /// Looks for what was never told. A token that is not taken is renewed once.
    pub(crate) async fn search(&self, what: Asked) -> Result<Searched, TaskError> {
        let shop = self.shops.open(self.context).await?;
        match self.ask(&shop.client, what).await? {
            Ok(searched) => Ok(searched),
            Err(ShopifyError::Unauthorized) => {
                let renewed = self.shops.open_again(self.context, shop.generation).await?;
                match self.ask(&renewed.client, what).await? {
                    Err(ShopifyError::Unauthorized) => {
                        Err(self.shops.disconnect(self.context, renewed.generation).await?)
                    }
                    answer => answer.map_err(|error| failed(&error)),
                }
            }
            Err(error) => Err(failed(&error)),
        }
    }

    async fn ask(
        &self,
        client: &ShopClient,
        what: Asked,
    ) -> Result<Result<Searched, ShopifyError>, TaskError> {
        let mut tx = self.context.begin().await?;
        let cursor = gaps::cursor(&mut tx, self.tenant, what).await?;
        tx.rollback().await?;
        if let Some(gid) = &cursor.bulk_gid {
            return self.bulk(client, what, gid, &cursor).await;
        }
        match cursor.changed_until {
            None => self.begin_bulk(client, what, None).await,
            Some(until) => self.pages(client, what, until - OVERLAP).await,
        }
    }

    /// Page by page, oldest change first.
    async fn pages(
        &self,
        client: &ShopClient,
        what: Asked,
        since: DateTime<Utc>,
    ) -> Result<Result<Searched, ShopifyError>, TaskError> {
        let mut found = Found::default();
        let mut after = None;
        for _page in 0..PAGES_MAX {
            let asked = match what {
                Asked::Orders => client.changed_orders(since, Some(self.as_of), after.as_ref()).await,
                Asked::Customers => client.changed_customers(since, Some(self.as_of), after.as_ref()).await,
            };
            let page: Page<Listed> = match asked {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            found.left_out += count(page.left_out.len());
            for left_out in &page.left_out {
                tracing::warn!(what = what.as_str(), id = left_out.id, "can't be taken from the shop: {}", left_out.why);
            }
            let mut tx = self.context.begin().await?;
            self.hand_over(&mut tx, what, &page.items, false, &mut found).await?;
            let until = page.items.last().map_or(since, |last| last.updated_at);
            let ended = page.next.is_none();
            let until = if ended { self.as_of } else { until };
            gaps::advance(&mut tx, self.tenant, what, until, found, ended).await?;
            tx.commit().await?;
            if ended {
                return Ok(Ok(Searched::Done(found)));
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
    ) -> Result<Result<Searched, ShopifyError>, TaskError> {
        let kind = match what {
            Asked::Orders => BulkKind::Orders,
            Asked::Customers => BulkKind::Customers,
        };
        match client.start_bulk(kind, since).await {
            Ok(BulkStart::Started(id)) => {
                let mut tx = self.context.begin().await?;
                gaps::begin_bulk(&mut tx, self.tenant, what, id.as_str(), since).await?;
                tx.commit().await?;
            }
            // Somebody else's, or ours whose beginning was not written down.
            Ok(BulkStart::AlreadyRunning) => {}
            Err(error) => return Ok(Err(error)),
        }
        Ok(Ok(Searched::Wait(BULK_LOOK_AFTER.0)))
    }

    async fn bulk(
        &self,
        client: &ShopClient,
        what: Asked,
        gid: &str,
        cursor: &Cursor,
    ) -> Result<Result<Searched, ShopifyError>, TaskError> {
        let id: BulkId = gid.parse().map_err(|_unreadable| {
            TaskError::permanent(ErrorCode::DatabaseUnexpected, "the stored bulk operation is none of Shopify's")
        })?;
        let file = match client.bulk(&id).await {
            Ok(BulkState::Running { objects }) => {
                self.context.progress(i64::try_from(objects).unwrap_or(0), None, Some("objects")).await?;
                let mut tx = self.context.begin().await?;
                let now = schedules::now(&mut tx).await?;
                tx.rollback().await?;
                let taken = cursor.bulk_begun_at.and_then(|begun| (now - begun).to_std().ok());
                let (least, most) = BULK_LOOK_AFTER;
                return Ok(Ok(Searched::Wait(taken.map_or(least, |taken| (taken / 2).clamp(least, most)))));
            }
            Ok(BulkState::Done { file, .. }) => file,
            Ok(BulkState::Failed { code, .. }) => return self.again(client, what, cursor, &code).await,
            Ok(BulkState::Canceled) => return self.again(client, what, cursor, "canceled").await,
            Ok(BulkState::Expired) => return self.again(client, what, cursor, "expired").await,
            Err(error) => return Ok(Err(error)),
        };
        // What was never asked for before is of the time before the shop came.
        let is_history = cursor.changed_until.is_none();
        let until = cursor.bulk_begun_at.unwrap_or(self.as_of).min(self.as_of);
        let mut found = Found::default();
        if let Some(file) = file {
            let mut download = match client.download(&file).await {
                Ok(download) => download,
                Err(error) => return Ok(Err(error)),
            };
            loop {
                let mut items = Vec::with_capacity(HANDED_AT_ONCE);
                while items.len() < HANDED_AT_ONCE {
                    match download.next().await {
                        Ok(Some(item)) => items.push(item),
                        Ok(None) => break,
                        Err(error) => return Ok(Err(error)),
                    }
                }
                let is_last = items.len() < HANDED_AT_ONCE;
                let mut tx = self.context.begin().await?;
                self.hand_over(&mut tx, what, &items, is_history, &mut found).await?;
                tx.commit().await?;
                self.context.progress(found.looked_at.into(), None, Some(what.as_str())).await?;
                if is_last {
                    break;
                }
            }
            found.left_out += count(download.left_out().len());
            for left_out in download.left_out() {
                tracing::warn!(what = what.as_str(), id = left_out.id, "can't be taken from the shop: {}", left_out.why);
            }
        }
        let mut tx = self.context.begin().await?;
        gaps::advance(&mut tx, self.tenant, what, until, found, true).await?;
        tx.commit().await?;
        Ok(Ok(Searched::Done(found)))
    }

    /// A bulk operation that came to nothing is begun once more.
    async fn again(
        &self,
        client: &ShopClient,
        what: Asked,
        cursor: &Cursor,
        why: &str,
    ) -> Result<Result<Searched, ShopifyError>, TaskError> {
        tracing::warn!(what = what.as_str(), "the shop's bulk operation came to nothing ({why}); beginning another");
        let mut tx = self.context.begin().await?;
        gaps::end_bulk(&mut tx, self.tenant, what).await?;
        tx.commit().await?;
        self.begin_bulk(client, what, cursor.bulk_since).await
    }

    /// Hands over what was never told.
    async fn hand_over(
        &self,
        tx: &mut Tx,
        what: Asked,
        items: &[Listed],
        is_history: bool,
        found: &mut Found,
    ) -> Result<(), TaskError> {
        let ids: Vec<String> = items.iter().map(|item| item.id.clone()).collect();
        let versions: Vec<DateTime<Utc>> = items.iter().map(|item| item.updated_at).collect();
        let missing = gaps::never_told(tx, self.tenant, what, &ids, &versions).await?;
        let missing: HashSet<&str> = missing.iter().map(String::as_str).collect();
        let topic = match (what, is_history) {
            (Asked::Orders, true) => "orders/history",
            (Asked::Orders, false) => "orders/updated",
            (Asked::Customers, _) => "customers/update",
        };
        let subject = EventSubject::build(self.domain, SOURCE, topic)
            .map_err(|error| TaskError::permanent(ErrorCode::EventSubject, error.to_string()))?;
        let now = schedules::now(tx).await?;
        for item in items.iter().filter(|item| missing.contains(item.id.as_str())) {
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
}

fn count(of: usize) -> i32 {
    i32::try_from(of).unwrap_or(i32::MAX)
}
