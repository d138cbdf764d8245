//! What a shop owes and how months moved it, reckoned beside the page: of a shop with a million members it takes
//! seconds, and nobody waits for them twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};
use tokio::time::timeout;
use tradeup_domain::amount_text;
use tradeup_store::reports::{self, Dated};
use tradeup_store::{Pool, TenantId, Tx, schedules, tenants};

use super::{Month, Owed, latest, of_owed};
use crate::failure::Failure;
use crate::views::when::When;

/// What takes no longer is reckoned for each page anew.
const QUICK: Duration = Duration::from_millis(40);
/// A page waits so long for figures before it is shown without.
const PATIENCE: Duration = Duration::from_millis(300);
/// Figures that took long are good for so many times as long.
const GOOD_FOR: u32 = 20;
/// Shops whose figures are kept; the others are reckoned again.
const SHOPS_MAX: usize = 1_000;

/// What a shop owes and how months moved it, as of an instant.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(super) as_of: When,
    pub(super) owed: Vec<Owed>,
    pub(super) debts: Vec<String>,
    /// By currency, newest first.
    pub(super) months: Vec<Month>,
}

impl Figures {
    pub(super) async fn read(pool: &Pool, tenant: TenantId) -> Result<Self, Failure> {
        let now = schedules::clock(pool).await?;
        let mut tx = Tx::snapshot_of_tenant(pool, tenant).await?;
        let found = tenants::by_id(&mut tx, tenant).await?.ok_or(Failure::NotFound)?;
        let owed = reports::liability(&mut tx, tenant, now, &found.zone).await?;
        let debts = reports::debts(&mut tx, tenant, now).await?;
        let months = reports::activity(&mut tx, tenant, &found.zone, Dated::Effective).await?;
        tx.rollback().await?;
        Ok(Self {
            as_of: When(now),
            owed: owed.into_iter().map(of_owed).collect(),
            debts: debts.into_iter().map(|(currency, minor)| amount_text(minor, &currency)).collect(),
            months: latest(&months),
        })
    }
}

#[derive(Clone)]
struct Latest {
    figures: Arc<Figures>,
    begun: Instant,
    took: Duration,
}

#[derive(Default)]
struct Slot {
    latest: Mutex<Option<Latest>>,
    /// One reckons at a time.
    turn: Arc<Turn<()>>,
}

impl Slot {
    fn latest(&self) -> Option<Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn reckon(
        self: Arc<Self>,
        pool: Pool,
        tenant: TenantId,
        turn: OwnedMutexGuard<()>,
    ) -> Result<Arc<Figures>, Failure> {
        let begun = Instant::now();
        let figures = Arc::new(Figures::read(&pool, tenant).await?);
        let done = Latest { figures: figures.clone(), begun, took: begun.elapsed() };
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
        drop(turn);
        Ok(figures)
    }
}

/// The figures of shops whose ledgers were looked at.
#[derive(Clone, Default)]
pub(crate) struct Reckoned {
    shops: Arc<Mutex<HashMap<TenantId, Arc<Slot>>>>,
}

impl Reckoned {
    fn slot(&self, tenant: TenantId) -> Arc<Slot> {
        let mut shops = self.shops.lock().unwrap_or_else(PoisonError::into_inner);
        if shops.len() >= SHOPS_MAX && !shops.contains_key(&tenant) {
            shops.clear();
        }
        shops.entry(tenant).or_default().clone()
    }

    /// A shop's figures: as they are now if that is quick, and otherwise as they were a moment ago; none while they are
    /// reckoned for the first time.
    pub(super) async fn of(&self, pool: &Pool, tenant: TenantId) -> Result<Option<Arc<Figures>>, Failure> {
        let slot = self.slot(tenant);
        let known = slot.latest();
        let patience = match &known {
            Some(known) if known.took > QUICK => {
                if known.begun.elapsed() < known.took * GOOD_FOR {
                    return Ok(Some(known.figures.clone()));
                }
                Duration::ZERO
            }
            _ => PATIENCE,
        };
        let begun = match Arc::clone(&slot.turn).try_lock_owned() {
            // In a task of its own: whoever asked may go, and the next one finds it.
            Ok(turn) => {
                timeout(patience, tokio::spawn(slot.clone().reckon(pool.clone(), tenant, turn))).await
            }
            Err(_somebody_is_at_it) => {
                let _done = timeout(patience, slot.turn.lock()).await;
                return Ok(slot.latest().map(|latest| latest.figures));
            }
        };
        match begun {
            Ok(done) => done.map_err(|_panicked| Failure::Internal)?.map(Some),
            Err(_elapsed) => Ok(known.map(|known| known.figures)),
        }
    }
}
