//! When a failed run is tried again.

use std::time::Duration;

use tradeup_domain::{Class, ErrorCode};

/// How often a task is tried, and how long it waits in between: exponential, full jitter, capped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub attempts_max: i32,
    /// Ceiling of the first wait.
    pub base: Duration,
    /// Each ceiling is this many times the one before.
    pub factor: u32,
    /// No ceiling is higher.
    pub cap: Duration,
}

/// What follows from a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Try again after this long.
    Retry(Duration),
    /// Give up.
    GiveUp,
}

impl RetryPolicy {
    /// For work that waits for nothing but our own database: 8 attempts over some minutes.
    pub const DATABASE: Self =
        Self { attempts_max: 8, base: Duration::from_millis(250), factor: 3, cap: Duration::from_secs(60) };

    /// The longest wait after attempt number `attempt` (from 1).
    #[must_use]
    pub fn ceiling(&self, attempt: i32) -> Duration {
        let exponent = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0);
        let multiple = self.factor.saturating_pow(exponent);
        self.base.saturating_mul(multiple).min(self.cap)
    }

    /// Decides after attempt number `attempt` (from 1) of at most `attempts_max`: the run's own number,
    /// which a retry by hand, and each attempt that only asked to be called later, has raised above the policy's.
    /// The wait grows by the attempts that count since. `jitter` is random in 0..1: full jitter,
    /// so that what failed together does not come back together.
    pub(crate) fn verdict(&self, attempt: i32, attempts_max: i32, class: Class, jitter: f64) -> Verdict {
        match class {
            Class::Permanent => Verdict::GiveUp,
            Class::Transient { .. } if attempt >= attempts_max => Verdict::GiveUp,
            Class::Transient { retry_after } => {
                let uncounted = attempts_max.saturating_sub(self.attempts_max).max(0);
                let wait = self.ceiling(attempt.saturating_sub(uncounted)).mul_f64(jitter.clamp(0.0, 1.0));
                Verdict::Retry(wait.max(retry_after.unwrap_or_default()))
            }
        }
    }
}

/// Groups failures with one cause: the code and the error with its numbers and ids taken out.
pub(crate) fn fingerprint(task: &str, code: ErrorCode, error: &str) -> String {
    let shape: String = error
        .split(|c: char| !c.is_alphanumeric() && c != '-')
        .filter(|word| !word.is_empty() && !word.bytes().any(|b| b.is_ascii_digit()))
        .collect::<Vec<_>>()
        .join(" ");
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("{task}\n{code}\n{shape}").as_bytes());
    id.simple().to_string().chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_and_ids_do_not_split_a_group() {
        let of = |error| fingerprint("t", ErrorCode::DatabaseRefused, error);
        assert_eq!(of("run 17 of 3f2a-99 failed"), of("run 4 of 77aa-01 failed"));
        assert_ne!(of("run 17 failed"), of("run 17 refused"));
        assert_ne!(of("x"), fingerprint("u", ErrorCode::DatabaseRefused, "x"));
    }

    proptest! {
        #[test]
        fn waits_stay_under_their_ceiling_and_obey_retry_after(attempt in 1_i32..100, jitter in 0.0_f64..1.0, after_ms in prop::option::of(0_u64..100_000)) {
            let policy = RetryPolicy::DATABASE;
            let retry_after = after_ms.map(Duration::from_millis);
            match policy.verdict(attempt, policy.attempts_max, Class::Transient { retry_after }, jitter) {
                Verdict::GiveUp => prop_assert!(attempt >= policy.attempts_max),
                Verdict::Retry(wait) => {
                    prop_assert!(attempt < policy.attempts_max);
                    prop_assert!(wait <= policy.cap.max(retry_after.unwrap_or_default()));
                    prop_assert!(wait >= retry_after.unwrap_or_default());
                }
            }
            // Attempts that do not count leave it as it was.
            let raised = policy.verdict(attempt + 50, policy.attempts_max + 50, Class::Transient { retry_after }, jitter);
            prop_assert_eq!(raised, policy.verdict(attempt, policy.attempts_max, Class::Transient { retry_after }, jitter));
            prop_assert!(policy.ceiling(attempt) <= policy.ceiling(attempt + 1));
            prop_assert_eq!(policy.verdict(attempt, policy.attempts_max, Class::Permanent, jitter), Verdict::GiveUp);
        }
    }
}
