//! A shop's rate, seen from here: a copy of Shopify's bucket, put right by each answer.
//!
//! Shopify refills a bucket of points for each app and shop at a constant rate and takes each call's
//! cost from it (Shopify reference §7.1). A call here waits until its cost is expected to fit above a
//! reserve, which is left to the others who share the bucket: other processes, and what the app does for
//! people who wait. They always find the reserve; and as what they use lowers what we see, they come first.
//! When nobody else calls, the whole restore rate is ours.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::answer::{Cost, ThrottleStatus};
use crate::operation::Operation;

/// What a shop is thought to have until its first answer: Shopify's smallest plan (§7.1).
const FIRST_GUESS: ThrottleStatus =
    ThrottleStatus { maximum_available: 2000.0, currently_available: 1000.0, restore_rate: 100.0 };
/// Longest wait for a bucket whose rate is not known to be positive.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Largest random addition to the wait after `THROTTLED`, so that those who were refused together don't
/// come back together.
const JITTER_MAX: Duration = Duration::from_millis(250);

/// One shop's budget, shared by all calls to it.
#[derive(Debug)]
pub struct Budget {
    /// Part of the bucket that is left to others, 0 to 0.9.
    left_for_others: f64,
    state: Mutex<State>,
    /// Those who wait stand in line here: tokio's mutex is fair.
    line: tokio::sync::Mutex<()>,
    /// An answer has put the copy right.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    size: f64,
    restore_rate: f64,
    available: f64,
    as_of: Instant,
    /// Costs of calls that are under way.
    in_flight: f64,
    /// An answer has told what the shop has.
    known: bool,
    not_before: Option<Instant>,
    /// What each operation asked for when last seen.
    costs: [f64; Operation::COUNT],
}

/// What is known of a shop's rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetView {
    /// Points in a full bucket.
    pub size: f64,
    /// Points a second that come back.
    pub restore_rate: f64,
    /// Points expected to be there now, calls under way taken off.
    pub available: f64,
}

/// A call's place in the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    budget: &'a Budget,
    operation: Operation,
    cost: f64,
}

impl Budget {
    /// A budget that leaves the part `left_for_others` (cut to 0..=0.9) of the bucket untouched.
    #[must_use]
    pub fn new(left_for_others: f64) -> Self {
        let costs = Operation::ALL.map(Operation::first_guess);
        Self {
            left_for_others: left_for_others.clamp(0.0, 0.9),
            state: Mutex::new(State {
                size: FIRST_GUESS.maximum_available,
                restore_rate: FIRST_GUESS.restore_rate,
                available: FIRST_GUESS.currently_available,
                as_of: Instant::now(),
                in_flight: 0.0,
                known: false,
                not_before: None,
                costs,
            }),
            line: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
        }
    }

    /// What is known now.
    #[must_use]
    pub fn view(&self) -> BudgetView {
        let mut state = self.state();
        state.refill();
        BudgetView { size: state.size, restore_rate: state.restore_rate, available: state.available }
    }

    /// Waits until `operation` is expected to fit and takes its cost.
    ///
    /// # Errors
    /// How much longer it would have taken, if it has not come to it within `limit`.
    pub(crate) async fn take(&self, operation: Operation, limit: Duration) -> Result<Permit<'_>, Duration> {
        let taking = async {
            let _first_in_line = self.line.lock().await;
            loop {
                match self.try_take(operation) {
                    Ok(permit) => return permit,
                    // Ends early when an answer has told something new.
                    Err(wait) => drop(tokio::time::timeout(wait, self.changed.notified()).await),
                }
            }
        };
        match tokio::time::timeout(limit, taking).await {
            Ok(permit) => Ok(permit),
            Err(_elapsed) => Err(self.try_take(operation).err().unwrap_or_default()),
        }
    }

    fn try_take(&self, operation: Operation) -> Result<Permit<'_>, Duration> {
        let mut state = self.state();
        state.refill();
        if let Some(wait) = state.not_before.and_then(|at| at.checked_duration_since(Instant::now()))
            && !wait.is_zero()
        {
            return Err(wait);
        }
        let cost = state.costs[operation as usize];
        // A bucket so small that the call fits only into all of it still has to let it through.
        let reserve = (self.left_for_others * state.size).min(state.size - cost).max(0.0);
        // What a shop has is only learnt by calling it, so the first calls wait for no guess.
        let reserve = if state.known { reserve } else { 0.0 };
        let missing = cost.min(state.size) + reserve - state.available;
        if missing > 0.0 {
            let wait = Duration::try_from_secs_f64(missing / state.restore_rate).unwrap_or(WAIT_MAX);
            // Timers have a grain of a millisecond; a wait of nothing would spin.
            return Err(wait.clamp(Duration::from_millis(1), WAIT_MAX));
        }
        state.available -= cost;
        state.in_flight += cost;
        Ok(Permit { budget: self, operation, cost })
    }

    /// No call to the shop begins before `wait` is over: it has asked for that (status 429).
    pub(crate) fn pause(&self, wait: Duration) {
        let mut state = self.state();
        let until = Instant::now() + wait;
        state.not_before = Some(state.not_before.map_or(until, |before| before.max(until)));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refill(&mut self) {
        let now = Instant::now();
        let back = now.duration_since(self.as_of).as_secs_f64() * self.restore_rate;
        self.available = (self.available + back).min(self.size - self.in_flight).max(self.available);
        self.as_of = now;
    }
}

impl Permit<'_> {
    /// The call was answered with its cost: the copy of the bucket is put right.
    pub(crate) fn answered(self, cost: Option<Cost>) {
        let Some(cost) = cost else { return };
        let mut state = self.budget.state();
        if cost.requested_query_cost.is_finite() && cost.requested_query_cost > 0.0 {
            state.costs[self.operation as usize] = cost.requested_query_cost;
        }
        let seen = cost.throttle_status;
        if seen.maximum_available > 0.0 && seen.restore_rate > 0.0 && seen.currently_available.is_finite() {
            state.size = seen.maximum_available;
            state.restore_rate = seen.restore_rate;
            state.known = true;
            // The others under way may be in what Shopify says, or not yet: taken off, to be safe.
            let others = (state.in_flight - self.cost).max(0.0);
            state.available = seen.currently_available - others;
            state.as_of = Instant::now();
        }
        drop(state);
        self.budget.changed.notify_waiters();
    }

    /// The call was refused as `THROTTLED`: puts the copy right and lets nobody try again before the cost
    /// is back (§7.1), and a random moment more.
    pub(crate) fn throttled(self, cost: Option<Cost>) {
        let budget = self.budget;
        let operation = self.operation;
        self.answered(cost);
        let wait = {
            let state = budget.state();
            let missing = match cost {
                Some(cost) => cost.requested_query_cost - cost.throttle_status.currently_available,
                None => state.costs[operation as usize],
            };
            Duration::try_from_secs_f64((missing / state.restore_rate).max(0.0)).unwrap_or(WAIT_MAX)
        };
        budget.pause(wait.min(WAIT_MAX) + JITTER_MAX.mul_f64(rand::random_range(0.0..=1.0)));
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.state();
        state.in_flight = (state.in_flight - self.cost).max(0.0);
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
