//! Links that end a kind of mail for a member, without a login.
//!
//! The link holds a token: who, of which shop, which kind; by number, no personal data. A signature
//! keeps anybody from unsubscribing others by counting. Tokens do not end: a link in an old mail
//! has to work. A key ring lets keys be replaced while links made with the older ones still work.
//!
//! Token: base64url without padding of `version ‖ key ‖ kind ‖ tenant ‖ member ‖ HMAC-SHA256`, the
//! numbers big-endian, the HMAC over a fixed prefix and everything before it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, ExposeSecretMut as _, SecretBox, SecretString};
use sha2::Sha256;
use uuid::Uuid;

use crate::link::{InvalidLink, WebLink};

/// Layout of the token.
const VERSION: u8 = 1;
/// Keeps signatures apart from any other use of the same key.
const PURPOSE: &[u8] = b"tradeup unsubscribe\0";
/// Version, key, kind, tenant, member.
const CLAIMS_BYTES: usize = 1 + 1 + 1 + 8 + 16;
/// HMAC-SHA256.
const SIGNATURE_BYTES: usize = 32;
/// Shortest key: as long as the hash (RFC 2104 §3).
const KEY_BYTES_MIN: usize = 32;
/// Longest key: a block of the hash. HMAC fills shorter ones up with zeros, so they are kept so.
const KEY_BYTES_MAX: usize = 64;
/// Name of the token in the link's query.
const PARAMETER: &str = "token";

/// What a member unsubscribes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// Warnings of credit that expires.
    CreditExpiry,
    /// Mails of campaigns.
    Campaign,
}

impl Notice {
    fn number(self) -> u8 {
        match self {
            Self::CreditExpiry => 1,
            Self::Campaign => 2,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        [Self::CreditExpiry, Self::Campaign].into_iter().find(|notice| notice.number() == number)
    }
}

/// Who unsubscribes from what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The tenant's number.
    pub tenant: i64,
    /// The member's id.
    pub member: Uuid,
    /// The kind of notice.
    pub notice: Notice,
}

/// Keys by number. The first one signs, all of them verify.
#[derive(Debug)]
pub struct KeyRing {
    signing: Key,
    older: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    number: u8,
    bytes: SecretBox<[u8; KEY_BYTES_MAX]>,
}

/// Why a text is no [`KeyRing`]. No message holds any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyRing {
    /// Not one entry.
    #[error("the key ring is empty; write it like 1:KEY, with a KEY from `openssl rand -base64 32`")]
    Empty,
    /// An entry that is no number and key.
    #[error(
        "entry {place} of the key ring is no NUMBER:KEY; write a number from 0 to 255 and a key in base64"
    )]
    Unreadable {
        /// Which one, from 1.
        place: usize,
    },
    /// A key that is too short or too long.
    #[error(
        "the key of entry {place} of the key ring has not {KEY_BYTES_MIN} to {KEY_BYTES_MAX} bytes; use `openssl rand -base64 32`"
    )]
    Length {
        /// Which one, from 1.
        place: usize,
    },
    /// A number that was there before.
    #[error("the number of entry {place} of the key ring was used before; give each key its own")]
    Twice {
        /// Which one, from 1.
        place: usize,
    },
}

/// A token that is not ours, or damaged. Why is not told: whoever forges tokens would learn from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this unsubscribe link is not valid; use the one of the newest mail, whole")]
pub struct InvalidToken;

