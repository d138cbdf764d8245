//! Handles: the short names by which people and subjects call a tenant or a tier.

use std::fmt;
use std::str::FromStr;

/// Longest handle, in bytes: fits a DNS label and any subject token.
pub const HANDLE_MAX_BYTES: usize = 63;

/// A name of 1 to 63 characters `a-z`, `0-9` and `-` that starts and ends with a letter or digit.
///
/// Handles are safe as they are in subjects, file names, URLs and shell commands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(String);

/// Why a text is no [`Handle`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is no handle: use 1 to 63 characters a-z, 0-9 and '-', \
     with a letter or digit at both ends (for example \"aurora-cards\")"
)]
pub struct InvalidHandle {
    given: String,
}

impl Handle {
    /// The handle as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Handle {
    type Err = InvalidHandle;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let edge = |b: Option<&u8>| b.is_some_and(|b| *b != b'-');
        let bytes = text.as_bytes();
        let good = bytes.len() <= HANDLE_MAX_BYTES
            && bytes.iter().copied().all(inner)
            && edge(bytes.first())
            && edge(bytes.last());
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidHandle { given: text.chars().take(80).collect() })
        }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_and_refuses() {
        for good in ["a", "aurora-cards", "7", &"x".repeat(63)] {
            assert_eq!(good.parse::<Handle>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a b", "ä", "_", &"x".repeat(64)] {
            assert!(bad.parse::<Handle>().is_err(), "{bad:?} must be refused");
        }
    }
}
