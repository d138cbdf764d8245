//! When a certificate ends, and who signed it. No more is read of it: whether it holds is for the handshake to say.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// Tags of DER (X.690) that are met on the way.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// What is read of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The last moment at which it holds.
    pub(crate) ends: DateTime<Utc>,
    /// Names in DER, to be compared with each other.
    issuer: Vec<u8>,
    subject: Vec<u8>,
}

impl Certificate {
    /// Reads a certificate (RFC 5280, section 4.1) up to its subject; none if it can't be read.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let mut whole = Der(der);
        let mut signed = Der(Der(whole.of(SEQUENCE)?).of(SEQUENCE)?);
        if signed.0.first() == Some(&VERSION) {
            signed.next()?;
        }
        let _serial = signed.next()?;
        let _algorithm = signed.next()?;
        let issuer = signed.of(SEQUENCE)?.to_vec();
        let mut validity = Der(signed.of(SEQUENCE)?);
        let _begins = validity.next()?;
        let (tag, ends) = validity.next()?;
        let subject = signed.of(SEQUENCE)?.to_vec();
        Some(Self { ends: moment(tag, ends)?.and_utc(), issuer, subject })
    }

    /// Whether this one's name is that of the other's issuer.
    pub(crate) fn has_issued(&self, other: &Self) -> bool {
        self.subject == other.issuer
    }
}

/// What is left to be read, element after element.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next element: its tag and what is in it.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // So many bytes say how long it is; four are more than any certificate needs.
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (digits.iter().fold(0, |length: usize, digit| (length << 8) | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// What is in the next element, if it has this tag.
    fn of(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.next().filter(|(tag, _)| *tag == wanted).map(|(_, content)| content)
    }
}

/// `YYMMDDhhmmssZ` until 2049, `YYYYMMDDhhmmssZ` from 2050 on (RFC 5280, section 4.1.2.5).
fn moment(tag: u8, text: &[u8]) -> Option<NaiveDateTime> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i32 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 {
        return None;
    }
    let part = |at: usize| rest.get(at..at + 2)?.parse::<u32>().ok();
    NaiveDate::from_ymd_opt(year, part(0)?, part(2)?)?.and_hms_opt(part(4)?, part(6)?, part(8)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(year: i32) -> Vec<u8> {
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(year, 2, 28);
        let key = rcgen::KeyPair::generate().unwrap();
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_end_is_read_in_either_form() {
        for year in [2026, 2049, 2050, 2126] {
            let read = Certificate::read(&made(year)).unwrap();
            assert_eq!(read.ends.to_rfc3339(), format!("{year}-02-28T00:00:00+00:00"));
            assert!(read.has_issued(&read), "it has signed itself");
        }
    }

    #[test]
    fn what_is_cut_or_changed_is_not_read_wrongly() {
        let der = made(2030);
        let ends = Certificate::read(&der).unwrap().ends;
        for length in 0..der.len() {
            assert!(Certificate::read(der.get(..length).unwrap()).is_none(), "{length} bytes");
        }
        // Whatever stands there, there is no panic; and an end that is read is a moment.
        for at in 0..der.len().min(200) {
            for byte in [0x00, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = der.clone();
                *changed.get_mut(at).unwrap() = byte;
                drop(Certificate::read(&changed));
            }
        }
        assert_eq!(ends.to_rfc3339(), "2030-02-28T00:00:00+00:00");
    }

    #[test]
    fn times_that_are_none_are_not_read() {
        let read = |tag, text: &str| moment(tag, text.as_bytes()).map(|moment| moment.to_string());
        assert_eq!(read(UTC_TIME, "491231235959Z").as_deref(), Some("2049-12-31 23:59:59"));
        assert_eq!(read(UTC_TIME, "500101000000Z").as_deref(), Some("1950-01-01 00:00:00"));
        assert_eq!(read(GENERALIZED_TIME, "20500101000000Z").as_deref(), Some("2050-01-01 00:00:00"));
        for (tag, text) in [
            (UTC_TIME, "20500101000000Z"),
            (UTC_TIME, "500101000000"),
            (UTC_TIME, "501301000000Z"),
            (UTC_TIME, "5001010000Z"),
            (UTC_TIME, "+10101000000Z"),
            (GENERALIZED_TIME, "500101000000Z"),
            (0x04, "500101000000Z"),
            (UTC_TIME, ""),
        ] {
            assert_eq!(read(tag, text), None, "{text}");
        }
    }
}
