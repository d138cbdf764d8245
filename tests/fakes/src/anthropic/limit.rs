//! Limits by the minute, shared by a family of models (reference 1.9).

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::profile::Family;

/// What a family may take in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Requests.
    pub requests: u64,
    /// Tokens read; what comes from the cache is not counted.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: 4_000, input_tokens: 2_000_000, output_tokens: 400_000 }
    }
}

/// The buckets of all families.
#[derive(Debug, Default)]
pub(super) struct Buckets(BTreeMap<Family, OfFamily>);

#[derive(Debug)]
struct OfFamily {
    requests: Bucket,
    input: Bucket,
    output: Bucket,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    limit: u64,
    /// What is left, in thousandths.
    left: u64,
    at: DateTime<Utc>,
}

impl Bucket {
    fn full(limit: u64, at: DateTime<Utc>) -> Self {
        Self { limit, left: limit * 1000, at }
    }

    fn refill(&mut self, now: DateTime<Utc>) {
        let ms = u64::try_from((now - self.at).num_milliseconds()).unwrap_or(0);
        // A thousandth of the limit comes in 60 ms.
        self.left = (self.left + self.limit * ms / 60).min(self.limit * 1000);
        self.at = now;
    }

    /// How long it takes until so much is there, in milliseconds.
    fn wait_ms(&self, need: u64) -> u64 {
        let lacking = (need.min(self.limit.max(1)) * 1000).saturating_sub(self.left);
        (lacking * 60).div_ceil(self.limit.max(1))
    }

    fn take(&mut self, amount: u64) {
        self.left = self.left.saturating_sub(amount * 1000);
    }

    fn reset(&self) -> DateTime<Utc> {
        let ms = self.wait_ms(self.limit);
        self.at + TimeDelta::milliseconds(i64::try_from(ms).unwrap_or(0))
    }
}

impl Buckets {
    /// From now on a family has these limits, and nothing of them is used.
    pub(super) fn set(&mut self, family: Family, limits: Limits, now: DateTime<Utc>) {
        let buckets = OfFamily {
            requests: Bucket::full(limits.requests, now),
            input: Bucket::full(limits.input_tokens, now),
            output: Bucket::full(limits.output_tokens, now),
        };
        self.0.insert(family, buckets);
    }

    fn of(&mut self, family: Family, now: DateTime<Utc>) -> &mut OfFamily {
        if !self.0.contains_key(&family) {
            self.set(family, Limits::default(), now);
        }
        let fresh = || OfFamily {
            requests: Bucket::full(0, now),
            input: Bucket::full(0, now),
            output: Bucket::full(0, now),
        };
        let buckets = self.0.entry(family).or_insert_with(fresh);
        for bucket in [&mut buckets.requests, &mut buckets.input, &mut buckets.output] {
            bucket.refill(now);
        }
        buckets
    }

    /// Takes a request with so many tokens, or says in how many seconds it will fit.
    pub(super) fn take(&mut self, family: Family, input: u64, now: DateTime<Utc>) -> Result<(), u64> {
        let buckets = self.of(family, now);
        let wait =
            buckets.requests.wait_ms(1).max(buckets.input.wait_ms(input)).max(buckets.output.wait_ms(1));
        if wait > 0 {
            return Err(wait.div_ceil(1000));
        }
        buckets.requests.take(1);
        buckets.input.take(input);
        Ok(())
    }

    /// So many tokens were written.
    pub(super) fn written(&mut self, family: Family, output: u64, now: DateTime<Utc>) {
        self.of(family, now).output.take(output);
    }

    /// The headers that tell about it.
    pub(super) fn headers(&mut self, family: Family, now: DateTime<Utc>) -> Vec<(String, String)> {
        let buckets = self.of(family, now);
        let (input, output) = (buckets.input, buckets.output);
        let both = Bucket { limit: input.limit + output.limit, left: input.left + output.left, at: now };
        let all = [
            ("requests", buckets.requests),
            ("tokens", both),
            ("input-tokens", input),
            ("output-tokens", output),
        ];
        let headers = all.into_iter().flat_map(|(name, bucket)| {
            let name = |what: &str| format!("anthropic-ratelimit-{name}-{what}");
            [
                (name("limit"), bucket.limit.to_string()),
                (name("remaining"), (bucket.left / 1000).to_string()),
                (name("reset"), bucket.reset().to_rfc3339_opts(SecondsFormat::Secs, true)),
            ]
        });
        headers.collect()
    }
}
