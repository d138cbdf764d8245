//! Tokens of sessions, and of the forms of a session.

use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::TryRng as _;
use rand::rngs::SysRng;
use sha2::{Digest as _, Sha256};

const RANDOM_BYTES: usize = 32;
/// What a form's token is made for; another use would have another name.
const FORM: &[u8] = b"tradeup console form";

/// What a browser shows to be in a session: random, so that a plain hash of it is enough to keep.
#[derive(Clone)]
pub struct SessionToken(String);

/// What a program shows to be let in as a user. It begins so that one that was left somewhere is recognised.
#[derive(Clone)]
pub struct UserToken(String);

/// The beginning.
const USER_TOKEN: &str = "tuu_";

impl UserToken {
    /// A new one; `None` if the system has no random bytes.
    #[must_use]
    pub fn new() -> Option<Self> {
        SessionToken::new().map(|random| Self(format!("{USER_TOKEN}{}", random.0)))
    }

    /// As a program shows it; `None` if it can't be one.
    #[must_use]
    pub fn shown(text: &str) -> Option<Self> {
        let fits = text.strip_prefix(USER_TOKEN).is_some_and(|rest| SessionToken::shown(rest).is_some());
        fits.then(|| Self(text.to_owned()))
    }

    /// For its owner alone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// By which it is kept.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl std::fmt::Debug for UserToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserToken")
    }
}

/// What a form of a session holds, so that no other site can send it in its visitor's name.
#[derive(Clone, Debug)]
pub struct FormToken(String);

impl SessionToken {
    /// A new one; `None` if the system has no random bytes.
    #[must_use]
    pub fn new() -> Option<Self> {
        let mut bytes = [0; RANDOM_BYTES];
        SysRng.try_fill_bytes(&mut bytes).ok()?;
        Some(Self(hex(&bytes)))
    }

    /// As a browser shows it; `None` if it can't be one.
    #[must_use]
    pub fn shown(text: &str) -> Option<Self> {
        let fits = text.len() == RANDOM_BYTES * 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self(text.to_owned()))
    }

    /// For the browser alone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// By which it is kept.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The token of this session's forms.
    #[must_use]
    pub fn form(&self) -> FormToken {
        FormToken(self.mac().map(|mac| hex(&mac.finalize().into_bytes())).unwrap_or_default())
    }

    /// Whether a form was sent from a page of this session. Takes the same time whatever differs.
    #[must_use]
    pub fn sent(&self, form: &str) -> bool {
        self.mac().zip(unhex(form)).is_some_and(|(mac, bytes)| mac.verify_slice(&bytes).is_ok())
    }

    /// A key of any length is one, so that there always is one.
    fn mac(&self) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).ok()?;
        mac.update(FORM);
        Some(mac)
    }
}

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken")
    }
}

impl FormToken {
    /// As it stands in a form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text can't fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_form_belongs_to_its_session() {
        let (one, other) = (SessionToken::new().unwrap(), SessionToken::new().unwrap());
        assert!(one.sent(one.form().as_str()));
        assert!(!other.sent(one.form().as_str()));
        let again = SessionToken::shown(one.as_str()).unwrap();
        assert_eq!(again.hash(), one.hash());
        assert!(again.sent(one.form().as_str()));
        assert_eq!(format!("{one:?}"), "SessionToken");
        let token = UserToken::new().unwrap();
        assert_eq!(UserToken::shown(token.as_str()).unwrap().hash(), token.hash());
        assert!(UserToken::shown(one.as_str()).is_none());
        assert_eq!(format!("{token:?}"), "UserToken");
    }

    proptest! {
        #[test]
        fn nothing_else_is_taken(text in ".{0,80}") {
            let session = SessionToken::new().unwrap();
            prop_assert!(!session.sent(&text));
            prop_assert!(SessionToken::shown(&text).is_none_or(|shown| shown.as_str() == text));
        }
    }
}
