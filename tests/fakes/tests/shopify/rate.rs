//! The client keeps a shop busy at its rate, over real HTTP and by a real clock.

use std::time::{Duration, Instant};

use futures::future::join_all;
use tradeup_fakes::shopify::{Clock, FakeShopify, ShopSetup};
use tradeup_shopify::{Client, CustomerId, Settings};

use crate::setting::{SHOP, TOKEN, settings, usd};

/// Points a second, of the largest plan but one.
const RATE: f64 = 1000.0;
const CALLERS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_is_driven_at_its_rate_without_being_throttled() {
    let fake = FakeShopify::start(Clock::real(), 0).await.unwrap();
    let numbers: Vec<String> = (1..=CALLERS).map(|number| number.to_string()).collect();
    let customers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let setup = ShopSetup { restore_rate: RATE, ..ShopSetup::new(SHOP, TOKEN, &customers) };
    fake.add_shop(setup).unwrap();
    // Nearly everything is left to others, so that the bucket has little to give but its rate.
    let left = Settings { left_for_others: 0.9, ..settings(fake.base()) };
    let client = Client::new(left).unwrap();
    let shop = client.shop(&SHOP.parse().unwrap(), TOKEN.into());
    shop.shop_info().await.unwrap();
    let ours = 0.1 * 20.0 * RATE;

    let begun = Instant::now();
    let until = begun + Duration::from_secs(6);
    let callers = (1..=CALLERS).map(|number| {
        let shop = shop.clone();
        tokio::spawn(async move {
            let owner = CustomerId::from_number(&number.to_string()).unwrap().into();
            let mut done = 0_u32;
            while Instant::now() < until {
                shop.credit(&owner, usd("0.01"), None, false).await.unwrap();
                done += 1;
            }
            done
        })
    });
    let done: u32 = join_all(callers).await.into_iter().map(Result::unwrap).sum();
    let passed = begun.elapsed().as_secs_f64();
    let possible = (ours + RATE * passed) / 18.0;
    let throttled = fake.with_shop(SHOP, |shop| shop.throttled).unwrap();
    assert!(f64::from(done) >= 0.95 * possible, "{done} of {possible:.0} in {passed:.1} s");
    assert!(f64::from(done) <= possible + 1.0, "{done} of {possible:.0}: the reserve was touched");
    assert_eq!(throttled, 0);
    let cents: i64 =
        customers.iter().map(|id| fake.with_shop(SHOP, |shop| shop.balance_minor(id)).unwrap()).sum();
    assert_eq!(cents, i64::from(done));
}
