//! What models cost, and what they are like: a table in configuration, since both change. In billionths of a US dollar for
//! a token, so that no price is a fraction: 5 US dollars for a million tokens are 5,000.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

use crate::answer::Usage;

/// The table as it was when this was built.
const BUILT_IN: &str = include_str!("../prices.json");

/// Models with their prices.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceTable {
    models: Vec<Model>,
}

/// A model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its id.
    pub id: String,
    /// Models of one family share the account's limits.
    pub family: String,
    /// Tokens that a conversation may have.
    pub window: u64,
    /// Tokens that an answer may have.
    pub max_output: u32,
    /// Tokens from which on the provider caches.
    #[serde(default)]
    pub cache_min: u64,
    /// Whether it is the script that stands in for a model.
    #[serde(default)]
    pub offline: bool,
    /// The day from which on it is not there any more, if the provider has said so.
    #[serde(default)]
    pub retires_on: Option<NaiveDate>,
    /// Its prices, the latest last.
    pub prices: Vec<Price>,
}

/// What a model costs from a day on, in billionths of a US dollar for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The first day.
    pub valid_from: NaiveDate,
    /// For what is read.
    pub input: u64,
    /// For what is written to the cache for five minutes.
    pub cache_write_5m: u64,
    /// For what is written to it for an hour.
    pub cache_write_1h: u64,
    /// For what is read from it.
    pub cache_read: u64,
    /// For what is written.
    pub output: u64,
}

/// Why a table can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// It is no table of prices.
    #[error("the table of prices can't be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// A model has no price, or its prices are not in order.
    #[error("model {0} of the table of prices needs prices, the latest last")]
    Prices(String),
    /// A model is there twice.
    #[error("model {0} is in the table of prices twice")]
    Twice(String),
}

impl PriceTable {
    /// The table that comes with this build.
    ///
    /// # Errors
    /// None: a test reads it.
    pub fn built_in() -> Result<Self, PriceError> {
        Self::read(BUILT_IN)
    }

    /// A table from JSON of the form of `prices.json`.
    ///
    /// # Errors
    /// [`PriceError`], naming what is wrong.
    pub fn read(json: &str) -> Result<Self, PriceError> {
        let table: Self = serde_json::from_str(json)?;
        let unordered = |model: &&Model| {
            model.prices.is_empty() || !model.prices.is_sorted_by_key(|price| price.valid_from)
        };
        if let Some(model) = table.models.iter().find(unordered) {
            return Err(PriceError::Prices(model.id.clone()));
        }
        let mut ids = BTreeSet::new();
        match table.models.iter().find(|model| !ids.insert(&model.id)) {
            Some(model) => Err(PriceError::Twice(model.id.clone())),
            None => Ok(table),
        }
    }

    /// A model by its id.
    #[must_use]
    pub fn model(&self, id: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.id == id)
    }

    /// What a model costs at an instant: before its first price, that one.
    #[must_use]
    pub fn price(&self, id: &str, at: DateTime<Utc>) -> Option<&Price> {
        let prices = &self.model(id)?.prices;
        prices.iter().rev().find(|price| price.valid_from <= at.date_naive()).or_else(|| prices.first())
    }
}

impl Price {
    /// What an answer costs.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> i64 {
        let hour = usage.cache_1h_input_tokens.min(usage.cache_creation_input_tokens);
        sum(&[
            (usage.input_tokens, self.input),
            (usage.cache_creation_input_tokens - hour, self.cache_write_5m),
            (hour, self.cache_write_1h),
            (usage.cache_read_input_tokens, self.cache_read),
            (usage.output_tokens, self.output),
        ])
    }

    /// The most that a request can cost: all of it read at the dearest rate that requests of ours have, and as much
    /// written as may be.
    #[must_use]
    pub fn dearest(&self, input_tokens: u64, max_tokens: u32) -> i64 {
        sum(&[(input_tokens, self.input.max(self.cache_write_5m)), (u64::from(max_tokens), self.output)])
    }
}

