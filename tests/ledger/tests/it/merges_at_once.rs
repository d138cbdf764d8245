//! Merges beside others at once: nothing reaches a member who is no more, and nobody locks anybody out.

use std::sync::Arc;

use tokio::task::JoinSet;
use tradeup_domain::{Grant, ValueClass};
use tradeup_store::credits::{self, Asked, Granted, Spent};
use tradeup_store::merges::{self, AskedMerge};
use tradeup_store::{ErrorKind, RunId, members};

use crate::field::{Field, usd};
use crate::merges::{balances, lot, merge};

fn grant_to(member: usize, key: &str) -> Grant {
    Grant {
        member_external_id: (member + 1).to_string(),
        amount: usd(80),
        reason: "a gift".to_owned(),
        expires_at: None,
        value_class: ValueClass::Promotional,
        source_key: key.to_owned(),
    }
}

/// A grant that waits for the lock of a merge finds that its member is another one now.
#[tokio::test]
async fn a_grant_under_way_does_not_reach_a_member_who_is_no_more() {
    let field = Field::new(2, 500).await;
    let mut merging = field.begin().await;
    let asked = AskedMerge { tenant: field.tenant, actor: "ledger tests", reason: None, run_id: None };
    merges::merge(&mut merging, &asked, field.members[0], field.members[1]).await.unwrap();
    let grant = grant_to(0, "k");
    let granting = async {
        let mut tx = field.begin().await;
        credits::grant(&mut tx, field.tenant, RunId::new(), &grant, field.now, None).await
    };
    let merged = async {
        field.somebody_waits().await;
        merging.commit().await.unwrap();
    };
    let (granted, ()) = tokio::join!(granting, merged);
    assert_eq!(granted.unwrap_err().kind(), ErrorKind::Conflict);
    // The next attempt finds who it is; the same credit for either is the same credit.
    for (member, is_new) in [(0, true), (1, false), (0, false)] {
        let mut tx = field.begin().await;
        let granted =
            credits::grant(&mut tx, field.tenant, RunId::new(), &grant_to(member, "k"), field.now, None)
                .await;
        assert_eq!(granted.unwrap(), Granted::Done { member_id: field.members[1], is_new });
        tx.commit().await.unwrap();
    }
    assert_eq!(balances(&field).await, [0, 80]);
}

/// Merges of the same few members, both ways at once, with spends and adjustments on all of them: everybody
/// waits for everybody, and nobody for themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn merges_and_spends_at_once_never_lock_each_other_out() {
    let field = Arc::new(Field::new(12, 500).await);
    for member in 0..12 {
        for n in 0..3 {
            lot(&field, member, &format!("{member}-{n}"), 100, Some(10 + n)).await;
        }
    }
    let mut tasks = JoinSet::new();
    for worker in 0..16_usize {
        let field = Arc::clone(&field);
        tasks.spawn(async move {
            let mut spent = 0;
            for n in 0..24_usize {
                let (a, b) = ((worker * 5 + n) % 12, (worker + n * 7) % 12);
                if n % 3 == 0 {
                    // Both ways round in different workers: all but one way is refused.
                    let (old, kept) = if worker % 2 == 0 { (a, b) } else { (b, a) };
                    let merged = merge(&field, old, kept).await;
                    assert!(!merged.is_err_and(|error| error.kind() != ErrorKind::Conflict), "{worker} {n}");
                } else {
                    let mut tx = field.begin().await;
                    let who = members::current(&mut tx, field.tenant, field.members[a]).await.unwrap();
                    let key = credits::spend_key("till", &format!("{worker}-{n}"));
                    let asked = Asked { reason: None, ..field.asked(&key, None) };
                    match credits::spend(&mut tx, &asked, who, usd(7)).await {
                        Ok(Spent::Done { .. }) => {
                            tx.commit().await.unwrap();
                            spent += 7;
                        }
                        Ok(_refused) => {}
                        Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
                    }
                }
            }
            spent
        });
    }
    let spent: i64 = tasks.join_all().await.into_iter().sum();
    assert_eq!(balances(&field).await.into_iter().sum::<i64>(), 3_600 - spent);
    assert!(field.number("select count(*) from merges").await >= 6);
    let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
    assert_eq!(field.number(deadlocks).await, 0);
    field.assert_exact().await;
}
