//! Facts: figures that a tool answered, with the id by which a plan cites them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tradeup_domain::figure::Figure;

/// A figure with where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What a plan cites it by, like `F12`; unique in a run.
    pub id: String,
    /// The figure.
    #[serde(flatten)]
    pub figure: Figure,
    /// The instant that it was counted for.
    pub as_of: DateTime<Utc>,
    /// The tool that answered it.
    pub tool: String,
    /// The agent that asked.
    pub agent: String,
    /// The `tool_use_id` of the call.
    pub call: String,
}

/// Why a fact can't be among the facts of a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFact {
    /// The id is not of the form that the host mints.
    #[error("{id:?} is no id of a fact: write F and a number from 1 without leading zeros")]
    Id {
        /// What was given, cut to 20 characters.
        id: String,
    },
    /// Two facts have one id.
    #[error("fact {id} is there twice")]
    Twice {
        /// The id.
        id: String,
    },
}

/// The facts of a run, in the order in which they were minted. As JSON, a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<Fact>", try_from = "Vec<Fact>")]
pub struct Facts(BTreeMap<u32, Fact>);

impl Facts {
    /// Adds one.
    ///
    /// # Errors
    /// [`InvalidFact`] when its id is none or is there already.
    pub fn insert(&mut self, fact: Fact) -> Result<(), InvalidFact> {
        let number = number('F', &fact.id)
            .ok_or_else(|| InvalidFact::Id { id: fact.id.chars().take(20).collect() })?;
        if self.0.contains_key(&number) {
            return Err(InvalidFact::Twice { id: fact.id });
        }
        self.0.insert(number, fact);
        Ok(())
    }

    /// The fact with an id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Fact> {
        self.0.get(&number('F', id)?)
    }

    /// All, in order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Fact> {
        self.0.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Vec<Fact>> for Facts {
    type Error = InvalidFact;

    fn try_from(list: Vec<Fact>) -> Result<Self, InvalidFact> {
        let mut facts = Self::default();
        for fact in list {
            facts.insert(fact)?;
        }
        Ok(facts)
    }
}

impl From<Facts> for Vec<Fact> {
    fn from(facts: Facts) -> Self {
        facts.0.into_values().collect()
    }
}

/// The number of an id like `F12` or `C3`: from 1, at most nine digits, without leading zeros.
pub(crate) fn number(letter: char, id: &str) -> Option<u32> {
    let digits = id.strip_prefix(letter)?;
    let canonical = (1..=9).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    canonical.then(|| digits.parse().ok()).flatten()
}
