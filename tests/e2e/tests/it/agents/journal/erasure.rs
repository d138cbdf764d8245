//! What has to be forgotten is, and what was paid stays.

use serde_json::json;
use tradeup_store::privacy::{self, Person};
use tradeup_store::{agent_runs, retention};
use uuid::Uuid;

use super::{A, B, Books, CALL, KEEP, call, is_superseded};

#[tokio::test]
async fn a_forgotten_customer_is_in_no_text_and_others_stay() {
    let books = Books::new().await;
    let mut runs = Vec::new();
    for tenant in [A, B] {
        let lease = books.run(tenant).await;
        let members: Vec<Uuid> =
            sqlx::query_scalar("select id from members where tenant_id = $1 order by external_id::integer")
                .bind(tenant.0)
                .fetch_all(&books.database.admin)
                .await
                .unwrap();
        let mut tx = books.tx(tenant).await;
        let names = agent_runs::aliases(&mut tx, &lease, &members).await.unwrap();
        // One whose name begins another's: m_1 and m_10.
        let short = names.iter().position(|name| name == "m_1").unwrap();
        let long = names.iter().position(|name| name == "m_10").unwrap();
        agent_runs::note(&mut tx, &lease, "insights-1", 1, "look at m_1").await.unwrap();
        agent_runs::note(&mut tx, &lease, "insights-2", 1, "look at m_10").await.unwrap();
        tx.commit().await.unwrap();
        // As JSON has it, a line that begins with a name.
        books.answer(&lease, "insights-1", 1, r#"["at risk:\nm_1"]"#, &[call("toolu_1", "{}")]).await;
        books
            .answer(&lease, "insights-2", 1, r#"["at risk:\nm_10"]"#, &[call("toolu_2", r#"{"of":"m_10"}"#)])
            .await;
        let mut tx = books.tx(tenant).await;
        for (agent, id, text) in [("insights-1", "toolu_1", "[m_1]"), ("insights-2", "toolu_2", "[m_10]")] {
            assert!(agent_runs::call_done(&mut tx, &lease, agent, id, text, false).await.unwrap());
        }
        tx.commit().await.unwrap();
        runs.push((lease, members[short], short + 1, members[long]));
    }
    let (lease, member, external, other) = runs[0];
    let mut tx = books.tx(A).await;
    let data = privacy::data_of(&mut tx, A, member).await.unwrap();
    assert_eq!(data["agents"][0]["known_as"], "m_1");
    let person = Person { external_id: Some(external.to_string()), email: None };
    let erased = privacy::forget(&mut tx, A, &person).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        (&erased["members"], &erased["agent_runs"], &erased["agent_texts"]),
        (&json!(1), &json!(1), &json!(3))
    );

    let mut tx = books.tx(A).await;
    let journal = agent_runs::journal(&mut tx, A, lease.run_id).await.unwrap();
    let turns: Vec<Option<&str>> = journal.turns.iter().map(|turn| turn.content.as_deref()).collect();
    assert_eq!(turns, [None, Some(r#"["at risk:\nm_10"]"#)]);
    let results: Vec<Option<&str>> = journal.calls.iter().map(|call| call.content.as_deref()).collect();
    assert_eq!(results, [None, Some("[m_10]")]);
    assert_eq!(journal.calls[0].state, "done", "it was answered all the same");
    assert_eq!(agent_runs::member_of(&mut tx, A, lease.run_id, "m_1").await.unwrap(), None);
    assert_eq!(agent_runs::member_of(&mut tx, A, lease.run_id, "m_10").await.unwrap(), Some(other));
    assert_eq!(privacy::data_of(&mut tx, A, member).await.unwrap()["agents"], json!([]));
    // The other shop has lost nothing.
    let (lease, member, ..) = runs[1];
    let mut tx = books.tx(B).await;
    assert_eq!(agent_runs::member_of(&mut tx, B, lease.run_id, "m_1").await.unwrap(), Some(member));
    let journal = agent_runs::journal(&mut tx, B, lease.run_id).await.unwrap();
    assert!(journal.turns.iter().all(|turn| turn.content.is_some()));
    drop(tx);

    let mut tx = books.tx(B).await;
    let erased = privacy::forget_shop(&mut tx, B).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((&erased["agent_runs"], &erased["agent_texts"]), (&json!(1), &json!(6)));
    assert_eq!(books.number("select count(*) from agent_aliases where tenant_id = 2").await, 0);
}

#[tokio::test]
async fn after_thirty_days_texts_are_gone_and_what_was_paid_stays() {
    let books = Books::new().await;
    let ended = books.run(A).await;
    books.answer(&ended, "orchestrator", 1, "[\"text\"]", &[call("toolu_1", "{}")]).await;
    let mut tx = books.tx(A).await;
    agent_runs::finish(&mut tx, &ended, "done", "planned").await.unwrap();
    tx.commit().await.unwrap();
    let parked = books.run(A).await;
    books.answer(&parked, "orchestrator", 1, "[\"text\"]", &[]).await;
    books.send(&parked, "orchestrator", 2).await;
    let young = books.run(A).await;
    books.answer(&young, "orchestrator", 1, "[\"text\"]", &[]).await;
    books.send(&young, "orchestrator", 2).await;
    let others = books.run(B).await;
    books.answer(&others, "orchestrator", 1, "[\"text\"]", &[]).await;
    let old = format!("'{}', '{}'", ended.run_id, parked.run_id);
    books
        .execute(&format!(
            "update agent_runs set began_at = now() - interval '31 days' where run_id in ({old});
             update model_attempts set reserved_at = now() - interval '61 minutes' where run_id = '{}'",
            parked.run_id
        ))
        .await;

    assert_eq!(retention::erase_bodies(&books.pool, A, KEEP).await.unwrap(), 2);
    assert_eq!(retention::erase_bodies(&books.pool, A, KEEP).await.unwrap(), 0);
    for (lease, state, is_gone) in
        [(ended, "done", true), (parked, "failed", true), (young, "running", false)]
    {
        let mut tx = books.tx(A).await;
        let run = agent_runs::get(&mut tx, A, lease.run_id).await.unwrap().unwrap();
        assert_eq!(run.state, state);
        let journal = agent_runs::journal(&mut tx, A, lease.run_id).await.unwrap();
        assert_eq!(journal.turns[0].content.is_none(), is_gone);
        assert_eq!(journal.turns[0].cost_nano, CALL / 4);
    }
    // Nobody came back to the try of an hour ago; the one that has just left is not touched.
    let open = books.number("select count(*) from model_attempts where state = 'sent'").await;
    assert_eq!(open, 1);
    books.balance().await;
    // Whoever still held the erased run is refused.
    let mut tx = books.tx(A).await;
    assert!(is_superseded(&agent_runs::note(&mut tx, &parked, "orchestrator", 3, "late").await));
    drop(tx);
    assert_eq!(
        books.number("select count(*) from agent_turns where tenant_id = 2 and content is null").await,
        0
    );
}
