use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::*;

/// Shopify's side of the bucket, for a clock that stands still unless everybody waits.
struct Bucket {
    size: f64,
    rate: f64,
    level: f64,
    as_of: Instant,
    lowest: f64,
    throttled: u32,
    ran: u32,
}

impl Bucket {
    fn new(rate: f64) -> Self {
        let size = 20.0 * rate;
        Self { size, rate, level: size, as_of: Instant::now(), lowest: size, throttled: 0, ran: 0 }
    }

    fn call(&mut self, asked: f64, actual: f64) -> (bool, Cost) {
        self.level = (self.level + self.as_of.elapsed().as_secs_f64() * self.rate).min(self.size);
        self.as_of = Instant::now();
        let fits = asked <= self.level;
        if fits {
            self.lowest = self.lowest.min(self.level - asked);
            self.level -= actual;
            self.ran += 1;
        } else {
            self.throttled += 1;
        }
        (fits, cost(asked, fits.then_some(actual), self.level, self.size, self.rate))
    }
}

fn cost(asked: f64, actual: Option<f64>, level: f64, size: f64, rate: f64) -> Cost {
    Cost {
        requested_query_cost: asked,
        actual_query_cost: actual,
        throttle_status: ThrottleStatus {
            maximum_available: size,
            currently_available: level,
            restore_rate: rate,
        },
    }
}

