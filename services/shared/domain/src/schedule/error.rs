//! Why a schedule can't be used, said so that the reader can put it right.

/// Longest part of a given text that an error repeats, in characters.
const SHOWN_MAX: usize = 100;

/// Why a schedule can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The expression does not parse.
    #[error("cron expression {expression:?}: {reason}")]
    Cron {
        /// What was given.
        expression: String,
        /// Which part of it is wrong, and what to write instead.
        reason: String,
    },
    /// The expression names only dates that do not exist (30 February), or local times that the
    /// clocks skip for the next 60 years.
    #[error(
        "cron expression {expression:?} never fires: its dates do not exist, or the clocks skip its times; \
         change the day or the month (L is the last day of any month)"
    )]
    NeverFires {
        /// What was given.
        expression: String,
    },
    /// A policy's word is unknown.
    #[error("{kind} {given:?} is unknown; use {allowed}")]
    Policy {
        /// Which policy.
        kind: &'static str,
        /// What was given.
        given: String,
        /// The words it may be.
        allowed: String,
    },
    /// Two policies can't both be kept.
    #[error("overlap policy {overlap} contradicts missed-fire policy {missed}: {reason}")]
    Contradiction {
        /// The overlap policy's word.
        overlap: String,
        /// The missed-fire policy's word.
        missed: String,
        /// What would happen, and what to choose instead.
        reason: &'static str,
    },
}

impl ScheduleError {
    pub(super) fn cron(expression: &str, reason: String) -> Self {
        Self::Cron { expression: shown(expression), reason }
    }

    pub(super) fn never(expression: &str) -> Self {
        Self::NeverFires { expression: shown(expression) }
    }

    pub(super) fn word(kind: &'static str, given: &str, allowed: &str) -> Self {
        Self::Policy { kind, given: shown(given), allowed: allowed.to_owned() }
    }
}

/// Errors are logged and shown in a console; a pasted megabyte is not.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}
