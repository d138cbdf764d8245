//! The spread of starts: even, and the same for ever.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use proptest::prelude::*;
use tradeup_domain::Handle;
use tradeup_domain::schedule::spread;

fn tenant(n: u32) -> Handle {
    format!("tenant-{n}").parse().unwrap()
}

/// These values are for ever: a change would move every tenant's start. They were computed by
/// another implementation of version-5 UUIDs.
#[test]
fn the_spread_never_changes() {
    let hour = TimeDelta::hours(1);
    let golden = [
        ("monthly-credits", "aurora-cards", 1_084_409),
        ("monthly-credits", "birch-games", 2_105_586),
        ("nightly expiry / ü", "aurora-cards", 1_522_263),
    ];
    for (schedule, handle, milliseconds) in golden {
        let offset = spread(schedule, &handle.parse().unwrap(), hour);
        assert_eq!(offset.num_milliseconds(), milliseconds, "{schedule} {handle}");
    }
}

#[test]
fn the_spread_is_even() {
    const BUCKETS: u32 = 20;
    const EACH: u32 = 1_000;
    for window in [TimeDelta::minutes(10), TimeDelta::hours(24)] {
        let mut counts = vec![0_u32; BUCKETS as usize];
        let mut seen = BTreeSet::new();
        for n in 0..BUCKETS * EACH {
            let offset = spread("monthly-credits", &tenant(n), window);
            let bucket = offset.num_milliseconds() * i64::from(BUCKETS) / window.num_milliseconds();
            counts[usize::try_from(bucket).unwrap()] += 1;
            seen.insert(offset);
        }
        // Chi square with 19 degrees of freedom: above 43.8 once in a thousand.
        let squares: u32 = counts.iter().map(|count| count.abs_diff(EACH).pow(2)).sum();
        assert!(f64::from(squares) / f64::from(EACH) < 43.8, "{counts:?}");
        assert!(seen.len() > 19_000, "{} different starts", seen.len());
    }
}

proptest! {
    #[test]
    fn the_spread_stays_in_its_window(name in ".{0,40}", n in 0_u32..1_000_000, seconds in -10_i64..1_000_000_000) {
        let window = TimeDelta::seconds(seconds);
        let offset = spread(&name, &tenant(n), window);
        prop_assert!(offset >= TimeDelta::zero());
        prop_assert!(offset < window || (offset.is_zero() && seconds <= 0));
        prop_assert_eq!(offset, spread(&name, &tenant(n), window));
        // A window half as long keeps the order of starts.
        prop_assert!((spread(&name, &tenant(n), window / 2) - offset / 2).num_milliseconds().abs() <= 1);
    }
}
