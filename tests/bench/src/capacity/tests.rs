//! What must hold of a simulated month, whatever it is of; and months whose end is known without one.

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution as _, Exp};

use super::fit::{Cost, Costs};
use super::month::simulate;
use super::setting::{Fault, Outcome, Setting};
use super::{Figures, float};
use crate::figures::percentile;

fn costs() -> Costs {
    Costs {
        spawn: 0.0001,
        plan: Cost { shop: 0.002, batch: 0.0, credit: 0.000_002 },
        batch: Cost { shop: 0.0, batch: 0.002, credit: 0.000_05 },
        batch_deviation: 0.4,
        credits: Cost { shop: 0.0, batch: 0.0005, credit: 0.000_001 },
        scheduler: 0.001,
        boost: 0.3,
        hop: 0.001,
        message: 0.0002,
        message_stored: 0.0002,
        message_bytes: 400.0,
        sweep_run: 0.0002,
        flush: 0.000_15,
        wal: Cost { shop: 4000.0, batch: 4000.0, credit: 600.0 },
        disk: Cost::default(),
    }
}

fn setting(shops: Vec<u64>) -> Setting {
    Setting {
        shops,
        starts: Vec::new(),
        batch: 100,
        window: 32,
        together: 8,
        machines: vec![4.0, 2.0, 2.0, 2.0],
        postgres: 0,
        nats: 1,
        schedulers: vec![1],
        credits: vec![2, 3],
        concurrency: 8,
        costs: costs(),
        round_trip: 0.0003,
        wal_bytes_per_s: 1e8,
        stream_bytes_max: f64::INFINITY,
        sweeps: true,
        faults: Vec::new(),
        seed: 1,
    }
}

fn arbitrary() -> impl Strategy<Value = Setting> {
    let shops = prop::collection::vec(0_u64..3_000, 1..40);
    let machine = (1_u32..5, 1_u32..12, 1_u32..40, 1_usize..9, 1_usize..4, 0_u64..1000);
    (shops, machine, 0.0_f64..2.0, 2_u32..400).prop_map(
        |(shops, (cores, concurrency, window, together, processes, seed), spread, room)| {
            let mut setting = setting(shops);
            setting.machines = vec![f64::from(cores), 1.0, 2.0];
            setting.credits = vec![2; processes];
            (setting.concurrency, setting.window, setting.seed) = (concurrency, window, seed);
            setting.together = together;
            setting.starts = (0..setting.shops.len()).map(|n| float(n as u64) * spread).collect();
            setting.stream_bytes_max = f64::from(room) * 400.0;
            setting
        },
    )
}

/// What holds of every month: all is done, once; nothing is used that is not there.
fn holds(setting: &Setting, outcome: &Outcome) {
    assert_eq!(outcome.credits, setting.shops.iter().sum::<u64>());
    let batches: u64 = setting.shops.iter().map(|members| members.div_ceil(setting.batch)).sum();
    assert_eq!(outcome.batches, batches);
    assert!(outcome.executed >= batches);
    for (n, members) in setting.shops.iter().enumerate() {
        assert!(outcome.done[n] <= outcome.seconds + 1e-9);
        assert_eq!(outcome.first[n].is_nan(), *members == 0);
        assert!(*members == 0 || outcome.first[n] <= outcome.done[n]);
    }
    assert!(outcome.released_most <= setting.window);
    let places = setting.credits.len() * setting.concurrency as usize;
    assert!(
        setting.faults.iter().any(|fault| matches!(fault, Fault::Credits { .. }))
            || outcome.at_work_most <= places
    );
    for (used, cores) in outcome.used.iter().zip(&setting.machines) {
        assert!(*used <= cores * outcome.seconds + 1e-6, "{used} of {cores} x {}", outcome.seconds);
    }
    assert!(outcome.log_used <= outcome.seconds + 1e-6 && outcome.store_used <= outcome.seconds + 1e-6);
    // PostgreSQL did what it was asked for, but for what was still under way at the end.
    assert!(outcome.used[setting.postgres] <= outcome.postgres_demand + 1e-6);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_is_done_once_and_nothing_is_used_that_is_not_there(setting in arbitrary()) {
        let outcome = simulate(&setting).unwrap();
        holds(&setting, &outcome);
        prop_assert_eq!(outcome.executed, outcome.batches);
        let most = setting.stream_bytes_max / setting.costs.message_bytes;
        prop_assert!(float(outcome.stream_most as u64) <= most.ceil());
    }

    #[test]
    fn whatever_goes_down(mut setting in arbitrary(), at in 0.0_f64..20.0, lasts in 0.1_f64..20.0) {
        setting.machines.push(2.0);
        setting.nats = 1;
        setting.faults = vec![
            Fault::Credits { process: 0, at, lasts },
            Fault::Postgres { at: at + 3.0, lasts },
            Fault::Nats { at: at + 5.0, lasts },
        ];
        holds(&setting, &simulate(&setting).unwrap());
    }
}

