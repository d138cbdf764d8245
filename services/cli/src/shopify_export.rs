//! The customer export of Shopify, as its admin writes it.
//!
//! `Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company, …,
//! Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags`, possibly with metafield
//! columns behind. Ids and telephone numbers have an apostrophe in front, against spreadsheets that
//! would round them. Read row by row; no row is longer than [`RECORD_MAX_BYTES`].

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder, Terminator};
use tradeup_domain::tier::{TagRule, tier_for_tags};
use tradeup_store::members::StagedMember;

/// The header that Shopify writes today.
pub(crate) const HEADER: [&str; 20] = [
    "Customer ID",
    "First Name",
    "Last Name",
    "Email",
    "Accepts Email Marketing",
    "Default Address Company",
    "Default Address Address1",
    "Default Address Address2",
    "Default Address City",
    "Default Address Province Code",
    "Default Address Country Code",
    "Default Address Zip",
    "Default Address Phone",
    "Phone",
    "Accepts SMS Marketing",
    "Total Spent",
    "Total Orders",
    "Note",
    "Tax Exempt",
    "Tags",
];

/// Longest row. A longer one is a quote that was never closed.
const RECORD_MAX_BYTES: u64 = 1024 * 1024;
/// Longest value of a field that is kept.
const FIELD_MAX_CHARS: usize = 255;

/// A row that can't be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    /// Line on which the row begins.
    pub(crate) line: u64,
    /// Field that is wrong, as in the header.
    pub(crate) field: String,
    /// What is wrong. Never holds the value, which is somebody's.
    pub(crate) reason: String,
}

/// Reads rows of an export.
pub(crate) struct Export<'r, R> {
    reader: csv::Reader<Limited<R>>,
    since_record: Rc<Cell<u64>>,
    quotes: Rc<Cell<u64>>,
    columns: Columns,
    width: usize,
    rules: &'r [TagRule<'r, i32>],
    record: ByteRecord,
}

struct Columns {
    customer_id: usize,
    email: usize,
    tags: usize,
    first_name: Option<usize>,
    last_name: Option<usize>,
    phone: Option<usize>,
    accepts_email_marketing: Option<usize>,
}

/// Counts what was read since the last row was complete, and stops a row without end.
struct Limited<R> {
    inner: R,
    since_record: Rc<Cell<u64>>,
    /// Quotes so far: an odd number at the end means that one was never closed.
    quotes: Rc<Cell<u64>>,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_record.get() > RECORD_MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "endless row"));
        }
        let n = self.inner.read(buffer)?;
        self.since_record.set(self.since_record.get() + u64::try_from(n).unwrap_or(0));
        let quotes = buffer.iter().take(n).filter(|byte| **byte == b'"').count();
        self.quotes.set(self.quotes.get() + u64::try_from(quotes).unwrap_or(0));
        Ok(n)
    }
}