/// Lets `workers` callers call for `length`; each call is under way for `latency`, half before and half after
/// it is executed.
async fn drive(bucket: &Arc<Mutex<Bucket>>, budgets: &[Arc<Budget>], workers: usize, length: Duration) {
    let latency = Duration::from_millis(80);
    let until = Instant::now() + length;
    let mut tasks = Vec::new();
    for worker in 0..workers {
        let (bucket, budget) = (bucket.clone(), budgets[worker % budgets.len()].clone());
        tasks.push(tokio::spawn(async move {
            while Instant::now() < until {
                let Ok(permit) = budget.take(Operation::Credit, Duration::from_secs(60)).await else {
                    continue;
                };
                idle(latency / 2).await;
                let (ran, cost) = bucket.lock().unwrap().call(18.0, 18.0);
                idle(latency / 2).await;
                if ran { permit.answered(Some(cost)) } else { permit.throttled(Some(cost)) }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

async fn idle(length: Duration) {
    drop(tokio::time::timeout(length, std::future::pending::<()>()).await);
}

#[tokio::test(start_paused = true)]
async fn drives_a_shop_at_its_restore_rate_and_leaves_the_reserve() {
    for rate in [100.0, 1000.0] {
        let bucket = Arc::new(Mutex::new(Bucket::new(rate)));
        let budgets = [Arc::new(Budget::new(0.2))];
        // What the bucket holds at first is used up before anything is measured.
        drive(&bucket, &budgets, 32, Duration::from_secs(60)).await;
        let before = bucket.lock().unwrap().ran;
        drive(&bucket, &budgets, 32, Duration::from_secs(100)).await;
        let bucket = bucket.lock().unwrap();
        let possible = rate * 100.0 / 18.0;
        let done = f64::from(bucket.ran - before);
        assert!(done >= 0.95 * possible, "{done} of {possible}");
        assert_eq!(bucket.throttled, 0);
        assert!(bucket.lowest >= 0.2 * bucket.size - 1.0, "reserve touched: {}", bucket.lowest);
    }
}

#[tokio::test(start_paused = true)]
async fn several_processes_share_one_bucket() {
    let bucket = Arc::new(Mutex::new(Bucket::new(100.0)));
    let budgets: Vec<_> = (0..4).map(|_| Arc::new(Budget::new(0.2))).collect();
    drive(&bucket, &budgets, 16, Duration::from_secs(60)).await;
    let before = bucket.lock().unwrap().ran;
    drive(&bucket, &budgets, 16, Duration::from_secs(100)).await;
    let bucket = bucket.lock().unwrap();
    let done = f64::from(bucket.ran - before);
    assert!(done >= 0.95 * 100.0 * 100.0 / 18.0, "{done}");
    assert!(f64::from(bucket.throttled) < 0.01 * done, "{} throttled of {done}", bucket.throttled);
}

#[tokio::test(start_paused = true)]
async fn throttled_waits_for_what_is_missing() {
    let budget = Budget::new(0.0);
    let permit = budget.take(Operation::Credit, Duration::from_secs(1)).await.unwrap();
    let begun = Instant::now();
    permit.throttled(Some(cost(18.0, None, 3.0, 2000.0, 10.0)));
    let _permit = budget.take(Operation::Credit, Duration::from_secs(10)).await.unwrap();
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(1_500), "{waited:?}");
    assert!(waited <= Duration::from_millis(1_510) + JITTER_MAX, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn gives_up_with_the_wait_that_is_left() {
    let budget = Budget::new(0.0);
    let permit = budget.take(Operation::Credit, Duration::from_secs(1)).await.unwrap();
    permit.answered(Some(cost(18.0, Some(18.0), 0.0, 2000.0, 1.0)));
    let left = budget.take(Operation::Credit, Duration::from_secs(8)).await.unwrap_err();
    assert!((Duration::from_millis(9_900)..=Duration::from_millis(10_000)).contains(&left), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_for_all() {
    let budget = Budget::new(0.2);
    budget.pause(Duration::from_secs(7));
    budget.pause(Duration::from_secs(2));
    let begun = Instant::now();
    let _permit = budget.take(Operation::Shop, Duration::from_secs(10)).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn values_are_live_and_costs_are_learnt() {
    let budget = Budget::new(0.2);
    let permit = budget.take(Operation::Credit, Duration::from_secs(1)).await.unwrap();
    permit.answered(Some(cost(30.0, Some(30.0), 900.0, 40_000.0, 2_000.0)));
    assert_eq!(budget.view(), BudgetView { size: 40_000.0, restore_rate: 2_000.0, available: 900.0 });
    // 8000 are left to others, 30 are needed, 900 are there.
    let begun = Instant::now();
    let _permit = budget.take(Operation::Credit, Duration::from_secs(10)).await.unwrap();
    let waited = begun.elapsed().as_secs_f64();
    assert!((3.564..3.6).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_call_larger_than_what_is_ours_still_gets_through() {
    let budget = Budget::new(0.5);
    let permit = budget.take(Operation::Credit, Duration::from_secs(1)).await.unwrap();
    permit.answered(Some(cost(18.0, Some(18.0), 20.0, 20.0, 1.0)));
    assert!(budget.take(Operation::Credit, Duration::from_secs(30)).await.is_ok());
    assert!(budget.take(Operation::History, Duration::from_secs(120)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn nonsense_from_outside_is_not_believed() {
    let budget = Budget::new(0.2);
    let before = budget.view();
    for (level, size, rate) in [(f64::NAN, 2000.0, 100.0), (5.0, 0.0, 100.0), (5.0, 2000.0, 0.0)] {
        let permit = budget.take(Operation::Shop, Duration::from_secs(1)).await.unwrap();
        permit.answered(Some(cost(f64::NAN, None, level, size, rate)));
    }
    assert_eq!(budget.view().size, before.size);
    assert_eq!(budget.view().restore_rate, before.restore_rate);
}

#[tokio::test(start_paused = true)]
async fn the_first_call_waits_for_no_guess() {
    let budget = Budget::new(0.9);
    let begun = Instant::now();
    let _permit = budget.take(Operation::Credit, Duration::from_secs(60)).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn throttled_without_its_cost_waits_for_the_whole_of_it() {
    let budget = Budget::new(0.2);
    let permit = budget.take(Operation::Credit, Duration::from_secs(1)).await.unwrap();
    let begun = Instant::now();
    permit.throttled(None);
    let _permit = budget.take(Operation::Credit, Duration::from_secs(10)).await.unwrap();
    // 18 points at the 100 a second that are guessed.
    let waited = begun.elapsed();
    assert!(
        (Duration::from_millis(180)..=Duration::from_millis(182) + JITTER_MAX).contains(&waited),
        "{waited:?}"
    );
}
