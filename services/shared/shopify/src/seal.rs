//! Tokens at rest: encrypted with a key that is not in the database.
//!
//! XChaCha20-Poly1305 with a random nonce of 24 bytes, long enough that chance never repeats one. Shop and
//! column are authenticated with it, so a sealed token that is moved to another row or column does not open
//! (Shopify reference §8).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, Generate as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use tradeup_domain::{Class, Classify, ErrorCode};

use crate::ids::ShopDomain;

/// The column of access tokens, which they are bound to.
pub const ACCESS_TOKEN: &str = "access_token";
/// The column of refresh tokens.
pub const REFRESH_TOKEN: &str = "refresh_token";
/// Bytes of a key.
const KEY_LEN: usize = 32;
/// Bytes of a nonce.
const NONCE_LEN: usize = 24;
/// Longest key id.
const KEY_ID_LEN_MAX: usize = 32;

/// The keys of this process: the current one, which seals, and older ones, which only open.
#[derive(Debug)]
pub struct KeyRing {
    /// The current one first; never empty.
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    id: String,
    key: SecretBox<[u8; KEY_LEN]>,
}

/// A token as it is stored: the key's id, and nonce with ciphertext.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedToken {
    /// Which key opens it.
    pub key_id: String,
    /// 24 bytes of nonce, then the ciphertext with its tag of 16 bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for SealedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedToken({}, {} bytes)", self.key_id, self.bytes.len())
    }
}

/// Why a key ring can't be read. The texts never hold what was given: it is secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// There is no key in it.
    #[error("no key given; a key ring looks like id:base64,id:base64, the current key first")]
    Empty,
    /// A key has no id, or one that can't be stored.
    #[error("key {position} has no usable id; 1 to {KEY_ID_LEN_MAX} of a-z, 0-9, - and _, then a colon")]
    Id {
        /// Which key, counted from 1.
        position: usize,
    },
    /// A key is not 32 bytes in base64.
    #[error("key {position} is not {KEY_LEN} bytes in base64")]
    Key {
        /// Which key, counted from 1.
        position: usize,
    },
    /// Two keys have one id.
    #[error("key {position} has the id of another one")]
    Twice {
        /// Which key, counted from 1.
        position: usize,
    },
}

/// Why a token can't be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key that sealed it is not in the ring.
    #[error("the token was sealed with key {key_id:?}, which this process does not have")]
    UnknownKey {
        /// The key's id.
        key_id: String,
    },
    /// Changed, of another shop or column, or sealed with another key of that id.
    #[error("the token does not open with key {key_id:?}: changed, or of another shop or column")]
    Broken {
        /// The key's id.
        key_id: String,
    },
    /// The machine gives no random bytes.
    #[error("no random bytes to seal with")]
    NoRandomness,
}

impl Classify for SealError {
    fn class(&self) -> Class {
        Class::Permanent
    }

    fn code(&self) -> ErrorCode {
        ErrorCode::TokenUnreadable
    }
}

impl KeyRing {
    /// Reads `id:base64,id:base64`, the current key first. Keys are 32 random bytes.
    ///
    /// # Errors
    /// [`KeyRingError`] that names the key by its position and never shows it.
    pub fn parse(text: &SecretString) -> Result<Self, KeyRingError> {
        let mut keys: Vec<Key> = Vec::new();
        let entries = text.expose_secret().split(',').map(str::trim).filter(|entry| !entry.is_empty());
        for (entry, position) in entries.zip(1..) {
            let (id, encoded) = entry.split_once(':').ok_or(KeyRingError::Id { position })?;
            let id_ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
            if id.is_empty() || id.len() > KEY_ID_LEN_MAX || !id.bytes().all(id_ok) {
                return Err(KeyRingError::Id { position });
            }
            if keys.iter().any(|key| key.id == id) {
                return Err(KeyRingError::Twice { position });
            }
            let unfit = |_shows_secrets| KeyRingError::Key { position };
            let bytes = SecretBox::new(Box::new(STANDARD.decode(encoded).map_err(unfit)?));
            let key: [u8; KEY_LEN] = bytes
                .expose_secret()
                .as_slice()
                .try_into()
                .map_err(|_length| KeyRingError::Key { position })?;
            keys.push(Key { id: id.to_owned(), key: SecretBox::new(Box::new(key)) });
        }
        if keys.is_empty() { Err(KeyRingError::Empty) } else { Ok(Self { keys }) }
    }

