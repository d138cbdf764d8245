//! A month as events: schedule, shops, release windows, consumers, and PostgreSQL that all of them share.
//!
//! What is modelled is what docs/decisions/0001 decides and what the services do around it: a run for each shop; a shop's
//! batches as rows, of which a window is in the stream; a batch that ends releases the next; processes that pull from one
//! stream, so many at once each; a commit that waits for the log, together with others; a stream that refuses when it is
//! full, and a sweep that publishes what was refused and looks at what waits.

mod faults;
mod parts;

use std::collections::VecDeque;

use anyhow::Context as _;
use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution as _, LogNormal};

use self::parts::{Batch, Commit, Flight, FlightState, Message, Shop, Source, Timer, Work};
use super::engine::{Log, Serial, Shared, Timers};
use super::float;
use super::setting::{Fault, Outcome, Setting};

/// Messages that one sweep publishes, and waiting runs that it looks at; and how often it goes round.
const SWEEP_MAX: usize = 1000;
const SWEEP_EVERY: f64 = 1.0;
/// From the look at some batches to their acknowledgement, one waits so often for another machine: to look, begin, issue, look for
/// who was merged, end runs, end batches, release, commit.
pub(super) const ROUND_TRIPS: f64 = 8.0;

struct Simulation {
    of: Setting,
    now: f64,
    machines: Vec<Shared<Work>>,
    log: Log<Commit>,
    store: Serial<Message>,
    timers: Timers<Timer>,
    shops: Vec<Shop>,
    to_plan: VecDeque<usize>,
    ready: VecDeque<Batch>,
    unpublished: VecDeque<Message>,
    flights: Vec<Flight>,
    landed: Vec<usize>,
    plan_places: u32,
    places: Vec<u32>,
    in_stream: usize,
    waiting: usize,
    shops_left: usize,
    nats_down: bool,
    random: Xoshiro256PlusPlus,
    spread: Option<LogNormal<f64>>,
    outcome: Outcome,
}

/// Simulates a month.
///
/// # Errors
/// When it can't come to an end, as with no process.
pub(super) fn simulate(setting: &Setting) -> anyhow::Result<Outcome> {
    let mut simulation = Simulation::new(setting)?;
    simulation.begin();
    while simulation.shops_left > 0 {
        simulation.step()?;
    }
    Ok(simulation.end())
}

impl Simulation {
    fn new(of: &Setting) -> anyhow::Result<Self> {
        let places = |processes: &[usize]| u32::try_from(processes.len()).map(|n| n * of.concurrency);
        let deviation = of.costs.batch_deviation;
        let sigma = (1.0 + deviation * deviation).ln().sqrt();
        let spread = (sigma > 0.0).then(|| LogNormal::new(-sigma * sigma / 2.0, sigma)).transpose()?;
        let nothing = Outcome::default();
        let outcome = Outcome {
            first: vec![f64::NAN; of.shops.len()],
            done: vec![f64::NAN; of.shops.len()],
            ..nothing
        };
        Ok(Self {
            now: 0.0,
            machines: of.machines.iter().map(|cores| Shared::new(*cores, of.costs.boost)).collect(),
            log: Log::new(of.costs.flush, of.wal_bytes_per_s),
            store: Serial::new(of.costs.message_stored),
            timers: Timers::new(),
            shops: vec![Shop::default(); of.shops.len()],
            to_plan: VecDeque::new(),
            ready: VecDeque::new(),
            unpublished: VecDeque::new(),
            flights: Vec::new(),
            landed: Vec::new(),
            plan_places: places(&of.schedulers)?,
            places: vec![of.concurrency; of.credits.len()],
            in_stream: 0,
            waiting: 0,
            shops_left: of.shops.len(),
            nats_down: false,
            random: Xoshiro256PlusPlus::seed_from_u64(of.seed),
            spread,
            outcome,
            of: of.clone(),
        })
    }

    fn begin(&mut self) {
        self.ask_postgres(self.of.costs.spawn * float(self.of.shops.len() as u64), Work::Spawn);
        if self.of.sweeps {
            for _ in 0..self.of.schedulers.len() {
                self.timers.add(SWEEP_EVERY, Timer::Sweep);
            }
        }
        for fault in self.of.faults.clone() {
            let (Fault::Credits { at, lasts, .. }
            | Fault::Postgres { at, lasts }
            | Fault::Nats { at, lasts }) = fault;
            self.timers.add(at, Timer::Fault(fault));
            self.timers.add(at + lasts, Timer::Over(fault));
        }
    }

