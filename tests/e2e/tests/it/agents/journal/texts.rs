//! What is written down is complete, comes once, and comes back as it was.

use futures::future::join_all;
use tradeup_domain::figure::Figure;
use tradeup_store::agent_runs::{self, NewAnswer, NewCall};

use super::{A, Books, answer, call};

#[tokio::test]
async fn facts_are_numbered_without_gaps_by_many_at_once_some_of_whom_give_up() {
    let books = Books::new().await;
    let lease = books.run(A).await;
    let as_of = "2026-11-29T10:00:00Z".parse().unwrap();
    let work = (0..40_i64).map(|n| {
        let books = &books;
        async move {
            let figures: Vec<Figure> =
                (0..=n % 5).map(|value| Figure::count("m", value).over(format!("{n}d"))).collect();
            let mut tx = books.tx(A).await;
            let agent = format!("insights-{n}");
            let ids = agent_runs::mint(&mut tx, &lease, &agent, "t", "toolu", as_of, &figures).await.unwrap();
            if n % 3 == 0 {
                tx.rollback().await.unwrap();
                return Vec::new();
            }
            tx.commit().await.unwrap();
            assert_eq!(ids.len(), figures.len());
            ids
        }
    });
    let mut given: Vec<i32> = Vec::new();
    for ids in join_all(work).await {
        let numbers: Vec<i32> = ids.iter().map(|id| id.strip_prefix('F').unwrap().parse().unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "in order: {numbers:?}");
        given.extend(numbers);
    }
    given.sort_unstable();
    assert_eq!(given, (1..=i32::try_from(given.len()).unwrap()).collect::<Vec<_>>());
    let mut tx = books.tx(A).await;
    let kept = agent_runs::journal(&mut tx, A, lease.run_id).await.unwrap().facts;
    assert_eq!(kept.iter().map(|fact| fact.id).collect::<Vec<_>>(), given);
}

#[tokio::test]
async fn a_tool_has_one_result_and_its_text_comes_back_as_it_was() {
    let books = Books::new().await;
    let lease = books.run(A).await;
    let content = "[ {\"z\":1.50,\"a\" : \"\\u0000 \\ud83d\\ude00 é\"},{\"a\":1,\"a\":2} ]";
    let input = "{\"window\":  \"90d\", \"b\":1e2}";
    books.answer(&lease, "orchestrator", 1, content, &[call("toolu_1", input)]).await;
    let work = (0..20).map(|n| {
        let books = &books;
        async move {
            let mut tx = books.tx(A).await;
            let text = format!("result {n}\0");
            let is_first = agent_runs::call_done(&mut tx, &lease, "orchestrator", "toolu_1", &text, false)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            is_first.then_some(n)
        }
    });
    let first: Vec<i32> = join_all(work).await.into_iter().flatten().collect();
    assert_eq!(first.len(), 1);
    let mut tx = books.tx(A).await;
    let journal = agent_runs::journal(&mut tx, A, lease.run_id).await.unwrap();
    assert_eq!(journal.turns[0].content.as_deref(), Some(content));
    assert_eq!(journal.calls[0].input.as_deref(), Some(input));
    assert_eq!(journal.calls[0].content, Some(format!("result {}", first[0])), "without NUL");
}

#[tokio::test]
async fn an_answer_that_was_paid_is_kept_however_broken_its_calls_are() {
    let books = Books::new().await;
    let lease = books.run(A).await;
    books.answer(&lease, "orchestrator", 1, "[]", &[call("toolu_1", "{}")]).await;
    // The same id twice, one of a turn before, and characters that PostgreSQL takes in no text.
    let calls = [
        call("toolu_2", "first"),
        call("toolu_2", "second"),
        call("toolu_1", "again"),
        NewCall { tool_use_id: "toolu\0_3", name: "no\0such", input: "{}" },
    ];
    let attempt = books.send(&lease, "orchestrator", 2).await;
    let mut tx = books.tx(A).await;
    let broken = NewAnswer {
        content: "[]",
        stop_reason: "tool\0use",
        request_id: Some("req\0_2"),
        calls: &calls,
        ..answer()
    };
    agent_runs::answered(&mut tx, &lease, "orchestrator", 2, attempt, &broken).await.map(drop).unwrap();
    tx.commit().await.unwrap();
    let mut tx = books.tx(A).await;
    let journal = agent_runs::journal(&mut tx, A, lease.run_id).await.unwrap();
    assert_eq!(journal.turns.len(), 2);
    let kept: Vec<(&str, Option<&str>)> =
        journal.calls.iter().map(|call| (call.tool_use_id.as_str(), call.input.as_deref())).collect();
    assert_eq!(kept, [("toolu_1", Some("{}")), ("toolu_2", Some("first")), ("toolu_3", Some("{}"))]);
    books.balance().await;
}
