//! Rules that find what somebody has to look at.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A schedule was due so many seconds ago and has not fired, or was not made up for.
    MissedSchedule,
    /// So many dead letters of one cause that nobody has seen to.
    DeadLetters,
    /// Of a task's attempts within 15 minutes, 20 at least, so many per cent failed.
    ErrorRate,
    /// A task's run has been waiting to be worked on for so many seconds, and nothing holds it back.
    BacklogAge,
    /// What a shop owes to its members changed by so many per cent within a day.
    LiabilityJump,
    /// No process of a service was seen for so many seconds.
    ServiceDown,
    /// NATS was not there for so many seconds, as the console sees it.
    NatsDown,
}

/// No rule has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no rule; there are {all}", all = Rule::ALL.map(Rule::as_str).join(", "))]
pub struct UnknownRule(String);

impl Rule {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::MissedSchedule,
        Self::DeadLetters,
        Self::ErrorRate,
        Self::BacklogAge,
        Self::LiabilityJump,
        Self::ServiceDown,
        Self::NatsDown,
    ];

    /// Its name, as it is kept and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissedSchedule => "missed_schedule",
            Self::DeadLetters => "dead_letters",
            Self::ErrorRate => "error_rate",
            Self::BacklogAge => "backlog_age",
            Self::LiabilityJump => "liability_jump",
            Self::ServiceDown => "service_down",
            Self::NatsDown => "nats_down",
        }
    }

    /// What its threshold counts.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::MissedSchedule | Self::BacklogAge | Self::ServiceDown | Self::NatsDown => "seconds",
            Self::DeadLetters => "letters",
            Self::ErrorRate | Self::LiabilityJump => "per cent",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text).ok_or_else(|| UnknownRule(text.to_owned()))
    }
}
