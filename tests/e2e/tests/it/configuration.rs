//! Settings of the real binaries: one list of all, one environment and one file for all, each with its origin.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tradeup_harness::binary;

const BINARIES: [&str; 6] = ["scheduler", "credits", "webhooks", "agents", "console", "tradeup"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// What a binary says, with exactly this environment.
fn run(name: &str, variables: &BTreeMap<String, String>, arguments: &[&str]) -> Output {
    Command::new(binary(name)).env_clear().envs(variables).args(arguments).output().unwrap()
}

fn variables(given: &[(&str, &str)]) -> BTreeMap<String, String> {
    given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The settings that a binary shows: value and origin by key.
fn shown(name: &str, given: &[(&str, &str)], arguments: &[&str]) -> BTreeMap<String, (String, String)> {
    let output = run(name, &variables(given), &[&["--print-config=json"], arguments].concat());
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let settings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let of = |setting: &Value, name: &str| setting[name].as_str().unwrap_or_default().to_owned();
    settings.iter().map(|s| (of(s, "key"), (of(s, "value"), of(s, "origin")))).collect()
}

fn complaint(name: &str, given: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = run(name, &variables(given), arguments);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_list_of_all_settings_and_its_page_are_what_the_binaries_say() {
    let folder = binary("tradeup").parent().unwrap().to_owned();
    let none = BTreeMap::new();
    let asked = run("tradeup", &none, &["--json", "config", "reference", "--from", folder.to_str().unwrap()]);
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let known = text("services/shared/worker/src/settings/known.json");
    let how = "make it anew: tests/configuration";
    assert!(
        known == String::from_utf8(asked.stdout).unwrap(),
        "known.json is not as the binaries are; {how}"
    );
    let page = run("tradeup", &none, &["config", "reference"]);
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(text("docs/configuration.md") == page, "docs/configuration.md is not as the binaries are; {how}");
    let known: Vec<Value> = serde_json::from_str(&known).unwrap();
    let credits = |known: &&Value| known["read_by"].as_array().unwrap().contains(&"credits".into());
    assert!(known.len() > 40 && known.iter().filter(credits).count() > 15, "{known:#?}");
}

#[test]
fn one_environment_file_is_for_all_services() {
    let lines = text("deploy/compose/env.example");
    let given: BTreeMap<String, String> = lines
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert!(given.contains_key("TRADEUP_SHOPIFY_CLIENT_ID") && given.len() > 20, "{given:?}");
    for name in BINARIES {
        let output = run(name, &given, &["--print-config"]);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn each_variable_that_a_deployment_names_is_known() {
    let mut files = vec![root().join("docker-compose.yml"), root().join("deploy/compose/env.example")];
    let mut folders = vec![root().join("deploy/kubernetes")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let mut names = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut rest = text.as_str();
        while let Some(at) = rest.find("TRADEUP_") {
            rest = &rest[at..];
            let end = rest.find(|c: char| c != '_' && !c.is_ascii_uppercase() && !c.is_ascii_digit());
            let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
            // A name that goes on as a pattern (`TRADEUP_*`) is none.
            if !name.ends_with('_') {
                names.insert(name.to_owned());
            }
            rest = after;
        }
    }
    assert!(names.len() > 30, "{names:?}");
    // Without a value, since this is about names.
    let given: BTreeMap<String, String> = names.into_iter().map(|name| (name, String::new())).collect();
    let output = run("credits", &given, &["--print-config"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_file_is_for_all_and_shows_where_each_setting_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let (file, secret) = (folder.path().join("tradeup.toml"), folder.path().join("smtp"));
    std::fs::write(&secret, "smtp://user:hush-hush@mail.example\n").unwrap();
    let config = file.to_str().unwrap();
    let smtp = secret.to_str().unwrap();
    let lines = format!(
        "concurrency = 3\nsmtp_url_file = \"{smtp}\"\nconsole_url = \"https://jobs.example\"\n\n[credits]\nconcurrency = 5\n"
    );
    std::fs::write(&file, lines).unwrap();
    let of = |name: &str, given: &[(&str, &str)], arguments: &[&str], key: &str| {
        shown(name, &[given, &[("TRADEUP_CONFIG", config)]].concat(), arguments)[key].clone()
    };
    let by = |value: &str, origin: String| (value.to_owned(), origin);
    assert_eq!(of("scheduler", &[], &[], "concurrency"), by("3", format!("{config}:1")));
    assert_eq!(of("credits", &[], &[], "concurrency"), by("5", format!("{config}:6")));
    let environment = [("TRADEUP_CONCURRENCY", "6")];
    assert_eq!(
        of("credits", &environment, &[], "concurrency"),
        by("6", "variable TRADEUP_CONCURRENCY".to_owned())
    );
    let flags = ["--concurrency", "7"];
    assert_eq!(of("credits", &environment, &flags, "concurrency"), by("7", "flag --concurrency".to_owned()));
    assert_eq!(of("credits", &[], &[], "lease_seconds"), by("10", "default".to_owned()));
    assert_eq!(of("credits", &[], &[], "smtp_url"), by("", format!("{smtp} ({config}:2)")));
    let given = variables(&[("TRADEUP_CONFIG", config)]);
    for (name, arguments) in
        [("credits", vec!["--print-config"]), ("tradeup", vec!["config", "show", "--service", "credits"])]
    {
        let output = run(name, &given, &arguments);
        let table = String::from_utf8(output.stdout).unwrap();
        assert!(
            table.contains("smtp_url") && table.contains("(set)") && !table.contains("hush-hush"),
            "{table}"
        );
    }
}

#[test]
fn what_nobody_reads_and_what_cannot_be_used_is_refused_by_each() {
    for name in ["scheduler", "credits", "webhooks", "agents", "console"] {
        let said = complaint(name, &[("TRADEUP_CONCURENCY", "4")], &[]);
        assert!(said.contains("did you mean TRADEUP_CONCURRENCY?"), "{said}");
        let said = complaint(name, &[("TRADEUP_CONCURRENCY", "none"), ("TRADEUP_LOG_FORMAT", "xml")], &[]);
        assert!(said.contains("variable TRADEUP_CONCURRENCY: \"none\" can't be used"), "{said}");
        assert!(said.contains("variable TRADEUP_LOG_FORMAT: \"xml\" can't be used"), "all at once: {said}");
    }
    let said = complaint("tradeup", &[("TRADEUP_NAT_URL", "nats://x")], &["tenant", "list"]);
    assert!(said.contains("did you mean TRADEUP_NATS_URL?"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tradeup.toml");
    std::fs::write(&file, "[credits]\nconsole_url = \"https://jobs.example\"\nlaese_seconds = 4\n").unwrap();
    let said = complaint("credits", &[], &["--config", file.to_str().unwrap()]);
    assert!(said.contains(":2: credits does not read console_url; who does: console"), "{said}");
    assert!(said.contains(":3: laese_seconds is no setting; did you mean lease_seconds?"), "{said}");
    // The section of another is that one's to judge, but names are names.
    let said = complaint("console", &[], &["--config", file.to_str().unwrap()]);
    assert!(!said.contains("console_url") && said.contains("laese_seconds"), "{said}");
    // Help and version are given whatever is wrong.
    let helped = run("credits", &variables(&[("TRADEUP_CONCURENCY", "4")]), &["--help"]);
    assert!(
        helped.status.success()
            && String::from_utf8(helped.stdout).unwrap().contains("[env: TRADEUP_CONCURRENCY]")
    );
}
