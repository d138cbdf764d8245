//! What a simulation is made of: processors that are shared, a log that is flushed for several at once, a server that
//! takes one after the other, and timers. Times are seconds.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

/// Something that is due at a time; of two at the same time, the earlier asked one comes first.
struct Due<T> {
    at: f64,
    order: u64,
    what: T,
}

impl<T> PartialEq for Due<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Due<T> {}

impl<T> PartialOrd for Due<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Due<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.total_cmp(&other.at).then(self.order.cmp(&other.order))
    }
}

/// What is due, earliest first.
pub(super) struct Timers<T> {
    due: BinaryHeap<Reverse<Due<T>>>,
    order: u64,
}

impl<T> Timers<T> {
    pub(super) fn new() -> Self {
        Self { due: BinaryHeap::new(), order: 0 }
    }

    pub(super) fn add(&mut self, at: f64, what: T) {
        self.order += 1;
        self.due.push(Reverse(Due { at, order: self.order, what }));
    }

    pub(super) fn next(&self) -> Option<f64> {
        self.due.peek().map(|Reverse(due)| due.at)
    }

    pub(super) fn take(&mut self) -> Option<T> {
        self.due.pop().map(|Reverse(due)| due.what)
    }

    fn len(&self) -> usize {
        self.due.len()
    }
}

/// Processors that all who are at work share equally; nobody gets more than one. Two of them are the threads of one core: a
/// second of a processor is what one gives while its sibling works, too, and while that rests it gives more.
///
/// Kept in the time that each job has got so far: a job ends when that has grown by its demand, however many come and go
/// meanwhile.
pub(super) struct Shared<T> {
    cores: f64,
    /// How much more a processor gives while its sibling rests: 0.5 for half as much again.
    boost: f64,
    /// What each job has got since the beginning, in seconds of a processor.
    given: f64,
    now: f64,
    jobs: Timers<T>,
    stopped: bool,
    /// Seconds of processors used so far.
    pub(super) used: f64,
}

impl<T> Shared<T> {
    pub(super) fn new(cores: f64, boost: f64) -> Self {
        Self { cores, boost, given: 0.0, now: 0.0, jobs: Timers::new(), stopped: false, used: 0.0 }
    }

    fn jobs(&self) -> f64 {
        super::float(self.jobs.len() as u64)
    }

    /// What each job gets of a second.
    fn share(&self) -> f64 {
        if self.stopped || self.jobs.len() == 0 { 0.0 } else { self.given_to(self.jobs()) / self.jobs() }
    }

    /// What so many jobs get together: first each has a core, then siblings are put to work, then all are.
    fn given_to(&self, jobs: f64) -> f64 {
        let half = self.cores / 2.0;
        let alone = 1.0 + self.boost;
        if jobs <= half {
            jobs * alone
        } else if jobs < self.cores {
            half * alone + (jobs - half) * (self.cores - half * alone) / half
        } else {
            self.cores
        }
    }

    fn advance(&mut self, now: f64) {
        let passed = (now - self.now).max(0.0);
        let share = self.share();
        self.given += passed * share;
        self.used += passed * share * self.jobs();
        self.now = now;
    }

    /// A job that needs so many seconds of a processor.
    pub(super) fn add(&mut self, now: f64, demand: f64, what: T) {
        self.advance(now);
        self.jobs.add(self.given + demand.max(0.0), what);
    }

    /// Nobody gets anything until it goes on.
    pub(super) fn stop(&mut self, now: f64, stopped: bool) {
        self.advance(now);
        self.stopped = stopped;
    }

    /// When the next job ends, if nothing changes.
    pub(super) fn next(&self) -> Option<f64> {
        let share = self.share();
        let left = self.jobs.next()? - self.given;
        if left <= 0.0 {
            return Some(self.now);
        }
        (share > 0.0).then(|| self.now + left / share)
    }

    /// Ends that job.
    pub(super) fn take(&mut self, now: f64) -> Option<T> {
        self.advance(now);
        // What is lost by rounding is not left over.
        self.given = self.jobs.next().map_or(self.given, |at| at.max(self.given));
        self.jobs.take()
    }
}

/// A log on disk: what comes while it is flushed waits and goes with the next flush, all together.
pub(super) struct Log<T> {
    /// Seconds of a flush, and of a byte.
    each: f64,
    byte: f64,
    flushing: Option<(f64, Vec<T>)>,
    waiting: Vec<T>,
    bytes: f64,
    /// Flushes so far, and what they took.
    pub(super) flushes: u64,
    pub(super) used: f64,
}

impl<T> Log<T> {
    pub(super) fn new(each: f64, bytes_per_second: f64) -> Self {
        let byte = if bytes_per_second > 0.0 { bytes_per_second.recip() } else { 0.0 };
        Self { each, byte, flushing: None, waiting: Vec::new(), bytes: 0.0, flushes: 0, used: 0.0 }
    }

    pub(super) fn add(&mut self, now: f64, bytes: f64, what: T) {
        self.waiting.push(what);
        self.bytes += bytes;
        if self.flushing.is_none() {
            self.begin(now);
        }
    }

    fn begin(&mut self, now: f64) {
        let takes = self.each + self.bytes * self.byte;
        self.used += takes;
        self.bytes = 0.0;
        self.flushes += 1;
        self.flushing = Some((now + takes, std::mem::take(&mut self.waiting)));
    }

    pub(super) fn next(&self) -> Option<f64> {
        self.flushing.as_ref().map(|(at, _)| *at)
    }

