//! COMMIT with an outcome that its client does not learn, before a real PostgreSQL.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgPool};
use tradeup_harness::{CommitCut, Database, FaultProxy, Servers, eventually};

const SOON: Duration = Duration::from_secs(10);

struct Book {
    database: Database,
    proxy: FaultProxy,
    /// Connections through the proxy.
    through: PgPool,
}

async fn begin() -> Book {
    let database = Database::create(&Servers::shared().environment()).await;
    // Deferred, so that a COMMIT can be refused.
    let table = "create table book (id integer unique deferrable initially deferred)";
    sqlx::raw_sql(table).execute(&database.admin).await.unwrap();
    sqlx::raw_sql("grant all on book to public").execute(&database.admin).await.unwrap();
    let proxy = FaultProxy::before(&database.app_url, 3);
    let options: PgConnectOptions = proxy.through(&database.app_url).parse().unwrap();
    let through = PgPoolOptions::new().connect_lazy_with(options.disable_statement_logging());
    Book { database, proxy, through }
}

impl Book {
    async fn write(&self, id: i32) -> Result<(), sqlx::Error> {
        let mut tx = self.through.begin().await?;
        sqlx::query("insert into book values ($1)").bind(id).execute(&mut *tx).await?;
        tx.commit().await
    }

    /// Which ids are committed, once no transaction is open any more.
    async fn committed(&self) -> Vec<i32> {
        eventually("every transaction has ended", SOON, || async {
            let open: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                 where datname = current_database() and xact_start is not null and pid <> pg_backend_pid()",
            )
            .fetch_one(&self.database.admin)
            .await
            .unwrap();
            (open == 0).then_some(())
        })
        .await;
        let ids = sqlx::query_scalar("select id from book order by id");
        ids.fetch_all(&self.database.admin).await.unwrap()
    }
}

fn assert_link_lost(result: Result<(), sqlx::Error>) {
    match result {
        Err(sqlx::Error::Io(_)) => (),
        other => panic!("the connection is lost in the middle of COMMIT: {other:?}"),
    }
}

#[tokio::test]
async fn a_commit_lost_before_the_server_is_not_committed() {
    let book = begin().await;
    book.write(1).await.unwrap();
    book.proxy.lose_commit(2, CommitCut::BeforeServer);
    book.write(2).await.unwrap();
    assert_link_lost(book.write(3).await);
    book.write(4).await.expect("one COMMIT was to be lost, no more");
    assert_eq!(book.committed().await, [1, 2, 4]);
    let commits = book.proxy.counters().commits;
    assert_eq!((commits.seen, commits.cut_before_server, commits.cut_before_answer), (4, 1, 0));
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_committed() {
    let book = begin().await;
    book.proxy.lose_commit(1, CommitCut::BeforeAnswer);
    assert_link_lost(book.write(1).await);
    book.write(2).await.unwrap();
    assert_eq!(book.committed().await, [1, 2]);
    let commits = book.proxy.counters().commits;
    assert_eq!((commits.seen, commits.cut_before_server, commits.cut_before_answer), (2, 0, 1));
}

#[tokio::test]
async fn a_refused_commit_is_told_apart() {
    let book = begin().await;
    book.write(1).await.unwrap();
    book.proxy.lose_commit(1, CommitCut::BeforeAnswer);
    assert_link_lost(book.write(1).await);
    assert_eq!(book.committed().await, [1]);
    let commits = book.proxy.counters().commits;
    assert_eq!((commits.cut_before_answer, commits.cut_before_refusal), (0, 1));
}

#[tokio::test]
async fn both_branches_among_many_commits() {
    let book = begin().await;
    book.proxy.lose_commit(5, CommitCut::BeforeServer);
    book.proxy.lose_commit(9, CommitCut::BeforeAnswer);
    let mut unknown = Vec::new();
    for id in 1..=12 {
        if book.write(id).await.is_err() {
            unknown.push(id);
        }
    }
    assert_eq!(unknown, [5, 9]);
    assert_eq!(book.committed().await, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12]);
    assert_eq!(book.proxy.counters().faults(), 2);
}
