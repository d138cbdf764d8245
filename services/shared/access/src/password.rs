//! Passwords, kept as Argon2id hashes (OWASP Password Storage: 19 MiB, two passes, one lane, which are the library's own
//! values).

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc};
use rand::TryRng as _;
use rand::rngs::SysRng;

/// Fewest characters (ASVS 5.0, 6.2.1).
const LENGTH_MIN: usize = 12;
/// Most characters; no shorter than ASVS asks (6.2.9), and short enough that nobody keeps us busy with one.
const LENGTH_MAX: usize = 256;
/// Random letters of a password that is made here: more than 100 bits.
const RANDOM_LETTERS: usize = 20;
/// Those that are not mistaken for each other.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// One that holds a short name by chance is thrown away.
const TRIES: usize = 100;

/// A password that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too short.
    #[error("the password is shorter than {LENGTH_MIN} characters; several words are easy to keep in mind")]
    Short,
    /// Too long.
    #[error("the password is longer than {LENGTH_MAX} characters")]
    Long,
    /// Its owner's name is in it.
    #[error("the password holds the user's name; choose another")]
    HoldsName,
}

/// A hash can't be made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The password is not taken.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// The library failed, mostly for want of memory.
    #[error("the password can't be hashed: {0}")]
    Hash(String),
    /// The system has no random bytes.
    #[error("a password can't be made: {0}")]
    Random(String),
}

/// The hash of a password, as it is stored: a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash")
    }
}

impl PasswordHash {
    /// Hashes a new password of a user. Takes some tens of milliseconds of one core: not to be called where others wait.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn of(password: &str, user: &str) -> Result<Self, PasswordError> {
        let length = password.chars().count();
        if length < LENGTH_MIN {
            return Err(WeakPassword::Short.into());
        }
        if length > LENGTH_MAX {
            return Err(WeakPassword::Long.into());
        }
        if password.to_lowercase().contains(&user.to_lowercase()) {
            return Err(WeakPassword::HoldsName.into());
        }
        let hash = Argon2::default().hash_password(password.as_bytes());
        hash.map(|hash| Self(hash.to_string())).map_err(|error| PasswordError::Hash(error.to_string()))
    }

    /// Makes a new password of a user, to be shown to them once, and hashes it. As slow as [`Self::of`].
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn generated(user: &str) -> Result<(String, Self), PasswordError> {
        for _ in 0..TRIES {
            let mut random = [0; RANDOM_LETTERS];
            SysRng.try_fill_bytes(&mut random).map_err(|error| PasswordError::Random(error.to_string()))?;
            let letters: String =
                random.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect();
            if !letters.contains(&user.to_lowercase()) {
                let hash = Self::of(&letters, user)?;
                return Ok((letters, hash));
            }
        }
        Err(WeakPassword::HoldsName.into())
    }

    /// A hash as it was stored.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the password. As slow as [`Self::of`]; a hash that can't be read is nobody's.
    #[must_use]
    pub fn is_of(&self, password: &str) -> bool {
        password.len() <= LENGTH_MAX * 4
            && phc::PasswordHash::new(&self.0)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    }

    /// Takes as long as looking at a password, for a user that there is not: nobody shall learn who there is.
    pub fn spend_time(password: &str) {
        let spent = Argon2::default().hash_password(password.as_bytes()).is_ok();
        std::hint::black_box(spent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other() {
        let hash = PasswordHash::of("correct horse battery", "ann").unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        let stored = PasswordHash::stored(hash.as_str().to_owned());
        assert!(stored.is_of("correct horse battery"));
        assert!(!stored.is_of("correct horse batterY"));
        assert!(!PasswordHash::stored("nonsense".to_owned()).is_of("correct horse battery"));
        assert_ne!(PasswordHash::of("correct horse battery", "ann").unwrap(), hash, "each has its own salt");
        assert_eq!(format!("{hash:?}"), "PasswordHash");
    }

    #[test]
    fn a_password_is_made_for_whatever_name() {
        for user in ["a", "annabel"] {
            let (shown, hash) = PasswordHash::generated(user).unwrap();
            assert!(shown.len() == 20 && !shown.contains(user) && hash.is_of(&shown));
        }
    }

    #[test]
    fn what_is_easily_guessed_is_not_taken() {
        let why = |password: &str| PasswordHash::of(password, "annabel").unwrap_err();
        assert_eq!(why("elevenchars"), WeakPassword::Short.into());
        assert_eq!(why(&"x".repeat(257)), WeakPassword::Long.into());
        assert_eq!(why("hello Annabel hello"), WeakPassword::HoldsName.into());
    }
}
