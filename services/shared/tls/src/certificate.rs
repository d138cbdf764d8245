//! When a certificate ends, and who signed it. Whether it holds is for the handshake to say.

use chrono::{DateTime, Utc};
use x509_parser::certificate::{X509Certificate, X509CertificateParser};
use x509_parser::nom::Parser as _;

/// What is read of a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Certificate<'a> {
    /// The last moment at which it holds.
    pub(crate) ends: DateTime<Utc>,
    whole: X509Certificate<'a>,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate (RFC 5280, section 4.1) that is all of these bytes; none if it can't be read. What is in its
    /// extensions is passed over: nothing here hangs on it.
    pub(crate) fn read(der: &'a [u8]) -> Option<Self> {
        let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
        let (rest, whole) = parser.parse(der).ok()?;
        let ends = DateTime::from_timestamp(whole.validity().not_after.timestamp(), 0)?;
        rest.is_empty().then_some(Self { ends, whole })
    }

    /// Whether the other bears this one's name as its issuer's, and a signature by its key. An authority that was exchanged is
    /// followed by one of the same name. A kind of signature that isn't known here is none: the handshake doesn't know it either.
    pub(crate) fn has_issued(&self, other: &Certificate<'_>) -> bool {
        self.whole.subject().as_raw() == other.whole.issuer().as_raw()
            && other.whole.verify_signature(Some(self.whole.public_key())).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, Issuer, KeyPair};

    use super::*;

    fn named(name: &str, year: i32) -> CertificateParams {
        let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.not_after = rcgen::date_time_ymd(year, 2, 28);
        parameters
    }

    fn made(year: i32) -> Vec<u8> {
        named("localhost", year).self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_end_is_read_in_either_form() {
        for year in [2026, 2049, 2050, 2126] {
            let der = made(year);
            let read = Certificate::read(&der).unwrap();
            assert_eq!(read.ends.to_rfc3339(), format!("{year}-02-28T00:00:00+00:00"));
            assert!(read.has_issued(&read), "it has signed itself");
        }
    }

    #[test]
    fn of_two_authorities_of_one_name_the_one_has_issued_whose_key_has_signed() {
        let keys = [KeyPair::generate().unwrap(), KeyPair::generate().unwrap()];
        let [before, since] = [(&keys[0], 2030), (&keys[1], 2040)]
            .map(|(key, year)| named("authority", year).self_signed(key).unwrap().der().to_vec());
        let [_, key] = keys;
        let issuer = Issuer::new(named("authority", 2040), key);
        let shown = named("server", 2028).signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        let shown = shown.der().to_vec();
        let [before, since, shown] = [&before, &since, &shown].map(|der| Certificate::read(der).unwrap());
        assert!(since.has_issued(&shown) && !before.has_issued(&shown));
        assert!(!since.has_issued(&before) && !before.has_issued(&since), "each has signed itself alone");
        assert!(!shown.has_issued(&shown), "it does not bear its own name as its issuer's");
    }

    #[test]
    fn what_is_cut_or_changed_is_not_read_wrongly() {
        let der = made(2030);
        let ends = Certificate::read(&der).unwrap().ends;
        for length in 0..der.len() {
            assert!(Certificate::read(der.get(..length).unwrap()).is_none(), "{length} bytes");
        }
        let longer = [der.as_slice(), &[0]].concat();
        assert!(Certificate::read(&longer).is_none(), "something follows it");
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
        // In place of the end that was written, so that nothing else changes.
        let read = |year: i32, text: &str| {
            let mut der = made(year);
            let written = if year < 2050 {
                format!("{}0228000000Z", year - 2000)
            } else {
                format!("{year}0228000000Z")
            };
            assert_eq!(written.len(), text.len());
            let at = der.windows(written.len()).position(|bytes| bytes == written.as_bytes()).unwrap();
            der[at..at + text.len()].copy_from_slice(text.as_bytes());
            Certificate::read(&der).map(|certificate| certificate.ends.naive_utc().to_string())
        };
        assert_eq!(read(2030, "491231235959Z").as_deref(), Some("2049-12-31 23:59:59"));
        assert_eq!(read(2030, "500101000000Z").as_deref(), Some("1950-01-01 00:00:00"));
        assert_eq!(read(2060, "20500101000000Z").as_deref(), Some("2050-01-01 00:00:00"));
        for text in [
            "501301000000Z",
            "500230000000Z",
            "500101240000Z",
            "+10101000000Z",
            "5001010000000",
            "             ",
        ] {
            assert_eq!(read(2030, text), None, "{text}");
        }
        for text in ["20501301000000Z", "205O0101000000Z", "205001010000000"] {
            assert_eq!(read(2060, text), None, "{text}");
        }
    }
}
