//! What tasks depend on, beside our own database. What is down is left alone for a while.

use std::fmt;
use std::str::FromStr;

/// Something that can be down while the rest works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dependency {
    /// The tenant's ledger. Whoever needs it moves money: pausing it stops all money of a tenant, or
    /// of all.
    Ledger,
    /// The shop at Shopify.
    Shopify,
    /// The mail server, shared by all tenants.
    Mail,
    /// The Messages API, shared by all tenants.
    Anthropic,
}

/// No dependency has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("dependency {given:?} is unknown; there are ledger, shopify, mail and anthropic")]
pub struct UnknownDependency {
    given: String,
}

impl Dependency {
    /// All.
    pub const ALL: [Self; 4] = [Self::Ledger, Self::Shopify, Self::Mail, Self::Anthropic];

    /// The name that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Shopify => "shopify",
            Self::Mail => "mail",
            Self::Anthropic => "anthropic",
        }
    }

    /// Whether each tenant has its own: then one that is down says nothing about the others.
    #[must_use]
    pub fn is_per_tenant(self) -> bool {
        matches!(self, Self::Ledger | Self::Shopify)
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Dependency {
    type Err = UnknownDependency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|dependency| dependency.as_str() == text)
            .ok_or_else(|| UnknownDependency { given: text.to_owned() })
    }
}
