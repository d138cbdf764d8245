//! No statement of a service slows down as tables grow: each is planned as its role, under row level security, with the
//! statistics of a large installation (`plans/large.sql`), for any arguments and for particular ones.
//!
//! A new statement is among them, since they are taken from the binaries; a new table has to be given a size. Whoever
//! means to read a whole table says so in `plans/allowed.rs`.

mod allowed;
mod arguments;
mod findings;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tradeup_harness::{Database, Servers};

use self::findings::{Finding, findings};
use crate::least_privilege::{Query, ROLES, queries, session, statements_in};

/// The shop that has a twentieth of everything.
const LARGE_SHOP: &str = "42";

/// Tables that are empty at most times, and how many rows they get.
const COMES_AND_GOES: [(&str, i64); 5] = [
    ("outbox", 1_000_000),
    ("unclaimed_events", 100_000),
    ("delivery_wakes", 100_000),
    ("push_wakes", 100_000),
    ("privacy_due", 10_000),
];
/// The same of what is under way in tables that keep what was: their partial indexes.
const UNDER_WAY: [(&str, &str, i64); 6] = [
    ("runs", "runs_unfinished", 1_000_000),
    ("batches", "batches_planned", 1_000_000),
    ("deliveries", "deliveries_due", 1_000_000),
    ("pushes", "pushes_due", 1_000_000),
    ("pushes", "pushes_under_way", 10_000),
    ("holds", "holds_open", 1_000_000),
];
/// Statements that may then read all that waits, since they read it once, and hold nothing of it meanwhile that they do not change.
const ONCE: [&str; 14] = [
    "-- The oldest event whose shop a tenant has by now",
    "-- Fires that are every shop's, and whether something below them has not ended",
    "-- Runs that wait for children, oldest first",
    "-- Trees of runs that ended long ago",
    "-- What differs whenever what is under way, dead or decided does",
    "from runs where tenant_id = $1 and finished_at is null and id <> $2",
    "-- A queued run goes when no other run of its schedule is under way",
    "where o.held_by = 'limit' and r.tenant_id = $1 and r.task = $2",
    "-- How the engine stands, as words and numbers",
    "-- Runs that wait to be worked on while nothing holds them back",
    "-- What one rule finds, from the engine's own tables",
    "group by t.handle, r.task, o.held_by",
    "select state, count(*) as \"runs!\" from runs where finished_at is null",
    // Planned without nested loops (outbox::let_go).
    "-- $1 held by $2 tenant, or all $3 runs a second",
];

/// A database that looks as if it held ten million runs and a hundred million entries, and how many rows are in each
/// table and index.
async fn large() -> (Database, BTreeMap<String, i64>) {
    let database = Database::create(&Servers::shared().environment()).await;
    let mut admin = database.admin.acquire().await.unwrap();
    sqlx::raw_sql(include_str!("plans/large.sql")).execute(&mut *admin).await.unwrap();
    let unsized_tables: Vec<String> =
        sqlx::query_scalar("select name from unsized").fetch_all(&mut *admin).await.unwrap();
    assert!(unsized_tables.is_empty(), "say in plans/large.sql how large these get: {unsized_tables:?}");
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "select relname::text, reltuples::bigint from pg_class
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'i')",
    )
    .fetch_all(&mut *admin)
    .await
    .unwrap();
    (database, rows.into_iter().collect())
}

/// A session as services have it, of the large shop.
async fn service(database: &Database, binary: &str) -> PgConnection {
    let mut session = session(database, binary).await;
    let set = format!("set enable_seqscan = off; select set_config('app.tenant_id', '{LARGE_SHOP}', false)");
    run(&mut session, &set).await;
    session
}

async fn run(session: &mut PgConnection, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(session)
        .await
        .unwrap_or_else(|error| panic!("{error}: {statement}"));
}

async fn plan(session: &mut PgConnection, mode: &str, arguments: &[String]) -> Value {
    let list = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
    run(session, &format!("set plan_cache_mode = {mode}")).await;
    let asked = format!("explain (format json) execute looked_at{list}");
    let row = sqlx::raw_sql(AssertSqlSafe(asked.clone()))
        .fetch_one(session)
        .await
        .unwrap_or_else(|error| panic!("{error}: {asked}"));
    row.get::<Value, _>(0)[0]["Plan"].clone()
}

/// What is wrong with a statement's plans.
async fn look(session: &mut PgConnection, query: &Query, rows: &BTreeMap<String, i64>) -> Vec<Finding> {
    let text = query.text.trim_end().trim_end_matches(';');
    run(session, &format!("prepare looked_at as {text}")).await;
    let mut found = Vec::new();
    if !allowed::planned_anew(text) {
        let any = plan(session, "force_generic_plan", &arguments::all(query)).await;
        found.extend(findings(&any, rows, "for any arguments"));
    }
    for arguments in arguments::variants(query) {
        let this = plan(session, "force_custom_plan", &arguments).await;
        found.extend(findings(&this, rows, &format!("for ({})", arguments::short(&arguments))));
    }
    run(session, "deallocate looked_at").await;
    found
}

/// What is wrong with the plans of the services' statements of which this is asked, each planned once.
async fn look_at_all(
    database: &Database,
    rows: &BTreeMap<String, i64>,
    is_asked: impl Fn(&str) -> bool,
) -> BTreeMap<String, Vec<Finding>> {
    let queries = queries();
    let texts: Vec<String> = queries.iter().map(|query| query.text.clone()).collect();
    let mut seen: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    // People's own questions by the command may scan.
    for (binary, _) in ROLES.into_iter().filter(|(binary, _)| *binary != "tradeup") {
        let mut session = service(database, binary).await;
        for text in statements_in(binary, &texts).into_iter().filter(|text| is_asked(text)) {
            if let Entry::Vacant(place) = seen.entry(text) {
                let query = queries.iter().find(|query| query.text == *place.key()).unwrap();
                place.insert(look(&mut session, query, rows).await);
            }
        }
        session.close().await.unwrap();
    }
    seen
}

