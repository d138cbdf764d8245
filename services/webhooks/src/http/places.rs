//! Places for requests: so many for each shop, so that one shop's flash sale leaves room for the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Requests of one shop that are worked on at once.
const AT_ONCE: usize = 32;
/// Requests of one shop that are worked on or wait for it. The server has room for more than three such shops.
const WAITING_MAX: usize = 128;
/// Longest wait for a place: Shopify gives up after five seconds in all.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Shops that are remembered without having a request.
const IDLE_MAX: usize = 4_096;

/// All places.
#[derive(Default)]
pub(super) struct Places {
    shops: Mutex<HashMap<String, Arc<Shop>>>,
}

struct Shop {
    all: Arc<Semaphore>,
    working: Arc<Semaphore>,
}

/// A place; given back when it is dropped.
pub(super) struct Place {
    _working: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Places {
    /// Takes a place for a shop's request. `None` if too many wait already, or it took too long.
    pub(super) async fn take(&self, shop: &str) -> Option<Place> {
        let shop = self.shop(shop);
        let all = Arc::clone(&shop.all).try_acquire_owned().ok()?;
        let working = timeout(WAIT_MAX, Arc::clone(&shop.working).acquire_owned()).await.ok()?.ok()?;
        Some(Place { _working: working, _all: all })
    }

    fn shop(&self, name: &str) -> Arc<Shop> {
        let mut shops = self.shops.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shop) = shops.get(name) {
            return Arc::clone(shop);
        }
        if shops.len() >= IDLE_MAX {
            // Whoever has a request holds another reference.
            shops.retain(|_, shop| Arc::strong_count(shop) > 1 || shop.all.available_permits() < WAITING_MAX);
        }
        let shop = Arc::new(Shop {
            all: Arc::new(Semaphore::new(WAITING_MAX)),
            working: Arc::new(Semaphore::new(AT_ONCE)),
        });
        shops.insert(name.to_owned(), Arc::clone(&shop));
        shop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_busy_shop_is_refused_and_another_one_is_not() {
        let places = Places::default();
        let mut held = Vec::new();
        for _ in 0..AT_ONCE {
            held.push(places.take("busy").await.unwrap());
        }
        assert!(places.take("busy").await.is_none(), "it waits a second and goes");
        assert!(places.take("quiet").await.is_some());
        held.pop();
        assert!(places.take("busy").await.is_some());
    }

    #[tokio::test]
    async fn no_more_than_so_many_wait() {
        let places = Places::default();
        let shop = places.shop("busy");
        let _all = Arc::clone(&shop.all).try_acquire_many_owned(u32::try_from(WAITING_MAX).unwrap()).unwrap();
        assert!(places.take("busy").await.is_none());
    }

    #[tokio::test]
    async fn shops_without_requests_are_forgotten() {
        let places = Places::default();
        let kept = places.take("busy").await.unwrap();
        for n in 0..=IDLE_MAX {
            assert!(places.take(&format!("shop-{n}")).await.is_some());
        }
        let shops = places.shops.lock().unwrap();
        assert!(shops.len() < IDLE_MAX && shops.contains_key("busy"));
        drop(kept);
    }
}
