//! Whether a webhook comes from Shopify: HMAC-SHA256 over the raw bytes with the app's client secret.
//!
//! After the secret is changed, signatures may use the old one for up to an hour, so several are accepted,
//! each old one until an instant (Shopify reference §2.1). The signature covers the body only: headers are
//! trusted no further than the connection.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// Bytes of a digest.
const DIGEST_LEN: usize = 32;
/// Longest secret; real ones are below 50.
const SECRET_LEN_MAX: usize = 200;

/// The app's client secrets whose signatures are taken.
#[derive(Debug)]
pub struct Secrets {
    /// The current one first; never empty.
    accepted: Vec<Accepted>,
}

#[derive(Debug)]
struct Accepted {
    secret: SecretString,
    /// From this instant on it is not taken any more; the current one has no such instant.
    until: Option<DateTime<Utc>>,
}

/// Which secret a signature was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matched {
    /// Its place: 0 is the current one, others are old.
    pub secret: usize,
}

/// Why a text gives no secrets. Parts are those between commas, counted from 1; none is ever shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// Empty, too long, or with blanks.
    #[error(
        "part {part} has no usable client secret; give 1 to {SECRET_LEN_MAX} visible ASCII characters without ',' and '@'"
    )]
    Secret {
        /// Which part.
        part: usize,
    },
    /// The current secret has an end.
    #[error("part 1 is the current client secret, which has no end; leave out the '@' and the instant")]
    CurrentEnds,
    /// An old secret has no end, or one that is no instant.
    #[error(
        "part {part} is an old client secret without an end; write the instant from which it is not taken any more behind it, like @2026-12-01T00:00:00Z"
    )]
    End {
        /// Which part.
        part: usize,
    },
}

/// Why a signature is not taken. The answer to both is 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not what a signature looks like.
    #[error("header x-shopify-hmac-sha256 is not the base64 of {DIGEST_LEN} bytes")]
    Malformed,
    /// Made with another secret, over other bytes, or with an old secret whose time is over.
    #[error(
        "header x-shopify-hmac-sha256 was not made over this body with a client secret that is accepted now"
    )]
    NoMatch,
}

impl Secrets {
    /// Reads `current-secret` or `current-secret,old-secret@2026-12-01T00:00:00Z`: the current one first,
    /// then any number of old ones, each with the instant from which it is not taken any more.
    ///
    /// # Errors
    /// [`SecretsError`] that names the part by its number and never shows it.
    pub fn parse(text: &SecretString) -> Result<Self, SecretsError> {
        let mut accepted = Vec::new();
        for (entry, part) in text.expose_secret().split(',').map(str::trim).zip(1..) {
            let (secret, until) = match entry.split_once('@') {
                Some((secret, until)) => (secret, Some(until)),
                None => (entry, None),
            };
            let usable = |text: &str| {
                !text.is_empty() && text.len() <= SECRET_LEN_MAX && text.bytes().all(|b| b.is_ascii_graphic())
            };
            if !usable(secret) {
                return Err(SecretsError::Secret { part });
            }
            let until = match (part, until) {
                (1, None) => None,
                (1, Some(_)) => return Err(SecretsError::CurrentEnds),
                (_, until) => {
                    let until = until.and_then(|until| DateTime::parse_from_rfc3339(until).ok());
                    Some(until.ok_or(SecretsError::End { part })?.to_utc())
                }
            };
            accepted.push(Accepted { secret: secret.into(), until });
        }
        Ok(Self { accepted })
    }

    /// Checks the signature in `header` over the raw `body`, as the bytes came over the connection.
    ///
    /// `now` decides which old secrets are still taken. Digests are compared in constant time.
    ///
    /// # Errors
    /// [`SignatureError`]; the request is not from Shopify, or its body was changed on the way.
    pub fn verify(&self, header: &str, body: &[u8], now: DateTime<Utc>) -> Result<Matched, SignatureError> {
        let digest = STANDARD.decode(header).map_err(|_not_base64| SignatureError::Malformed)?;
        if digest.len() != DIGEST_LEN {
            return Err(SignatureError::Malformed);
        }
        let taken = |accepted: &Accepted| accepted.until.is_none_or(|until| now < until);
        let made_it = |accepted: &Accepted| accepted.signs(body, &digest);
        self.accepted
            .iter()
            .position(|accepted| taken(accepted) && made_it(accepted))
            .map(|secret| Matched { secret })
            .ok_or(SignatureError::NoMatch)
    }
}

