//! Secrets with which other systems sign what they send us, and we sign what we send them (Standard Webhooks).
//!
//! A secret is made of a key of the installation and the id of what it is for. So none is stored, whoever has the
//! database can sign nothing, and a secret ends with the row of its id.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

/// What every secret begins with, as Standard Webhooks have it.
pub const PREFIX: &str = "whsec_";
/// Shortest key, in bytes: as long as the hash (RFC 2104 §3).
pub const KEY_BYTES_MIN: usize = 32;

/// What a secret is for: no two purposes have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Another system signs events that it sends us.
    Event,
    /// We sign what we send to a shop's endpoint.
    Endpoint,
}

/// Keys of the installation: the first makes secrets, all of them know the ones that they made.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKeys(Vec<Vec<u8>>);

/// A text that is no list of keys. It repeats none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSigningKeys {
    /// Not one.
    #[error("there is no key; give one of {KEY_BYTES_MIN} random bytes or more, in base64")]
    Empty,
    /// One that can't be read.
    #[error("key {0} is no base64 of {KEY_BYTES_MIN} bytes or more")]
    Key(usize),
}

impl SigningKeys {
    /// Reads keys in base64, the current one first, separated by commas.
    ///
    /// # Errors
    /// [`InvalidSigningKeys`], counting from 1.
    pub fn parse(text: &str) -> Result<Self, InvalidSigningKeys> {
        if text.trim().is_empty() {
            return Err(InvalidSigningKeys::Empty);
        }
        let key = |(at, text): (usize, &str)| {
            let bytes = STANDARD.decode(text.trim()).ok().filter(|bytes| bytes.len() >= KEY_BYTES_MIN);
            bytes.ok_or(InvalidSigningKeys::Key(at + 1))
        };
        text.split(',').enumerate().map(key).collect::<Result<_, _>>().map(Self)
    }

    /// The secret of something of a tenant, as it is handed out.
    #[must_use]
    pub fn secret(&self, purpose: Purpose, tenant: i64, id: Uuid) -> String {
        self.secrets(purpose, tenant, id).swap_remove(0)
    }

    /// The secrets that it has with each key, the current one first; at least one.
    #[must_use]
    pub fn secrets(&self, purpose: Purpose, tenant: i64, id: Uuid) -> Vec<String> {
        let purpose: &[u8] = match purpose {
            Purpose::Event => b"tradeup event\0",
            Purpose::Endpoint => b"tradeup endpoint\0",
        };
        let secret = |key: &Vec<u8>| {
            let bytes = match Hmac::<Sha256>::new_from_slice(key) {
                Ok(mut mac) => {
                    for part in [purpose, &tenant.to_be_bytes(), id.as_bytes()] {
                        mac.update(part);
                    }
                    mac.finalize().into_bytes()
                }
                // HMAC takes keys of any length.
                Err(_never) => return String::new(),
            };
            format!("{PREFIX}{}", STANDARD.encode(bytes))
        };
        self.0.iter().map(secret).collect()
    }
}

/// A signature is taken for so long before and after its instant, in seconds.
pub const TOLERANCE_SECONDS: i64 = 300;
/// Signatures with a shared secret.
const VERSION: &str = "v1,";

/// A message as its signature covers it.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// Its id, the same each time that it is sent.
    pub id: &'a str,
    /// When it was sent, in seconds since 1970.
    pub timestamp: i64,
    /// Its body, as it is on the wire.
    pub body: &'a [u8],
}

/// Why a signature is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// It is older or newer than [`TOLERANCE_SECONDS`].
    #[error("the timestamp is more than {TOLERANCE_SECONDS} seconds from now; sign it when it is sent")]
    Timestamp,
    /// None of the signatures is one of these secrets.
    #[error("no signature is that of this message with a secret in force")]
    NoMatch,
}

