//! Where each setting comes from: flags, then the environment, then the file, then defaults.
//!
//! What the environment and the file say becomes the default of clap's argument, so that flags go before; whatever can't
//! be used is found here, since clap would name the flag that nobody wrote.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, parser::ValueSource};

use super::file::SettingsFile;
use super::known::{Known, Names};

/// Largest file of a secret, in bytes.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// Variables that say who sits there, and set nothing.
const NO_SETTINGS: [&str; 1] = ["USER"];
/// The setting that can't be in the file: it says where that is.
pub(super) const CONFIG: &str = "config";

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag.
    Flag(String),
    /// A variable.
    Variable(String),
    /// A file that a variable names.
    SecretFile {
        /// The variable.
        variable: String,
        /// The file.
        path: PathBuf,
    },
    /// A line of the file of settings.
    File {
        /// The file.
        name: String,
        /// Counted from 1.
        line: usize,
        /// The file that it names in its turn, for a secret.
        secret: Option<PathBuf>,
    },
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::SecretFile { variable, path } => write!(f, "{} (variable {variable})", path.display()),
            Self::File { name, line, secret: None } => write!(f, "{name}:{line}"),
            Self::File { name, line, secret: Some(path) } => write!(f, "{} ({name}:{line})", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting as this process has it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What is known of it without a value.
    pub known: Known,
    /// Its value; of a secret too, so it is not to be shown as it is.
    value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

impl Setting {
    /// Its value, but of a secret; `None` also if it has none.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref().filter(|_| !self.known.secret)
    }

    /// Whether it has a value that says something.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.value.as_ref().is_some_and(|value| !value.trim().is_empty())
    }
}

/// What is read besides flags.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) environment: BTreeMap<String, OsString>,
    pub(super) file: Option<SettingsFile>,
}

impl Sources {
    /// What a variable was given. Empty is not given: that is how compose files leave one out.
    fn variable(&self, name: &str) -> Option<&OsString> {
        self.environment.get(name).filter(|value| !value.is_empty())
    }
}

/// A command whose arguments have what environment and file say.
pub(super) struct Layered {
    pub(super) command: Command,
    /// Each once, in the order of help.
    pub(super) settings: Vec<Setting>,
    /// All that is wrong, a line each.
    pub(super) troubles: Vec<String>,
}

/// Lays environment and file below the flags of a command.
pub(super) fn layered(command: Command, sources: &Sources) -> Layered {
    let binary = command.get_name().to_owned();
    let mut found = Found { binary: &binary, sources, settings: Vec::new(), troubles: Vec::new() };
    let command = found.lay(command);
    let Found { settings, mut troubles, .. } = found;
    let own: Vec<Known> = settings.iter().map(|setting| setting.known.clone()).collect();
    let names = Names::new(&own);
    troubles.extend(sources.environment.keys().filter_map(|name| names.wrong_variable(name)));
    if let Some(file) = &sources.file {
        troubles.extend(file.troubles.iter().cloned());
        troubles.extend(wrong_names(file, &binary, &names));
    }
    troubles.dedup();
    Layered { command, settings, troubles }
}

/// Names of the file that are nobody's.
fn wrong_names(file: &SettingsFile, binary: &str, names: &Names<'_>) -> Vec<String> {
    let sections = file.sections.iter().filter(|section| !names.is_binary(&section.name)).map(|section| {
        let meant = names.binary_meant(&section.name);
        format!("{}:{}: [{}] is no binary of TradeUp Jobs{meant}", file.name, section.line, section.name)
    });
    let lines = file.lines.iter().filter_map(|line| {
        let key = &line.key;
        let known = names.of_key(key).or_else(|| {
            key.strip_suffix("_file").and_then(|base| names.of_key(base)).filter(|known| known.secret)
        });
        let wrong = match known {
            _ if key == CONFIG => {
                "config is where this file is; give it by --config or TRADEUP_CONFIG".to_owned()
            }
            None => format!("{key} is no setting{}", names.key_meant(key)),
            Some(known) => {
                // A section of another binary is that one's to judge.
                let is_for_us = line.section.as_deref() == Some(binary);
                let readers = names.readers(&known.key);
                if !is_for_us || readers.split(", ").any(|reader| reader == binary) {
                    return None;
                }
                format!("{binary} does not read {key}; who does: {readers}")
            }
        };
        Some(format!("{}:{}: {wrong}", file.name, line.line))
    });
    sections.chain(lines).collect()
}

struct Found<'a> {
    binary: &'a str,
    sources: &'a Sources,
    settings: Vec<Setting>,
    troubles: Vec<String>,
}

