//! Reading options: flags, environment, and files for what is secret.
//!
//! Each secret variable `NAME` may be given as `NAME_FILE`, the path of a file that holds it: that is how compose and
//! Kubernetes hand secrets over, and nobody sees a file in `docker inspect`, `/proc` or a crash report.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command, Parser};

use crate::health;

/// Largest file of a secret, in bytes.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// The name of the option that says where health is asked for.
const HEALTH: &str = "health";
/// The flag that asks.
const HEALTHY: &str = "healthy";

/// Reads the options of this process; says what is wrong with them and exits if they can't be used. A service that is
/// called with `--healthy` asks the one that runs in the same container and exits.
#[must_use]
pub fn parse<O: Parser>() -> O {
    let (mut command, trouble) = with_files(O::command(), &|name| std::env::var_os(name));
    if let Some(trouble) = trouble {
        command.error(ErrorKind::Io, trouble).exit();
    }
    if command.get_arguments().any(|argument| argument.get_id() == HEALTH) {
        let healthy = Arg::new(HEALTHY)
            .long(HEALTHY)
            .action(ArgAction::SetTrue)
            .help("Ask the service that runs here whether it is ready, and exit: 0 if it is.");
        command = command.arg(healthy);
    }
    let matches = command.get_matches();
    if matches!(matches.try_get_one::<bool>(HEALTHY), Ok(Some(true))) {
        let address = matches.get_one::<SocketAddr>(HEALTH).copied();
        std::process::exit(health::asked(address));
    }
    O::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The command with the contents of files where files are given, and what is wrong with the last bad one.
fn with_files(command: Command, lookup: &dyn Fn(&str) -> Option<OsString>) -> (Command, Option<String>) {
    let mut trouble = None;
    let command = command.mut_args(|argument| match filled(&argument, lookup) {
        Ok(None) => argument,
        // The process reads it once and needs it to its end.
        Ok(Some(secret)) => argument
            .env(Resettable::Reset)
            .default_value(&*Box::leak(secret.into_boxed_str()))
            .hide_default_value(true),
        Err(reason) => {
            trouble = Some(reason);
            argument
        }
    });
    let command = command.mut_subcommands(|below| {
        let (below, wrong) = with_files(below, lookup);
        trouble = trouble.take().or(wrong);
        below
    });
    (command, trouble)
}

/// What the file of a secret option holds, if one is given. Never says what is in it.
fn filled(argument: &Arg, lookup: &dyn Fn(&str) -> Option<OsString>) -> Result<Option<String>, String> {
    let given = |name: &str| lookup(name).filter(|value| !value.is_empty());
    // Secrets are those whose values help does not show.
    let Some(name) = argument.get_env().and_then(OsStr::to_str).filter(|_| argument.is_hide_env_values_set())
    else {
        return Ok(None);
    };
    let variable = format!("{name}_FILE");
    let Some(path) = given(&variable) else { return Ok(None) };
    if given(name).is_some() {
        return Err(format!("{name} and {variable} are both set; unset one of them"));
    }
    let secret =
        read(Path::new(&path)).map_err(|reason| format!("{variable}: {}: {reason}", path.display()))?;
    Ok(Some(secret))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use std::collections::BTreeMap;

    use clap::{Args, CommandFactory as _, FromArgMatches as _, Subcommand};

    use super::*;

    #[derive(Debug, Parser)]
    struct Told {
        #[arg(long, env = "TOLD_KEY", hide_env_values = true, global = true)]
        key: Option<String>,
        #[arg(long, env = "TOLD_PLAIN")]
        plain: Option<String>,
        #[command(subcommand)]
        below: Option<Below>,
    }

    #[derive(Debug, Subcommand)]
    enum Below {
        Connect(Connect),
    }

    #[derive(Args, Debug)]
    struct Connect {
        #[arg(long, env = "TOLD_TOKEN", hide_env_values = true)]
        token: Option<String>,
    }

    fn told(variables: &[(&str, &str)], arguments: &[&str]) -> Result<Told, String> {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        let lookup = |name: &str| variables.get(name).map(OsString::from);
        let (command, trouble) = with_files(Told::command(), &lookup);
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        let matches = command.try_get_matches_from(arguments).map_err(|error| error.to_string())?;
        Told::from_arg_matches(&matches).map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_is_read_from_its_file_wherever_its_option_stands() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "postgres://user:pass@host/db\r\n").unwrap();
        let path = file.to_str().unwrap();
        let top = told(&[("TOLD_KEY_FILE", path)], &["told"]).unwrap();
        assert_eq!(top.key.as_deref(), Some("postgres://user:pass@host/db"));

        let below =
            told(&[("TOLD_KEY_FILE", path), ("TOLD_TOKEN_FILE", path)], &["told", "connect"]).unwrap();
        let Some(Below::Connect(connect)) = below.below else { unreachable!() };
        assert_eq!(connect.token.as_deref(), Some("postgres://user:pass@host/db"));
        assert_eq!(below.key.as_deref(), Some("postgres://user:pass@host/db"));

        let by_flag = told(&[("TOLD_KEY_FILE", path)], &["told", "--key", "flag"]).unwrap();
        assert_eq!(by_flag.key.as_deref(), Some("flag"), "a flag goes before");
        let empty = told(&[("TOLD_KEY", ""), ("TOLD_KEY_FILE", path)], &["told"]).unwrap();
        assert_eq!(empty.key.as_deref(), Some("postgres://user:pass@host/db"), "empty is not given");
        let plain = told(&[("TOLD_PLAIN_FILE", path)], &["told"]).unwrap();
        assert_eq!(plain.plain, None, "what is not secret has no file");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_without_what_is_in_it() {
        let missing = told(&[("TOLD_KEY_FILE", "/nowhere/key")], &["told"]).unwrap_err();
        assert!(missing.starts_with("TOLD_KEY_FILE: /nowhere/key: "), "{missing}");
        let both = told(&[("TOLD_KEY", "hidden"), ("TOLD_KEY_FILE", "/nowhere/key")], &["told"]).unwrap_err();
        assert_eq!(both, "TOLD_KEY and TOLD_KEY_FILE are both set; unset one of them");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("large");
        std::fs::write(&file, "x".repeat(64 * 1024 + 1)).unwrap();
        let large = told(&[("TOLD_TOKEN_FILE", file.to_str().unwrap())], &["told"]).unwrap_err();
        assert!(large.contains("larger than 65536 bytes") && !large.contains("xx"), "{large}");
    }

    #[test]
    fn help_shows_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "hush-hush").unwrap();
        let path = file.to_str().unwrap();
        let help = told(&[("TOLD_KEY_FILE", path)], &["told", "--help"]).unwrap_err();
        assert!(help.contains("--key") && !help.contains("hush-hush"), "{help}");
    }
}