#[tokio::test]
async fn no_statement_of_a_service_reads_a_large_table_or_index_whole() {
    let (database, rows) = large().await;
    let seen = look_at_all(&database, &rows, |_| true).await;
    assert!(seen.len() > 400, "{} statements", seen.len());
    let mut needed = vec![false; allowed::ALLOWED.len()];
    let mut wrong = String::new();
    for (text, found) in &seen {
        let begin: String = text.split_whitespace().take(40).collect::<Vec<_>>().join(" ");
        let mut wrong_here = String::new();
        for finding in found {
            match allowed::position(text, &finding.of) {
                Some(at) => needed[at] = true,
                None => wrong_here += &format!("    {finding}\n"),
            }
        }
        if !wrong_here.is_empty() {
            wrong += &format!("\n{begin}\n{wrong_here}");
        }
    }
    assert!(
        wrong.is_empty(),
        "these slow down as tables grow; mend them, or say in plans/allowed.rs why they may:\n{wrong}"
    );
    let stale: Vec<&str> = allowed::ALLOWED
        .iter()
        .zip(&needed)
        .filter(|(_, needed)| !**needed)
        .map(|((text, ..), _)| *text)
        .collect();
    assert!(stale.is_empty(), "not needed any more in plans/allowed.rs: {stale:#?}");
}

/// What fills and empties in a moment is empty when its statistics are taken, and full when it matters. What is planned then is
/// held against what is there, since whoever holds its rows meanwhile holds up everybody's work.
#[tokio::test]
async fn no_plan_from_a_time_when_nothing_waited_reads_all_that_waits() {
    let (database, mut rows) = large().await;
    let mut admin = database.admin.acquire().await.unwrap();
    let indexes = UNDER_WAY.iter().map(|&(_, index, waiting)| (index, waiting));
    for (table, waiting) in COMES_AND_GOES.into_iter().chain(indexes) {
        let names: Vec<String> = sqlx::query_scalar(
            "select c.relname::text from pg_class c left join pg_index i on i.indexrelid = c.oid
             where $1::text::regclass in (c.oid, i.indrelid)",
        )
        .bind(table)
        .fetch_all(&mut *admin)
        .await
        .unwrap();
        for name in names {
            // As VACUUM leaves it: pages that may be filled again, and no row in them.
            sqlx::query(
                "select pg_restore_relation_stats('schemaname', 'public', 'relname', $1::text, 'relpages', 5, 'reltuples', 0::real)",
            )
            .bind(&name)
            .execute(&mut *admin)
            .await
            .unwrap();
            rows.insert(name, waiting);
        }
    }
    let tables =
        || COMES_AND_GOES.iter().map(|(table, _)| *table).chain(UNDER_WAY.iter().map(|(table, ..)| *table));
    let names_one = |text: &str| tables().any(|table| text.contains(table));
    let seen = look_at_all(&database, &rows, names_one).await;
    assert!(seen.len() > 20, "{} statements that name them", seen.len());
    let mut needed = [false; ONCE.len()];
    let mut wrong = String::new();
    for (text, found) in &seen {
        let spaced = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for finding in found.iter().filter(|finding| allowed::position(text, &finding.of).is_none()) {
            match ONCE.iter().position(|part| spaced.contains(part)) {
                Some(at) => needed[at] = true,
                None => {
                    let begin: String = spaced.chars().take(200).collect();
                    wrong += &format!("\n{begin}\n    {finding}\n");
                }
            }
        }
    }
    let stale: Vec<_> = ONCE.iter().zip(needed).filter(|(_, needed)| !needed).collect();
    assert!(stale.is_empty(), "not needed any more in ONCE: {stale:?}");
    assert!(wrong.is_empty(), "these read all that waits when statistics say that nothing does:\n{wrong}");
}

/// What the tests above rest on: they see what is wrong.
#[tokio::test]
async fn what_reads_a_whole_table_is_seen() {
    let (database, rows) = large().await;
    let mut session = service(&database, "console").await;
    for (text, parameters, is_wrong) in [
        ("select state from runs where id = $1", vec!["Uuid"], false),
        ("select state from runs where error = $1", vec!["Text"], true),
        ("select state from runs order by id desc limit 20", vec![], false),
        ("select state from runs where triggered_by = $1 order by id desc limit 20", vec!["Text"], true),
        ("select count(*) from runs", vec![], true),
        (
            "select a.outcome from runs r join attempts a on a.run_id = r.id where r.id = any ($1)",
            vec!["UuidArray"],
            false,
        ),
        (
            "select a.outcome from runs r join attempts a on a.run_id = r.id where r.state = $1",
            vec!["Text"],
            true,
        ),
        ("select sum(amount_minor) from ledger_entries where tenant_id = $1", vec!["Int8"], true),
        (
            "select amount_minor from ledger_entries where tenant_id = $1 and lot_id = $2",
            vec!["Int8", "Uuid"],
            false,
        ),
        (
            "select balance_minor from accounts where tenant_id = $1 and member_id = $2",
            vec!["Int8", "Uuid"],
            false,
        ),
    ] {
        let query =
            Query { text: text.to_owned(), parameters: parameters.into_iter().map(str::to_owned).collect() };
        let found = look(&mut session, &query, &rows).await;
        assert_eq!(!found.is_empty(), is_wrong, "{text}: {found:?}");
    }
}