impl Found<'_> {
    fn lay(&mut self, command: Command) -> Command {
        command.mut_args(|argument| self.lay_argument(argument)).mut_subcommands(|below| self.lay(below))
    }

    fn lay_argument(&mut self, argument: Arg) -> Arg {
        let Some(known) = describe(&argument, self.binary) else { return argument };
        let argument = without_environment(argument, &known.variable);
        let default = known.default.clone();
        let given = match self.given(&known) {
            Ok(given) => given,
            Err(trouble) => {
                self.troubles.push(trouble);
                None
            }
        };
        let used = given.and_then(|(value, origin)| match refusal(&argument, &value) {
            None => Some((value.to_string_lossy().into_owned(), origin)),
            Some(reason) => {
                self.troubles.push(unusable(&known, &value, &origin, &reason));
                None
            }
        });
        let (value, origin) = match used {
            Some((value, origin)) => (Some(value), origin),
            None => (default, Origin::Default),
        };
        let is_default = origin == Origin::Default;
        if !self.settings.iter().any(|setting| setting.known.variable == known.variable) {
            self.settings.push(Setting { known, value: value.clone(), origin });
        }
        match value {
            // The process reads it once and needs it to its end.
            Some(value) if !is_default => {
                let takes_value = argument.get_action().takes_values();
                let argument = argument.default_value(&*Box::leak(value.into_boxed_str())).required(false);
                if takes_value { argument.hide_default_value(true) } else { argument }
            }
            _ => argument,
        }
    }

    /// What environment or file say, and where.
    fn given(&self, known: &Known) -> Result<Option<(OsString, Origin)>, String> {
        let of_environment = self.of_environment(known)?;
        if of_environment.is_some() { Ok(of_environment) } else { self.of_file(known) }
    }

    fn of_environment(&self, known: &Known) -> Result<Option<(OsString, Origin)>, String> {
        let name = &known.variable;
        let plain = self.sources.variable(name);
        let variable = format!("{name}_FILE");
        let Some(path) = self.sources.variable(&variable).filter(|_| known.secret) else {
            return Ok(plain.map(|value| (value.clone(), Origin::Variable(name.clone()))));
        };
        if plain.is_some() {
            return Err(format!("{name} and {variable} are both set; unset one of them"));
        }
        let path = PathBuf::from(path);
        let secret = read(&path).map_err(|reason| format!("{variable}: {}: {reason}", path.display()))?;
        // An empty file is a value that is not given.
        let origin = Origin::SecretFile { variable, path };
        Ok(Some(secret).filter(|secret| !secret.is_empty()).map(|secret| (secret.into(), origin)))
    }

    fn of_file(&self, known: &Known) -> Result<Option<(OsString, Origin)>, String> {
        let Some(file) = self.sources.file.as_ref().filter(|_| known.key != CONFIG) else { return Ok(None) };
        let key_of_file = format!("{}_file", known.key);
        for section in [Some(self.binary), None] {
            let of_section = || file.lines.iter().filter(|line| line.section.as_deref() == section);
            let plain = of_section().find(|line| line.key == known.key);
            let named = of_section().find(|line| known.secret && line.key == key_of_file);
            let (line, secret) = match (plain, named) {
                (None, None) => continue,
                (Some(_), Some(named)) => {
                    let (name, line) = (&file.name, named.line);
                    return Err(format!(
                        "{name}:{line}: {} and {key_of_file} are both set; take one away",
                        known.key
                    ));
                }
                (Some(line), None) => (line, None),
                (None, Some(named)) => (named, Some(PathBuf::from(&named.value))),
            };
            let value = match &secret {
                None => line.value.clone(),
                Some(path) => read(path).map_err(|reason| {
                    format!("{}:{}: {key_of_file}: {}: {reason}", file.name, line.line, path.display())
                })?,
            };
            let origin = Origin::File { name: file.name.clone(), line: line.line, secret };
            return Ok(Some(value).filter(|value| !value.is_empty()).map(|value| (value.into(), origin)));
        }
        Ok(None)
    }
}

/// The argument without its variable, which was looked at here; help names it still.
fn without_environment(argument: Arg, variable: &str) -> Arg {
    let named = |help: &clap::builder::StyledStr| format!("{help} [env: {variable}]");
    let (short, long) = (argument.get_help().map(named), argument.get_long_help().map(named));
    let argument = argument.env(Resettable::Reset);
    let argument = match short {
        Some(help) => argument.help(help),
        None => argument,
    };
    match long {
        Some(help) => argument.long_help(help),
        None => argument,
    }
}

