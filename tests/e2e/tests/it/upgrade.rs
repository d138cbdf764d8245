//! Builds side by side: what the last release asks of the database, the schema as it is answers; a build works with a
//! newer schema, and refuses one that it is not for.
//!
//! `tests/upgrade/released-queries.json` is what was last released. At a release: `UPDATE_RELEASED_QUERIES=1 cargo nextest
//! run -p tradeup-e2e -E 'test(upgrade)'`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{
    AssertSqlSafe, Column as _, Either, Executor as _, SqlSafeStr as _, Statement as _, TypeInfo as _,
};
use tradeup_harness::{Process, World};

use crate::doctor::Report;

const SOON: Duration = Duration::from_secs(30);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// What a query takes and gives: types of parameters, names and types of columns.
async fn shape(world: &World, query: &str) -> Result<Value, String> {
    let mut connection = world.database.admin.acquire().await.unwrap();
    let sql = AssertSqlSafe(query.to_owned()).into_sql_str();
    let statement = connection.prepare(sql).await.map_err(|error| error.to_string())?;
    let takes: Vec<String> = match statement.parameters() {
        Some(Either::Left(types)) => types.iter().map(|found| found.name().to_owned()).collect(),
        _ => Vec::new(),
    };
    let gives: Vec<[String; 2]> = statement
        .columns()
        .iter()
        .map(|column| [column.name().to_owned(), column.type_info().name().to_owned()])
        .collect();
    Ok(json!({ "takes": takes, "gives": gives }))
}

/// The queries of this build, as sqlx has checked them.
fn queries() -> Vec<String> {
    let files = std::fs::read_dir(root().join(".sqlx")).unwrap();
    let mut queries: Vec<String> = files
        .map(|file| {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            serde_json::from_str::<Value>(&text).unwrap()["query"].as_str().unwrap().to_owned()
        })
        .collect();
    queries.sort();
    queries
}

#[tokio::test]
async fn the_last_releases_queries_are_answered_as_they_were() {
    let world = World::new().await;
    let path = root().join("tests/upgrade/released-queries.json");
    if std::env::var_os("UPDATE_RELEASED_QUERIES").is_some() {
        let mut released = BTreeMap::new();
        for query in queries() {
            released.insert(query.clone(), shape(&world, &query).await.unwrap());
        }
        std::fs::write(&path, serde_json::to_string_pretty(&released).unwrap() + "\n").unwrap();
    }
    let released: BTreeMap<String, Value> =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert!(released.len() > 500, "{}", released.len());
    let mut broken = Vec::new();
    for (query, was) in &released {
        match shape(&world, query).await {
            Ok(now) if now == *was => {}
            Ok(now) => broken.push(format!("{query}\n  was {was}\n  is  {now}")),
            Err(error) => broken.push(format!("{query}\n  {error}")),
        }
    }
    assert!(
        broken.is_empty(),
        "processes of the last release would fail while this one is rolled out (docs/upgrading.md):\n{}",
        broken.join("\n")
    );
}

#[tokio::test]
async fn a_build_works_with_a_newer_schema_unless_something_was_taken_away() {
    let world = World::with_aurora(20, 77).await;
    // As a later build's migration leaves it, which only adds.
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
        values (20991231000000, 'later', true, '', 0)";
    sqlx::query(newer).execute(&world.database.admin).await.unwrap();
    let services = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.tradeup_ok(&["setup"]);
    let (state, found) = Report::of(&world).find("release", "").unwrap();
    assert!(state == "warning" && found.starts_with("schema 20991231000000 is newer"), "{found}");
    drop(services);
    // As one leaves it that takes something away.
    let floor = "update schema_floor set version = 20991231000000, because = 'a column is gone'";
    sqlx::query(floor).execute(&world.database.admin).await.unwrap();
    for service in ["scheduler", "credits"] {
        let ended = Process::spawn(service, &world.environment, world.dir.path()).ended(SOON).await;
        let line = ended.stderr.lines().last().unwrap_or_default().to_owned();
        assert!(ended.code == 1 && line.contains("works with builds from 20991231000000 on"), "{line}");
    }
    assert_eq!(world.tradeup(&["setup"]).code, 1);
    assert_eq!(Report::of(&world).state("postgres", ""), "problem");
}
