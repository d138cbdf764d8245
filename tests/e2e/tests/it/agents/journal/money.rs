//! Limits on what may be spent hold, and each try is settled once.

use futures::future::join_all;
use tradeup_store::agent_runs::{self, Cap, Caps, Lease, Reserved};

use super::{A, B, Books, CALL, LOST, PLENTY, answer, attempt, granted, is_superseded};

/// Asks for turn after turn until it is refused, and says what came of each.
async fn until_refused(books: &Books, lease: Lease, caps: &Caps) -> Vec<Reserved> {
    let mut outcomes = Vec::new();
    for seq in 1..100 {
        outcomes.push(books.reserve(&lease, "orchestrator", seq, caps).await);
        if matches!(outcomes.last(), Some(Reserved::Over(_))) {
            return outcomes;
        }
    }
    panic!("never refused");
}

#[tokio::test]
async fn no_limit_is_overrun_by_twenty_who_reserve_at_once() {
    for (caps, of_a, of_all, refused) in [
        (Caps { run_nano: 3 * CALL, ..PLENTY }, 30, 60, Cap::Run),
        (Caps { day_nano: 7 * CALL + CALL / 2, ..PLENTY }, 7, 14, Cap::Day),
        (Caps { month_nano: 9 * CALL, ..PLENTY }, 9, 18, Cap::Month),
    ] {
        let books = Books::new().await;
        let mut runs = Vec::new();
        for tenant in [A, B].repeat(10) {
            runs.push(books.run(tenant).await);
        }
        let outcomes = join_all(runs.iter().map(|lease| until_refused(&books, *lease, &caps))).await;
        let all: Vec<Reserved> = outcomes.iter().flatten().copied().collect();
        assert_eq!(granted(&all), of_all, "{refused:?}");
        assert!(
            outcomes.iter().all(|outcomes| outcomes.last() == Some(&Reserved::Over(refused))),
            "{outcomes:?}"
        );
        let tries = books.number("select count(*) from model_attempts where tenant_id = 1").await;
        assert_eq!(tries, of_a, "{refused:?}");
        books.balance().await;
    }
}

#[tokio::test]
async fn what_all_shops_may_spend_in_a_day_is_not_overrun_and_leaves_nothing_in_other_purses() {
    let books = Books::new().await;
    let caps = Caps { all_day_nano: 11 * CALL, ..PLENTY };
    let mut runs = Vec::new();
    for tenant in [A, B].repeat(10) {
        runs.push(books.run(tenant).await);
    }
    let outcomes = join_all(runs.iter().map(|lease| until_refused(&books, *lease, &caps))).await;
    let all: Vec<Reserved> = outcomes.iter().flatten().copied().collect();
    assert_eq!(granted(&all), 11);
    assert_eq!(all.iter().filter(|outcome| **outcome == Reserved::Over(Cap::AllDay)).count(), 20);
    // Who was refused by the last purse has given back what it took from the first.
    books.balance().await;
}

#[tokio::test]
async fn the_agents_of_one_run_share_its_limit() {
    let books = Books::new().await;
    let lease = books.run(A).await;
    let caps = Caps { run_nano: 6 * CALL, ..PLENTY };
    let agents: Vec<String> = (0..20).map(|n| format!("insights-{n}")).collect();
    let outcomes = join_all(agents.iter().map(|agent| books.reserve(&lease, agent, 1, &caps))).await;
    assert_eq!(granted(&outcomes), 6);
    books.balance().await;
}

#[tokio::test]
async fn a_limit_holds_while_others_settle() {
    let books = Books::new().await;
    let caps = Caps { day_nano: 5 * CALL, ..PLENTY };
    let mut runs = Vec::new();
    for _ in 0..20 {
        runs.push(books.run(A).await);
    }
    // Each answer costs a quarter of what was reserved. Who is refused gives up, though room is made later.
    let work = runs.iter().map(|lease| async {
        for seq in 1..=4 {
            let Reserved::Granted { attempt } = books.reserve(lease, "orchestrator", seq, &caps).await else {
                return;
            };
            let mut tx = books.tx(A).await;
            agent_runs::sent(&mut tx, lease, "orchestrator", seq, attempt).await.unwrap();
            tx.commit().await.unwrap();
            let mut tx = books.tx(A).await;
            agent_runs::answered(&mut tx, lease, "orchestrator", seq, attempt, &answer()).await.unwrap();
            tx.commit().await.unwrap();
        }
    });
    join_all(work).await;
    let spent = books.number("select spent_nano from model_spend where length(period) = 10").await;
    assert!(spent > 0 && spent <= caps.day_nano, "{spent}");
    assert_eq!(books.number("select sum(reserved_nano)::bigint from model_spend").await, 0);
    books.balance().await;
    // What was not needed is free again: whoever asks now gets all that is left, and no more.
    let late = until_refused(&books, books.run(A).await, &caps).await;
    assert_eq!(granted(&late), (caps.day_nano - spent) / CALL);
    books.balance().await;
}