    fn next(&self) -> Option<(f64, Source)> {
        let machines =
            self.machines.iter().enumerate().map(|(n, machine)| (machine.next(), Source::Machine(n)));
        let others = [(self.log.next(), Source::Log), (self.store.next(), Source::Store)];
        machines
            .chain(others)
            .chain([(self.timers.next(), Source::Timer)])
            .filter_map(|(at, source)| Some((at?, source)))
            .min_by(|(a, _), (b, _)| a.total_cmp(b))
    }

    fn step(&mut self) -> anyhow::Result<()> {
        let (at, source) = self.next().context("nothing is left to happen, and not all is done")?;
        self.now = self.now.max(at);
        match source {
            Source::Machine(n) => {
                if let Some(work) = self.machines[n].take(self.now) {
                    self.worked(work);
                }
            }
            Source::Log => {
                for commit in self.log.take(self.now) {
                    self.committed(commit);
                }
            }
            Source::Store => match self.store.take() {
                Some(Message::Shop(shop)) => self.to_plan.push_back(shop),
                Some(Message::Batch(batch)) => self.ready.push_back(batch),
                None => {}
            },
            Source::Timer => {
                if let Some(timer) = self.timers.take() {
                    self.fired(timer);
                }
            }
        }
        self.deliver();
        Ok(())
    }

    fn ask_postgres(&mut self, demand: f64, work: Work) {
        self.outcome.postgres_demand += demand;
        self.machines[self.of.postgres].add(self.now, demand, work);
    }

    fn worked(&mut self, work: Work) {
        let (costs, now) = (self.of.costs, self.now);
        match work {
            Work::Spawn => {
                let bytes = costs.wal.shop / 2.0 * float(self.shops.len() as u64);
                self.log.add(now, bytes, Commit::Spawn);
            }
            Work::Decide(shop) => {
                let demand = costs.plan.of(1.0, 0.0, float(self.of.shops[shop]));
                self.ask_postgres(demand, Work::Plan(shop));
            }
            Work::Plan(shop) => self.log.add(now, costs.wal.shop / 2.0, Commit::Plan(shop)),
            Work::Message => {}
            Work::Client(n) | Work::Execute(n) if self.flights[n].state == FlightState::Lost => self.land(n),
            Work::Client(n) => {
                let factor = self.spread.map_or(1.0, |spread| spread.sample(&mut self.random));
                let (batches, credits) = self.flights[n].size();
                let demand = costs.batch.of(0.0, batches, credits) * factor;
                self.ask_postgres(demand, Work::Execute(n));
            }
            Work::Execute(n) if self.of.round_trip + costs.hop > 0.0 => {
                let (batches, _) = self.flights[n].size();
                let travelled = costs.hop * batches + ROUND_TRIPS * self.of.round_trip;
                self.timers.add(now + travelled, Timer::Travelled(n));
            }
            Work::Execute(n) => self.ask_log(n),
            Work::Sweep { since } => self.timers.add((since + SWEEP_EVERY).max(now), Timer::Sweep),
        }
    }

    fn ask_log(&mut self, flight: usize) {
        let (batches, credits) = self.flights[flight].size();
        let bytes = self.of.costs.wal.of(0.0, batches, credits);
        self.log.add(self.now, bytes, Commit::Batch(flight));
    }

    fn land(&mut self, flight: usize) {
        self.flights[flight].state = FlightState::Landed;
        self.landed.push(flight);
    }

    fn committed(&mut self, commit: Commit) {
        match commit {
            Commit::Spawn => {
                for shop in 0..self.shops.len() {
                    match self.of.starts.get(shop).copied() {
                        Some(start) => self.timers.add(start.max(self.now), Timer::Due(shop)),
                        None => self.publish(Message::Shop(shop)),
                    }
                }
            }
            Commit::Plan(shop) => {
                self.plan_places += 1;
                self.in_stream -= 1;
                self.waiting += 1;
                let credits = self.of.shops[shop];
                self.shops[shop] =
                    Shop { planned: credits.div_ceil(self.of.batch), left: credits, ..Shop::default() };
                for _ in 0..self.of.window {
                    self.release(shop);
                }
                self.settle(shop);
            }
            Commit::Batch(flight) if self.flights[flight].state == FlightState::Lost => self.land(flight),
            Commit::Batch(flight) => {
                let batches = std::mem::take(&mut self.flights[flight].batches);
                self.places[self.flights[flight].process] += 1;
                self.land(flight);
                for batch in &batches {
                    self.in_stream -= 1;
                    self.outcome.batches += 1;
                    self.outcome.credits += batch.credits;
                    self.shops[batch.shop].released -= 1;
                }
                for Batch { shop, .. } in batches {
                    let first = &mut self.outcome.first[shop];
                    if first.is_nan() {
                        *first = self.now;
                    }
                    self.release(shop);
                    self.settle(shop);
                }
            }
        }
    }