fn sum(parts: &[(u64, u64)]) -> i64 {
    let all =
        parts.iter().fold(0_u64, |all, (tokens, price)| all.saturating_add(tokens.saturating_mul(*price)));
    i64::try_from(all).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_models_of_the_design_and_their_successors_have_prices() {
        let table = PriceTable::built_in().unwrap();
        let at = DateTime::from_timestamp(1_795_910_400, 0).unwrap();
        for (id, input, output) in [
            ("claude-opus-4-5-20251101", 5_000, 25_000),
            ("claude-sonnet-4-5-20250929", 3_000, 15_000),
            ("claude-opus-5-5", 4_000, 20_000),
            ("claude-sonnet-5-5", 2_000, 10_000),
            ("offline-script-1", 0, 0),
        ] {
            let price = table.price(id, at).unwrap();
            assert_eq!((price.input, price.output), (input, output), "{id}");
        }
        assert!(table.price("claude-9", at).is_none());
        assert!(table.model("offline-script-1").unwrap().offline);
        let retires_on = |id| table.model(id).unwrap().retires_on.map(|day| day.to_string());
        assert_eq!(retires_on("claude-sonnet-4-5-20250929").as_deref(), Some("2026-11-30"));
        assert_eq!(retires_on("claude-sonnet-5-5"), None);
    }

    #[test]
    fn each_class_of_token_has_its_price() {
        let table = PriceTable::built_in().unwrap();
        let price = table.price("claude-opus-4-5-20251101", DateTime::UNIX_EPOCH).unwrap();
        let usage = Usage {
            input_tokens: 1_000_000,
            cache_creation_input_tokens: 2_000_000,
            cache_1h_input_tokens: 1_000_000,
            cache_read_input_tokens: 1_000_000,
            output_tokens: 1_000_000,
        };
        // 5.00 + 6.25 + 10.00 + 0.50 + 25.00 US dollars.
        assert_eq!(price.cost(&usage), 46_750_000_000);
    }

    #[test]
    fn a_later_price_counts_from_its_day() {
        let json = r#"{ "models": [{ "id": "m", "family": "f", "window": 1, "max_output": 1, "prices": [
            { "valid_from": "2026-01-01", "input": 1, "cache_write_5m": 1, "cache_write_1h": 1, "cache_read": 1, "output": 1 },
            { "valid_from": "2026-06-01", "input": 2, "cache_write_5m": 1, "cache_write_1h": 1, "cache_read": 1, "output": 1 }] }] }"#;
        let table = PriceTable::read(json).unwrap();
        let at = |text: &str| table.price("m", text.parse().unwrap()).unwrap().input;
        assert_eq!(at("2025-01-01T00:00:00Z"), 1);
        assert_eq!((at("2026-05-31T23:59:59Z"), at("2026-06-01T00:00:00Z")), (1, 2));
        assert!(PriceTable::read(&json.replace("2026-01", "2027-01")).is_err(), "out of order");
        assert!(PriceTable::read(&json.replace("\"input\"", "\"imput\"")).is_err());
        let model = json.split_once('[').unwrap().1.strip_suffix("] }").unwrap();
        let twice = format!("{{ \"models\": [{model}, {model}] }}");
        assert!(matches!(PriceTable::read(&twice), Err(PriceError::Twice(id)) if id == "m"));
    }

    proptest! {
        #[test]
        fn what_is_reserved_is_never_less_than_what_it_costs(
            input in 0_u64..400_000, write in 0_u64..400_000, read in 0_u64..400_000, output in 0_u32..128_000,
        ) {
            let table = PriceTable::built_in().unwrap();
            for model in ["claude-opus-4-5-20251101", "claude-sonnet-5-5"] {
                let price = table.price(model, DateTime::UNIX_EPOCH).unwrap();
                let usage = Usage {
                    input_tokens: input,
                    cache_creation_input_tokens: write,
                    cache_1h_input_tokens: 0,
                    cache_read_input_tokens: read,
                    output_tokens: u64::from(output),
                };
                prop_assert!(price.cost(&usage) <= price.dearest(input + write + read, output));
            }
        }
    }
}