impl Accepted {
    fn signs(&self, body: &[u8], digest: &[u8]) -> bool {
        // Keys of any length are taken, so making one does not fail.
        Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes())
            .is_ok_and(|mac| mac.chain_update(body).verify_slice(digest).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secrets(text: &str) -> Secrets {
        Secrets::parse(&text.into()).unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn digest(secret: &str, body: &[u8]) -> Vec<u8> {
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.chain_update(body).finalize().into_bytes().to_vec()
    }

    fn sign(secret: &str, body: &[u8]) -> String {
        STANDARD.encode(digest(secret, body))
    }

    #[test]
    fn old_secrets_are_taken_until_their_end() {
        let both = secrets("new,old@2026-12-01T00:00:00Z, older@2026-11-01T00:00:00+01:00");
        let before = at("2026-11-30T23:59:59.999Z");
        assert_eq!(both.verify(&sign("new", b"x"), b"x", before), Ok(Matched { secret: 0 }));
        assert_eq!(both.verify(&sign("old", b"x"), b"x", before), Ok(Matched { secret: 1 }));
        assert_eq!(both.verify(&sign("older", b"x"), b"x", before), Err(SignatureError::NoMatch));
        let long_ago = at("2026-10-31T22:59:59Z");
        assert_eq!(both.verify(&sign("older", b"x"), b"x", long_ago), Ok(Matched { secret: 2 }));
        let end = at("2026-12-01T00:00:00Z");
        assert_eq!(both.verify(&sign("old", b"x"), b"x", end), Err(SignatureError::NoMatch));
        assert_eq!(both.verify(&sign("new", b"x"), b"x", end), Ok(Matched { secret: 0 }));
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let now = at("2026-11-20T00:00:00Z");
        let good = sign("new", b"body");
        let hex: String = digest("new", b"body").iter().map(|b| format!("{b:02x}")).collect();
        let url_safe = good.replace('+', "-").replace('/', "_");
        let two = format!("{good},{good}");
        for bad in [
            "",
            &hex,
            good.trim_end_matches('='),
            &good[..40],
            &format!(" {good}"),
            &format!("{good}\n"),
            &two,
            "AAAA",
            &good[1..],
        ] {
            assert_eq!(secrets("new").verify(bad, b"body", now), Err(SignatureError::Malformed), "{bad:?}");
        }
        if url_safe != good {
            assert!(secrets("new").verify(&url_safe, b"body", now).is_err());
        }
        for (secret, body) in [("other", "body"), ("new", "body "), ("new", "")] {
            let verified = secrets(secret).verify(&good, body.as_bytes(), now);
            assert_eq!(verified, Err(SignatureError::NoMatch));
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let text = "s3cret-new,s3cret-old@2026-12-01T00:00:00Z";
        assert!(!format!("{:?}", secrets(text)).contains("s3cret"));
        for (bad, error) in [
            ("", SecretsError::Secret { part: 1 }),
            ("s3cret a", SecretsError::Secret { part: 1 }),
            ("s3cret,", SecretsError::Secret { part: 2 }),
            ("s3cret,@2026-12-01T00:00:00Z", SecretsError::Secret { part: 2 }),
            ("s3cret@2026-12-01T00:00:00Z", SecretsError::CurrentEnds),
            ("s3cret,s3cret-old", SecretsError::End { part: 2 }),
            ("s3cret,a@2026-12-01T00:00:00Z,s3cret-old@2026-12-01", SecretsError::End { part: 3 }),
        ] {
            let given = Secrets::parse(&bad.into()).unwrap_err();
            assert_eq!(given, error, "{bad}");
            assert!(!format!("{given} {given:?}").contains("s3cret"), "{given}");
        }
    }

    proptest! {
        /// One changed byte of the body or of the digest and nothing is taken.
        #[test]
        fn what_is_changed_is_refused(
            body in prop::collection::vec(any::<u8>(), 1..200),
            at_byte in any::<prop::sample::Index>(),
            flip in 1_u8..=255,
        ) {
            let now = at("2026-11-20T00:00:00Z");
            let secrets = secrets("new,old@2026-12-01T00:00:00Z");
            for (secret, place) in [("new", 0), ("old", 1)] {
                let good = digest(secret, &body);
                let header = STANDARD.encode(&good);
                prop_assert_eq!(secrets.verify(&header, &body, now), Ok(Matched { secret: place }));
                let mut changed = body.clone();
                changed[at_byte.index(body.len())] ^= flip;
                prop_assert!(secrets.verify(&header, &changed, now).is_err());
                let mut wrong = good;
                wrong[at_byte.index(DIGEST_LEN)] ^= flip;
                prop_assert!(secrets.verify(&STANDARD.encode(&wrong), &body, now).is_err());
                let mut text = header.into_bytes();
                let place = at_byte.index(text.len());
                text[place] ^= flip & 0x7f;
                if flip & 0x7f != 0 {
                    prop_assert!(secrets.verify(&String::from_utf8(text).unwrap(), &body, now).is_err());
                }
            }
        }

        /// Any header is taken or refused, never a panic.
        #[test]
        fn any_header_is_refused(header in any::<String>(), body in any::<Vec<u8>>()) {
            prop_assert!(secrets("new").verify(&header, &body, at("2026-11-20T00:00:00Z")).is_err());
        }
    }
}
