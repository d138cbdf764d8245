//! Replays: a run that repeats what another was about, for real or to see what would change.
//!
//! The key of a run makes what it does happen once, and some effects are kept under it. A replay is a run of its own, so
//! it has a key of its own, which names the one that it repeats: effects go by that.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// What a replay is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// What was missed is done.
    Replay,
    /// Nothing is done: what it would come to is shown.
    Preview,
}

impl Mode {
    /// The word in keys and pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Preview => "preview",
        }
    }

    /// What the run is for that a replay begins with; its key says so. `None` if it is no such run.
    #[must_use]
    pub fn of_run(key: &str) -> Option<Self> {
        key.split(':').next()?.parse().ok()
    }
}

/// A text that names no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is neither replay nor preview")]
pub struct UnknownMode;

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Replay, Self::Preview].into_iter().find(|mode| mode.as_str() == text).ok_or(UnknownMode)
    }
}

/// The key of a run that repeats another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayKey<'a> {
    /// What for.
    pub mode: Mode,
    /// Which replay.
    pub replay: Uuid,
    /// The key of the run that is repeated.
    pub of: &'a str,
}

impl fmt::Display for ReplayKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.mode.as_str(), self.replay.as_hyphenated(), self.of)
    }
}

impl<'a> ReplayKey<'a> {
    /// Reads a run's key; `None` if it repeats nothing.
    #[must_use]
    pub fn read(key: &'a str) -> Option<Self> {
        let mut parts = key.splitn(3, ':');
        let mode = parts.next()?.parse().ok()?;
        let id = parts.next()?;
        let replay = Uuid::try_parse(id).ok().filter(|uuid| uuid.as_hyphenated().to_string() == id)?;
        Some(Self { mode, replay, of: parts.next()? })
    }
}

/// The key by which a run's effects are kept: its own, or that of the run which it repeats.
#[must_use]
pub fn effect_key(key: &str) -> &str {
    let mut key = key;
    while let Some(replay) = ReplayKey::read(key) {
        key = replay.of;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_only_looks_like_one_is_none() {
        for key in ["", "event:till:1", "replay", "replay:", "replay:1:x", "preview:x:y:z"] {
            assert_eq!(ReplayKey::read(key), None, "{key}");
            assert_eq!(effect_key(key), key);
        }
    }

    proptest! {
        #[test]
        fn a_key_says_what_it_repeats(of in ".{0,40}", id: u128, preview: bool) {
            let mode = if preview { Mode::Preview } else { Mode::Replay };
            let key = ReplayKey { mode, replay: Uuid::from_u128(id), of: &of }.to_string();
            prop_assert_eq!(ReplayKey::read(&key), Some(ReplayKey { mode, replay: Uuid::from_u128(id), of: &of }));
            // Of a replay of a replay it is the first one's.
            prop_assert_eq!(effect_key(&key), effect_key(&of));
        }
    }
}
