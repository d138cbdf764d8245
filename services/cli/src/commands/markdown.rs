//! `tradeup markdown`: the command line's page of the documentation (docs/reference/command-line.md).

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Arg, Command};

/// Prints every command with its arguments as Markdown.
pub(crate) fn run(mut command: Command) -> anyhow::Result<ExitCode> {
    command.build();
    let mut page = String::from(
        "<!-- Made by `tradeup markdown`; change the commands, not this page. -->\n\n# Command line\n\n",
    );
    paragraphs(&mut page, &command);
    page.push_str("Options of every command are those at the end of this page.\n");
    for sub in commands(&command) {
        section(&mut page, sub, "tradeup", 2);
    }
    page.push_str("\n## Options of every command\n\n");
    let global: Vec<&Arg> = command.get_arguments().filter(|arg| shown(arg)).collect();
    arguments(&mut page, &global);
    std::io::stdout().write_all(page.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn commands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

fn shown(arg: &Arg) -> bool {
    !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version")
}

/// What is said of a command: the long text where there is one.
fn paragraphs(page: &mut String, command: &Command) {
    if let Some(about) = command.get_long_about().or_else(|| command.get_about()) {
        page.push_str(&escaped(&about.to_string()));
        page.push_str("\n\n");
    }
}

fn section(page: &mut String, command: &Command, parent: &str, depth: usize) {
    let name = format!("{parent} {}", command.get_name());
    let heading = "#".repeat(depth.min(4));
    let _written = write!(page, "\n{heading} {name}\n\n");
    paragraphs(page, command);
    let own: Vec<&Arg> = command.get_arguments().filter(|arg| shown(arg) && !arg.is_global_set()).collect();
    if command.get_subcommands().next().is_none() || own.iter().any(|arg| arg.is_positional()) {
        let _written = write!(page, "```text\n{name}{}\n```\n\n", usage(&own));
    }
    arguments(page, &own);
    for sub in commands(command) {
        section(page, sub, &name, depth + 1);
    }
}

/// What has to be given, and that there is more.
fn usage(own: &[&Arg]) -> String {
    let mut usage = String::new();
    for arg in own.iter().filter(|arg| arg.is_positional()) {
        let name = value(arg);
        let _written =
            if arg.is_required_set() { write!(usage, " <{name}>") } else { write!(usage, " [{name}]") };
    }
    for arg in own.iter().filter(|arg| !arg.is_positional() && arg.is_required_set()) {
        let _written = write!(usage, " --{} <{}>", arg.get_long().unwrap_or_default(), value(arg));
    }
    if own.iter().any(|arg| !arg.is_positional() && !arg.is_required_set()) {
        usage.push_str(" [options]");
    }
    usage
}

fn value(arg: &Arg) -> String {
    match arg.get_value_names() {
        Some(names) => names.join(" "),
        None => arg.get_id().as_str().to_uppercase(),
    }
}

fn arguments(page: &mut String, arguments: &[&Arg]) {
    if arguments.is_empty() {
        return;
    }
    page.push_str("| argument | |\n|---|---|\n");
    for arg in arguments {
        let takes = arg.get_action().takes_values();
        let mut name = match arg.get_long() {
            Some(long) if takes => format!("--{long} <{}>", value(arg)),
            Some(long) => format!("--{long}"),
            None => format!("<{}>", value(arg)),
        };
        if let Some(short) = arg.get_short() {
            name = format!("-{short}, {name}");
        }
        let help =
            arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
        let mut help = escaped(&help.split_whitespace().collect::<Vec<_>>().join(" "));
        if !help.is_empty() && !help.ends_with(['.', ':', ')']) {
            help.push('.');
        }
        let choices: Vec<String> =
            arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
        if takes && !choices.is_empty() {
            let _written = write!(help, " One of {}.", choices.join(", "));
        }
        if let Some(variable) = arg.get_env() {
            let _written = write!(help, " Variable `{}`.", variable.to_string_lossy());
        }
        let defaults: Vec<String> =
            arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
        if takes && !defaults.is_empty() && !arg.is_hide_default_value_set() {
            let _written = write!(help, " Default {}.", defaults.join(", "));
        }
        let _written = writeln!(page, "| `{name}` | {} |", help.replace('|', "\\|").trim());
    }
}

/// What Markdown would take for a tag is text.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut code = false;
    for c in text.chars() {
        if c == '`' {
            code = !code;
        }
        match c {
            '<' if !code => escaped.push_str("&lt;"),
            other => escaped.push(other),
        }
    }
    escaped
}
