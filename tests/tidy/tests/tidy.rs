//! The rules of the tree: which crate may use which, what may stand where, how long a file may be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, reason = "tests fail loudly")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};
use tradeup_domain::ErrorCode;

/// Longest file of code.
const LINES_MAX: usize = 400;

/// Which of our crates each of our crates may use; an arrow may point only down.
const MAY_USE: [(&str, &[&str]); 21] = [
    ("domain", &[]),
    ("access", &["domain"]),
    ("http", &[]),
    ("telemetry", &["signals", "tls"]),
    ("signals", &[]),
    ("tls", &[]),
    ("mail", &["signals", "tls", "domain"]),
    ("hooks", &["tls", "signals", "domain"]),
    ("proto", &["domain"]),
    ("store", &["signals", "tls", "domain"]),
    ("shopify", &["tls", "signals", "domain"]),
    ("anthropic", &["tls", "signals", "domain"]),
    ("plan", &["proto", "domain"]),
    ("broker", &["signals", "tls", "proto"]),
    ("worker", &["broker", "store", "proto", "http", "domain", "telemetry", "signals", "tls"]),
    ("scheduler", &["worker", "store", "proto", "signals", "domain"]),
    ("credits", &["worker", "store", "proto", "signals", "mail", "shopify", "domain"]),
    ("webhooks", &["worker", "store", "proto", "signals", "mail", "shopify", "hooks", "http", "domain"]),
    ("agents", &["worker", "store", "proto", "signals", "anthropic", "plan", "domain"]),
    (
        "console",
        &["worker", "store", "proto", "plan", "access", "signals", "hooks", "http", "mail", "tls", "domain"],
    ),
    (
        "cli",
        &["access", "worker", "store", "proto", "plan", "mail", "shopify", "hooks", "domain", "telemetry"],
    ),
];

/// Crates for tests alone; nothing of the product may use them.
const TEST_CRATES: [&str; 8] = ["harness", "e2e", "fakes", "faults", "fuzz", "ledger-tests", "tidy", "bench"];

