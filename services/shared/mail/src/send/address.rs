//! E-mail addresses.

use std::fmt;
use std::str::FromStr;

use url::Host;

/// Longest address, in bytes (RFC 5321 §4.5.3.1.3).
const ADDRESS_BYTES_MAX: usize = 254;

/// An e-mail address that is safe in headers and SMTP commands. The domain is in its ASCII form.
///
/// Personal data: `Debug` does not show it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(lettre::Address);

/// A text that is no e-mail address. The text is left out: it is personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no e-mail address; write it like name@shop.example, without a display name")]
pub struct InvalidAddress;

impl Address {
    /// The domain, in ASCII.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// For lettre.
    #[must_use]
    pub(crate) fn as_lettre(&self) -> &lettre::Address {
        &self.0
    }

    /// Whether the part before the `@` needs SMTPUTF8.
    #[must_use]
    pub(crate) fn is_ascii(&self) -> bool {
        self.0.user().is_ascii()
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        // Quoted local parts may hold anything; nobody's address does.
        let stray = |c: char| {
            c.is_control() || c.is_whitespace() || matches!(c, '"' | '<' | '>' | '(' | ')' | ',' | ';' | '\\')
        };
        if text.len() > ADDRESS_BYTES_MAX || text.contains(stray) {
            return Err(InvalidAddress);
        }
        let (user, domain) = text.rsplit_once('@').ok_or(InvalidAddress)?;
        let Ok(Host::Domain(domain)) = Host::parse(domain) else { return Err(InvalidAddress) };
        lettre::Address::new(user, domain).map(Self).map_err(|_invalid| InvalidAddress)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain() {
        for (given, kept) in [
            ("ann@shop.example", "ann@shop.example"),
            (" ann+tag@shop.example ", "ann+tag@shop.example"),
            ("o'hara@läden.example", "o'hara@xn--lden-loa.example"),
            ("用户@shop.example", "用户@shop.example"),
        ] {
            let address: Address = given.parse().unwrap();
            assert_eq!(address.as_lettre().as_ref() as &str, kept);
            assert_eq!(format!("{address:?}"), "Address(…)");
        }
        for given in [
            "",
            "ann",
            "@shop.example",
            "ann@",
            "ann@[127.0.0.1]",
            "ann@127.0.0.1",
            "a@b@shop.example",
            "Ann <ann@shop.example>",
            "ann@shop.example, eve@shop.example",
            "ann@shop.example\r\nRCPT TO:<eve@shop.example>",
            "\"a b\"@shop.example",
            "ann@shop.example\0",
            &format!("{}@shop.example", "x".repeat(250)),
        ] {
            assert!(given.parse::<Address>().is_err(), "{given:?}");
        }
    }
}
