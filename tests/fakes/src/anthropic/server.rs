//! The stand-in as a test holds it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::brain::{Asked, Brain};
use super::cache::Cache;
use super::fault::{Fault, Fits, Point, Scheduled};
use super::ledger::Ledger;
use super::limit::{Buckets, Limits};
use super::memory::Memory;
use super::profile::{Family, Profile, profiles};
use super::{control, endpoints};
use crate::shopify::Clock;
use crate::shopify::connection::{CutListener, Scissors};

/// How a stand-in is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// What its ids follow from.
    pub seed: u64,
    /// The only key that is good. `None`: any is.
    pub key: Option<String>,
    /// Its clock.
    pub clock: Clock,
    /// Whether it keeps the bodies of all requests.
    pub keeps_bodies: bool,
    /// Whether it takes answers back that it does not know, as after it was started anew in the middle of a run.
    pub trusts_history: bool,
    /// How long the model takes after it has begun, in milliseconds.
    pub think_ms: u64,
    /// Which agent asks: the first of these that fits.
    pub roles: Vec<(String, Fits)>,
}

impl Default for Options {
    fn default() -> Self {
        let role = |name: &str, tool: &str| (name.to_owned(), Fits::default().tool(tool));
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: 1,
            key: None,
            clock: Clock::real(),
            keeps_bodies: true,
            trusts_history: false,
            think_ms: 0,
            roles: vec![
                role("orchestrator", "submit_plan"),
                role("insights", "get_purchase_history"),
                role("engagement", "get_at_risk_members"),
            ],
        }
    }
}

/// A running stand-in. It ends when this is dropped.
pub struct Server {
    address: SocketAddr,
    shared: Shared,
    serving: JoinHandle<()>,
}

/// What handlers share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) options: Arc<Options>,
    pub(super) brain: Arc<dyn Brain>,
    pub(super) profiles: Arc<Vec<Profile>>,
    inside: Arc<Mutex<Inside>>,
    changes: watch::Sender<u64>,
}

pub(super) struct Inside {
    pub(super) ledger: Ledger,
    pub(super) schedule: Vec<Scheduled>,
    pub(super) memory: Memory,
    pub(super) cache: Cache,
    pub(super) buckets: Buckets,
    pub(super) bodies: Vec<String>,
    /// When models are there no more.
    pub(super) retired: BTreeMap<String, DateTime<Utc>>,
    pub(super) requests: u64,
    holds: BTreeMap<u64, oneshot::Sender<()>>,
    next_hold: u64,
}

