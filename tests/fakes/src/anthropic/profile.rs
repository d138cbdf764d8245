//! The models that are served, and what each refuses (reference 1.11).

use serde::{Deserialize, Serialize};

/// What is shared by the limits of a kind of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Large ones.
    Opus,
    /// Middle-sized ones.
    Sonnet,
    /// What a brain has of its own.
    Other,
}

/// A model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its id.
    pub id: String,
    /// Other ids that it answers to.
    pub aliases: &'static [&'static str],
    /// For people.
    pub display_name: String,
    /// Whose limits it shares.
    pub family: Family,
    /// So many tokens fit in, answer included.
    pub window: u64,
    /// So many tokens an answer has at most.
    pub max_output: u64,
    /// So many tokens a prefix must have to be cached.
    pub cache_min: u64,
    /// Whether `output_config.effort` is known to it.
    pub takes_effort: bool,
    /// It always thinks, and refuses forced tools, thinking turned off or with a budget, sampling and prefills.
    pub is_modern: bool,
}

/// The models that are served unless a brain brings more.
#[must_use]
pub fn profiles() -> Vec<Profile> {
    let old = |id: &str, aliases, display_name: &str, family, cache_min, takes_effort| Profile {
        id: id.to_owned(),
        aliases,
        display_name: display_name.to_owned(),
        family,
        window: 200_000,
        max_output: 64_000,
        cache_min,
        takes_effort,
        is_modern: false,
    };
    let modern = |id: &str, display_name: &str, family, cache_min| Profile {
        id: id.to_owned(),
        aliases: &[],
        display_name: display_name.to_owned(),
        family,
        window: 1_000_000,
        max_output: 128_000,
        cache_min,
        takes_effort: true,
        is_modern: true,
    };
    vec![
        old("claude-opus-4-5-20251101", &["claude-opus-4-5"], "Claude Opus 4.5", Family::Opus, 4096, true),
        old(
            "claude-sonnet-4-5-20250929",
            &["claude-sonnet-4-5"],
            "Claude Sonnet 4.5",
            Family::Sonnet,
            1024,
            false,
        ),
        modern("claude-opus-5-5", "Claude Opus 5.5", Family::Opus, 512),
        modern("claude-sonnet-5-5", "Claude Sonnet 5.5", Family::Sonnet, 1024),
    ]
}

impl Profile {
    /// A model that a brain has of its own. It refuses nothing that some model takes.
    #[must_use]
    pub fn of_a_brain(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            aliases: &[],
            display_name: id.to_owned(),
            family: Family::Other,
            window: 200_000,
            max_output: 64_000,
            cache_min: 1024,
            takes_effort: true,
            is_modern: false,
        }
    }

    /// Whether it goes by this id.
    #[must_use]
    pub fn is_called(&self, id: &str) -> bool {
        self.id == id || self.aliases.contains(&id)
    }
}
