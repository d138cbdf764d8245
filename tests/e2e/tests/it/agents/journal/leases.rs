//! Who has lost a run writes nothing; shops have nothing to do with each other.

use futures::future::join_all;
use serde_json::json;
use tradeup_domain::figure::Figure;
use tradeup_store::agent_runs::{self, NewAgentRun, Reserved};
use tradeup_store::plans::{self, NewPlan};
use tradeup_store::runs::Sender;
use uuid::Uuid;

use super::{A, B, Books, CALL, LOST, PLENTY, answer, attempt, call, is_superseded, sender};

#[tokio::test]
async fn who_has_lost_the_run_writes_nothing() {
    let books = Books::new().await;
    let old = books.run(A).await;
    let asked = call("toolu_1", "{}");
    books.answer(&old, "orchestrator", 1, "[]", &[asked]).await;
    let attempt_2 = books.send(&old, "orchestrator", 2).await;
    let new = books.take_up(&old).await;
    assert!(new.epoch > old.epoch);
    let state = "select md5(string_agg(t::text, '' order by t::text)) from (
        select to_jsonb(r) from agent_runs r union all select to_jsonb(a) from model_attempts a
        union all select to_jsonb(t) from agent_turns t union all select to_jsonb(c) from tool_calls c
        union all select to_jsonb(f) from agent_facts f union all select to_jsonb(n) from agent_notes n
        union all select to_jsonb(p) from plans p union all select to_jsonb(s) from model_spend s) t";
    let before: String = sqlx::query_scalar(state).fetch_one(&books.database.admin).await.unwrap();
    let member: Uuid = sqlx::query_scalar("select id from members where tenant_id = 1 limit 1")
        .fetch_one(&books.database.admin)
        .await
        .unwrap();
    let as_of = "2026-11-29T10:00:00Z".parse().unwrap();
    let document = json!({});
    let plan = NewPlan {
        kind: "plan-strategic-goal",
        goal: "g",
        document: &document,
        complete: true,
        offline: false,
        items: &[],
        kpis: &[],
    };
    // Each in a transaction of its own that is committed whatever came of it: nothing is left to the caller.
    for write in 0..10 {
        let mut tx = books.tx(A).await;
        let refused = match write {
            0 => {
                is_superseded(&agent_runs::reserve(&mut tx, &old, &attempt("orchestrator", 3), &PLENTY).await)
            }
            1 => is_superseded(&agent_runs::sent(&mut tx, &old, "orchestrator", 2, attempt_2).await),
            2 => is_superseded(
                &agent_runs::answered(&mut tx, &old, "orchestrator", 2, attempt_2, &answer()).await,
            ),
            3 => {
                is_superseded(&agent_runs::rejected(&mut tx, &old, "orchestrator", 2, attempt_2, &LOST).await)
            }
            4 => {
                is_superseded(&agent_runs::unknown(&mut tx, &old, "orchestrator", 2, attempt_2, &LOST).await)
            }
            5 => is_superseded(
                &agent_runs::mint(
                    &mut tx,
                    &old,
                    "orchestrator",
                    "t",
                    "toolu_1",
                    as_of,
                    &[Figure::count("m", 1)],
                )
                .await,
            ),
            6 => is_superseded(
                &agent_runs::call_done(&mut tx, &old, "orchestrator", "toolu_1", "late", false).await,
            ),
            7 => is_superseded(&agent_runs::aliases(&mut tx, &old, &[member]).await),
            8 => is_superseded(&agent_runs::note(&mut tx, &old, "orchestrator", 3, "late").await),
            _ => is_superseded(&plans::put(&mut tx, &old, &plan).await),
        };
        assert!(refused, "write {write}");
        tx.commit().await.unwrap();
    }
    let mut tx = books.tx(A).await;
    assert!(is_superseded(&agent_runs::finish(&mut tx, &old, "done", "late").await));
    tx.commit().await.unwrap();
    let after: String = sqlx::query_scalar(state).fetch_one(&books.database.admin).await.unwrap();
    assert_eq!(before, after);
    books.balance().await;
}

#[tokio::test]
async fn of_many_who_take_a_run_up_the_last_one_has_it() {
    let books = Books::new().await;
    let first = books.run(A).await;
    let leases = join_all((0..20).map(|_| books.take_up(&first))).await;
    let mut epochs: Vec<i64> = leases.iter().map(|lease| lease.epoch).collect();
    epochs.sort_unstable();
    assert_eq!(epochs, (first.epoch + 1..=first.epoch + 20).collect::<Vec<_>>(), "nobody shares an epoch");
    let mut holders = 0;
    for lease in &leases {
        let mut tx = books.tx(A).await;
        holders += i32::from(agent_runs::note(&mut tx, lease, "orchestrator", 1, "mine").await.is_ok());
        tx.commit().await.unwrap();
    }
    assert_eq!(holders, 1);
}

