//! Live pages: a browser is told that what it shows has changed, and asks for it again.
//!
//! What is watched is looked at here, once for all who watch it, and not at all while nobody does.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use futures::Stream;
use futures::stream::unfold;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tradeup_access::Act;
use tradeup_store::{RunId, overview};
use tradeup_worker::Worker;

use crate::Console;
use crate::access::Who;
use crate::failure::{Failure, Query};
use crate::views::backlog::KEPT_FOR;
use crate::views::run::{id, seen};

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// A connection on which nothing comes is closed by whatever stands between; this keeps it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The backlog that a page shows may be as old as it is kept. So pages are told once more when nothing has changed for so long.
const SETTLES: Duration = KEPT_FOR.saturating_add(Duration::from_secs(1));

/// What may be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Watched {
    /// A run with what is below it.
    Run(RunId),
    /// What is under way, and what is dead.
    Engine,
}

type Seen = watch::Sender<String>;

/// Who watches what.
#[derive(Clone, Default)]
pub(crate) struct Live {
    watched: Arc<Mutex<HashMap<Watched, Seen>>>,
}

impl Live {
    fn watch(&self, what: Watched) -> watch::Receiver<String> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.entry(what).or_insert_with(|| watch::Sender::new(String::new())).subscribe()
    }

    /// What somebody watches; what nobody does any more is forgotten.
    fn wanted(&self) -> Vec<Watched> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, seen| seen.receiver_count() > 0);
        watched.keys().copied().collect()
    }

    fn saw(&self, what: Watched, now: String) {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = watched.get(&what) {
            seen.send_if_modified(|before| {
                let changed = *before != now;
                *before = now;
                changed
            });
        }
    }
}

/// What watches, and the work of watching.
pub(crate) fn watch(worker: Worker, shutdown: CancellationToken) -> (Live, impl Future<Output = ()> + Send) {
    let live = Live::default();
    let watching = look(live.clone(), worker, shutdown);
    (live, watching)
}

async fn look(live: Live, worker: Worker, shutdown: CancellationToken) {
    let mut latest = (String::new(), Instant::now());
    while timeout(LOOK_EVERY, shutdown.cancelled()).await.is_err() {
        let wanted = live.wanted();
        let runs: Vec<RunId> = wanted
            .iter()
            .filter_map(|what| match what {
                Watched::Run(id) => Some(*id),
                Watched::Engine => None,
            })
            .collect();
        if !runs.is_empty() {
            match overview::runs_now(worker.pool(), &runs).await {
                Ok(found) => found.into_iter().for_each(|(id, now)| live.saw(Watched::Run(id), now)),
                Err(error) => tracing::warn!("runs can't be watched: {error}"),
            }
        }
        if wanted.contains(&Watched::Engine) {
            let nats = worker.broker().is_connected();
            match overview::engine_now(worker.pool()).await {
                Ok(now) => {
                    let now = format!("{now} {nats}");
                    if latest.0 != now {
                        latest = (now, Instant::now());
                    }
                    let is_settled = latest.1.elapsed() > SETTLES;
                    live.saw(Watched::Engine, format!("{} {is_settled}", latest.0));
                }
                Err(error) => tracing::warn!("the engine can't be watched: {error}"),
            }
        }
    }
}

#[derive(Deserialize)]
struct Wanted {
    run: Option<String>,
}

async fn events(
    State(console): State<Console>,
    who: Who,
    Query(wanted): Query<Wanted>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let what = match wanted.run {
        Some(given) => {
            let id = id(&given)?;
            seen(console.worker.pool(), &who, id).await?;
            Watched::Run(id)
        }
        None => {
            who.may(Act::SeeAll)?;
            Watched::Engine
        }
    };
    let changes = unfold(console.live.watch(what), |mut seen| async move {
        // What is looked at first is no change.
        if seen.borrow_and_update().is_empty() {
            seen.changed().await.ok()?;
        }
        seen.changed().await.ok()?;
        let now = seen.borrow_and_update().clone();
        Some((Ok(Event::default().event("changed").data(now)), seen))
    });
    Ok(Sse::new(changes).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/live", get(events))
}
