//! Credits as another system has exported them: CSV with a header, or a JSON object a line.
//!
//! | field | |
//! |---|---|
//! | `member` | customer id |
//! | `amount` or `amount_minor` | what was given: decimal, or in minor units |
//! | `currency` | ISO 4217 code; the shop's, if there is none |
//! | `reason` | `monthly` (if there is none) or `opening` |
//! | `period` | `YYYY-MM`; that of the command, if there is none |
//! | `external_id` | what the other system calls the credit; one each, for ever |
//! | `left` or `left_minor` | what of it is not used yet |
//! | `granted_at`, `expires_at` | instants like `2026-11-01T06:00:00Z`; else by the shop's rules |
//!
//! Read row by row. Unknown columns are no error: exports have many.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Utc};
use serde_json::Value;
use tradeup_domain::monthly::LEAST_VALID_DAYS;
use tradeup_domain::{Currency, Money, Period};
use tradeup_store::imports::{OldCredit, Reason};
use tradeup_store::tenants::Settings;

/// Longest line.
const LINE_MAX_BYTES: u64 = 64 * 1024;
/// Longest name of a credit.
const NAME_MAX_CHARS: usize = 200;

/// Fields of a line, by name.
type Fields = BTreeMap<String, String>;

/// A line that can't be read, with what puts it right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) field: &'static str,
    pub(crate) reason: String,
    pub(crate) fix: String,
}

fn bad(field: &'static str, reason: impl Into<String>, fix: impl Into<String>) -> Bad {
    Bad { field, reason: reason.into(), fix: fix.into() }
}

/// A line of the file: where it is, as it is, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) line: i64,
    pub(crate) raw: String,
    pub(crate) credit: Result<OldCredit, Bad>,
}

/// What a line is understood by.
pub(crate) struct Terms {
    pub(crate) settings: Settings,
    /// The period of lines that name none; others may name no other.
    pub(crate) period: Period,
    /// When that is due.
    pub(crate) due: DateTime<Utc>,
    pub(crate) now: DateTime<Utc>,
    /// Whether what is left can be spent here.
    pub(crate) with_balance: bool,
}

/// Reads a file of credits.
pub(crate) struct OldCredits<R> {
    rows: Rows<R>,
    terms: Terms,
}

enum Rows<R> {
    Csv { reader: Box<csv::Reader<R>>, header: Vec<String> },
    Lines { reader: BufReader<R>, line: i64 },
}

impl<R: Read> OldCredits<R> {
    /// Opens a file; its name says of which kind it is.
    ///
    /// # Errors
    /// If a column that has to be there is not.
    pub(crate) fn open(name: &str, input: R, terms: Terms) -> anyhow::Result<Self> {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        let rows = match ending.as_deref() {
            Some("jsonl" | "ndjson") => Rows::Lines { reader: BufReader::new(input), line: 0 },
            Some("csv") => {
                let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
                let header: Vec<String> = reader
                    .headers()
                    .context("line 1: the header can't be read")?
                    .iter()
                    .map(|name| name.trim_start_matches('\u{feff}').trim().to_ascii_lowercase())
                    .collect();
                let has = |name: &str| header.iter().any(|column| column == name);
                ensure!(has("member"), "line 1: the column \"member\" is missing; it has the customer id");
                ensure!(
                    has("external_id"),
                    "line 1: the column \"external_id\" is missing; it names each credit"
                );
                ensure!(
                    has("amount") || has("amount_minor"),
                    "line 1: neither \"amount\" nor \"amount_minor\" is there"
                );
                Rows::Csv { reader: Box::new(reader), header }
            }
            _ => bail!("{name}: give a file that ends in .csv or .jsonl"),
        };
        Ok(Self { rows, terms })
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// If the file can't be read on.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<Line>> {
        let Some((line, raw, fields)) = self.rows.next()? else { return Ok(None) };
        let credit = fields.and_then(|fields| self.terms.read(line, &fields));
        Ok(Some(Line { line, raw, credit }))
    }
}

type Row = (i64, String, Result<Fields, Bad>);