    /// The id of the key that seals; what is sealed with another should be sealed again.
    #[must_use]
    pub fn current(&self) -> &str {
        self.keys.first().map_or("", |key| &key.id)
    }

    /// The ids of all keys, the current one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.id.as_str())
    }

    /// Seals `token` for this shop and column with the current key.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`] when the machine gives none.
    pub fn seal(
        &self,
        shop: &ShopDomain,
        column: &str,
        token: &SecretString,
    ) -> Result<SealedToken, SealError> {
        let key = self.keys.first().ok_or(SealError::NoRandomness)?;
        let nonce = XNonce::try_generate().map_err(|_no_bytes| SealError::NoRandomness)?;
        let bound = bound_to(shop, column);
        let payload = Payload { msg: token.expose_secret().as_bytes(), aad: &bound };
        let broken = |_too_long| SealError::Broken { key_id: key.id.clone() };
        let ciphertext = key.cipher().encrypt(&nonce, payload).map_err(broken)?;
        let bytes = [nonce.as_slice(), &ciphertext].concat();
        Ok(SealedToken { key_id: key.id.clone(), bytes })
    }

    /// Opens a token that was sealed for this shop and column, with whichever key of the ring sealed it.
    ///
    /// # Errors
    /// [`SealError`] when the key is not there or the token is not what was sealed.
    pub fn open(
        &self,
        shop: &ShopDomain,
        column: &str,
        sealed: &SealedToken,
    ) -> Result<SecretString, SealError> {
        let key_id = || sealed.key_id.chars().take(KEY_ID_LEN_MAX).collect::<String>();
        let key = self.keys.iter().find(|key| key.id == sealed.key_id);
        let key = key.ok_or_else(|| SealError::UnknownKey { key_id: key_id() })?;
        let broken = || SealError::Broken { key_id: key_id() };
        let (nonce, ciphertext) = sealed.bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(broken)?;
        let bound = bound_to(shop, column);
        let opened = key
            .cipher()
            .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &bound })
            .map_err(|_unauthentic| broken())?;
        String::from_utf8(opened).map(SecretString::from).map_err(|_not_text| broken())
    }

    /// Seals again with the current key; `None` when it is sealed with that already.
    ///
    /// # Errors
    /// As [`Self::open`] and [`Self::seal`].
    pub fn reseal(
        &self,
        shop: &ShopDomain,
        column: &str,
        sealed: &SealedToken,
    ) -> Result<Option<SealedToken>, SealError> {
        if sealed.key_id == self.current() {
            return Ok(None);
        }
        self.open(shop, column, sealed).and_then(|token| self.seal(shop, column, &token)).map(Some)
    }
}

impl Key {
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.key.expose_secret().into())
    }
}

