//! Reading settings: flags, environment, and a file; and files for what is secret.
//!
//! A setting is an argument of clap with a variable, declared where it is used:
//!
//! ```text
//! /// Seconds that a run belongs to a worker without a sign of life.
//! #[arg(long, env = "TRADEUP_LEASE_SECONDS", default_value_t = 10)]
//! lease_seconds: u16,
//! ```
//!
//! All else follows: its key in the file (`lease_seconds`), its unit (the last word of the value's name), its place in
//! `--print-config` and docs/configuration.md. `hide_env_values = true` makes it a secret: its value is shown nowhere, and
//! each secret variable `NAME` may be given as `NAME_FILE`, the path of a file that holds it: that is how compose and
//! Kubernetes hand secrets over, and nobody sees a file in `docker inspect`, `/proc` or a crash report.
//!
//! A flag goes before the environment, that before the file, that before the default. What nobody reads is refused.

mod file;
mod known;
mod layers;
mod show;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, Parser};

pub use known::{Known, all, deployment};
pub use layers::{Origin, Setting};
pub use show::{table, value};

use crate::health;
use file::SettingsFile;
use layers::{CONFIG, Layered, Sources};

/// The name of the option that says where health is asked for.
const HEALTH: &str = "health";
/// The flag that asks.
const HEALTHY: &str = "healthy";
/// The flag that shows settings.
const PRINT: &str = "print-config";
/// The variable that names the file.
const CONFIG_VARIABLE: &str = "TRADEUP_CONFIG";
/// Exit code for what can't be used, as clap has it.
const UNUSABLE: i32 = 2;

/// What this process was given, once it has read it.
static GIVEN: OnceLock<Vec<Setting>> = OnceLock::new();

/// What this process was given.
#[must_use]
pub fn current() -> &'static [Setting] {
    GIVEN.get().map_or(&[], Vec::as_slice)
}

/// Reads the options of this process; says what is wrong with them and exits if they can't be used. A service that is
/// called with `--healthy` asks the one that runs in the same container and exits; with `--print-config` it shows its
/// settings and exits.
#[must_use]
pub fn parse<O: Parser>() -> O {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let environment: BTreeMap<String, OsString> = std::env::vars_os()
        .filter_map(|(name, value)| name.into_string().ok().map(|name| (name, value)))
        .collect();
    let file = config_path(&arguments, &environment).map(|path| SettingsFile::open(&path));
    let shows = arguments.iter().any(|argument| argument.to_string_lossy().starts_with("--print-config"));
    let layered = with_own(O::command(), shows);
    let Layered { mut command, mut settings, troubles } =
        layers::layered(layered, &Sources { environment, file });
    let matches = command.clone().get_matches_from(&arguments);
    let troubles = refuse_or_show(&matches, &command, &mut settings, troubles);
    if !troubles.is_empty() {
        command.error(ErrorKind::InvalidValue, troubles.join("\n       ")).exit();
    }
    if matches!(matches.try_get_one::<bool>(HEALTHY), Ok(Some(true))) {
        let address = matches.get_one::<SocketAddr>(HEALTH).copied();
        std::process::exit(health::asked(address));
    }
    GIVEN.get_or_init(|| settings);
    O::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Shows settings and exits, if that is asked; gives back what is wrong.
fn refuse_or_show(
    matches: &ArgMatches,
    command: &Command,
    settings: &mut [Setting],
    troubles: Vec<String>,
) -> Vec<String> {
    layers::by_flags(settings, matches, command);
    let Ok(Some(form)) = matches.try_get_one::<String>(PRINT) else { return troubles };
    match form.as_str() {
        "json" => println!("{:#}", value(settings)),
        "description" => {
            let known: Vec<&Known> = settings.iter().map(|setting| &setting.known).collect();
            println!("{}", serde_json::to_string_pretty(&known).unwrap_or_default());
        }
        _ => print!("{}", table(settings)),
    }
    if troubles.is_empty() {
        std::process::exit(0);
    }
    for trouble in troubles {
        eprintln!("error: {trouble}");
    }
    std::process::exit(UNUSABLE);
}

/// The command with the options that every binary has.
fn with_own(command: Command, shows: bool) -> Command {
    let is_asked = command.get_arguments().any(|argument| argument.get_id() == HEALTH);
    let config = Arg::new(CONFIG)
        .long(CONFIG)
        .env(CONFIG_VARIABLE)
        .value_name("FILE")
        .help_heading("Configuration")
        .global(true)
        .help("File of settings, as docs/configuration.md describes it. What is set otherwise goes before");
    let print = Arg::new(PRINT)
        .long(PRINT)
        .value_name("FORM")
        .help_heading("Configuration")
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("text")
        .value_parser(PossibleValuesParser::new(["text", "json", "description"]))
        .help("Show each setting, its unit and where it comes from, without secrets, and exit");
    let command = command.arg(config).arg(print);
    // Who asks for settings wants nothing done.
    let command =
        if shows { command.subcommand_required(false).arg_required_else_help(false) } else { command };
    if is_asked {
        let healthy = Arg::new(HEALTHY)
            .long(HEALTHY)
            .action(ArgAction::SetTrue)
            .help("Ask the service that runs here whether it is ready, and exit: 0 if it is.");
        return command.arg(healthy);
    }
    command
}

/// Which file is to be read. It has to be known before anything else is.
fn config_path(arguments: &[OsString], environment: &BTreeMap<String, OsString>) -> Option<PathBuf> {
    let mut arguments = arguments.iter().skip(1).take_while(|argument| *argument != "--");
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(path) = argument.to_str().and_then(|argument| argument.strip_prefix("--config=")) {
            return Some(PathBuf::from(path));
        }
    }
    environment.get(CONFIG_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Where the program of a service is: beside this one, or on the path.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|own| own.parent().map(|folder| folder.join(name)));
    beside.filter(|path| path.exists()).unwrap_or_else(|| Path::new(OsStr::new(name)).to_owned())
}

#[cfg(test)]
mod tests;