impl<R: Read> Rows<R> {
    fn next(&mut self) -> anyhow::Result<Option<Row>> {
        match self {
            Self::Csv { reader, header } => {
                let mut record = csv::ByteRecord::new();
                if !reader.read_byte_record(&mut record)? {
                    return Ok(None);
                }
                let line = i64::try_from(record.position().map_or(0, csv::Position::line))?;
                let raw = String::from_utf8_lossy(&record.iter().collect::<Vec<_>>().join(&b','))
                    .chars()
                    .take(2000)
                    .collect();
                Ok(Some((line, raw, of_record(&record, header))))
            }
            Self::Lines { reader, line } => loop {
                let mut bytes = Vec::new();
                let read = reader.by_ref().take(LINE_MAX_BYTES).read_until(b'\n', &mut bytes)?;
                if read == 0 {
                    return Ok(None);
                }
                *line += 1;
                ensure!(
                    bytes.ends_with(b"\n") || u64::try_from(read)? < LINE_MAX_BYTES,
                    "line {line} is longer than {LINE_MAX_BYTES} bytes; is this a file with an object a line?"
                );
                let text = bytes.trim_ascii();
                if !text.is_empty() {
                    return Ok(Some((*line, String::from_utf8_lossy(text).into_owned(), of_json(text))));
                }
            },
        }
    }
}

fn of_record(record: &csv::ByteRecord, header: &[String]) -> Result<Fields, Bad> {
    if record.len() != header.len() {
        let reason = format!("the row has {} fields, the header has {}", record.len(), header.len());
        return Err(bad("(row)", reason, "put texts with commas into quotes"));
    }
    let mut fields = Fields::new();
    for (name, value) in header.iter().zip(record) {
        let value = std::str::from_utf8(value)
            .map_err(|_malformed| bad("(row)", format!("{name} is not UTF-8"), "save the file as UTF-8"))?;
        fields.insert(name.clone(), value.trim().to_owned());
    }
    Ok(fields)
}

fn of_json(text: &[u8]) -> Result<Fields, Bad> {
    let object: BTreeMap<String, Value> = serde_json::from_slice(text).map_err(|error| {
        bad("(row)", error.to_string(), "write a JSON object a line, without line breaks in it")
    })?;
    let text = |value: Value| match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    Ok(object.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), text(value))).collect())
}

impl Terms {
    fn read(&self, line: i64, fields: &Fields) -> Result<OldCredit, Bad> {
        let field = |name: &str| fields.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let currency = self.settings.currency;
        if let Some(given) = field("currency").filter(|given| *given != currency.code()) {
            let reason = format!("is {:?}, the shop's ledger is in {}", short(given), currency.code());
            return Err(bad("currency", reason, "convert it, or leave it out"));
        }
        let member = field("member").map(|id| id.strip_prefix('\'').unwrap_or(id));
        let member = member.ok_or_else(|| bad("member", "is empty", "give the customer id"))?;
        let external_id = field("external_id").ok_or_else(|| {
            bad("external_id", "is empty", "give the name that the other system has for this credit")
        })?;
        if external_id.chars().count() > NAME_MAX_CHARS || external_id.contains('\0') {
            return Err(bad("external_id", "is too long, or holds a NUL", "give at most 200 characters"));
        }
        let reason = match field("reason") {
            None | Some("monthly") => Reason::Monthly,
            Some("opening") => Reason::Opening,
            Some(other) => {
                let reason = format!("is {:?}", short(other));
                return Err(bad(
                    "reason",
                    reason,
                    "give monthly, or opening for what is left of any other credit",
                ));
            }
        };
        let period = self.period(reason, field("period"))?;
        let amount_minor = money("amount", "amount_minor", field("amount"), field("amount_minor"), currency)?
            .ok_or_else(|| bad("amount", "is empty", "give what was given"))?;
        if amount_minor == 0 {
            return Err(bad("amount", "is nothing", "take the line out: nothing was given"));
        }
        let left_minor = self.left(reason, amount_minor, field("left"), field("left_minor"))?;
        let granted_at = instant("granted_at", field("granted_at"))?;
        let granted_at = granted_at.unwrap_or_else(|| match reason {
            Reason::Monthly => self.due.min(self.now),
            Reason::Opening => self.now,
        });
        if granted_at > self.now {
            return Err(bad("granted_at", "lies in the future", "give when it was given"));
        }
        let anchor_on = match reason {
            Reason::Monthly => self.period.first_day(),
            Reason::Opening => granted_at.with_timezone(&self.settings.zone).date_naive(),
        };
        let expires_at = match instant("expires_at", field("expires_at"))? {
            Some(at) if at <= granted_at => {
                return Err(bad(
                    "expires_at",
                    "is before it was given",
                    "give when it ends, or leave it out",
                ));
            }
            Some(at) => Some(at),
            None => {
                self.settings.validity.expires_at(anchor_on, self.settings.zone, granted_at, LEAST_VALID_DAYS)
            }
        };
        Ok(OldCredit {
            line,
            external_id: external_id.to_owned(),
            member: member.to_owned(),
            reason,
            period: period.map(|period| period.to_string()),
            amount_minor,
            left_minor,
            granted_at,
            expires_at,
            ends_at: expires_at.map(|at| self.settings.ends_at(at)),
            anchor_on,
        })
    }

