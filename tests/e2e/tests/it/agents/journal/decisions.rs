//! Proposals and settings: decided once, on record, and not for ever.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tradeup_harness::eventually;
use tradeup_store::agent_settings::{self, Change};
use tradeup_store::audit::Actor;
use tradeup_store::campaigns::Terms;
use tradeup_store::plans::{self, Decided, NewItem, NewPlan, PlanFilter, Verdict};
use tradeup_store::{RunId, retention};
use uuid::Uuid;

use super::{A, B, Books, KEEP};

/// A plan with two proposals, the second of which may not be approved.
async fn planned(books: &Books, document: &Value, offline: bool) -> RunId {
    let lease = books.run(A).await;
    let terms = terms();
    let items = [
        NewItem { key: "c1", hash: &"a".repeat(64), name: "Come\0 back", approvable: true, terms: &terms },
        NewItem { key: "c2", hash: &"b".repeat(64), name: "Unproven", approvable: false, terms: &terms },
    ];
    let plan = NewPlan {
        kind: "plan-campaign",
        goal: "g",
        document,
        complete: true,
        offline,
        items: &items,
        kpis: &[],
    };
    let mut tx = books.tx(A).await;
    assert!(plans::put(&mut tx, &lease, &plan).await.unwrap());
    assert!(!plans::put(&mut tx, &lease, &plan).await.unwrap(), "the first one counts");
    tx.commit().await.unwrap();
    lease.run_id
}

/// What is done by a mail alone.
fn terms() -> Terms {
    Terms {
        kind: "mail".to_owned(),
        segment: "at_risk".to_owned(),
        tier: None,
        snapshot: Uuid::nil(),
        as_of: "2026-11-29T10:00:00Z".parse().unwrap(),
        subject: "Come\0 back".to_owned(),
        body: "b".to_owned(),
        currency: "USD".to_owned(),
        credit_minor: 0,
        credit_ends_within_days: 0,
        extend_days: 0,
        hold_out_bps: 1_000,
        cost_limit_minor: 0,
        horizon_days: 30,
    }
}

async fn decide(books: &Books, run: RunId, key: &str, hash: char, verdict: Verdict) -> Decided {
    let actor = Actor { name: "olga".to_owned(), reason: Some("it is sound".to_owned()) };
    let hash = hash.to_string().repeat(64);
    let mut tx = books.tx(A).await;
    let decided = plans::decide(&mut tx, A, run, (key, &hash), verdict, &actor).await.unwrap();
    tx.commit().await.unwrap();
    decided
}

async fn state_of(books: &Books, run: RunId) -> String {
    let mut tx = books.tx(A).await;
    plans::get(&mut tx, A, run).await.unwrap().unwrap().state
}

#[tokio::test]
async fn a_proposal_is_decided_once_for_what_was_looked_at_and_on_record() {
    let books = Books::new().await;
    // What a model wrote, with a character that jsonb does not take.
    let run = planned(&books, &json!({ "goal": "a\u{0}b", "k\u{0}": ["\u{0}"] }), false).await;
    assert_eq!(state_of(&books, run).await, "awaiting_approval");
    assert_eq!(decide(&books, run, "c1", 'b', Verdict::Approved).await, Decided::Changed);
    assert_eq!(decide(&books, run, "c9", 'a', Verdict::Approved).await, Decided::NotFound);
    assert_eq!(decide(&books, run, "c2", 'b', Verdict::Approved).await, Decided::NotApprovable);
    assert_eq!(books.number("select count(*) from audit_log").await, 0, "nothing was done");

    let both = (0..10).map(|n| {
        decide(&books, run, "c1", 'a', if n % 2 == 0 { Verdict::Approved } else { Verdict::Rejected })
    });
    let done = join_all(both).await.into_iter().filter(|decided| *decided == Decided::Done).count();
    assert_eq!(done, 1);
    assert_eq!(books.number("select count(*) from audit_log where act like 'plans.%'").await, 1);
    assert_eq!(state_of(&books, run).await, "awaiting_approval", "one is left");
    assert_eq!(decide(&books, run, "c2", 'b', Verdict::Rejected).await, Decided::Done);
    assert_eq!(decide(&books, run, "c2", 'b', Verdict::Rejected).await, Decided::Already("olga".to_owned()));
    let approved = books.number("select count(*) from plan_items where state = 'approved'").await;
    assert_eq!(state_of(&books, run).await, if approved == 1 { "approved" } else { "rejected" });
}

#[tokio::test]
async fn what_the_offline_script_proposes_is_approved_only_where_the_shop_says_so() {
    let books = Books::new().await;
    let run = planned(&books, &json!({}), true).await;
    assert_eq!(decide(&books, run, "c1", 'a', Verdict::Approved).await, Decided::Offline);
    let change = Change { offline_approvals: Some(true), ..Default::default() };
    let actor = Actor { name: "olga".to_owned(), reason: None };
    let mut tx = books.tx(A).await;
    agent_settings::change(&mut tx, A, &change, &actor).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(decide(&books, run, "c1", 'a', Verdict::Approved).await, Decided::Done);
}