impl Server {
    /// Starts on 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(brain: impl Brain) -> io::Result<Self> {
        Self::start_with(Options::default(), brain).await
    }

    /// Starts as it is told.
    ///
    /// # Errors
    /// When the port can't be had.
    pub async fn start_with(options: Options, brain: impl Brain) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let mut profiles = profiles();
        profiles.extend(brain.models().iter().map(|id| Profile::of_a_brain(id)));
        let inside = Inside {
            ledger: Ledger::default(),
            schedule: Vec::new(),
            memory: Memory::default(),
            cache: Cache::default(),
            buckets: Buckets::default(),
            bodies: Vec::new(),
            retired: BTreeMap::new(),
            requests: 0,
            holds: BTreeMap::new(),
            next_hold: 0,
        };
        let shared = Shared {
            options: Arc::new(options),
            brain: Arc::new(brain),
            profiles: Arc::new(profiles),
            inside: Arc::new(Mutex::new(inside)),
            changes: watch::Sender::new(0),
        };
        let routes = Router::new()
            .route("/v1/messages", post(endpoints::messages))
            .route("/v1/messages/count_tokens", post(endpoints::count_tokens))
            .route("/v1/models", get(endpoints::models))
            .route("/v1/models/{id}", get(endpoints::model))
            .merge(control::routes())
            .fallback(endpoints::nothing)
            .layer(DefaultBodyLimit::disable())
            .with_state(shared.clone())
            .into_make_service_with_connect_info::<Scissors>();
        let serving = tokio::spawn(async move {
            // It never returns an error: accepting is tried again.
            drop(axum::serve(CutListener(listener), routes).await);
        });
        Ok(Self { address, shared, serving })
    }

    /// `http://127.0.0.1:<port>`: what a client takes for its base.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.options.clock
    }

    /// Schedules something that goes wrong.
    pub fn fault(&self, scheduled: impl Into<Scheduled>) {
        self.shared.change(|inside| inside.schedule.push(scheduled.into()));
    }

    /// Nothing that was scheduled goes wrong any more.
    pub fn clear_faults(&self) {
        self.shared.change(|inside| inside.schedule.clear());
    }

    /// Holds the next request that fits at this point, until it is [released](Self::release).
    pub fn hold(&self, at: Point, only: Fits) {
        self.fault(Scheduled::from(Fault::Hold { at }).only(only));
    }

    /// Lets all requests go on that are held now; says how many they were.
    pub fn release(&self) -> usize {
        self.shared.release(None)
    }

    /// Lets one request go on; `false` if it is not held. See [`Held::id`](super::Held::id).
    pub fn release_one(&self, id: u64) -> bool {
        self.shared.release(Some(id)) == 1
    }

    /// From now on there is no such model.
    pub fn retire(&self, model: &str) {
        self.retire_at(model, self.clock().now());
    }

    /// From then on there is no such model.
    pub fn retire_at(&self, model: &str, at: DateTime<Utc>) {
        self.shared.change(|inside| inside.retired.insert(model.to_owned(), at));
    }

    /// A model is there again.
    pub fn revive(&self, model: &str) {
        self.shared.change(|inside| inside.retired.remove(model));
    }

    /// From now on a family of models has these limits, and nothing of them is used yet.
    pub fn limit(&self, family: Family, limits: Limits) {
        let now = self.clock().now();
        self.shared.change(|inside| inside.buckets.set(family, limits, now));
    }

    /// What it has seen so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.shared.ledger()
    }

    /// The bodies of all requests for messages and counts, as they came, in order.
    #[must_use]
    pub fn bodies(&self) -> Vec<String> {
        self.shared.inside().bodies.clone()
    }

    /// Waits until what it has seen is as the condition says.
    ///
    /// # Errors
    /// What it has seen, when it is not so in time.
    pub async fn until(
        &self,
        within: Duration,
        condition: impl Fn(&Ledger) -> bool,
    ) -> Result<Ledger, Box<Ledger>> {
        self.shared.until(within, condition).await
    }

    /// Waits for as long as it runs.
    pub async fn serve(&mut self) {
        drop((&mut self.serving).await);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    pub(super) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something that others may wait for.
    pub(super) fn change<T>(&self, act: impl FnOnce(&mut Inside) -> T) -> T {
        let done = act(&mut self.inside());
        self.changes.send_modify(|count| *count += 1);
        done
    }

    pub(super) fn ledger(&self) -> Ledger {
        self.inside().ledger.clone()
    }

    pub(super) async fn until(
        &self,
        within: Duration,
        condition: impl Fn(&Ledger) -> bool,
    ) -> Result<Ledger, Box<Ledger>> {
        let mut changes = self.changes.subscribe();
        let waiting = async {
            loop {
                // Marked as seen before it is looked at: what changes meanwhile is seen again.
                changes.borrow_and_update();
                let ledger = self.ledger();
                if condition(&ledger) {
                    return ledger;
                }
                if changes.changed().await.is_err() {
                    return std::future::pending().await;
                }
            }
        };
        tokio::time::timeout(within, waiting).await.map_err(|_elapsed| Box::new(self.ledger()))
    }

    /// The model of this id, if it is there now.
    pub(super) fn profile(&self, id: &str) -> Option<Profile> {
        let now = self.options.clock.now();
        let profile = self.profiles.iter().find(|profile| profile.is_called(id))?;
        let inside = self.inside();
        let is_gone = |name: &str| inside.retired.get(name).is_some_and(|at| *at <= now);
        (!is_gone(&profile.id) && !is_gone(id)).then(|| profile.clone())
    }

    pub(super) fn role(&self, asked: Asked<'_>) -> String {
        let found = self.options.roles.iter().find(|(_, fits)| fits.fit(asked));
        found.map_or_else(|| "other".to_owned(), |(name, _)| name.clone())
    }

    /// Stays here until it is released.
    pub(super) async fn hold(&self, at: Point, role: &str, turn: usize) {
        let (sender, released) = oneshot::channel();
        let id = self.change(|inside| {
            let id = inside.next_hold;
            inside.next_hold += 1;
            inside.holds.insert(id, sender);
            inside.ledger.held.push(super::ledger::Held { id, at, role: role.to_owned(), turn });
            id
        });
        let _leaves = Leaves { shared: self.clone(), id };
        drop(released.await);
    }

    pub(super) fn release(&self, only: Option<u64>) -> usize {
        let released = self.change(|inside| {
            let ids: Vec<u64> =
                inside.holds.keys().copied().filter(|id| only.is_none_or(|only| only == *id)).collect();
            inside.ledger.held.retain(|held| !ids.contains(&held.id));
            ids.iter().filter_map(|id| inside.holds.remove(id)).collect::<Vec<_>>()
        });
        released.into_iter().filter_map(|sender| sender.send(()).ok()).count()
    }
}

/// Takes a request off the list of those that are held: it goes on, or its client has gone.
struct Leaves {
    shared: Shared,
    id: u64,
}

impl Drop for Leaves {
    fn drop(&mut self) {
        let id = self.id;
        self.shared.change(|inside| {
            inside.holds.remove(&id);
            inside.ledger.held.retain(|held| held.id != id);
        });
    }
}