#[tokio::test]
async fn a_try_is_settled_once_whoever_comes_first() {
    let books = Books::new().await;
    let lease = books.run(A).await;
    let attempt = books.send(&lease, "orchestrator", 1).await;
    let settle = (0..18).map(|n| {
        let books = &books;
        async move {
            let mut tx = books.tx(A).await;
            let settled = match n % 3 {
                0 => agent_runs::answered(&mut tx, &lease, "orchestrator", 1, attempt, &answer())
                    .await
                    .map(drop),
                1 => agent_runs::rejected(&mut tx, &lease, "orchestrator", 1, attempt, &LOST).await,
                _ => agent_runs::unknown(&mut tx, &lease, "orchestrator", 1, attempt, &LOST).await,
            };
            tx.commit().await.unwrap();
            if settled.is_err() {
                assert!(is_superseded(&settled), "{settled:?}");
            }
            settled.is_ok()
        }
    });
    let settled = join_all(settle).await;
    assert_eq!(settled.iter().filter(|settled| **settled).count(), 1);
    assert_eq!(books.number("select sum(reserved_nano)::bigint from model_spend").await, 0);
    books.balance().await;
}

#[tokio::test]
async fn each_end_of_a_try_is_booked_as_what_it_is() {
    let books = Books::new().await;
    for (ending, spent, unknown) in [("answered", CALL / 4, 0), ("rejected", 0, 0), ("unknown", CALL, CALL)] {
        let lease = books.run(A).await;
        let attempt = books.send(&lease, "orchestrator", 1).await;
        let mut tx = books.tx(A).await;
        match ending {
            "answered" => {
                agent_runs::answered(&mut tx, &lease, "orchestrator", 1, attempt, &answer())
                    .await
                    .map(drop)
                    .unwrap();
            }
            "rejected" => {
                agent_runs::rejected(&mut tx, &lease, "orchestrator", 1, attempt, &LOST).await.unwrap();
            }
            _ => agent_runs::unknown(&mut tx, &lease, "orchestrator", 1, attempt, &LOST).await.unwrap(),
        }
        tx.commit().await.unwrap();
        let mut tx = books.tx(A).await;
        let run = agent_runs::get(&mut tx, A, lease.run_id).await.unwrap().unwrap();
        assert_eq!((run.spent_nano, run.unknown_nano, run.reserved_nano), (spent, unknown, 0), "{ending}");
    }
    books.balance().await;
}

#[tokio::test]
async fn what_was_reserved_on_another_day_is_settled_on_that_day() {
    let books = Books::new().await;
    let lease = books.run(A).await;
    let attempt = books.send(&lease, "orchestrator", 1).await;
    books
        .execute(
            "
        update model_attempts set day = '2026-10-31';
        update model_spend set period = case length(period) when 7 then '2026-10' else '2026-10-31' end;
        update model_spend_days set day = '2026-10-31'",
        )
        .await;
    let mut tx = books.tx(A).await;
    agent_runs::answered(&mut tx, &lease, "orchestrator", 1, attempt, &answer()).await.map(drop).unwrap();
    tx.commit().await.unwrap();
    assert_eq!(books.number("select count(*) from model_spend").await, 2, "no other period was touched");
    assert_eq!(
        books.number("select count(*) from model_spend where reserved_nano = 0 and spent_nano > 0").await,
        2
    );
    books.balance().await;
}

#[tokio::test]
async fn the_day_is_that_of_utc_whatever_zone_the_session_has() {
    let books = Books::new().await;
    let lease = books.run(A).await;
    // One of them is another day at any moment.
    for (seq, zone) in [(1, "Pacific/Kiritimati"), (2, "Etc/GMT+12")] {
        let mut tx = books.tx(A).await;
        sqlx::query("select set_config('timezone', $1, true)").bind(zone).execute(&mut *tx).await.unwrap();
        agent_runs::reserve(&mut tx, &lease, &attempt("orchestrator", seq), &PLENTY).await.unwrap();
        tx.commit().await.unwrap();
    }
    let other = "select count(*) from model_attempts where day <> (reserved_at at time zone 'UTC')::date";
    assert_eq!(books.number(other).await, 0);
}

#[tokio::test]
async fn an_answer_can_not_come_to_what_was_never_sent() {
    let books = Books::new().await;
    let lease = books.run(A).await;
    assert_eq!(books.reserve(&lease, "orchestrator", 1, &PLENTY).await, Reserved::Granted { attempt: 1 });
    let mut tx = books.tx(A).await;
    let answered = agent_runs::answered(&mut tx, &lease, "orchestrator", 1, 1, &answer()).await;
    assert!(answered.is_err());
    tx.rollback().await.unwrap();
    let mut tx = books.tx(A).await;
    assert!(agent_runs::unknown(&mut tx, &lease, "orchestrator", 1, 1, &LOST).await.is_err());
    tx.rollback().await.unwrap();
    let mut tx = books.tx(A).await;
    agent_runs::rejected(&mut tx, &lease, "orchestrator", 1, 1, &LOST).await.unwrap();
    tx.commit().await.unwrap();
    books.balance().await;
}
