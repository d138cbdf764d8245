//! Each service may what its statements need, on the tables that they name, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tradeup_harness::{Database, Servers, binary, own_role, repository};

/// Binaries, and what they log in as.
pub(crate) const ROLES: [(&str, &str); 6] = [
    ("scheduler", "tradeup_scheduler"),
    ("credits", "tradeup_credits"),
    ("webhooks", "tradeup_webhooks"),
    ("agents", "tradeup_agents"),
    ("console", "tradeup_console"),
    ("tradeup", "tradeup_cli"),
];

/// What is money: written by those who book it, and by nobody else.
const LEDGER: [&str; 9] = [
    "accounts",
    "lots",
    "ledger_entries",
    "debt_entries",
    "operations",
    "holds",
    "hold_parts",
    "merges",
    "pushes",
];

/// Who may sign in where, by what. Of `api_tokens`, shops' own systems.
const SIGNING_IN: [&str; 5] = ["users", "sessions", "user_tokens", "sign_in_attempts", "sign_in_failures"];

async fn database() -> Database {
    Database::create(&Servers::shared().environment()).await
}

/// A session as a service has it.
pub(crate) async fn session(database: &Database, binary: &str) -> PgConnection {
    let environment = [("TRADEUP_DATABASE_URL".to_owned(), database.app_url.clone())].into();
    let (_, url) = own_role(binary, &environment).unwrap();
    PgConnection::connect(&url).await.unwrap()
}

/// Tables and views, and who may do what on each: on the whole of it or on some columns.
async fn rights(database: &Database) -> BTreeMap<String, BTreeSet<(String, String)>> {
    let rows: Vec<(String, Option<String>, Option<String>)> = sqlx::query_as(
        "select c.relname::text, r.rolname::text, v.verb
         from pg_class c
         left join (pg_roles r cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as v (verb))
             on r.rolname = any ($1)
             and case v.verb when 'DELETE' then has_table_privilege(r.rolname, c.oid, v.verb)
                 else has_any_column_privilege(r.rolname, c.oid, v.verb) end
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition",
    )
    .bind(ROLES.map(|(_, role)| role))
    .fetch_all(&database.admin)
    .await
    .unwrap();
    let mut found: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for (table, role, verb) in rows {
        found.entry(table).or_default().extend(role.zip(verb));
    }
    found
}

#[tokio::test]
async fn somebody_decided_on_every_table() {
    let found = rights(&database().await).await;
    let undecided: Vec<&String> =
        found.iter().filter(|(_, who)| who.is_empty()).map(|(table, _)| table).collect();
    assert!(
        undecided.is_empty(),
        "nobody decided who may what on {undecided:?}: name them in services/shared/store/src/pool/grants.sql"
    );
}

/// The checked queries that are in a binary: the linker leaves out what it does not call.
pub(crate) fn statements_in(binary_name: &str, queries: &[String]) -> Vec<String> {
    let bytes = std::fs::read(binary(binary_name)).unwrap();
    let finder = aho_corasick::AhoCorasick::new(queries).unwrap();
    let found: BTreeSet<usize> =
        finder.find_overlapping_iter(&bytes).map(|found| found.pattern().as_usize()).collect();
    found.into_iter().map(|at| queries[at].clone()).collect()
}

/// A checked query, and the types that it takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Query {
    pub(crate) text: String,
    pub(crate) parameters: Vec<String>,
}

/// All that sqlx has checked.
pub(crate) fn queries() -> Vec<Query> {
    let files = std::fs::read_dir(repository().join(".sqlx")).unwrap();
    let queries: BTreeSet<Query> = files
        .map(|file| {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let file: serde_json::Value = serde_json::from_str(&text).unwrap();
            let takes = file["describe"]["parameters"]["Left"].as_array().unwrap();
            // A type of its own is an array of text: `{"Custom": …}`.
            let kind = |found: &serde_json::Value| found.as_str().unwrap_or("TextArray").to_owned();
            Query {
                text: file["query"].as_str().unwrap().to_owned(),
                parameters: takes.iter().map(kind).collect(),
            }
        })
        .collect();
    queries.into_iter().collect()
}

