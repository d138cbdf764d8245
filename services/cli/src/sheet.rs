//! Reports as a table, as CSV or as JSON: one set of columns for all three.

use std::io::Write as _;

use chrono::NaiveDate;
use serde_json::{Map, Value};
use tradeup_domain::spreadsheet::inert;
use tradeup_domain::{amount_text as money, decimal_text};

use crate::output::{Output, table};

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Text(String),
    Number(i64),
    /// Minor units and the code of their currency.
    Money(i64, String),
    Empty,
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn optional(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Empty, Self::text)
    }

    /// A month as `YYYY-MM`.
    pub(crate) fn month(first_day: NaiveDate) -> Self {
        Self::Text(first_day.format("%Y-%m").to_string())
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Money(minor, currency) => money(*minor, currency),
            Self::Empty => "-".to_owned(),
        }
    }

    /// As a spreadsheet reads it: amounts as bare decimals, and no text that it would execute.
    fn in_csv(&self) -> String {
        match self {
            Self::Text(text) => inert(text).into_owned(),
            Self::Number(number) => number.to_string(),
            Self::Money(minor, currency) => decimal_text(*minor, currency),
            Self::Empty => String::new(),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) | Self::Money(number, _) => (*number).into(),
            Self::Empty => Value::Null,
        }
    }
}

/// A report: named columns and rows. The names of columns with money end in `_minor`, as JSON has them.
pub(crate) struct Sheet {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Sheet {
    pub(crate) fn new(columns: &[&'static str]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = Cell>) {
        self.rows.push(row.into_iter().collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn value(&self) -> Value {
        let row = |row: &Vec<Cell>| -> Value {
            let fields = self.columns.iter().zip(row);
            fields.map(|(name, cell)| ((*name).to_owned(), cell.value())).collect::<Map<_, _>>().into()
        };
        self.rows.iter().map(row).collect()
    }

    /// The table for people: without `_minor`, amounts at the right.
    pub(crate) fn text(&self) -> String {
        let headings: Vec<String> =
            self.columns.iter().map(|name| name.trim_end_matches("_minor").replace('_', " ")).collect();
        let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
        let right = |n: &usize| {
            self.rows.iter().any(|row| matches!(row.get(*n), Some(Cell::Number(_) | Cell::Money(..))))
        };
        let right: Vec<usize> = (0..self.columns.len()).filter(right).collect();
        let mut shown = table(&headings, &right);
        for row in &self.rows {
            shown.add_row(row.iter().map(Cell::shown));
        }
        shown.to_string()
    }

    fn csv(&self) -> anyhow::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|name| name.trim_end_matches("_minor")))?;
        for row in &self.rows {
            writer.write_record(row.iter().map(Cell::in_csv))?;
        }
        Ok(String::from_utf8(writer.into_inner()?)?)
    }

    /// Prints it: CSV if asked, JSON if asked, else the table, or `nothing` if it is empty.
    pub(crate) fn show(&self, output: Output, as_csv: bool, nothing: &str) -> anyhow::Result<()> {
        if as_csv {
            std::io::stdout().lock().write_all(self.csv()?.as_bytes())?;
            return Ok(());
        }
        output.show(&self.value(), || if self.is_empty() { nothing.to_owned() } else { self.text() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_executes_nothing_and_reads_amounts() {
        let mut sheet = Sheet::new(&["member", "amount_minor", "note"]);
        let note = "=HYPERLINK(\"x\"), \"quoted\"";
        sheet.push([Cell::text("+1"), Cell::Money(-1250, "USD".to_owned()), Cell::text(note)]);
        sheet.push([Cell::text("@a"), Cell::Money(980, "JPY".to_owned()), Cell::Empty]);
        let csv = sheet.csv().unwrap();
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let rows: Vec<Vec<String>> =
            reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        assert_eq!(rows[0], ["'+1", "-12.50", &format!("'{note}")]);
        assert_eq!(rows[1], ["'@a", "980", ""]);
        assert_eq!(reader.headers().unwrap(), vec!["member", "amount", "note"]);
        assert_eq!(sheet.value()[0]["amount_minor"], -1250);
    }
}