/// Outside crates that only some of ours may use, and why.
const CONFINED: [(&str, &[&str], &str); 15] = [
    ("sqlx", &["store", "harness", "e2e", "faults", "ledger-tests", "bench"], "only the store speaks SQL"),
    ("async-nats", &["broker", "harness"], "only the broker speaks NATS"),
    ("lettre", &["mail"], "only the mail crate speaks SMTP"),
    ("argon2", &["access"], "passwords are hashed and known again in one place"),
    ("askama", &["console"], "only the console writes pages"),
    ("openidconnect", &["console"], "only people who look at the console sign in"),
    ("plotters", &["console"], "only the console draws charts"),
    ("pulldown-cmark", &["console"], "only the console shows runbooks"),
    ("minijinja", &["mail"], "what others may write as a template is checked and bounded there"),
    (
        "reqwest",
        &["shopify", "hooks", "anthropic", "console", "telemetry", "fakes"],
        "only five clients speak HTTP to others: the shop's, endpoints', the model's, the identity provider's, the trace \
         collector's",
    ),
    ("rustls-native-certs", &["tls"], "whom connections to others trust is said in one place"),
    ("x509-parser", &["tls"], "certificates are read in one place"),
    ("chacha20poly1305", &["shopify"], "tokens are sealed and opened in one place"),
    (
        "prost",
        &["proto", "telemetry", "fakes"],
        "messages are made and read through tradeup-proto; traces are not ours",
    ),
    (
        "tokio",
        &[
            "store",
            "shopify",
            "broker",
            "mail",
            "hooks",
            "anthropic",
            "worker",
            "scheduler",
            "credits",
            "webhooks",
            "agents",
            "console",
            "http",
            "cli",
            "telemetry",
            "harness",
            "e2e",
            "fakes",
            "faults",
            "ledger-tests",
            "bench",
        ],
        "the domain is pure",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Every file below the folders of code with this ending, with its text.
fn files(ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["proto", "services", "tests"].iter().map(|f| root().join(f)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn crates_depend_downwards() {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.into_iter().collect();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let name = package.name.trim_start_matches("tradeup-").to_owned();
        seen.insert(name.clone());
        for dependency in &package.dependencies {
            let used = dependency.name.trim_start_matches("tradeup-");
            let ours = dependency.name.starts_with("tradeup-");
            if ours && !TEST_CRATES.contains(&name.as_str()) && dependency.kind != DependencyKind::Development
            {
                let may = allowed
                    .get(name.as_str())
                    .unwrap_or_else(|| panic!("say in MAY_USE what {name} may use"));
                if !may.contains(&used) {
                    wrong.push(format!("{name} may not use {used}"));
                }
            }
            for (confined, by, why) in CONFINED {
                if dependency.name == confined && !by.contains(&name.as_str()) {
                    wrong.push(format!("{name} may not use {confined}: {why}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    let known: BTreeSet<String> =
        MAY_USE.iter().map(|(name, _)| *name).chain(TEST_CRATES).map(str::to_owned).collect();
    assert_eq!(seen, known, "every crate has its place");
}

#[test]
fn files_can_be_held_in_the_head() {
    let long: Vec<String> = ["rs", "sql", "proto"]
        .iter()
        .flat_map(|ending| files(ending))
        .filter(|(_, text)| text.lines().count() > LINES_MAX)
        .map(|(name, text)| format!("{name}: {} lines", text.lines().count()))
        .collect();
    assert_eq!(long, Vec::<String>::new(), "longer than {LINES_MAX} lines: cut it by what it does");
}

#[test]
fn what_may_stand_in_one_place_only_stands_there() {
    // The words are put together here, so that this file does not hold them itself.
    let rules = [
        (
            ["app.", "tenant_id"].concat(),
            vec!["services/shared/store/src/tx.rs", "services/shared/store/migrations/", "tests/"],
        ),
        (
            ["AssertSql", "Safe"].concat(),
            // The second is in tests' binaries only.
            vec!["services/shared/store/src/tx.rs", "services/shared/store/src/pool/later.rs", "tests/"],
        ),
        (["tokio::time::", "sleep("].concat(), vec!["tests/harness/src/patience.rs"]),
        (["thread::", "sleep("].concat(), vec![]),
        (["TO", "DO"].concat(), vec![]),
        (["FIX", "ME"].concat(), vec![]),
    ];
    let mut wrong = Vec::new();
    for (name, text) in files("rs").into_iter().chain(files("sql")) {
        for (word, places) in &rules {
            if text.contains(word.as_str()) && !places.iter().any(|place| name.starts_with(place)) {
                // A comment may speak of it.
                let in_code = text
                    .lines()
                    .any(|line| line.contains(word.as_str()) && !line.trim_start().starts_with("//"));
                if in_code {
                    wrong.push(format!("{name}: {word}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_alert_has_a_page_and_every_page_an_alert() {
    let text = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let alerts = text("deploy/prometheus/alerts.yml");
    let names: BTreeSet<&str> =
        alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let links = alerts.lines().filter_map(|line| line.trim().strip_prefix("runbook_url: "));
    let links: BTreeSet<&str> = links.filter_map(|link| link.trim_matches('"').rsplit('/').next()).collect();
    assert_eq!(links, names, "alerts link to their own pages");
    let pages: BTreeSet<String> = std::fs::read_dir(root().join("docs/runbooks"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().trim_end_matches(".md").to_owned())
        .collect();
    let index = text("docs/runbooks/README.md");
    let listed: BTreeSet<String> = names
        .iter()
        .filter(|name| index.contains(&format!("[{name}]({name}.md)")))
        .map(|n| (*n).to_owned())
        .collect();
    let wanted: BTreeSet<String> =
        names.iter().map(|name| (*name).to_owned()).chain(["README".to_owned()]).collect();
    assert_eq!(pages, wanted);
    assert_eq!(listed.len(), names.len(), "docs/runbooks/README.md lists every page");
    // The console's rules are among them, by the names that it makes of theirs (services/console/src/runbooks.rs).
    let tests = text("deploy/prometheus/alerts_test.yml");
    let untested: Vec<&&str> =
        names.iter().filter(|name| !tests.contains(&format!("  - name: {name}\n"))).collect();
    assert_eq!(untested, Vec::<&&str>::new(), "alerts without a test");
}

#[test]
fn only_the_runner_answers_for_deliveries() {
    let answers = [".ack()", ".nak("];
    let wrong: Vec<String> = files("rs")
        .into_iter()
        .filter(|(name, _)| name.starts_with("services/") && !name.starts_with("services/shared/"))
        .filter(|(_, text)| answers.iter().any(|answer| text.contains(answer)))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_task_file_is_registered() {
    let mut wrong = Vec::new();
    for (name, _) in files("rs") {
        let Some((folder, file)) = name.rsplit_once('/') else { continue };
        if !folder.ends_with("src/tasks") || file == "mod.rs" {
            continue;
        }
        let module = file.trim_end_matches(".rs");
        let registry = std::fs::read_to_string(root().join(folder).join("mod.rs")).unwrap();
        let ways = ["register(", "register_group(", "register(Planning(", "register_group(Planning("];
        if !ways.iter().any(|way| registry.contains(&format!(".{way}{module}::"))) {
            wrong.push(name.clone());
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "a task that nobody executes");
}

#[test]
fn every_error_code_has_its_page() {
    let codes: BTreeSet<String> = ErrorCode::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(codes.len(), ErrorCode::ALL.len(), "two errors share a code");
    let pages: BTreeSet<String> = std::fs::read_dir(root().join("docs/errors"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
        .filter(|name| name.starts_with("TU"))
        .collect();
    assert_eq!(pages, codes);
}

#[test]
fn no_secret_machine_path_or_registry_is_written_down() {
    let words = [
        ["/ro", "ot/"].concat(),
        ["/wo", "rk/"].concat(),
        ["crates", ".io"].concat(),
        ["pypi", ".org"].concat(),
        ["npmjs", ".org"].concat(),
        ["debian", ".org"].concat(),
    ];
    let mut wrong = Vec::new();
    let docs = std::process::Command::new("git").args(["ls-files"]).current_dir(root()).output().unwrap();
    for name in String::from_utf8(docs.stdout).unwrap().lines() {
        if name.ends_with(".lock") {
            continue;
        }
        let text = std::fs::read_to_string(root().join(name)).unwrap_or_default();
        wrong.extend(
            words.iter().filter(|word| text.contains(word.as_str())).map(|word| format!("{name}: {word}")),
        );
    }
    assert_eq!(wrong, Vec::<String>::new());
}
