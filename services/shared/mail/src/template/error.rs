//! What is wrong with a template or a digest, and what to write instead.

use std::fmt;

use tradeup_domain::{Class, Classify, ErrorCode};

use super::variables::KNOWN;
use crate::digest::DigestError;
use crate::format::FormatError;
use crate::link::InvalidLink;

/// One of the three parts of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The subject line.
    Subject,
    /// The plain text part.
    Text,
    /// The HTML part.
    Html,
}

impl Part {
    /// All of them, in the order in which they are given.
    pub const ALL: [Self; 3] = [Self::Subject, Self::Text, Self::Html];

    /// The part's name, also within the engine.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Text => "text",
            Self::Html => "html",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a template is refused. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The part is no template.
    #[error("{part}, line {line}: {detail}; look for a tag that is not closed or misspelt")]
    Syntax {
        /// Where.
        part: Part,
        /// Where.
        line: usize,
        /// The engine's words.
        detail: String,
    },
    /// A variable, or a field of one, that does not exist.
    #[error("{part}, line {line}: there is no {name}; there are {KNOWN}")]
    UnknownVariable {
        /// Where.
        part: Part,
        /// Where.
        line: usize,
        /// What was written, as far as it is known.
        name: String,
    },
    /// A variable that not every digest has.
    #[error(
        "{part}, line {line}: first_name and shop_url can be missing; write {{% if first_name %}} … {{% endif %}} around them"
    )]
    MayBeMissing {
        /// Where.
        part: Part,
        /// Where.
        line: usize,
    },
    /// A tag or an operator beyond what a mail needs.
    #[error(
        "{part}, line {line}: {tag} is not allowed in a mail; use {{{{ variable }}}}, if, elif, else, endif, for and endfor"
    )]
    NotAllowed {
        /// Where.
        part: Part,
        /// Where.
        line: usize,
        /// What was written.
        tag: String,
    },
    /// A line break in the subject.
    #[error("subject: it has a line break; write it on one line")]
    SubjectLineBreak,
    /// No subject is left.
    #[error("subject: it is empty; write what the mail is about")]
    SubjectEmpty,
    /// Too much source.
    #[error("{part}: it has {bytes} bytes, and {max} are allowed; shorten it")]
    TooLarge {
        /// Which part.
        part: Part,
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        max: usize,
    },
    /// Too much output, or too much work.
    #[error("{part}: it writes too much or takes too long; use fewer or smaller loops")]
    TooMuchWork {
        /// Which part.
        part: Part,
    },
    /// Something that the member has to be told is not shown.
    #[error("{part}: {what} not shown; write {write}")]
    Missing {
        /// Which part.
        part: Part,
        /// What is missing, with its verb.
        what: &'static str,
        /// What to write.
        write: &'static str,
    },
    /// A value stands where escaping does not keep it from becoming markup.
    #[error(
        "html: {variable} stands {place}; values may stand in text, and links as the whole of a quoted href=\"{{{{ … }}}}\""
    )]
    UnsafePlace {
        /// Which value.
        variable: &'static str,
        /// Where.
        place: String,
    },
    /// An element or attribute that mail programs run or refuse.
    #[error("html: {what} is not allowed in a mail; leave it out")]
    ActiveContent {
        /// The element or attribute.
        what: String,
    },
    /// Another failure while rendering.
    #[error("{part}, line {line}: {detail}")]
    Failed {
        /// Where.
        part: Part,
        /// Where.
        line: usize,
        /// The engine's words; no values.
        detail: String,
    },
}

/// Why a mail could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The digest can't be shown.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The locale has no data.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A link can't stand in a mail.
    #[error(transparent)]
    Link(#[from] InvalidLink),
    /// The template fails.
    #[error("the template fails: {0}")]
    Template(#[from] TemplateError),
}

impl Classify for RenderError {
    fn class(&self) -> Class {
        Class::Permanent
    }

    fn code(&self) -> ErrorCode {
        ErrorCode::MailUnrenderable
    }
}
