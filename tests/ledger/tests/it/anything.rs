//! Any sequence of what can happen to a member's credit ends with a ledger that is exact, and with as much
//! value as came in less what went out: nothing is made and nothing is lost on the way.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tradeup_domain::ValueClass;
use tradeup_store::credits::{self, Adjusted, Adjustment, Reverted, Spent};
use tradeup_store::holds::{Authorised, Captured};
use tradeup_store::members;
use tradeup_store::merges::Merged;

use crate::field::{Field, seed, usd};
use crate::holds::{capture, hold_of, pass, release};
use crate::merges::merge;

const CASES: u64 = 12;
const STEPS: u64 = 60;
const MEMBERS: usize = 5;

/// What there should be, and what was done to get there.
#[derive(Default)]
struct Model {
    value_minor: i64,
    spends: Vec<String>,
    holds: Vec<String>,
    trace: Vec<String>,
}

#[tokio::test]
async fn value_is_conserved_whatever_happens() {
    let seed = seed(20_261_125);
    for case in 0..CASES {
        let field = Field::new(MEMBERS, 500).await;
        let mut random = StdRng::seed_from_u64(seed + case);
        let mut model = Model::default();
        for n in 0..STEPS {
            step(&field, &mut random, &mut model, n).await;
            let there = field.number("select coalesce(sum(balance_minor), 0)::bigint from accounts").await;
            let left = field.number("select coalesce(sum(remaining_minor), 0)::bigint from lots").await;
            assert_eq!(
                (there, left),
                (model.value_minor, model.value_minor),
                "LEDGER_SEED={seed}, case {case}: {:#?}",
                model.trace
            );
        }
        field.assert_exact().await;
    }
}

async fn step(field: &Field, random: &mut StdRng, model: &mut Model, n: u64) {
    let number = random.random_range(0..MEMBERS);
    let mut tx = field.begin().await;
    let member = members::current(&mut tx, field.tenant, field.members[number]).await.unwrap();
    let amount = random.random_range(1..400_i64);
    let name = format!("{n}");
    let what = match random.random_range(0..12) {
        0..=3 => {
            let ends = field.clock().await + chrono::TimeDelta::hours(random.random_range(1..100));
            let value_class =
                if random.random_bool(0.3) { ValueClass::Paid } else { ValueClass::Promotional };
            let add = Adjustment::Add { value_class, expires_at: random.random_bool(0.7).then_some(ends) };
            let asked = field.asked(&name, None);
            let adjusted =
                credits::adjust(&mut tx, &asked, &field.settings, member, usd(amount), add).await.unwrap();
            assert!(matches!(adjusted, Adjusted::Done { is_new: true }));
            tx.commit().await.unwrap();
            model.value_minor += amount;
            format!("{number} gets {amount}")
        }
        4 | 5 => {
            let key = credits::spend_key("till", &name);
            let asked = field.asked(&key, None);
            let spent = credits::spend(&mut tx, &asked, member, usd(amount)).await.unwrap();
            if matches!(spent, Spent::Done { .. }) {
                tx.commit().await.unwrap();
                model.value_minor -= amount;
                model.spends.push(name);
            }
            format!("{number} spends {amount}: {spent:?}")
        }
        6 => {
            let Some(of) = model.spends.choose(random).cloned() else { return };
            drop(tx);
            let part = random.random_bool(0.5).then_some(amount);
            let reverted = field.revert(&name, &of, part).await;
            if let Reverted::Done { is_new: true, amount_minor, .. } = reverted {
                model.value_minor += amount_minor;
            }
            format!("{of} is taken back: {reverted:?}")
        }
        7 => {
            drop(tx);
            let seconds = random.random_range(3600..48 * 3600);
            let held = hold_of(field, member, &name, amount, seconds).await;
            if matches!(held, Authorised::Done { .. }) {
                model.holds.push(name);
            }
            format!("{number} holds {amount}: {held:?}")
        }
        8 => {
            let Some(of) = model.holds.choose(random).cloned() else { return };
            drop(tx);
            let part = random.random_bool(0.5).then_some(amount);
            let captured = capture(field, &of, part).await;
            if let Captured::Done { is_new: true, amount_minor, .. } = captured {
                model.value_minor -= amount_minor;
                model.spends.push(of.clone());
            }
            format!("{of} is captured: {captured:?}")
        }
        9 => {
            let Some(of) = model.holds.choose(random).cloned() else { return };
            drop(tx);
            format!("{of} is released: {:?}", release(field, &of).await)
        }
        10 => {
            drop(tx);
            let hours = random.random_range(1..12);
            pass(field, hours).await;
            let (_, expired) = field.expire(field.clock().await).await;
            model.value_minor -= expired;
            format!("{hours} hours pass, {expired} expires")
        }
        _ => {
            drop(tx);
            let kept = random.random_range(0..MEMBERS);
            // Not all of them, or soon there is only one left.
            if random.random_bool(0.5) {
                return;
            }
            let merged = merge(field, number, kept).await.unwrap();
            assert!(matches!(merged, Merged::Done { .. } | Merged::Refused(_) | Merged::Held { .. }));
            format!("{number} becomes a part of {kept}: {merged:?}")
        }
    };
    model.trace.push(what);
}
