//! How quickly each shop tells. What one tells that tells little goes before what one tells in a flash sale.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tradeup_store::TenantId;

/// Events that a shop may tell at once and be quiet.
const AT_ONCE: f64 = 50.0;
/// Events a second that it may go on telling.
const A_SECOND: f64 = 5.0;
/// Shops that are remembered; one that has been quiet for long is no different from one that is not.
const SHOPS_MAX: usize = 10_000;

/// The pace of all shops, as this process sees it.
#[derive(Default)]
pub(crate) struct Pace {
    shops: Mutex<HashMap<TenantId, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn after(self, passed: Duration) -> f64 {
        (self.left + passed.as_secs_f64() * A_SECOND).min(AT_ONCE)
    }
}

impl Pace {
    /// Counts an event of a shop that was told just now. Whether the shop is quiet, so that it goes by the lane of urgent
    /// runs.
    pub(crate) fn is_quiet(&self, tenant: TenantId, now: Instant) -> bool {
        let mut shops = self.shops.lock().unwrap_or_else(PoisonError::into_inner);
        if shops.len() >= SHOPS_MAX && !shops.contains_key(&tenant) {
            shops.retain(|_, bucket| bucket.after(now.saturating_duration_since(bucket.at)) < AT_ONCE);
        }
        let bucket = shops.entry(tenant).or_insert(Bucket { left: AT_ONCE, at: now });
        let left = bucket.after(now.saturating_duration_since(bucket.at));
        let is_quiet = left >= 1.0;
        *bucket = Bucket { left: if is_quiet { left - 1.0 } else { left }, at: now };
        is_quiet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flash_sale_is_not_quiet_until_it_is_over_and_others_do_not_notice() {
        let pace = Pace::default();
        let (sale, other) = (TenantId(1), TenantId(2));
        let begun = Instant::now();
        let quiet = (0..200).filter(|_| pace.is_quiet(sale, begun)).count();
        assert_eq!(quiet, 50);
        assert!(pace.is_quiet(other, begun));
        assert!(!pace.is_quiet(sale, begun + Duration::from_millis(100)));
        let later = begun + Duration::from_secs(2);
        assert_eq!((0..200).filter(|_| pace.is_quiet(sale, later)).count(), 10);
        assert!(pace.is_quiet(sale, begun + Duration::from_secs(60)));
    }
}
