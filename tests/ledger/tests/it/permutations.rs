//! Invariants 5 and 6: with spends fixed in time, any order and any repetition of what is told about an
//! order ends in the same balance and debt, and all of it adds up.

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tradeup_domain::order::Fact;

use crate::field::{Field, seed};
use crate::orders::{paid, refund, tell};

const CASES: u64 = 25;

#[tokio::test]
async fn any_order_of_facts_ends_in_the_same_balance() {
    let seed = seed(20_261_125);
    let field = Field::new(1, 333).await;
    for case in 0..CASES {
        let mut random = StdRng::seed_from_u64(seed + case);
        let mut facts = vec![paid(&field, random.random_range(0..10_000), 0)];
        for version in 1..=random.random_range(0..3) {
            facts.push(paid(&field, random.random_range(0..10_000), version));
        }
        for n in 0..random.random_range(0..5) {
            facts.push(refund(&field, &format!("r{n}"), random.random_range(0..4_000)));
        }
        if random.random_bool(0.2) {
            facts.push(Fact::Cancelled(field.now));
        }
        if random.random_bool(0.3) {
            facts.push(Fact::Disputed(field.now));
            if random.random_bool(0.5) {
                facts.push(Fact::DisputeWon(field.now));
            }
        }
        let mut ends = Vec::new();
        for round in 0..3 {
            let order = format!("{case}-{round}");
            let mut told = facts.clone();
            let repeated: Vec<Fact> = facts.iter().filter(|_| random.random_bool(0.3)).cloned().collect();
            told.extend(repeated);
            told.shuffle(&mut random);
            let before = balance_and_debt(&field).await;
            for fact in &told {
                tell(&field, &order, fact).await;
            }
            let after = balance_and_debt(&field).await;
            ends.push((after.0 - before.0, after.1 - before.1));
        }
        assert!(
            ends.windows(2).all(|pair| pair[0] == pair[1]),
            "LEDGER_SEED={seed}, case {case}: {ends:?} of {facts:#?}"
        );
    }
    field.assert_exact().await;
}

async fn balance_and_debt(field: &Field) -> (i64, i64) {
    (
        field.number("select coalesce(sum(balance_minor), 0)::bigint from accounts").await,
        field.number("select coalesce(sum(debt_minor), 0)::bigint from accounts").await,
    )
}