#[tokio::test]
async fn what_was_under_way_is_unknown_when_the_run_is_taken_up_and_three_lost_answers_are_enough() {
    let books = Books::new().await;
    let mut lease = books.run(A).await;
    // Reserved, and not sent: it costs nothing.
    assert_eq!(books.reserve(&lease, "orchestrator", 1, &PLENTY).await, Reserved::Granted { attempt: 1 });
    lease = books.take_up(&lease).await;
    assert_eq!(books.number("select spent_nano + reserved_nano from agent_runs").await, 0);
    for lost in 2..=4 {
        assert_eq!(books.send(&lease, "orchestrator", 1).await, lost);
        lease = books.take_up(&lease).await;
        books.balance().await;
    }
    assert_eq!(books.number("select unknown_nano from agent_runs").await, 3 * CALL);
    assert_eq!(books.reserve(&lease, "orchestrator", 1, &PLENTY).await, Reserved::LostTooOften);
    // Another turn is not concerned, and one that has its answer is not asked again.
    books.answer(&lease, "orchestrator", 2, "[]", &[]).await;
    assert_eq!(books.reserve(&lease, "orchestrator", 2, &PLENTY).await, Reserved::Answered);
    books.balance().await;
}

#[tokio::test]
async fn a_run_that_ends_leaves_nothing_reserved_and_takes_no_more_writes() {
    let books = Books::new().await;
    let lease = books.run(A).await;
    books.send(&lease, "insights-1", 1).await;
    assert_eq!(books.reserve(&lease, "insights-2", 1, &PLENTY).await, Reserved::Granted { attempt: 1 });
    let mut tx = books.tx(A).await;
    agent_runs::finish(&mut tx, &lease, "stopped", "it was asked to").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(books.number("select sum(reserved_nano)::bigint from model_spend").await, 0);
    assert_eq!(books.number("select unknown_nano from agent_runs").await, CALL);
    books.balance().await;
    let mut tx = books.tx(A).await;
    assert!(is_superseded(&agent_runs::note(&mut tx, &lease, "insights-1", 2, "late").await));
    assert!(is_superseded(&agent_runs::reserve(&mut tx, &lease, &attempt("insights-1", 2), &PLENTY).await));
}

#[tokio::test]
async fn the_same_run_and_aliases_of_two_shops_have_nothing_to_do_with_each_other() {
    let books = Books::new().await;
    let of_a = books.run(A).await;
    let mut tx = books.tx(B).await;
    let new = NewAgentRun {
        kind: "plan-campaign",
        goal: "of b",
        as_of: "2026-11-29T10:00:00Z".parse().unwrap(),
        bundle: &json!({ "model": "other" }),
    };
    agent_runs::open(&mut tx, B, of_a.run_id, &new).await.unwrap();
    let of_b = agent_runs::lease(&mut tx, sender(B, of_a.run_id), "worker").await.unwrap();
    tx.commit().await.unwrap();

    let mut named = Vec::new();
    for lease in [of_a, of_b] {
        let members: Vec<Uuid> =
            sqlx::query_scalar("select id from members where tenant_id = $1 order by id")
                .bind(lease.tenant.0)
                .fetch_all(&books.database.admin)
                .await
                .unwrap();
        let mut tx = books.tx(lease.tenant).await;
        let first = agent_runs::aliases(&mut tx, &lease, &members[..12]).await.unwrap();
        let again =
            agent_runs::aliases(&mut tx, &lease, &[members[3], members[20], members[3]]).await.unwrap();
        assert_eq!((&again[0], &again[2], again[1].as_str()), (&first[3], &first[3], "m_13"));
        let mut distinct = first.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), 12);
        tx.commit().await.unwrap();
        named.push((members[3], first[3].clone()));
    }
    // Each shop finds its own member by an alias, and none by what nobody is called.
    for (lease, (member, alias)) in [of_a, of_b].iter().zip(&named) {
        let mut tx = books.tx(lease.tenant).await;
        let found = agent_runs::member_of(&mut tx, lease.tenant, lease.run_id, alias).await.unwrap();
        assert_eq!(found, Some(*member));
        for nobody in ["m_99", "m_", "7", "m_-1", "m_7 or true", "m_99999999999"] {
            let found = agent_runs::member_of(&mut tx, lease.tenant, lease.run_id, nobody).await.unwrap();
            assert_eq!(found, None, "{nobody}");
        }
    }
    // The lease of one shop in a transaction of the other: nothing is there.
    let mut tx = books.tx(B).await;
    assert!(is_superseded(&agent_runs::note(&mut tx, &of_a, "orchestrator", 1, "x").await));
    assert!(agent_runs::get(&mut tx, A, of_a.run_id).await.unwrap().is_none());
    assert!(agent_runs::journal(&mut tx, A, of_a.run_id).await.unwrap().notes.is_empty());
}

#[tokio::test]
async fn who_was_frozen_does_not_take_the_run_from_whoever_came_after() {
    let books = Books::new().await;
    let lease = books.run(A).await;
    books
        .execute(&format!(
            "insert into runs (id, tenant_id, task, key, trigger, root_id, state, payload, scheduled_for, attempt,
                 lease_expires_at)
             values ('{0}', 1, 'plan-strategic-goal', 'k', 'manual', '{0}', 'running', '', now(), 2, now())",
            lease.run_id
        ))
        .await;
    let of_attempt = |attempt| Sender { tenant: A, run_id: lease.run_id, attempt };
    let mut tx = books.tx(A).await;
    assert!(is_superseded(&agent_runs::lease(&mut tx, of_attempt(1), "frozen").await));
    let taken = agent_runs::lease(&mut tx, of_attempt(2), "next").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(taken.epoch, lease.epoch + 1);
    // Nor does anybody take up one that was cancelled meanwhile.
    books.execute("update runs set state = 'cancelled', finished_at = now(), lease_expires_at = null").await;
    let mut tx = books.tx(A).await;
    assert!(is_superseded(&agent_runs::lease(&mut tx, of_attempt(2), "late").await));
}