/// What a token is bound to. A domain has no zero byte, so no two pairs give the same bytes.
fn bound_to(shop: &ShopDomain, column: &str) -> Vec<u8> {
    [shop.as_str().as_bytes(), b"\0", column.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key_text(id: &str, byte: u8) -> String {
        format!("{id}:{}", STANDARD.encode([byte; KEY_LEN]))
    }

    fn ring(keys: &[(&str, u8)]) -> KeyRing {
        let text = keys.iter().map(|(id, byte)| key_text(id, *byte)).collect::<Vec<_>>().join(",");
        KeyRing::parse(&text.into()).unwrap()
    }

    fn shop(name: &str) -> ShopDomain {
        format!("{name}.myshopify.com").parse().unwrap()
    }

    #[test]
    fn keys_rotate() {
        let old = ring(&[("k1", 1)]);
        let sealed = old.seal(&shop("a"), "access_token", &"shpat_secret".into()).unwrap();
        let both = ring(&[("k2", 2), ("k1", 1)]);
        assert_eq!(both.current(), "k2");
        let again = both.reseal(&shop("a"), "access_token", &sealed).unwrap().unwrap();
        assert_eq!(again.key_id, "k2");
        assert_eq!(both.reseal(&shop("a"), "access_token", &again).unwrap(), None);
        let new = ring(&[("k2", 2)]);
        let opened = new.open(&shop("a"), "access_token", &again).unwrap();
        assert_eq!(opened.expose_secret(), "shpat_secret");
        let error = new.open(&shop("a"), "access_token", &sealed).unwrap_err();
        assert_eq!(error, SealError::UnknownKey { key_id: "k1".to_owned() });
    }

    #[test]
    fn opens_only_where_it_was_sealed() {
        let ring = ring(&[("k1", 1)]);
        let sealed = ring.seal(&shop("a"), "access_token", &"x".into()).unwrap();
        assert!(ring.open(&shop("b"), "access_token", &sealed).is_err());
        assert!(ring.open(&shop("a"), "refresh_token", &sealed).is_err());
    }

    #[test]
    fn the_same_token_is_never_sealed_the_same_way() {
        let ring = ring(&[("k1", 1)]);
        let seal = || ring.seal(&shop("a"), "access_token", &"x".into()).unwrap().bytes;
        assert_ne!(seal(), seal());
    }

    #[test]
    fn secrets_are_not_shown() {
        let ring = ring(&[("k1", 77)]);
        let token: SecretString = "shpat_secret".into();
        let sealed = ring.seal(&shop("a"), "access_token", &token).unwrap();
        let encoded = STANDARD.encode([77; KEY_LEN]);
        let shown = format!("{ring:?} {token:?} {sealed:?}");
        for secret in ["shpat", "77, 77", encoded.as_str()] {
            assert!(!shown.contains(secret), "{shown}");
        }
        for (bad, position) in [("k1:AAAA", 1), (&*format!("{},k2:!!c2VjcmV0!!", key_text("k1", 1)), 2)] {
            let error = KeyRing::parse(&bad.to_owned().into()).unwrap_err();
            assert_eq!(error, KeyRingError::Key { position });
        }
    }

    #[test]
    fn rings_that_are_no_rings_are_refused() {
        let parse = |text: &str| KeyRing::parse(&text.to_owned().into()).unwrap_err();
        assert_eq!(parse(" , "), KeyRingError::Empty);
        assert_eq!(parse("AAAA"), KeyRingError::Id { position: 1 });
        assert_eq!(parse(":AAAA"), KeyRingError::Id { position: 1 });
        assert_eq!(parse("K1:AAAA"), KeyRingError::Id { position: 1 });
        let twice = format!("{},{}", key_text("k1", 1), key_text("k1", 2));
        assert_eq!(parse(&twice), KeyRingError::Twice { position: 2 });
    }

    proptest! {
        /// Whatever is sealed opens the same; one changed bit anywhere and it does not.
        #[test]
        fn what_is_sealed_opens_and_what_is_changed_does_not(
            token in ".{0,80}",
            column in "[a-z_]{1,20}",
            at in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let ring = ring(&[("k1", 1)]);
            let sealed = ring.seal(&shop("a"), &column, &token.clone().into()).unwrap();
            let opened = ring.open(&shop("a"), &column, &sealed).unwrap();
            prop_assert_eq!(opened.expose_secret(), token.as_str());
            let mut changed = sealed.clone();
            let at = at.index(changed.bytes.len());
            changed.bytes[at] ^= 1 << bit;
            prop_assert!(ring.open(&shop("a"), &column, &changed).is_err());
            let mut cut = sealed;
            cut.bytes.truncate(at);
            prop_assert!(ring.open(&shop("a"), &column, &cut).is_err());
        }
    }
}