#[tokio::test]
async fn every_statement_of_a_binary_is_allowed_to_its_role() {
    let database = database().await;
    let queries: Vec<String> = queries().into_iter().map(|query| query.text).collect();
    let mut refused = Vec::new();
    for (binary, role) in ROLES {
        let statements = statements_in(binary, &queries);
        assert!(statements.len() > 50, "{binary} holds {} statements", statements.len());
        let mut session = session(&database, binary).await;
        for statement in statements {
            // The planner looks at rights of what is read and written, and nothing is executed.
            let asked = format!("explain (generic_plan) {}", statement.trim_end().trim_end_matches(';'));
            if let Err(error) = sqlx::raw_sql(AssertSqlSafe(asked)).execute(&mut session).await {
                let begin: String = statement.split_whitespace().take(20).collect::<Vec<_>>().join(" ");
                refused.push(format!("{role}: {error}: {begin}"));
            }
        }
    }
    assert!(
        refused.is_empty(),
        "allow these in services/shared/store/src/pool/grants.sql, or have them called by another service:\n{}",
        refused.join("\n")
    );
}

#[tokio::test]
async fn nobody_may_what_is_not_theirs() {
    let database = database().await;
    let found = rights(&database).await;
    let who = |table: &str, verbs: &[&str]| -> BTreeSet<&str> {
        found[table]
            .iter()
            .filter(|(_, verb)| verbs.contains(&verb.as_str()))
            .map(|(role, _)| role.as_str())
            .collect()
    };
    let writes = ["INSERT", "UPDATE", "DELETE"];
    let booking = BTreeSet::from(["tradeup_cli", "tradeup_credits", "tradeup_webhooks"]);
    for table in LEDGER {
        assert!(who(table, &writes).is_subset(&booking), "{table} is written by {:?}", who(table, &writes));
        assert!(who(table, &["DELETE"]).is_empty(), "{table} is deleted from");
    }
    let signing_in = BTreeSet::from(["tradeup_cli", "tradeup_console"]);
    for table in SIGNING_IN {
        let all = ["SELECT", "INSERT", "UPDATE", "DELETE"];
        assert!(who(table, &all).is_subset(&signing_in), "{table} is touched by {:?}", who(table, &all));
    }
    assert_eq!(who("sessions", &["INSERT"]), ["tradeup_console"].into());
    assert_eq!(who("api_tokens", &["INSERT", "UPDATE"]), ["tradeup_cli"].into());
    for table in
        ["ledger_entries", "debt_entries", "operations", "audit_log", "order_settlements", "tier_decisions"]
    {
        assert!(who(table, &["UPDATE", "DELETE"]).is_empty(), "{table} is append-only");
    }
    // What was granted stays as it was granted: which columns of a lot anybody may change.
    let changed: Vec<String> = sqlx::query_scalar(
        "select distinct a.attname::text from pg_attribute a, unnest($1::text[]) as r (role)
         where a.attrelid = 'lots'::regclass and a.attnum > 0 and has_column_privilege(r.role, a.attrelid, a.attnum, 'UPDATE')
         order by 1",
    )
    .bind(ROLES.map(|(_, role)| role))
    .fetch_all(&database.admin)
    .await
    .unwrap();
    assert_eq!(
        changed,
        ["anchor_on", "available_at", "ends_at", "expires_at", "held_minor", "remaining_minor"]
    );
    // Tokens of shops and who a member is.
    for (role, table, column) in [
        ("tradeup_webhooks", "shops", "access_token"),
        ("tradeup_scheduler", "shops", "access_token"),
        ("tradeup_agents", "shops", "access_token"),
        ("tradeup_agents", "members", "first_name"),
        ("tradeup_agents", "members", "last_name"),
        ("tradeup_agents", "members", "phone"),
        ("tradeup_agents", "events", "body"),
        ("tradeup_agents", "users", "password_hash"),
        ("tradeup_credits", "users", "password_hash"),
        ("tradeup_webhooks", "users", "password_hash"),
        ("tradeup_scheduler", "users", "password_hash"),
    ] {
        let sees: bool = sqlx::query_scalar("select has_column_privilege($1, $2, $3, 'SELECT')")
            .bind(role)
            .bind(table)
            .bind(column)
            .fetch_one(&database.admin)
            .await
            .unwrap();
        assert!(!sees, "{role} sees {table}.{column}");
    }
}

