//! The stand-in's clock: the machine's, or one that only moves when told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Shared by its clones.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Where it stands; `None` follows the machine's clock.
    fixed: Option<DateTime<Utc>>,
    /// How far it was moved, in microseconds.
    moved_us: Arc<AtomicI64>,
}

impl Clock {
    /// Follows the machine's clock; can be moved ahead.
    #[must_use]
    pub fn real() -> Self {
        Self { fixed: None, moved_us: Arc::new(AtomicI64::new(0)) }
    }

    /// Stands at `at` until it is moved.
    #[must_use]
    pub fn standing(at: DateTime<Utc>) -> Self {
        Self { fixed: Some(at), moved_us: Arc::new(AtomicI64::new(0)) }
    }

    /// What time it is.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "it stands in for a system that has a clock of its own")]
    pub fn now(&self) -> DateTime<Utc> {
        self.fixed.unwrap_or_else(Utc::now) + TimeDelta::microseconds(self.moved_us.load(Ordering::SeqCst))
    }

    /// Moves it ahead.
    pub fn advance(&self, by: Duration) {
        self.moved_us.fetch_add(i64::try_from(by.as_micros()).unwrap_or(0), Ordering::SeqCst);
    }
}
