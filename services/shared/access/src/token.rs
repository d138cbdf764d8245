//! Tokens of sessions and of programs, and of the forms of a session.

use std::fmt;
use std::marker::PhantomData;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::TryRng as _;
use rand::rngs::SysRng;
use sha2::Sha256;
use tradeup_domain::api_token::{RANDOM_BYTES, TokenHash, prefixed};

/// What a form's token is made for; another use would have another name.
const FORM: &[u8] = b"tradeup console form";

/// What tokens are for.
pub trait Kind {
    /// What they are called.
    const NAME: &'static str;
    /// What they begin with, so that one that was left somewhere is recognised.
    const PREFIX: &'static str;
}

/// Tokens of sessions.
#[derive(Clone)]
pub enum Session {}

/// Tokens of programs.
#[derive(Clone)]
pub enum User {}

/// Tokens of browsers that are on their way to sign in elsewhere.
#[derive(Clone)]
pub enum SignIn {}

impl Kind for Session {
    const NAME: &'static str = "SessionToken";
    const PREFIX: &'static str = "";
}

impl Kind for User {
    const NAME: &'static str = "UserToken";
    const PREFIX: &'static str = "tuu_";
}

impl Kind for SignIn {
    const NAME: &'static str = "SignInToken";
    const PREFIX: &'static str = "";
}

/// Random text that lets in: a plain hash of it is enough to keep.
#[derive(Clone)]
pub struct Token<K>(String, PhantomData<K>);

/// What a browser shows to be in a session.
pub type SessionToken = Token<Session>;
/// What a program shows to be let in as a user.
pub type UserToken = Token<User>;
/// What a browser shows to have begun a sign-in.
pub type SignInToken = Token<SignIn>;

/// What a form of a session holds, so that no other site can send it in its visitor's name.
#[derive(Clone, Debug)]
pub struct FormToken(String);

impl<K: Kind> Token<K> {
    /// A new one; `None` if the system has no random bytes.
    #[must_use]
    pub fn new() -> Option<Self> {
        let mut bytes = [0; RANDOM_BYTES];
        SysRng.try_fill_bytes(&mut bytes).ok()?;
        Some(Self(prefixed(K::PREFIX, bytes), PhantomData))
    }

    /// As it is shown; `None` if it can't be one.
    #[must_use]
    pub fn shown(text: &str) -> Option<Self> {
        let random = text.strip_prefix(K::PREFIX)?;
        let fits = random.len() == RANDOM_BYTES * 2 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self(text.to_owned(), PhantomData))
    }

    /// For its owner alone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// By which it is kept.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl SessionToken {
    /// The token of this session's forms.
    #[must_use]
    pub fn form(&self) -> FormToken {
        FormToken(self.mac().map(|mac| prefixed("", mac.finalize().into_bytes().into())).unwrap_or_default())
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

impl<K: Kind> fmt::Debug for Token<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(K::NAME)
    }
}

impl FormToken {
    /// As it stands in a form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
