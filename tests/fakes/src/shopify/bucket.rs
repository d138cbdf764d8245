//! The bucket of points that limits an app at a shop (reference §7.1, §12.5).

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// A full bucket holds the points of so many seconds.
const SECONDS: f64 = 20.0;

/// One shop's bucket.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    rate: f64,
    level: f64,
    as_of: DateTime<Utc>,
    /// The lowest level there was.
    pub(crate) lowest: f64,
}

/// What a call costs: asked for before, and what of it was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) asked: u32,
    pub(crate) used: u32,
}

impl Bucket {
    pub(crate) fn full(rate: f64, now: DateTime<Utc>) -> Self {
        Self { rate, level: rate * SECONDS, as_of: now, lowest: rate * SECONDS }
    }

    pub(crate) fn set_rate(&mut self, rate: f64, now: DateTime<Utc>) {
        *self = Self::full(rate, now);
    }

    fn refill(&mut self, now: DateTime<Utc>) {
        let passed = (now - self.as_of).to_std().unwrap_or_default().as_secs_f64();
        self.level = (self.level + passed * self.rate).min(self.rate * SECONDS);
        self.as_of = now;
    }

    /// Whether there is room for a call that asks for so much.
    pub(crate) fn has(&mut self, asked: u32, now: DateTime<Utc>) -> bool {
        self.refill(now);
        f64::from(asked) <= self.level
    }

    /// Books a call that has run: what it asked for is taken, and what it did not use given back.
    pub(crate) fn take(&mut self, cost: Cost) {
        self.lowest = self.lowest.min(self.level - f64::from(cost.asked));
        self.level -= f64::from(cost.used);
    }

    /// `extensions`, with floats as Shopify prints them. A call that was throttled has used nothing.
    pub(crate) fn extensions(&self, asked: u32, used: Option<u32>) -> Value {
        json!({ "cost": {
            "requestedQueryCost": asked,
            "actualQueryCost": used,
            "throttleStatus": {
                "maximumAvailable": self.rate * SECONDS,
                "currentlyAvailable": self.level.max(0.0).floor(),
                "restoreRate": self.rate,
            },
        }})
    }
}