/// What is known of an argument without a value, if it is a setting.
pub(super) fn describe(argument: &Arg, binary: &str) -> Option<Known> {
    let variable = argument.get_env().and_then(OsStr::to_str).filter(|name| !NO_SETTINGS.contains(name))?;
    let is_switch = matches!(argument.get_action(), ArgAction::SetTrue);
    let names = argument.get_value_parser().possible_values().filter(|_| !is_switch);
    let unit = match names {
        _ if is_switch => "true or false".to_owned(),
        Some(names) => names.map(|name| name.get_name().to_owned()).collect::<Vec<_>>().join(" or "),
        // LEASE_SECONDS is counted in seconds.
        None => argument
            .get_value_names()
            .and_then(<[_]>::first)
            .and_then(|name| name.rsplit('_').next())
            .unwrap_or("text")
            .to_lowercase(),
    };
    // A number that none of ours may be: what is said of it names the bounds.
    let bounds = refusal(argument, OsStr::new("99999999999"))
        .and_then(|reason| reason.split_once(" is not in ").map(|(_, bounds)| bounds.replace("..=", " to ")));
    let default = argument.get_default_values().first().and_then(|value| value.to_str()).map(str::to_owned);
    Some(Known {
        key: variable.trim_start_matches("TRADEUP_").to_lowercase(),
        variable: variable.to_owned(),
        flag: argument.get_long().map(|long| format!("--{long}")).unwrap_or_default(),
        unit,
        bounds,
        default: default.or_else(|| is_switch.then(|| "false".to_owned())),
        // Those whose values help does not show.
        secret: argument.is_hide_env_values_set(),
        heading: argument.get_help_heading().unwrap_or("General").to_owned(),
        help: argument.get_help().map(ToString::to_string).unwrap_or_default(),
        read_by: [binary.to_owned()].into(),
    })
}

/// Why an argument can't have a value, if it can't. Does not repeat the value if that is hidden.
fn refusal(argument: &Arg, value: &OsStr) -> Option<String> {
    if matches!(argument.get_action(), ArgAction::SetTrue) {
        let is_known = value == "true" || value == "false";
        return (!is_known).then(|| "it is neither true nor false".to_owned());
    }
    let alone = Arg::new("value").long("value").value_parser(argument.get_value_parser().clone());
    let command = Command::new("").no_binary_name(true).disable_help_flag(true).arg(alone);
    let mut given = OsString::from("--value=");
    given.push(value);
    let error = command.try_get_matches_from([given]).err()?;
    Some(match (error.kind(), error.get(ContextKind::ValidValue)) {
        (ErrorKind::InvalidValue, Some(ContextValue::Strings(names))) => {
            format!("it is not one of {}", names.join(", "))
        }
        (ErrorKind::InvalidUtf8, _) => "it is no UTF-8".to_owned(),
        _ if argument.is_hide_env_values_set() => "it can't be read".to_owned(),
        _ => std::error::Error::source(&error).map_or_else(|| error.kind().to_string(), ToString::to_string),
    })
}

/// What can't be used: the key, where it comes from, why, and what to do.
fn unusable(known: &Known, value: &OsStr, origin: &Origin, reason: &str) -> String {
    let shown =
        if known.secret { "what is given".to_owned() } else { format!("{:?}", value.to_string_lossy()) };
    let bounds = known.bounds.as_ref().map(|bounds| format!(", {bounds}")).unwrap_or_default();
    let without = match &known.default {
        Some(default) => format!("; without it, it is {default}"),
        None => "; or leave it out".to_owned(),
    };
    format!(
        "{} of {origin}: {shown} can't be used: {reason}. Give {}{bounds}{without}",
        known.key, known.unit
    )
}

/// What flags said goes before.
pub(super) fn by_flags(settings: &mut [Setting], matches: &ArgMatches, command: &Command) {
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        let Some(long) = argument.get_long().filter(|_| matches.ids().any(|found| found == id)) else {
            continue;
        };
        let flag = format!("--{long}");
        // Those of one flag are of one variable.
        let Some(setting) = settings.iter_mut().find(|setting| setting.known.flag == flag) else { continue };
        if matches.value_source(id) == Some(ValueSource::CommandLine) {
            let raw = matches
                .get_raw(id)
                .map(|mut values| values.next().map(|value| value.to_string_lossy().into_owned()));
            setting.value = raw.flatten().or_else(|| Some("true".to_owned()));
            setting.origin = Origin::Flag(flag);
        }
    }
    if let Some((name, below)) = matches.subcommand()
        && let Some(command) = command.find_subcommand(name)
    {
        by_flags(settings, below, command);
    }
}

/// A file's text, without the end of its last line.
fn read(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let mut file = File::open(path).map_err(|error| error.to_string())?.take(SECRET_BYTES_MAX + 1);
    let bytes = file.read_to_string(&mut text).map_err(|error| error.to_string())?;
    if u64::try_from(bytes).unwrap_or(u64::MAX) > SECRET_BYTES_MAX {
        return Err(format!("it is larger than {SECRET_BYTES_MAX} bytes, which no secret is"));
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
