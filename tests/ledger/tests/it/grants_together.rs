//! Credits given together are the same credits, refused for the same reasons, as those given one by one.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tradeup_domain::{Grant, Money, ValueClass};
use tradeup_store::credits::{self, Granted, GroupGrant};
use tradeup_store::merges::{self, AskedMerge};
use tradeup_store::{ErrorKind, RunId};

use crate::field::{Field, seed, usd};
use crate::merges::merge;
use crate::orders::{paid, refund, tell};

const CASES: u64 = 12;
const MEMBERS: usize = 8;
/// The largest balance that the database takes, in minor units.
const MOST: i64 = 1_000_000_000_000;

/// Somebody owes, somebody has been merged away, some keys were used before.
pub(crate) async fn field(members: usize) -> Field {
    let field = Field::new(members, 500).await;
    tell(&field, "o", &paid(&field, 10_000, 0)).await;
    // The first member has spent what the order gave, which is then taken back.
    let given = field.number("select balance_minor from accounts").await;
    field.spend("all", given, None).await;
    tell(&field, "o", &refund(&field, "r", 10_000)).await;
    assert!(field.number("select debt_minor from accounts").await > 0);
    merge(&field, 6, 7).await.unwrap();
    let mut tx = field.begin().await;
    let used = grant("2", usd(300), "used");
    credits::grant(&mut tx, field.tenant, RunId::new(), &used, field.now, None).await.unwrap();
    tx.commit().await.unwrap();
    field
}

fn grant(member: &str, amount: Money, key: &str) -> Grant {
    Grant {
        member_external_id: member.to_owned(),
        amount,
        reason: "a gift".to_owned(),
        expires_at: None,
        value_class: ValueClass::Promotional,
        source_key: key.to_owned(),
    }
}

fn any(random: &mut StdRng, field: &Field, case: u64) -> Vec<GroupGrant> {
    let wishes = random.random_range(1..40);
    let mut grants: Vec<GroupGrant> = (0..wishes)
        .map(|n| {
            let member = random.random_range(1..=MEMBERS + 1).to_string();
            let amount = match random.random_range(0..12) {
                0 => Money { amount_minor: 5, currency: "EUR".parse().unwrap() },
                _ => usd(random.random_range(1..400)),
            };
            let mut grant = grant(&member, amount, &format!("{case}-{n}"));
            if random.random_bool(0.2) {
                grant.value_class = ValueClass::Paid;
            }
            let ends_at = random.random_bool(0.3).then(|| field.days(30));
            grant.expires_at = ends_at;
            GroupGrant { run_id: RunId::new(), grant, available_at: field.now, ends_at }
        })
        .collect();
    // The key of a credit that is there: the same one, or another behind it.
    if let Some(one) = grants.last_mut().filter(|_| random.random_bool(0.5)) {
        one.ends_at = None;
        one.grant = grant("2", usd(if random.random_bool(0.5) { 300 } else { 301 }), "used");
    }
    grants
}

/// A credit to this member, under their name as its key.
fn to(field: &Field, member: &str) -> GroupGrant {
    let grant = grant(member, usd(80), member);
    GroupGrant { run_id: RunId::new(), grant, available_at: field.now, ends_at: None }
}

/// What is in the books, by keys that are the same in both shops.
pub(crate) async fn books(field: &Field) -> Vec<String> {
    sqlx::query_scalar(
        "select concat_ws(' ', 'lot', m.external_id, l.source_key, l.value_class, l.granted_minor, l.remaining_minor,
             l.ends_at is null)
         from lots l join members m on m.id = l.member_id
         union all
         select concat_ws(' ', 'entry', m.external_id, l.source_key, e.kind, e.amount_minor)
         from ledger_entries e join members m on m.id = e.member_id join lots l on l.id = e.lot_id
         union all
         select concat_ws(' ', 'account', m.external_id, a.balance_minor, a.debt_minor)
         from accounts a join members m on m.id = a.member_id
         order by 1",
    )
    .fetch_all(&field.database.admin)
    .await
    .unwrap()
}

/// A grant's answer, with the member by name.
fn told(field: &Field, granted: Granted) -> String {
    match granted {
        Granted::Done { member_id, is_new } => {
            let member = field.members.iter().position(|id| *id == member_id).unwrap();
            format!("done {member} {is_new}")
        }
        refused => format!("{refused:?}"),
    }
}

#[tokio::test]
async fn together_they_are_what_they_are_alone() {
    let seed = seed(20_261_129);
    let (alone, together) = (field(MEMBERS).await, field(MEMBERS).await);
    for case in 0..CASES {
        let grants = any(&mut StdRng::seed_from_u64(seed + case), &alone, case);
        let mut one_by_one = Vec::new();
        for one in &grants {
            let mut tx = alone.begin().await;
            let GroupGrant { run_id, grant, available_at, ends_at } = one;
            let granted =
                credits::grant(&mut tx, alone.tenant, *run_id, grant, *available_at, *ends_at).await.unwrap();
            tx.commit().await.unwrap();
            one_by_one.push(told(&alone, granted));
        }
        let mut tx = together.begin().await;
        let granted = credits::grant_together(&mut tx, together.tenant, &grants).await.unwrap();
        tx.commit().await.unwrap();
        let granted: Vec<String> = granted.into_iter().map(|granted| told(&together, granted)).collect();
        assert_eq!(granted, one_by_one, "LEDGER_SEED={seed}, case {case}: {grants:#?}");
    }
    let (left, right) = (books(&alone).await, books(&together).await);
    assert_eq!(left, right, "LEDGER_SEED={seed}");
    assert!(left.iter().any(|line| line.contains("debt_recover")), "a debt was paid: {left:#?}");
}

/// A group that waits for the lock of a merge finds that one of its members is another one now.
#[tokio::test]
async fn a_group_under_way_does_not_reach_a_member_who_is_no_more() {
    let field = Field::new(3, 500).await;
    let mut merging = field.begin().await;
    let asked = AskedMerge { tenant: field.tenant, actor: "ledger tests", reason: None, run_id: None };
    merges::merge(&mut merging, &asked, field.members[0], field.members[1]).await.unwrap();
    let grants = ["3", "1"].map(|member| to(&field, member));
    let granting = async {
        let mut tx = field.begin().await;
        credits::grant_together(&mut tx, field.tenant, &grants).await
    };
    let merged = async {
        field.somebody_waits().await;
        merging.commit().await.unwrap();
    };
    let (granted, ()) = tokio::join!(granting, merged);
    assert_eq!(granted.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(field.number("select count(*) from lots").await, 0, "nobody has anything of it");
}

/// An amount that one balance can't take refuses the statement as a whole, so that each is tried by itself.
#[tokio::test]
async fn what_the_database_refuses_leaves_nothing() {
    let field = Field::new(2, 500).await;
    field.lot("most", MOST - 10, None).await;
    let grants = ["2", "1"].map(|member| to(&field, member));
    let mut tx = field.begin().await;
    let refused = credits::grant_together(&mut tx, field.tenant, &grants).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    drop(tx);
    assert_eq!(field.number("select count(*) from lots where reason = 'granted'").await, 0);
}
