//! Places: how much of a task a process does at once, and which deliveries share one.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tradeup_broker::Delivery;
use tradeup_proto::v1;
use tradeup_store::RunId;

use crate::together::TENANTS_MAX;

/// `jobs.<service>.<task>.<tenant>`.
const TENANT_TOKEN: usize = 3;

/// Longest wait for others to be done. One that hangs holds up those behind it by no more than that each time.
const GATHER_MAX: Duration = Duration::from_millis(3);

/// What a delivery takes until it is answered; free again when the last of those that share it is.
pub(crate) type Place = Arc<OwnedSemaphorePermit>;

/// A delivery that was read, with its place.
pub(crate) struct Held {
    pub(crate) delivery: Delivery,
    pub(crate) run_id: RunId,
    /// What its message says, if the task's runs may be begun by it.
    pub(crate) job: Option<v1::Job>,
    pub(crate) place: Place,
}

/// Deliveries that are taken together, each with its place.
pub(crate) struct Taken<'a> {
    places: &'a Arc<Semaphore>,
    pub(crate) deliveries: Vec<(Delivery, Place)>,
    filled: Vec<Filled>,
    /// Most runs in one place.
    pub(crate) share_max: usize,
}

/// A place, with those whose deliveries share it.
struct Filled {
    place: Place,
    runs: usize,
    tenants: BTreeSet<String>,
}

impl<'a> Taken<'a> {
    /// Of a task of which so many runs share a place.
    pub(crate) fn new(places: &'a Arc<Semaphore>, share_max: usize) -> Self {
        Self { places, deliveries: Vec::new(), filled: Vec::new(), share_max }
    }

    /// Takes what is kept and then what is at hand, as many as there is room for; keeps what found no place.
    pub(crate) fn fill(
        &mut self,
        kept: &mut VecDeque<Delivery>,
        mut next_at_hand: impl FnMut() -> Option<Delivery>,
    ) {
        let mut left = VecDeque::new();
        while left.len() < self.share_max {
            let Some(delivery) = kept.pop_front().or_else(&mut next_at_hand) else { break };
            match self.place(&delivery) {
                Some(place) => self.add(delivery, place),
                None => left.push_back(delivery),
            }
        }
        left.append(kept);
        *kept = left;
    }

    /// Where few are taken while others are under way: waits until those are done, or not much longer than that takes, so that
    /// whoever comes meanwhile can share the transaction. Whether it waited. Nobody is waited for by one that is alone, or by many; nor
    /// by those of other tenants than were taken `before`, who would find places of their own and share nothing.
    ///
    /// The rule is that of Nagle's algorithm (RFC 896): what is small goes at once if nothing is under way, and else with what
    /// gathers until that is done.
    pub(crate) async fn others_ended(&self, at_once: usize, before: &BTreeSet<String>) -> bool {
        let others = at_once.saturating_sub(self.filled.len());
        let are_few = self.filled.iter().all(|filled| filled.runs < self.share_max / 4);
        let come_again = self.filled.iter().any(|filled| !filled.tenants.is_disjoint(before));
        if !are_few || !come_again || self.places.available_permits() >= others {
            return false;
        }
        let Ok(others) = u32::try_from(others) else { return false };
        // Given back at once.
        let _all_others = timeout(GATHER_MAX, self.places.acquire_many(others)).await;
        true
    }

    /// Whose they are.
    pub(crate) fn tenants(&self) -> BTreeSet<String> {
        self.filled.iter().flat_map(|filled| filled.tenants.iter().cloned()).collect()
    }

    pub(crate) fn add(&mut self, delivery: Delivery, place: Place) {
        let tenant = tenant(&delivery).to_owned();
        match self.filled.iter_mut().find(|filled| Arc::ptr_eq(&filled.place, &place)) {
            Some(filled) => {
                filled.runs += 1;
                filled.tenants.insert(tenant);
            }
            None => {
                let place = Arc::clone(&place);
                self.filled.push(Filled { place, runs: 1, tenants: BTreeSet::from([tenant]) });
            }
        }
        self.deliveries.push((delivery, place));
    }

    /// A place for one more: with others of its tenant, or one of its own, or when none is free with others of whomever. One
    /// each while places are free would be done sooner, so that places are free again, and everything is done one by one.
    pub(crate) fn place(&self, delivery: &Delivery) -> Option<Place> {
        let tenant = tenant(delivery);
        let with_room = || self.filled.iter().filter(|filled| filled.runs < self.share_max);
        if let Some(filled) = with_room().find(|filled| filled.tenants.contains(tenant)) {
            return Some(Arc::clone(&filled.place));
        }
        if let Ok(permit) = Arc::clone(self.places).try_acquire_owned() {
            return Some(Arc::new(permit));
        }
        let fewest = with_room()
            .filter(|filled| filled.tenants.len() < TENANTS_MAX)
            .min_by_key(|filled| filled.runs)?;
        Some(Arc::clone(&fewest.place))
    }
}

/// Whose the job is, by its subject.
fn tenant(delivery: &Delivery) -> &str {
    delivery.subject().split('.').nth(TENANT_TOKEN).unwrap_or_default()
}
