#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

use clap::{Args, CommandFactory as _, FromArgMatches as _, Subcommand};

use super::*;

#[derive(Debug, Parser)]
#[command(name = "told")]
struct Told {
    /// A key.
    #[arg(long, env = "TRADEUP_TOLD_KEY", hide_env_values = true, global = true)]
    told_key: Option<String>,
    #[arg(long, env = "TRADEUP_TOLD_PLAIN")]
    plain: Option<String>,
    /// Seconds it may take.
    #[arg(long, env = "TRADEUP_TOLD_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=60))]
    told_seconds: u16,
    #[arg(long, env = "TRADEUP_TOLD_FORM", default_value = "text", value_parser = ["text", "json"])]
    form: String,
    #[arg(long, env = "TRADEUP_TOLD_SWITCH")]
    switch: bool,
    #[arg(long, env = "USER", default_value = "nobody")]
    by: String,
    #[command(subcommand)]
    below: Option<Below>,
}

#[derive(Debug, Subcommand)]
enum Below {
    Connect(Connect),
}

#[derive(Args, Debug)]
struct Connect {
    #[arg(long, env = "TRADEUP_TOLD_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// What came of it.
#[derive(Debug)]
struct Outcome {
    told: Option<Told>,
    settings: Vec<Setting>,
    troubles: Vec<String>,
    help: Option<String>,
}

impl Outcome {
    fn origin(&self, key: &str) -> String {
        self.settings.iter().find(|setting| setting.known.key == key).unwrap().origin.to_string()
    }
}

fn told(variables: &[(&str, &str)], file: &str, arguments: &[&str]) -> Outcome {
    let environment =
        variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
    let file = (!file.is_empty()).then(|| SettingsFile::parse("t.toml".to_owned(), file));
    let command = with_own(Told::command(), false);
    let Layered { command, mut settings, troubles } =
        layers::layered(command, &Sources { environment, file });
    let arguments = [&["told"], arguments].concat();
    match command.clone().try_get_matches_from(arguments) {
        Ok(matches) => {
            layers::by_flags(&mut settings, &matches, &command);
            let told = Told::from_arg_matches(&matches).unwrap();
            Outcome { told: Some(told), settings, troubles, help: None }
        }
        Err(error) => Outcome { told: None, settings, troubles, help: Some(error.to_string()) },
    }
}

/// A folder with one file.
fn secret(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file_and_that_before_the_default() {
    let file = "told_seconds = 20\ntold_form = \"json\"\n";
    let seconds = |variables: &[(&str, &str)], file: &str, arguments: &[&str]| {
        let outcome = told(variables, file, arguments);
        assert_eq!(outcome.troubles, Vec::<String>::new());
        (outcome.told.as_ref().unwrap().told_seconds, outcome.origin("told_seconds"))
    };
    let variables = [("TRADEUP_TOLD_SECONDS", "30")];
    assert_eq!(seconds(&[], "", &[]), (10, "default".to_owned()));
    assert_eq!(seconds(&[], file, &[]), (20, "t.toml:1".to_owned()));
    assert_eq!(seconds(&variables, file, &[]), (30, "variable TRADEUP_TOLD_SECONDS".to_owned()));
    let by_flag = (40, "flag --told-seconds".to_owned());
    assert_eq!(seconds(&variables, file, &["--told-seconds", "40"]), by_flag);
    // Empty is not given, also where a number is wanted.
    assert_eq!(seconds(&[("TRADEUP_TOLD_SECONDS", "")], file, &[]), (20, "t.toml:1".to_owned()));
    // What stands below the binary's own name goes before what stands for all.
    let of_own = format!("{file}[told]\ntold_seconds = 25\n");
    assert_eq!(seconds(&[], &of_own, &[]), (25, "t.toml:4".to_owned()));
}

#[test]
fn each_kind_can_be_in_the_file() {
    let outcome = told(&[], "told_plain = \"a\"\ntold_form = \"json\"\ntold_switch = true\n", &["connect"]);
    assert_eq!(outcome.troubles, Vec::<String>::new());
    let read = outcome.told.unwrap();
    assert_eq!((read.plain.as_deref(), read.form.as_str(), read.switch), (Some("a"), "json", true));
    let outcome = told(&[("TRADEUP_TOLD_SWITCH", "false")], "told_switch = true\n", &[]);
    assert!(!outcome.told.unwrap().switch);
}

#[test]
fn a_value_that_cannot_be_used_names_key_origin_and_fix() {
    let wrong = |variables: &[(&str, &str)], file: &str| told(variables, file, &[]).troubles;
    assert_eq!(
        wrong(&[("TRADEUP_TOLD_SECONDS", "0")], ""),
        [
            "told_seconds of variable TRADEUP_TOLD_SECONDS: \"0\" can't be used: 0 is not in 1..=60. Give seconds, 1 to 60; \
          without it, it is 10"
        ]
    );
    assert_eq!(
        wrong(&[], "\ntold_form = \"xml\"\n"),
        [
            "told_form of t.toml:2: \"xml\" can't be used: it is not one of text, json. Give text or json; without it, it is \
          text"
        ]
    );
    let both = wrong(&[("TRADEUP_TOLD_SWITCH", "yes")], "told_seconds = \"soon\"\n");
    assert!(both.len() == 2 && both.iter().any(|line| line.contains("neither true nor false")), "{both:?}");
}

#[test]
fn what_nobody_reads_is_refused_with_what_was_meant() {
    let wrong = |variables: &[(&str, &str)], file: &str| told(variables, file, &[]).troubles;
    assert_eq!(
        wrong(&[("TRADEUP_TOLD_SECOND", "1")], ""),
        ["TRADEUP_TOLD_SECOND is no variable of TradeUp Jobs; did you mean TRADEUP_TOLD_SECONDS?"]
    );
    assert_eq!(
        wrong(&[("TRADEUP_TOLD_KYE_FILE", "x")], ""),
        ["TRADEUP_TOLD_KYE_FILE is no variable of TradeUp Jobs; did you mean TRADEUP_TOLD_KEY_FILE?"]
    );
    assert_eq!(
        wrong(&[("TRADEUP_TOLD_PLAIN_FILE", "x")], ""),
        ["TRADEUP_TOLD_PLAIN_FILE: only what is secret has a file of its own; set TRADEUP_TOLD_PLAIN"]
    );
    assert_eq!(wrong(&[("HOME", "x"), ("TRADEUP_HTTP_PORT", "1")], ""), Vec::<String>::new());
    assert_eq!(
        wrong(&[], "told_secs = 1\n"),
        ["t.toml:1: told_secs is no setting; did you mean told_seconds?"]
    );
    assert_eq!(
        wrong(&[], "[tolt]\ntold_seconds = 1\n"),
        ["t.toml:1: [tolt] is no binary of TradeUp Jobs; did you mean told?"]
    );
    assert_eq!(
        wrong(&[], "config = \"x\"\n"),
        ["t.toml:1: config is where this file is; give it by --config or TRADEUP_CONFIG"]
    );
}

#[test]
fn a_secret_is_read_from_its_file_wherever_its_option_stands() {
    let (_folder, path) = secret("postgres://user:pass@host/db\r\n");
    let path = path.as_str();
    let top = told(&[("TRADEUP_TOLD_KEY_FILE", path)], "", &[]);
    assert_eq!(top.origin("told_key"), format!("{path} (variable TRADEUP_TOLD_KEY_FILE)"));
    assert_eq!(top.told.unwrap().told_key.as_deref(), Some("postgres://user:pass@host/db"));

    let below = told(&[("TRADEUP_TOLD_KEY_FILE", path), ("TRADEUP_TOLD_TOKEN_FILE", path)], "", &["connect"]);
    let below = below.told.unwrap();
    let Some(Below::Connect(connect)) = below.below else { unreachable!() };
    assert_eq!(connect.token.as_deref(), Some("postgres://user:pass@host/db"));
    assert_eq!(below.told_key.as_deref(), Some("postgres://user:pass@host/db"));

    let by_flag = told(&[("TRADEUP_TOLD_KEY_FILE", path)], "", &["--told-key", "flag"]);
    assert_eq!(by_flag.told.unwrap().told_key.as_deref(), Some("flag"), "a flag goes before");
    let empty = told(&[("TRADEUP_TOLD_KEY", ""), ("TRADEUP_TOLD_KEY_FILE", path)], "", &[]);
    assert!(empty.told.unwrap().told_key.is_some(), "empty is not given");
    let in_file = told(&[], &format!("told_key_file = \"{path}\"\n"), &[]);
    assert_eq!(in_file.origin("told_key"), format!("{path} (t.toml:1)"));
    assert_eq!(in_file.told.unwrap().told_key.as_deref(), Some("postgres://user:pass@host/db"));
    let (_folder, path) = secret("\n");
    let nothing = told(&[("TRADEUP_TOLD_KEY_FILE", path.as_str())], "", &[]);
    assert_eq!((nothing.told.unwrap().told_key, nothing.troubles.len()), (None, 0));
}

#[test]
fn what_is_wrong_with_a_file_is_said_without_what_is_in_it() {
    let wrong = |variables: &[(&str, &str)]| told(variables, "", &[]).troubles.join("\n");
    let missing = wrong(&[("TRADEUP_TOLD_KEY_FILE", "/nowhere/key")]);
    assert!(missing.starts_with("TRADEUP_TOLD_KEY_FILE: /nowhere/key: "), "{missing}");
    let both = wrong(&[("TRADEUP_TOLD_KEY", "hidden"), ("TRADEUP_TOLD_KEY_FILE", "/nowhere/key")]);
    assert_eq!(both, "TRADEUP_TOLD_KEY and TRADEUP_TOLD_KEY_FILE are both set; unset one of them");
    let (_folder, path) = secret(&"x".repeat(64 * 1024 + 1));
    let large = wrong(&[("TRADEUP_TOLD_TOKEN_FILE", path.as_str())]);
    assert!(large.contains("larger than 65536 bytes") && !large.contains("xx"), "{large}");
}

#[test]
fn nothing_shows_a_secret() {
    let (_folder, path) = secret("hush-hush");
    for outcome in [
        told(&[("TRADEUP_TOLD_KEY_FILE", path.as_str())], "", &["--help"]),
        told(&[("TRADEUP_TOLD_KEY", "hush-hush")], "", &["--help"]),
        told(&[], "told_key = \"hush-hush\"\n", &["--help"]),
    ] {
        let help = outcome.help.unwrap();
        assert!(help.contains("--told-key") && help.contains("[env: TRADEUP_TOLD_KEY]"), "{help}");
        let shown = format!("{help}{}{:#}", table(&outcome.settings), value(&outcome.settings));
        assert!(!shown.contains("hush-hush"), "{shown}");
        let row =
            table(&outcome.settings).lines().find(|line| line.starts_with("told_key ")).unwrap().to_owned();
        assert!(row.contains("(set)"), "{row}");
    }
    let by_flag = told(&[], "", &["--told-key", "hush-hush", "connect"]);
    let shown = format!("{}{:#}", table(&by_flag.settings), value(&by_flag.settings));
    assert!(!shown.contains("hush-hush") && shown.contains("flag --told-key"), "{shown}");
}

#[test]
fn what_is_shown_has_units_and_origins() {
    let outcome = told(&[("TRADEUP_TOLD_PLAIN", "a")], "told_seconds = 20\n", &[]);
    let shown = table(&outcome.settings);
    let row = |key: &str| {
        let line = shown.lines().find(|line| line.starts_with(&format!("{key} "))).unwrap();
        line.split("  ").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("told_seconds"), ["told_seconds", "20", "seconds", "t.toml:1"]);
    assert_eq!(row("told_plain"), ["told_plain", "a", "plain", "variable TRADEUP_TOLD_PLAIN"]);
    assert_eq!(row("told_form"), ["told_form", "text", "text or json", "default"]);
    assert_eq!(row("told_key"), ["told_key", "-", "key", "-"]);
    assert!(!shown.contains("USER"));
    let described =
        &outcome.settings.iter().find(|setting| setting.known.key == "told_seconds").unwrap().known;
    assert_eq!((described.bounds.as_deref(), described.default.as_deref()), (Some("1 to 60"), Some("10")));
}

#[test]
fn the_file_is_named_by_flag_or_variable() {
    let path = |arguments: &[&str], variable: &str| {
        let arguments: Vec<OsString> =
            std::iter::once(&"told").chain(arguments).map(OsString::from).collect();
        let environment = [(CONFIG_VARIABLE.to_owned(), OsString::from(variable))].into();
        config_path(&arguments, &environment).map(|path| path.display().to_string())
    };
    assert_eq!(path(&["--config", "a.toml"], "b.toml").as_deref(), Some("a.toml"));
    assert_eq!(path(&["--config=a.toml"], "").as_deref(), Some("a.toml"));
    assert_eq!(path(&["connect"], "b.toml").as_deref(), Some("b.toml"));
    assert_eq!(path(&["--", "--config", "a.toml"], ""), None);
}
