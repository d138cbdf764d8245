//! Waiting for something to become true, with a bound.

use std::time::{Duration, Instant};

/// How often is looked, unless said otherwise.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Looks until `look` gives something; panics, naming `what`, when `within` is over.
pub async fn eventually<T, F>(what: &str, within: Duration, look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    eventually_at(LOOK_EVERY, what, within, look).await
}

/// Lets a fault last, or things go on for a while. Nothing may be concluded from the time that is over.
pub async fn pause(length: Duration) {
    tokio::time::sleep(length).await;
}

/// As [`eventually`], looking only so often: a look costs something while load is measured.
pub async fn eventually_at<T, F>(
    every: Duration,
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> F,
) -> T
where
    F: Future<Output = Option<T>>,
{
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begun.elapsed() < within, "not within {} s: {what}", within.as_secs());
        tokio::time::sleep(every).await;
    }
}
