//! Twenty connections spend, hold, capture, release, give back, expire, refund and credit the same few members
//! at random: nothing is overspent or held twice, and every sum is exact.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;
use tradeup_domain::ValueClass;
use tradeup_domain::order::{Fact, OrderContent, PaidOrder, RefundContent, RefundState};
use tradeup_store::credits::{
    Adjusted, Adjustment, Reverted, Spent, adjust, revert_key, revert_spend, spend, spend_key,
};
use tradeup_store::holds::{self, AskedHold, Authorised, Captured, Released};
use tradeup_store::{ErrorKind, StoreError, orders};

use crate::field::{Field, usd};

const CONNECTIONS: u64 = 20;

/// How long: `LEDGER_SECONDS=60` for a minute.
fn seconds() -> u64 {
    std::env::var("LEDGER_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(8)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_connections_never_overspend() {
    let field = Arc::new(Field::new(5, 500).await);
    let refused = Arc::new(AtomicI64::new(0));
    let until = Instant::now() + Duration::from_secs(seconds());
    let mut loops = JoinSet::new();
    for worker in 0..CONNECTIONS {
        let (field, refused) = (Arc::clone(&field), Arc::clone(&refused));
        loops.spawn(async move {
            let mut random = StdRng::seed_from_u64(worker);
            let mut done = 0_u64;
            while Instant::now() < until {
                match step(&field, &mut random, worker, done).await {
                    Ok(true) => {}
                    Ok(false) => {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(error) => panic!("worker {worker}, step {done}: {error}"),
                }
                done += 1;
            }
            done
        });
    }
    let steps: u64 = loops.join_all().await.into_iter().sum();
    let expired = field.expire(field.clock().await).await;
    println!("{steps} steps, {} refused, {expired:?} expired at the end", refused.load(Ordering::Relaxed));
    assert!(steps > 200, "{steps} steps");
    for kind in ["spend", "spend_revert", "expire", "clawback", "adjust"] {
        assert!(!field.entries_of(kind).await.is_empty(), "no {kind} in {steps} steps");
    }
    for state in ["captured", "released", "expired"] {
        let ended: i64 = sqlx::query_scalar("select count(*) from holds where state = $1")
            .bind(state)
            .fetch_one(&field.database.admin)
            .await
            .unwrap();
        assert!(ended > 0, "no hold is {state} in {steps} steps");
    }
    // What was captured is what was spent of holds; what is held is what is open, and never more than is left.
    let captured = "select coalesce(sum(captured_minor), 0)::bigint from holds";
    let spent = "select -coalesce(sum(e.amount_minor), 0)::bigint from ledger_entries e join holds h on h.key = e.operation
        where e.kind = 'spend'";
    assert_eq!(field.number(captured).await, field.number(spent).await);
    let open = "select coalesce(sum(amount_minor), 0)::bigint from holds where state = 'authorised'";
    let noted = "select coalesce(sum(held_minor), 0)::bigint from lots where held_minor <= remaining_minor";
    assert_eq!(field.number(open).await, field.number(noted).await);
    field.assert_exact().await;
}

fn held<'a>(field: &Field, reference: &'a str) -> AskedHold<'a> {
    AskedHold { tenant: field.tenant, source: "till", reference, actor: "ledger tests", reason: None }
}

/// One random movement; `false` if it was refused by a rule.
async fn step(field: &Field, random: &mut StdRng, worker: u64, n: u64) -> Result<bool, StoreError> {
    let member = field.members[random.random_range(0..field.members.len())];
    let amount = usd(random.random_range(1..400));
    let key = format!("{worker}-{n}");
    let mut tx = field.begin().await;
    let done = match random.random_range(0..14) {
        0..=2 => {
            let key = spend_key("till", &key);
            matches!(spend(&mut tx, &field.asked(&key, None), member, amount).await?, Spent::Done { .. })
        }
        3 => {
            // Some spend of another connection's, in whole or in part.
            let of = format!("{}-{}", random.random_range(0..CONNECTIONS), random.random_range(0..=n));
            let (key, of) = (revert_key(&key), spend_key("till", &of));
            let part = random.random_bool(0.5).then_some(amount.amount_minor);
            let asked = field.asked(&key, None);
            matches!(revert_spend(&mut tx, &asked, &field.settings, &of, part).await?, Reverted::Done { .. })
        }
        4 | 5 => {
            let ends = field.clock().await + TimeDelta::milliseconds(random.random_range(50..4_000));
            let value_class =
                if random.random_bool(0.3) { ValueClass::Paid } else { ValueClass::Promotional };
            let add = Adjustment::Add { value_class, expires_at: random.random_bool(0.7).then_some(ends) };
            let asked = field.asked(&key, None);
            let adjusted = adjust(&mut tx, &asked, &field.settings, member, amount, add).await?;
            matches!(adjusted, Adjusted::Done { .. })
        }
        6 => {
            let take = Adjustment::Take { lot_id: None };
            let asked = field.asked(&key, None);
            let adjusted = adjust(&mut tx, &asked, &field.settings, member, amount, take).await?;
            matches!(adjusted, Adjusted::Done { .. })
        }
        7 | 8 => {
            let order = format!("{}", random.random_range(0..40));
            let fact = if random.random_bool(0.5) {
                Fact::Paid(PaidOrder {
                    // Each order is always the same member's.
                    member_external_id: Some((order.len() + 1).to_string()),
                    currency: field.settings.currency,
                    content: OrderContent::of(random.random_range(0..20_000)),
                    created_at: None,
                    paid_at: field.days(-40),
                    version_at: field.days(-40) + TimeDelta::microseconds(i64::try_from(n).unwrap()),
                    sent_at: field.now,
                    needs_fulfilment: false,
                })
            } else {
                Fact::Refunded {
                    external_id: key.clone(),
                    content: RefundContent::of(500),
                    state: RefundState::Moved,
                    refunded_at: field.now,
                }
            };
            orders::record(&mut tx, field.tenant, &order, &fact).await?;
            orders::settle(&mut tx, &field.asked(&key, None), &field.settings, &order).await?;
            true
        }
        9 | 10 => {
            // For a second, or long enough to be captured.
            let seconds = if random.random_bool(0.3) { 1 } else { 60 };
            let asked = held(field, &key);
            matches!(
                holds::authorise(&mut tx, &asked, member, amount, seconds).await?,
                Authorised::Done { .. }
            )
        }
        11 | 12 => {
            // Some hold, mostly this connection's own, of not long ago.
            let own = random.random_bool(0.7);
            let of = if own { worker } else { random.random_range(0..CONNECTIONS) };
            let of = format!("{of}-{}", random.random_range(n.saturating_sub(30)..=n));
            let asked = held(field, &of);
            if random.random_bool(0.7) {
                let part = random.random_bool(0.4).then_some(amount.amount_minor);
                matches!(holds::capture(&mut tx, &asked, part).await?, Captured::Done { .. })
            } else {
                matches!(holds::release(&mut tx, &asked).await?, Released::Done { .. })
            }
        }
        _ => {
            tx.rollback().await?;
            field.expire(field.clock().await).await;
            return Ok(true);
        }
    };
    if !done {
        tx.rollback().await?;
        return Ok(false);
    }
    match tx.commit().await {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
        Err(error) => Err(error),
    }
}