#[test]
fn the_same_seed_the_same_month() {
    let one = setting(vec![5_000, 200, 10]);
    let outcome = simulate(&one).unwrap();
    assert_eq!(outcome, simulate(&one).unwrap());
    assert_ne!(outcome.seconds, simulate(&Setting { seed: 2, ..one }).unwrap().seconds);
}

#[test]
fn a_saturated_month_takes_what_its_work_takes() {
    // Far more places than processors, and nothing else in the way: work over processors.
    let mut one = setting(vec![20_000; 20]);
    one.credits = vec![2, 3, 3, 2];
    one.machines = vec![2.0, 64.0, 64.0, 64.0];
    let outcome = simulate(&one).unwrap();
    let known = outcome.postgres_demand / 2.0;
    assert!((outcome.seconds / known - 1.0).abs() < 0.02, "{} for {known}", outcome.seconds);
    // Twice the processes change nothing then, and twice the processors do.
    let more =
        simulate(&Setting { credits: [one.credits.clone(), one.credits.clone()].concat(), ..one.clone() });
    assert!((more.unwrap().seconds / outcome.seconds - 1.0).abs() < 0.02);
    let faster = simulate(&Setting { machines: vec![4.0, 64.0, 64.0, 64.0], ..one }).unwrap();
    assert!((faster.seconds * 2.0 / outcome.seconds - 1.0).abs() < 0.05);
}

/// Batches that come at random to so many places, each of which takes a fixed time: their mean wait.
fn mean_wait(places: u32, rate: f64, service: f64, jobs: u32) -> f64 {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(11);
    let between = Exp::new(rate).unwrap();
    let mut at = 0.0;
    let mut one = setting(vec![1; jobs as usize]);
    one.starts = (0..jobs)
        .map(|_| {
            at += between.sample(&mut random);
            at
        })
        .collect();
    one.machines = vec![1e9];
    (one.postgres, one.nats, one.schedulers, one.credits) = (0, 0, vec![0; 1000], vec![0]);
    // Nobody shares a place.
    (one.concurrency, one.together, one.round_trip, one.sweeps) = (places, 1, 0.0, false);
    one.costs = Costs { batch: Cost { batch: service, ..Cost::default() }, ..Costs::default() };
    let outcome = simulate(&one).unwrap();
    let stayed: f64 = outcome.done.iter().zip(&one.starts).map(|(done, start)| done - start).sum();
    stayed / f64::from(jobs) - service
}

#[test]
fn one_place_is_the_known_queue() {
    // M/D/1: load * service / (2 (1 - load)).
    for load in [0.5, 0.8] {
        let (service, jobs) = (0.01, 60_000);
        let seen = mean_wait(1, load / service, service, jobs);
        let known = load * service / (2.0 * (1.0 - load));
        assert!((seen / known - 1.0).abs() < 0.06, "load {load}: {seen} for {known}");
    }
}

#[test]
fn several_places_are_the_known_queue() {
    // M/D/4: half of M/M/4 by Erlang's formula, corrected as Cosmetatos has it.
    let (places, load, service) = (4.0_f64, 0.8, 0.01);
    let offered = places * load;
    let terms: Vec<f64> = (0..4).map(|k| offered.powi(k) / (1..=k).map(f64::from).product::<f64>()).collect();
    let last = offered.powi(4) / 24.0 / (1.0 - load);
    let waits = last / (terms.iter().sum::<f64>() + last);
    let exponential = waits * service / (places * (1.0 - load));
    let correction =
        1.0 + (1.0 - load) * (places - 1.0) * ((4.0 + 5.0 * places).sqrt() - 2.0) / (16.0 * load * places);
    let known = exponential / 2.0 * correction;
    let seen = mean_wait(4, places * load / service, service, 80_000);
    assert!((seen / known - 1.0).abs() < 0.06, "{seen} for {known}");
}

#[test]
fn a_small_shop_does_not_wait_for_the_large_one() {
    let mut shops = vec![300_000];
    shops.extend(vec![100; 50]);
    let outcome = simulate(&setting(shops)).unwrap();
    let small = percentile(&outcome.done[1..], 100);
    assert!(small < outcome.done[0] / 10.0, "{small} of {}", outcome.done[0]);
}

#[test]
fn what_a_process_had_under_way_is_done_again() {
    let mut one = setting(vec![20_000; 4]);
    let calm = simulate(&one).unwrap();
    one.faults = vec![Fault::Credits { process: 0, at: calm.seconds / 2.0, lasts: 1.0 }];
    let outcome = simulate(&one).unwrap();
    assert!(outcome.executed > outcome.batches && outcome.batches == calm.batches);
    assert!(outcome.seconds >= calm.seconds / 2.0 + 15.0, "what it had comes again after the wait");
}

#[test]
fn the_repositorys_measurements_can_be_fitted() {
    let figures = Figures::read(&Figures::file()).unwrap();
    let costs = super::fit::costs(&figures, &figures.months);
    assert!(costs.batch.of(0.0, 1.0, 100.0) > 0.0 && costs.message_stored > 0.0);
}