    fn period(&self, reason: Reason, given: Option<&str>) -> Result<Option<Period>, Bad> {
        if reason == Reason::Opening {
            return Ok(None);
        }
        let Some(given) = given else { return Ok(Some(self.period)) };
        let period: Period = given.parse().map_err(|_malformed| {
            bad("period", format!("is {:?}", short(given)), "give a month like 2026-11")
        })?;
        if period != self.period {
            let fix = format!("import it by a command with --period {period}");
            return Err(bad("period", format!("is {period}, the import is of {}", self.period), fix));
        }
        Ok(Some(period))
    }

    fn left(
        &self,
        reason: Reason,
        amount_minor: i64,
        left: Option<&str>,
        left_minor: Option<&str>,
    ) -> Result<i64, Bad> {
        if !self.with_balance {
            return match reason {
                Reason::Monthly => Ok(0),
                Reason::Opening => Err(bad(
                    "reason",
                    "is opening, which is nothing but a balance",
                    "import it by a command with --with-balance",
                )),
            };
        }
        let left = money("left", "left_minor", left, left_minor, self.settings.currency)?;
        let left = match (left, reason) {
            (Some(left), _) => left,
            (None, Reason::Opening) => amount_minor,
            (None, Reason::Monthly) => {
                return Err(bad(
                    "left",
                    "is empty",
                    "give what is not used yet, or import without --with-balance",
                ));
            }
        };
        if left > amount_minor {
            return Err(bad("left", "is more than was given", "give what is not used yet"));
        }
        Ok(left)
    }
}

/// What a message shows of a value.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

fn money(
    name: &'static str,
    minor_name: &'static str,
    decimal: Option<&str>,
    minor: Option<&str>,
    currency: Currency,
) -> Result<Option<i64>, Bad> {
    let from_decimal = decimal
        .map(|text| {
            Money::parse(text, currency).map_err(|error| {
                bad(name, error.to_string(), "give a plain decimal number with a point, without a sign")
            })
        })
        .transpose()?
        .map(|money| money.amount_minor);
    let from_minor = minor
        .map(|text| {
            text.parse::<i64>()
                .ok()
                .filter(|n| (0..=tradeup_domain::AMOUNT_MINOR_MAX).contains(n))
                .ok_or_else(|| {
                    bad(minor_name, format!("is {:?}", short(text)), "give a whole number of minor units")
                })
        })
        .transpose()?;
    match (from_decimal, from_minor) {
        (Some(a), Some(b)) if a != b => {
            Err(bad(name, format!("and {minor_name} differ"), "give one of the two"))
        }
        (a, b) => Ok(a.or(b)),
    }
}

fn instant(name: &'static str, text: Option<&str>) -> Result<Option<DateTime<Utc>>, Bad> {
    text.map(|text| {
        DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc)).map_err(|_malformed| {
            bad(name, format!("is {:?}", short(text)), "give an instant like 2026-11-01T06:00:00Z")
        })
    })
    .transpose()
}

#[cfg(test)]
mod tests;