impl<'r, R: Read> Export<'r, R> {
    /// Reads the header. `rules` say which tag means which tier, highest first.
    pub(crate) fn open(input: R, rules: &'r [TagRule<'r, i32>]) -> anyhow::Result<Self> {
        let (since_record, quotes) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let limited =
            Limited { inner: input, since_record: Rc::clone(&since_record), quotes: Rc::clone(&quotes) };
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            // With CRLF as a terminator of its own the reader counts lines one short.
            .terminator(Terminator::Any(b'\n'))
            .from_reader(limited);
        let header = reader
            .headers()
            .map_err(|error| anyhow::anyhow!("line 1: the header can't be read ({error}); give the CSV file that Shopify's customer export writes"))?
            .clone();
        let find = |name: &str| {
            header.iter().position(|h| h.trim_start_matches('\u{feff}').trim().eq_ignore_ascii_case(name))
        };
        let need = |name: &str| {
            find(name).ok_or_else(|| {
                anyhow::anyhow!(
                    "line 1: column {name:?} is missing; this is not a customer export of Shopify as it is written today \
                     (Customers > Export, plain CSV), or its separator is not a comma"
                )
            })
        };
        let ids = header.iter().filter(|name| name.trim().eq_ignore_ascii_case("Customer ID")).count();
        anyhow::ensure!(ids <= 1, "line 1: column \"Customer ID\" is there {ids} times");
        let columns = Columns {
            customer_id: need("Customer ID")?,
            email: need("Email")?,
            tags: need("Tags")?,
            first_name: find("First Name"),
            last_name: find("Last Name"),
            phone: find("Phone"),
            accepts_email_marketing: find("Accepts Email Marketing"),
        };
        let width = header.len();
        Ok(Self { reader, since_record, quotes, columns, width, rules, record: ByteRecord::new() })
    }

    /// The next row, checked; `None` at the end.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<Result<StagedMember, Rejected>>> {
        loop {
            let begun = self.reader.position().line();
            let more =
                self.reader.read_byte_record(&mut self.record).map_err(|error| match error.kind() {
                    csv::ErrorKind::Io(io) if io.kind() == io::ErrorKind::InvalidData => anyhow::anyhow!(
                        "line {begun}: this row is longer than 1 MiB, so a quote was probably never closed; \
                     correct it and import again, nothing was imported"
                    ),
                    _ => anyhow::anyhow!("line {begun}: {error}; nothing was imported"),
                })?;
            self.since_record.set(0);
            if !more {
                anyhow::ensure!(
                    self.quotes.get().is_multiple_of(2),
                    "a quote is opened and never closed, and has swallowed the rows behind it; \
                     correct the file and import again, nothing was imported"
                );
                return Ok(None);
            }
            let is_blank_line = self.record.len() == 1 && self.record.as_slice().trim_ascii().is_empty();
            if !is_blank_line {
                let line = self.record.position().map_or(begun, csv::Position::line);
                let tags = self.record.get(self.columns.tags).unwrap_or_default();
                anyhow::ensure!(
                    !tags.trim_ascii().contains(&b'\n'),
                    "line {line}: Tags holds a line break, so a quote was probably never closed and has swallowed \
                     the rows behind it; correct the file and import again, nothing was imported"
                );
                let rejected =
                    |(field, reason): (&str, String)| Rejected { line, field: field.to_owned(), reason };
                return Ok(Some(self.check(line).map_err(rejected)));
            }
        }
    }

    fn check(&self, line: u64) -> Result<StagedMember, (&'static str, String)> {
        if self.record.len() != self.width {
            let reason = format!("the row has {} fields, the header has {}", self.record.len(), self.width);
            return Err(("(row)", reason));
        }
        let columns = &self.columns;
        let text = |name: &'static str,
                    at: Option<usize>|
         -> Result<Option<String>, (&'static str, String)> {
            let Some(bytes) = at.and_then(|at| self.record.get(at)) else { return Ok(None) };
            let text =
                std::str::from_utf8(bytes).map_err(|_malformed| (name, "is not UTF-8".to_owned()))?.trim();
            let text = text.strip_prefix('\'').unwrap_or(text);
            if text.contains('\0') {
                return Err((name, "holds a NUL character".to_owned()));
            }
            if text.chars().count() > FIELD_MAX_CHARS {
                return Err((name, format!("is longer than {FIELD_MAX_CHARS} characters")));
            }
            Ok((!text.is_empty()).then(|| text.to_owned()))
        };
        let external_id = text("Customer ID", Some(columns.customer_id))?
            .ok_or_else(|| ("Customer ID", "is empty".to_owned()))?;
        // One customer is one number, however many zeros a spreadsheet has put in front of it.
        let number = external_id.bytes().all(|b| b.is_ascii_digit()).then(|| external_id.parse::<i64>().ok());
        let Some(number) = number.flatten().filter(|number| *number > 0) else {
            return Err(("Customer ID", "is not a number".to_owned()));
        };
        let external_id = number.to_string();
        let email = text("Email", Some(columns.email))?;
        if email.as_deref().is_some_and(|email| !is_email_shaped(email)) {
            return Err(("Email", "is no e-mail address".to_owned()));
        }
        let accepts = text("Accepts Email Marketing", columns.accepts_email_marketing)?;
        let accepts_email_marketing = match accepts.as_deref().map(str::to_lowercase).as_deref() {
            None | Some("no" | "false") => false,
            Some("yes" | "true") => true,
            Some(_) => return Err(("Accepts Email Marketing", "is neither yes nor no".to_owned())),
        };
        // Tags may be many: they are read, not kept.
        let tags = self.record.get(columns.tags).unwrap_or_default();
        let tags = std::str::from_utf8(tags).map_err(|_malformed| ("Tags", "is not UTF-8".to_owned()))?;
        Ok(StagedMember {
            line,
            external_id,
            email,
            first_name: text("First Name", columns.first_name)?,
            last_name: text("Last Name", columns.last_name)?,
            phone: text("Phone", columns.phone)?,
            accepts_email_marketing,
            tier_id: tier_for_tags(tags, self.rules).copied(),
        })
    }
}