impl KeyRing {
    /// Reads `2:KEY,1:KEY`, newest first, keys in base64. To replace a key, put a new one with
    /// another number in front, and keep the older ones as long as their links should work.
    ///
    /// # Errors
    /// [`InvalidKeyRing`] names the entry by its place.
    pub fn parse(text: &SecretString) -> Result<Self, InvalidKeyRing> {
        let mut keys: Vec<Key> = Vec::new();
        let entries = text.expose_secret().split(',').map(str::trim).filter(|entry| !entry.is_empty());
        for (place, entry) in (1..).zip(entries) {
            let unreadable = InvalidKeyRing::Unreadable { place };
            let (number, key) = entry.split_once(':').ok_or(unreadable)?;
            let number = number.trim().parse().map_err(|_no_number| unreadable)?;
            let key = STANDARD.decode(key.trim()).map_err(|_no_base64| unreadable)?;
            if key.len() < KEY_BYTES_MIN || key.len() > KEY_BYTES_MAX {
                return Err(InvalidKeyRing::Length { place });
            }
            if keys.iter().any(|used| used.number == number) {
                return Err(InvalidKeyRing::Twice { place });
            }
            let mut bytes = SecretBox::new(Box::new([0; KEY_BYTES_MAX]));
            bytes.expose_secret_mut().iter_mut().zip(key).for_each(|(to, from)| *to = from);
            keys.push(Key { number, bytes });
        }
        let mut keys = keys.into_iter();
        let signing = keys.next().ok_or(InvalidKeyRing::Empty)?;
        Ok(Self { signing, older: keys.collect() })
    }
}

impl Key {
    fn mac(&self, claims: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(self.bytes.expose_secret().into());
        mac.update(PURPOSE);
        mac.update(claims);
        mac
    }
}

