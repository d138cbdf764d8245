//! Findings: what the check objects to, for the model that has to repair it and for people.

use serde::{Deserialize, Serialize};

/// What kind of objection it is, in the order in which things are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// It is not of the form asked for.
    Schema,
    /// Too few or too many of something, or a text that is empty or too long.
    Size,
    /// An id of a fact or calculation that is not there.
    UnknownId,
    /// A segment, tier, measure or key that does not exist.
    UnknownName,
    /// Units that can't be put together, or a unit that does not fit.
    Unit,
    /// Amounts of two currencies put together.
    Currency,
    /// Figures of unlike windows put together.
    Window,
    /// A calculation without a result: divided by nothing, too large, a share above the whole.
    Calculation,
    /// A placeholder that is not written as one, or not allowed where it stands.
    Placeholder,
    /// Digits outside of a placeholder.
    Digits,
    /// A number word above ten.
    NumberWord,
    /// A currency sign or percent sign.
    Sign,
    /// Markup, a link, an address or an invisible character.
    Markup,
    /// A statement about the shop that cites nothing.
    Uncited,
    /// A number of the plan's own choice outside of its bounds.
    Range,
    /// An offer whose fields do not fit its kind.
    Offer,
    /// An audience smaller than may be described.
    SmallAudience,
    /// An offer that costs more than its limit, or more than the shop allows.
    Cost,
}

impl Code {
    /// The code as it is stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Size => "size",
            Self::UnknownId => "unknown_id",
            Self::UnknownName => "unknown_name",
            Self::Unit => "unit",
            Self::Currency => "currency",
            Self::Window => "window",
            Self::Calculation => "calculation",
            Self::Placeholder => "placeholder",
            Self::Digits => "digits",
            Self::NumberWord => "number_word",
            Self::Sign => "sign",
            Self::Markup => "markup",
            Self::Uncited => "uncited",
            Self::Range => "range",
            Self::Offer => "offer",
            Self::SmallAudience => "small_audience",
            Self::Cost => "cost",
        }
    }
}

/// One objection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its kind.
    pub code: Code,
    /// Where, like `campaigns[0].why`.
    pub path: String,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

impl Finding {
    pub(crate) fn new(code: Code, path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { code, path: path.into(), problem: problem.into() }
    }

    /// Whether it is about `path` or something inside of it.
    #[must_use]
    pub fn is_within(&self, path: &str) -> bool {
        self.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}