    /// Puts a shop's next batch into the stream.
    fn release(&mut self, shop: usize) {
        let state = &mut self.shops[shop];
        if state.planned == 0 {
            return;
        }
        let credits = state.left.min(self.of.batch);
        state.planned -= 1;
        state.left -= credits;
        state.released += 1;
        self.outcome.released_most = self.outcome.released_most.max(state.released);
        self.publish(Message::Batch(Batch { shop, credits }));
    }

    /// Ends a shop's run if nothing is left of it.
    fn settle(&mut self, shop: usize) {
        let state = &self.shops[shop];
        // Several batches of a shop may end at once, the last of them with it.
        if state.planned == 0 && state.released == 0 && self.outcome.done[shop].is_nan() {
            self.outcome.done[shop] = self.now;
            self.waiting -= 1;
            self.shops_left -= 1;
        }
    }

    fn is_full(&self) -> bool {
        float(self.in_stream as u64) * self.of.costs.message_bytes >= self.of.stream_bytes_max
    }

    fn publish(&mut self, message: Message) {
        if self.is_full() {
            self.unpublished.push_back(message);
            self.outcome.unpublished_most = self.outcome.unpublished_most.max(self.unpublished.len());
            return;
        }
        self.in_stream += 1;
        self.outcome.stream_most = self.outcome.stream_most.max(self.in_stream);
        self.machines[self.of.nats].add(self.now, self.of.costs.message, Work::Message);
        self.store.add(self.now, message);
    }

    /// Hands what is in the stream to whoever has a place.
    fn deliver(&mut self) {
        while self.plan_places > 0 && !self.nats_down {
            let Some(shop) = self.to_plan.pop_front() else { break };
            self.plan_places -= 1;
            let machine = self.of.schedulers[shop % self.of.schedulers.len()];
            self.machines[machine].add(self.now, self.of.costs.scheduler, Work::Decide(shop));
        }
        while !self.nats_down && !self.ready.is_empty() {
            // Who has the most places free has asked for the most.
            let free = self.places.iter().enumerate().max_by_key(|(n, free)| (**free, std::cmp::Reverse(*n)));
            let Some((process, _)) = free.filter(|(_, free)| **free > 0) else { break };
            let is_last = self.places[process] == 1;
            let batches = self.take_together(is_last);
            self.places[process] -= 1;
            self.outcome.executed += batches.len() as u64;
            let flight = Flight { batches, process, state: FlightState::Under };
            let (batches, credits) = flight.size();
            let n = self.landed.pop().unwrap_or(self.flights.len());
            if n == self.flights.len() {
                self.flights.push(flight);
            } else {
                self.flights[n] = flight;
            }
            self.outcome.at_work_most = self.outcome.at_work_most.max(self.flights.len() - self.landed.len());
            let demand = self.of.costs.credits.of(0.0, batches, credits);
            self.machines[self.of.credits[process]].add(self.now, demand, Work::Client(n));
        }
    }

    /// The batch that comes next, and those right behind it: of the same shop, or of whomever when there is no other place.
    fn take_together(&mut self, is_last: bool) -> Vec<Batch> {
        let shop = self.ready.front().map(|batch| batch.shop);
        let behind = self.ready.iter().take(self.of.together);
        let together = behind.take_while(|batch| is_last || Some(batch.shop) == shop).count();
        self.ready.drain(..together).collect()
    }

    fn fired(&mut self, timer: Timer) {
        match timer {
            Timer::Due(shop) if self.of.sweeps => self.unpublished.push_back(Message::Shop(shop)),
            Timer::Due(shop) => self.publish(Message::Shop(shop)),
            Timer::Travelled(n) if self.flights[n].state == FlightState::Lost => self.land(n),
            Timer::Travelled(n) => self.ask_log(n),
            Timer::Again(batch) => self.ready.push_back(batch),
            Timer::Sweep => {
                for _ in 0..SWEEP_MAX {
                    if self.is_full() {
                        break;
                    }
                    let Some(message) = self.unpublished.pop_front() else { break };
                    self.publish(message);
                }
                let looked = float(self.waiting.min(SWEEP_MAX) as u64);
                self.ask_postgres(looked * self.of.costs.sweep_run, Work::Sweep { since: self.now });
            }
            Timer::Fault(fault) => self.breaks(fault),
            Timer::Over(fault) => self.is_back(fault),
        }
    }

    fn end(mut self) -> Outcome {
        self.outcome.seconds = self.now;
        self.outcome.used = self.machines.iter().map(|machine| machine.used).collect();
        self.outcome.flushes = self.log.flushes;
        self.outcome.log_used = self.log.used;
        self.outcome.store_used = self.store.used;
        self.outcome
    }
}
