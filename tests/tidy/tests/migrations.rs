//! Migrations expand, and contract later: processes of the last release go on while a new one is rolled out, and may be
//! gone back to. See docs/upgrading.md.
#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

use std::path::Path;

/// The first migration that is held to this; what was before it was never released.
const FROM: &str = "20261129000043";
/// With this a migration says that it takes away what no build needs any more that may still run.
const CONTRACT: &str = "-- contract:";

/// What a migration does that a process of the last release may not survive.
fn breaks(migration: &str) -> Vec<String> {
    let text = statements(migration);
    let mut found = Vec::new();
    for statement in text.split(';') {
        let words: Vec<&str> = statement.split_whitespace().collect();
        // It names what it is called for, and does none of it.
        if words.starts_with(&["create", "trigger"]) {
            continue;
        }
        let has = |wanted: &str| {
            let wanted: Vec<&str> = wanted.split(' ').collect();
            words.windows(wanted.len()).any(|window| window == wanted.as_slice())
        };
        let taken = [
            "drop table",
            "drop column",
            "drop view",
            "drop function",
            "drop type",
            "truncate",
            "delete from",
        ];
        let changed =
            ["rename to", "rename column", "rename constraint", "set not null", "set data type", "revoke"];
        for wrong in taken.iter().chain(&changed).filter(|wrong| has(wrong)) {
            found.push(format!("{wrong}: {}", words.join(" ")));
        }
        if words.windows(4).any(|w| w[0] == "alter" && w[1] == "column" && w[3] == "type") {
            found.push(format!("type of a column: {}", words.join(" ")));
        }
        let creates = has("create table") || has("create unlogged table");
        if has("add column") && !creates {
            for column in statement.split("add column").skip(1) {
                if column.contains("not null") && !column.contains("default") && !column.contains("generated")
                {
                    found.push(format!("a column that the last release does not fill: {}", words.join(" ")));
                }
            }
        }
        // On a table that has rows and writers, it is checked at once, under a lock, and refuses what the last release
        // writes. Not valid first, validated by a later migration.
        if has("alter table") && has("add constraint") && !has("not valid") {
            found.push(format!("a constraint that is valid at once: {}", words.join(" ")));
        }
    }
    found
}

/// Without comments and bodies of functions, in small letters.
fn statements(migration: &str) -> String {
    let lines = migration.lines().map(|line| line.split("--").next().unwrap_or_default());
    let text = lines.collect::<Vec<_>>().join("\n").to_lowercase();
    // What stands between $$ is the function's own.
    text.split("$$").step_by(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn migrations_take_nothing_away_that_the_last_release_needs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut wrong = Vec::new();
    for file in std::fs::read_dir(folder.join("services/shared/store/migrations")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        if *name < *FROM {
            continue;
        }
        let is_contract = text.lines().next().is_some_and(|line| line.starts_with(CONTRACT));
        let raises = statements(&text).contains("update schema_floor");
        match (is_contract, breaks(&text)) {
            (false, found) => wrong.extend(found.into_iter().map(|what| format!("{name}: {what}"))),
            (true, _) if !raises => wrong.push(format!("{name}: takes away and does not raise schema_floor")),
            (true, _) => {}
        }
    }
    assert_eq!(
        wrong,
        Vec::<String>::new(),
        "the last release could not go on; expand first, take away a release later in a migration that begins with \
         `{CONTRACT} why` (docs/upgrading.md)"
    );
}

#[test]
fn what_breaks_is_seen() {
    for bad in [
        "drop table old;",
        "alter table runs drop column note;",
        "ALTER TABLE runs RENAME COLUMN a TO b;",
        "alter table runs alter column a type bigint;",
        "alter table runs alter column a set data type bigint;",
        "alter table runs alter column a set not null;",
        "alter table runs add column a text not null;",
        "alter table runs add column a text, add column b text not null;",
        "alter table runs add constraint c check (a > 0);",
        "revoke select on runs from tradeup_app;",
        "delete from runs;",
    ] {
        assert_eq!(breaks(bad).len(), 1, "{bad}");
    }
    for good in [
        "create table a (b text not null);",
        "alter table runs add column a text;",
        "alter table runs add column a text not null default 'x';",
        "alter table runs add constraint c check (a > 0) not valid;",
        "create index i on runs (a);",
        "-- drop table old;\nselect 1;",
        "create trigger t before delete or truncate on runs for each statement execute function f();",
        "create function f() returns void language plpgsql as $$ begin delete from a; end $$;",
    ] {
        assert_eq!(breaks(good), Vec::<String>::new(), "{good}");
    }
}
