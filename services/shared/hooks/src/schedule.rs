//! When a message is tried again, and when an endpoint is given up.
//!
//! The waits are those of Svix, over more than a day: Standard Webhooks ask for several tries that come ever more
//! seldom, and receivers know these.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::SendError;

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// How long to wait after the first, second, ... failed try. The first try is made at once.
pub const WAITS: [Duration; 7] = [
    Duration::from_secs(5),
    minutes(5),
    minutes(30),
    minutes(2 * 60),
    minutes(5 * 60),
    minutes(10 * 60),
    minutes(10 * 60),
];
/// Longest wait that a receiver may ask for by `Retry-After`: as long as ours, so that none holds a message for ever.
pub const RETRY_AFTER_MAX: Duration = minutes(10 * 60);
/// An endpoint that has taken nothing for so long is disabled.
pub const DISABLED_AFTER: TimeDelta = TimeDelta::days(5);
/// And only after so many failed tries in a row: as many as one message has. A shop that is told little is not given up
/// for one bad moment.
pub const DISABLED_AFTER_FAILURES: u32 = 8;

/// By how much a wait is longer than it need be, so that what failed together does not come back together: up to a
/// tenth of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter(u16);

/// Names of the jitter hash from all other version-5 UUIDs.
const NAMESPACE: Uuid = Uuid::from_u128(0x9d3c_51f0_2a6e_4b7d_8e14_c05b_77a9_3f62);
/// What a jitter's number is out of, and a tenth.
const PARTS: u32 = 10 * (1 << 16);

impl Jitter {
    /// Waits exactly as long as planned.
    pub const NONE: Self = Self(0);

    /// The jitter of a message after its so-many-th try: even over messages, and the same each time it is asked for.
    #[must_use]
    pub fn of(id: &str, attempt: u32) -> Self {
        let [high, low, ..] = *Uuid::new_v5(&NAMESPACE, format!("{attempt} {id}").as_bytes()).as_bytes();
        Self(u16::from_be_bytes([high, low]))
    }
}

/// How long to wait before the next try, counted from the failure; `None` when there is to be no other. `attempt` is
/// the number of the try that failed, from 1.
///
/// A receiver may ask for more time than planned (`Retry-After`), never for less, and for no more than
/// [`RETRY_AFTER_MAX`]; its asking makes no further try.
#[must_use]
pub fn next(attempt: u32, failure: &SendError, jitter: Jitter) -> Option<Duration> {
    if !failure.may_pass() {
        return None;
    }
    let planned = *WAITS.get(usize::try_from(attempt.max(1) - 1).ok()?)?;
    let asked = failure.retry_after().unwrap_or_default().min(RETRY_AFTER_MAX);
    let wait = planned.max(asked);
    Some(wait + wait * u32::from(jitter.0) / PARTS)
}

/// Whether an endpoint is to be disabled for failing: `first_failure_at` is the first failed try since one was
/// accepted, or since it was registered or enabled, and `failures` how many have failed since, this one with them. For
/// an endpoint that is [`SendError::Gone`], don't ask.
#[must_use]
pub fn disables(first_failure_at: DateTime<Utc>, failures: u32, now: DateTime<Utc>) -> bool {
    now - first_failure_at >= DISABLED_AFTER && failures >= DISABLED_AFTER_FAILURES
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(retry_after: Option<Duration>) -> SendError {
        SendError::Refused { status: 503, retry_after, answer: String::new() }
    }

    #[test]
    fn it_is_tried_for_more_than_a_day() {
        let waits: Vec<Duration> =
            (1..).map_while(|try_no| next(try_no, &refused(None), Jitter::NONE)).collect();
        assert_eq!(waits, WAITS);
        assert_eq!(waits.iter().sum::<Duration>(), Duration::from_secs(27 * 3600 + 35 * 60 + 5));
        assert_eq!(next(0, &refused(None), Jitter::NONE), Some(WAITS[0]));
        assert_eq!(next(u32::MAX, &refused(None), Jitter::NONE), None);
        for transient in [
            SendError::Private,
            SendError::Unresolved { cause: String::new() },
            SendError::Redirected { status: 308, location: None },
        ] {
            assert_eq!(next(1, &transient, Jitter::NONE), Some(WAITS[0]));
        }
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_but_not_for_ever() {
        let wait =
            |attempt, seconds| next(attempt, &refused(Some(Duration::from_secs(seconds))), Jitter::NONE);
        assert_eq!(wait(1, 60), Some(Duration::from_secs(60)));
        assert_eq!(wait(2, 60), Some(WAITS[1]), "never earlier than planned");
        assert_eq!(wait(1, u64::MAX), Some(RETRY_AFTER_MAX));
        assert_eq!(wait(8, 60), None);
    }

    #[test]
    fn what_can_not_pass_is_not_tried_again() {
        assert_eq!(next(1, &SendError::Gone { answer: String::new() }, Jitter::NONE), None);
        assert_eq!(next(1, &SendError::Unbuildable { what: "x" }, Jitter::NONE), None);
    }

    #[test]
    fn five_days_without_success_disable() {
        let first = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert!(!disables(first, 99, first));
        assert!(!disables(first, 99, first + TimeDelta::days(5) - TimeDelta::seconds(1)));
        assert!(disables(first, 8, first + TimeDelta::days(5)));
        assert!(!disables(first, 7, first + TimeDelta::days(50)), "a quiet endpoint has failed a few times");
        assert!(!disables(first, 99, first - TimeDelta::days(9)), "clocks differ");
    }

    #[test]
    fn jitter_is_even_and_the_same_for_ever() {
        assert_eq!(Jitter::of("msg_1", 1), Jitter::of("msg_1", 1));
        assert_ne!(Jitter::of("msg_1", 1), Jitter::of("msg_1", 2));
        let low = (0..1000).filter(|n| Jitter::of(&format!("msg_{n}"), 1).0 < 1 << 15).count();
        assert!((400..600).contains(&low), "{low}");
    }

    proptest! {
        #[test]
        fn jitter_never_makes_it_earlier(attempt in 1..8_u32, id: String, seconds in prop::option::of(0..100_000_u64)) {
            let failure = refused(seconds.map(Duration::from_secs));
            let exact = next(attempt, &failure, Jitter::NONE).unwrap();
            let jittered = next(attempt, &failure, Jitter::of(&id, attempt)).unwrap();
            prop_assert!(exact <= jittered && jittered <= exact + exact / 10);
        }
    }
}
