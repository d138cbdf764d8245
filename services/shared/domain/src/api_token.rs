//! Tokens by which other systems are let in by HTTP: random, so that a plain hash of them is enough.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// What every token begins with, so that one that was left somewhere is recognised.
pub const PREFIX: &str = "tuk_";
/// Random bytes of a token.
pub const RANDOM_BYTES: usize = 32;

/// The hash by which a token is kept and looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a token as it was given.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

/// Makes a token of random bytes.
#[must_use]
pub fn from_random(random: [u8; RANDOM_BYTES]) -> String {
    prefixed(PREFIX, random)
}

/// Random bytes as text behind a prefix of their own, for tokens of another kind.
#[must_use]
pub fn prefixed(prefix: &str, random: [u8; RANDOM_BYTES]) -> String {
    use std::fmt::Write as _;
    let mut token = prefix.to_owned();
    for byte in random {
        // Writing to a text can't fail.
        let _written = write!(token, "{byte:02x}");
    }
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_random_bytes_and_its_hash_tells_nothing() {
        let token = from_random([7; RANDOM_BYTES]);
        assert_eq!((token.len(), &token[..6]), (4 + 64, "tuk_07"));
        assert_eq!(TokenHash::of(&token), TokenHash::of(&token));
        assert_ne!(TokenHash::of(&token), TokenHash::of(&token[1..]));
        assert_eq!(format!("{:?}", TokenHash::of(&token)), "TokenHash");
    }
}