impl Signed<'_> {
    fn mac(&self, secret: &str) -> Option<Hmac<Sha256>> {
        let key = STANDARD.decode(secret.strip_prefix(PREFIX).unwrap_or(secret)).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(format!("{}.{}.", self.id, self.timestamp).as_bytes());
        mac.update(self.body);
        Some(mac)
    }

    /// The signature with a secret, as it stands in a header; `None` if that is no secret.
    #[must_use]
    pub fn signature(&self, secret: &str) -> Option<String> {
        let mac = self.mac(secret)?;
        Some(format!("{VERSION}{}", STANDARD.encode(mac.finalize().into_bytes())))
    }

    /// Checks that one of the signatures in a header is of one of these secrets, and that it is of now.
    ///
    /// # Errors
    /// [`NotSigned`].
    pub fn verify(&self, signatures: &str, secrets: &[String], now: i64) -> Result<(), NotSigned> {
        if now.abs_diff(self.timestamp) > TOLERANCE_SECONDS.unsigned_abs() {
            return Err(NotSigned::Timestamp);
        }
        let given = signatures.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix(VERSION)?).ok());
        for given in given {
            let matches =
                |secret: &String| self.mac(secret).is_some_and(|mac| mac.verify_slice(&given).is_ok());
            if secrets.iter().any(matches) {
                return Ok(());
            }
        }
        Err(NotSigned::NoMatch)
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_secret_of_its_own_that_older_keys_know() {
        let (new, old) = (STANDARD.encode([7; 32]), STANDARD.encode([8; 40]));
        let keys = SigningKeys::parse(&format!("{new},{old}")).unwrap();
        let id = Uuid::from_u128(1);
        let secret = keys.secret(Purpose::Event, 1, id);
        assert!(secret.starts_with(PREFIX) && secret.len() == PREFIX.len() + 44, "{secret}");
        for other in [
            keys.secret(Purpose::Endpoint, 1, id),
            keys.secret(Purpose::Event, 2, id),
            keys.secret(Purpose::Event, 1, Uuid::from_u128(2)),
        ] {
            assert_ne!(secret, other);
        }
        let before = SigningKeys::parse(&old).unwrap().secret(Purpose::Event, 1, id);
        assert_eq!(keys.secrets(Purpose::Event, 1, id), [secret, before]);
        assert_eq!(format!("{keys:?}"), "SigningKeys(2)");
    }

    /// The worked example of the Standard Webhooks specification.
    #[test]
    fn signatures_are_those_of_the_standard() {
        let signed = Signed {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: 1_614_265_330,
            body: br#"{"test": 2432232314}"#,
        };
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
        let signature = signed.signature(&secret).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let secrets = [secret];
        let both = format!("v1a,AAAA v1,AAAA {signature}");
        for now in [signed.timestamp, signed.timestamp + 300, signed.timestamp - 300] {
            assert_eq!(signed.verify(&both, &secrets, now), Ok(()));
        }
        assert_eq!(signed.verify(&both, &secrets, signed.timestamp + 301), Err(NotSigned::Timestamp));
        for wrong in ["", "v1,", "v1,AAAA", signature.trim_start_matches("v1,")] {
            assert_eq!(signed.verify(wrong, &secrets, signed.timestamp), Err(NotSigned::NoMatch));
        }
        for other in [
            Signed { id: "other", ..signed },
            Signed { timestamp: signed.timestamp + 1, ..signed },
            Signed { body: b"{}", ..signed },
        ] {
            assert_eq!(other.verify(&signature, &secrets, signed.timestamp), Err(NotSigned::NoMatch));
        }
    }

    #[test]
    fn what_is_no_key_is_named_by_its_place() {
        let good = STANDARD.encode([7; 32]);
        assert_eq!(SigningKeys::parse(" "), Err(InvalidSigningKeys::Empty));
        for (text, at) in [("short".to_owned(), 1), (format!("{good},{}", STANDARD.encode([7; 31])), 2)] {
            assert_eq!(SigningKeys::parse(&text), Err(InvalidSigningKeys::Key(at)));
        }
    }
}
