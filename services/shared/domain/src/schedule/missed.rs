//! What happens with fires that fell due while nobody looked.

use std::fmt;
use std::str::FromStr;

use super::ScheduleError;

/// What happens with fires found late, within the window; older ones are missed for good.
///
/// Stored and typed as `skip`, `latest`, `all` (everything in the window) or `all:12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MissedPolicy {
    /// None fires; the schedule goes on with the next one.
    Skip,
    /// The latest due fire makes up for the older ones: if it is late it still fires, if it is
    /// on time the late ones are skipped. For work about a state: a refresh, a clean-up.
    Latest,
    /// Of the late fires the newest `max` fire, oldest first; fires on time do not count. For
    /// work each fire of which is owed: a monthly credit.
    All {
        /// Most late fires that fire. [`MissedPolicy::ALL_MAX`] or more means all in the window.
        max: u32,
    },
}

impl MissedPolicy {
    /// Every late fire in the window fires.
    pub const ALL: Self = Self::All { max: u32::MAX };

    /// From this number on `max` means all in the window, and is written `all`.
    pub const ALL_MAX: u32 = 10_000;
}

impl fmt::Display for MissedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skip => f.write_str("skip"),
            Self::Latest => f.write_str("latest"),
            Self::All { max } if *max >= Self::ALL_MAX => f.write_str("all"),
            Self::All { max } => write!(f, "all:{max}"),
        }
    }
}

impl FromStr for MissedPolicy {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "skip" => Ok(Self::Skip),
            "latest" => Ok(Self::Latest),
            "all" => Ok(Self::ALL),
            given => given
                .strip_prefix("all:")
                .filter(|max| max.bytes().all(|b| b.is_ascii_digit()) && !max.starts_with('0'))
                .and_then(|max| max.parse().ok())
                .filter(|max| (1..Self::ALL_MAX).contains(max))
                .map(|max| Self::All { max })
                .ok_or_else(|| {
                    let allowed =
                        format!("skip, latest, all, or all:N with N from 1 to {}", Self::ALL_MAX - 1);
                    ScheduleError::word("missed-fire policy", given, &allowed)
                }),
        }
    }
}
