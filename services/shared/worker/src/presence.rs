//! A service notes that it is there, and keeps looking whether its database is still where NATS has
//! seen it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tradeup_store::workers::Seen;
use tradeup_store::{Pool, StoreError, workers};

use crate::health::Health;
use crate::restore::{self, Standing, WentBack};
use crate::settings::{self, Origin};
use crate::{BUILD, Worker};

/// How often.
const EVERY: Duration = Duration::from_secs(10);

/// Why a service ends by itself, once it has to.
pub(crate) type EndedBy = Arc<OnceLock<Box<WentBack>>>;

/// What a service does to be seen.
#[derive(Clone)]
pub(crate) struct Presence {
    pub(crate) worker: Worker,
    pub(crate) service: &'static str,
    /// Whether it marks the database and has NATS remember the marks.
    pub(crate) records: bool,
    /// Who has to know that the database answers.
    pub(crate) health: Health,
}

impl Presence {
    /// Notes that the service is there.
    pub(crate) async fn note(&self) {
        match self.try_note().await {
            Ok(()) => self.health.database_seen(),
            Err(error) => tracing::warn!("the service can't note that it is there, trying again: {error}"),
        }
    }

    async fn try_note(&self) -> Result<(), StoreError> {
        let pool = self.worker.pool();
        let skew = clock_skew(pool).await?;
        let seen = Seen {
            name: self.worker.name(),
            service: self.service,
            build: BUILD,
            clock_skew_ms: skew.num_milliseconds(),
            connections_max: i32::try_from(pool.options().get_max_connections()).unwrap_or(i32::MAX),
            given: &given(),
        };
        workers::seen(pool, &seen).await
    }

    /// Notes that it has stopped in order.
    pub(crate) async fn stopped(&self) {
        if let Err(error) = workers::stopped(self.worker.pool(), self.worker.name()).await {
            tracing::warn!("the service can't note that it has stopped: {error}");
        }
    }

    /// Notes it every 10 s, and stops the service when the database has gone back.
    pub(crate) async fn keep(self, shutdown: CancellationToken, ended_by: EndedBy) {
        let mut every = interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                _ = every.tick() => {}
            }
            let look = async {
                let standing = self.standing().await;
                self.note().await;
                standing
            };
            let standing = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                standing = look => standing,
            };
            match standing {
                Ok(Standing::WentBack(recorded)) => {
                    let went_back = WentBack(recorded);
                    tracing::error!("{went_back}");
                    // Nobody else sets it; the first reason stands.
                    ended_by.get_or_init(|| Box::new(went_back));
                    shutdown.cancel();
                }
                Ok(Standing::Unrecorded | Standing::InPlace(_)) => {}
                Err(error) => {
                    tracing::warn!("it is not known where the database stands, looking again: {error}");
                }
            }
        }
    }

    async fn standing(&self) -> Result<Standing, restore::RestoreError> {
        if self.records {
            restore::record(&self.worker).await
        } else {
            restore::standing(self.worker.pool(), &self.worker.broker).await
        }
    }
}

/// Keys of the settings that this process was given. Their values are nobody's business.
fn given() -> Vec<String> {
    let given =
        settings::current().iter().filter(|setting| setting.is_set() && setting.origin != Origin::Default);
    given.map(|setting| setting.known.key.clone()).collect()
}

/// How far this process's clock is ahead of the database's; negative if it is behind.
///
/// # Errors
/// As any statement.
pub async fn clock_skew(pool: &Pool) -> Result<TimeDelta, StoreError> {
    workers::clock_skew(pool, own_clock).await
}

/// This machine's clock, for what is said to people while there is no database to ask.
#[expect(clippy::disallowed_methods, reason = "it is compared with the database's, and decides nothing")]
#[must_use]
pub fn own_clock() -> DateTime<Utc> {
    Utc::now()
}
