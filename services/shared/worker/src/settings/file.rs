//! The file of settings: TOML, one line a setting. What stands at the top is for every binary that reads it; what stands
//! below `[credits]` is for that binary, and goes before.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The binary below whose name it stands.
    pub(super) section: Option<String>,
    /// What is set.
    pub(super) key: String,
    /// To what, as a variable would have it.
    pub(super) value: String,
    /// Counted from 1.
    pub(super) line: usize,
}

/// A table with a name, which should be a binary's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) line: usize,
}

/// A file that was read.
#[derive(Clone, Debug, Default)]
pub(super) struct SettingsFile {
    pub(super) name: String,
    pub(super) lines: Vec<Line>,
    pub(super) sections: Vec<Section>,
    /// What is wrong with it by itself.
    pub(super) troubles: Vec<String>,
}

impl SettingsFile {
    /// Reads it. A file that can't be read is a trouble and has no lines.
    pub(super) fn open(path: &Path) -> Self {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(name, &text),
            Err(error) => Self {
                troubles: vec![format!("config: {name} can't be read: {error}")],
                name,
                ..Self::default()
            },
        }
    }

    /// Understands it.
    pub(super) fn parse(name: String, text: &str) -> Self {
        let mut file = Self { name, ..Self::default() };
        match DeTable::parse(text) {
            Ok(table) => file.take(None, table.get_ref(), text),
            Err(error) => {
                let line = error.span().map_or(1, |span| line_of(text, span.start));
                file.troubles.push(format!("{}:{line}: {}", file.name, error.message()));
            }
        }
        file
    }

    fn take(&mut self, section: Option<&str>, table: &DeTable<'_>, text: &str) {
        for (key, value) in table.iter() {
            let line = line_of(text, key.span().start);
            let key = key.get_ref().to_string();
            match (value.get_ref(), section) {
                (DeValue::Table(below), None) => {
                    self.sections.push(Section { name: key.clone(), line });
                    self.take(Some(&key), below, text);
                }
                _ => match plain(value) {
                    Ok(value) => {
                        let section = section.map(str::to_owned);
                        self.lines.push(Line { section, key, value, line });
                    }
                    Err(form) => self.troubles.push(format!(
                        "{}:{line}: {key} is {form}; give a text, a number, true, false, or a list of these",
                        self.name
                    )),
                },
            }
        }
    }
}

/// A value as a variable would have it; a list is joined with commas.
fn plain(value: &Spanned<DeValue<'_>>) -> Result<String, &'static str> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Integer(_) => Err("a number that is not decimal"),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(yes) => Ok(yes.to_string()),
        DeValue::Array(values) => {
            let values: Result<Vec<String>, _> = values.iter().map(plain).collect();
            Ok(values?.join(","))
        }
        DeValue::Datetime(_) => Err("a time"),
        DeValue::Table(_) => Err("a table"),
    }
}

/// The line of a place in a text, counted from 1.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_know_where_they_stand() {
        let text = "# all\nconcurrency = 4\nnats_url = \"nats://n\"\nmodels = [\"a\", \"b\"]\n\n[credits]\nconcurrency = 1_6\n";
        let file = SettingsFile::parse("t.toml".to_owned(), text);
        assert_eq!(file.troubles, Vec::<String>::new());
        let mut found: Vec<(usize, Option<&str>, &str, &str)> = file
            .lines
            .iter()
            .map(|line| (line.line, line.section.as_deref(), line.key.as_str(), line.value.as_str()))
            .collect();
        found.sort_unstable();
        assert_eq!(
            found,
            [
                (2, None, "concurrency", "4"),
                (3, None, "nats_url", "nats://n"),
                (4, None, "models", "a,b"),
                (7, Some("credits"), "concurrency", "16"),
            ]
        );
        assert_eq!(file.sections, [Section { name: "credits".to_owned(), line: 6 }]);
    }

    #[test]
    fn what_is_no_toml_is_said_with_its_line() {
        let file = SettingsFile::parse("t.toml".to_owned(), "a = 1\nb = \n");
        assert!(file.troubles[0].starts_with("t.toml:2: "), "{:?}", file.troubles);
        let file = SettingsFile::parse("t.toml".to_owned(), "a = 1\na = 2\n");
        assert!(file.troubles[0].starts_with("t.toml:2: "), "{:?}", file.troubles);
        let file = SettingsFile::parse("t.toml".to_owned(), "[a.b]\nc = 1\n");
        assert!(file.troubles[0].contains("b is a table"), "{:?}", file.troubles);
        let file = SettingsFile::open(Path::new("/nowhere/t.toml"));
        assert!(file.troubles[0].starts_with("config: /nowhere/t.toml can't be read"), "{:?}", file.troubles);
    }
}
