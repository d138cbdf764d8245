//! Places: how much of a task a process does at once, and which deliveries share one.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tradeup_broker::Delivery;
use tradeup_store::RunId;

/// `jobs.<service>.<task>.<tenant>`.
const TENANT_TOKEN: usize = 3;

/// What a delivery takes until it is answered; free again when the last of those that share it is.
pub(crate) type Place = Arc<OwnedSemaphorePermit>;

/// A delivery that was read, with its place.
pub(crate) struct Held {
    pub(crate) delivery: Delivery,
    pub(crate) run_id: RunId,
    pub(crate) place: Place,
}

/// Deliveries that are taken together, each with its place.
pub(crate) struct Taken<'a> {
    places: &'a Arc<Semaphore>,
    pub(crate) deliveries: Vec<(Delivery, Place)>,
    /// Of each tenant the place that others of it may share, and how many do.
    shared: HashMap<String, (Place, usize)>,
    /// Most runs in one place.
    pub(crate) share_max: usize,
}

impl<'a> Taken<'a> {
    /// Of a task of which so many runs share a place.
    pub(crate) fn new(places: &'a Arc<Semaphore>, share_max: usize) -> Self {
        Self { places, deliveries: Vec::new(), shared: HashMap::new(), share_max }
    }

    pub(crate) fn add(&mut self, delivery: Delivery, place: Place) {
        if self.share_max > 1 {
            let (latest, sharing) =
                self.shared.entry(tenant(&delivery)).or_insert_with(|| (Arc::clone(&place), 0));
            if !Arc::ptr_eq(latest, &place) {
                (*latest, *sharing) = (Arc::clone(&place), 0);
            }
            *sharing += 1;
        }
        self.deliveries.push((delivery, place));
    }

    /// A place for one more: with others of its tenant, or one of its own. Those that have one each while places are free
    /// are done sooner, so that places are free again, and everything is done one by one.
    pub(crate) fn place(&self, delivery: &Delivery) -> Option<Place> {
        let beside = self.shared.get(&tenant(delivery)).filter(|(_, sharing)| *sharing < self.share_max);
        match beside {
            Some((place, _)) => Some(Arc::clone(place)),
            None => Arc::clone(self.places).try_acquire_owned().ok().map(Arc::new),
        }
    }
}

/// Whose the job is, by its subject.
fn tenant(delivery: &Delivery) -> String {
    delivery.subject().split('.').nth(TENANT_TOKEN).unwrap_or_default().to_owned()
}
