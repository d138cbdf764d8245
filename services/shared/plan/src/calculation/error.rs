//! Why a calculation has no result, in words for who wrote it.

use super::Op;
use crate::finding::Code;

/// Why a calculation has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalculationError {
    /// Too few or too many arguments.
    #[error("{op} takes {wanted} arguments and was given {given}", op = op.as_str())]
    Arguments {
        /// The operation.
        op: Op,
        /// How many it takes, in words.
        wanted: &'static str,
        /// How many there were.
        given: usize,
    },
    /// One argument twice.
    #[error("{id} is given twice, and would count double or say nothing; give each argument once")]
    Repeated {
        /// Its id.
        id: String,
    },
    /// Units that can't be put together.
    #[error("{op} can't put {one} and {other} together; {hint}", op = op.as_str())]
    Unit {
        /// The operation.
        op: Op,
        /// An argument with its unit.
        one: String,
        /// Another.
        other: String,
        /// What it takes.
        hint: &'static str,
    },
    /// Two currencies.
    #[error("{op} can't put {one} and {other} together; take figures of one currency", op = op.as_str())]
    Currency {
        /// The operation.
        op: Op,
        /// An argument with its currency.
        one: String,
        /// Another.
        other: String,
    },
    /// Windows that don't agree.
    #[error("{op} can't put {one} and {other} together; {hint}", op = op.as_str())]
    Window {
        /// The operation.
        op: Op,
        /// An argument with its window.
        one: String,
        /// Another.
        other: String,
        /// What it takes.
        hint: &'static str,
    },
    /// Nothing to divide by.
    #[error("{id} is {value}, so nothing can be measured in parts of it; leave this calculation out")]
    Divisor {
        /// The argument's id.
        id: String,
        /// Its value.
        value: i64,
    },
    /// A part that is negative or above its whole.
    #[error(
        "{part} ({value}) is no part of {whole} ({of}); a share goes from 0 to the whole, use ratio or pct_change"
    )]
    NoPart {
        /// The part's id.
        part: String,
        /// Its value.
        value: i64,
        /// The whole's id.
        whole: String,
        /// Its value.
        of: i64,
    },
    /// A negative count of something that costs.
    #[error("{id} is {value}, and product_money takes a count and an amount from 0 on")]
    Negative {
        /// The argument's id.
        id: String,
        /// Its value.
        value: i64,
    },
    /// Beyond 64 bits.
    #[error("the result is too large to be true; check the arguments")]
    TooLarge,
}

impl CalculationError {
    /// The kind of finding that it makes.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Unit { .. } => Code::Unit,
            Self::Currency { .. } => Code::Currency,
            Self::Window { .. } => Code::Window,
            _ => Code::Calculation,
        }
    }
}
