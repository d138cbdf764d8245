//! The template engine, with everything taken away that a mail does not need.

use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

use super::variables::{NAMES, Variables};
use super::{Part, TemplateError, tags};
use crate::text::escape_html;

/// Largest source of a part, in bytes.
const SOURCE_BYTES_MAX: [usize; 3] = [500, 20_000, 100_000];
/// Largest output of a part, in bytes; providers cut HTML off at about 100 kB.
const OUTPUT_BYTES_MAX: usize = 500_000;
/// Steps of the engine for one part: a table of 500 lots takes about 10 for each.
const STEPS_MAX: u64 = 100_000;
/// Depth of nested tags.
const DEPTH_MAX: usize = 20;

/// Why the formatter gave up: told apart by these words.
const NOTHING_THERE: &str = "nothing there";

/// Compiles the three parts.
pub(super) fn build(sources: [&str; 3]) -> Result<Environment<'static>, TemplateError> {
    let mut engine = Environment::empty();
    // With tags on lines of their own, loops leave no empty lines behind.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    engine.set_syntax(syntax.map_err(|error| syntax_error(Part::Subject, &error))?);
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(STEPS_MAX));
    engine.set_recursion_limit(DEPTH_MAX);
    // Escaping is the formatter's work alone, so that nothing in a template can switch it off.
    engine.set_auto_escape_callback(|_name| AutoEscape::None);
    engine.set_formatter(|out, state, value| {
        match value.kind() {
            ValueKind::None | ValueKind::Undefined => {
                return Err(Error::new(ErrorKind::InvalidOperation, NOTHING_THERE));
            }
            ValueKind::String | ValueKind::Number | ValueKind::Bool => {}
            _ => return Err(Error::new(ErrorKind::InvalidOperation, "a list can't be shown; loop over it")),
        }
        let text = value.to_string();
        let text = if state.name() == Part::Html.as_str() { escape_html(&text) } else { text };
        out.write_str(&text).map_err(Error::from)
    });
    for ((part, source), max) in Part::ALL.into_iter().zip(sources).zip(SOURCE_BYTES_MAX) {
        if source.len() > max {
            return Err(TemplateError::TooLarge { part, bytes: source.len(), max });
        }
        if part == Part::Subject && source.contains(['\r', '\n']) {
            return Err(TemplateError::SubjectLineBreak);
        }
        tags::check(part, source)?;
        engine
            .add_template_owned(part.as_str(), source.to_owned())
            .map_err(|error| syntax_error(part, &error))?;
        // Rendering finds what it comes by only; this also looks into branches not taken.
        let template = engine.get_template(part.as_str()).map_err(|error| syntax_error(part, &error))?;
        let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        unknown.retain(|name| !NAMES.contains(&name.as_str()));
        unknown.sort();
        if let Some(name) = unknown.into_iter().next() {
            return Err(TemplateError::UnknownVariable { part, line: line_of(source, &name), name });
        }
    }
    Ok(engine)
}

/// Renders one part.
pub(super) fn render(
    engine: &Environment<'static>,
    part: Part,
    variables: &Variables,
) -> Result<String, TemplateError> {
    let template = engine.get_template(part.as_str()).map_err(|error| failure(part, "", &error))?;
    let mut output = Bounded(Vec::new());
    template
        .render_captured_to(minijinja::value::Serde(variables), &mut output)
        .map_err(|error| failure(part, template.source(), &error))?;
    String::from_utf8(output.0).map_err(|_not_utf8| TemplateError::TooMuchWork { part })
}

/// A writer that takes so much and no more.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn syntax_error(part: Part, error: &Error) -> TemplateError {
    let detail = error.detail().unwrap_or("it can't be read").to_owned();
    TemplateError::Syntax { part, line: error.line().unwrap_or(1), detail }
}

fn failure(part: Part, source: &str, error: &Error) -> TemplateError {
    let line = error.line().unwrap_or(1);
    match error.kind() {
        ErrorKind::UndefinedError => {
            TemplateError::UnknownVariable { part, line, name: unknown(error, source, line) }
        }
        ErrorKind::OutOfFuel | ErrorKind::WriteFailure => TemplateError::TooMuchWork { part },
        ErrorKind::InvalidOperation if error.detail() == Some(NOTHING_THERE) => {
            TemplateError::MayBeMissing { part, line }
        }
        _ => TemplateError::Failed { part, line, detail: error.detail().unwrap_or("it fails").to_owned() },
    }
}

/// The unknown name, if the engine says it or the line has one tag only.
fn unknown(error: &Error, source: &str, line: usize) -> String {
    let said = error.detail().and_then(|detail| detail.split('`').nth(1)).map(str::to_owned);
    let alone = || {
        let mut tags = source.lines().nth(line.checked_sub(1)?)?.split("{{").skip(1);
        let tag = tags.next()?.split("}}").next()?;
        tags.next().is_none().then(|| tag.trim().to_owned())
    };
    said.or_else(alone).unwrap_or_else(|| "variable of that name".to_owned())
}

/// The line on which a word stands first, within a tag.
fn line_of(source: &str, word: &str) -> usize {
    let words = |line: &str| {
        line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
            && line.contains('{')
    };
    source.lines().position(words).map_or(1, |at| at + 1)
}