/// The token alone.
#[must_use]
pub fn token(keys: &KeyRing, claims: Claims) -> String {
    let key = &keys.signing;
    let mut bytes = Vec::with_capacity(CLAIMS_BYTES + SIGNATURE_BYTES);
    bytes.extend([VERSION, key.number, claims.notice.number()]);
    bytes.extend(claims.tenant.to_be_bytes());
    bytes.extend(claims.member.as_bytes());
    let signature = key.mac(&bytes).finalize();
    bytes.extend(signature.into_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The link for a mail: `base` with the token in its query. The page behind it has to take a POST
/// with the body `List-Unsubscribe=One-Click` too (RFC 8058 §3.2), and a GET must not unsubscribe:
/// scanners follow links.
///
/// # Errors
/// [`InvalidLink`] if it gets too long.
pub fn link(base: &WebLink, keys: &KeyRing, claims: Claims) -> Result<WebLink, InvalidLink> {
    base.with_query(PARAMETER, &token(keys, claims))
}

/// Who is to be unsubscribed from what. The signature is compared in constant time.
///
/// # Errors
/// [`InvalidToken`] for everything that was not made by [`token`] with a key of this ring.
pub fn verify(keys: &KeyRing, token: &str) -> Result<Claims, InvalidToken> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_no_base64| InvalidToken)?;
    let (claims, signature) = bytes.split_at_checked(CLAIMS_BYTES).ok_or(InvalidToken)?;
    let [version, number, notice, rest @ ..] = claims else { return Err(InvalidToken) };
    let mut known = std::iter::once(&keys.signing).chain(&keys.older);
    let key = known.find(|key| key.number == *number).ok_or(InvalidToken)?;
    key.mac(claims).verify_slice(signature).map_err(|_forged| InvalidToken)?;
    if *version != VERSION {
        return Err(InvalidToken);
    }
    let (tenant, member) = rest.split_at_checked(8).ok_or(InvalidToken)?;
    Ok(Claims {
        tenant: i64::from_be_bytes(tenant.try_into().map_err(|_length| InvalidToken)?),
        member: Uuid::from_slice(member).map_err(|_length| InvalidToken)?,
        notice: Notice::from_number(*notice).ok_or(InvalidToken)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring(numbers: &[u8]) -> KeyRing {
        let entry = |number: &u8| format!("{number}:{}", STANDARD.encode([*number; 32]));
        let text = numbers.iter().map(entry).collect::<Vec<_>>().join(", ");
        KeyRing::parse(&text.into()).unwrap()
    }

    fn claims(tenant: i64, member: u128) -> Claims {
        Claims { tenant, member: Uuid::from_u128(member), notice: Notice::CreditExpiry }
    }

    #[test]
    fn a_link_has_the_token_in_its_query() {
        let base = "https://app.example/unsubscribe?lang=de".parse().unwrap();
        let link = link(&base, &ring(&[1]), claims(7, 8)).unwrap();
        let token = link.as_str().strip_prefix("https://app.example/unsubscribe?lang=de&token=").unwrap();
        assert_eq!(verify(&ring(&[1]), token), Ok(claims(7, 8)));
        assert_eq!(token.len(), 79);
    }

    #[test]
    fn keys_can_be_replaced() {
        let old = token(&ring(&[1]), claims(7, 8));
        assert_eq!(verify(&ring(&[2, 1]), &old), Ok(claims(7, 8)));
        assert_eq!(verify(&ring(&[2]), &old), Err(InvalidToken));
        let new = token(&ring(&[2, 1]), claims(7, 8));
        assert_eq!(verify(&ring(&[1]), &new), Err(InvalidToken));
        // The same number with another key.
        let other = KeyRing::parse(&format!("1:{}", STANDARD.encode([9; 32])).into()).unwrap();
        assert_eq!(verify(&other, &old), Err(InvalidToken));
    }

    #[test]
    fn a_link_is_about_the_kind_of_its_mail_alone() {
        let campaign = Claims { notice: Notice::Campaign, ..claims(7, 8) };
        let made = token(&ring(&[1]), campaign);
        assert_eq!(verify(&ring(&[1]), &made), Ok(campaign));
        // The kind is signed: it can't be changed into the other.
        let mut bytes = URL_SAFE_NO_PAD.decode(&made).unwrap();
        bytes[2] = 1;
        assert_eq!(verify(&ring(&[1]), &URL_SAFE_NO_PAD.encode(bytes)), Err(InvalidToken));
    }

    #[test]
    fn the_layout_stays() {
        // A token of a mail that was sent once has to work for ever.
        // HMAC-SHA256 of this one by another implementation (Python's hmac).
        let kept = token(&ring(&[1]), claims(7, 8));
        assert_eq!(kept, "AQEBAAAAAAAAAAcAAAAAAAAAAAAAAAAAAAAIA5gHGxkPHjDKh0aJERvKmyBRCT79KN510HgoF6FHsE4");
    }

    #[test]
    fn unusable_rings_are_refused_without_telling_the_key() {
        let key = STANDARD.encode([1; 32]);
        for (text, error) in [
            (String::new(), InvalidKeyRing::Empty),
            (key.clone(), InvalidKeyRing::Unreadable { place: 1 }),
            (format!("256:{key}"), InvalidKeyRing::Unreadable { place: 1 }),
            (format!("1:{key},2:?"), InvalidKeyRing::Unreadable { place: 2 }),
            ("1:c2hvcnQ=".to_owned(), InvalidKeyRing::Length { place: 1 }),
            (format!("1:{}", STANDARD.encode([1; 65])), InvalidKeyRing::Length { place: 1 }),
            (format!("1:{key},1:{key}"), InvalidKeyRing::Twice { place: 2 }),
        ] {
            assert_eq!(KeyRing::parse(&text.into()).err(), Some(error));
        }
        assert!(!format!("{:?}", ring(&[1])).contains("1, 1"));
    }

    proptest! {
        #[test]
        fn tokens_round_trip(tenant: i64, member: u128) {
            let token = token(&ring(&[3]), claims(tenant, member));
            prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(verify(&ring(&[3]), &token), Ok(claims(tenant, member)));
        }

        #[test]
        fn nothing_else_is_a_token(tenant: i64, member: u128, at in 0_usize..79, with in "[A-Za-z0-9_=-]", text in ".{0,90}") {
            let token = token(&ring(&[3]), claims(tenant, member));
            let changed = format!("{}{with}{}", &token[..at], &token[at + 1..]);
            if changed != token {
                prop_assert_eq!(verify(&ring(&[3]), &changed), Err(InvalidToken));
            }
            prop_assert_eq!(verify(&ring(&[3]), &token[..at]), Err(InvalidToken));
            prop_assert_eq!(verify(&ring(&[3]), &format!("{token}{with}")), Err(InvalidToken));
            prop_assert_eq!(verify(&ring(&[3]), &text), Err(InvalidToken));
        }
    }
}