#[tokio::test]
async fn plans_that_nobody_decides_on_expire() {
    let books = Books::new().await;
    let [forgotten, half, young] = [
        planned(&books, &json!({}), false).await,
        planned(&books, &json!({}), false).await,
        planned(&books, &json!({}), false).await,
    ];
    assert_eq!(decide(&books, half, "c1", 'a', Verdict::Approved).await, Decided::Done);
    books
        .execute(&format!(
            "update plans set created_at = now() - interval '31 days' where run_id in ('{forgotten}', '{half}')"
        ))
        .await;
    // Before anybody has swept, it is too late all the same.
    assert_eq!(
        decide(&books, forgotten, "c1", 'a', Verdict::Approved).await,
        Decided::Closed("expired".to_owned())
    );
    retention::erase_bodies(&books.pool, A, KEEP).await.unwrap();
    assert_eq!(state_of(&books, forgotten).await, "expired");
    assert_eq!(state_of(&books, half).await, "approved");
    assert_eq!(state_of(&books, young).await, "awaiting_approval");
    assert_eq!(books.number("select count(*) from plan_items where state = 'expired'").await, 3);
}

#[tokio::test]
async fn two_who_change_settings_at_once_lose_nothing() {
    let books = Books::new().await;
    let actor = Actor { name: "olga".to_owned(), reason: None };
    let mut first = books.tx(A).await;
    let of_run = Change { run_cap_nano: Some(1), ..Default::default() };
    agent_settings::change(&mut first, A, &of_run, &actor).await.unwrap();
    // The second one begins before the first has committed, and has to wait for it.
    let second = async {
        let mut tx = books.tx(A).await;
        let of_day = Change { day_cap_nano: Some(2), ..Default::default() };
        agent_settings::change(&mut tx, A, &of_day, &actor).await.unwrap();
        tx.commit().await.unwrap();
    };
    let commit = async {
        eventually("the second one waits", Duration::from_secs(10), || async {
            let waiting = "select count(*) from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock'";
            (books.number(waiting).await == 1).then_some(())
        })
        .await;
        first.commit().await.unwrap();
    };
    tokio::join!(second, commit);
    let mut tx = books.tx(A).await;
    let settings = agent_settings::get(&mut tx, A).await.unwrap();
    assert_eq!(
        (settings.run_cap_nano, settings.day_cap_nano, settings.month_cap_nano),
        (1, 2, 40_000_000_000)
    );
    assert_eq!(books.number("select count(*) from audit_log where act = 'agents.settings'").await, 2);
}

#[tokio::test]
async fn plans_of_all_shops_are_listed_newest_first_page_by_page() {
    let books = Books::new().await;
    let mut made = Vec::new();
    for tenant in [A, B, B, A, A, B, A] {
        let lease = books.run(tenant).await;
        let (document, items) = (json!({}), []);
        let plan = NewPlan {
            kind: "plan-campaign",
            goal: "g",
            document: &document,
            complete: true,
            offline: false,
            items: &items,
            kpis: &[],
        };
        let mut tx = books.tx(tenant).await;
        assert!(plans::put(&mut tx, &lease, &plan).await.unwrap());
        tx.commit().await.unwrap();
        made.push((lease.run_id, tenant));
    }
    made.reverse();
    let handle = |tenant| if tenant == A { "aurora" } else { "borealis" };
    let expected: Vec<(RunId, &str)> = made.iter().map(|(run, tenant)| (*run, handle(*tenant))).collect();
    for size in [1, 2, 3, 7, 50] {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let filter = PlanFilter { before, ..PlanFilter::default() };
            let page = plans::list(&books.pool, &filter, size).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.run_id);
            assert!(i64::try_from(page.len()).unwrap() <= size);
            found.extend(page.into_iter().map(|line| (line.run_id, line.tenant)));
        }
        let found: Vec<(RunId, &str)> = found.iter().map(|(run, shop)| (*run, shop.as_str())).collect();
        assert_eq!(found, expected, "pages of {size}");
    }
    let of_b = PlanFilter { tenant: Some("borealis"), state: Some("validated"), before: None };
    let found = plans::list(&books.pool, &of_b, 50).await.unwrap();
    assert!(found.len() == 3 && found.iter().all(|line| line.tenant == "borealis" && line.items == 0));
    let none = PlanFilter { state: Some("approved"), ..PlanFilter::default() };
    assert!(plans::list(&books.pool, &none, 50).await.unwrap().is_empty());
    // Asking each shop has left nobody's shop set.
    let mut tx = tradeup_store::Tx::of_engine(&books.pool).await.unwrap();
    let seen: i64 = sqlx::query_scalar("select count(*) from plans").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(seen, 0);
}