    /// Ends the flush; who was in it.
    pub(super) fn take(&mut self, now: f64) -> Vec<T> {
        let flushed = self.flushing.take().map(|(_, whats)| whats).unwrap_or_default();
        if !self.waiting.is_empty() {
            self.begin(now);
        }
        flushed
    }
}

/// A server that takes one after the other, each for as long.
pub(super) struct Serial<T> {
    each: f64,
    free_at: f64,
    line: VecDeque<(f64, T)>,
    pub(super) used: f64,
}

impl<T> Serial<T> {
    pub(super) fn new(each: f64) -> Self {
        Self { each, free_at: 0.0, line: VecDeque::new(), used: 0.0 }
    }

    pub(super) fn add(&mut self, now: f64, what: T) {
        self.free_at = self.free_at.max(now) + self.each;
        self.used += self.each;
        self.line.push_back((self.free_at, what));
    }

    pub(super) fn next(&self) -> Option<f64> {
        self.line.front().map(|(at, _)| *at)
    }

    pub(super) fn take(&mut self) -> Option<T> {
        self.line.pop_front().map(|(_, what)| what)
    }

    /// It does nothing for so long: all that stands in line comes later.
    pub(super) fn delay(&mut self, now: f64, seconds: f64) {
        self.free_at = self.free_at.max(now) + seconds;
        for (at, _) in &mut self.line {
            *at += seconds;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::Xoshiro256PlusPlus;
    use rand_distr::{Distribution as _, Exp};

    /// Mean time in the system of jobs that come at random, at so many a second, and need so much.
    fn mean_stay(cores: f64, rate: f64, demand: f64, jobs: u32) -> f64 {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
        let between = Exp::new(rate).unwrap();
        let (mut shared, mut arrivals, mut at) = (Shared::new(cores, 0.0), Vec::new(), 0.0);
        for _ in 0..jobs {
            at += between.sample(&mut random);
            arrivals.push(at);
        }
        let (mut stayed, mut ended) = (0.0, 0);
        let mut coming = arrivals.into_iter().peekable();
        while ended < jobs {
            let next = shared.next().unwrap_or(f64::INFINITY);
            match coming.next_if(|at| *at <= next) {
                Some(at) => shared.add(at, demand, at),
                None => {
                    stayed += next - shared.take(next).unwrap();
                    ended += 1;
                }
            }
        }
        stayed / f64::from(jobs)
    }

    #[test]
    fn one_shared_processor_is_the_known_queue() {
        // M/G/1 with processor sharing: demand / (1 - load), whatever the distribution of demands.
        for load in [0.3, 0.6, 0.8] {
            let seen = mean_stay(1.0, load / 0.01, 0.01, 200_000);
            let known = 0.01 / (1.0 - load);
            assert!((seen / known - 1.0).abs() < 0.04, "load {load}: {seen} for {known}");
        }
    }

    #[test]
    fn nobody_gets_more_than_a_processor_and_all_together_no_more_than_there_are() {
        let mut shared = Shared::new(2.0, 0.0);
        for n in 0..4 {
            shared.add(0.0, 1.0, n);
        }
        let mut at = Vec::new();
        while let Some(next) = shared.next() {
            shared.take(next).unwrap();
            at.push(next);
        }
        // Four seconds of work on two processors; and alone, a job takes its own time.
        assert!(at.iter().all(|at| (at - 2.0).abs() < 1e-9), "{at:?}");
        assert!((shared.used - 4.0).abs() < 1e-9);
        shared.add(10.0, 1.0, 0);
        assert!((shared.next().unwrap() - 11.0).abs() < 1e-9);
        shared.stop(10.5, true);
        assert_eq!(shared.next(), None);
        shared.stop(20.0, false);
        assert!((shared.next().unwrap() - 20.5).abs() < 1e-9);
    }

    #[test]
    fn whose_sibling_rests_gets_more() {
        // Four threads of two cores, alone half as quick again: two jobs have a core each, four share them.
        for (jobs, known) in [(1, 1.0 / 1.5), (2, 1.0 / 1.5), (3, 3.0 / 3.5), (4, 1.0), (8, 2.0)] {
            let mut shared = Shared::new(4.0, 0.5);
            (0..jobs).for_each(|n| shared.add(0.0, 1.0, n));
            let first = shared.next().unwrap();
            assert!((first - known).abs() < 1e-9, "{jobs} jobs: {first} for {known}");
        }
    }

    #[test]
    fn commits_that_come_during_a_flush_share_the_next() {
        let mut log = Log::new(1.0, 0.0);
        log.add(0.0, 10.0, 'a');
        log.add(0.2, 10.0, 'b');
        log.add(0.9, 10.0, 'c');
        assert_eq!(log.next(), Some(1.0));
        assert_eq!(log.take(1.0), ['a']);
        assert_eq!(log.next(), Some(2.0));
        assert_eq!(log.take(2.0), ['b', 'c']);
        assert_eq!((log.next(), log.flushes), (None, 2));
    }

    #[test]
    fn one_after_the_other() {
        let mut serial = Serial::new(0.5);
        serial.add(0.0, 'a');
        serial.add(0.1, 'b');
        serial.delay(0.2, 2.0);
        serial.add(0.3, 'c');
        let mut at = Vec::new();
        while let Some(next) = serial.next() {
            at.push((next, serial.take().unwrap()));
        }
        assert_eq!(at, [(2.5, 'a'), (3.0, 'b'), (3.5, 'c')]);
    }
}