/// Something before the last at sign, something with a dot or a plain host behind it, no white space.
fn is_email_shaped(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty())
        && !text.chars().any(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLD: i32 = 1;
    const SILVER: i32 = 2;
    const RULES: [TagRule<'static, i32>; 2] =
        [TagRule { tag: "vip-gold", tier: GOLD }, TagRule { tag: "vip", tier: SILVER }];

    fn read(text: &[u8]) -> anyhow::Result<(Vec<StagedMember>, Vec<Rejected>)> {
        let mut export = Export::open(text, &RULES)?;
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        while let Some(row) = export.next()? {
            match row {
                Ok(member) => good.push(member),
                Err(rejected) => bad.push(rejected),
            }
        }
        Ok((good, bad))
    }

    fn file(rows: &str) -> Vec<u8> {
        format!("{}\n{rows}", HEADER.join(",")).into_bytes()
    }

    #[test]
    fn reads_what_shopify_writes() {
        let mut text = b"\xEF\xBB\xBF".to_vec();
        text.extend(file(
            "'7210448301122,Teodoro,Villase\u{f1}or,teo@example.com,no,\"Villase\u{f1}or, Ranch\",HC 31,,Elko,NV,US,'89801,,'+17755550154,no,7790.44,6,\"Says \"\"hi\"\"\nand more\",yes,\"retail, VIP-Gold\"\r\n\
             \r\n\
             7210448301123,Hollis,Pettibone,,yes,,,,,,,,,,no,0.00,0,,no,vip\n",
        ));
        let (good, bad) = read(&text).unwrap();
        assert_eq!(bad, []);
        assert_eq!(good[0].external_id, "7210448301122");
        assert_eq!(good[0].phone.as_deref(), Some("+17755550154"));
        assert_eq!(good[0].last_name.as_deref(), Some("Villase\u{f1}or"));
        assert_eq!((good[0].tier_id, good[1].tier_id), (Some(GOLD), Some(SILVER)));
        assert_eq!(
            (good[0].line, good[1].line),
            (2, 5),
            "a row with a line break in a field counts its lines, and so does a blank line"
        );
        assert!(good[1].accepts_email_marketing && good[1].email.is_none());
    }

    #[test]
    fn each_bad_row_is_named_with_line_field_and_reason() {
        let row = |id: &str, email: &str, accepts: &str| {
            format!("{id},A,B,{email},{accepts},,,,,,,,,,no,0,0,,no,vip\n")
        };
        let mut text = file("");
        text.extend(row("", "a@b.c", "no").into_bytes());
        text.extend(row("12x", "a@b.c", "no").into_bytes());
        text.extend(row("1", "nobody", "no").into_bytes());
        text.extend(row("2", "a@b.c", "maybe").into_bytes());
        text.extend(b"3,too,few\n");
        text.extend(b"4,\xff\xfe,B,a@b.c,no,,,,,,,,,,no,0,0,,no,vip\n");
        text.extend(row("5", "a@b.c", "yes").into_bytes());
        let (good, bad) = read(&text).unwrap();
        let named: Vec<(u64, &str)> = bad.iter().map(|r| (r.line, r.field.as_str())).collect();
        assert_eq!(
            named,
            [
                (2, "Customer ID"),
                (3, "Customer ID"),
                (4, "Email"),
                (5, "Accepts Email Marketing"),
                (6, "(row)"),
                (7, "First Name")
            ]
        );
        assert_eq!(good.len(), 1);
        assert_eq!((good[0].external_id.as_str(), good[0].line), ("5", 8));
    }

    #[test]
    fn another_file_is_refused_with_what_is_missing() {
        for (text, missing) in
            [("", "Customer ID"), ("a;b;c\n1;2;3\n", "Customer ID"), ("Customer ID,Email\n1,a@b.c\n", "Tags")]
        {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(missing) && error.contains("line 1"), "{error}");
        }
    }

    #[test]
    fn a_customer_is_one_number_however_it_is_written() {
        let row = |id: &str| format!("{id},A,B,,no,,,,,,,,,,no,0,0,,no,vip\n");
        let (good, bad) =
            read(&file(&[row("'000124"), row("124"), row("0"), row("99999999999999999999")].concat()))
                .unwrap();
        assert_eq!(good.iter().map(|m| m.external_id.as_str()).collect::<Vec<_>>(), ["124", "124"]);
        assert_eq!(bad.len(), 2);
    }

    #[test]
    fn rows_swallowed_by_a_quote_are_never_lost_in_silence() {
        let row = |id: &str, tags: &str| format!("{id},A,B,,no,,,,,,,,,,no,0,0,,no,{tags}\n");
        for rows in
            [row("1", "\"vip") + &row("2", "vip"), row("1", "\"vip") + &row("2", "\"vip") + &row("3", "vip")]
        {
            let error = read(&file(&rows)).unwrap_err().to_string();
            assert!(error.contains("quote") && error.contains("nothing was imported"), "{error}");
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_stops_the_import_instead_of_eating_memory() {
        let mut text = file("1,\"A,B,a@b.c,no\n");
        text.extend(
            std::iter::repeat_n(b"2,A,B,a@b.c,no,,,,,,,,,,no,0,0,,no,vip\n".as_slice(), 100_000).flatten(),
        );
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("quote"), "{error}");
    }
}