#[tokio::test]
async fn no_role_changes_the_schema_or_gets_out_of_row_security() {
    let database = database().await;
    for (binary, role) in ROLES {
        let mut session = session(&database, binary).await;
        for statement in [
            "create table mine (a int)",
            "alter table members add column mine int",
            "alter table members disable row level security",
            "drop table outbox",
            "truncate outbox",
            "drop policy tenant_isolation on members",
            "alter table audit_log disable trigger all",
            "create index mine on runs (id)",
            "create function mine() returns int language sql return 1",
            "create schema mine",
            "set role tradeup_owner",
            "set session_replication_role = 'replica'",
            "alter role tradeup_app superuser",
            "grant select on members to public",
            "select pg_read_file('/etc/passwd')",
            "copy members to program 'cat'",
            "update audit_log set action = 'x'",
            "delete from ledger_entries",
        ] {
            let done = sqlx::raw_sql(statement).execute(&mut session).await;
            // A grant that is not the grantor's to give is a warning, and gives nothing.
            assert!(done.is_err() || statement.starts_with("grant"), "{role} may: {statement}");
        }
        let attributes: (bool, bool, bool, bool, bool) = sqlx::query_as(
            "select rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication from pg_roles where rolname = current_user",
        )
        .fetch_one(&mut session)
        .await
        .unwrap();
        assert_eq!(attributes, (false, false, false, false, false), "{role}");
        // Asked not to filter, PostgreSQL refuses instead of showing all.
        sqlx::raw_sql("set row_security = off").execute(&mut session).await.unwrap();
        let seen = sqlx::query("select tenant_id from members").execute(&mut session).await.unwrap_err();
        assert!(seen.to_string().contains("row-level security"), "{role}: {seen}");
    }
    let public: bool = sqlx::query_scalar("select has_table_privilege('public', 'members', 'select')")
        .fetch_one(&database.admin)
        .await
        .unwrap();
    assert!(!public);
}

#[tokio::test]
async fn what_events_bring_is_never_a_months_credit() {
    let database = database().await;
    sqlx::raw_sql(
        "insert into tenants (handle, name, currency, zone, credit_validity)
         values ('aurora', 'Aurora', 'USD', 'UTC', 'never');
         insert into members (tenant_id, id, external_id) select id, gen_random_uuid(), '1' from tenants;
         insert into accounts (tenant_id, member_id, currency, balance_minor)
         select tenant_id, id, 'USD', 0 from members",
    )
    .execute(&database.admin)
    .await
    .unwrap();
    let grant = |reason: &str| {
        format!(
            "insert into lots (tenant_id, id, member_id, currency, value_class, reason, source_key, granted_minor,
                 remaining_minor)
             select tenant_id, gen_random_uuid(), id, 'USD', 'promotional', '{reason}', '{reason}', 1, 1
             from members"
        )
    };
    let mut webhooks = session(&database, "webhooks").await;
    let mut credits = session(&database, "credits").await;
    for session in [&mut webhooks, &mut credits] {
        sqlx::raw_sql("select set_config('app.tenant_id', (select id::text from tenants), false)")
            .execute(session)
            .await
            .unwrap();
    }
    for reason in ["monthly", "granted", "adjusted", "campaign"] {
        let refused = sqlx::raw_sql(AssertSqlSafe(grant(reason))).execute(&mut webhooks).await.unwrap_err();
        assert!(refused.to_string().contains("credit_that_events_bring"), "{reason}: {refused}");
    }
    sqlx::raw_sql(AssertSqlSafe(grant("cashback"))).execute(&mut webhooks).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(grant("monthly"))).execute(&mut credits).await.unwrap();
}

#[tokio::test]
async fn who_measures_the_server_sees_no_row() {
    let database = database().await;
    let seen: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
             and (has_table_privilege('tradeup_monitor', c.oid, 'SELECT, INSERT, UPDATE, DELETE')
                 or has_any_column_privilege('tradeup_monitor', c.oid, 'SELECT'))",
    )
    .fetch_all(&database.admin)
    .await
    .unwrap();
    assert_eq!(seen, Vec::<String>::new());
    let (measures, may_more): (bool, bool) = sqlx::query_as(
        "select pg_has_role('tradeup_monitor', 'pg_monitor', 'usage'),
             rolsuper or rolcreaterole or rolcreatedb or rolbypassrls or rolreplication
         from pg_roles where rolname = 'tradeup_monitor'",
    )
    .fetch_one(&database.admin)
    .await
    .unwrap();
    assert!(measures && !may_more);
}
