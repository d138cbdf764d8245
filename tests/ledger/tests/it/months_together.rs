//! Batches of monthly credits that share a statement give what they give one by one.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sqlx::AssertSqlSafe;
use tradeup_domain::Period;
use tradeup_store::batches::BatchCounts;
use tradeup_store::credits::{MemberBatch as _, MonthlyBatch};
use tradeup_store::runs::BatchRange;
use tradeup_store::{RunId, tiers};

use crate::field::{Field, seed};
use crate::grants_together::{books, field};

const MEMBERS: usize = 16;
const CASES: u64 = 10;

/// As for grants, and more members: one of a tier without an amount, one of a tier that gives nothing, one who has left.
async fn of_all_sorts() -> Field {
    let field = field(MEMBERS).await;
    let (tenant, of) = (field.tenant, |n: usize| field.members[n - 1]);
    let sorts = format!(
        "with made as (insert into tiers (tenant_id, handle, rank, tag)
            values ({tenant}, 'silver', 8, 'silver'), ({tenant}, 'bronze', 9, 'bronze') returning id, handle),
         amounts as (insert into tier_amounts (tenant_id, tier_id, currency, amount_minor, valid_from)
            select {tenant}, id, 'USD', 0, '2000-01-01' from made where handle = 'bronze')
         update memberships set tier_id = made.id from made
         where member_id = case made.handle when 'silver' then '{}'::uuid else '{}'::uuid end;
         update memberships set status = 'paused' where member_id = '{}'",
        of(9),
        of(10),
        of(11)
    );
    sqlx::raw_sql(AssertSqlSafe(sorts)).execute(&field.database.admin).await.unwrap();
    field
}

/// Some batches of a month, in the order of their members, which are told by their places.
fn any(random: &mut StdRng) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let mut next = random.random_range(0..4);
    while next < MEMBERS && ranges.len() < 5 {
        let last = (next + random.random_range(0..5)).min(MEMBERS - 1);
        ranges.push((next, last));
        next = last + random.random_range(1..4);
    }
    ranges
}

fn batches(field: &Field, period: Period, ranges: &[(usize, usize)]) -> Vec<MonthlyBatch> {
    let of = |&(first, last): &(usize, usize)| MonthlyBatch {
        tenant: field.tenant,
        run_id: RunId::new(),
        period,
        as_of: period.first_day().and_hms_opt(6, 0, 0).unwrap().and_utc(),
        expires_at: None,
        ends_at: None,
        range: BatchRange {
            first: field.members[first],
            last: field.members[last],
            // More than were planned may be there, and fewer.
            members: i32::try_from(last - first).unwrap(),
        },
    };
    ranges.iter().map(of).collect()
}

/// How much each run wrote of what: what it wrote has its name.
async fn by_run(field: &Field, batches: &[MonthlyBatch]) -> Vec<(i64, i64, i64)> {
    let mut written = Vec::new();
    for MonthlyBatch { run_id, .. } in batches {
        let counts = sqlx::query_as(
            "select (select count(*) from lots where run_id = $1), (select count(*) from ledger_entries where run_id = $1),
                 (select count(*) from member_failures where run_id = $1)",
        )
        .bind(run_id.0)
        .fetch_one(&field.database.admin)
        .await
        .unwrap();
        written.push(counts);
    }
    written
}

#[tokio::test]
async fn a_month_given_together_is_the_month_given_batch_by_batch() {
    let seed = seed(20_261_129);
    let (alone, together) = (of_all_sorts().await, of_all_sorts().await);
    let mut all = BatchCounts::default();
    for case in 0..CASES {
        let mut random = StdRng::seed_from_u64(seed + case);
        // Each month comes twice, cut in another way.
        let period: Period = format!("2026-{:02}", 1 + case / 2).parse().unwrap();
        let ranges = any(&mut random);
        let (these, those) = (batches(&alone, period, &ranges), batches(&together, period, &ranges));
        let mut one_by_one = Vec::new();
        for batch in &these {
            let mut tx = alone.begin().await;
            one_by_one.push(batch.apply(&mut tx, batch.range).await.unwrap());
            tx.commit().await.unwrap();
        }
        let mut tx = together.begin().await;
        let counts = MonthlyBatch::apply_together(&mut tx, &those).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(counts, one_by_one, "LEDGER_SEED={seed}, case {case}: {ranges:?}");
        assert_eq!(
            by_run(&together, &those).await,
            by_run(&alone, &these).await,
            "LEDGER_SEED={seed}, case {case}"
        );
        counts.iter().for_each(|counts| all.add(counts));
    }
    let (left, right) = (books(&alone).await, books(&together).await);
    assert_eq!(left, right, "LEDGER_SEED={seed}");
    assert!(left.iter().any(|line| line.contains("debt_recover")), "a debt was paid: {left:#?}");
    let BatchCounts { affected, already_done, exempt, failed, .. } = all;
    assert!(
        [affected, already_done, exempt, failed].iter().all(|n| *n > 0),
        "all sorts are among them: {all:?}"
    );
}

/// Batches of two months are no group, and are given all the same.
#[tokio::test]
async fn months_that_are_mixed_are_given_in_turn() {
    let field = Field::new(4, 500).await;
    let months = ["2026-01", "2026-02"].map(|month| batches(&field, month.parse().unwrap(), &[(0, 3)]));
    let mut tx = field.begin().await;
    let counts = MonthlyBatch::apply_together(&mut tx, &months.concat()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(counts.iter().map(|counts| counts.affected).collect::<Vec<_>>(), [4, 4]);
    assert_eq!(field.number("select sum(balance_minor)::bigint from accounts").await, 4 * 2 * 500);
}

/// A tier without an amount stops a month's plan only if somebody holds it; zero is an amount.
#[tokio::test]
async fn tiers_without_an_amount_are_told_with_those_who_hold_them() {
    let field = of_all_sorts().await;
    let without = async |currency: &str, as_of: &str| {
        let mut tx = field.begin().await;
        let found =
            tiers::without_amount(&mut tx, field.tenant, currency, as_of.parse().unwrap()).await.unwrap();
        found.into_iter().map(|tier| (tier.tier, tier.members)).collect::<Vec<_>>()
    };
    let told = |all: &[(&str, i64)]| all.iter().map(|(tier, n)| ((*tier).to_owned(), *n)).collect::<Vec<_>>();
    let as_of = "2026-01-01T06:00:00Z";
    assert_eq!(without("USD", as_of).await, told(&[("silver", 1)]));
    assert_eq!(
        without("EUR", as_of).await,
        told(&[("gold", 13), ("silver", 1), ("bronze", 1)]),
        "one is paused"
    );
    assert_eq!(without("USD", "2019-12-31T00:00:00Z").await, told(&[]), "nobody had one yet");
    let ended =
        format!("update memberships set valid_to = '2026-01-01' where member_id = '{}'", field.members[8]);
    sqlx::raw_sql(AssertSqlSafe(ended)).execute(&field.database.admin).await.unwrap();
    assert_eq!(without("USD", as_of).await, told(&[]), "who held it has left it");
}
